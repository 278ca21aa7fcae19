"""Two models say the same: two clips, and figures of both that were measured, by method."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from locutor.audio import io
from locutor.audio.level import peak
from locutor.audio.mel import SAMPLE_RATE, mel_spectrogram
from locutor.audio.resample import resample
from locutor.engines.device import choose_device, set_threads
from locutor.engines.registry import default_registry
from locutor.evaluation.evaluate import Listeners
from locutor.evaluation.intelligibility import score
from locutor.evaluation.naturalness import WORST, rate
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import run_voice
from locutor.serving.speak import LocalSpeech
from locutor.settings import Settings
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

SILENT = 0.001
N_CEPSTRA = 20
METHODS = {
    "wer": "word error rate, Whisper base",
    "cer": "character error rate, Whisper base",
    "sim": "cosine of Resemblyzer's embeddings to the voice that was cloned",
    "mos": "predicted mean opinion score, DistillMOS",
    "mfcc": "cosine of the mean cepstra (coefficients 1 to 20) to the voice that was cloned",
}


@dataclass(frozen=True)
class Spoken:
    """A clip and its figures, by the names of METHODS; those whose listener is not installed are left out."""

    model: str
    checkpoint_sha256: str
    waveform: Waveform
    figures: dict[str, float]


def speak_both(
    settings: Settings, catalog: RunCatalog, models: Sequence[str], text: str, listeners: Listeners, seed: int
) -> list[Spoken]:
    """Each model (RUN/NAME or RUN/base) says the text in the voice of its run."""
    set_threads(settings.threads)
    device, registry = choose_device(settings.devices[0]).name, default_registry()
    made = []
    for model in models:
        folder = catalog.get(model.partition("/")[0])
        voice, language = run_voice(folder), folder.config().language
        checkpoint = catalog.open(model)
        speech = LocalSpeech(engine=registry.load(checkpoint, device), checkpoint=checkpoint, device=device)
        try:
            request = SpeechRequest(text=text, language=language, options=SynthesisOptions(seed=seed))
            waveform = speech.speak(request, voice).waveform
        finally:
            speech.close()
        figures = measure(waveform, text, language, listeners, io.read(voice.recording))
        made.append(Spoken(model, checkpoint.sha256, waveform, figures))
    return made


def measure(waveform: Waveform, text: str, language: str, listeners: Listeners, target: Waveform) -> dict[str, float]:
    """Figures of one clip; silence counts as all wrong."""
    if peak(waveform) < SILENT:
        worst = {"wer": 1.0, "cer": 1.0, "sim": 0.0, "mos": WORST}
        return {k: v for k, v in worst.items() if _has(listeners, k)}
    figures: dict[str, float] = {}
    if listeners.transcriber is not None:
        heard = score(text, listeners.transcriber.transcribe(waveform, language), language)
        figures |= {"wer": heard.wer, "cer": heard.cer}
    if listeners.encoder is not None:
        figures["sim"] = float(listeners.encoder.embed(waveform) @ listeners.encoder.embed(target))
    if listeners.mos is not None:
        figures["mos"] = rate(waveform, listeners.mos)
    return figures


def _has(listeners: Listeners, figure: str) -> bool:
    return {"sim": listeners.encoder, "mos": listeners.mos}.get(figure, listeners.transcriber) is not None


def cepstral_similarity(a: Waveform, b: Waveform) -> float:
    """Cosine of the mean mel cepstra of two clips, their first coefficient (the level) left out; -1 to 1."""
    x, y = _mean_cepstrum(a), _mean_cepstrum(b)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def _mean_cepstrum(waveform: Waveform) -> npt.NDArray[np.float64]:
    mel = mel_spectrogram(torch.from_numpy(resample(waveform, SAMPLE_RATE).samples)[None])[0].double().numpy()
    n = mel.shape[0]  # (c, f)
    k = np.arange(1, N_CEPSTRA + 1)[:, None]
    return np.asarray(np.cos(np.pi * k * (np.arange(n) + 0.5) / n) @ mel.mean(1))
