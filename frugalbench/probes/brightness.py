"""Images become brighter, or darker where the severity is negative.

Every pixel moves by a share of the range of values, and stops at its ends.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back, images

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "share of the range of values"
SEVERITIES = (-0.3, 0.3)
LEAST, MOST = -1.0, 1.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return images(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The images, brighter by `severity` of the range."""
    if severity == 0:
        return array.copy()
    return back(array.astype(np.float64) + severity * whole.spread, whole)
