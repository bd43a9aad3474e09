"""Find a probe by its name."""

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from frugalbench.errors import MeasurementError, UsageError, did_you_mean
from frugalbench.probes._probe import Probe

__all__ = ["check", "names", "open_probe"]

PACKAGE = "frugalbench.probes"


def _modules() -> dict[str, str]:
    own = {
        info.name: f"{PACKAGE}.{info.name}"
        for info in pkgutil.iter_modules([str(Path(__file__).parent)])
        if not info.name.startswith("_")
    }
    return own | {point.name: point.value for point in entry_points(group=PACKAGE)}


def names() -> tuple[str, ...]:
    """The names of the probes there are."""
    return tuple(sorted(_modules()))


def check(name: str) -> dict[str, str]:
    """Where each probe is, once it is known that there is one of this name.

    Raises:
        UsageError: there is no probe of this name; the message suggests one.
    """
    modules = _modules()
    if name not in modules:
        raise UsageError(f"there is no probe '{name}': {did_you_mean(name, modules)}")
    return modules


def open_probe(name: str) -> Probe:
    """A probe by its name.

    Raises:
        UsageError: there is no probe of this name; the message suggests one.
        MeasurementError: it needs a package that is not installed.
    """
    path = check(name)[name]
    try:
        module = import_module(path)
    except ImportError as error:
        raise MeasurementError(
            f"the probe '{name}' needs a package that is not installed: {error}"
        ) from None
    return Probe(
        name=name,
        unit=module.UNIT,
        severities=module.SEVERITIES,
        least=module.LEAST,
        most=module.MOST,
        unfit=module.unfit,
        disturb=getattr(module, "disturb", None),
        search=getattr(module, "search", None),
    )
