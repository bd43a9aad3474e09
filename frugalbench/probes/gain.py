"""A sound louder or softer, in dB; what passes the largest value of the data is clipped."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back, signals

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "dB"
SEVERITIES = (-12.0, 12.0)
LEAST, MOST = -120.0, 120.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return signals(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The sounds amplified by `severity` dB."""
    if severity == 0:
        return array.copy()
    return back(array.astype(np.float64) * 10 ** (severity / 20), whole, overall=True)
