"""What each method sends and how its answer is read, apart from how it travels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from locutor import errors

RECIPE_HEADER = "X-Locutor-Recipe"
TIMEOUT = httpx.Timeout(10.0, read=900.0)
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True)
class Call:
    """One request, in the words of httpx."""

    method: str
    path: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spoken:
    """audio: bytes of a file. recipe: what it takes to hear the same again, with what it cost and warnings."""

    audio: bytes
    recipe: dict[str, Any]


def headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def speak(text: str, voice: str, format: str, options: Mapping[str, Any]) -> Call:
    body = {"input": text, "voice": voice, "response_format": format, "stream": False} | _given(options)
    return Call("POST", "/v1/audio/speech", {"json": body})


def stream(text: str, voice: str, format: str, options: Mapping[str, Any]) -> Call:
    body = {"input": text, "voice": voice, "response_format": format} | _given(options)
    return Call("POST", "/v1/audio/speech", {"json": body})


def speak_as(text: str, ref_audio: Path, format: str, options: Mapping[str, Any]) -> Call:
    files = {"speaker_wav": (ref_audio.name, read(ref_audio))}
    return Call(
        "POST", "/synthesize-direct", {"data": _form({"text": text, "format": format, **options}), "files": files}
    )


def submit(text: str, voice: str, options: Mapping[str, Any]) -> Call:
    return Call("POST", "/jobs", {"data": _form({"text": text, "voice_id": voice, **options})})


def clone(name: str, recordings: Sequence[Path], options: Mapping[str, Any]) -> Call:
    files = [("file", (path.name, read(path))) for path in recordings]
    return Call("POST", "/voices/clone", {"data": _form({"name": name, **options}), "files": files})


def read(path: Path) -> bytes:
    """A file to send; NotFoundError when there is none."""
    if not path.is_file():
        raise errors.NotFoundError(f"the recording {path} is not a file")
    return path.read_bytes()


def check(answer: httpx.Response) -> httpx.Response:
    """Raise the error of the tree that the service met; ServiceError for what only HTTP knows (keys, limits)."""
    if answer.is_success:
        return answer
    kind, detail = _problem(answer)
    if kind == "QueueFullError":
        raise errors.QueueFullError(detail, float(answer.headers.get("Retry-After", 1)))
    if cls := _error_class(kind):
        raise cls(detail)
    raise errors.ServiceError(f"{detail} (status {answer.status_code})")


def unreachable(base_url: str, error: httpx.HTTPError) -> errors.ServiceError:
    return errors.ServiceError(f"no answer from {base_url}: {error or type(error).__name__}")


def spoken(answer: httpx.Response) -> Spoken:
    return Spoken(answer.content, json.loads(answer.headers.get(RECIPE_HEADER, "{}")))


def ended(job: dict[str, Any]) -> dict[str, Any]:
    """The job, if it completed; else the error it ended with."""
    if job["status"] == "completed":
        return job
    cls = _error_class(job.get("error_kind") or "") or errors.ServiceError
    raise cls(job.get("error_message") or f"job {job['id']} is {job['status']}")


def _error_class(kind: str) -> type[errors.LocutorError] | None:
    """The error of the tree that is called so, if a sentence is all it takes: MissingExtraError makes its own."""
    cls = getattr(errors, kind, None)
    if isinstance(cls, type) and issubclass(cls, errors.LocutorError) and cls is not errors.MissingExtraError:
        return cls
    return None


def _problem(answer: httpx.Response) -> tuple[str, str]:
    try:
        body = answer.json()
        if isinstance(body["error"], dict):
            return str(body["error"]["type"]), str(body["error"]["message"])
        return str(body["error"]), str(body["detail"])
    except (ValueError, KeyError, TypeError):
        return "", f"the answer is not one of Locutor's: {answer.text[:200]!r}"


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _form(values: Mapping[str, Any]) -> dict[str, str]:
    return {n: str(v).lower() if isinstance(v, bool) else str(v) for n, v in _given(values).items()}
