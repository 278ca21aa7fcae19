"""`locutor serve`: the HTTP service."""

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import say as remark
from locutor.errors import NotFoundError, OptionError, ServiceError

if TYPE_CHECKING:
    import socket

    from locutor.api.app import Service
    from locutor.settings import Settings

_GRACE_S = 5
_TICK_S = 1


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; off loopback API keys are asked for.")] = None,
    port: Annotated[int | None, typer.Option(help="0 picks a free one.")] = None,
    model: Annotated[str | None, typer.Option(help="A model of `locutor models list`.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps; several by commas.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file of the certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json or console.")] = None,
    idle_exit: Annotated[
        float | None, typer.Option("--idle-exit", help="End after so many seconds without a request.")
    ] = None,
) -> None:
    """Serve speech, voices and jobs over HTTP."""
    from locutor.api.app import create_app
    from locutor.api.logs import set_up_logs
    from locutor.legacy import load_server_settings

    flags = {"host": host, "port": port, "model": model, "device": device, "tls_cert": tls_cert, "tls_key": tls_key}
    loaded = load_server_settings(os.environ, **flags, log_format=log_format)
    _check_tls(loaded.settings)
    for warning in loaded.warnings:
        remark(f"note: {warning}")
    set_up_logs(loaded.settings.log_level, loaded.settings.log_format)
    _run(create_app(loaded.settings), loaded.settings, idle_exit)


def _check_tls(settings: "Settings") -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise OptionError("--tls-cert and --tls-key belong together; give both")
    for path in (settings.tls_cert, settings.tls_key):
        if path is not None and not path.is_file():
            raise NotFoundError(f"{path} is not a file")


def _run(app: "Service", settings: "Settings", idle_exit: float | None) -> None:
    import uvicorn

    from locutor.api.app import has_work

    async def end_when_idle() -> None:
        if idle_exit is not None and app.state.activity.idle_s() > idle_exit and not has_work(app):
            server.should_exit = True

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_S,
        callback_notify=end_when_idle,
        timeout_notify=_TICK_S,
    )
    server = uvicorn.Server(config)
    # The service says in one sentence why it cannot start; uvicorn would add a traceback.
    logging.getLogger("uvicorn.error").addFilter(lambda record: app.state.failure is None)
    with contextlib.closing(_bind(settings)) as listener:
        app.state.url = _url(settings, listener.getsockname()[1])
        with contextlib.suppress(SystemExit):  # uvicorn's way to say that the lifespan failed
            server.run(sockets=[listener])
    if app.state.failure is not None:
        raise app.state.failure
    if not server.started:
        raise ServiceError("the service did not start; its log says why")


def _bind(settings: "Settings") -> "socket.socket":
    """Bound before anything is loaded, so that a port that is taken is said at once, and port 0 gets its number."""
    import socket

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer on a connection that is kept
    # open waits 40 ms for an acknowledgement that is delayed.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise OptionError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}") from error
    return bound


def _url(settings: "Settings", port: int) -> str:
    """As this machine reaches it."""
    scheme = "https" if settings.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"{scheme}://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"
