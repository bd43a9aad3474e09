"""Distances between two groups' curves: ROC curves, and distributions of answers.

Sources: Gardner et al. (2019), ABROCA, the area between two ROC curves; Massart (1990), the
constant of the Dvoretzky–Kiefer–Wolfowitz inequality; Kish (1965), the worth of unequal weights.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import REPLICATES, Seed, number_of_clusters, resampled_sums
from frugalbench.metrics._folded import Estimate, Folded, folded
from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._means import difference
from frugalbench.metrics._scores import auc

__all__ = ["Roc", "area_between", "ks", "roc"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

CELLS = 256
"""Cells of scores that are counted when rows are resampled, each with as many rows."""
FEW_CELLS = 64
"""The same when clusters are resampled: every cell is a column of sums."""
SHUFFLES = 100
GRID = (np.arange(64) + 0.5) / 64
"""False positive rates at which resampled curves are compared."""


@dataclass(frozen=True, slots=True)
class Roc:
    """A group's ROC curve and how it moves when its rows are resampled.

    `false` and `true` are the rates at its corners, rising from 0 to 1; equal scores make a slope.
    `noise` (replicates, grid) is how far resampled curves are from it; `auc` is the area under it.
    """

    false: Floats
    true: Floats
    noise: Floats
    auc: Estimate

    def areas(self) -> Floats:
        """The areas under resampled curves, (replicates,)."""
        areas: Floats = self.auc.estimate + self.noise.mean(axis=1)
        return areas


def roc(
    p: Floats,
    y: Codes,
    seed: Seed = 0,
    clusters: Codes | None = None,
    within: npt.NDArray[np.bool_] | None = None,
) -> Roc | None:
    """The ROC curve of a group, and of 2,000 resamples of it.

    Rows of each class are resampled apart. Where groups share clusters, give each all the rows, its
    own ones as `within`, and the same seed, so that a cluster is drawn into all groups at once;
    groups that share none need different seeds, or their noise would be the same.

    Args:
        p: scores, (rows,).
        y: 1 for a positive row, else 0, (rows,).
        seed: of the resampling.
        clusters: which rows belong together.
        within: which of the rows are of the group; None means all.

    Returns:
        None with fewer than two rows of a class, scores that are not numbers, or a single cluster.
    """
    inside = np.ones(p.size, bool) if within is None else within
    group = None if clusters is None else clusters[inside]
    area = auc(p[inside], y[inside], group, seed=seed)
    if area is None:
        return None
    ones = y.astype(bool) & inside
    zeros = ~y.astype(bool) & inside
    false, true = _corners(p[ones], p[zeros])
    edges = _edges(p[inside], CELLS if clusters is None else FEW_CELLS)
    # From the highest scores to the lowest, as a curve is drawn.
    cells = edges.size - np.searchsorted(edges, p)
    if clusters is None:
        rng = np.random.default_rng(seed)
        counts: list[npt.NDArray[Any]] = [
            _drawn(cells[rows], edges.size + 1, rng) for rows in (zeros, ones)
        ]
    else:
        counts = [*_drawn_together(cells, (zeros, ones), edges.size + 1, clusters, seed)]
    seen = [np.bincount(cells[rows], minlength=edges.size + 1)[None] for rows in (zeros, ones)]
    # The resampled curves are of cells, so they are compared with that of the cells.
    noise = _heights(*counts) - _heights(*seen)
    if clusters is not None:
        count = number_of_clusters(clusters, p.size)
        noise = noise * math.sqrt(count / (count - 1))
    return Roc(false, true, noise, area)


def _edges(p: Floats, cells: int) -> Floats:
    """Upper edges of all but the last cell; every score its own cell where there are few."""
    known = np.unique(p)
    if known.size <= cells:
        return known[:-1].astype(np.float64)
    return np.unique(np.quantile(p, np.linspace(0, 1, cells + 1)[1:-1]))


def _drawn(cells: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Rows in each cell when as many are drawn with replacement, (replicates, count)."""
    shares = np.bincount(cells, minlength=count) / cells.size
    return rng.multinomial(cells.size, shares, REPLICATES)


def _drawn_together(
    cells: Ints,
    classes: tuple[npt.NDArray[np.bool_], ...],
    count: int,
    clusters: Codes,
    seed: Seed,
) -> list[Floats]:
    """The same for each class when clusters are drawn."""
    columns = [(cells[:, None] == np.arange(count)) & rows[:, None] for rows in classes]
    drawn = resampled_sums(np.hstack(columns), clusters, REPLICATES, seed)
    return np.split(drawn, len(classes), axis=1)


