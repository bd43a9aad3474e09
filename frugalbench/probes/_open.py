"""Find a probe by its name."""

from importlib import import_module
from pathlib import Path

from frugalbench import plugins
from frugalbench.errors import MeasurementError
from frugalbench.probes._probe import Probe

__all__ = ["check", "names", "open_probe"]

PACKAGE = "frugalbench.probes"


def _known() -> dict[str, str]:
    return plugins.modules(PACKAGE, [str(Path(__file__).parent)])


def names() -> tuple[str, ...]:
    """The names of the probes there are."""
    return tuple(sorted(_known()))


def check(name: str) -> str:
    """Where a probe is.

    Raises:
        UsageError: there is no probe of this name; the message suggests one.
    """
    return plugins.find(name, _known(), "probe")


def open_probe(name: str) -> Probe:
    """A probe by its name.

    Raises:
        UsageError: there is no probe of this name; the message suggests one.
        MeasurementError: it needs a package that is not installed.
    """
    path = check(name)
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
