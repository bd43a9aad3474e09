"""How far the errors of a regression have grown, over all rows and by group."""

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._answers import misfit, regression
from frugalbench.metrics._counts import group_rows
from frugalbench.metrics._intervals import mean_t, t_value
from frugalbench.metrics._metric import MissingGroups, metric
from frugalbench.metrics._paired import same_samples
from frugalbench.metrics._pairs import ByGroup
from frugalbench.metrics._points import LEAST_WIDTH, is_point, same_change
from frugalbench.metrics.drift.answers import clustered_mean
from frugalbench.metrics.drift.groups import worst_value
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["error_rise", "error_rise_group_max"]

Floats = npt.NDArray[np.float64]


def error_changes(record: Record, reference: Record) -> Floats | Missing:
    """How much larger the absolute error of each row is after, float64 (rows,)."""
    if (gone := same_samples(record, reference)) is not None:
        return gone
    errors = []
    for one in (record, reference):
        rows = regression(one)
        if isinstance(rows, Missing):
            return rows
        errors.append(misfit(rows))
    change: Floats = errors[0] - errors[1]
    return change


@metric(
    unit="label unit",
    lower_is_better=True,
    minimum=float("-inf"),
    title="Rise of the absolute error",
    titre="Hausse de l'erreur absolue",
)
def error_rise(record: Record, reference: Record) -> Measure:
    """Mean absolute error after minus before, of a regression, with a paired t interval.

    There is none where the errors of all rows, or clusters, rose by the same.
    """
    found = error_changes(record, reference)
    if isinstance(found, Missing):
        return found
    clustered = clustered_mean(record, found, shares=False)
    if isinstance(clustered, Missing):
        return clustered
    mean, half = mean_t(found)
    low, high = clustered or (mean - half, mean + half)
    if is_point(low, high, found):
        return same_change()
    return Value(
        estimate=mean,
        unit="label unit",
        low=low,
        high=high,
        n=int(found.size),
        method="counted",
        interval="cluster_bootstrap" if clustered else "student_t",
    )


@metric(
    unit="label unit",
    lower_is_better=True,
    minimum=float("-inf"),
    title="Largest rise of the absolute error in a group",
    titre="Plus grande hausse de l'erreur absolue dans un groupe",
)
def error_rise_group_max(
    record: Record, reference: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The largest rise of the mean absolute error over the groups of a regression, by paired t.

    A group whose rows all changed by the same is taken to spread as the others do; where that is so
    of all groups there is no interval.
    """
    change = error_changes(record, reference)
    if isinstance(change, Missing):
        return change
    grouped = group_rows(record, attribute, missing)
    if isinstance(grouped, Missing):
        return grouped
    names, codes, rows = grouped
    n = np.bincount(codes, minlength=len(names))
    if (n < 2).any():
        name = names[int((n < 2).argmax())]
        return Missing(reason="empty_group", detail=f"group '{name}' has fewer than two rows")
    means = np.bincount(codes, change[rows], len(names)) / n
    about = (change[rows] - means[codes]) ** 2
    squares = np.bincount(codes, about, len(names)) / (n - 1)
    flat = np.sqrt(squares) <= LEAST_WIDTH * float(np.abs(change).max())
    if flat.all():
        return same_change("all rows of each group")
    # A group whose rows all changed by the same shows no spread: it has that of all groups.
    squares = np.where(flat, about.sum() / (n - 1).sum(), squares)
    half = np.sqrt(squares / n)

    def ends(level: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        wide = half * np.array([t_value(int(one) - 1, level) for one in n])
        return means - wide, means + wide

    one = ByGroup("rise of the error", names, n, means, ends, squares)
    return worst_value((one,), "label unit")
