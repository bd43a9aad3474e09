"""Ways to run a model: one file, one runner.

`open_session(model, target)` opens `runners/<model.runner>.py`. Other packages add a runner under
the entry point group `frugalbench.runners`: a module with `open(model, target) -> Session`.
"""

from importlib import import_module
from types import ModuleType

from frugalbench import plugins
from frugalbench.errors import MeasurementError
from frugalbench.runners._session import Bound, Feed, Outputs, Session
from frugalbench.runners._wheels import wheels
from frugalbench.spec import Model, Target

__all__ = [
    "Bound",
    "Feed",
    "Outputs",
    "Session",
    "check",
    "load",
    "names",
    "open_session",
    "wheels",
]


def names() -> tuple[str, ...]:
    """The names of the runners there are."""
    return tuple(sorted(plugins.modules(__name__, __path__)))


def check(name: str) -> str:
    """Where a runner is.

    Raises:
        UsageError: there is no runner of this name; the message suggests one.
    """
    return plugins.find(name, plugins.modules(__name__, __path__), "runner")


def load(name: str) -> ModuleType:
    """Import a runner and the runtime it needs.

    Raises:
        UsageError: there is no runner of this name; the message suggests one.
        MeasurementError: the package it needs is not installed.
    """
    module = check(name)
    try:
        return import_module(module)
    except ImportError as error:
        if "failed to map" in str(error) or "cannot allocate" in str(error).lower():
            raise MemoryError(str(error)) from None
        raise MeasurementError(
            f"the runner '{name}' needs a package that is not installed: {error}"
        ) from None


def open_session(model: Model, target: Target) -> Session:
    """Open a model with the runner it names.

    Raises:
        UsageError: there is no such runner.
        MeasurementError: the runner cannot open the model on this target.
    """
    session: Session = load(model.runner).open(model, target)
    return session
