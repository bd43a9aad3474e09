"""One measure in every group, and what can be said of the differences between groups.

A claim that all groups lie within a margin holds when every pair does, each tested at 5 % without
correction (an intersection–union test); a claim that some pair lies outside takes Holm's correction
over the pairs (a union–intersection test). So many groups alone never make a disparity, and a small
group widens the interval instead of deciding it.

Sources: Berger (1982), intersection–union tests; Holm (1979); Zou and Donner (2008), MOVER, the
interval of a difference from those of its two terms, which with Wilson's is Newcombe's (1998).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import t_value
from frugalbench.metrics._metric import Needed

__all__ = [
    "ALPHA",
    "BOTH_ENDS",
    "LEVELS",
    "MOST_ROWS",
    "POWER",
    "ByGroup",
    "Extreme",
    "Pair",
    "largest_difference",
    "needed",
    "pairs",
    "resampled_ends",
    "want",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHA = 0.05
BOTH_ENDS = 1 - 2 * ALPHA
"""The level of an interval whose ends each err one time in twenty."""
POWER = 0.8
LEVELS = np.geomspace(1e-9, 0.5, 241)
"""One-sided levels among which the p-value of a pair is found, to about one twelfth of itself."""
SHARES = (*np.linspace(0.5, 0.95, 10), 0.99, 0.999)
MOST_ROWS = 1e9


@dataclass(frozen=True, slots=True)
class ByGroup:
    """One measure in every group.

    `counts` is what it rests on in each: the denominator of a rate, the rows of a mean. `ends`
    gives the ends of every group's interval at a two-sided level. `spread` is the variance of one
    row of each group, where the measure is a mean of rows: more rows divide it. `replicates`
    (replicates, groups) are there where rows come in so many `clusters`, which groups may share.
    `equal` is the largest difference to be expected if all groups were alike.
    """

    title: str
    names: tuple[str, ...]
    counts: Ints
    estimates: Floats
    ends: Callable[[float], tuple[Floats, Floats]]
    spread: Floats | None = None
    replicates: Floats | None = None
    clusters: int = 0
    equal: float | None = None

    def differences(self, first: Ints, second: Ints, level: float) -> tuple[Floats, Floats, Floats]:
        """First group minus second, element by element: (difference, low, high)."""
        d = self.estimates[first] - self.estimates[second]
        if self.replicates is not None:
            drawn = self.replicates[:, first] - self.replicates[:, second]
            return d, *resampled_ends(d, drawn, self.clusters, level)
        low, high = self.ends(level)
        down, up = self.estimates - low, high - self.estimates
        return (
            d,
            d - np.sqrt(down[first] ** 2 + up[second] ** 2),
            d + np.sqrt(up[first] ** 2 + down[second] ** 2),
        )


def resampled_ends(
    estimates: Floats, drawn: Floats, clusters: int, level: float
) -> tuple[Floats, Floats]:
    """The wider of the percentile and Student's t interval at each end, element by element.

    Percentiles far out rest on a handful of replicates and are too narrow with few clusters; t
    trusts the estimate to spread evenly.
    """
    tail = (1 - level) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    scale = math.sqrt(clusters / (clusters - 1))
    half = t_value(clusters - 1, level) * scale * np.nanstd(drawn, axis=0)
    return (
        np.minimum.reduce([low, estimates - half, estimates]),
        np.maximum.reduce([high, estimates + half, estimates]),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups and the difference of a measure, the first minus the second.

    `low` and `high` each err one time in twenty. `p` is how likely a difference as large is if the
    true one is within the margin, `adjusted` the same after Holm's correction, and `flagged` says
    that it stays below 5 %.
    """

    title: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    adjusted: float
    flagged: bool


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest difference between two groups, or the extreme value of one, with its interval.

    `smallest` is the least that a measure rests on in a group.
    """

    estimate: float
    low: float
    high: float
    smallest: int
    note: str


def _every_pair(groups: int) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(groups, k=1)
    return first.astype(np.int64), second.astype(np.int64)


def largest_difference(measures: Sequence[ByGroup]) -> Extreme:
    """The largest difference between two groups, by an interval that holds the largest true one."""
    first, second = _every_pair(len(measures[0].names))
    corrected = ALPHA / (first.size * len(measures))
    estimate, low, high, note = -1.0, 0.0, 0.0, ""
    for one in measures:
        gaps, lows, highs = one.differences(first, second, BOTH_ENDS)
        low = max(low, float(_at_least(one, first, second, corrected).max()))
        high = max(high, float(np.abs(lows).max()), float(np.abs(highs).max()))
        widest = int(np.abs(gaps).argmax())
        if abs(gaps[widest]) > estimate:
            estimate = float(abs(gaps[widest]))
            note = _widest(one, int(first[widest]), int(second[widest]))
    smallest = min(int(one.counts.min()) for one in measures)
    expected = [one.equal for one in measures if one.equal is not None]
    if expected:
        note += f"; {max(expected):.3f} would be expected if all groups were alike"
    return Extreme(estimate, min(low, estimate), max(high, estimate), smallest, note)


def _lower(one: ByGroup, first: Ints, second: Ints, alpha: float) -> Floats:
    """The lower end of each pair's absolute difference, from the side its estimate lies on."""
    d, low, high = one.differences(first, second, 1 - 2 * alpha)
    near: Floats = np.where(d >= 0, low, -high)
    return near


