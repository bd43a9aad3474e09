"""Sources of energy readings: one file, one source.

`open_meter("rapl", target)` opens `meters/rapl.py`. Other packages add a meter under the entry
point group `frugalbench.meters`: a module with `open(target) -> Meter | Unavailable`.

A meter may have two things more than the protocol asks: a text `note`, what to know about its
readings, and a method `reason(domain)`, why a domain could not be read. `note` and `reason` here
ask for them.
"""

from collections.abc import Iterable
from importlib import import_module

from frugalbench import plugins
from frugalbench.meters._gpus import Present, Watch, present, watch
from frugalbench.meters._meter import Deferred, Meter, Reading, Unavailable
from frugalbench.spec import Target

__all__ = [
    "Deferred",
    "Meter",
    "Present",
    "Reading",
    "Unavailable",
    "Watch",
    "check",
    "names",
    "note",
    "open_meter",
    "present",
    "reason",
    "watch",
]


def names() -> tuple[str, ...]:
    """The names of the meters there are."""
    return tuple(sorted(plugins.modules(__name__, __path__)))


def check(wanted: Iterable[str]) -> None:
    """Refuse a name that no meter bears.

    Raises:
        UsageError: there is no meter of one of these names; the message suggests one.
    """
    known = plugins.modules(__name__, __path__)
    for name in wanted:
        plugins.find(name, known, "meter")


def open_meter(name: str, target: Target) -> Meter | Unavailable:
    """Open a meter by name, or say why it cannot be read here.

    Raises:
        UsageError: there is no meter of this name, or what the target says of it is wrong.
    """
    module = plugins.find(name, plugins.modules(__name__, __path__), "meter")
    opened: Meter | Unavailable = import_module(module).open(target)
    return opened


def note(meter: Meter) -> str:
    """What to know about a meter's readings; empty for most."""
    return str(getattr(meter, "note", ""))


def reason(meter: Meter, domain: str) -> str:
    """Why a domain could not be read, where the meter says it; empty otherwise."""
    told = getattr(meter, "reason", None)
    return str(told(domain)) if callable(told) else ""
