"""The feed of a tabular model as one matrix of standardised columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_FEATURES", "standardised"]

Floats = npt.NDArray[np.float64]
MAX_FEATURES = 500
MAX_CELLS = 50_000_000
"""400 MB of double precision."""


def standardised(feed: Mapping[str, npt.NDArray[Any]], rows: int) -> Floats | None:
    """Every column of every input with mean 0 and standard deviation 1, shape (rows, columns).

    What is not finite is put at the mean of its column. Constant columns, which tell no row from
    another, are left out.

    Args:
        feed: every row of every input, row axis first.
        rows: how many there are.

    Returns:
        None where an input holds text, or more than one axis of features, or there are too many.
    """
    width = 0
    for array in feed.values():
        tabular = array.ndim in (1, 2) and len(array) == rows and array.dtype.kind in "biuf"
        if not tabular:
            return None
        width += array.shape[1] if array.ndim == 2 else 1
    if not 0 < width <= MAX_FEATURES or rows * width > MAX_CELLS:
        return None
    columns = np.column_stack([np.asarray(one, np.float64) for one in feed.values()])
    columns[~np.isfinite(columns)] = np.nan
    # Scaled first, so that the square of no number overflows.
    empty = np.isnan(columns)
    columns /= np.maximum(np.where(empty, 0.0, np.abs(columns)).max(axis=0, initial=0.0), 1e-300)
    counts = np.maximum((~empty).sum(axis=0), 1)
    columns -= np.where(empty, 0.0, columns).sum(axis=0) / counts
    columns[empty] = 0.0
    spread = np.sqrt((columns**2).sum(axis=0) / counts)
    varied = spread > 1e-12
    matrix: Floats = columns[:, varied] / spread[varied]
    return matrix
