"""Normal noise on every number.

In a table the severity is a share of each column's standard deviation, elsewhere (images, sounds)
of the range of all values. Columns that hold whole numbers only (codes of categories, counts, 0
and 1) stay so: the noisy value is rounded, and clipped to what the column reaches, so that a little
noise leaves a code alone and more of it gives a neighbouring one. Empty values stay empty.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "share of the spread"
SEVERITIES = (0.1, 0.5)
LEAST, MOST = 0.0, 100.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return "" if whole.is_number else "its input holds text, not numbers"


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The rows with noise of `severity` times the spread."""
    if severity == 0:
        return array.copy()
    flat = array.reshape(len(array), -1) if whole.is_table else array
    noise = rng.standard_normal(flat.shape) * severity * whole.spread
    if whole.is_table:
        noise[:, whole.is_coded] = np.rint(noise[:, whole.is_coded])
    noisy = back(flat.astype(np.float64) + noise, whole)
    # What did not move keeps its exact value, which a double may not hold.
    return np.where(noise == 0, flat, noisy).astype(array.dtype).reshape(array.shape)
