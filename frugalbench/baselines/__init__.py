"""Cheap models to compare with, fitted here: one file, one kind.

`fit("linear", rows)` calls `fit` of `baselines/linear.py`. A baseline is an ONNX graph that takes
the inputs of the model it is compared with, and answers the probabilities of the same classes, or
a number. It is written in few operators, so that its cost is its own. Other
packages add a kind under the entry point group `frugalbench.baselines`: a module with
`fit(rows: Rows) -> bytes`.
"""

from importlib import import_module

from frugalbench import plugins
from frugalbench.baselines._graph import ANSWER
from frugalbench.baselines._rows import Rows
from frugalbench.errors import UsageError

__all__ = ["ANSWER", "Rows", "fit", "names"]


def names() -> tuple[str, ...]:
    """The kinds of baseline that can be fitted."""
    return tuple(sorted(plugins.modules(__name__, __path__)))


def fit(kind: str, rows: Rows) -> bytes:
    """A baseline of a kind, fitted to training rows, as an ONNX file; its output is `ANSWER`.

    Raises:
        UsageError: there is no such kind, a package is absent, or it cannot be fitted to these
            rows.
    """
    module = plugins.find(kind, plugins.modules(__name__, __path__), "baseline")
    try:
        made: bytes = import_module(module).fit(rows)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise UsageError(
            f"the {kind} baseline is fitted with scikit-learn, which is not here: "
            "pip install scikit-learn"
        ) from None
    except ValueError as error:
        first = " ".join(str(error).split())[:160]
        raise UsageError(
            f"the {kind} baseline cannot be fitted to the training rows ({first}): leave it out"
        ) from None
    return made
