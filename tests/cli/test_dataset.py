"""The commands, on recordings that cannot be transcribed here; speech goes through them in the tests of the docs."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from locutor import datasets
from locutor.audio import io
from locutor.audio.edit import pad
from locutor.types import Waveform

Run = Callable[..., Any]
needs_asr = pytest.mark.skipif(find_spec("silero_vad") is None, reason="the extra asr is not installed")
CLIP = Path(__file__).parents[1] / "analysis" / "clips" / "en_a1.opus"


@pytest.fixture
def folder(home: Path) -> Path:
    """A recording with its text, and one that is none."""
    made = home / "My Voice"
    made.mkdir()
    io.write(made / "a.wav", pad(io.read(CLIP), 0.3, 0.3))
    (made / "a.lab").write_text("The bakery on the corner opens early.")
    (made / "b.wav").write_bytes(b"no sound")
    return made


@needs_asr
def test_import_segment_and_stats(run: Run, folder: Path, home: Path) -> None:
    done = run("dataset", "import", "voice", folder)
    assert done.exit_code == 0 and "1 recordings in dataset voice, 1 failed" in done.stderr
    assert "b.wav" in done.stderr and (home / "data" / "datasets" / "voice" / "raw").is_dir()
    done = run("dataset", "segment", "voice", "--no-compare-voices")
    assert done.exit_code == 0 and "1 clips, 0.0 minutes" in done.stderr
    done = run("dataset", "stats")
    assert done.exit_code == 0 and "voice" in done.stdout and "0 %" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(find_spec("faster_whisper") is None, reason="the extra asr is not installed")
def test_make_edit_validate_build(run: Run, folder: Path, home: Path) -> None:
    done = run("dataset", "make", folder, "--no-compare-voices")
    assert done.exit_code == 0, done.output
    made = home / "data" / "datasets" / "My_Voice"
    [line] = (made / "metadata.csv").read_text().splitlines()
    assert line.endswith("|The bakery on the corner opens early.") and "b.wav" not in line
    assert "1 clips kept" in done.stderr and "1 by file" in done.stderr and "b-" in done.stdout
    clip = Path(line.partition("|")[0]).stem
    assert run("dataset", "edit", "My_Voice", clip, "--text", "The bakery opens at 5.").exit_code == 0
    for step in ("transcribe", "filter", "validate"):
        assert run("dataset", step, "My_Voice").exit_code == 0 or step == "validate"
    assert run("dataset", "build", "My_Voice", "--sample-rate", "16000", "--keep-level").exit_code == 0
    assert (made / "metadata.csv").read_text().endswith("|The bakery opens at five.\n")
    assert io.read(made / "wavs" / f"{clip}.wav").sample_rate == 16_000
    assert run("dataset", "validate", "My_Voice").exit_code == 0


def test_transcribe_takes_the_lengths_of_the_filter(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datasets.Limits] = []
    monkeypatch.setattr(datasets, "load_listeners", lambda **options: SimpleNamespace(transcriber=None))
    monkeypatch.setattr(datasets, "transcribe", lambda dataset, ears, limits, watch: asked.append(limits) or [])
    datasets.DatasetStore(home / "data" / "datasets").create("voice", "en")
    lengths = ("--min-duration-s", "0.5", "--max-duration-s", "30")
    assert run("dataset", "transcribe", "voice", *lengths, "--min-snr-db", "5").exit_code == 0
    assert asked == [datasets.Limits(min_duration_s=0.5, max_duration_s=30, min_snr_db=5)]


@pytest.mark.parametrize("words", [("make", "nope", "--name", "ana"), ("import", "ana", "nope")])
def test_a_misspelt_folder_leaves_no_dataset(run: Run, refused: Callable[..., str], words: tuple[str, ...]) -> None:
    assert "there is no file or folder nope" in refused(run("dataset", *words), 1)
    assert "ana" not in run("dataset", "stats").stdout


def test_wrong_use(run: Run, refused: Callable[..., str], home: Path) -> None:
    assert "no dataset is called 'nobody'" in refused(run("dataset", "build", "nobody"), 1)
    assert "named by up to 64" in refused(run("dataset", "build", "../x"), 2)
    assert "folder, list or file to import" in refused(run("dataset", "import", "x"), 2)
    assert "not allowed" in refused(run("dataset", "import", "x", "--url", "http://10.0.0.1/a.wav"), 2)
    assert "--text, --keep or --drop" in refused(run("dataset", "edit", "x", "clip"), 2)
    assert "max_s" in refused(run("dataset", "make", home, "--max-s", "99"), 2)
    assert "no recordings" in refused(run("dataset", "import", "x", _empty(home)), 1)


def _empty(home: Path) -> Path:
    (home / "empty").mkdir()
    io.write(home / "empty" / "x.raw.wav", Waveform([0.0] * 10, 8_000))  # type: ignore[arg-type]
    (home / "empty" / "x.raw.wav").unlink()
    return home / "empty"
