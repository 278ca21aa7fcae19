"""The app: settings in, an ASGI application out. Stores and the speech backend live as long as it runs."""

import asyncio
import contextlib
import ipaddress
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry

from locutor import __version__, local_service
from locutor.api.deps import Context
from locutor.api.errors import add_error_handlers
from locutor.api.metrics import HttpMetrics
from locutor.api.middleware.guard import Guard, GuardRules, HostGuard
from locutor.api.middleware.trace import HEADER, Activity, Trace
from locutor.api.own_key import make_own_key, revoke_orphans
from locutor.api.routes import (
    admin,
    auth,
    batch,
    direct,
    events,
    health,
    info,
    jobs,
    keys,
    models,
    openai,
    profiles,
    reference,
    training,
    training_datasets,
    training_review,
    training_speech,
    voices,
)
from locutor.api.speaking import RECIPE_HEADER
from locutor.auth.keys import KeyStore
from locutor.auth.sessions import SessionStore
from locutor.bootstrap import job_runner, open_stores, speech_backend
from locutor.errors import LocutorError, OptionError
from locutor.jobs.store import delete_expired
from locutor.local_service import LocalService
from locutor.pulls import PullTask
from locutor.runs.open import training_kinds
from locutor.serving.backend import SpeechBackend
from locutor.serving.limits import ServingLimits
from locutor.serving.metrics import SpeechMetrics
from locutor.settings import Settings
from locutor.tasks import SpeechTasks
from locutor.webui.routes import studio_routes

ROUTERS: tuple[APIRouter, ...] = (
    info.router,
    reference.router,
    health.router,
    openai.router,
    direct.router,
    events.router,
    batch.router,
    jobs.router,
    voices.write,
    voices.read,
    profiles.write,
    profiles.read,
    models.write,
    models.read,
    training.router,
    training_speech.router,
    training_datasets.router,
    training_review.router,
    admin.router,
    keys.router,
    auth.router,
)
"""Every noun of the service; a new one is one more line here."""

Service: TypeAlias = FastAPI
OpenBackend: TypeAlias = Callable[[Settings, SpeechMetrics], SpeechBackend]
_MIB = 1 << 20
_MIN_GZIP = 600  # bytes; the head of an answer alone takes half of that
_NEVER_GZIP = ("audio/*", "text/event-stream", "application/zip")  # sent as they are made, or packed already
_GZIP_LEVEL = 5  # within 3 % of 9 for lists, at half the time
_DESCRIPTION = "Clone a voice and let it speak, on your own machine."
_log = structlog.get_logger("locutor.api")


def create_app(settings: Settings, open_backend: OpenBackend | None = None) -> FastAPI:
    """The service of an installation. Nothing is opened before it starts (its lifespan).

    open_backend: who speaks; by default worker processes.

    Raises OptionError, when it starts, for a host that others can reach while there is no API key.
    """
    registry = CollectorRegistry()
    app = FastAPI(
        title="Locutor",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan(settings, open_backend or open_workers, registry),
        generate_unique_id_function=_operation_id,
        docs_url=None,
        redoc_url=None,
    )
    app.state.activity, app.state.failure, app.state.url = Activity(), None, None
    for router in ROUTERS:
        app.include_router(router)
    if settings.webui:
        app.router.routes.extend(studio_routes(__version__))
    add_error_handlers(app)
    _add_middleware(app, settings, registry)
    return app


def _operation_id(route: APIRoute) -> str:
    """A name for clients that are generated: jobs_cancel, voices_clone, ..."""
    return "_".join([*(str(tag).lower() for tag in route.tags[:1]), route.name])


def open_workers(settings: Settings, metrics: SpeechMetrics) -> SpeechBackend:
    """A worker process for the device of the settings."""
    return speech_backend(settings, limits_of(settings), metrics=metrics)


def limits_of(settings: Settings) -> ServingLimits:
    """How much the service takes on."""
    return ServingLimits(
        max_waiting=settings.max_waiting,
        timeout_s=60 * settings.timeout_minutes,
        memory_bytes=None if settings.memory_mb is None else settings.memory_mb * _MIB,
        idle_ttl_s=None if settings.unload_minutes is None else 60 * settings.unload_minutes,
        low_vram=settings.low_vram,
    )


