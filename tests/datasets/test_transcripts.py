from pathlib import Path

import pytest

from locutor.datasets.transcripts import recordings
from locutor.errors import NotFoundError, OptionError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_a_folder_with_texts_beside(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "a/c.MP3", "a/d.flac", "e.ogg", "notes.md", "f.wav")
    (tmp_path / "b.lab").write_text("  what b\nsays ")
    (tmp_path / "a" / "d.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nwhat d says\n")
    (tmp_path / "f.vtt").write_text("WEBVTT\n\nnothing")
    found = recordings(tmp_path, "ana")
    assert [one.name for one in found] == ["a/c.MP3", "a/d.flac", "b.wav", "e.ogg", "f.wav"]
    assert [one.text for one in found] == [None, None, "what b says", None, None]
    assert found[1].cues[0].text == "what d says" and {one.speaker for one in found} == {"ana"}
    assert found[4].error is not None and found[4].error.startswith("f.vtt: no subtitle is in it")


def test_ljspeech(tmp_path: Path) -> None:
    touch(tmp_path, "wavs/LJ001-0001.wav", "wavs/LJ001-0002.wav")
    lines = "LJ001-0001|Dr. No, 1962|Doctor No, nineteen sixty-two\nLJ001-0002|Two\nLJ001-0003|gone\n"
    (tmp_path / "metadata.csv").write_text(lines)
    first, second, third = recordings(tmp_path)
    assert (first.name, first.text) == ("wavs/LJ001-0001.wav", "Doctor No, nineteen sixty-two")
    assert second.text == "Two"
    assert third.error is not None and "'LJ001-0003'" in third.error


def test_a_built_dataset_is_a_list_too(tmp_path: Path) -> None:
    touch(tmp_path, "wavs/x.wav")
    (tmp_path / "metadata.csv").write_text('wavs/x.wav|she said "no", and left\n')
    [one] = recordings(tmp_path)
    assert (one.path, one.text) == (tmp_path / "wavs" / "x.wav", 'she said "no", and left')


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables(tmp_path: Path, delimiter: str) -> None:
    touch(tmp_path, "x.wav", "y.wav")
    rows = [("Speaker", "Audio_File", "Transcript"), ("ana", "x.wav", "hello"), ("", "y.wav", "")]
    (tmp_path / "list.csv").write_text("\ufeff" + "\r\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    x, y = recordings(tmp_path / "list.csv", "bob")
    assert (x.speaker, x.text, y.speaker, y.text) == ("ana", "hello", "bob", None)


@pytest.mark.parametrize("delimiter", ["\t", "|"])
def test_a_stray_quotation_mark_costs_no_other_line(tmp_path: Path, delimiter: str) -> None:
    touch(tmp_path, "v.wav", "w.wav", "x.wav", "y.wav", "z.wav")
    texts = ['"Yes, he said.', '"No," she said.', '"quoted ""whole"" "', '5" wide', 'and "so"']
    rows = [("file", "text", "speaker"), *((f"{n}.wav", text, "ana") for n, text in zip("vwxyz", texts, strict=True))]
    (tmp_path / "list.csv").write_text("\n".join(delimiter.join(row) for row in rows))
    found = recordings(tmp_path / "list.csv")
    assert [one.text for one in found] == ['"Yes, he said.', '"No," she said.', 'quoted "whole"', '5" wide', 'and "so"']
    assert {one.speaker for one in found} == {"ana"} and not any(one.error for one in found)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_quoted_fields_hold_delimiters_and_ends_of_lines(tmp_path: Path, delimiter: str) -> None:
    touch(tmp_path, "x.wav", "y.wav")
    content = f'file{delimiter}text\nx.wav{delimiter}"Yes{delimiter} ""he""\nsaid."\n\ny.wav{delimiter}say "no"\n'
    (tmp_path / "list.csv").write_text(content)
    texts = [one.text for one in recordings(tmp_path / "list.csv")]
    assert texts == [f'Yes{delimiter} "he" said.', 'say "no"']


@pytest.mark.parametrize("n_lines", [2, 20_000])  # the second are more than the csv module takes for one field
def test_a_mark_that_swallows_lines_is_named(tmp_path: Path, n_lines: int) -> None:
    lines = ["file,text", 'a.wav,"fine\nso far"', 'b.wav,"Not closed', *(f"c{n}.wav,said" for n in range(n_lines))]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(OptionError, match=r"list.csv: line 4: a field begins with a quotation mark"):
        recordings(tmp_path / "list.csv")


def test_a_long_first_line_is_no_header(tmp_path: Path) -> None:
    touch(tmp_path, "x.wav")
    (tmp_path / "metadata.csv").write_text(f"x.wav|{'a, ' * 50_000}\n")
    [one] = recordings(tmp_path)
    assert one.error is None and one.text is not None and len(one.text) == 149_999


@pytest.mark.parametrize("header", ["", "file|text\n"])
def test_swapped_columns(tmp_path: Path, header: str) -> None:
    touch(tmp_path, "wavs/x.wav")
    sentence = "All of this was said " * 20
    (tmp_path / "metadata.csv").write_text(f"{header}{sentence}|x.wav\n")
    [one] = recordings(tmp_path)
    assert one.error is not None and "the list names 'All of this was said" in one.error


@pytest.mark.parametrize("mark", "\x0b \x0c \x1c \x1d \x1e \x85 \u2028 \u2029".split(" "))
@pytest.mark.parametrize("header", ["", "file|text\n", "file,text\n"])
def test_a_text_is_one_line_whatever_parts_it(tmp_path: Path, header: str, mark: str) -> None:
    touch(tmp_path, "x.wav", "y.wav")
    delimiter = header[4:5] or "|"
    (tmp_path / "metadata.csv").write_text(f"{header}x.wav{delimiter}one{mark}two  three\ny.wav{delimiter}four\n")
    assert [one.text for one in recordings(tmp_path)] == ["one two three", "four"]


def test_a_list_may_not_point_outside(tmp_path: Path) -> None:
    touch(tmp_path, "secret.wav", "in/x.wav")
    (tmp_path / "in" / "metadata.csv").write_text(f"../secret.wav|a\n{tmp_path / 'secret.wav'}|b\n")
    errors = [one.error for one in recordings(tmp_path / "in")]
    assert len(errors) == 2 and all(error is not None and "outside" in error for error in errors)


def test_one_file(tmp_path: Path) -> None:
    touch(tmp_path, "x.m4a")
    (tmp_path / "x.txt").write_text("hello")
    assert [(one.name, one.text) for one in recordings(tmp_path / "x.m4a")] == [("x.m4a", "hello")]


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no recordings"):
        recordings(tmp_path)
    with pytest.raises(NotFoundError, match="no file or folder"):
        recordings(tmp_path / "none")
    (tmp_path / "bad.csv").write_text("one\ntwo\n")
    with pytest.raises(OptionError, match=r"bad.csv is no list of recordings.*audio_file.*transcript"):
        recordings(tmp_path / "bad.csv")
    (tmp_path / "bad.csv").write_bytes(b"file,text\nx.wav,caf\xe9\n")
    with pytest.raises(OptionError, match="not UTF-8"):
        recordings(tmp_path / "bad.csv")
