"""Ways to run a model: one file, one runner.

`open_session(model, target)` opens `runners/<model.runner>.py`. Other packages add a runner under
the entry point group `frugalbench.runners`: a module with `open(model, target) -> Session`.
"""

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

from frugalbench.errors import MeasurementError, UsageError, did_you_mean
from frugalbench.runners._session import Bound, Feed, Outputs, Session
from frugalbench.spec import Model, Target

__all__ = ["Bound", "Feed", "Outputs", "Session", "check", "load", "names", "open_session"]


def _modules() -> dict[str, str]:
    own = {
        info.name: f"{__name__}.{info.name}"
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    }
    return own | {point.name: point.value for point in entry_points(group="frugalbench.runners")}


def names() -> tuple[str, ...]:
    """The names of the runners there are."""
    return tuple(sorted(_modules()))


def check(name: str) -> dict[str, str]:
    """Where each runner is, once it is known that there is one of this name.

    Raises:
        UsageError: there is no runner of this name; the message suggests one.
    """
    modules = _modules()
    if name not in modules:
        raise UsageError(f"there is no runner '{name}': {did_you_mean(name, modules)}")
    return modules


def load(name: str) -> ModuleType:
    """Import a runner and the runtime it needs.

    Raises:
        UsageError: there is no runner of this name; the message suggests one.
        MeasurementError: the package it needs is not installed.
    """
    modules = check(name)
    try:
        return import_module(modules[name])
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
