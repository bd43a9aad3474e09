"""Features are shuffled among the rows: each keeps its values and loses its tie to the rest.

The severity is the share of features, one at least; they are drawn at random. An input of one
column is shuffled with that probability. A single row takes its values from other rows of the data.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "share of the features"
SEVERITIES = (0.1, 0.3)
LEAST, MOST = 0.0, 1.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    if not whole.is_table:
        return "its input is no table: it has more than one number a column"
    return "" if len(whole.rows) > 1 else "the data have one row: there is nothing to shuffle with"


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The rows with `severity` of the features shuffled."""
    mixed = array.copy().reshape(len(array), -1)
    width = mixed.shape[1]
    count = int(rng.random() < severity) if width == 1 else round(severity * width)
    count = max(count, int(width > 1 and severity > 0))
    others = np.asarray(array if len(array) > 1 else whole.rows).reshape(-1, width)
    for column in rng.choice(width, count, replace=False):
        mixed[:, column] = others[rng.permutation(len(others))[: len(mixed)], column]
    return mixed.reshape(array.shape)
