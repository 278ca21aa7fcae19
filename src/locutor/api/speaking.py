"""The blocking speech backend behind asynchronous routes: threads of its own, and an eye on who hung up."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from locutor.audio.stream import StreamEncoder, open_encoder
from locutor.serving.backend import SpeechBackend, SpeechCall, SpeechStream
from locutor.serving.recipe import Speech

RECIPE_HEADER = "X-Locutor-Recipe"
_T = TypeVar("_T")


async def unless_gone(
    request: Request, cancelled: threading.Event, limiter: CapacityLimiter, work: Callable[[], _T]
) -> _T:
    """Do blocking work in a thread; `cancelled` is set when the client goes away meanwhile."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        cancelled.set()

    watcher = asyncio.create_task(watch())
    try:
        return await run_sync(work, limiter=limiter)
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


def recipe_header(speech: Speech) -> str:
    """What it takes to hear the same again, but for the text, and what was odd about the reference: JSON in ASCII."""
    recipe = asdict(speech.recipe)
    del recipe["text"], recipe["spoken"]
    return json.dumps(recipe | {"warnings": list(speech.warnings)})


@dataclass(frozen=True)
class SpokenFile:
    """A file that is written while its speech is made. first: its bytes so far, which may be none."""

    stream: SpeechStream
    encoder: StreamEncoder
    first: bytes

    @classmethod
    def begin(cls, backend: SpeechBackend, call: SpeechCall, format: str) -> "SpokenFile":
        """Blocks until the first piece is there; raises as SpeechBackend.stream."""
        with contextlib.ExitStack() as unless_it_begins:
            stream = backend.stream(call)
            unless_it_begins.callback(stream.close)
            encoder = open_encoder(format, stream.sample_rate)
            begun = cls(stream, encoder, _more(stream, encoder))
            unless_it_begins.pop_all()
        return begun

    @property
    def is_over(self) -> bool:
        """Whether the piece that was fetched last was the last one."""
        return self.stream.recipe is not None

    async def chunks(self, limiter: CapacityLimiter) -> AsyncIterator[bytes]:
        """Bytes as they come, the first ones too. One visit to a thread a piece, for its speech and its encoding."""
        data = self.first
        while True:
            if data:
                yield data
            if self.is_over:
                return
            data = await run_sync(_more, self.stream, self.encoder, limiter=limiter, abandon_on_cancel=True)


def _more(stream: SpeechStream, encoder: StreamEncoder) -> bytes:
    """Of the next piece, and the end of the file after the last one."""
    piece = next(stream, None)
    data = b"" if piece is None else encoder.encode(piece.samples)
    return data if stream.recipe is None else data + encoder.finish()


class SpokenResponse(StreamingResponse):
    """Sends a file while it is spoken. Whatever ends the answer, a reader that hangs up too, drops the rest."""

    def __init__(self, file: SpokenFile, body: AsyncIterator[bytes] | AsyncIterator[str], media_type: str,
                 cancelled: threading.Event, headers: dict[str, str] | None = None) -> None:  # fmt: skip
        super().__init__(body, media_type=media_type, headers=headers)
        self._stream, self._cancelled = file.stream, cancelled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancelled.set()
            self._stream.close()
