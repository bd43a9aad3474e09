"""Sources of energy readings: one file, one source.

`open_meter("rapl", target)` opens `meters/rapl.py`. Other packages add a meter under the entry
point group `frugalbench.meters`: a module with `open(target) -> Meter | Unavailable`.
"""

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.meters._meter import Meter, Reading, Unavailable
from frugalbench.spec import Target

__all__ = ["Meter", "Reading", "Unavailable", "check", "names", "open_meter"]


def _modules() -> dict[str, str]:
    own = {
        info.name: f"{__name__}.{info.name}"
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    }
    return own | {point.name: point.value for point in entry_points(group="frugalbench.meters")}


def names() -> tuple[str, ...]:
    """The names of the meters there are."""
    return tuple(sorted(_modules()))


def check(wanted: Iterable[str]) -> dict[str, str]:
    """Where each meter is, once it is known that there are meters of these names.

    Raises:
        UsageError: there is no meter of one of these names; the message suggests one.
    """
    modules = _modules()
    for name in wanted:
        if name not in modules:
            raise UsageError(f"there is no meter '{name}': {did_you_mean(name, modules)}")
    return modules


def open_meter(name: str, target: Target) -> Meter | Unavailable:
    """Open a meter by name, or say why it cannot be read here.

    Raises:
        UsageError: there is no meter of this name.
    """
    modules = check([name])
    opened: Meter | Unavailable = import_module(modules[name]).open(target)
    return opened
