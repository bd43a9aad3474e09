"""Cheap models to compare with, fitted here: one file, one kind.

`fit("linear", rows)` calls `fit` of `baselines/linear.py`. A baseline is an ONNX graph that takes
the inputs of the model it is compared with, and answers the probabilities of the same classes, or
a number. It is written in few operators, so that its cost is its own. Other
packages add a kind under the entry point group `frugalbench.baselines`: a module with
`fit(rows: Rows) -> bytes`.
"""

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points

from frugalbench.baselines._graph import ANSWER
from frugalbench.baselines._rows import Rows
from frugalbench.errors import UsageError, did_you_mean

__all__ = ["ANSWER", "Rows", "fit", "names"]


def _modules() -> dict[str, str]:
    own = {
        info.name: f"{__name__}.{info.name}"
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    }
    return own | {point.name: point.value for point in entry_points(group="frugalbench.baselines")}


def names() -> tuple[str, ...]:
    """The kinds of baseline that can be fitted."""
    return tuple(sorted(_modules()))


def fit(kind: str, rows: Rows) -> bytes:
    """A baseline of a kind, fitted to training rows, as an ONNX file; its output is `ANSWER`.

    Raises:
        UsageError: there is no such kind, a package is absent, or it cannot be fitted to these
            rows.
    """
    modules = _modules()
    if kind not in modules:
        raise UsageError(f"there is no baseline '{kind}': {did_you_mean(kind, modules)}")
    try:
        made: bytes = import_module(modules[kind]).fit(rows)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise UsageError(
            f"the {kind} baseline is fitted with scikit-learn, which is not here: "
            "pip install 'frugalbench[sklearn]'"
        ) from None
    except ValueError as error:
        first = " ".join(str(error).split())[:160]
        raise UsageError(
            f"the {kind} baseline cannot be fitted to the training rows ({first}): leave it out"
        ) from None
    return made
