"""Downloads against a real HTTP server that resumes, breaks, lies and refuses."""

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from locutor.engines.download import RemoteFile, download
from locutor.errors import CheckpointError, NotFoundError, StorageError

CONTENT = os.urandom(300_000)


def fetch(hub: Any, target: Path, **published: Any) -> str:
    return download(RemoteFile(f"{hub.url}/weights", **published), target, pause_s=0.001)


def test_downloads_and_checks(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    target = tmp_path / "deep" / "weights"
    seen: list[tuple[int, int | None]] = []
    got = download(RemoteFile(f"{hub.url}/weights", len(CONTENT), digest), target, lambda d, t: seen.append((d, t)))
    assert got == digest and target.read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in target.parent.iterdir()] == ["weights"]


def test_goes_on_after_the_connection_broke(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    hub.break_after, hub.n_breaks = 100_000, 2
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert [asked for _, asked in hub.requests] == [None, "bytes=100000-", "bytes=200000-"]


def test_breaks_do_not_count_while_bytes_come(hub: Any, tmp_path: Path) -> None:
    """A poor line may break more often than the attempts a dead one is given."""
    digest = hub.put("weights", CONTENT)
    hub.break_after, hub.n_breaks = 40_000, 7
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest
    assert len(hub.requests) == 8


def test_a_later_call_resumes_an_interrupted_one(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)

    def interrupt(done: int, total: int | None) -> None:
        if done > 0:
            raise KeyboardInterrupt

    hub.break_after, hub.n_breaks = 100_000, 1
    with pytest.raises(KeyboardInterrupt):
        download(RemoteFile(f"{hub.url}/weights", sha256=digest), tmp_path / "w", interrupt)
    kept = (tmp_path / "w.part").read_bytes()
    assert 0 < len(kept) <= 100_000 and CONTENT.startswith(kept) and not (tmp_path / "w").exists()
    hub.requests.clear()
    hub.n_breaks = 0
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest
    assert hub.requests[0][1] == f"bytes={len(kept)}-"
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_file_that_changed_in_between_starts_anew(hub: Any, tmp_path: Path) -> None:
    """Without a published hash only the server's tag tells that the first half belongs to another file."""
    hub.put("weights", CONTENT)
    hub.break_after, hub.n_breaks = 100_000, 99
    with pytest.raises(KeyboardInterrupt):
        download(RemoteFile(f"{hub.url}/weights"), tmp_path / "w", _interrupt_after(50_000))
    hub.n_breaks = 0
    other = os.urandom(200_000)
    digest = hub.put("weights", other)
    assert fetch(hub, tmp_path / "w") == digest
    assert (tmp_path / "w").read_bytes() == other


def _interrupt_after(n_bytes: int) -> Any:
    def interrupt(done: int, total: int | None) -> None:
        if done > n_bytes:
            raise KeyboardInterrupt

    return interrupt


def test_without_tag_and_hash_nothing_is_resumed(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    hub.tags = False
    (tmp_path / "w.part").write_bytes(b"something else")
    assert fetch(hub, tmp_path / "w") == digest
    assert hub.requests == [("/weights", None)]


def test_a_server_without_ranges_sends_all_again(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    hub.ranges = False
    (tmp_path / "w.part").write_bytes(CONTENT[:1000])
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest


def test_a_part_that_is_already_whole(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    (tmp_path / "w.part").write_bytes(CONTENT)
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest


def test_a_part_that_is_too_long_is_thrown_away(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    (tmp_path / "w.part").write_bytes(CONTENT + b"more")
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest


def test_wrong_hash_leaves_nothing(hub: Any, tmp_path: Path) -> None:
    hub.put("weights", CONTENT)
    with pytest.raises(CheckpointError, match="SHA-256 .* not 0000"):
        fetch(hub, tmp_path / "w", sha256="0" * 64)
    assert not list(tmp_path.glob("w")) and not list(tmp_path.glob("w.part"))


def test_the_announced_hash_is_checked_where_none_is_published(hub: Any, tmp_path: Path) -> None:
    """A part of another file with a matching tag can only be noticed by the hash in the hub's header."""
    hub.put("weights", CONTENT)
    hub.announce = True
    hub.break_after, hub.n_breaks = 100_000, 99
    with pytest.raises(KeyboardInterrupt):
        download(RemoteFile(f"{hub.url}/weights"), tmp_path / "w", _interrupt_after(50_000))
    part = tmp_path / "w.part"
    part.write_bytes(b"x" * part.stat().st_size)
    hub.n_breaks = 0
    with pytest.raises(CheckpointError, match="SHA-256"):
        fetch(hub, tmp_path / "w")


def test_wrong_size(hub: Any, tmp_path: Path) -> None:
    hub.put("weights", CONTENT)
    with pytest.raises(CheckpointError, match="300000 bytes, not 7"):
        fetch(hub, tmp_path / "w", size=7)


def test_retries_a_busy_server_and_gives_up_at_last(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    hub.statuses = [503, 500, 429]
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest
    hub.statuses = [503] * 50
    with pytest.raises(NotFoundError, match="answered 503"):
        fetch(hub, tmp_path / "again", sha256=digest)
    assert len(hub.statuses) == 45


def test_absent_file(hub: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="/weights answered 404"):
        fetch(hub, tmp_path / "w")


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot fetch http://127.0.0.1:9/weights"):
        download(RemoteFile("http://127.0.0.1:9/weights"), tmp_path / "w", pause_s=0.001)


def test_full_disk(hub: Any, tmp_path: Path) -> None:
    """/dev/full is a disk without a byte left."""
    hub.put("weights", CONTENT)
    (tmp_path / "w.part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"cannot write .*/w: No space left on device"):
        fetch(hub, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_a_refused_write_keeps_the_part(hub: Any, tmp_path: Path) -> None:
    digest = hub.put("weights", CONTENT)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            fetch(hub, tmp_path / "w", sha256=digest)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert CONTENT.startswith((tmp_path / "w.part").read_bytes())
    assert fetch(hub, tmp_path / "w", sha256=digest) == digest


def test_too_large_for_the_disk_is_refused_before_a_byte_is_written(hub: Any, tmp_path: Path) -> None:
    hub.put("weights", CONTENT)
    with pytest.raises(StorageError, match="bytes free; 1,000,000,000,000,000,000 are needed"):
        fetch(hub, tmp_path / "w", size=10**18)
    assert not list(tmp_path.glob("w.part"))
