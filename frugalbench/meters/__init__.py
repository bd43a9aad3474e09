"""Sources of energy readings: one file, one source.

`open_meter("rapl", target)` opens `meters/rapl.py`. Other packages add a meter under the entry
point group `frugalbench.meters`: a module with `open(target) -> Meter | Unavailable`.

A meter may have two things more than the protocol asks: a text `note`, what to know about its
readings, and a method `reason(domain)`, why a domain could not be read. `note` and `reason` here
ask for them.
"""

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.meters._meter import Deferred, Meter, Reading, Unavailable
from frugalbench.spec import Target

__all__ = [
    "Deferred",
    "Meter",
    "Reading",
    "Unavailable",
    "check",
    "names",
    "note",
    "open_meter",
    "reason",
]


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
        UsageError: there is no meter of this name, or what the target says of it is wrong.
    """
    modules = check([name])
    opened: Meter | Unavailable = import_module(modules[name]).open(target)
    return opened


def note(meter: Meter) -> str:
    """What to know about a meter's readings; empty for most."""
    return str(getattr(meter, "note", ""))


def reason(meter: Meter, domain: str) -> str:
    """Why a domain could not be read, where the meter says it; empty otherwise."""
    told = getattr(meter, "reason", None)
    return str(told(domain)) if callable(told) else ""