def has_work(app: FastAPI) -> bool:
    """Whether jobs wait or are under way."""
    counts = app.state.context.stores.jobs.counts()
    return any(n for status, n in counts.items() if not status.is_final)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a service that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _add_middleware(app: FastAPI, settings: Settings, registry: CollectorRegistry) -> None:
    """The last one added is the first to see a request."""
    app.add_middleware(
        GZipMiddleware, minimum_size=_MIN_GZIP, compresslevel=_GZIP_LEVEL, exclude_content_types=_NEVER_GZIP
    )
    rules = GuardRules(
        origins=settings.cors_origins,
        max_upload=settings.max_upload_mb * _MIB,
        per_minute=settings.requests_per_minute,
    )
    app.add_middleware(Guard, rules=rules)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["*"],  # clients send names of their own; no cookie goes along, so they open nothing
            expose_headers=[HEADER, RECIPE_HEADER, "Retry-After"],
        )
    app.add_middleware(HostGuard, hosts=(*settings.allowed_hosts, settings.host))
    app.add_middleware(
        Trace, metrics=HttpMetrics(registry), activity=app.state.activity, secure=settings.tls_cert is not None
    )


def _lifespan(
    settings: Settings, open_backend: OpenBackend, registry: CollectorRegistry
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                served = await run_sync(_open, settings, open_backend, registry, stack)
            except LocutorError as error:
                app.state.failure = error
                raise
            app.state.context = served
            if app.state.url:
                _make_known(served, app.state.url, stack)
            cleaning = asyncio.create_task(_clean(served))
            try:
                yield
            finally:
                cleaning.cancel()
                await run_sync(stack.close)

    return run


def _open(
    settings: Settings, open_backend: OpenBackend, registry: CollectorRegistry, stack: contextlib.ExitStack
) -> Context:
    stores = open_stores(settings)
    stack.callback(stores.close)
    keys = KeyStore(stores.database)
    revoke_orphans(keys, stores.owner)
    needs_key = not is_loopback(settings.host)
    if needs_key and not keys.has_live():
        raise OptionError(
            f"others can reach {settings.host}, so an API key is needed and there is none yet; make one with: "
            "locutor keys create NAME"
        )
    speech = open_backend(settings, SpeechMetrics(registry))
    stack.callback(speech.close)
    kinds = SpeechTasks(stores, speech, settings.model, settings.max_text_chars).kinds()
    kinds.add(PullTask(stores.checkpoints).kind())
    for kind in training_kinds(settings, stores, speech):
        kinds.add(kind)
    runner = job_runner(stores, kinds, {"speech": settings.jobs_at_once})
    runner.start()
    stack.callback(runner.stop)
    return Context(
        settings=settings,
        stores=stores,
        speech=speech,
        runner=runner,
        registry=registry,
        started_at=time.time(),
        keys=keys,
        sessions=SessionStore(stores.database, keys, 3600 * settings.session_hours),
        needs_key=needs_key,
        limiter=CapacityLimiter(speech.status().capacity + 1),
    )


def _make_known(served: Context, url: str, stack: contextlib.ExitStack) -> None:
    """Let commands on this machine find the service; where it asks for keys they get one that ends with it."""
    pid, data_dir, key = os.getpid(), served.settings.data_dir, None
    if served.needs_key:
        made, key = make_own_key(served.keys, served.stores.owner)
        stack.callback(served.keys.revoke, made.id)
    local_service.write_down(data_dir, LocalService(url, pid, key))
    stack.callback(local_service.forget, data_dir, pid)
    _log.info("serving", url=url, key_required=served.needs_key, model=served.settings.model)


async def _clean(served: Context) -> None:
    """Delete jobs whose time to live is over, now and then; voices have none."""
    while True:
        try:
            deleted = await run_sync(delete_expired, served.stores.jobs, served.stores.database)
            if deleted:
                _log.info("expired jobs deleted", jobs=deleted)
        except (LocutorError, OSError):  # a disk that refuses today may not tomorrow
            _log.exception("expired jobs could not be deleted")
        await asyncio.sleep(60 * served.settings.cleanup_minutes)
