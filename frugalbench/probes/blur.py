"""Images out of focus: a Gaussian blur over height and width, edges repeated."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back, images

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
UNIT = "px"
SEVERITIES = (1.0, 2.0)
LEAST, MOST = 0.0, 50.0
SIGMAS = 4
"""So many standard deviations out the kernel ends."""


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return images(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The images blurred with a standard deviation of `severity` pixels."""
    if severity == 0:
        return array.copy()
    first = 2 if whole.layout == "NCHW" else 1
    pixels = array.astype(np.float64)
    for axis in (first, first + 1):
        pixels = _smooth(pixels, axis, severity)
    return back(pixels, whole)


def _smooth(pixels: Floats, axis: int, sigma: float) -> Floats:
    """Weighted mean along one axis, tap by tap."""
    reach = max(1, int(np.ceil(SIGMAS * sigma)))
    # A blur of next to nothing has one tap: the others are beyond what a double holds.
    with np.errstate(over="ignore"):
        taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    places = np.arange(pixels.shape[axis])
    smooth = np.zeros_like(pixels)
    for offset, weight in zip(range(-reach, reach + 1), taps, strict=True):
        smooth += weight * pixels.take(np.clip(places + offset, 0, places[-1]), axis)
    return smooth
