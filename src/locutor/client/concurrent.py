"""The client that is awaited: the methods of `Client`, as coroutines."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from locutor.client import calls
from locutor.client.calls import Call, Spoken
from locutor.errors import RequestTimeoutError

_POLL_S = 0.2


class AsyncClient:
    """See `Client`."""

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8005",
        key: str | None = None,
        *,
        verify: str | bool = True,
        timeout: httpx.Timeout = calls.TIMEOUT,
    ) -> None:
        self._base_url = base_url
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=calls.headers(key), timeout=timeout, verify=verify, trust_env=False
        )

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def speak(self, text: str, voice: str = "default", *, format: str = "wav", **options: Any) -> Spoken:
        """The whole text as one file."""
        return calls.spoken(await self._send(calls.speak(text, voice, format, options)))

    async def speak_as(self, text: str, ref_audio: Path, *, format: str = "wav", **options: Any) -> Spoken:
        """With the voice of a recording, which the service does not keep."""
        return calls.spoken(await self._send(calls.speak_as(text, ref_audio, format, options)))

    async def stream(
        self, text: str, voice: str = "default", *, format: str = "mp3", **options: Any
    ) -> AsyncIterator[bytes]:
        """Bytes of a file as the service makes them; leave the loop to stop it."""
        call = calls.stream(text, voice, format, options)
        try:
            async with self._http.stream(call.method, call.path, **call.more) as answer:
                if not answer.is_success:
                    await answer.aread()
                calls.check(answer)
                async for block in answer.aiter_bytes():
                    yield block
        except httpx.HTTPError as error:
            raise calls.unreachable(self._base_url, error) from error

    async def submit(self, text: str, voice: str = "default", **options: Any) -> dict[str, Any]:
        """Queue a job and return it."""
        return await self._json(calls.submit(text, voice, options))

    async def job(self, job_id: str) -> dict[str, Any]:
        return await self._json(Call("GET", f"/jobs/{job_id}"))

    async def jobs(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest first."""
        found: list[dict[str, Any]] = (await self._json(Call("GET", "/jobs", {"params": {"limit": limit}})))["jobs"]
        return found

    async def wait(self, job_id: str, timeout_s: float = 900.0) -> dict[str, Any]:
        """The job once it is completed; raises the error it ended with, RequestTimeoutError when it takes longer."""
        end = time.monotonic() + timeout_s
        while (job := await self.job(job_id))["status"] not in calls.ENDED:
            if time.monotonic() > end:
                raise RequestTimeoutError(f"job {job_id} is still {job['status']} after {timeout_s:g} s")
            await asyncio.sleep(_POLL_S)
        return calls.ended(job)

    async def download(self, job_id: str, format: str = "wav") -> bytes:
        """The audio of a completed job."""
        return (await self._send(Call("GET", f"/jobs/{job_id}/download", {"params": {"format": format}}))).content

    async def cancel(self, job_id: str) -> dict[str, Any]:
        return await self._json(Call("POST", f"/jobs/{job_id}/cancel"))

    async def clone(self, name: str, recordings: Sequence[Path], **options: Any) -> str:
        """Add a voice to the library and return its id."""
        started = await self._json(calls.clone(name, recordings, options))
        voice_id: str = (await self.wait(started["job_id"]))["voice_id"]
        return voice_id

    async def voices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._json(Call("GET", "/voices", {"params": {"limit": 1000}})))["voices"]
        return found

    async def remove_voice(self, voice_id: str) -> None:
        await self._send(Call("DELETE", f"/voices/{voice_id}"))

    async def health(self) -> dict[str, Any]:
        return await self._json(Call("GET", "/health"))

    async def engines(self) -> dict[str, Any]:
        """Models and workers, with how often each model was loaded."""
        return await self._json(Call("GET", "/health/engines"))

    async def _json(self, call: Call) -> dict[str, Any]:
        found: dict[str, Any] = (await self._send(call)).json()
        return found

    async def _send(self, call: Call) -> httpx.Response:
        try:
            return calls.check(await self._http.request(call.method, call.path, **call.more))
        except httpx.HTTPError as error:
            raise calls.unreachable(self._base_url, error) from error
