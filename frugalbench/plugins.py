"""One file, one plug-in: a package's own modules by file name, and those of other packages.

Other packages add a module under the entry point group that bears the package's name, such as
`frugalbench.runners`.
"""

import pkgutil
from collections.abc import Iterable
from importlib.metadata import entry_points

from frugalbench.errors import UsageError, did_you_mean

__all__ = ["find", "modules"]


def modules(package: str, path: Iterable[str]) -> dict[str, str]:
    """The dotted name of each plug-in's module, by the plug-in's name.

    Args:
        package: the dotted name of the package.
        path: its `__path__`; a module whose name begins with an underscore is no plug-in.
    """
    own = {
        info.name: f"{package}.{info.name}"
        for info in pkgutil.iter_modules(path)
        if not info.name.startswith("_")
    }
    return own | {point.name: point.value for point in entry_points(group=package)}


def find(name: str, known: dict[str, str], what: str) -> str:
    """The dotted name of one plug-in's module.

    Raises:
        UsageError: there is none of this name; the message suggests one.
    """
    if name not in known:
        raise UsageError(f"there is no {what} '{name}': {did_you_mean(name, known)}")
    return known[name]
