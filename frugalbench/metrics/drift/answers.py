"""How far the answers to all rows have moved, whoever they are about."""

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._changes import paired_change
from frugalbench.metrics._clusters import number_of_clusters, resampled_interval, resampled_sums
from frugalbench.metrics._intervals import LEVEL, wilson
from frugalbench.metrics._metric import metric
from frugalbench.metrics._paired import both
from frugalbench.metrics._proportions import mcnemar
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["accuracy_drop", "flips", "largest_score_change"]

Floats = npt.NDArray[np.float64]


def clustered_mean(
    record: Record, values: Floats, *, shares: bool = True
) -> tuple[float, float] | Missing | None:
    """The interval of a mean over rows in clusters; None where rows are independent.

    `shares` says that the values are changes of answers, so that those nobody saw are bounded.
    """
    clusters = record.arrays.get("cluster")
    if clusters is None:
        return None
    count = number_of_clusters(clusters, values.size)
    if count < 2:
        return Missing(
            reason="one_cluster",
            detail="all rows belong together (data.cluster), which says nothing of other ones",
        )
    if shares and np.ptp(values) == 0:
        # No cluster differs from another, which is not to say that none ever does.
        wide = float(wilson(0, count)[1])
        return float(values[0]) - wide, float(values[0]) + wide
    columns = np.stack([values, np.ones(values.size)], axis=1)
    sums = resampled_sums(columns, clusters, seed=record.spec.plan.seed)
    return resampled_interval(float(values.mean()), sums[:, 0] / sums[:, 1], count, LEVEL)


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Answers that changed",
    titre="Réponses qui ont changé",
)
def flips(record: Record, reference: Record) -> Measure:
    """The share of rows that get another answer, with Wilson's interval."""
    seen = both(record, reference)
    if isinstance(seen, Missing):
        return seen
    changed = seen.before != seen.after
    hits, n = int(changed.sum()), int(changed.size)
    clustered = clustered_mean(record, changed.astype(np.float64))
    if isinstance(clustered, Missing):
        return clustered
    low, high = clustered or (float(end) for end in wilson(hits, n))
    return Value(
        estimate=hits / n,
        unit="1",
        low=max(0.0, low),
        high=min(1.0, high),
        n=n,
        method="counted",
        interval="cluster_bootstrap" if clustered else "wilson",
        note=f"{hits:,} of {n:,}",
    )


@metric(
    unit="1",
    lower_is_better=True,
    minimum=-1,
    maximum=1,
    title="Loss of accuracy",
    titre="Perte d'exactitude",
)
def accuracy_drop(record: Record, reference: Record) -> Measure:
    """Accuracy before minus accuracy after, with the interval of paired proportions.

    The note gives the exact p-value of McNemar's test of no change.
    """
    seen = both(record, reference)
    if isinstance(seen, Missing):
        return seen
    was, now = seen.before == seen.y_true, seen.after == seen.y_true
    lost, won, n = int((was & ~now).sum()), int((now & ~was).sum()), int(was.size)
    clustered = clustered_mean(record, was.astype(np.float64) - now)
    if isinstance(clustered, Missing):
        return clustered
    drop, low, high = (float(one) for one in paired_change(lost, won, n, LEVEL))
    low, high = clustered or (low, high)
    return Value(
        estimate=drop,
        unit="1",
        low=max(-1.0, low),
        high=min(1.0, high),
        n=n,
        method="counted",
        interval="cluster_bootstrap" if clustered else "paired_adjusted",
        note=changes(lost, won, clustered=clustered is not None),
    )


def changes(lost: int, won: int, *, clustered: bool = False) -> str:
    """How many right answers were lost and won, and how likely that is without a change."""
    said = f"{lost:,} right answers lost, {won:,} won"
    return said if clustered else f"{said}; McNemar's exact p = {mcnemar(lost, won):.2g}"


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Largest change of a probability",
    titre="Plus grand changement d'une probabilité",
)
def largest_score_change(record: Record, reference: Record) -> Measure:
    """The largest absolute difference of the probability of a class, over all rows: exact."""
    seen = both(record, reference)
    if isinstance(seen, Missing):
        return seen
    scores = record.arrays.get("score"), reference.arrays.get("score")
    one, other = scores
    if one is None or other is None or record.data is None or reference.data is None:
        return Missing(reason="no_scores", detail="one of the models gives labels only, no scores")
    columns = [reference.data.classes.index(name) for name in record.data.classes]
    largest = float(np.abs(one - other[:, columns]).max())
    return Value(
        estimate=largest,
        unit="1",
        low=largest,
        high=largest,
        n=len(one),
        method="counted",
        interval="exact",
    )
