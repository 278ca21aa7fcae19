"""Every model of a run is measured once, by real listeners where the words matter, and never in the way of a stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.asr import Transcript
from locutor.audio import io
from locutor.errors import CancelledError
from locutor.evaluation.evaluate import Listeners
from locutor.runs.appraise import Appraiser
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import Speak
from locutor.types import Waveform

from .test_catalog import SaveRun

TEXTS = ("Good morning.", "Three, four.", "...", "Open the door.")


class Scribe:
    """Hears "good morning" in everything."""

    def transcribe(self, waveform: Waveform, language: str | None = None) -> Transcript:
        return Transcript("good morning", "en", (), is_loop=False)


@contextmanager
def hum(model_id: str) -> Iterator[Speak]:
    """A model that hums whatever it is to say."""
    yield lambda request, voice: Waveform(np.sin(np.arange(12_000) / 9).astype(np.float32), 24_000)


@pytest.fixture
def appraiser(catalog: RunCatalog, save_run: SaveRun, tmp_path: Path) -> Appraiser:
    """A run of two epochs whose dataset is four held-out clips."""
    save_run("alice", epochs=2)
    (tmp_path / "wavs").mkdir()
    tone = Waveform(np.sin(np.arange(24_000) / 7).astype(np.float32), 24_000)
    rows = []
    for i, text in enumerate(TEXTS):
        io.write(tmp_path / f"wavs/{i}.wav", tone, "wav")
        rows.append(f"wavs/{i}.wav|{text}\n")
    for name in ("metadata_train.csv", "metadata_val.csv"):
        (tmp_path / name).write_text("".join(rows))
    io.write(catalog.get("alice").voice, tone, "wav")
    (catalog.get("alice").path / "voice.json").write_text('{"ref_text": "hm"}')
    return Appraiser(catalog=catalog, run="alice", speaker=hum, listen=lambda: Listeners(Scribe()), n_texts=3)


def test_each_model_is_measured_once_on_texts_that_have_words(appraiser: Appraiser) -> None:
    assert appraiser.verdict() is None
    assert appraiser.pending() == ["base", "checkpoint_epoch_1", "checkpoint_epoch_2"]
    seen: list[tuple[int, int]] = []
    for name in appraiser.pending():
        figures = appraiser.appraise(name, lambda done, total: seen.append((done, total)))
        assert figures["wer"] == pytest.approx((0 + 2 + 3) / 7) and "sim" not in figures
    assert seen == [(1, 3), (2, 3), (3, 3)] * 3 and appraiser.pending() == []
    assert appraiser.figures("base")["wer"] == appraiser.figures("checkpoint_epoch_2")["wer"]
    found = appraiser.verdict()
    assert found is not None and found.name.startswith("checkpoint_epoch")
    assert appraiser.settle() == found and appraiser.catalog.model("alice/model_best").name == found.name


def test_other_conditions_are_another_measurement(appraiser: Appraiser) -> None:
    for name in appraiser.pending():
        appraiser.appraise(name)
    fewer = Appraiser(
        catalog=appraiser.catalog, run="alice", speaker=hum, listen=lambda: Listeners(Scribe()), n_texts=1
    )
    assert fewer.pending() == appraiser.names()


def test_a_measurement_that_is_ended_leaves_nothing(appraiser: Appraiser) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        appraiser.appraise("checkpoint_epoch_1", stop)
    assert "checkpoint_epoch_1" in appraiser.pending() and appraiser.figures("checkpoint_epoch_1") == {}
