from pathlib import Path

import numpy as np
import pytest

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
