"""How far groups lie apart in their rates. Names follow Fairlearn's.

The interval of a disparity holds the largest *true* difference: each end errs at most one time in
twenty. See `frugalbench.metrics._pairs` for how, and `pairs` for every pair by itself.
"""

from collections.abc import Sequence

from frugalbench.metrics._counts import Counts, counts_by_group
from frugalbench.metrics._enough import settled_within
from frugalbench.metrics._metric import Metric, MissingGroups, Settled, metric
from frugalbench.metrics._once import once
from frugalbench.metrics._pairs import ByGroup, Pair, largest_difference
from frugalbench.metrics._pairs import pairs as every_pair
from frugalbench.metrics.fairness._rates import by_group, undefined
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "accuracy_difference",
    "demographic_parity_difference",
    "disparity",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "false_omission_difference",
    "pairs",
    "predictive_parity_difference",
]

Rates = tuple[str, ...]
MOST_RESAMPLED = 128
"""Groups every pair of which is resampled with its clusters: 8,128 pairs, 2,000 times."""
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
    return counts if isinstance(counts, Missing) else complete(counts, attribute, rates)


def complete(counts: Counts, attribute: str, rates: Rates) -> Counts | Missing:
    """The same counts, if there are two groups at least and all rates are defined in each."""
    if len(counts.names) < 2:
        return Missing(reason="one_group", detail=f"'{attribute}' has fewer than two groups")
    for rate, of in asked(counts, rates):
        if (gone := undefined(counts, rate, of)) is not None:
            return gone
    return counts


def comparable(counts: Counts) -> Counts | Missing:
    """The same counts, unless they are of too many groups to resample every pair of them."""
    if counts.clusters is None or len(counts.names) <= MOST_RESAMPLED:
        return counts
    return Missing(
        reason="too_many_groups",
        detail=f"{len(counts.names):,} groups are too many to compare two by two where rows belong "
        f"together (data.cluster): put them in at most {MOST_RESAMPLED}",
    )


def asked(counts: Counts, rates: Rates) -> list[tuple[str, int]]:
    """Each rate; of more than two classes, of each class against the rest."""
    return [(rate, of) for rate in rates for of in (counts.asked if rate != "accuracy" else (0,))]


@once(64)
def measured(
    record: Record, attribute: str, missing: MissingGroups, rates: Rates
) -> tuple[ByGroup, ...] | Missing:
    """Each rate in every group; of more than two classes, each class against the rest."""
    counts = counted(record, attribute, missing, rates)
    if isinstance(counts, Counts):
        counts = comparable(counts)
    if isinstance(counts, Missing):
        return counts
    seed = record.spec.plan.seed
    return tuple(by_group(counts, rate, of, seed) for rate, of in asked(counts, rates))


def disparity(counts: Counts, name: str, attribute: str = "", seed: int = 0) -> Measure:
    """A disparity of a table of counts, wherever it was counted; names as of the metrics here.

    Raises:
        KeyError: there is no such disparity.
    """
    found = complete(counts, attribute, OF_DIFFERENCE[name])
    if isinstance(found, Counts):
        found = comparable(found)
    if isinstance(found, Missing):
        return found
    rates = asked(counts, OF_DIFFERENCE[name])
    return largest_of([by_group(counts, rate, of, seed) for rate, of in rates])


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


def largest_of(measures: Sequence[ByGroup]) -> Value:
    """The largest difference between two groups, as a measure."""
    interval = "cluster_pairs" if measures[0].clusters else "newcombe_pairs"
    return largest_difference(measures).value(interval, maximum=1)


def _difference(name: str, title: str, titre: str, what: str) -> Metric:
    """The metric of a disparity, whose docstring says what it is."""
    rates = OF_DIFFERENCE[name]

    def settle(
        record: Record, bound: float, attribute: str, missing: MissingGroups = "include"
    ) -> Settled:
        measures = measured(record, attribute, missing, rates)
        return Settled() if isinstance(measures, Missing) else settled_within(measures, bound)

    def measure(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
        measures = measured(record, attribute, missing, rates)
        return measures if isinstance(measures, Missing) else largest_of(measures)

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
