from pathlib import Path

import numpy as np
import pytest
import soundfile

from locutor.audio import io
from locutor.audio.damage import missing_share
from locutor.types import Waveform


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    io.write(tmp_path / "x.wav", Waveform(np.zeros(8000), 16_000))
    return tmp_path / "x.wav"


def test_a_whole_file(wav: Path) -> None:
    assert missing_share(wav) == 0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.999])
def test_a_file_cut_off(wav: Path, share: float) -> None:
    content = wav.read_bytes()
    wav.write_bytes(content[: len(content) - round(16_000 * share)])
    assert missing_share(wav) == pytest.approx(share, abs=0.001)


def test_a_chunk_of_an_odd_size_before_the_sound(wav: Path) -> None:
    content = wav.read_bytes()
    content = content[:36] + b"note\3\0\0\0abc\0" + content[36:]
    wav.write_bytes(content[: len(content) - 4000])
    assert missing_share(wav) == pytest.approx(0.25, abs=0.001)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF - 36])
def test_a_header_that_does_not_tell(wav: Path, size: int) -> None:
    content = bytearray(wav.read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    wav.write_bytes(content)
    assert missing_share(wav) == 0


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"fLaC and more of it", b"RIFF\0\0\0\0WAVEjunk\xff"]
)
def test_no_data_to_miss(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert missing_share(tmp_path / "x") == 0


TELLING = [
    ("WAV", "PCM_16", "FILE"), ("WAV", "PCM_16", "BIG"), ("WAVEX", "PCM_24", "FILE"), ("AIFF", "PCM_16", "FILE"),
    ("AIFF", "FLOAT", "FILE"), ("AU", "PCM_16", "FILE"), ("AU", "PCM_16", "LITTLE"), ("W64", "PCM_16", "FILE"),
    ("RF64", "PCM_16", "FILE"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "codec", "endian"), TELLING)
@pytest.mark.parametrize("n_samples", [8000, 8001])
def test_formats_that_tell_their_length(
    tmp_path: Path, container: str, codec: str, endian: str, n_samples: int
) -> None:
    path = tmp_path / "x"
    soundfile.write(path, np.full(n_samples, 0.1), 16_000, format=container, subtype=codec, endian=endian)
    assert missing_share(path) == 0
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert missing_share(path) == pytest.approx(0.5, abs=0.01)
    assert io.read(path).n_samples < n_samples, "libsndfile reads what is left"


@pytest.mark.parametrize(
    ("container", "name", "behind", "n_bytes"),
    [("AIFF", b"SSND", 0, 4), ("AU", b".snd", 4, 4), ("RF64", b"ds64", 12, 8), ("W64", b"data", 12, 8)],
)
@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_other_headers_that_do_not_tell(
    tmp_path: Path, container: str, name: bytes, behind: int, n_bytes: int, fill: bytes
) -> None:
    soundfile.write(tmp_path / "x", np.full(8000, 0.1), 16_000, format=container, subtype="PCM_16")
    content = bytearray((tmp_path / "x").read_bytes())
    size_at = content.index(name) + len(name) + behind
    content[size_at : size_at + n_bytes] = fill * n_bytes
    (tmp_path / "x").write_bytes(content[: len(content) // 2])
    assert missing_share(tmp_path / "x") == 0


@pytest.mark.parametrize(
    "content",
    [b".snd", b".snd\0\0", b"dns.\0\0\0\0\xff\xff\xff\xff", b"FORM\0\0\0\0AIFF", b"RF64\xff\xff\xff\xffWAVE",
     b"RF64\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff", b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0\0",
     b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + bytes(24) + b"junk" + b"\xff" * 60],
)  # fmt: skip
def test_headers_that_are_no_more_than_a_beginning(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert missing_share(tmp_path / "x") == 0


@pytest.mark.parametrize("name", ["mp3", "ogg", "opus"])
def test_formats_that_tell_no_length(tmp_path: Path, name: str) -> None:
    sound = Waveform(0.1 * np.random.default_rng(0).standard_normal(48_000), 24_000)
    content = io.encode(sound, name)
    (tmp_path / "x").write_bytes(content[: len(content) // 2])
    assert missing_share(tmp_path / "x") == 0
