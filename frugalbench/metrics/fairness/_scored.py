"""Scores, or errors, of the rows of each group, as measures that can be compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics import _answers
from frugalbench.metrics._counts import group_rows
from frugalbench.metrics._folded import Estimate, Folded
from frugalbench.metrics._intervals import z_value
from frugalbench.metrics._metric import MissingGroups
from frugalbench.metrics._pairs import ALPHA, BOTH_ENDS, ByGroup, Extreme
from frugalbench.metrics._proportions import clopper_pearson
from frugalbench.metrics._resampled import alike, resampled, shares, wider
from frugalbench.record import Record
from frugalbench.values import Missing, Value

__all__ = [
    "Rows",
    "class_scores",
    "measure_by_group",
    "number",
    "positive_scores",
    "regression_rows",
    "share_by_group",
    "too_few",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Found = Estimate | Folded
NODES = (z_value(BOTH_ENDS), 2.5, 3.5, 4.5, 6.0)
"""Standard normal quantiles at which ends are found; between them they are taken to be straight.
Whether all groups are within a margin is told at the first."""
MOST_CLASSES, MOST_PAIRS = 20, 240
MOST_GROUPS = 16
"""Whole curves or distributions are compared two by two, which takes a moment a pair."""
Of = Callable[[Floats, Any, Ints | None, float, int], Found | None]
"""`f(answers, labels, clusters, level, seed)`: a measure of some rows, or None of too few."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a view: answers (probabilities, or numbers) and labels by group.

    `codes` are places in `names`; `seed` is of whatever is resampled.
    """

    names: tuple[str, ...]
    codes: Ints
    answers: Floats
    labels: npt.NDArray[Any]
    clusters: Ints | None
    seed: int

    def of(self, group: int) -> tuple[Floats, npt.NDArray[Any], Ints | None]:
        """Answers, labels and clusters of a group."""
        inside = self.codes == group
        clusters = None if self.clusters is None else self.clusters[inside]
        return self.answers[inside], self.labels[inside], clusters


def positive_scores(record: Record, attribute: str, missing: MissingGroups) -> Rows | Missing:
    """The probability of the positive class of each row, and whether it is positive."""
    found = _answers.binary(record)
    return found if isinstance(found, Missing) else _rows(record, attribute, missing, found)


def class_scores(
    record: Record, attribute: str, missing: MissingGroups
) -> tuple[tuple[str, Rows], ...] | Missing:
    """The probability of each class that is compared, and whether the row is of it.

    Of two classes the positive one, with no name beside it; of more, each against the rest.
    """
    data = record.data
    if data is None or len(data.classes) <= 2:
        alone = positive_scores(record, attribute, missing)
        return alone if isinstance(alone, Missing) else (("", alone),)
    every = _answers.scored(record)
    if isinstance(every, Missing):
        return every
    if len(data.classes) > MOST_CLASSES:
        return Missing(
            reason="too_many_classes",
            detail=f"{len(data.classes)} classes are too many to compare one by one",
        )
    found = []
    for of, name in enumerate(data.classes):
        own = replace(every, answers=every.answers[:, of], labels=(every.labels == of) * 1)
        rows = _rows(record, attribute, missing, own)
        if isinstance(rows, Missing):
            return rows
        found.append((f" of {name}", rows))
    return tuple(found)


def regression_rows(record: Record, attribute: str, missing: MissingGroups) -> Rows | Missing:
    """The answer to each row of a regression, and its label."""
    found = _answers.regression(record)
    return found if isinstance(found, Missing) else _rows(record, attribute, missing, found)


def _rows(
    record: Record, attribute: str, missing: MissingGroups, found: _answers.Rows
) -> Rows | Missing:
    """Answers and labels divided into the groups of a view."""
    grouped = group_rows(record, attribute, missing)
    if isinstance(grouped, Missing):
        return grouped
    names, codes, rows = grouped
    clusters = None if found.clusters is None else found.clusters[rows]
    return Rows(names, codes, found.answers[rows], found.labels[rows], clusters, found.seed)


def too_few(name: str) -> Missing:
    """A group has too few rows, or of one class only."""
    return Missing(
        reason="too_few_rows", detail=f"group '{name}' has too few rows, or of one class only"
    )


def number(rows: Rows, group: str, of: Of, unit: str = "1", interval: str = "") -> Value | Missing:
    """A measure of one group, with its 95 % interval."""
    if group not in rows.names:
        return Missing(reason="empty_group", detail=f"no row is in group '{group}'")
    answers, labels, clusters = rows.of(rows.names.index(group))
    found = of(answers, labels, clusters, 0.95, rows.seed)
    if found is None:
        return too_few(group)
    return Value(
        estimate=found.estimate,
        unit=unit,
        low=min(found.low, found.estimate),
        high=max(found.high, found.estimate),
        n=int(answers.size),
        method="counted",
        interval=interval if clusters is None else "cluster_bootstrap",
        note=_expected(found),
    )


def _expected(found: Found) -> str:
    if isinstance(found, Folded):
        return f"{found.expected:.3f} would be expected of a perfect one"
    return ""


def measure_by_group(rows: Rows, title: str, of: Of) -> ByGroup | Missing:
    """A measure in every group; Missing where a group has too few rows for it."""
    if len(rows.names) < 2:
        return Missing(reason="one_group", detail="there are fewer than two groups")
    parts = [rows.of(group) for group in range(len(rows.names))]
    first: list[Found] = []
    for name, (answers, labels, clusters) in zip(rows.names, parts, strict=True):
        found = of(answers, labels, clusters, BOTH_ENDS, rows.seed)
        if found is None:
            return too_few(name)
        first.append(found)

    @cache
    def exact(z: float) -> tuple[Floats, Floats]:
        level = BOTH_ENDS if z == NODES[0] else 2 * NormalDist().cdf(z) - 1
        every = [of(*part, level, rows.seed) for part in parts]
        known = [one for one in every if one is not None]
        return np.array([one.low for one in known]), np.array([one.high for one in known])

    def ends(level: float) -> tuple[Floats, Floats]:
        z = NODES[0] if level == BOTH_ENDS else z_value(level)
        place = int(np.clip(np.searchsorted(NODES, z, "right"), 1, len(NODES) - 1))
        low, high = exact(NODES[place - 1]), exact(NODES[place])
        share = (z - NODES[place - 1]) / (NODES[place] - NODES[place - 1])
        if share == 0:
            return low
        first, second = (one + share * (other - one) for one, other in zip(low, high, strict=True))
        return first, second

    return ByGroup(
        title=title,
        names=rows.names,
        counts=np.bincount(rows.codes, minlength=len(rows.names)),
        estimates=np.array([one.estimate for one in first]),
        ends=ends,
    )


def widest_pair(
    parts: Sequence[tuple[str, Rows]],
    size: Callable[[int, int, int, float], Folded | None],
) -> Extreme | Missing:
    """The largest size of a difference between two groups that is never negative.

    High end: the largest upper end over the pairs; low end: the largest lower end after
    Bonferroni's correction.

    Args:
        parts: what is compared, such as each class, by name, with its groups.
        size: gives the size of the difference of two groups in a part, at a two-sided level.
    """
    rows = parts[0][1]
    count = len(rows.names)
    if count < 2:
        return Missing(reason="one_group", detail="there are fewer than two groups")
    pairs = [(part, *pair) for part in range(len(parts)) for pair in combinations(range(count), 2)]
    if count > MOST_GROUPS or len(pairs) > MOST_PAIRS:
        return Missing(
            reason="too_many_groups",
            detail=f"{count} groups are too many to compare two by two: put them in at most "
            f"{MOST_GROUPS}",
        )
    found = []
    for part, i, j in pairs:
        wide = size(part, i, j, BOTH_ENDS)
        if wide is None:
            return too_few(rows.names[i])
        # Corrected, a lower end is lower still.
        strict = size(part, i, j, 1 - 2 * ALPHA / len(pairs)) if wide.low > 0 else wide
        assert strict is not None, "it has been found at another level"
        found.append((wide.estimate, wide.high, strict.low, wide.expected))
    estimates, highs, lows, expected = zip(*found, strict=True)
    estimate = max(estimates)
    part, first, second = pairs[estimates.index(estimate)]
    note = (
        f"widest{parts[part][0]}: {rows.names[first]} and {rows.names[second]}; "
        f"{max(expected):.3f} would be expected if all groups were alike"
    )
    smallest = int(np.bincount(rows.codes, minlength=count).min())
    return Extreme(estimate, min(estimate, max(lows)), max(estimate, *highs), smallest, note)


def share_by_group(
    title: str,
    names: tuple[str, ...],
    codes: Ints,
    inside: npt.NDArray[np.bool_],
    clusters: Ints | None,
    seed: int,
) -> ByGroup | Missing:
    """The share of each group's rows that are inside, with exact ends or those of clusters."""
    size = len(names)
    trials = np.bincount(codes, minlength=size)
    if (trials == 0).any():
        return too_few(names[int((trials == 0).argmax())])
    hits = np.bincount(codes[inside], minlength=size)
    if clusters is None:
        return ByGroup(
            title, names, trials, hits / trials, lambda level: clopper_pearson(hits, trials, level)
        )
    count = int(np.unique(clusters).size)
    if count < 2:
        return too_few(names[0])
    drawn, units = shares(codes, inside, clusters, size, seed)
    rates, resample, apart = (
        hits / trials,
        resampled(hits / trials, drawn, units),
        alike(drawn, units),
    )

    def ends(level: float) -> tuple[Floats, Floats]:
        low, high = wider(rates, resample(level), apart(level))
        return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)

    return ByGroup(title, names, units, rates, ends, replicates=drawn, clusters=count, apart=apart)
