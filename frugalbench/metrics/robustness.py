"""How the answers hold when the inputs are disturbed, or searched for ones that change them.

Every pass asks the same rows, so that what is lost is counted row by row. A pass that could not be
made is missing with its reason; it never counts as a model that held.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics import fairness, quality
from frugalbench.metrics._clusters import number_of_clusters, resampled_interval, resampled_sums
from frugalbench.metrics._intervals import LARGEST, LEVEL, mean_t, summable
from frugalbench.metrics._lost import lost_probes, why_lost
from frugalbench.metrics._metric import MissingGroups, Settled, metric, no_run
from frugalbench.metrics._points import is_point, same_change
from frugalbench.metrics._probed import (
    clusters_of,
    on_probed_rows,
    probe_names,
    right_answers,
    under,
)
from frugalbench.metrics._resampled import alike, wider
from frugalbench.metrics._retained import paired_ratio
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "accuracy",
    "accuracy_group_min",
    "accuracy_retained",
    "accuracy_retained_min",
    "error_increase",
]

Array = npt.NDArray[Any]
Ratio = tuple[float, float, float]


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Accuracy under a disturbance",
    titre="Exactitude sous perturbation",
)
def accuracy(record: Record, probe: str) -> Measure:
    """The share of the probed rows that are answered rightly under a probe.

    The interval is that of `quality.accuracy`.
    """
    found = right_answers(record, probe)
    if isinstance(found, Missing):
        return found
    measured: Measure = quality.accuracy(on_probed_rows(record, found[2]))
    return measured


@metric(
    unit="1",
    lower_is_better=False,
    title="Accuracy retained under a disturbance",
    titre="Exactitude conservée sous perturbation",
)
def accuracy_retained(record: Record, probe: str) -> Measure:
    """Accuracy under a probe over the accuracy of the same rows undisturbed.

    1 where nothing changes, also under a search that never finds a wrong answer. The interval is
    that of a ratio of two proportions of the same rows (Bonett and Price 2006), or of resampled
    clusters where rows belong together. Where all clusters retain the same share, it is as wide as
    Wilson's share of clusters that may be unlike them makes it.
    """
    found = right_answers(record, probe)
    if isinstance(found, Missing):
        return found
    before, after, passed = found
    if not before.any():
        return Missing(reason="none_right", detail="no probed row was answered rightly undisturbed")
    clusters = clusters_of(record, passed)
    if clusters is not None and np.unique(clusters).size < 2:
        return Missing(reason="one_cluster", detail="all probed rows belong together")
    ratio, low, high = _retained(record, before, after, clusters, LEVEL)
    if math.isinf(high):
        return Missing(
            reason="none_right", detail="too few rows were answered rightly for an interval"
        )
    return Value(
        estimate=ratio,
        unit="1",
        low=low,
        high=high,
        n=number_of_clusters(clusters, before.size),
        method="counted",
        interval="bonett_price" if clusters is None else "cluster_bootstrap",
        note=f"{int(before.sum())} right before, {int(after.sum())} after, of {before.size}",
    )


def _retained(
    record: Record, before: Array, after: Array, clusters: Array | None, level: float
) -> Ratio:
    both = int((before & after).sum())
    if clusters is None:
        return paired_ratio(both, int(before.sum()) - both, int(after.sum()) - both, level)
    ratio = float(after.sum() / before.sum())
    sums = resampled_sums(np.column_stack([before, after]), clusters, seed=record.spec.plan.seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = sums[:, 1] / sums[:, 0]
    low, high = resampled_interval(ratio, drawn, np.unique(clusters).size, level)
    # Clusters without a right answer, before or after, say nothing of what is retained.
    telling = np.array([np.unique(clusters[before | after]).size])
    # A cluster can be unlike the others by all its rows, of which not all were right before.
    apart = alike(drawn[:, np.newaxis], telling)(level) * before.size / before.sum()
    lows, highs = wider(np.array([ratio]), (np.array([low]), np.array([high])), apart)
    return ratio, max(0.0, float(lows[0])), float(highs[0])


@metric(
    unit="1",
    lower_is_better=False,
    title="Accuracy retained under the worst disturbance",
    titre="Exactitude conservée sous la pire perturbation",
)
def accuracy_retained_min(record: Record) -> Measure:
    """The lowest accuracy retained over all probes.

    Low end: the smallest low end of a probe (intersection–union). High end: the smallest high end
    with Bonferroni's correction. One pass that could not be made, or that was asked for and is not
    in the record, leaves the lowest unknown.
    """
    if no_run(record) is None and (lost := lost_probes(record)):
        return why_lost("probe", "', '".join(lost))
    names = probe_names(record)
    if not names:
        gone = right_answers(record, "")
        return gone if isinstance(gone, Missing) and gone.reason != "not_probed" else NOT_PROBED
    values = [accuracy_retained(record, probe=name) for name in names]
    for name, one in zip(names, values, strict=True):
        if isinstance(one, Missing):
            return Missing(reason=one.reason, detail=f"{name}: {one.detail}")
    measured = [one for one in values if isinstance(one, Value)]
    highs = [_high(record, name, 1 - (1 - LEVEL) / len(names)) for name in names]
    worst = min(range(len(names)), key=lambda place: measured[place].estimate)
    return Value(
        estimate=measured[worst].estimate,
        unit="1",
        low=min(one.low for one in measured),
        high=min(highs),
        n=min(one.n for one in measured),
        method="counted",
        interval=f"{measured[worst].interval}_probes",
        note=f"worst: {names[worst]}",
    )


NOT_PROBED = Missing(
    reason="not_probed", detail="the inputs were not disturbed: add probes=tabular, images, …"
)


def _high(record: Record, name: str, level: float) -> float:
    found = right_answers(record, name)
    assert not isinstance(found, Missing), "it was measured"
    before, after, passed = found
    return _retained(record, before, after, clusters_of(record, passed), level)[2]


def _settle(
    record: Record,
    bound: float,
    attribute: str,
    probe: str,
    missing: MissingGroups = "include",
) -> Settled:
    found = right_answers(record, probe)
    settle = fairness.accuracy_group_min.settle
    if isinstance(found, Missing) or settle is None:
        return Settled()
    return settle(on_probed_rows(record, found[2]), bound, attribute=attribute, missing=missing)


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Accuracy of the worst group under a disturbance",
    titre="Exactitude du groupe le moins bien servi sous perturbation",
    settle=_settle,
)
def accuracy_group_min(
    record: Record, attribute: str, probe: str, missing: MissingGroups = "include"
) -> Measure:
    """The lowest accuracy over the groups of the probed rows under a probe.

    The interval is that of `fairness.accuracy_group_min`.
    """
    found = right_answers(record, probe)
    if isinstance(found, Missing):
        return found
    probed = on_probed_rows(record, found[2])
    measured: Measure = fairness.accuracy_group_min(probed, attribute=attribute, missing=missing)
    return measured


@metric(
    unit="label unit",
    lower_is_better=True,
    minimum=-math.inf,
    title="Growth of the absolute error under a disturbance",
    titre="Hausse de l'erreur absolue sous perturbation",
)
def error_increase(record: Record, probe: str) -> Measure:
    """By how much the mean absolute error of a regression grows under a probe.

    The interval is Student's t of the differences row by row, or of resampled clusters; there is
    none where all rows or clusters changed by the same.
    """
    found = under(record, probe)
    if isinstance(found, Missing):
        return found
    if "value" not in record.arrays or "target" not in record.arrays:
        return Missing(reason="not_regression", detail="the model answers classes")
    target = record.arrays["target"][found.rows]
    with np.errstate(invalid="ignore", over="ignore"):
        grown = np.abs(found.answers - target) - np.abs(record.arrays["value"][found.rows] - target)
    clusters = clusters_of(record, found)
    units = number_of_clusters(clusters, grown.size)
    if units < 2:
        return Missing(reason="too_few_rows", detail="needs two rows, or clusters, at least")
    if not summable(grown):
        empty = int((~(np.abs(grown) < LARGEST)).sum())
        return Missing(
            reason="not_finite", detail=f"{empty} answers under the probe are no numbers"
        )
    low, high = _mean_ends(record, grown, clusters)
    if is_point(low, high, grown):
        return same_change()
    return Value(
        estimate=float(grown.mean()),
        unit="label unit",
        low=low,
        high=high,
        n=units,
        method="counted",
        interval="student_t" if clusters is None else "cluster_bootstrap",
    )


def _mean_ends(record: Record, values: Array, clusters: Array | None) -> tuple[float, float]:
    if clusters is None:
        mean, half = mean_t(values)
        return mean - half, mean + half
    pairs = np.column_stack([values, np.ones(values.size)])
    sums = resampled_sums(pairs, clusters, seed=record.spec.plan.seed)
    count = np.unique(clusters).size
    return resampled_interval(float(values.mean()), sums[:, 0] / sums[:, 1], count)
