import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from locutor.audio import io
from locutor.datasets import Dataset, Watch, import_recordings
from locutor.errors import CancelledError, NotFoundError
from locutor.types import Waveform


def test_sounds_and_texts_are_taken_in(dataset: Dataset, collection: Path) -> None:
    told: list[tuple[str, int, int]] = []
    sources = import_recordings(dataset, [collection], speaker="ana", watch=Watch(lambda *args: told.append(args)))
    assert [s.name for s in sources] == [f"take {n:02d}.wav" for n in range(12)]
    assert told == [("import", n, 12) for n in range(13)]
    one = sources[3]
    assert one.text == "This is recording number 3, as it was read out." and one.speaker == "ana"
    assert one.id.startswith("take_03-") and one.duration_s == pytest.approx(2.7)
    kept = io.read(dataset.folder / str(one.file))
    assert np.array_equal(kept.samples, io.read(collection / "take 03.wav").samples)
    assert dataset.sources() == sources


def test_the_second_time_nothing_is_decoded(dataset: Dataset, collection: Path) -> None:
    first = import_recordings(dataset, [collection])
    before = {path.name: path.stat().st_mtime_ns for path in dataset.raw.iterdir()}
    (collection / "take 00.lab").write_text("Another text.")
    second = import_recordings(dataset, [collection])
    assert {path.name: path.stat().st_mtime_ns for path in dataset.raw.iterdir()} == before
    assert second[0].text == "Another text." and second[1:] == first[1:] and second[0].id == first[0].id


def test_what_cannot_be_used_is_told_of(dataset: Dataset, collection: Path) -> None:
    whole = (collection / "take 00.wav").read_bytes()
    (collection / "take 00.wav").write_bytes(whole[: len(whole) // 2])
    (collection / "take 01.wav").write_bytes(b"")
    (collection / "take 02.wav").write_bytes(os.urandom(999))
    sources = import_recordings(dataset, [collection])
    errors = {s.name: s.error for s in sources if s.error}
    assert list(errors) == ["take 00.wav", "take 01.wav", "take 02.wav"]
    assert "50% of the sound" in str(errors["take 00.wav"]) and "empty" in str(errors["take 01.wav"])
    (collection / "take 00.wav").write_bytes(whole)
    repaired = import_recordings(dataset, [collection])
    assert [s.name for s in repaired if s.error] == ["take 01.wav", "take 02.wav"] and len(repaired) == 12


@pytest.mark.parametrize("rate", [700_000, 500_001])
def test_a_rate_that_cannot_be_kept_costs_one_file(dataset: Dataset, collection: Path, rate: int) -> None:
    header = bytearray((collection / "take 03.wav").read_bytes())
    header[24:28] = rate.to_bytes(4, "little")
    (collection / "take 03.wav").write_bytes(header)
    sources = import_recordings(dataset, [collection])
    assert {s.name for s in sources if s.error} == {"take 03.wav"} and len(sources) == 12
    assert f"take 03.wav cannot be kept at the {rate} Hz" in str(sources[3].error)
    assert len(list(dataset.raw.iterdir())) == 11


def test_a_swapped_list_is_told_of(dataset: Dataset, collection: Path) -> None:
    (collection / "metadata.csv").write_text("take 01.wav|said\n" + "What was said. " * 30 + "|take 02.wav\n")
    errors = {s.error is None: s.name for s in import_recordings(dataset, [collection])}
    assert errors[True] == "take 01.wav" and errors[False].startswith("What was said.")


def test_one_sound_is_one_source(dataset: Dataset, collection: Path, tmp_path: Path) -> None:
    first = import_recordings(dataset, [collection])
    waveform = io.read(collection / "take 05.wav")
    (tmp_path / "more").mkdir()
    io.write(tmp_path / "more" / "copy.flac", waveform)
    second = import_recordings(dataset, [tmp_path / "more"])
    assert len(second) == 12 and {s.id for s in second} == {s.id for s in first}
    assert len(list(dataset.raw.iterdir())) == 12


def test_a_changed_file_takes_the_place_of_what_it_was(dataset: Dataset, collection: Path, hum: Any) -> None:
    first = import_recordings(dataset, [collection])
    io.write(collection / "take 05.wav", hum([3], seed=77))
    second = import_recordings(dataset, [collection])
    assert len(second) == 12 and len({s.id for s in second} & {s.id for s in first}) == 11


def test_it_goes_on_where_it_was_stopped(dataset: Dataset, collection: Path) -> None:
    done: list[int] = []
    watch = Watch(lambda step, n, total: done.append(n), is_cancelled=lambda: len(done) > 5)
    with pytest.raises(CancelledError, match="stopped after 5 of 12"):
        import_recordings(dataset, [collection], watch=watch)
    assert len(list(dataset.raw.iterdir())) == 5
    kept = {path.name: path.stat().st_mtime_ns for path in dataset.raw.iterdir()}
    assert len(import_recordings(dataset, [collection])) == 12
    assert {p.name: p.stat().st_mtime_ns for p in dataset.raw.iterdir() if p.name in kept} == kept


def test_nothing_to_import(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file or folder"):
        import_recordings(dataset, [tmp_path / "nowhere"])


def test_loud_samples_are_not_wrapped(dataset: Dataset, tmp_path: Path) -> None:
    io.write(tmp_path / "x.wav", Waveform(np.linspace(-2, 2, 16_000, dtype=np.float32), 16_000), "wav-float")
    [source] = import_recordings(dataset, [tmp_path / "x.wav"])
    samples = io.read(dataset.folder / str(source.file)).samples
    assert np.all(np.diff(samples) >= 0) and samples[0] == -1
