"""How well the group is served that is served worst."""

from frugalbench.metrics._extremes import settled_below, smallest_value
from frugalbench.metrics._metric import Metric, MissingGroups, Settled, metric
from frugalbench.metrics._pairs import ByGroup
from frugalbench.metrics.fairness._rates import exact_by_group
from frugalbench.metrics.fairness.gaps import asked, counted
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = ["accuracy_group_min", "tpr_group_min"]


def _floor(name: str, rate: str, title: str, titre: str, what: str) -> Metric:
    """The metric of the group that is served worst, whose docstring says by what."""

    def measures(record: Record, attribute: str, missing: MissingGroups) -> list[ByGroup] | Missing:
        counts = counted(record, attribute, missing, (rate,))
        if isinstance(counts, Missing):
            return counts
        seed = record.spec.plan.seed
        return [exact_by_group(counts, rate, of, seed) for _, of in asked(counts, (rate,))]

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
        interval = "cluster_groups" if found[0].clusters else "clopper_pearson_groups"
        return smallest_value(found).value(interval)

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
