"""The best or the worst value of a measure over groups, and what is known of a bound on it.

A bound holds for all groups when it holds for each, tested at 5 % without correction; that some
group breaks it takes Holm's correction over the groups.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._enough import MOST_ROWS, POWER, want
from frugalbench.metrics._metric import Needed, Settled
from frugalbench.metrics._pairs import ALPHA, BOTH_ENDS, LEVELS, ByGroup, Extreme

__all__ = ["largest_value", "settled_above", "settled_below", "smallest_value"]

Floats = npt.NDArray[np.float64]


def smallest_value(measures: Sequence[ByGroup]) -> Extreme:
    """The smallest value of a group over several measures.

    Low end: the smallest lower end, each of which errs one time in twenty; high end: the smallest
    upper end after Bonferroni's correction.
    """
    found = largest_value([_turned(one) for one in measures])
    return replace(found, estimate=-found.estimate, low=-found.high, high=-found.low)


def largest_value(measures: Sequence[ByGroup]) -> Extreme:
    """The largest value of a group over several measures, the other way round."""
    strict = 1 - 2 * ALPHA / (len(measures) * len(measures[0].names))
    estimate, note = -math.inf, ""
    for one in measures:
        worst = int(one.estimates.argmax())
        if one.estimates[worst] > estimate:
            estimate = float(one.estimates[worst])
            note = f"worst: {one.names[worst]} (n={one.counts[worst]})"
    low = max(float(one.ends(strict)[0].max()) for one in measures)
    high = max(float(one.ends(BOTH_ENDS)[1].max()) for one in measures)
    smallest = min(int(one.counts.min()) for one in measures)
    return Extreme(estimate, min(low, estimate), max(high, estimate), smallest, note)


def settled_below(measures: Sequence[ByGroup], floor: float) -> Settled:
    """What is known of a floor: the groups below it, and those too small to say."""
    return settled_above([_turned(one) for one in measures], -floor)


def settled_above(measures: Sequence[ByGroup], ceiling: float) -> Settled:
    """What is known of a ceiling: the groups above it, and those too small to say."""
    return Settled(_needed(measures, ceiling), _above(measures, ceiling))


def _turned(one: ByGroup) -> ByGroup:
    def ends(level: float) -> tuple[Floats, Floats]:
        low, high = one.ends(level)
        return -high, -low

    return replace(one, estimates=-one.estimates, ends=ends)


def _above(measures: Sequence[ByGroup], ceiling: float) -> tuple[str, ...]:
    found = []
    for one in measures:
        p = np.ones(one.estimates.size)
        for alpha in LEVELS[::-1]:
            outside = one.ends(1 - 2 * float(alpha))[0] > ceiling
            if not outside.any():
                break
            p[outside] = alpha
        for value, name, estimate in zip(p, one.names, one.estimates, strict=True):
            found.append((float(value), f"{name} ({one.title} {abs(estimate):.3f})"))
    found.sort()
    flagged: list[str] = []
    for rank, (p_value, words) in enumerate(found):
        if (len(found) - rank) * p_value >= ALPHA:
            break
        flagged.append(words)
    return tuple(flagged)


def _needed(measures: Sequence[ByGroup], ceiling: float) -> tuple[Needed, ...]:
    """As many in each group that is not below as show with a chance of 80 % on which side it is."""
    wanted: dict[str, Needed] = {}
    normal = NormalDist()
    z = normal.inv_cdf(1 - ALPHA) + normal.inv_cdf(POWER)
    for one in measures:
        high = one.ends(BOTH_ENDS)[1]
        for g in np.flatnonzero(high > ceiling):
            distance = abs(float(one.estimates[g]) - ceiling)
            if one.spread is None or distance == 0:
                continue
            rows = z * z * float(one.spread[g]) / (distance * distance)
            if rows <= MOST_ROWS:
                want(wanted, one, int(g), math.ceil(rows))
    return tuple(wanted.values())
