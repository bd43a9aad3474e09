"""Rates by group, and how far groups lie apart.

Names follow Fairlearn's. A disparity is the largest difference between two groups. Its interval
holds the largest *true* difference with 95 % confidence: the upper end is the largest upper end
over the pairs (an intersection–union argument, no correction), the lower end the largest lower
end over the pairs with Bonferroni's correction (a union–intersection argument). So many groups
alone never make a disparity, and a small group widens the interval instead of deciding it.
"""

from itertools import combinations

import numpy as np

from frugalbench.metrics._counts import Counts, counts_by_group
from frugalbench.metrics._intervals import LEVEL, newcombe, wilson
from frugalbench.metrics._metric import MissingGroups, metric
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "accuracy",
    "accuracy_group_min",
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "fpr",
    "selection_rate",
    "tpr",
]

EMPTY = {
    "tpr": ("no_positives", "no row with a positive label"),
    "fpr": ("no_negatives", "no row with a negative label"),
    "selection_rate": ("empty_group", "no row"),
    "accuracy": ("empty_group", "no row"),
}


def _undefined(counts: Counts, rate: str) -> Missing | None:
    _, trials = counts.rate(rate)
    for name, n in zip(counts.names, trials, strict=True):
        if n == 0:
            reason, words = EMPTY[rate]
            return Missing(reason=reason, detail=f"group '{name}' has {words}")
    return None


def _rate_of(record: Record, attribute: str, group: str, rate: str) -> Measure:
    counts = counts_by_group(record, attribute, "include", binary=rate != "accuracy")
    if isinstance(counts, Missing):
        return counts
    if group not in counts.names:
        return Missing(reason="empty_group", detail=f"no row has {attribute}={group}")
    index = counts.names.index(group)
    hits, trials = (int(array[index]) for array in counts.rate(rate))
    if trials == 0:
        reason, words = EMPTY[rate]
        return Missing(reason=reason, detail=f"group '{group}' has {words}")
    low, high = wilson(hits, trials)
    return Value(
        estimate=hits / trials,
        unit="1",
        low=float(low),
        high=float(high),
        n=trials,
        method="counted",
        interval="wilson",
        note=f"{hits} of {trials}",
    )


def _disparity(
    record: Record, attribute: str, missing: MissingGroups, rates: tuple[str, ...]
) -> Measure:
    counts = counts_by_group(record, attribute, missing, binary=True)
    if isinstance(counts, Missing):
        return counts
    if len(counts.names) < 2:
        return Missing(reason="one_group", detail=f"'{attribute}' has fewer than two groups")
    for rate in rates:
        if (gone := _undefined(counts, rate)) is not None:
            return gone
    pairs = list(combinations(range(len(counts.names)), 2))
    corrected = 1 - (1 - LEVEL) / (len(pairs) * len(rates))
    estimate, low, high, note, smallest = -1.0, 0.0, 0.0, "", 0
    for rate in rates:
        hits, trials = counts.rate(rate)
        first, second = np.array(pairs).T
        sides = hits[first], trials[first], hits[second], trials[second]
        gaps, lows, highs = newcombe(*sides)
        _, strict_lows, strict_highs = newcombe(*sides, level=corrected)
        low = max(low, float(strict_lows.max()), float((-strict_highs).max()))
        high = max(high, float(np.abs(lows).max()), float(np.abs(highs).max()))
        widest = int(np.abs(gaps).argmax())
        if abs(gaps[widest]) > estimate:
            estimate = float(abs(gaps[widest]))
            note = _widest(counts, rate, pairs[widest])
        smallest = min(smallest or int(trials.min()), int(trials.min()))
    return Value(
        estimate=estimate,
        unit="1",
        low=low,
        high=high,
        n=smallest,
        method="counted",
        interval="newcombe_pairs",
        note=note,
    )


def _widest(counts: Counts, rate: str, pair: tuple[int, int]) -> str:
    hits, trials = counts.rate(rate)
    i, j = sorted(pair, key=lambda g: -hits[g] / trials[g])
    words = rate.replace("_", " ").replace("tpr", "TPR").replace("fpr", "FPR")
    return (
        f"widest {words}: {counts.names[i]} {hits[i] / trials[i]:.3f} (n={trials[i]}) against "
        f"{counts.names[j]} {hits[j] / trials[j]:.3f} (n={trials[j]})"
    )


@metric(
    unit="1",
    lower_is_better=None,
    maximum=1,
    title="Selection rate",
    titre="Taux de sélection",
)
def selection_rate(record: Record, attribute: str, group: str) -> Measure:
    """The share of a group's rows that the model answers positively, with Wilson's interval."""
    return _rate_of(record, attribute, group, "selection_rate")


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="True positive rate",
    titre="Taux de vrais positifs",
)
def tpr(record: Record, attribute: str, group: str) -> Measure:
    """The share of a group's positives that the model finds, with Wilson's interval."""
    return _rate_of(record, attribute, group, "tpr")


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="False positive rate",
    titre="Taux de faux positifs",
)
def fpr(record: Record, attribute: str, group: str) -> Measure:
    """The share of a group's negatives answered positively, with Wilson's interval."""
    return _rate_of(record, attribute, group, "fpr")


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Accuracy in the group",
    titre="Exactitude dans le groupe",
)
def accuracy(record: Record, attribute: str, group: str) -> Measure:
    """The share of a group's rows answered rightly, with Wilson's interval."""
    return _rate_of(record, attribute, group, "accuracy")


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Demographic parity difference",
    titre="Écart de parité démographique",
)
def demographic_parity_difference(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The largest difference of selection rate between two groups; 0 is parity."""
    return _disparity(record, attribute, missing, ("selection_rate",))


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Equal opportunity difference",
    titre="Écart d'égalité des chances",
)
def equal_opportunity_difference(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The largest difference of true positive rate between two groups; 0 is equality."""
    return _disparity(record, attribute, missing, ("tpr",))


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Equalised odds difference",
    titre="Écart de cotes égalisées",
)
def equalized_odds_difference(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The larger of the largest TPR and FPR differences between two groups; 0 is equality."""
    return _disparity(record, attribute, missing, ("tpr", "fpr"))


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Accuracy of the worst group",
    titre="Exactitude du groupe le moins bien servi",
)
def accuracy_group_min(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The lowest accuracy over the groups.

    Low end: the smallest Wilson low end (intersection–union); high end: the smallest Wilson high
    end with Bonferroni's correction.
    """
    counts = counts_by_group(record, attribute, missing, binary=False)
    if isinstance(counts, Missing):
        return counts
    if len(counts.names) < 2:
        return Missing(reason="one_group", detail=f"'{attribute}' has fewer than two groups")
    if (gone := _undefined(counts, "accuracy")) is not None:
        return gone
    hits, trials = counts.rate("accuracy")
    rates = hits / trials
    worst = int(rates.argmin())
    lows, _ = wilson(hits, trials)
    _, highs = wilson(hits, trials, level=1 - (1 - LEVEL) / len(trials))
    return Value(
        estimate=float(rates[worst]),
        unit="1",
        low=float(lows.min()),
        high=float(highs.min()),
        n=int(trials.min()),
        method="counted",
        interval="wilson_groups",
        note=f"worst: {counts.names[worst]} (n={trials[worst]})",
    )
