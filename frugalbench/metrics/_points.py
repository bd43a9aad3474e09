"""Intervals of changes that are all equal: a point, which says nothing of other rows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.values import Missing

__all__ = ["LEAST_WIDTH", "is_point", "same_change"]

LEAST_WIDTH = 1e-9
"""Of the largest change: what is narrower comes of rounding."""


def is_point(low: float, high: float, changes: npt.NDArray[Any]) -> bool:
    """Whether an interval of a mean of changes, (rows,), is no wider than their rounding."""
    return high - low <= LEAST_WIDTH * float(np.abs(changes).max(initial=0.0))


def same_change(of: str = "all rows") -> Missing:
    """Why there is no interval where the errors of all rows, or clusters, changed alike."""
    return Missing(
        reason="same_error",
        detail=f"the error of {of} changed by the same, which says nothing of how much that of "
        "others would",
    )