def _at_least(one: ByGroup, first: Ints, second: Ints, alpha: float) -> Floats:
    """The largest margin that each pair's absolute difference is known to pass, erring alpha.

    If the true difference is the margin, an estimate as far out may come from either side: of the
    error allowed, as much is spent on the near side as the far side leaves.
    """
    known = np.zeros(first.size)
    for share in SHARES:
        near = _lower(one, first, second, share * alpha)
        far = _lower(one, first, second, (1 - share) * alpha)
        known = np.where((near > known) & (far > -near), near, known)
    return known


def _widest(one: ByGroup, first: int, second: int) -> str:
    i, j = sorted((first, second), key=lambda g: -one.estimates[g])
    return (
        f"widest {one.title}: {one.names[i]} {one.estimates[i]:.3f} (n={one.counts[i]}) against "
        f"{one.names[j]} {one.estimates[j]:.3f} (n={one.counts[j]})"
    )


def pairs(measures: Sequence[ByGroup], margin: float) -> tuple[Pair, ...]:
    """Every pair of groups in every measure, tested against a margin, the smallest p first."""
    first, second = _every_pair(len(measures[0].names))
    found = []
    for one in measures:
        d, low, high = one.differences(first, second, BOTH_ENDS)
        p = _p_values(one, first, second, margin)
        found += list(zip([one] * first.size, first, second, d, low, high, p, strict=True))
    found.sort(key=lambda row: row[6])
    adjusted, worst = [], 0.0
    for rank, row in enumerate(found):
        worst = max(worst, min(1.0, (len(found) - rank) * float(row[6])))
        adjusted.append(worst)
    return tuple(
        Pair(
            title=one.title,
            first=one.names[i],
            second=one.names[j],
            difference=float(gap),
            low=float(low),
            high=float(high),
            p=float(p),
            adjusted=holm,
            flagged=holm < ALPHA,
        )
        for (one, i, j, gap, low, high, p), holm in zip(found, adjusted, strict=True)
    )


def _p_values(one: ByGroup, first: Ints, second: Ints, margin: float) -> Floats:
    """How likely, at most, is a difference as large as each pair's if the true one is the margin.

    The sum of both sides, each the smallest level tried at which an interval leaves it out.
    """
    near, far = np.full(first.size, 0.5), np.full(first.size, 0.5)
    for alpha in LEVELS[::-1]:
        low = _lower(one, first, second, float(alpha))
        if not (low > -margin).any():
            break
        near[low > margin] = alpha
        far[low > -margin] = alpha
    both: Floats = near + far
    return both


def needed(measures: Sequence[ByGroup], margin: float) -> tuple[Needed, ...]:
    """How many more to count in each group would settle whether all lie within a margin.

    For each pair that is not settled, as many in either group as show with a chance of 80 % that
    its difference is inside the margin, or, where its estimate is outside, that it is outside.
    Groups whose pairs are all settled, or no number would settle, are left out.
    """
    first, second = _every_pair(len(measures[0].names))
    count = first.size * len(measures)
    wanted: dict[str, Needed] = {}
    for one in measures:
        if one.spread is None:
            continue
        d, low, high = one.differences(first, second, BOTH_ENDS)
        inside = (-margin <= low) & (high <= margin)
        for i, j, gap in zip(first[~inside], second[~inside], d[~inside], strict=True):
            rows = _rows(float(one.spread[i] + one.spread[j]), abs(float(gap)), margin, count)
            if rows is None:
                continue
            for group in (int(i), int(j)):
                want(wanted, one, group, rows)
    return tuple(wanted.values())


def want(wanted: dict[str, Needed], one: ByGroup, group: int, rows: int) -> None:
    """Keep that a group needs so many rows, if it has fewer and nothing asks for more."""
    name, now = one.names[group], int(one.counts[group])
    if rows > now and (name not in wanted or wanted[name].wanted < rows):
        wanted[name] = Needed(name, now, rows)


def _rows(variance: float, gap: float, margin: float, count: int) -> int | None:
    normal = NormalDist()
    if gap < margin:
        z = normal.inv_cdf(1 - ALPHA) + normal.inv_cdf(1 - (1 - POWER) / 2)
    else:
        z = normal.inv_cdf(1 - ALPHA / count) + normal.inv_cdf(POWER)
    distance = abs(margin - gap)
    if distance == 0 or variance == 0:
        return None
    rows = z * z * variance / (distance * distance)
    return math.ceil(rows) if rows <= MOST_ROWS else None
