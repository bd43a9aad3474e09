"""Means of one group of rows, on plain arrays, with their intervals. No record is known here.

Rows that belong together are resampled together where `clusters` says which do. What cannot be said
of so few rows, or of numbers that are not finite, is None.

Sources: Brier (1950); Cox (1958), calibration in the large; Welch (1947); Zou and Donner (2008),
MOVER.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import (
    REPLICATES,
    Seed,
    number_of_clusters,
    resampled_interval,
    resampled_sums,
)
from frugalbench.metrics._folded import Estimate
from frugalbench.metrics._intervals import LEVEL, mean_t, summable, wilson

__all__ = [
    "bounded_mean",
    "brier",
    "difference",
    "in_the_large",
    "mae",
    "mean",
    "mean_residual",
    "rmse",
]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[Any]


def mean(
    values: Floats, clusters: Codes | None = None, level: float = LEVEL, seed: Seed = 0
) -> Estimate | None:
    """The mean with Student's interval, or a bootstrap's of clusters; None of fewer than two."""
    if values.size < 2 or not summable(values):
        return None
    if clusters is None:
        middle, half = mean_t(values, level)
        return Estimate(middle, middle - half, middle + half)
    count = number_of_clusters(clusters, values.size)
    if count < 2:
        return None
    drawn = resampled_sums(
        np.column_stack([values, np.ones(values.size)]), clusters, REPLICATES, seed
    )
    middle = float(values.mean())
    return Estimate(middle, *resampled_interval(middle, drawn[:, 0] / drawn[:, 1], count, level))


def brier(
    p: Floats, y: Codes, clusters: Codes | None = None, level: float = LEVEL, seed: Seed = 0
) -> Estimate | None:
    """Mean squared distance of probabilities to what came, in [0, 1]; None of fewer than two rows.

    Args:
        p: probabilities, (rows,).
        y: 1 where it came, else 0, (rows,).
        clusters: which rows belong together.
        level: two-sided confidence level.
        seed: of the resampling of clusters.
    """
    return bounded_mean((p - y) ** 2, 0.0, 1.0, clusters, level, seed)


def bounded_mean(
    values: Floats,
    least: float,
    most: float,
    clusters: Codes | None = None,
    level: float = LEVEL,
    seed: Seed = 0,
) -> Estimate | None:
    """The mean of values from `least` to `most`; as `mean`, and never a point.

    Values that are all alike have no spread to learn from: as many rows, or clusters, may all be
    alike by chance when up to Wilson's share of none differ as far as they can.
    """
    found = mean(values, clusters, level, seed)
    if found is None:
        return None
    middle, low, high = found
    if np.ptp(values) == 0:
        share = float(wilson(0, number_of_clusters(clusters, values.size), level)[1])
        low, high = middle - share * (middle - least), middle + share * (most - middle)
    return Estimate(middle, min(middle, max(least, low)), max(middle, min(most, high)))


def in_the_large(
    p: Floats, y: Codes, clusters: Codes | None = None, level: float = LEVEL, seed: Seed = 0
) -> Estimate | None:
    """Mean probability minus observed frequency, with a paired interval; arguments of `brier`."""
    found = mean(p - y, clusters, level, seed)
    if found is None:
        return None
    low, high = found.low, found.high
    if np.ptp(p - y) == 0:
        ends = wilson(float(y.sum()), y.size, level)
        low, high = min(low, float(p.mean() - ends[1])), max(high, float(p.mean() - ends[0]))
    return Estimate(found.estimate, max(-1.0, low), min(1.0, high))


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Difference of two independent estimates, its interval recovered from theirs (MOVER)."""
    d = one.estimate - other.estimate
    low = math.hypot(one.estimate - one.low, other.high - other.estimate)
    high = math.hypot(one.high - one.estimate, other.estimate - other.low)
    return Estimate(d, d - low, d + high)


def mean_residual(
    value: Floats,
    target: Floats,
    clusters: Codes | None = None,
    level: float = LEVEL,
    seed: Seed = 0,
) -> Estimate | None:
    """Mean of answers minus labels: above 0, the answers are too high. None of too few rows.

    Args:
        value: answers, (rows,), in the unit of the label.
        target: labels, (rows,).
        clusters: which rows belong together.
        level: two-sided confidence level.
        seed: of the resampling of clusters.
    """
    return mean(value - target, clusters, level, seed)


def mae(
    value: Floats,
    target: Floats,
    clusters: Codes | None = None,
    level: float = LEVEL,
    seed: Seed = 0,
) -> Estimate | None:
    """Mean absolute error; arguments of `mean_residual`."""
    found = mean(np.abs(value - target), clusters, level, seed)
    return found and found._replace(low=max(0.0, found.low))


def rmse(
    value: Floats,
    target: Floats,
    clusters: Codes | None = None,
    level: float = LEVEL,
    seed: Seed = 0,
) -> Estimate | None:
    """Root of the mean squared error, its interval the root of that of the mean square."""
    with np.errstate(over="ignore"):
        found = mean((value - target) ** 2, clusters, level, seed)
    return found and Estimate(*(math.sqrt(max(0.0, end)) for end in found))
