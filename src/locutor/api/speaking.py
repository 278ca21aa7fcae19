"""The blocking speech backend behind asynchronous routes: threads of its own, and an eye on who hung up."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Request

from locutor.audio.stream import StreamEncoder
from locutor.serving.backend import SpeechStream
from locutor.serving.recipe import Speech
from locutor.types import Samples

RECIPE_HEADER = "X-Locutor-Recipe"
_T = TypeVar("_T")
_END = object()


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


async def pieces(stream: SpeechStream, cancelled: threading.Event, limiter: CapacityLimiter) -> AsyncIterator[Samples]:
    """Samples as they come; a reader that stops drops the rest."""
    try:
        while True:
            piece = await run_sync(next, stream, _END, limiter=limiter, abandon_on_cancel=True)
            if piece is _END:
                return
            yield piece.samples  # type: ignore[attr-defined]
    finally:
        cancelled.set()
        stream.close()


async def encoded(first: Samples | None, rest: AsyncIterator[Samples], encoder: StreamEncoder) -> AsyncIterator[bytes]:
    """Bytes of a file; encoding is done in a thread, since it takes time too."""
    if first is not None and (data := await run_sync(encoder.encode, first)):
        yield data
    async for samples in rest:
        if data := await run_sync(encoder.encode, samples):
            yield data
    if data := await run_sync(encoder.finish):
        yield data
