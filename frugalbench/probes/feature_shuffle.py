"""Features are shuffled among the rows: each keeps its values and loses its tie to the rest.

The severity is the share of features, rounded up to whole ones: of 4 features 0.1 is one, 0.3 two.
They come in one order drawn at random, whatever the severity, so that those shuffled at a lower one
are shuffled at a higher one too. An input of one column is shuffled with that probability. A single
row takes its values from other rows of the data.
"""

import math
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
    drawn = np.random.default_rng(whole.seed)
    if width == 1:
        shuffled = np.arange(int(drawn.random() < severity))
    else:
        # A share that is whole but for rounding is not one feature more.
        count = max(math.ceil(round(severity * width, 9)), int(severity > 0))
        shuffled = drawn.permutation(width)[:count]
    others = np.asarray(array if len(array) > 1 else whole.rows).reshape(-1, width)
    for column in shuffled:
        mixed[:, column] = others[rng.permutation(len(others))[: len(mixed)], column]
    return mixed.reshape(array.shape)
