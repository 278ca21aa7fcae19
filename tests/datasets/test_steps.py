"""The steps together, on hums that a scripted listener transcribes; speech and Whisper are in test_make.py."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from locutor.audio import io
from locutor.audio.level import loudness_lufs
from locutor.datasets import (
    BuildOptions,
    Dataset,
    DatasetStore,
    Limits,
    Listeners,
    SegmentOptions,
    Watch,
    build,
    clip_sound,
    edit_clip,
    faults_of_build,
    filter_clips,
    import_recordings,
    make,
    open_dataset,
    read_edits,
    read_report,
    segment,
    stats,
    transcribe,
    validate,
)
from locutor.datasets.edits import read_metadata
from locutor.datasets.manifest import Clip, read_rows, write_rows
from locutor.errors import CancelledError, NotFoundError, OptionError, TextError

TEXT = "What was said here is this, and nothing but this today."


def listeners(marked: object, dictation: object) -> Listeners:
    return Listeners(marked, dictation, None)  # type: ignore[arg-type]


@pytest.fixture
def long_recording(tmp_path: Path, hum: object) -> Path:
    """Half a minute without a text, in hums of two to four seconds."""
    io.write(tmp_path / "long.flac", hum([2, 3, 4, 2.5, 3.5, 2, 4, 3]))  # type: ignore[operator]
    return tmp_path / "long.flac"


@pytest.fixture
def built(dataset: Dataset, long_recording: Path, marked: object, dictation: object) -> Dataset:
    return make(dataset, [long_recording], listeners(marked, dictation))


def again(dataset: Dataset, **options: object) -> Dataset:
    filter_clips(dataset)
    validate(dataset)
    return build(dataset, BuildOptions(**options))  # type: ignore[arg-type]


def test_a_recording_becomes_a_dataset(built: Dataset) -> None:
    lines = read_metadata(built)
    assert len(lines) > 2 and {line.text for line in lines} == {TEXT}
    durations = json.loads((built.folder / "duration.json").read_text())["duration"]
    for line, duration_s in zip(lines, durations, strict=True):
        info = soundfile.info(built.folder / line.file)
        assert (info.samplerate, info.channels, info.subtype) == (24_000, 1, "PCM_16")
        assert info.duration == pytest.approx(duration_s, abs=0.002) and 2 < duration_s <= 12
        assert loudness_lufs(io.read(built.folder / line.file)) == pytest.approx(-20, abs=0.5)
    assert open_dataset(built.folder) == built and faults_of_build(built) == []
    version = json.loads((built.folder / "versions" / f"{built.version}.json").read_text())
    assert len(version["clips"]) == len(lines) and version["language"] == "en"
    found = stats(built)
    assert found.n_built == len(lines) and found.duration_s == pytest.approx(sum(durations), abs=0.01)
    assert found.transcribed_percent == 100 and found.has_metadata and found.source_s == pytest.approx(27.2)


def test_making_it_again_changes_nothing(
    built: Dataset, long_recording: Path, marked: object, dictation: object
) -> None:
    files = {path: path.stat().st_mtime_ns for path in built.wavs.iterdir()}
    contents = {name: (built.folder / name).read_bytes() for name in ("metadata.csv", "manifest.jsonl", "report.json")}
    calls = dictation.n_calls  # type: ignore[attr-defined]
    assert make(built, [long_recording], listeners(marked, dictation)) == built
    assert dictation.n_calls == calls  # type: ignore[attr-defined]
    assert {path: path.stat().st_mtime_ns for path in built.wavs.iterdir()} == files
    assert {name: (built.folder / name).read_bytes() for name in contents} == contents
    assert again(built, loudness_lufs=None).version != built.version


def test_parts_are_read_out_of_the_source(built: Dataset) -> None:
    whole = io.read(next(built.raw.iterdir()))
    for clip in built.clips("validate"):
        first, last = round(clip.start_s * 16_000), round(clip.end_s * 16_000)
        assert np.array_equal(clip_sound(built, clip).samples, whole.samples[first:last])


def test_it_goes_on_where_it_was_stopped(
    dataset: Dataset, long_recording: Path, marked: object, dictation: object
) -> None:
    import_recordings(dataset, [long_recording])
    segment(dataset, marked, None)  # type: ignore[arg-type]
    watch = Watch(is_cancelled=lambda: dictation.n_calls >= 2)  # type: ignore[attr-defined]
    with pytest.raises(CancelledError, match="transcribe was stopped after 2 of"):
        transcribe(dataset, dictation, watch=watch)  # type: ignore[arg-type]
    clips = transcribe(dataset, dictation)  # type: ignore[arg-type]
    assert dictation.n_calls == len(clips) > 2  # type: ignore[attr-defined]


def test_edits_outlive_rebuilds(built: Dataset, long_recording: Path, marked: object, dictation: object) -> None:
    first, second, *_ = built.clips("validate")
    edit_clip(built, first.id, text="Dr. Smith paid 3 times.")
    edit_clip(built, second.id, keep=False)
    edited = again(built)
    texts = {line.file: line.text for line in read_metadata(edited)}
    assert texts[f"wavs/{first.id}.wav"] == "Doctor Smith paid three times."
    assert f"wavs/{second.id}.wav" not in texts and not (edited.folder / f"wavs/{second.id}.wav").exists()
    remade = make(edited, [long_recording], listeners(marked, dictation))
    assert remade.version == edited.version != built.version
    assert "taken out by hand" in json.dumps(read_report(remade))
    edit_clip(built, second.id, keep=True)
    assert len(read_metadata(again(built))) == len(texts) + 1


def test_lines_changed_in_the_list_are_edits(built: Dataset) -> None:
    lines = built.metadata.read_text().splitlines()
    changed = lines[0].replace(TEXT, "Something else was said.")
    built.metadata.write_text("\n".join([changed, *lines[2:]]) + "\n")
    with pytest.raises(OptionError, match="metadata.csv was edited"):
        build(built)
    assert len(faults_of_build(built)) == 2
    edited = again(built)
    assert [line.text for line in read_metadata(edited)][0] == "Something else was said."
    assert len(read_metadata(edited)) == len(lines) - 1 and len(read_edits(edited)) == 2
    assert again(edited).version == edited.version


def test_a_later_decision_counts(built: Dataset) -> None:
    lines = built.metadata.read_text().splitlines()
    built.metadata.write_text("\n".join([lines[0].replace(TEXT, "From the list."), *lines[1:]]) + "\n")
    clip_id = Path(lines[0].partition("|")[0]).stem
    edit_clip(built, clip_id, text="From the page.")
    assert read_metadata(again(built))[0].text == "From the page."


def with_an_unheard_clip(dataset: Dataset, dictation: object) -> Clip:
    """Transcribe again with a limit that leaves the longest clip out, which is returned."""
    *_, second, longest = sorted(dataset.clips("segment"), key=lambda clip: clip.duration_s)
    limits = Limits(max_duration_s=(second.duration_s + longest.duration_s) / 2)
    transcribe(dataset, dictation, limits)  # type: ignore[arg-type]
    assert [clip.id for clip in dataset.clips("transcribe") if clip.heard is None] == [longest.id]
    return longest


def reasons(dataset: Dataset) -> dict[str, list[str]]:
    return {entry["id"]: entry["reasons"] for entry in read_report(dataset)["left_out"]}


def test_a_clip_kept_by_hand_is_listened_to(
    dataset: Dataset, long_recording: Path, marked: object, dictation: object
) -> None:
    import_recordings(dataset, [long_recording])
    first, second, *_ = segment(dataset, marked, None)  # type: ignore[arg-type]
    edit_clip(dataset, first.id, keep=True)
    edit_clip(dataset, second.id, keep=True, text="Written by hand.")
    transcribe(dataset, dictation, Limits(min_snr_db=100))  # type: ignore[arg-type]
    assert dictation.n_calls == 1  # type: ignore[attr-defined]
    filter_clips(dataset, Limits(min_snr_db=100))
    validate(dataset)
    assert [line.text for line in read_metadata(build(dataset))] == [TEXT, "Written by hand."]


def test_a_clip_kept_by_hand_without_a_text_is_not_built(built: Dataset, dictation: object) -> None:
    n = len(read_metadata(built))
    clip = with_an_unheard_clip(built, dictation)
    edit_clip(built, clip.id, keep=True)
    assert len(read_metadata(again(built))) == n - 1
    assert reasons(built) == {clip.id: ["it has no text; transcribe again, or write one"]}
    edit_clip(built, clip.id, text="Now it says something.")
    assert len(read_metadata(again(built))) == n


def test_a_clip_in_which_nothing_was_heard_is_not_kept_by_hand(built: Dataset, dictation: object) -> None:
    clip = built.clips("segment")[0]
    dictation.by_length[clip_sound(built, clip).n_samples] = "..."  # type: ignore[attr-defined]
    built.work("transcribe.memo.jsonl").unlink()
    transcribe(built, dictation)  # type: ignore[arg-type]
    edit_clip(built, clip.id, keep=True)
    filter_clips(built)
    assert reasons(built) == {clip.id: ["it has no text; write one"]}


def test_a_clip_kept_after_the_filter_needs_a_text_too(built: Dataset) -> None:
    first, *others = built.clips("filter")
    built.write_clips("filter", [first.model_copy(update={"text": ""}), *others])
    edit_clip(built, first.id, keep=True)
    assert [problem.sentence for problem in validate(built)[0].problems] == ["it has no text; write one"]


def test_a_dataset_built_with_an_empty_text_is_not_stuck(built: Dataset, dictation: object) -> None:
    clip = with_an_unheard_clip(built, dictation)
    empty = [c.model_copy(update={"text": ""}) if c.id == clip.id else c for c in read_rows(built.manifest, Clip)]
    write_rows(built.manifest, empty)
    built.metadata.write_text("".join(f"wavs/{c.id}.wav|{c.text}\n" for c in empty))
    edit_clip(built, clip.id, keep=True)
    assert clip.id not in {Path(line.file).stem for line in read_metadata(again(built))}
    assert read_edits(built)[clip.id].keep is True


def test_a_text_taken_out_of_the_list_is_refused(built: Dataset) -> None:
    name = read_metadata(built)[1].file
    built.metadata.write_text(built.metadata.read_text().replace(f"{name}|{TEXT}", f"{name}|"))
    with pytest.raises(OptionError, match=f"metadata.csv has no text for {name}; write one"):
        filter_clips(built)


@pytest.mark.parametrize("mark", "\x0b \x0c \x1c \x1d \x1e \x85 \u2028 \u2029".split(" "))
def test_a_text_is_one_line_whatever_parts_it(built: Dataset, mark: str) -> None:
    first, second, *_ = built.clips("validate")
    assert edit_clip(built, first.id, text=f"From the{mark}page.").text == "From the page."
    list_ = built.metadata.read_text().replace(f"{second.id}.wav|{TEXT}", f"{second.id}.wav|From{mark}the list.")
    built.metadata.write_text(list_)
    assert [line.text for line in read_metadata(again(built))][:2] == ["From the page.", "From the list."]
    assert read_edits(built)[second.id].text == "From the list."


def test_what_was_not_transcribed_is_not_called_silent(built: Dataset, dictation: object) -> None:
    clip = with_an_unheard_clip(built, dictation)
    again(built)
    assert reasons(built) == {clip.id: ["it was not transcribed; transcribe again with the limits of this filter"]}
    assert read_report(built)["by_check"] == {"transcript": 1}


def test_a_clip_that_could_not_be_read_is_told_of(
    dataset: Dataset, collection: Path, marked: object, dictation: object
) -> None:
    sources = import_recordings(dataset, [collection])
    (dataset.folder / str(sources[0].file)).unlink()
    [lost, *_] = segment(dataset, marked, None)  # type: ignore[arg-type]
    transcribe(dataset, dictation)  # type: ignore[arg-type]
    filter_clips(dataset)
    assert reasons(dataset)[lost.id] == ["it was not transcribed", str(lost.error)] and "is gone" in str(lost.error)


def test_a_replaced_recording_has_to_be_segmented_again(
    built: Dataset, long_recording: Path, hum: object, marked: object, dictation: object
) -> None:
    [before] = built.sources()
    io.write(long_recording, hum([3, 4, 2], seed=7))  # type: ignore[operator]
    import_recordings(built, [long_recording])
    with pytest.raises(OptionError, match=f"recording '{before.id}' was replaced .* segment again"):
        again(built)
    assert make(built, [long_recording], listeners(marked, dictation)).version != built.version


def test_edits_that_cannot_be(built: Dataset) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        edit_clip(built, "nobody", text="Words.")
    with pytest.raises(TextError, match="needs a word"):
        edit_clip(built, built.clips("validate")[0].id, text="...")
    built.metadata.write_text("wavs/a.wav\n")
    with pytest.raises(OptionError, match="line 1"):
        filter_clips(built)


def test_a_wrong_text_is_dropped_and_told_of(
    dataset: Dataset, collection: Path, marked: object, dictation: object
) -> None:
    import_recordings(dataset, [collection])
    segment(dataset, marked, None)  # type: ignore[arg-type]
    transcribe(dataset, dictation)  # type: ignore[arg-type]
    assert not any(clip.is_kept for clip in filter_clips(dataset))
    report = read_report(dataset)
    assert report["kept"] == 0 and report["by_check"] == {"text": 12}
    severities = [entry["severity"] for entry in report["left_out"]]
    assert severities == sorted(severities, reverse=True)
    assert "the text is not what was heard" in report["left_out"][0]["reasons"][0]
    validate(dataset)
    with pytest.raises(OptionError, match="no clip of dataset 'mine' is good enough"):
        build(dataset)
    assert sum(clip.is_kept for clip in filter_clips(dataset, Limits(max_cer=5))) == 12


def test_letters_that_nobody_reads(dataset: Dataset, long_recording: Path, marked: object, dictation: object) -> None:
    dictation.text = "It was said here that Это сказано and then it was said again."  # type: ignore[attr-defined]
    with pytest.raises(OptionError, match="no clip"):
        make(dataset, [long_recording], listeners(marked, dictation))
    report = read_report(dataset)
    assert list(report["by_check"]) == ["characters"] and "not read in English: " in report["left_out"][0]["reasons"][0]


def test_steps_out_of_order(dataset: Dataset, marked: object) -> None:
    for step in (lambda: segment(dataset, marked, None), lambda: filter_clips(dataset), lambda: build(dataset)):
        with pytest.raises(NotFoundError, match="has not run"):
            step()
    assert stats(dataset).n_clips == 0


def test_hyphens_stay_and_numbers_are_words(
    tmp_path: Path, long_recording: Path, marked: object, dictation: object
) -> None:
    dataset = DatasetStore(tmp_path).create("dela", "pt")
    dictation.text = "Na segunda-feira, às 14h, chegaram 2 guarda-chuvas."  # type: ignore[attr-defined]
    built = make(dataset, [long_recording], listeners(marked, dictation))
    words = "Na segunda-feira, às catorze horas, chegaram dois guarda-chuvas."
    assert {line.text for line in read_metadata(built)} == {words}


def test_a_damaged_build_is_noticed(built: Dataset) -> None:
    first, second, *_ = sorted(built.wavs.iterdir())
    first.unlink()
    io.write(second, io.read(next(built.raw.iterdir())))
    assert sorted(fault.split(" is ")[1] for fault in faults_of_build(built)) == [
        "gone",
        "not the sound that was built",
    ]
    again(built)
    assert faults_of_build(built) == []


def test_a_source_that_vanished_costs_only_its_clips(dataset: Dataset, collection: Path, marked: object) -> None:
    sources = import_recordings(dataset, [collection])
    (dataset.folder / str(sources[0].file)).unlink()
    clips = segment(dataset, marked, None)  # type: ignore[arg-type]
    assert [clip.error is not None for clip in clips] == [True] + [False] * 11
    assert "is gone" in str(clips[0].error)


def test_shorter_clips_when_asked(dataset: Dataset, long_recording: Path, marked: object) -> None:
    import_recordings(dataset, [long_recording])
    lengths = []
    for max_s in (5.0, 12.0):
        clips = segment(dataset, marked, None, SegmentOptions(min_s=2, max_s=max_s))  # type: ignore[arg-type]
        lengths.append(max(clip.duration_s for clip in clips))
        assert lengths[-1] <= max_s
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "ä", "-x", "x" * 65, "a b"])
def test_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match="a dataset is named by"):
        DatasetStore(tmp_path).create(name, "en")


def test_the_store(tmp_path: Path) -> None:
    store = DatasetStore(tmp_path)
    assert store.list() == []
    store.create("b", "en")
    store.create("a", "pt")
    assert [(d.name, d.language) for d in store.list()] == [("a", "pt-BR"), ("b", "en")]
    with pytest.raises(OptionError, match="is in pt-BR, not in en"):
        store.create("a", "en")
    with pytest.raises(NotFoundError, match="there are: a, b"):
        store.get("c")
    store.remove("a")
    assert [d.name for d in store.list()] == ["b"]
    (tmp_path / "b" / "dataset.json").write_text("{}")
    with pytest.raises(OptionError, match="no card of a dataset"):
        store.get("b")
