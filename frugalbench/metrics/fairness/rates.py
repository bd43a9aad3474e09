"""The rates of one group, each with what it was counted from."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._counts import Counts, counts_by_group
from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._metric import Metric, metric
from frugalbench.metrics._once import once
from frugalbench.metrics.fairness._rates import EMPTY, by_group
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "accuracy",
    "base_rate",
    "false_omission_rate",
    "fnr",
    "fpr",
    "npv",
    "ppv",
    "selection_rate",
    "tnr",
    "tpr",
]


Floats = npt.NDArray[np.float64]


def rate_of(record: Record, attribute: str, group: str, rate: str) -> Measure:
    """A rate of one group, with Wilson's interval, or that of resampled clusters.

    Its note says how many rows it was counted from. Missing where the group has none of them, or
    where the data have more than two classes, whose rates only a class has.
    """
    counts = counts_by_group(record, attribute, "include", binary=rate != "accuracy")
    if isinstance(counts, Missing):
        return counts
    if rate != "accuracy" and counts.positive is None:
        return Missing(
            reason="no_positive_class",
            detail="with more than two classes each has rates of its own: see the differences",
        )
    if group not in counts.names:
        return Missing(reason="empty_group", detail=f"no row has {attribute}={group}")
    of, index = counts.positive or 0, counts.names.index(group)
    hits, trials = (int(array[index]) for array in counts.rate(rate, of))
    if trials == 0:
        reason, words = EMPTY.get(rate, ("empty_group", "no row"))
        if counts.rows[index] == 0:
            reason, words = "empty_group", "no row"
        return Missing(reason=reason, detail=f"group '{group}' has {words}")
    clustered = counts.clusters is not None
    low, high = _ends(record, attribute, rate)
    return Value(
        estimate=hits / trials,
        unit="1",
        low=float(low[index]),
        high=float(high[index]),
        n=trials,
        method="counted",
        interval="cluster_bootstrap" if clustered else "wilson",
        note=f"{hits:,} of {trials:,}" + _beside(counts, of, index),
    )


@once(8)
def _ends(record: Record, attribute: str, rate: str) -> tuple[Floats, Floats]:
    """The ends of a rate's interval in every group; NaN where it is undefined."""
    counts = counts_by_group(record, attribute, "include", binary=rate != "accuracy")
    assert isinstance(counts, Counts), "it has been counted"
    of = counts.positive or 0
    known = np.flatnonzero(counts.rate(rate, of)[1])
    clusters = None if counts.clusters is None else counts.clusters[:, known]
    names = tuple(counts.names[group] for group in known)
    defined = Counts(names, counts.table[known], counts.positive, counts.classes, clusters)
    low, high = np.full((2, len(counts.names)), np.nan)
    low[known], high[known] = by_group(defined, rate, of, record.spec.plan.seed).ends(LEVEL)
    return low, high


def _beside(counts: Counts, of: int, index: int) -> str:
    if counts.positive is None:
        return ""
    cells = counts.cells(of)
    n, positives, negatives, selected = (
        int(one[index]) for one in (cells.rows, cells.positives, cells.negatives, cells.selected)
    )
    return f"; {n:,} rows: {positives:,} positive, {negatives:,} negative, {selected:,} selected"


def _rate(name: str, title: str, titre: str, what: str, *, better: bool | None = None) -> Metric:
    """The metric of a rate, whose docstring says what it is."""
    state: Callable[[Callable[..., Measure]], Metric] = metric(
        unit="1",
        lower_is_better=None if better is None else not better,
        maximum=1,
        title=title,
        titre=titre,
    )

    def measure(record: Record, attribute: str, group: str) -> Measure:
        return rate_of(record, attribute, group, name)

    measure.__name__ = name
    measure.__doc__ = f"{what}, with Wilson's interval."
    return state(measure)


selection_rate = _rate(
    "selection_rate",
    "Selection rate",
    "Taux de sélection",
    "The share of a group's rows that the model answers positively",
)
base_rate = _rate(
    "base_rate",
    "Base rate",
    "Taux de base",
    "The share of a group's rows whose label is positive",
)
tpr = _rate(
    "tpr",
    "True positive rate",
    "Taux de vrais positifs",
    "The share of a group's positives that the model finds",
    better=True,
)
fnr = _rate(
    "fnr",
    "False negative rate",
    "Taux de faux négatifs",
    "The share of a group's positives that the model misses",
    better=False,
)
fpr = _rate(
    "fpr",
    "False positive rate",
    "Taux de faux positifs",
    "The share of a group's negatives answered positively",
    better=False,
)
tnr = _rate(
    "tnr",
    "True negative rate",
    "Taux de vrais négatifs",
    "The share of a group's negatives answered negatively",
    better=True,
)
ppv = _rate(
    "ppv",
    "Positive predictive value",
    "Valeur prédictive positive",
    "The share of a group's positive answers that are right",
    better=True,
)
npv = _rate(
    "npv",
    "Negative predictive value",
    "Valeur prédictive négative",
    "The share of a group's negative answers that are right",
    better=True,
)
false_omission_rate = _rate(
    "false_omission_rate",
    "False omission rate",
    "Taux de fausses omissions",
    "The share of a group's negative answers that are wrong",
    better=False,
)
accuracy = _rate(
    "accuracy",
    "Accuracy in the group",
    "Exactitude dans le groupe",
    "The share of a group's rows answered rightly",
    better=True,
)
