"""Intervals of statistics that are made of sums, where whole clusters of rows are resampled.

Rows of one person or one site are not independent of each other: drawing them one by one makes an
interval too narrow, so whole clusters are drawn. Rows that are independent are clusters of one.

Sources: Efron (1979), the bootstrap; Field and Welsh (2007), that of clusters; Cameron, Gelbach and
Miller (2008), Student's t over the clusters when they are few.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import LEVEL, t_value

__all__ = ["REPLICATES", "Seed", "number_of_clusters", "resampled_interval", "resampled_sums"]

Floats = npt.NDArray[np.float64]
Seed = int | Sequence[int]

REPLICATES = 2000
MOST = 1 << 13
"""Clusters resampled one by one. More are put together at random into so many: their sums are as
independent as before, and a variance is known to 1 in √(2 × MOST), far closer than 2,000 replicates
show it."""
CELLS = 1 << 16
"""Weights held at a time: they stay in the cache of the processor."""


def number_of_clusters(clusters: npt.NDArray[Any] | None, rows: int) -> int:
    """How many clusters have rows; each row is one of its own where there are none."""
    return rows if clusters is None else int(np.unique(clusters).size)


def resampled_sums(
    values: npt.NDArray[Any],
    clusters: npt.NDArray[Any] | None,
    replicates: int = REPLICATES,
    seed: Seed = 0,
) -> Floats:
    """Sums of the rows of as many clusters as there are, drawn with replacement.

    Args:
        values: what is summed, (rows, k).
        clusters: which rows belong together, integers (rows,); None when every row is alone.
        replicates: how many times all clusters are drawn.
        seed: of the drawing, so that a record always gives the same interval.

    Returns:
        The sums, (replicates, k).

    Raises:
        ValueError: there are fewer than two clusters, which say nothing about other ones.
    """
    rng = np.random.default_rng(seed)
    sums = _cluster_sums(values, clusters, rng)
    count = len(sums)
    if count < 2:
        raise ValueError("needs two clusters at least")
    drawn = np.empty((replicates, sums.shape[1]))
    at_once = max(1, CELLS // count)
    for start in range(0, replicates, at_once):
        size = min(at_once, replicates - start)
        picks = rng.integers(0, count, (size, count))
        picks += np.arange(size)[:, None] * count
        weights = np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)
        drawn[start : start + size] = weights.astype(np.float64) @ sums
    return drawn


def _cluster_sums(
    values: npt.NDArray[Any], clusters: npt.NDArray[Any] | None, rng: np.random.Generator
) -> Floats:
    """The sum of each cluster, (clusters, k), or of each of `MOST` random unions of them."""
    rows, columns = values.shape
    if clusters is None:
        count, codes = rows, np.arange(rows)
    else:
        known, codes = np.unique(clusters, return_inverse=True)
        count = known.size
    if count > MOST:
        # By chance and not in turn: a file may be sorted, or repeat itself.
        codes = (rng.permutation(count) % MOST)[codes]
        count = MOST
    elif clusters is None:
        return values.astype(np.float64)
    sums = np.empty((count, columns))
    for column in range(columns):
        sums[:, column] = np.bincount(codes, weights=values[:, column], minlength=count)
    return sums


def resampled_interval(
    estimate: float, replicates: Floats, clusters: int, level: float = LEVEL
) -> tuple[float, float]:
    """The wider of the percentile and Student's t interval at each end; it holds the estimate.

    Percentiles of few clusters are too narrow, and t trusts the statistic to spread evenly.

    Args:
        estimate: the statistic of the rows as they are.
        replicates: the statistic of each resample, (replicates,); NaN where it is undefined.
        clusters: how many clusters, or independent rows, were resampled.
        level: two-sided confidence level.

    Returns:
        (low, high).

    Raises:
        ValueError: there are fewer than two clusters, or no replicate is defined.
    """
    known = replicates[np.isfinite(replicates)]
    if clusters < 2 or not known.size:
        raise ValueError("needs two clusters and a defined replicate at least")
    tail = (1 - level) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    # A resample of C clusters spreads by C - 1 where the clusters themselves spread by C.
    scale = math.sqrt(clusters / (clusters - 1))
    half = t_value(clusters - 1, level) * scale * float(known.std())
    return min(estimate, float(low), estimate - half), max(estimate, float(high), estimate + half)
