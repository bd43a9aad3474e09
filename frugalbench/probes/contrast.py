"""Images lose contrast: every pixel moves towards the mean of its image."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back, images

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "share of the contrast lost"
SEVERITIES = (0.3, 0.7)
LEAST, MOST = 0.0, 1.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return images(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The images with `severity` of their contrast lost."""
    if severity == 0:
        return array.copy()
    pixels = array.astype(np.float64)
    mean = pixels.mean(axis=(1, 2, 3), keepdims=True)
    return back(mean + (1 - severity) * (pixels - mean), whole)
