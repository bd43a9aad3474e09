"""How far groups lie apart in their rates. Names follow Fairlearn's.

The interval of a disparity holds the largest *true* difference: each end errs at most one time in
twenty. See `frugalbench.metrics._pairs` for how, and `pairs` for every pair by itself.
"""

import math
from collections.abc import Sequence

import numpy as np

from frugalbench.metrics._counts import Counts, counts_by_group
from frugalbench.metrics._extremes import settled_below, smallest_value
from frugalbench.metrics._metric import Metric, MissingGroups, Settled, metric
from frugalbench.metrics._pairs import (
    BOTH_ENDS,
    ByGroup,
    Pair,
    largest_difference,
    needed,
)
from frugalbench.metrics._pairs import pairs as every_pair
from frugalbench.metrics.fairness._rates import (
    by_group,
    exact_by_group,
    log_by_group,
    undefined,
)
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "accuracy_difference",
    "accuracy_group_min",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "differential_fairness",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "false_omission_difference",
    "pairs",
    "predictive_parity_difference",
    "tpr_group_min",
]

Rates = tuple[str, ...]
OF_DIFFERENCE: dict[str, Rates] = {
    "demographic_parity_difference": ("selection_rate",),
    "equal_opportunity_difference": ("tpr",),
    "equalized_odds_difference": ("tpr", "fpr"),
    "predictive_parity_difference": ("ppv",),
    "false_omission_difference": ("false_omission_rate",),
    "accuracy_difference": ("accuracy",),
}
"""The rates whose differences each disparity is the largest of."""


def counted(
    record: Record, attribute: str, missing: MissingGroups, rates: Rates
) -> Counts | Missing:
    """The counts by group, if there are two groups at least and all rates are defined in each."""
    counts = counts_by_group(record, attribute, missing, binary=rates != ("accuracy",))
    if isinstance(counts, Missing):
        return counts
    if len(counts.names) < 2:
        return Missing(reason="one_group", detail=f"'{attribute}' has fewer than two groups")
    for rate in rates:
        for of in counts.asked if rate != "accuracy" else (0,):
            if (gone := undefined(counts, rate, of)) is not None:
                return gone
    return counts


def measured(
    record: Record, attribute: str, missing: MissingGroups, rates: Rates
) -> tuple[ByGroup, ...] | Missing:
    """Each rate in every group; of more than two classes, each class against the rest."""
    counts = counted(record, attribute, missing, rates)
    if isinstance(counts, Missing):
        return counts
    return tuple(
        by_group(record, counts, rate, of)
        for rate in rates
        for of in (counts.asked if rate != "accuracy" else (0,))
    )


def pairs(
    record: Record,
    name: str,
    attribute: str,
    *,
    margin: float = 0.0,
    missing: MissingGroups = "include",
) -> tuple[Pair, ...] | Missing:
    """Every pair of groups of a disparity, tested against a margin, the smallest p first.

    Args:
        record: what was observed.
        name: the disparity, such as `equal_opportunity_difference`.
        attribute: the name of a view.
        margin: the largest difference that is accepted.
        missing: what to do with rows without a group.

    Raises:
        KeyError: there is no such disparity.
    """
    measures = measured(record, attribute, missing, OF_DIFFERENCE[name])
    return measures if isinstance(measures, Missing) else every_pair(measures, margin)


def _disparity(record: Record, attribute: str, missing: MissingGroups, rates: Rates) -> Measure:
    measures = measured(record, attribute, missing, rates)
    if isinstance(measures, Missing):
        return measures
    found = largest_difference(measures)
    clustered = measures[0].replicates is not None
    return Value(
        estimate=found.estimate,
        unit="1",
        low=found.low,
        high=min(1.0, found.high),
        n=found.smallest,
        method="counted",
        interval="cluster_pairs" if clustered else "newcombe_pairs",
        level=BOTH_ENDS,
        note=found.note,
    )


def settled(measures: Sequence[ByGroup], bound: float) -> Settled:
    """What is known of each group, and of each pair, about a largest difference."""
    flagged = tuple(
        f"{one.first} and {one.second} ({one.title}, {one.difference:+.3f})"
        for one in every_pair(measures, bound)
        if one.flagged
    )
    return Settled(needed(measures, bound), flagged)


