"""The client that waits."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from locutor.client import calls
from locutor.client.calls import Call, Spoken
from locutor.errors import RequestTimeoutError

_POLL_S = 0.2


class Client:
    """A service at base_url. key: an API key, where it asks for one. verify: a file of certificates to trust.

    Methods raise the errors of locutor.errors that the service met, ServiceError when it refuses or cannot be reached.
    Options are those of the API: language, seed, nfe_step, quality_profile, model, ...
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8005",
        key: str | None = None,
        *,
        verify: str | bool = True,
        timeout: httpx.Timeout = calls.TIMEOUT,
    ) -> None:
        self._base_url = base_url
        self._http = httpx.Client(
            base_url=base_url, headers=calls.headers(key), timeout=timeout, verify=verify, trust_env=False
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def speak(self, text: str, voice: str = "default", *, format: str = "wav", **options: Any) -> Spoken:
        """The whole text as one file."""
        return calls.spoken(self._send(calls.speak(text, voice, format, options)))

    def speak_as(self, text: str, ref_audio: Path, *, format: str = "wav", **options: Any) -> Spoken:
        """With the voice of a recording, which the service does not keep."""
        return calls.spoken(self._send(calls.speak_as(text, ref_audio, format, options)))

    def stream(self, text: str, voice: str = "default", *, format: str = "mp3", **options: Any) -> Iterator[bytes]:
        """Bytes of a file as the service makes them; leave the loop to stop it."""
        call = calls.stream(text, voice, format, options)
        try:
            with self._http.stream(call.method, call.path, **call.more) as answer:
                if not answer.is_success:
                    answer.read()
                calls.check(answer)
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise calls.unreachable(self._base_url, error) from error

    def submit(self, text: str, voice: str = "default", **options: Any) -> dict[str, Any]:
        """Queue a job and return it."""
        return self._json(calls.submit(text, voice, options))

    def job(self, job_id: str) -> dict[str, Any]:
        return self._json(Call("GET", f"/jobs/{job_id}"))

    def jobs(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest first."""
        found: list[dict[str, Any]] = self._json(Call("GET", "/jobs", {"params": {"limit": limit}}))["jobs"]
        return found

    def wait(self, job_id: str, timeout_s: float = 900.0) -> dict[str, Any]:
        """The job once it is completed; raises the error it ended with, RequestTimeoutError when it takes longer."""
        end = time.monotonic() + timeout_s
        while (job := self.job(job_id))["status"] not in calls.ENDED:
            if time.monotonic() > end:
                raise RequestTimeoutError(f"job {job_id} is still {job['status']} after {timeout_s:g} s")
            time.sleep(_POLL_S)
        return calls.ended(job)

    def download(self, job_id: str, format: str = "wav") -> bytes:
        """The audio of a completed job."""
        return self._send(Call("GET", f"/jobs/{job_id}/download", {"params": {"format": format}})).content

    def cancel(self, job_id: str) -> dict[str, Any]:
        return self._json(Call("POST", f"/jobs/{job_id}/cancel"))

    def clone(self, name: str, recordings: Sequence[Path], **options: Any) -> str:
        """Add a voice to the library and return its id."""
        started = self._json(calls.clone(name, recordings, options))
        voice_id: str = self.wait(started["job_id"])["voice_id"]
        return voice_id

    def voices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._json(Call("GET", "/voices", {"params": {"limit": 1000}}))["voices"]
        return found

    def remove_voice(self, voice_id: str) -> None:
        self._send(Call("DELETE", f"/voices/{voice_id}"))

    def health(self) -> dict[str, Any]:
        return self._json(Call("GET", "/health"))

    def engines(self) -> dict[str, Any]:
        """Models and workers, with how often each model was loaded."""
        return self._json(Call("GET", "/health/engines"))

    def _json(self, call: Call) -> dict[str, Any]:
        found: dict[str, Any] = self._send(call).json()
        return found

    def _send(self, call: Call) -> httpx.Response:
        try:
            return calls.check(self._http.request(call.method, call.path, **call.more))
        except httpx.HTTPError as error:
            raise calls.unreachable(self._base_url, error) from error
