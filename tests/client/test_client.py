"""The Python client, waiting and awaited, against a service that listens."""

import asyncio
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from locutor.audio import io
from locutor.client import AsyncClient, Client
from locutor.client.calls import ended
from locutor.errors import (
    AudioError,
    EngineError,
    NotFoundError,
    OptionError,
    QueueFullError,
    RequestTimeoutError,
    ServiceError,
    TextError,
)

LONG = "A sentence that is spoken. " * 12


@pytest.fixture(scope="module")
def kit() -> Any:
    path = Path(__file__).parents[1] / "api" / "conftest.py"
    spec = importlib.util.spec_from_file_location("service_kit_of_the_client", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def url(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    sys.path.insert(0, str(kit.TONE_ENGINE))
    with kit.listening(kit.make_settings(tmp_path_factory.mktemp("client"))) as found:
        yield found
    sys.path.remove(str(kit.TONE_ENGINE))


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as found:
        yield found


@pytest.fixture
def speech_file(kit: Any, tmp_path: Path) -> Path:
    io.write(tmp_path / "ana.wav", io.read(kit.DEFAULT_VOICE))
    return tmp_path / "ana.wav"


def test_both_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(cls: type) -> dict[str, list[str]]:
        names = [n for n, _ in inspect.getmembers(cls, inspect.isfunction) if not n.startswith("_")]
        return {name: list(inspect.signature(getattr(cls, name)).parameters) for name in names}

    assert methods(Client) == methods(AsyncClient) and len(methods(Client)) >= 14


def test_it_speaks_whole_and_in_pieces(client: Client) -> None:
    spoken = client.speak(LONG, seed=1, format="flac")
    assert spoken.recipe["options"]["seed"] == 1 and spoken.recipe["n_chunks"] > 2
    pieces = list(client.stream(LONG, format="flac", seed=1))
    assert len(pieces) > 1
    streamed_s, whole_s = io.decode(b"".join(pieces)).duration_s, io.decode(spoken.audio).duration_s
    assert streamed_s == pytest.approx(whole_s, rel=0.1)  # its first chunk is parted, and cross-faded at each seam


def test_jobs_and_voices(client: Client, speech_file: Path) -> None:
    job = client.submit("A job.", seed=2)
    done = client.wait(job["id"])
    assert done["status"] == "completed" and io.decode(client.download(job["id"], "mp3")).duration_s > 0
    assert job["id"] in [found["id"] for found in client.jobs()]
    voice = client.clone("Ana", [speech_file], language="en")
    assert voice in [found["id"] for found in client.voices()]
    assert io.decode(client.speak("Hi.", voice).audio).duration_s > 0
    client.remove_voice(voice)
    assert io.decode(client.speak_as("Hi.", speech_file, seed=1).audio).duration_s > 0
    assert client.health()["status"] == "healthy" and client.engines()["workers"]


def test_errors_are_the_librarys(client: Client, tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_bytes(b"no audio")
    with pytest.raises(NotFoundError, match="no voice is called 'nobody'"):
        client.speak("Hi.", "nobody")
    with pytest.raises(NotFoundError, match="no voice is called 'nobody'"):
        list(client.stream("Hi.", "nobody"))
    with pytest.raises(TextError, match="nothing to speak"):
        client.speak("...")
    with pytest.raises(OptionError, match="unknown language"):
        client.speak("Hi.", language="klingon")
    with pytest.raises(AudioError, match="no.wav is not an audio file"):
        client.speak_as("Hi.", tmp_path / "no.wav")
    with pytest.raises(NotFoundError, match="the recording .* is not a file"):
        client.speak_as("Hi.", tmp_path / "absent.wav")
    with pytest.raises(ServiceError, match="speed: .*status 422"):
        client.speak("Hi.", speed=9)
    with pytest.raises(EngineError, match="cannot say"):
        client.wait(client.submit("FAIL", normalize=False)["id"])
    with pytest.raises(RequestTimeoutError, match="is still"):
        client.wait(client.submit(LONG * 40)["id"], timeout_s=0.0)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("TextError", TextError), ("MissingExtraError", ServiceError), ("KeyError", ServiceError), (None, ServiceError),
     ("QueueFullError", QueueFullError), ("annotations", ServiceError)],
)  # fmt: skip
def test_a_job_that_failed_is_the_error_it_ended_with(kind: str | None, error: type[Exception]) -> None:
    with pytest.raises(error, match="x is not installed") as met:
        ended({"id": "job_1", "status": "failed", "error_kind": kind, "error_message": "x is not installed"})
    assert type(met.value) is error


def test_a_service_that_is_not_there_is_one_sentence() -> None:
    with (
        Client("http://127.0.0.1:9") as client,
        pytest.raises(ServiceError, match="no answer from http://127.0.0.1:9: "),
    ):
        client.health()


def test_the_awaited_one_does_the_same(url: str, speech_file: Path) -> None:
    async def run() -> None:
        async with AsyncClient(url) as client:
            whole, job = await asyncio.gather(client.speak("Hi.", seed=1), client.submit("A job."))
            assert io.decode(whole.audio).duration_s > 0
            assert (await client.wait(job["id"]))["status"] == "completed"
            assert await client.download(job["id"], "flac")
            assert b"".join([piece async for piece in client.stream("Hi.", format="pcm")])
            voice = await client.clone("Bia", [speech_file])
            assert voice in [found["id"] for found in await client.voices()]
            await client.remove_voice(voice)
            with pytest.raises(NotFoundError):
                await client.speak("Hi.", voice)
            assert (await client.health())["status"] == "healthy"

    asyncio.run(run())
