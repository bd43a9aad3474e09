"""Measures of the scores of one group of rows, on plain arrays. No record is known here.

Rows that belong together are resampled together where `clusters` says which do. What cannot be said
of so few rows, or of scores that are not numbers, is None.

Sources: Naeini et al. (2015), expected calibration error, with bins of equal mass as in Nguyen and
O'Connor (2015); De Moivre (1730), the mean distance of a binomial count from its mean; DeLong et
al. (1988) and Obuchowski (1997), areas under the ROC curve of rows alone and in clusters.
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
from frugalbench.metrics._folded import Estimate, Folded, folded
from frugalbench.metrics._intervals import LEVEL, auc_of_places, share_below
from frugalbench.metrics._means import in_the_large

__all__ = ["BINS", "ECE_ROWS", "auc", "bin_codes", "ece"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[Any]

BINS = 10
ECE_ROWS = 300
"""Below so many rows, bins of calibration hold mostly noise."""


def bin_codes(p: Floats, bins: int = BINS) -> npt.NDArray[np.int64]:
    """Which of `bins` bins of equal mass each score is in, (rows,); equal scores stay together."""
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, p).astype(np.int64)


def ece(
    p: Floats,
    y: Codes,
    clusters: Codes | None = None,
    level: float = LEVEL,
    seed: Seed = 0,
) -> Folded | None:
    """Expected calibration error over ten bins of equal mass; arguments as in `_means.brier`.

    The bins are fixed by the scores, and so is what the interval says: labels are drawn anew in
    each bin, or clusters are drawn with their scores and labels.

    Returns:
        (estimate, low, high, expected): `expected` is what a perfectly calibrated model with these
        scores would show on average, were its rows independent. None below 300 rows, and of a
        single cluster.
    """
    if p.size < ECE_ROWS or not np.isfinite(p).all():
        return None
    count, codes = number_of_clusters(clusters, p.size), bin_codes(p)
    if count < 2:
        return None
    # Scaled so that the mean distance over the bins is the error.
    scale = BINS / p.size
    gaps = scale * np.bincount(codes, weights=p - y, minlength=BINS).astype(np.float64)
    if clusters is None:
        noises = [scale * one for one in _label_noise(codes, y, seed)]
        large = in_the_large(p, y, level=level)
        assert large is not None, "there are rows"
        ends = large.low, large.high
    else:
        spread = np.where(codes[:, None] == np.arange(BINS), (p - y)[:, None], 0.0)
        drawn = scale * resampled_sums(spread, clusters, REPLICATES, seed)
        noises = [(drawn - gaps) * math.sqrt(count / (count - 1))]
        ends = resampled_interval(float(gaps.mean()), drawn.mean(axis=1), count, level)
    found = [folded(gaps, noise, level=level) for noise in noises]
    # No error is smaller than that of the mean, whose interval is never a point.
    high = max(*(one.high for one in found), -ends[0], ends[1])
    low = min(one.low for one in found)
    # A sum of shares may exceed 1 by its rounding.
    error = min(1.0, found[0].estimate)
    return Folded(error, min(low, error), min(1.0, high), _expected_ece(p, codes))


def _label_noise(codes: npt.NDArray[np.int64], y: Codes, seed: Seed) -> list[Floats]:
    """How far counts of labels drawn anew in each bin are from their mean, (replicates, bins).

    Once as often as they were seen, once with one half of a row of either kind more: a bin that
    showed none of a kind is not sure to have none, and one that has none is not noisy.
    """
    rows = np.bincount(codes, minlength=BINS)
    ones = np.bincount(codes, weights=y, minlength=BINS)
    rng = np.random.default_rng(seed)
    found = []
    for more in (0.5, 0.0):
        share = (ones + more) / np.maximum(rows + 2 * more, 1)
        found.append(rows * share - rng.binomial(rows, share, (REPLICATES, BINS)))
    return found


def _expected_ece(p: Floats, codes: npt.NDArray[np.int64]) -> float:
    """The mean error of labels that come as often as the scores say.

    A bin's count is taken as binomial, narrowed as far as its scores differ.
    """
    total = 0.0
    for code in np.unique(codes):
        inside = np.clip(p[codes == code], 0.0, 1.0)
        n, share = inside.size, float(inside.mean())
        evenly = n * share * (1 - share)
        if evenly > 0:
            k = math.floor(n * share) + 1
            chance = math.exp(
                math.lgamma(n + 1)
                - math.lgamma(k + 1)
                - math.lgamma(n - k + 1)
                + k * math.log(share)
                + (n - k) * math.log1p(-share)
            )
            narrowed = math.sqrt(float((inside * (1 - inside)).sum()) / evenly)
            total += 2 * k * (1 - share) * chance * narrowed
    return total / p.size


def auc(
    p: Floats, y: Codes, clusters: Codes | None = None, level: float = LEVEL, seed: Seed = 0
) -> Estimate | None:
    """Area under the ROC curve; arguments as in `_means.brier`.

    At each end the wider of DeLong's and Newcombe's intervals, and of that of resampled clusters,
    whose rows keep the places they have among all rows of the other class. None with fewer than
    two rows of a class, or a single cluster.
    """
    ones = y.astype(bool)
    if min(int(ones.sum()), int((~ones).sum())) < 2 or not np.isfinite(p).all():
        return None
    over, under = share_below(p[ones], p[~ones]), 1 - share_below(p[~ones], p[ones])
    area, low, high = auc_of_places(over, under, level)
    if clusters is None:
        return Estimate(area, low, high)
    count = number_of_clusters(clusters, p.size)
    if count < 2:
        return None
    place = np.zeros((p.size, 2))
    place[ones, 0], place[~ones, 1] = over, under
    columns = np.column_stack([place, ones, ~ones])
    above, below, positives, negatives = resampled_sums(columns, clusters, REPLICATES, seed).T
    with np.errstate(invalid="ignore", divide="ignore"):
        areas = above / positives + below / negatives - area
    ends = resampled_interval(area, areas, count, level)
    return Estimate(area, max(0.0, min(low, ends[0])), min(1.0, max(high, ends[1])))
