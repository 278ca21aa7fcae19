from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.asr import Transcript, WhisperTranscriber
from locutor.analysis.mos import DistillMos
from locutor.analysis.speaker import LstmSpeakerEncoder
from locutor.audio.io import read, write
from locutor.errors import AudioError, EngineError, OptionError
from locutor.evaluation.evaluate import Listeners, evaluate, items_of, speak_files
from locutor.evaluation.report import Item, Result
from locutor.types import Waveform

pytest.importorskip("jiwer")
CLIPS = Path(__file__).parent.parent / "analysis" / "clips"
TEXT = "The bakery on the corner opens early."


class Scribe:
    """Writes down what it is told, whatever it hears."""

    def __init__(self, text: str) -> None:
        self.text = text

    def transcribe(self, waveform: Waveform, language: str | None = None) -> Transcript:
        return Transcript(self.text, language or "", (), is_loop=False)


class Ear:
    """Mean and spread stand for the voice."""

    def embed(self, waveform: Waveform) -> np.ndarray:
        return np.array([waveform.samples.mean(), waveform.samples.std()], np.float32)


def one_of(level: float) -> Waveform:
    return Waveform(np.full(24_000, level), 24_000)


def broken(item: Item) -> Waveform:
    if item.name == "missing":
        return speak_files(Path("nowhere"))(item)
    if item.name == "empty":
        return Waveform(np.zeros(0), 24_000)
    if item.name == "silent":
        return one_of(0.0)
    if item.name == "nan":
        return one_of(np.nan)
    if item.name == "engine":
        raise EngineError("out of memory")
    return one_of(0.5)


def test_broken_audio_counts_as_all_wrong() -> None:
    names = ("missing", "empty", "silent", "nan", "engine", "fine")
    items = [Item(name, TEXT, "en", "a") for name in names]
    seen: list[Result] = []
    report = evaluate(
        broken,
        items,
        Listeners(Scribe(TEXT), Ear()),
        references={"a": one_of(0.5), "b": Waveform(np.array([1.0, -1.0]), 24_000)},
        on_result=seen.append,
    )
    assert tuple(seen) == report.results
    assert [r.intelligibility.wer for r in report.results] == [1, 1, 1, 1, 1, 0]
    assert [r.similarity.own for r in report.results if r.similarity] == [0, 0, 0, 0, 0, pytest.approx(1)]
    assert all(r.error for r in report.results[:5]) and report.results[5].error is None
    summary = report.summary()
    assert summary["wer"].value == pytest.approx(5 / 6) and summary["identified"].value == pytest.approx(1 / 6)


def test_a_bug_is_not_swallowed() -> None:
    def bug(item: Item) -> Waveform:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        evaluate(bug, [Item("a", TEXT, "en")], Listeners(Scribe(TEXT)))


def test_what_was_asked_wrongly_is_no_bad_speech() -> None:
    def refuse(item: Item) -> Waveform:
        raise OptionError("this model has no option nfe_step")

    with pytest.raises(OptionError, match="no option nfe_step"):
        evaluate(refuse, [Item("a", TEXT, "en")], Listeners(Scribe(TEXT)))


def test_nothing_to_evaluate() -> None:
    with pytest.raises(AudioError, match="list of items is empty"):
        evaluate(broken, [], Listeners(Scribe(TEXT)))


def test_audio_is_kept_and_can_be_evaluated_again(tmp_path: Path) -> None:
    items = items_of("en")[:2]
    first = evaluate(lambda item: one_of(0.5), items, Listeners(Scribe(TEXT)), save_dir=tmp_path)
    again = evaluate(speak_files(tmp_path), items, Listeners(Scribe(TEXT)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["en-01.wav", "en-02.wav"]
    assert [r.intelligibility for r in first.results] == [r.intelligibility for r in again.results]


@pytest.mark.slow
@pytest.mark.skipif(
    not all(find_spec(name) for name in ("faster_whisper", "resemblyzer", "distillmos")),
    reason="the models that listen are not installed",
)
def test_real_listeners_on_real_speech(tmp_path: Path) -> None:
    texts = {"en_a2": "My brother walked home in the rain.", "en_b1": "The children were asleep before the film."}
    for name in texts:
        write(tmp_path / f"{name}.wav", read(CLIPS / f"{name}.opus"))
    items = [Item(name, text, "en", voice=name[3]) for name, text in texts.items()]
    references = {"a": read(CLIPS / "en_a1.opus"), "b": read(CLIPS / "en_b1.opus")}
    listeners = Listeners(WhisperTranscriber(n_threads=1), LstmSpeakerEncoder(), DistillMos())
    summary = evaluate(speak_files(tmp_path), items, listeners, references=references).summary()
    assert summary["cer"].value == 0 and summary["identified"].value == 1
    assert 2 < summary["mos"].value < 5
