"""Which installed packages hold the module `onnxruntime`."""

from importlib.metadata import distributions

__all__ = ["wheels"]

MODULE = "onnxruntime/__init__.py"
NAMES = ("onnxruntime", "ort-", "ort_")


def wheels() -> dict[str, str]:
    """The installed packages that hold the module `onnxruntime`, with their versions.

    There must be one alone: each writes its files over those of the others, and takes them away
    when it is uninstalled.
    """
    found = {}
    for one in distributions():
        name = str(one.metadata["Name"] or "")
        # The lists of files of all other packages would take long to read.
        if name.lower().startswith(NAMES) and any(map(_is_module, one.files or ())):
            found[name] = one.version
    return dict(sorted(found.items()))


def _is_module(file: object) -> bool:
    return str(file) == MODULE
