"""The service's log on stderr: one JSON object a line, or lines for people."""

import logging
import sys
from typing import Any

import structlog

_QUIET = ("uvicorn.access", "httpx", "httpcore", "alembic", "multipart", "python_multipart")


def set_up_logs(level: str, format: str) -> None:
    """Send structlog's and the library's records the same way. level: debug to error; format: json or console."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(format)],
        )
    )
    root = logging.getLogger()
    root.handlers, root.level = [handler], number
    library = logging.getLogger("locutor")
    library.handlers, library.level = [], number
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _last(format: str) -> list[Any]:
    """Tracebacks are plain in both: pretty ones show the values of variables, which may be secrets."""
    if format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
