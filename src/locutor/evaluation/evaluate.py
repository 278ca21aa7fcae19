"""Let a synthesizer speak a list of texts, listen, and report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from locutor.analysis.asr import Transcriber
from locutor.analysis.mos import MosPredictor
from locutor.analysis.speaker import Embedding, SpeakerEncoder
from locutor.audio.io import read, write
from locutor.audio.level import peak
from locutor.errors import AudioError, LocutorError, OptionError
from locutor.evaluation import naturalness
from locutor.evaluation.intelligibility import Intelligibility, all_wrong, score
from locutor.evaluation.lists import texts_of
from locutor.evaluation.report import Item, Report, Result
from locutor.evaluation.similarity import compare, unlike
from locutor.evaluation.speed import Timing, timed
from locutor.types import Waveform

Speak = Callable[[Item], Waveform]
_SILENT = 0.001  # peak, -60 dBFS: a recogniser makes up words for silence


@dataclass(frozen=True)
class Listeners:
    """The models that listen. Without a transcriber there are no error rates, without an encoder no similarity, without
    a predictor no MOS."""

    transcriber: Transcriber | None = None
    encoder: SpeakerEncoder | None = None
    mos: MosPredictor | None = None


@dataclass(frozen=True)
class _Panel:
    listeners: Listeners
    references: Mapping[str, Embedding] = field(default_factory=dict)


def items_of(language: str, voices: Sequence[str] = ("default",)) -> list[Item]:
    """The fixed test texts of a language, spoken in the given voices in turn."""
    texts = enumerate(texts_of(language))
    return [Item(entry.name, entry.text, language, voices[i % len(voices)]) for i, entry in texts]


def speak_files(folder: Path) -> Speak:
    """A synthesizer that reads what another made, folder/NAME.wav of each item; its real-time factor means nothing."""
    return lambda item: read(folder / f"{item.name}.wav")


def evaluate(
    speak: Speak,
    items: Iterable[Item],
    listeners: Listeners,
    *,
    references: Mapping[str, Waveform] | None = None,
    save_dir: Path | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> Report:
    """Speak and measure every item, one after the other.

    references: audio of each voice, for the similarity. save_dir: an existing folder that keeps NAME.wav of each item.
    on_result: called after each item, for progress. A LocutorError from `speak`, silence or no audio count as all
    wrong and the run goes on; an OptionError, which tells of how it was asked, ends it, as does any other exception,
    which is a bug.
    """
    panel = _Panel(listeners, _embed(listeners.encoder, references or {}))
    results = []
    for item in items:
        result = _evaluate_item(speak, item, panel, save_dir)
        results.append(result)
        if on_result is not None:
            on_result(result)
    if not results:
        raise AudioError("there is nothing to evaluate: the list of items is empty")
    return Report(tuple(results))


def _embed(encoder: SpeakerEncoder | None, references: Mapping[str, Waveform]) -> dict[str, Embedding]:
    return {} if encoder is None else {voice: encoder.embed(audio) for voice, audio in references.items()}


def _evaluate_item(speak: Speak, item: Item, panel: _Panel, save_dir: Path | None) -> Result:
    try:
        waveform, timing = timed(lambda: speak(item))
        if peak(waveform) < _SILENT:
            raise AudioError("the synthesizer returned silence")
    except OptionError:
        raise
    except LocutorError as error:
        return _failed(item, panel, str(error))
    if save_dir is not None:
        write(save_dir / f"{item.name}.wav", waveform)
    return _listen(item, waveform, timing, panel)


def _listen(item: Item, waveform: Waveform, timing: Timing, panel: _Panel) -> Result:
    listeners = panel.listeners
    sim = None
    if listeners.encoder is not None and panel.references:
        sim = compare(listeners.encoder.embed(waveform), item.voice, panel.references)
    return Result(
        item,
        _heard(item, waveform, listeners.transcriber),
        similarity=sim,
        mos=None if listeners.mos is None else naturalness.rate(waveform, listeners.mos),
        timing=timing,
    )


def _heard(item: Item, waveform: Waveform, transcriber: Transcriber | None) -> Intelligibility | None:
    if transcriber is None:
        return None
    return score(item.text, transcriber.transcribe(waveform, item.language), item.language)


def _failed(item: Item, panel: _Panel, reason: str) -> Result:
    return Result(
        item,
        all_wrong(item.text, item.language) if panel.listeners.transcriber else None,
        similarity=unlike(panel.references) if panel.references else None,
        mos=None if panel.listeners.mos is None else naturalness.WORST,
        error=reason,
    )
