import os
import resource
import signal
import stat
from pathlib import Path

import numpy as np
import pytest

from locutor.audio import io
from locutor.audio.files import replacing
from locutor.errors import AudioError, NotFoundError, StorageError
from locutor.types import Waveform


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_others_may_read_it_as_the_umask_allows(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with replacing(tmp_path / "ours") as file:
        file.write(b"x")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("error", [KeyboardInterrupt, AudioError, ZeroDivisionError])
def test_an_interrupted_write_leaves_the_old_file(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as file:
        file.write(b"half")
        raise error("stop")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_full_disk(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*a\.wav: File too large"):
            io.write(tmp_path / "a.wav", Waveform(np.zeros(24_000), 24_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == []


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder .*nowhere to write a.wav to"):
        io.write(tmp_path / "nowhere" / "a.wav", Waveform(np.zeros(10), 24_000))


def test_a_device_is_written_to_and_not_replaced() -> None:
    io.write("/dev/null", Waveform(np.zeros(10), 24_000), "wav")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
