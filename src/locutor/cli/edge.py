"""Where errors become one sentence and an exit code: 0 done, 1 failed, 2 asked for wrongly, 130 stopped by Ctrl-C."""

import logging
import os
from typing import Any

import typer
from typer.core import TyperGroup

from locutor.cli.console import say
from locutor.errors import LocutorError, OptionError
from locutor.i18n import choose_language, translate

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130

_log = logging.getLogger(__name__)


class EdgeGroup(TyperGroup):
    """A group of commands behind which no traceback is shown unless --verbose or LOCUTOR_DEBUG asks for it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LocutorError as error:
            _tell(ctx, str(error))
            raise typer.Exit(WRONG_USE if isinstance(error, OptionError) else FAILED) from error
        except (KeyboardInterrupt, typer.Abort) as error:
            _tell(ctx, "stopped by Ctrl-C")
            raise typer.Exit(INTERRUPTED) from error
        except typer.TyperException as error:
            english = error.format_message()
            if (translated := told(english)) != english:
                (getattr(error, "ctx", None) or ctx).fail(translated)
            raise
        except (typer.Exit, BrokenPipeError):
            raise
        except Exception as error:  # the one broad net of the command line: whatever gets here is our bug
            _tell(ctx, f"unexpected {type(error).__name__}: {error} (LOCUTOR_DEBUG=1 shows where)")
            raise typer.Exit(FAILED) from error


class _Remarks(logging.Handler):
    """Log records as remarks on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        say(("note: " if record.levelno == logging.WARNING else "") + self.format(record))


def show_remarks(verbose: bool) -> None:
    """Show what the library warns of, such as characters left out; with `verbose` also what it does, and why."""
    logger = logging.getLogger("locutor")
    logger.handlers = [_Remarks()]
    logger.setLevel(logging.INFO if verbose else logging.WARNING)


def is_verbose(ctx: Any) -> bool:
    """Whether --verbose was given to this command or to one before it."""
    return bool(ctx.params.get("verbose")) or (ctx.parent is not None and is_verbose(ctx.parent))


def told(sentence: str) -> str:
    """A sentence of the catalogue in the terminal's language."""
    return translate(sentence, _language())


def _tell(ctx: Any, sentence: str) -> None:
    """Say what went wrong on stderr, in one line and in the terminal's language; with the traceback where asked for."""
    typer.echo(f"{told('error')}: {' '.join(told(sentence).split())}", err=True)
    if is_verbose(ctx) or _debug():
        _log.error("traceback:", exc_info=True)


def _language() -> str:
    """Of the terminal, by the variables of POSIX, the strongest first."""
    wished = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return choose_language([next(filter(None, wished), "")])


def _debug() -> bool:
    from locutor.settings import load_settings

    try:
        return load_settings().debug
    except LocutorError:  # the error being told may be that of the settings
        return False
