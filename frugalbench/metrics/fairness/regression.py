"""How the numbers a model gives to one group compare with those it gives to another."""

from frugalbench.metrics._curves import ks
from frugalbench.metrics._folded import Folded
from frugalbench.metrics._means import mae, mean_residual, rmse
from frugalbench.metrics._metric import Metric, MissingGroups, metric
from frugalbench.metrics._pairs import largest_difference
from frugalbench.metrics.fairness._scored import (
    Of,
    measure_by_group,
    number,
    regression_rows,
    widest_pair,
)
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = [
    "ks_difference",
    "mae_difference",
    "mean_absolute_error",
    "mean_residual_difference",
    "mean_residual_in_group",
    "root_mean_squared_error_difference",
]

UNIT = "label unit"


def _in_group(name: str, of: Of, title: str, titre: str, what: str, minimum: float) -> Metric:
    """The metric of one group's errors, whose docstring says what it is."""

    def measure(record: Record, attribute: str, group: str) -> Measure:
        rows = regression_rows(record, attribute, "include")
        if isinstance(rows, Missing):
            return rows
        return number(rows, group, of, UNIT, "student_t")

    measure.__name__ = name
    measure.__doc__ = f"{what}, with a t interval."
    better = None if minimum < 0 else True
    return metric(unit=UNIT, lower_is_better=better, minimum=minimum, title=title, titre=titre)(
        measure
    )


def _gap(name: str, of: Of, words: str, title: str, titre: str, what: str) -> Metric:
    """The metric of the largest difference between two groups' errors."""

    def measure(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
        rows = regression_rows(record, attribute, missing)
        if isinstance(rows, Missing):
            return rows
        one = measure_by_group(rows, words, of)
        if isinstance(one, Missing):
            return one
        return largest_difference([one]).value("mover_pairs", UNIT)

    measure.__name__ = name
    measure.__doc__ = f"{what}; 0 is equality. Pairs as in `fairness.gaps`, by MOVER."
    return metric(unit=UNIT, lower_is_better=True, title=title, titre=titre)(measure)


mean_absolute_error = _in_group(
    "mean_absolute_error",
    mae,
    "Mean absolute error in the group",
    "Erreur absolue moyenne dans le groupe",
    "The mean distance of the answers to the labels of a group",
    0.0,
)
mean_residual_in_group = _in_group(
    "mean_residual_in_group",
    mean_residual,
    "Mean residual in the group",
    "Résidu moyen dans le groupe",
    "The mean of answers minus labels of a group: above 0 its answers are too high",
    float("-inf"),
)
mean_residual_difference = _gap(
    "mean_residual_difference",
    mean_residual,
    "mean residual",
    "Difference of mean residuals",
    "Écart de résidu moyen",
    "The largest difference between two groups in how far their answers are too high",
)
mae_difference = _gap(
    "mae_difference",
    mae,
    "mean absolute error",
    "Difference of mean absolute errors",
    "Écart d'erreur absolue moyenne",
    "The largest difference of mean absolute error between two groups",
)
root_mean_squared_error_difference = _gap(
    "root_mean_squared_error_difference",
    rmse,
    "root mean squared error",
    "Difference of root mean squared errors",
    "Écart d'erreur quadratique moyenne",
    "The largest difference of root mean squared error between two groups",
)


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Distance of the distributions of answers",
    titre="Distance des distributions de réponses",
)
def ks_difference(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
    """The largest Kolmogorov–Smirnov distance between two groups' answers; 0 is equality.

    High end: the largest upper end over the pairs; low end: the largest lower end after
    Bonferroni's correction.
    """
    rows = regression_rows(record, attribute, missing)
    if isinstance(rows, Missing):
        return rows
    parts = [rows.of(group) for group in range(len(rows.names))]

    def distance(part: int, i: int, j: int, level: float) -> Folded | None:
        (a, _, first), (b, _, second) = parts[i], parts[j]
        clusters = None if first is None or second is None else (first, second)
        return ks(a, b, clusters, level, rows.seed)

    found = widest_pair([("", rows)], distance)
    return found if isinstance(found, Missing) else found.value("massart_pairs", maximum=1)
