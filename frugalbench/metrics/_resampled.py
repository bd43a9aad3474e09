"""Ends of measures of groups whose rows come in clusters, from their replicates. No record here.

Sources: Efron (1979), the percentile interval; Cameron, Gelbach and Miller (2008), Student's t over
the clusters when they are few.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import resampled_sums
from frugalbench.metrics._intervals import t_value, wilson

__all__ = ["Ends", "alike", "resampled", "shares", "wider"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TINY = 1e-12
Ends = Callable[[float], tuple[Floats, Floats]]
"""The lower and the upper ends of several measures at a two-sided level."""


def resampled(estimates: Floats, drawn: Floats, clusters: Ints) -> Ends:
    """The wider of the percentile and Student's t interval at each end, element by element.

    Percentiles far out rest on a handful of replicates and are too narrow with few clusters; t
    trusts the estimate to spread evenly. One cluster says nothing about other ones: its ends are
    infinite.

    Args:
        estimates: the measures of the rows as they are, (k,).
        drawn: those of each resample, (replicates, k); NaN where one has no row to count.
        clusters: how many clusters have rows to count in each, (k,).
    """
    ordered = np.sort(np.ascontiguousarray(drawn.T), axis=1).T
    known = ordered.shape[0] - np.isnan(ordered).sum(axis=0)
    enough = (clusters > 1) & (known > 1)
    units = np.where(enough, clusters, 2)
    sizes, of = np.unique(units, return_inverse=True)
    # A resample of C clusters spreads by C - 1 where the clusters themselves spread by C.
    spread = np.sqrt(units / (units - 1)) * _deviation(drawn, known)

    def ends(level: float) -> tuple[Floats, Floats]:
        tail = (1 - level) / 2
        student = np.array([t_value(count - 1, level) for count in sizes])[of]
        half = np.where(enough, student * spread, np.inf)
        low, high = _quantile(ordered, known, tail), _quantile(ordered, known, 1 - tail)
        return np.fmin(low, estimates - half), np.fmax(high, estimates + half)

    return ends


def _deviation(drawn: Floats, known: Ints) -> Floats:
    """The standard deviation of the replicates that are there, (k,)."""
    count = np.maximum(known, 1)
    around = drawn - np.nansum(drawn, axis=0) / count
    out: Floats = np.sqrt(np.nansum(around * around, axis=0) / count)
    return out


def _quantile(ordered: Floats, known: Ints, share: float) -> Floats:
    """A quantile of the first `known` of each sorted column, (k,), between neighbours."""
    place = share * np.maximum(known - 1, 0)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(known - 1, 0))
    columns = np.arange(ordered.shape[1])
    at = ordered[below, columns]
    out: Floats = at + (place - below) * (ordered[above, columns] - at)
    return out


def alike(drawn: Floats, clusters: Ints) -> Callable[[float], Floats]:
    """How far off a share may be whose clusters all have the same; 0 where they differ, (k,).

    There is no spread to learn from then, and no certainty either: as many clusters may all be
    alike by chance when up to Wilson's share of none differ as far as they can.
    """
    there = np.where(np.isnan(drawn), np.nanmean(drawn, axis=0), drawn)
    flat = np.ptp(there, axis=0) < TINY
    return lambda level: np.where(flat, wilson(0, clusters, level)[1], 0.0)


def wider(middle: Floats, ends: tuple[Floats, Floats], *apart: Floats) -> tuple[Floats, Floats]:
    """Ends that hold further distances from the middle too, independent of each other (MOVER)."""
    low, high = ends
    squares = sum((one * one for one in apart), start=np.zeros(middle.size))
    return (
        middle - np.sqrt((middle - low) ** 2 + squares),
        middle + np.sqrt((high - middle) ** 2 + squares),
    )


def shares(
    codes: Ints, values: npt.NDArray[Any], clusters: npt.NDArray[Any], groups: int, seed: int
) -> tuple[Floats, Ints]:
    """The mean of the rows of each group in resampled clusters, and each group's clusters.

    Args:
        codes: the group of each row, (rows,).
        values: a number for each row, (rows,).
        clusters: which rows belong together, (rows,); two clusters at least.
        groups: how many groups there are.
        seed: of the drawing.

    Returns:
        Replicates (replicates, groups), NaN where a group has no row; clusters int64 (groups,).
    """
    known, number = np.unique(clusters, return_inverse=True)
    cells, size = number * groups + codes, known.size * groups
    totals = np.bincount(cells, weights=values, minlength=size).reshape(known.size, groups)
    rows = np.bincount(cells, minlength=size).reshape(known.size, groups)
    sums = resampled_sums(np.hstack([totals, rows]), None, seed=seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = sums[:, :groups] / sums[:, groups:]
    return drawn, (rows > 0).sum(axis=0)
