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

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._resampled import Ends, resampled, wider
from frugalbench.values import Value

__all__ = [
    "ALPHA",
    "BOTH_ENDS",
    "LEVELS",
    "ByGroup",
    "Extreme",
    "Pair",
    "every_pair",
    "largest_difference",
    "pairs",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHA = 0.05
BOTH_ENDS = 1 - 2 * ALPHA
"""The level of an interval whose ends each err one time in twenty."""
LEVELS = np.geomspace(1e-9, 0.5, 241)
"""One-sided levels among which the p-value of a pair is found, to about one twelfth of itself."""
SHARES = (*np.linspace(0.5, 0.95, 10), 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class ByGroup:
    """One measure in every group.

    `counts` is what it rests on in each: the denominator of a rate, the rows of a mean. `ends`
    gives the ends of every group's interval at a two-sided level. `spread` is the variance of one
    row of each group, where the measure is a mean of rows: more rows divide it. `replicates`
    (replicates, groups) are there where rows come in so many `clusters`, which groups may share;
    `counts` are then how many clusters have rows to count in each group, and `apart` is how far a
    group's measure may be off at a level where its clusters are all alike.
    `equal` is the largest difference to be expected if all groups were alike.
    """

    title: str
    names: tuple[str, ...]
    counts: Ints
    estimates: Floats
    ends: Ends
    spread: Floats | None = None
    replicates: Floats | None = None
    clusters: int = 0
    apart: Callable[[float], Floats] | None = None
    equal: float | None = None

    def between(self, first: Ints, second: Ints) -> Ends:
        """The ends of first group minus second, element by element, at any two-sided level."""
        d = self.estimates[first] - self.estimates[second]
        if self.replicates is not None:
            units = np.minimum(self.counts[first], self.counts[second])
            drawn = self.replicates[:, first] - self.replicates[:, second]
            return self._widened(d, resampled(d, drawn, units), first, second)

        def ends(level: float) -> tuple[Floats, Floats]:
            low, high = self.ends(level)
            down, up = self.estimates - low, high - self.estimates
            return (
                d - np.sqrt(down[first] ** 2 + up[second] ** 2),
                d + np.sqrt(up[first] ** 2 + down[second] ** 2),
            )

        return ends

    def _widened(self, d: Floats, ends: Ends, first: Ints, second: Ints) -> Ends:
        if self.apart is None:
            return ends
        apart = self.apart
        return lambda level: wider(d, ends(level), apart(level)[first], apart(level)[second])

    def differences(self, first: Ints, second: Ints, level: float) -> tuple[Floats, Floats, Floats]:
        """First group minus second, element by element: (difference, low, high)."""
        d = self.estimates[first] - self.estimates[second]
        return d, *self.between(first, second)(level)


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

    def value(self, interval: str, unit: str = "1", maximum: float = math.inf) -> Value:
        """The same as a measure, whose ends each err one time in twenty."""
        return Value(
            estimate=self.estimate,
            unit=unit,
            low=self.low,
            high=min(max(maximum, self.estimate), self.high),
            n=self.smallest,
            method="counted",
            interval=interval,
            level=BOTH_ENDS,
            note=self.note,
        )


def every_pair(groups: int) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(groups, k=1)
    return first.astype(np.int64), second.astype(np.int64)


def largest_difference(measures: Sequence[ByGroup]) -> Extreme:
    """The largest difference between two groups, by an interval that holds the largest true one."""
    first, second = every_pair(len(measures[0].names))
    corrected = ALPHA / (first.size * len(measures))
    estimate, low, high, note = -1.0, 0.0, 0.0, ""
    for one in measures:
        gaps, ends = one.estimates[first] - one.estimates[second], one.between(first, second)
        lows, highs = ends(BOTH_ENDS)
        low = max(low, float(_at_least(gaps, ends, corrected).max()))
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


def _near(d: Floats, ends: Ends, alpha: float) -> Floats:
    """The lower end of each pair's absolute difference, from the side its estimate lies on."""
    low, high = ends(1 - 2 * alpha)
    near: Floats = np.where(d >= 0, low, -high)
    return near


def _at_least(d: Floats, ends: Ends, alpha: float) -> Floats:
    """The largest margin that each pair's absolute difference is known to pass, erring alpha.

    If the true difference is the margin, an estimate as far out may come from either side: of the
    error allowed, as much is spent on the near side as the far side leaves.
    """
    known = np.zeros(d.size)
    for share in SHARES:
        near, far = _near(d, ends, share * alpha), _near(d, ends, (1 - share) * alpha)
        known = np.where((near > known) & (far > -near), near, known)
    return known


def _widest(one: ByGroup, first: int, second: int) -> str:
    i, j = sorted((first, second), key=lambda g: -one.estimates[g])
    return (
        f"widest {one.title}: {one.names[i]} {one.estimates[i]:.3f} (n={one.counts[i]}) against "
        f"{one.names[j]} {one.estimates[j]:.3f} (n={one.counts[j]})"
    )


def pairs(measures: Sequence[ByGroup], margin: float, *, flagged: bool = False) -> tuple[Pair, ...]:
    """Every pair of groups in every measure, tested against a margin, the smallest p first.

    Only those that Holm's correction leaves below 5 % where `flagged` is set.
    """
    first, second = every_pair(len(measures[0].names))
    most = ALPHA if flagged else LEVELS[-1]
    ends, tested = [], []
    for one in measures:
        between = one.between(first, second)
        ends.append(between(BOTH_ENDS))
        tested.append(_p_values(one, first, second, between, margin, most))
    p = np.concatenate(tested)
    order = np.argsort(p, kind="stable")
    adjusted = np.minimum(1.0, np.arange(p.size, 0, -1) * p[order])
    adjusted = np.maximum.accumulate(adjusted)
    # A thousand groups have half a million pairs: none is written down that nobody reads.
    count = int((adjusted < ALPHA).sum()) if flagged else p.size
    found = []
    for place, holm in zip(order[:count], adjusted, strict=False):
        of, pair = divmod(int(place), first.size)
        one, (low, high) = measures[of], ends[of]
        i, j = first[pair], second[pair]
        found.append(
            Pair(
                title=one.title,
                first=one.names[i],
                second=one.names[j],
                difference=float(one.estimates[i] - one.estimates[j]),
                low=float(low[pair]),
                high=float(high[pair]),
                p=float(p[place]),
                adjusted=float(holm),
                flagged=bool(holm < ALPHA),
            )
        )
    return tuple(found)


def _p_values(
    one: ByGroup, first: Ints, second: Ints, ends: Ends, margin: float, most: float
) -> Floats:
    """How likely, at most, is a difference as large as each pair's if the true one is the margin.

    The sum of both sides, each the smallest level tried at which an interval leaves it out. Pairs
    whose p-value is `most` or more keep 1.
    """
    near, far = np.full(first.size, 0.5), np.full(first.size, 0.5)
    known, d = np.arange(first.size), one.estimates[first] - one.estimates[second]
    if most < LEVELS[-1]:
        known = np.flatnonzero(_near(d, ends, most) > margin)
        d, ends = d[known], one.between(first[known], second[known])
    for alpha in LEVELS[::-1]:
        low = _near(d, ends, float(alpha))
        near[known[low > margin]] = alpha
        far[known[low > -margin]] = alpha
        # The stricter the level, the wider the interval: what is inside it stays inside.
        keep = low > -margin
        if not keep.any():
            break
        if 2 * keep.sum() < keep.size:
            known, d = known[keep], d[keep]
            ends = one.between(first[known], second[known])
    both: Floats = near + far
    return both
