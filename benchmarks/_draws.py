"""Many tables of counts at once, judged by the same arithmetic as one.

`ByGroup` works element by element. So the groups of many drawn tables are put side by side as the
groups of one, and only pairs of groups of the same table are compared: ten thousand tables cost
what a few do. `same_as_one_by_one` shows that nothing is lost on the way.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.certify import Policy, Rule
from frugalbench.certify._decide import Outcome, decide
from frugalbench.metrics._changes import paired_change
from frugalbench.metrics._counts import Counts
from frugalbench.metrics._enough import needed
from frugalbench.metrics._intervals import wilson
from frugalbench.metrics._pairs import (
    ALPHA,
    BOTH_ENDS,
    LEVELS,
    ByGroup,
    _at_least,
    _p_values,
    pairs,
)
from frugalbench.metrics._proportions import clopper_pearson
from frugalbench.metrics.fairness import disparity
from frugalbench.metrics.fairness._rates import _spread, by_group

__all__ = [
    "NAME",
    "Ends",
    "any_flagged",
    "counts_of",
    "drop_ends",
    "floor_ends",
    "gap_ends",
    "needed_of",
    "one_outcome",
    "outcomes",
    "same_as_one_by_one",
    "same_flags",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NAME = "demographic_parity_difference"
POLICY = Policy(name="simulation", version="1", rules=(), min_group=1)


@dataclass(frozen=True)
class Ends:
    """Estimate and interval of each table, (draws,)."""

    estimate: Floats
    low: Floats
    high: Floats


def counts_of(hits: Ints, trials: Ints) -> Counts:
    """One table: `hits` of the `trials` rows of each group are answered positively, (groups,)."""
    table = np.zeros((hits.size, 2, 3), np.int64)
    table[:, 1, 1], table[:, 1, 0] = hits, trials - hits
    names = tuple(f"g{group}" for group in range(hits.size))
    return Counts(names, table, 1, (0, 1))


def _side_by_side(hits: Ints, trials: Ints) -> ByGroup:
    k, n = hits.ravel(), trials.ravel()
    return ByGroup(
        title="selection rate",
        names=(),
        counts=n,
        estimates=k / n,
        ends=lambda level: wilson(k, n, level),
        spread=_spread(k, n),
    )


def _pairs_of(draws: int, groups: int) -> tuple[Ints, Ints]:
    """Places of the two groups of every pair of every table, both (draws × pairs,)."""
    first, second = np.triu_indices(groups, k=1)
    start = np.arange(draws, dtype=np.int64)[:, np.newaxis] * groups
    return (start + first).ravel(), (start + second).ravel()


def gap_ends(hits: Ints, trials: Ints) -> Ends:
    """The largest difference of each table and its interval, as `largest_difference` finds them."""
    draws, groups = hits.shape
    one, (first, second) = _side_by_side(hits, trials), _pairs_of(draws, groups)
    count = first.size // draws
    d, ends = one.estimates[first] - one.estimates[second], one.between(first, second)
    gaps, lows, highs = (
        np.abs(found).reshape(draws, count).max(axis=1) for found in (d, *ends(BOTH_ENDS))
    )
    near = _at_least(d, ends, ALPHA / count).reshape(draws, count).max(axis=1)
    high = np.maximum.reduce([lows, highs, gaps])
    return Ends(gaps, np.minimum(near, gaps), np.minimum(1.0, high))


def floor_ends(hits: Ints, trials: Ints) -> Ends:
    """The smallest rate of each table and its interval, as `smallest_value` finds them."""
    strict = 1 - 2 * ALPHA / hits.shape[1]
    rates = (hits / trials).min(axis=1)
    low = clopper_pearson(hits, trials, BOTH_ENDS)[0].min(axis=1)
    high = clopper_pearson(hits, trials, strict)[1].min(axis=1)
    return Ends(rates, np.minimum(low, rates), np.maximum(high, rates))


def drop_ends(lost: Ints, won: Ints, trials: Ints) -> Ends:
    """The largest loss of each table and its interval, as `largest_value` finds them."""
    strict = 1 - 2 * ALPHA / lost.shape[1]
    drops = ((lost - won) / trials).max(axis=1)
    # Most groups of most tables have counts that others have too: each is looked at once.
    counts, place = np.unique(
        np.stack([lost, won, trials]).reshape(3, -1), axis=1, return_inverse=True
    )
    low = paired_change(*counts, strict)[1][place].reshape(lost.shape).max(axis=1)
    high = paired_change(*counts, BOTH_ENDS)[2][place].reshape(lost.shape).max(axis=1)
    return Ends(drops, np.minimum(low, drops), np.maximum(high, drops))


def outcomes(ends: Ends, margin: float) -> dict[Outcome, float]:
    """The share of tables that pass, fail and are left open."""
    passed, failed = float((ends.high <= margin).mean()), float((ends.low > margin).mean())
    return {"PASS": passed, "INCONCLUSIVE": 1 - passed - failed, "FAIL": failed}


def any_flagged(hits: Ints, trials: Ints, margin: float) -> tuple[float, float]:
    """The share of tables with a pair flagged: after Holm's correction, and without one."""
    draws, groups = hits.shape
    one, (first, second) = _side_by_side(hits, trials), _pairs_of(draws, groups)
    ends = one.between(first, second)
    p = _p_values(one, first, second, ends, margin, float(LEVELS[-1]))
    smallest = p.reshape(draws, -1).min(axis=1)
    count = first.size // draws
    return float((smallest * count < ALPHA).mean()), float((smallest < ALPHA).mean())


