"""What becomes of jobs, as server-sent events; a reader that comes back names the last one it saw."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse

from locutor.api.deps import Context, Served, allow
from locutor.api.schemas.common import EVENT, Id, Responses, refusals
from locutor.api.schemas.jobs import EventOut
from locutor.auth.scopes import Scope
from locutor.errors import NotFoundError
from locutor.jobs.model import JobEvent

router = APIRouter(prefix="/jobs", tags=["Jobs"], dependencies=[Depends(allow(Scope.SPEAK))])

_POLL_S = 0.2
_ALIVE_S = 15.0  # proxies close connections on which nothing is said
_MAX_ID = 2**63 - 1
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_STREAM: Responses = {
    200: {
        "description": "Events `job` whose data is an EventOut as JSON.",
        "content": {"text/event-stream": EVENT},
    }
}
LastSeen = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=_MAX_ID)]
After = Annotated[int | None, Query(ge=0, le=_MAX_ID, description="Only events after this one; 0 for all.")]
Timeout = Annotated[float, Query(ge=0, le=86_400, description="Seconds after which the stream ends; 0 does not wait.")]


@router.get("/events", response_class=StreamingResponse, responses=_STREAM | refusals(), summary="Events of all jobs")
async def of_all(
    served: Served, last_event_id: LastSeen = None, after: After = None, timeout: Timeout = 86_400
) -> Response:
    """From now on, unless `after` or Last-Event-ID says from where."""
    seen = last_event_id if last_event_id is not None else after
    if seen is None:
        seen = await run_sync(served.stores.jobs.last_event)
    return StreamingResponse(_stream(served, None, seen, timeout), media_type="text/event-stream", headers=_HEADERS)


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses=_STREAM | {204: {"description": "The job has ended and nothing is left to tell."}} | refusals(404),
    summary="Events of a job",
)
async def of_one(
    job_id: Id, served: Served, last_event_id: LastSeen = None, after: After = None, timeout: Timeout = 86_400
) -> Response:
    """All of them, from the beginning unless told otherwise; the stream ends with the job."""
    seen = last_event_id if last_event_id is not None else after or 0
    events = await run_sync(partial(served.stores.jobs.events, seen, job_id=job_id, limit=1))
    job = await run_sync(served.stores.jobs.get, job_id)
    if not events and job.status.is_final:
        return Response(status_code=204)  # which tells an EventSource not to come back
    return StreamingResponse(_stream(served, job_id, seen, timeout), media_type="text/event-stream", headers=_HEADERS)


async def _stream(served: Context, job_id: str | None, seen: int, timeout_s: float) -> AsyncIterator[str]:
    end = time.monotonic() + timeout_s
    said_at = time.monotonic()
    yield "retry: 2000\n\n"
    while True:
        try:
            events = await run_sync(partial(served.stores.jobs.events, seen, job_id=job_id))
        except NotFoundError:  # deleted meanwhile
            return
        for event in events:
            seen, said_at = event.id, time.monotonic()
            yield _shown(event)
        if (job_id is not None and events and events[-1].status.is_final) or time.monotonic() >= end:
            return
        if time.monotonic() - said_at > _ALIVE_S:
            said_at = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_POLL_S)


def _shown(event: JobEvent) -> str:
    return f"id: {event.id}\nevent: job\ndata: {EventOut.of(event).model_dump_json()}\n\n"
