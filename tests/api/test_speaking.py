"""Answers that are sent while they are spoken, over a socket: whole or in pieces, refused in time, dropped in time."""

import time
from typing import Any

import httpx
import pytest

LONG = "One sentence for a start. " * 24  # of 26 characters; a piece has at most 180


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"input": text, "voice": "alloy", "seed": 1, "response_format": "pcm", "normalize": False, **more}


def at_rest(url: str) -> bool:
    """Whether no call waits or runs, for the service and for its device."""
    found = httpx.get(f"{url}/health/engines", timeout=30).json()
    return not (found["waiting"] or found["running"] or any(row["users"] for row in found["engines"]))


def comes_to_rest(url: str, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not at_rest(url) and time.monotonic() < end:
        time.sleep(0.02)
    return at_rest(url)


def test_a_short_text_is_answered_whole_and_a_long_one_in_pieces(url: str) -> None:
    short = httpx.post(f"{url}/v1/audio/speech", json=body("Good morning!"), timeout=30)
    assert int(short.headers["Content-Length"]) == len(short.content) > 0
    long = httpx.post(f"{url}/v1/audio/speech", json=body(LONG), timeout=30)
    assert long.headers["Transfer-Encoding"] == "chunked" and len(long.content) > 10 * len(short.content)
    assert comes_to_rest(url, 5)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_reader_that_hangs_up_drops_the_rest(url: str, stream_format: str) -> None:
    wanted = body(LONG + "SLOW end.", stream_format=stream_format)
    with httpx.stream("POST", f"{url}/v1/audio/speech", json=wanted, timeout=30) as answer:
        assert answer.status_code == 200
        raw = answer.iter_raw()
        assert next(raw)
        assert not at_rest(url)
    assert comes_to_rest(url, 2)


@pytest.mark.parametrize("stream", [True, False])
def test_a_reader_that_hangs_up_before_the_first_sound_drops_it_all(url: str, stream: bool) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/v1/audio/speech", json=body("SLOW one.", stream=stream), timeout=0.3)
    assert comes_to_rest(url, 2)


def test_what_fails_at_the_first_piece_is_an_error(url: str) -> None:
    assert httpx.post(f"{url}/v1/audio/speech", json=body("FAIL now. " + LONG), timeout=30).status_code == 503
    assert comes_to_rest(url, 5)


def test_what_fails_later_ends_the_answer_too_soon(url: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{url}/v1/audio/speech", json=body(LONG[:416] + "FAIL at last."), timeout=60)
    assert comes_to_rest(url, 5)
