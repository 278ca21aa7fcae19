"""What saved models sound like, measured: the texts of held-out recordings, spoken and listened to."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from locutor.audio import io
from locutor.audio.edit import join
from locutor.audio.resample import resample
from locutor.engines.registry import EngineRegistry
from locutor.evaluation.evaluate import Listeners, evaluate
from locutor.evaluation.report import Item, Report, Result
from locutor.runs.catalog import RunCatalog
from locutor.serving.speak import LocalSpeech
from locutor.text.comparable import comparable
from locutor.training.dataset import Dataset, Recording, read_dataset
from locutor.training.run_folder import RunFolder
from locutor.types import SpeechRequest, SynthesisOptions, Waveform
from locutor.voices.store import Voice

TARGET = "target"
JUDGED_S = 120.0  # seconds of held-out recordings whose mean voice is the target
_RATE = 24_000

Speak: TypeAlias = Callable[[SpeechRequest, Voice], Waveform]
Speaker: TypeAlias = Callable[[str], AbstractContextManager[Speak]]


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Fixed prompts for all models of a run: its voice speaks the texts of its held-out clips.

    speaker: opens a model, RUN/NAME or RUN/base. others: recordings of other people; with them the margin is measured.
    n_texts: prompts at most. seed: of them all.
    """

    folder: RunFolder
    speaker: Speaker
    listeners: Listeners
    others: Sequence[Voice] = ()
    n_texts: int = 12
    seed: int = 0

    def judge(
        self, model_id: str, on_result: Callable[[Result], None] | None = None, items: Sequence[Item] | None = None
    ) -> Report:
        """WER, CER, similarity to the target, margin, predicted MOS of one model, as far as listeners are there.

        items: other texts than those of the held-out clips, to be in the voice TARGET.
        """
        voice, options = run_voice(self.folder), SynthesisOptions(seed=self.seed)
        references = {TARGET: self._target()} | {other.id: io.read(other.recording) for other in self.others}
        with self.speaker(model_id) as speak:

            def say(item: Item) -> Waveform:
                return speak(SpeechRequest(text=item.text, language=item.language, options=options), voice)

            return evaluate(
                say,
                self.items() if items is None else items,
                self.listeners,
                references=references if self.listeners.encoder else {},
                on_result=on_result,
            )

    def items(self) -> list[Item]:
        """The texts, spread over the held-out clips; those without a word are left out."""
        language = self.folder.config().language
        found = [recording for recording in self._held_out() if comparable(recording.text, language)]
        chosen = found[:: max(1, len(found) // self.n_texts)][: self.n_texts]
        return [Item(f"held-out-{i:02d}", r.text, language, TARGET) for i, r in enumerate(chosen)]

    def _held_out(self) -> Sequence[Recording]:
        config = self.folder.config()
        dataset: Dataset = read_dataset(config.dataset, config.language)
        return dataset.held_out or dataset.train

    def _target(self) -> Waveform:
        """Held-out recordings of the speaker, one after the other."""
        pieces: list[Waveform] = []
        for recording in self._held_out():
            if sum(piece.duration_s for piece in pieces) < JUDGED_S:
                pieces.append(resample(io.read(recording.path), _RATE))
        return join(pieces)


def local_speaker(catalog: RunCatalog, registry: EngineRegistry, device: str) -> Speaker:
    """Models are loaded into this process, one at a time."""

    @contextmanager
    def opened(model_id: str) -> Iterator[Speak]:
        checkpoint = catalog.open(model_id)
        speech = LocalSpeech(engine=registry.load(checkpoint, device), checkpoint=checkpoint, device=device)
        try:
            yield lambda request, voice: speech.speak(request, voice).waveform
        finally:
            speech.close()

    return opened


def run_voice(folder: RunFolder) -> Voice:
    """The recording that a run's samples clone. Raises NotFoundError before there is one."""
    facts = json.loads((folder.path / "voice.json").read_text(encoding="utf-8")) if folder.voice.is_file() else {}
    return Voice.from_file(folder.voice, facts.get("ref_text"))


def figures(report: Report) -> dict[str, float]:
    """The summary without its intervals."""
    return {name: interval.value for name, interval in report.summary().items()}
