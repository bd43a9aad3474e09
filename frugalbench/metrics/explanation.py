"""What the model looks at: how much worse it answers when one feature is shuffled."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import number_of_clusters, resampled_interval, resampled_sums
from frugalbench.metrics._intervals import LEVEL, mean_t, summable
from frugalbench.metrics._metric import metric, no_run
from frugalbench.metrics._points import is_point, same_change
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["importance"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[Any]


@metric(
    unit="1",
    lower_is_better=None,
    minimum=-math.inf,
    title="Permutation importance",
    titre="Importance par permutation",
)
def importance(record: Record, feature: str) -> Measure:
    """The mean increase of the loss when a feature is shuffled among the rows.

    The loss of a classifier is 1 for a wrong answer, so that it is the accuracy the model owes to
    the feature; that of a regression is the absolute error, in standard deviations of the probed
    labels. Below 0 the model does better without it, by chance or not. Source: Breiman (2001);
    Fisher, Rudin and Dominici (2019).

    The interval is Student's t over the rows, or of resampled clusters. Where no row changes at
    all, an exact bound on the share of rows that do holds for a classifier; a regression has no
    interval where all rows, or clusters, change by the same.

    A feature that another one can stand in for has little importance, however much it says.
    """
    if (gone := no_run(record)) is not None:
        return gone
    probed, array = record.probed, record.arrays.get("importance")
    if probed is None or array is None or feature not in probed.features:
        return Missing(
            reason="not_shuffled",
            detail="; ".join(probed.notes if probed else ())
            or "the feature was not shuffled: add probes.shuffles=5",
        )
    losses = array[probed.features.index(feature)].astype(np.float64)
    rows = record.arrays.get("probe:rows", np.empty(0, np.int64))
    if "target" in record.arrays:
        target = record.arrays["target"][rows]
        if not summable(target):
            return Missing(reason="not_finite", detail="a label of a probed row is no number")
        spread = float(target.std())
        if spread == 0:
            return Missing(reason="one_value", detail="the labels of the probed rows are all equal")
        with np.errstate(over="ignore", invalid="ignore"):
            losses /= spread
    clusters = record.arrays["cluster"][rows] if "cluster" in record.arrays else None
    units = number_of_clusters(clusters, losses.size)
    if units < 2:
        return Missing(reason="too_few_rows", detail="needs two rows, or clusters, at least")
    if not summable(losses):
        return Missing(reason="not_finite", detail="an answer to a shuffled row is no number")
    mean, low, high = _ends(record, losses, clusters)
    if is_point(low, high, losses):
        return same_change()
    return Value(
        estimate=mean,
        unit="1",
        low=low,
        high=high,
        n=units,
        method="counted",
        interval="student_t" if clusters is None else "cluster_bootstrap",
        note=f"{probed.shuffles} shuffles",
    )


def _ends(record: Record, losses: Floats, clusters: Codes | None) -> tuple[float, float, float]:
    """The mean and its interval."""
    units = number_of_clusters(clusters, losses.size)
    if not losses.any() and "y_pred" in record.arrays:
        # Of n rows none changed: a share of more than this would have shown with LEVEL.
        high = 1 - ((1 - LEVEL) / 2) ** (1 / units)
        return 0.0, -high, high
    if clusters is None:
        mean, half = mean_t(losses)
        return mean, mean - half, mean + half
    mean = float(losses.mean())
    pairs = np.column_stack([losses, np.ones(losses.size)])
    sums = resampled_sums(pairs, clusters, seed=record.spec.plan.seed)
    return mean, *resampled_interval(mean, sums[:, 0] / sums[:, 1], units)
