"""What saved models sound like, measured: the texts of held-out recordings, spoken and listened to."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locutor.audio import io
from locutor.audio.edit import join
from locutor.audio.files import replacing
from locutor.audio.resample import resample
from locutor.engines.checkpoints import Checkpoint
from locutor.engines.registry import EngineRegistry
from locutor.errors import OptionError
from locutor.evaluation.evaluate import Listeners, evaluate
from locutor.evaluation.report import Item, Report, Result
from locutor.serving.speak import LocalSpeech
from locutor.training.dataset import Recording, read_dataset
from locutor.training.run_folder import RunFolder
from locutor.types import SpeechRequest, SynthesisOptions, Waveform
from locutor.voices.store import Voice

TARGET = "target"
REPORT_NAME = "evaluation.json"
JUDGED_S = 120.0  # seconds of held-out recordings whose mean voice is the target
_RATE = 24_000


@dataclass(frozen=True)
class Judge:
    """Fixed prompts for all models of a run: its voice speaks the texts of its held-out clips.

    others: recordings of other people; with them the margin is measured. n_texts: prompts at most. seed: of them all.
    """

    folder: RunFolder
    registry: EngineRegistry
    listeners: Listeners
    device: str
    others: Sequence[Voice] = ()
    n_texts: int = 12
    seed: int = 0

    def judge(self, checkpoint: Checkpoint, on_result: Callable[[Result], None] | None = None) -> Report:
        """WER, CER, similarity to the target speaker, margin, predicted MOS of one model."""
        speech = LocalSpeech(
            engine=self.registry.load(checkpoint, self.device), checkpoint=checkpoint, device=self.device
        )
        voice = run_voice(self.folder)
        options = SynthesisOptions(seed=self.seed)

        def speak(item: Item) -> Waveform:
            request = SpeechRequest(text=item.text, language=item.language, options=options)
            return speech.speak(request, voice).waveform

        others = {other.id: io.read(other.ref_audio) for other in self.others}
        try:
            return examine(self.folder, speak, self.listeners, others, n_texts=self.n_texts, on_result=on_result)
        finally:
            speech.close()


def examine(
    folder: RunFolder,
    speak: Callable[[Item], Waveform],
    listeners: Listeners,
    others: Mapping[str, Waveform] | None = None,
    *,
    n_texts: int = 12,
    on_result: Callable[[Result], None] | None = None,
) -> Report:
    """What is measured of speech for the texts of a run's held-out clips, against the speaker of those clips."""
    config = folder.config()
    dataset = read_dataset(config.dataset, config.language)
    recordings = dataset.held_out or dataset.train
    prompts = recordings[:: max(1, len(recordings) // n_texts)][:n_texts]
    items = [Item(f"held-out-{i:02d}", r.text, config.language, TARGET) for i, r in enumerate(prompts)]
    references = {TARGET: _target(recordings)} | dict(others or {}) if listeners.encoder else {}
    return evaluate(speak, items, listeners, references=references, on_result=on_result)


def _target(recordings: Sequence[Recording]) -> Waveform:
    """Recordings of the speaker, one after the other."""
    pieces: list[Waveform] = []
    for recording in recordings:
        if sum(piece.duration_s for piece in pieces) < JUDGED_S:
            pieces.append(resample(io.read(recording.path), _RATE))
    return join(pieces)


def run_voice(folder: RunFolder) -> Voice:
    """The recording that a run's samples clone. Raises NotFoundError before there is one."""
    facts = json.loads((folder.path / "voice.json").read_text(encoding="utf-8")) if folder.voice.is_file() else {}
    return Voice.from_file(folder.voice, facts.get("ref_text"))


def figures(report: Report) -> dict[str, float]:
    """The summary without its intervals."""
    return {name: interval.value for name, interval in report.summary().items()}


def keep(model: Path, values: dict[str, float]) -> None:
    """Store a model's figures beside it."""
    with replacing(model / REPORT_NAME) as file:
        file.write(json.dumps(values, indent=1).encode())


def kept(model: Path) -> dict[str, float] | None:
    """The figures of an earlier judgement."""
    path = model / REPORT_NAME
    found: dict[str, float] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found


def best_of(judged: dict[str, dict[str, float]]) -> tuple[str, str]:
    """Which model to take, and why: of those whose word errors are within 2 points of the lowest, the most similar.

    Without similarities: the lowest word error rate. Raises OptionError when nothing was judged.
    """
    if not judged:
        raise OptionError("no model was evaluated yet")
    lowest = min(values["wer"] for values in judged.values())
    intelligible = {name: values for name, values in judged.items() if values["wer"] <= lowest + 0.02}
    if all("sim" in values for values in intelligible.values()):
        name = max(intelligible, key=lambda n: intelligible[n]["sim"])
        return name, (
            f"the most similar to the speaker ({intelligible[name]['sim']:.3f}) of the {len(intelligible)} whose word "
            f"error rate is within 2 points of the lowest ({lowest:.1%})"
        )
    name = min(intelligible, key=lambda n: intelligible[n]["wer"])
    return name, f"the lowest word error rate ({lowest:.1%})"


def compared(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float]:
    """How much b is above a in each figure that both have."""
    return {name: b[name] - a[name] for name in a if name in b}
