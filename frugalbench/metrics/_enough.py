"""Whether the groups are large enough to say, and how many more to count where they are not."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._metric import Needed, Settled
from frugalbench.metrics._pairs import ALPHA, BOTH_ENDS, ByGroup, every_pair, pairs

__all__ = ["MOST_ROWS", "POWER", "needed", "settled_within", "want"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POWER = 0.8
MOST_ROWS = 1e9


def settled_within(measures: Sequence[ByGroup], margin: float) -> Settled:
    """What is known of a margin: the pairs outside it, and the groups too small to say."""
    flagged = tuple(
        f"{one.first} and {one.second} ({one.title}, {one.difference:+.3f})"
        for one in pairs(measures, margin, flagged=True)
    )
    return Settled(needed(measures, margin), flagged)


def needed(measures: Sequence[ByGroup], margin: float) -> tuple[Needed, ...]:
    """How many more to count in each group would settle whether all lie within a margin.

    For each pair that is not settled, as many in either group as show with a chance of 80 % that
    its difference is inside the margin, or, where its estimate is outside, that it is outside.
    Groups whose pairs are all settled, or no number would settle, are left out.
    """
    first, second = every_pair(len(measures[0].names))
    count = first.size * len(measures)
    wanted: dict[str, Needed] = {}
    for one in measures:
        if one.spread is None:
            continue
        d, low, high = one.differences(first, second, BOTH_ENDS)
        open_ = ~((-margin <= low) & (high <= margin))
        i, j = first[open_], second[open_]
        rows = _rows(one.spread[i] + one.spread[j], np.abs(d[open_]), margin, count)
        most = np.zeros(len(one.names), np.int64)
        np.maximum.at(most, i, rows)
        np.maximum.at(most, j, rows)
        for group in np.flatnonzero(most):
            want(wanted, one, int(group), int(most[group]))
    return tuple(wanted.values())


def want(wanted: dict[str, Needed], one: ByGroup, group: int, rows: int) -> None:
    """Keep that a group needs so many rows, if it has fewer and nothing asks for more."""
    name, now = one.names[group], int(one.counts[group])
    if rows > now and (name not in wanted or wanted[name].wanted < rows):
        wanted[name] = Needed(name, now, rows)


def _rows(variance: Floats, gaps: Floats, margin: float, count: int) -> Ints:
    """Rows a group for each pair; 0 where no number would settle it."""
    normal = NormalDist()
    inside = normal.inv_cdf(1 - ALPHA) + normal.inv_cdf(1 - (1 - POWER) / 2)
    outside = normal.inv_cdf(1 - ALPHA / count) + normal.inv_cdf(POWER)
    z, distance = np.where(gaps < margin, inside, outside), np.abs(margin - gaps)
    with np.errstate(divide="ignore", over="ignore"):
        rows = np.ceil(z * z * variance / (distance * distance))
    found: Ints = np.where(rows <= MOST_ROWS, rows, 0).astype(np.int64)
    return found
