"""Whether it runs, whether it can work, and what it counts."""

import shutil
import time

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from locutor import __version__
from locutor.api.choices import speaking_cards
from locutor.api.deps import Context, Served, allow
from locutor.api.schemas.common import refusals
from locutor.api.schemas.info import EngineHealth, EnginesHealth, HealthOut
from locutor.auth.scopes import Scope
from locutor.errors import LocutorError

router = APIRouter(tags=["Health"])

_OK = "ok"
_MIN_FREE_BYTES = 256 << 20


@router.get("/health", response_model=HealthOut, responses=refusals(), summary="Whether it runs")
def health(served: Served) -> HealthOut:
    """Always 200 while it answers; the body says what is wrong."""
    return _health(served)


@router.get(
    "/ready",
    response_model=HealthOut,
    responses={**refusals(), 503: {"model": HealthOut, "description": "Something it needs is down."}},
    summary="Whether it can work",
)
def ready(served: Served, response: Response) -> HealthOut:
    found = _health(served)
    response.status_code = 200 if found.status == "healthy" else 503
    return found


def _health(served: Context) -> HealthOut:
    checks = {"database": _database(served), "disk": _disk(served), "speech": _speech(served)}
    healthy = all(state == _OK for state in checks.values())
    return HealthOut(
        status="healthy" if healthy else "unhealthy",
        version=__version__,
        uptime_s=round(time.time() - served.started_at, 1),
        checks=checks,
    )


def _database(served: Context) -> str:
    try:
        served.stores.jobs.last_event()
    except LocutorError as error:
        return str(error)
    return _OK


def _disk(served: Context) -> str:
    free = shutil.disk_usage(served.settings.data_dir).free
    return _OK if free >= _MIN_FREE_BYTES else f"only {free >> 20} MiB are free"


def _speech(served: Context) -> str:
    status = served.speech.status()
    if status.is_ready:
        return _OK
    return ", ".join(f"{device}: {state}" for device, state in status.workers.items()) or "no worker"


@router.get(
    "/health/engines",
    response_model=EnginesHealth,
    responses=refusals(),
    summary="Models and workers",
    dependencies=[Depends(allow(Scope.SPEAK))],
)
def engines(served: Served) -> EnginesHealth:
    status, checkpoints = served.speech.status(), served.stores.checkpoints
    loaded = {state.model: state for state in status.models}
    rows = []
    for card in speaking_cards(served):
        state = loaded.get(card.id)
        row = EngineHealth(
            model=card.id,
            engine=card.engine,
            installed=checkpoints.is_installed(card.id),
            loaded=state is not None,
        )
        if state is not None:
            row.device, row.users, row.n_loads = state.device, state.users, state.n_loads
            row.n_bytes, row.idle_s = state.n_bytes, round(state.idle_s, 1)
        rows.append(row)
    return EnginesHealth(
        status="healthy" if status.is_ready else "unhealthy",
        workers=status.workers,
        devices=status.devices,
        waiting=status.waiting,
        running=status.running,
        capacity=status.capacity,
        engines=rows,
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **refusals(),
    },
    summary="Counts and times for Prometheus",
    dependencies=[Depends(allow(Scope.SPEAK))],
)
def metrics(served: Served) -> Response:
    return Response(generate_latest(served.registry), media_type=CONTENT_TYPE_LATEST)
