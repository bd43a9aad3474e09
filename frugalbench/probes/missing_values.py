"""Values go missing, cell by cell, at random.

A float input gets NaN there, as an empty cell of a file would give. An input of whole numbers
cannot hold NaN and gets the column's median instead, which is how such a value is usually filled.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, columns

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "share of the cells"
SEVERITIES = (0.05, 0.2)
LEAST, MOST = 0.0, 1.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return columns(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The rows with about `severity` of their cells gone."""
    flat = array.reshape(len(array), -1)
    gone = rng.random(flat.shape) < severity
    filler = np.nan if whole.dtype.kind == "f" else whole.median.astype(whole.dtype)
    return np.where(gone, filler, flat).astype(array.dtype).reshape(array.shape)
