"""Sizes of a vector of differences, which noise alone makes larger than 0.

An expected calibration error, an area between two curves, a largest distance: each is the size of a
vector of gaps, and gaps that are all 0 in truth are never all 0 in a sample. So the percentiles of
a bootstrap, in which noise is added twice, may lie wholly above the truth. Here the interval is
that of a test instead: the true gaps are taken to be the observed ones, shrunk or stretched alike,
and a factor is in the interval when noise added to the gaps so scaled gives the observed size
without being surprised. Gaps of 0 are among them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import LEVEL

__all__ = ["Estimate", "Folded", "folded", "mean_size"]

Floats = npt.NDArray[np.float64]
Size = Callable[[Floats], Floats]
STEPS = 14
CLEAR = 2.0
"""How many standard deviations of its noise make a gap clear."""


class Estimate(NamedTuple):
    """A number and the ends of its interval."""

    estimate: float
    low: float
    high: float


class Folded(NamedTuple):
    """A size, never negative, with what is expected of it when there is no true difference."""

    estimate: float
    low: float
    high: float
    expected: float


def mean_size(gaps: Floats) -> Floats:
    """The mean distance from 0 along the last axis."""
    sizes: Floats = np.abs(gaps).mean(axis=-1)
    return sizes


def folded(
    gaps: Floats,
    noise: Floats,
    size: Size = mean_size,
    level: float = LEVEL,
) -> Folded:
    """The size of a vector of gaps, with the interval of the true one.

    Args:
        gaps: the observed gaps, (k,).
        noise: how far gaps of resamples are from those, (replicates, k).
        size: a norm along the last axis.
        level: two-sided confidence level.

    Returns:
        (estimate, low, high, expected), `expected` being the mean size of the noise alone.
    """
    seen, alone = float(size(gaps)), size(noise)
    expected, tail = float(alone.mean()), (1 - level) / 2
    if seen == 0:
        return Folded(0.0, 0.0, float(np.quantile(alone, 1 - tail)), expected)
    # Few large gaps among many of 0 give more noise to their size than the observed ones do.
    clear = np.where(np.abs(gaps) > CLEAR * noise.std(axis=0), gaps, 0.0)
    low = min(_low(shape, seen, noise, size, tail) for shape in (gaps, clear) if shape.any())

    def small_enough(factor: float) -> bool:
        return float((size(factor * gaps + noise) <= seen).mean()) >= tail

    if small_enough(0.0):
        high = _last(small_enough, 0.0, 1 + float(alone.max()) / seen) * seen
    else:
        # Less than noise alone gives: no factor explains it, so noise is added twice after all.
        high = float(np.quantile(size(gaps + noise), 1 - tail))
    return Folded(seen, min(low, seen), max(seen, high), expected)


def _low(shape: Floats, seen: float, noise: Floats, size: Size, tail: float) -> float:
    """The least size of gaps in the shape of these that noise can make as large as the seen one."""
    own = float(size(shape))

    def too_small(factor: float) -> bool:
        return float((size(factor * shape + noise) >= seen).mean()) < tail

    return _last(too_small, 0.0, seen / own) * own if too_small(0.0) else 0.0


def _last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The end of where something holds, which it does at `low` and not past `high`."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