def needed_of(hits: Ints, trials: Ints, margin: float) -> Ints:
    """How many rows of each group of one table would settle it; as many as there are where none."""
    counts = counts_of(hits, trials)
    wanted = needed([by_group(counts, "selection_rate", 1, 0)], margin)
    rows = dict(zip(counts.names, trials.tolist(), strict=True))
    rows |= {one.group: one.wanted for one in wanted}
    return np.array(list(rows.values()), np.int64)


def one_outcome(hits: Ints, trials: Ints, margin: float) -> tuple[Any, Outcome]:
    """One table by itself: its disparity, and what the judge says of it."""
    measure = disparity(counts_of(hits, trials), NAME)
    rule = Rule(id="parity", metric=f"fairness.{NAME}", at_most=margin, unit="1")
    return measure, decide(rule, POLICY, measure).outcome


def same_as_one_by_one(hits: Ints, trials: Ints, margin: float, some: int = 20) -> None:
    """Judge the first few tables by themselves too.

    Raises:
        AssertionError: a number or an outcome differs.
    """
    some = min(some, len(hits))
    trials = np.broadcast_to(trials, hits.shape)[:some]
    ends = gap_ends(hits[:some], trials)
    for i in range(some):
        measure, outcome = one_outcome(hits[i], trials[i], margin)
        low, high = float(ends.low[i]), float(ends.high[i])
        assert (measure.low, measure.high) == (low, high), (measure, low, high)
        passed, failed = high <= margin, low > margin
        expected = "PASS" if passed else "FAIL" if failed else "INCONCLUSIVE"
        assert outcome == expected, (measure, outcome)


def same_flags(hits: Ints, trials: Ints, margin: float, some: int = 20) -> None:
    """Flag the pairs of the first few tables by themselves too.

    Raises:
        AssertionError: what is flagged differs.
    """
    for one, n in zip(hits[:some], np.broadcast_to(trials, hits.shape), strict=False):
        counts = counts_of(one, n)
        found = pairs([by_group(counts, "selection_rate", 1, 0)], margin, flagged=True)
        assert bool(found) == bool(any_flagged(one[np.newaxis], n[np.newaxis], margin)[0])
