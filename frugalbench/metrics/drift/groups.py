"""How far the answers have moved in each group, and whether in some more than in others."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._counts import group_rows
from frugalbench.metrics._enough import settled_within
from frugalbench.metrics._extremes import largest_value, settled_above
from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._metric import Metric, MissingGroups, Settled, metric
from frugalbench.metrics._once import once
from frugalbench.metrics._paired import Both, both, change_by_group
from frugalbench.metrics._pairs import ByGroup, largest_difference
from frugalbench.metrics.drift.answers import changes
from frugalbench.metrics.fairness.gaps import MOST_RESAMPLED
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "accuracy_drop_group_max",
    "accuracy_drop_in_group",
    "fpr_rise_group_max",
    "selection_change_group_max",
    "tpr_drop_group_max",
    "unequal_accuracy_drop",
    "unequal_tpr_drop",
]

Mask = npt.NDArray[np.bool_]
Shares = Callable[[Both, int], tuple[Mask, Mask, Mask]]
"""Of a class: the rows that count, and those of them in the share whose loss is bad, then whose
share after is taken away from it."""


def _everyone(seen: Both) -> Mask:
    return np.ones(seen.y_true.size, np.bool_)


SHARES: dict[str, dict[str, Shares]] = {
    "accuracy": {
        "loss of accuracy": lambda seen, of: (
            _everyone(seen),
            seen.before == seen.y_true,
            seen.after == seen.y_true,
        )
    },
    "tpr": {
        "loss of TPR": lambda seen, of: (seen.y_true == of, seen.before == of, seen.after == of)
    },
    "fpr": {
        "rise of FPR": lambda seen, of: (seen.y_true != of, seen.after == of, seen.before == of)
    },
    "selection": {
        "fall of the selection rate": lambda seen, of: (
            _everyone(seen),
            seen.before == of,
            seen.after == of,
        ),
        "rise of the selection rate": lambda seen, of: (
            _everyone(seen),
            seen.after == of,
            seen.before == of,
        ),
    },
}
"""What can change, and in which ways it can change for the worse."""


@once(32)
def changes_by_group(
    record: Record, reference: Record | None, attribute: str, missing: MissingGroups, what: str
) -> tuple[ByGroup, ...] | Missing:
    if reference is None:
        return Missing(reason="no_reference", detail="there is no record to compare with")
    seen = both(record, reference)
    if isinstance(seen, Missing):
        return seen
    data = record.data
    assert data is not None, "what has labels has data"
    several = data.positive is None
    if several and len(data.classes) == 2 and what != "accuracy":
        return Missing(
            reason="no_positive_class",
            detail="which of the two labels is positive? say it with data.positive=…",
        )
    classes = range(len(data.classes)) if several else (data.positive or 0,)
    found: list[ByGroup] = []
    for title, share in SHARES[what].items():
        for of in classes if what != "accuracy" else (0,):
            named = f"{title} of {data.classes[of]}" if several and what != "accuracy" else title
            one = change_by_group(record, attribute, missing, named, share(seen, of))
            if isinstance(one, Missing):
                return one
            found.append(one)
    return tuple(found)


def _worst(what: str, name: str, title: str, titre: str, said: str) -> Metric:
    """The metric of the group for which something changed most for the worse."""

    def settle(
        record: Record,
        bound: float,
        reference: Record,
        attribute: str,
        missing: MissingGroups = "include",
    ) -> Settled:
        found = changes_by_group(record, reference, attribute, missing, what)
        return Settled() if isinstance(found, Missing) else settled_above(found, bound)

    def measure(
        record: Record, reference: Record, attribute: str, missing: MissingGroups = "include"
    ) -> Measure:
        found = changes_by_group(record, reference, attribute, missing, what)
        if isinstance(found, Missing):
            return found
        return worst_value(found)

    measure.__name__ = name
    measure.__doc__ = (
        f"{said}, over the groups, row by row.\n\n"
        "High end: the largest upper end of the groups (intersection–union).\n"
        "Low end: the largest lower end after Bonferroni's correction."
    )
    return metric(
        unit="1",
        lower_is_better=True,
        minimum=-1,
        maximum=1,
        title=title,
        titre=titre,
        settle=settle,
    )(measure)


def worst_value(found: tuple[ByGroup, ...], unit: str = "1") -> Value:
    """The largest value over the groups, as a measure."""
    interval = "cluster_groups" if found[0].clusters else "paired_groups"
    return largest_value(found).value(interval, unit)


def _unequal(what: str, name: str, title: str, titre: str, said: str) -> Metric:
    """The metric of how much more something changed for one group than for another."""

    def settle(
        record: Record,
        bound: float,
        reference: Record,
        attribute: str,
        missing: MissingGroups = "include",
    ) -> Settled:
        found = changes_by_group(record, reference, attribute, missing, what)
        if isinstance(found, Missing) or len(found[0].names) < 2:
            return Settled()
        return settled_within(found, bound)

    def measure(
        record: Record, reference: Record, attribute: str, missing: MissingGroups = "include"
    ) -> Measure:
        found = changes_by_group(record, reference, attribute, missing, what)
        if isinstance(found, Missing):
            return found
        if len(found[0].names) < 2:
            return Missing(reason="one_group", detail=f"'{attribute}' has fewer than two groups")
        if found[0].clusters and len(found[0].names) > MOST_RESAMPLED:
            return Missing(
                reason="too_many_groups",
                detail=f"{len(found[0].names):,} groups are too many to compare two by two where "
                f"rows belong together (data.cluster): put them in at most {MOST_RESAMPLED}",
            )
        interval = "cluster_pairs" if found[0].clusters else "paired_pairs"
        return largest_difference(found).value(interval, maximum=2)

    measure.__name__ = name
    measure.__doc__ = f"{said}; 0 when it changed alike for all."
    return metric(
        unit="1", lower_is_better=True, maximum=2, title=title, titre=titre, settle=settle
    )(measure)


accuracy_drop_group_max = _worst(
    "accuracy",
    "accuracy_drop_group_max",
    "Largest loss of accuracy in a group",
    "Plus grande perte d'exactitude dans un groupe",
    "The largest loss of accuracy",
)
tpr_drop_group_max = _worst(
    "tpr",
    "tpr_drop_group_max",
    "Largest loss of true positive rate in a group",
    "Plus grande perte de taux de vrais positifs dans un groupe",
    "The largest loss of true positive rate",
)
fpr_rise_group_max = _worst(
    "fpr",
    "fpr_rise_group_max",
    "Largest rise of false positive rate in a group",
    "Plus grande hausse de taux de faux positifs dans un groupe",
    "The largest rise of false positive rate",
)
selection_change_group_max = _worst(
    "selection",
    "selection_change_group_max",
    "Largest change of selection rate in a group",
    "Plus grand changement de taux de sélection dans un groupe",
    "The largest change of selection rate either way",
)
unequal_accuracy_drop = _unequal(
    "accuracy",
    "unequal_accuracy_drop",
    "Unequal loss of accuracy",
    "Perte d'exactitude inégale",
    "The largest difference between two groups in how much accuracy they lost",
)
unequal_tpr_drop = _unequal(
    "tpr",
    "unequal_tpr_drop",
    "Unequal loss of true positive rate",
    "Perte inégale de taux de vrais positifs",
    "The largest difference between two groups in how much true positive rate they lost",
)


@metric(
    unit="1",
    lower_is_better=True,
    minimum=-1,
    maximum=1,
    title="Loss of accuracy in the group",
    titre="Perte d'exactitude dans le groupe",
)
def accuracy_drop_in_group(
    record: Record, reference: Record, attribute: str, group: str
) -> Measure:
    """A group's accuracy before minus after, with the interval of paired proportions.

    The note gives the exact p-value of McNemar's test in the group.
    """
    found = changes_by_group(record, reference, attribute, "include", "accuracy")
    if isinstance(found, Missing):
        return found
    (one,) = found
    if group not in one.names:
        return Missing(reason="empty_group", detail=f"no row has {attribute}={group}")
    index = one.names.index(group)
    low, high = one.ends(LEVEL)
    seen, grouped = both(record, reference), group_rows(record, attribute, "include")
    assert not isinstance(seen, Missing), "the measure has been made from it"
    assert not isinstance(grouped, Missing), "the measure has been made from it"
    rows = grouped[2][grouped[1] == index]
    was, now = (side[rows] == seen.y_true[rows] for side in (seen.before, seen.after))
    lost, won = int((was & ~now).sum()), int((now & ~was).sum())
    return Value(
        estimate=float(one.estimates[index]),
        unit="1",
        low=float(low[index]),
        high=float(high[index]),
        n=int(rows.size),
        method="counted",
        interval="cluster_bootstrap" if one.clusters else "paired_adjusted",
        note=changes(lost, won, clustered=bool(one.clusters)),
    )