def _difference(name: str, title: str, titre: str, what: str) -> Metric:
    """The metric of a disparity, whose docstring says what it is."""
    rates = OF_DIFFERENCE[name]

    def settle(
        record: Record, bound: float, attribute: str, missing: MissingGroups = "include"
    ) -> Settled:
        measures = measured(record, attribute, missing, rates)
        return Settled() if isinstance(measures, Missing) else settled(measures, bound)

    def measure(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
        return _disparity(record, attribute, missing, rates)

    measure.__name__ = name
    measure.__doc__ = f"{what}; with more than two classes, over the classes too."
    return metric(
        unit="1", lower_is_better=True, maximum=1, title=title, titre=titre, settle=settle
    )(measure)


demographic_parity_difference = _difference(
    "demographic_parity_difference",
    "Demographic parity difference",
    "Écart de parité démographique",
    "The largest difference of selection rate between two groups; 0 is parity",
)
equal_opportunity_difference = _difference(
    "equal_opportunity_difference",
    "Equal opportunity difference",
    "Écart d'égalité des chances",
    "The largest difference of true positive rate between two groups; 0 is equality",
)
equalized_odds_difference = _difference(
    "equalized_odds_difference",
    "Equalised odds difference",
    "Écart de cotes égalisées",
    "The larger of the largest TPR and FPR differences between two groups; 0 is equality",
)
predictive_parity_difference = _difference(
    "predictive_parity_difference",
    "Predictive parity difference",
    "Écart de parité prédictive",
    "The largest difference of positive predictive value between two groups; 0 is parity",
)
false_omission_difference = _difference(
    "false_omission_difference",
    "False omission difference",
    "Écart de fausses omissions",
    "The largest difference of false omission rate between two groups; 0 is equality",
)
accuracy_difference = _difference(
    "accuracy_difference",
    "Accuracy difference",
    "Écart d'exactitude",
    "The largest difference of accuracy between two groups; 0 is equality",
)


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Demographic parity ratio",
    titre="Rapport de parité démographique",
)
def demographic_parity_ratio(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The smallest selection rate of a group over the largest; 1 is parity, 0.8 the four fifths.

    The interval is that of the largest difference of logarithms over the pairs (the adjusted log
    interval of a ratio). Missing where nobody is selected in any group. With more than two
    classes, over the classes that somebody gets.
    """
    counts = counted(record, attribute, missing, ("selection_rate",))
    if isinstance(counts, Missing):
        return counts
    chosen = [of for of in counts.asked if counts.rate("selection_rate", of)[0].any()]
    if not chosen:
        return Missing(reason="no_selected", detail="nobody is selected in any group")
    found = largest_difference([log_by_group(record, counts, of) for of in chosen])
    rates = [np.divide(*counts.rate("selection_rate", of)) for of in chosen]
    ratio = min(float(one.min() / one.max()) for one in rates)
    return Value(
        estimate=ratio,
        unit="1",
        low=min(ratio, math.exp(-found.high)),
        high=max(ratio, math.exp(-found.low)),
        n=found.smallest,
        method="counted",
        interval="log_ratio_pairs",
        level=BOTH_ENDS,
    )


@metric(
    unit="1",
    lower_is_better=True,
    title="Differential fairness",
    titre="Équité différentielle",
)
def differential_fairness(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The largest log ratio of the rates of an answer between two groups, ε; 0 is equality.

    Foulds et al. (2020), with rates smoothed by half a row of either kind, and the interval of a
    largest difference over the pairs and the answers.
    """
    counts = counted(record, attribute, missing, ("selection_rate",))
    if isinstance(counts, Missing):
        return counts
    outcomes = range(counts.table.shape[1])
    found = largest_difference([log_by_group(record, counts, of) for of in outcomes])
    smooth = np.array(
        [
            (hits + 0.5) / (n + 1)
            for hits, n in (counts.rate("selection_rate", of) for of in outcomes)
        ]
    )
    epsilon = float(np.ptp(np.log(smooth), axis=1).max())
    return Value(
        estimate=epsilon,
        unit="1",
        low=min(epsilon, found.low),
        high=max(epsilon, found.high),
        n=found.smallest,
        method="counted",
        interval="log_ratio_pairs",
        level=BOTH_ENDS,
    )


def _floor(name: str, rate: str, title: str, titre: str, what: str) -> Metric:
    """The metric of the group that is served worst, whose docstring says by what."""

    def measures(record: Record, attribute: str, missing: MissingGroups) -> list[ByGroup] | Missing:
        counts = counted(record, attribute, missing, (rate,))
        if isinstance(counts, Missing):
            return counts
        classes = counts.asked if rate != "accuracy" else (0,)
        return [exact_by_group(record, counts, rate, of) for of in classes]

    def settle(
        record: Record, bound: float, attribute: str, missing: MissingGroups = "include"
    ) -> Settled:
        found = measures(record, attribute, missing)
        if isinstance(found, Missing):
            return Settled()
        return settled_below(found, bound)

    def measure(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
        found = measures(record, attribute, missing)
        if isinstance(found, Missing):
            return found
        lowest = smallest_value(found)
        clustered = found[0].replicates is not None
        return Value(
            estimate=lowest.estimate,
            unit="1",
            low=lowest.low,
            high=lowest.high,
            n=lowest.smallest,
            method="counted",
            interval="cluster_groups" if clustered else "clopper_pearson_groups",
            level=BOTH_ENDS,
            note=lowest.note,
        )

    measure.__name__ = name
    measure.__doc__ = (
        f"{what} over the groups.\n\n"
        "Low end: the smallest of the exact one-sided lower bounds of the groups "
        "(intersection–union).\nHigh end: the smallest upper bound after Bonferroni's correction."
    )
    return metric(
        unit="1", lower_is_better=False, maximum=1, title=title, titre=titre, settle=settle
    )(measure)


accuracy_group_min = _floor(
    "accuracy_group_min",
    "accuracy",
    "Accuracy of the worst group",
    "Exactitude du groupe le moins bien servi",
    "The lowest accuracy",
)
tpr_group_min = _floor(
    "tpr_group_min",
    "tpr",
    "True positive rate of the worst group",
    "Taux de vrais positifs du groupe le moins bien servi",
    "The lowest true positive rate",
)
