"""How a command ends: an exit code and one line on stderr, whatever happened.

Exit code 1 is a FAIL verdict, a regression or a certificate that is refused; nothing else may end
with it.
"""

import contextlib
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from frugalbench.errors import FrugalbenchError, StoreError

__all__ = ["Commands", "refuse"]

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
DEBUG = "FRUGALBENCH_DEBUG"


class Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like an interruption, so that files and workers go."""


def _terminate(number: int, frame: object) -> None:
    raise Terminated


class Commands(click.Group):
    """A group whose commands turn errors into one line on stderr and the right exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command; never show a traceback, and never exit 1 for anything but a FAIL."""
        before = [(one, signal.signal(one, _terminate)) for one in ENDINGS]
        if sys.stdout is None:  # closed by the caller
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as we live
        # A terminal without these letters shows others in their place.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            try:
                return super().invoke(context)
            finally:
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (KeyboardInterrupt, Terminated) as ending:
            name, code = ENDED[type(ending)]
            click.echo(f"frugalbench: {name}; nothing was saved", err=True)
            context.exit(code)
        except Exception as error:  # noqa: BLE001 - exit code 1 would read as a FAIL verdict
            context.exit(refuse(_explained(error)))
        finally:
            for one, handler in before:
                signal.signal(one, handler)


ENDED: dict[type[BaseException], tuple[str, int]] = {
    KeyboardInterrupt: ("interrupted", 130),
    Terminated: ("terminated", 143),
}


def _explained(error: Exception) -> FrugalbenchError:
    """Any error as one of ours; a fault of our own shows its traceback when asked to."""
    if isinstance(error, FrugalbenchError):
        return error
    if isinstance(error, OSError):
        _abandon_output()
        return StoreError(f"the output cannot be written: {error.strerror or error}")
    if DEBUG in os.environ:
        raise error
    return FrugalbenchError(
        f"a fault of frugalbench, not of yours ({type(error).__name__}: {error}); report it, with "
        f"what {DEBUG}=1 shows"
    )


def _abandon_output() -> None:
    """Point stdout at nothing, so that Python does not try again, and complain, on its way out."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refuse(error: FrugalbenchError) -> int:
    """One line on stderr; returns the exit code."""
    click.echo(f"frugalbench: {' '.join(str(error).split())}", err=True)
    return error.exit_code
