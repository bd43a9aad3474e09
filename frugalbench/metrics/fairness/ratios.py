"""How many times as often one group gets an answer as another."""

import math

import numpy as np

from frugalbench.metrics._counts import Counts
from frugalbench.metrics._metric import MissingGroups, metric
from frugalbench.metrics._pairs import BOTH_ENDS, largest_difference
from frugalbench.metrics.fairness._rates import log_by_group
from frugalbench.metrics.fairness.gaps import comparable, counted
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["demographic_parity_ratio", "differential_fairness"]


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
    if isinstance(counts, Counts):
        counts = comparable(counts)
    if isinstance(counts, Missing):
        return counts
    chosen = [of for of in counts.asked if counts.rate("selection_rate", of)[0].any()]
    if not chosen:
        return Missing(reason="no_selected", detail="nobody is selected in any group")
    found = largest_difference([log_by_group(counts, of, record.spec.plan.seed) for of in chosen])
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
    if isinstance(counts, Counts):
        counts = comparable(counts)
    if isinstance(counts, Missing):
        return counts
    outcomes = range(counts.table.shape[1])
    found = largest_difference([log_by_group(counts, of, record.spec.plan.seed) for of in outcomes])
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