def _corners(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates at every distinct score, from (0, 0) to (1, 1)."""
    known = np.unique(np.concatenate([positives, negatives]))[::-1]
    rates = []
    for scores in (negatives, positives):
        below = np.searchsorted(np.sort(scores), known, "left")
        rates.append(np.concatenate([[0.0], 1 - below / scores.size]))
    return rates[0], rates[1]


def _heights(negatives: npt.NDArray[Any], positives: npt.NDArray[Any]) -> Floats:
    """True positive rates at the grid of curves of counts by cell, (replicates, grid).

    A resample without rows of a class has no curve, and takes the diagonal.
    """
    false, true = (_rates(counts) for counts in (negatives, positives))
    first = 2.0 * np.arange(len(false))[:, None]
    at = np.searchsorted((false + first).ravel(), (GRID + first).ravel(), "right")
    at = at.reshape(len(false), GRID.size)
    flat_false, flat_true = false.ravel(), true.ravel()
    low, high = flat_false[at - 1], flat_false[at]
    up = flat_true[at] - flat_true[at - 1]
    heights: Floats = flat_true[at - 1] + (GRID - low) / (high - low) * up
    return heights


def _rates(counts: npt.NDArray[Any]) -> Floats:
    """Shares of the rows in the first cells, with a 0 before, (replicates, cells + 1)."""
    sums = np.cumsum(counts, axis=1, dtype=np.float64)
    total = sums[:, -1:]
    even = np.arange(1, sums.shape[1] + 1) / sums.shape[1]
    shares = np.where(total > 0, sums / np.maximum(total, 1), even)
    # The last corner is exactly 1, whatever the rounding: no grid point lies past it.
    shares[:, -1] = 1.0
    return np.hstack([np.zeros((len(shares), 1)), shares])


def area_between(one: Roc, other: Roc, level: float = LEVEL) -> Folded:
    """The area between two ROC curves, `∫|ROC_a − ROC_b|` over the false positive rate.

    The estimate is exact on the curves as they are; resamples are compared on a grid.

    Returns:
        (estimate, low, high, expected): `expected` is the mean area between resamples of two curves
        that are one in truth.
    """
    exact = _between(one, other)
    gaps = _at(one, GRID) - _at(other, GRID)
    found = folded(gaps, one.noise - other.noise, level=level)
    scale = exact / found.estimate if found.estimate else 1.0
    # The area is as large as the difference of areas at least, whose interval is never a point.
    d, low, high = difference(one.auc, other.auc)
    allowance = max(d - low, high - d)
    return Folded(
        exact,
        max(0.0, min(found.low * scale, exact - allowance)),
        min(1.0, max(found.high * scale, exact, abs(low), abs(high))),
        found.expected,
    )


def _between(one: Roc, other: Roc) -> float:
    """The exact area: between two corners in a row both curves are straight."""
    x = np.unique(np.concatenate([one.false, other.false]))
    width = np.diff(x)
    left = _at(one, x[:-1]) - _at(other, x[:-1])
    right = _at(one, x[1:], "left") - _at(other, x[1:], "left")
    total = np.abs(left) + np.abs(right)
    # Two triangles where the curves cross, else a trapezium.
    crossing = left * right < 0
    squares = np.divide(left**2 + right**2, total, out=np.zeros_like(total), where=total > 0)
    return float((width * np.where(crossing, squares, total) / 2).sum())


def _at(curve: Roc, x: Floats, side: str = "right") -> Floats:
    """Height of a curve just right, or just left, of false positive rates it may jump at."""
    last = curve.false.size - 1
    if side == "right":
        at = np.minimum(np.searchsorted(curve.false, x, "right"), last)
    else:
        at = np.maximum(np.searchsorted(curve.false, x, "left"), 1)
    low, high = curve.false[at - 1], curve.false[at]
    share = (x - low) / np.where(high > low, high - low, 1.0)
    heights: Floats = curve.true[at - 1] + share * (curve.true[at] - curve.true[at - 1])
    return heights


def ks(
    a: Floats,
    b: Floats,
    clusters: tuple[Codes, Codes] | None = None,
    level: float = LEVEL,
    seed: Seed = 0,
) -> Folded | None:
    """The largest distance between the distributions of two groups' answers, in [0, 1].

    The interval is free of any distribution and holds at every size: by Massart's inequality each
    distribution lies within √(ln(2 / β) / 2n) of the observed one, with β = (1 - level) / 2 both
    do, and the distance moves by their sum at most. It is wider than it need be, by about √2, and
    more where rows belong together: as if all rows of a cluster answered the same.

    Args:
        a: answers to the first group, (rows,).
        b: answers to the second group.
        clusters: which rows of each belong together.
        level: two-sided confidence level.
        seed: of the shuffles.

    Returns:
        (estimate, low, high, expected): `expected` is the mean distance when the answers are dealt
        to the groups at random. None of an empty group or answers that are not numbers.
    """
    if not min(a.size, b.size) or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    pool = np.concatenate([a, b])
    distance = _distance(np.unique(pool, return_inverse=True)[1], a.size)
    one, other = (a.size, b.size) if clusters is None else (_worth(codes) for codes in clusters)
    band = math.sqrt(math.log(4 / (1 - level)) / 2) * (one**-0.5 + other**-0.5)
    cells, rng = np.searchsorted(_edges(pool, CELLS), pool), np.random.default_rng(seed)
    dealt = [_distance(rng.permutation(cells), a.size) for _ in range(SHUFFLES)]
    low, high = max(0.0, distance - band), min(1.0, distance + band)
    return Folded(distance, low, high, float(np.mean(dealt)))


def _distance(codes: Ints, first: int) -> float:
    """The largest distance of the first so many codes' distribution from that of the others."""
    cells = int(codes.max()) + 1
    ours = np.cumsum(np.bincount(codes[:first], minlength=cells)) / first
    theirs = np.cumsum(np.bincount(codes[first:], minlength=cells)) / (codes.size - first)
    return float(np.abs(ours - theirs).max())


def _worth(clusters: Codes) -> float:
    """Kish's number of clusters of one size that weigh as unevenly as these."""
    sizes = np.unique(clusters, return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())
