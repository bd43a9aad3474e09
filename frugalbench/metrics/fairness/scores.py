"""How the probabilities a model gives to one group compare with those it gives to another."""

import numpy as np

from frugalbench.metrics._curves import Roc, area_between, roc
from frugalbench.metrics._extremes import largest_value
from frugalbench.metrics._folded import Folded
from frugalbench.metrics._means import brier as brier_of
from frugalbench.metrics._means import in_the_large
from frugalbench.metrics._metric import Metric, MissingGroups, metric
from frugalbench.metrics._pairs import ByGroup, largest_difference
from frugalbench.metrics._scores import auc as auc_of
from frugalbench.metrics._scores import ece as ece_of
from frugalbench.metrics.fairness._scored import (
    MOST_GROUPS,
    Of,
    Rows,
    class_scores,
    measure_by_group,
    number,
    positive_scores,
    too_few,
    widest_pair,
)
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = [
    "abroca",
    "auc",
    "auc_difference",
    "brier",
    "brier_difference",
    "calibration_in_the_large",
    "calibration_in_the_large_difference",
    "ece",
    "ece_group_max",
]


FEWEST = 30
"""Rows of either class below which a curve is mostly steps of single rows."""


def _in_group(
    name: str, of: Of, interval: str, title: str, titre: str, what: str, *, minimum: float = 0
) -> Metric:
    """The metric of one group's scores, whose docstring says what it is."""

    def measure(record: Record, attribute: str, group: str) -> Measure:
        rows = positive_scores(record, attribute, "include")
        return rows if isinstance(rows, Missing) else number(rows, group, of, interval=interval)

    measure.__name__ = name
    measure.__doc__ = f"{what}."
    better = {"auc": False, "calibration_in_the_large": None}.get(name, True)
    return metric(
        unit="1",
        lower_is_better=better,
        minimum=minimum,
        maximum=1,
        title=title,
        titre=titre,
        by_class=of is auc_of,
    )(measure)


def _measured(
    record: Record, attribute: str, missing: MissingGroups, words: str, of: Of
) -> list[ByGroup] | Missing:
    """A measure of scores in every group; of more than two classes, of each against the rest."""
    parts = class_scores(record, attribute, missing)
    if isinstance(parts, Missing):
        return parts
    every = []
    for name, rows in parts:
        one = measure_by_group(rows, f"{words}{name}", of)
        if isinstance(one, Missing):
            return one
        every.append(one)
    return every


def _gap(
    name: str, of: Of, words: str, title: str, titre: str, what: str, maximum: float = 1
) -> Metric:
    """The metric of the largest difference between two groups' scores."""

    def measure(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
        every = _measured(record, attribute, missing, words, of)
        if isinstance(every, Missing):
            return every
        return largest_difference(every).value("mover_pairs", maximum=maximum)

    measure.__name__ = name
    measure.__doc__ = (
        f"{what}; 0 is equality. Of more than two classes, over each against the rest.\n\n"
        "Pairs as in `fairness.gaps`, by MOVER."
    )
    return metric(
        unit="1",
        lower_is_better=True,
        maximum=maximum,
        title=title,
        titre=titre,
        by_class=of is auc_of,
    )(measure)


auc = _in_group(
    "auc",
    auc_of,
    "delong_newcombe",
    "Area under the ROC curve in the group",
    "Aire sous la courbe ROC dans le groupe",
    "How often a positive row of the group scores above a negative one of it",
)
brier = _in_group(
    "brier",
    brier_of,
    "student_t",
    "Brier score in the group",
    "Score de Brier dans le groupe",
    "The mean squared distance of a group's probabilities to what came",
)
calibration_in_the_large = _in_group(
    "calibration_in_the_large",
    in_the_large,
    "student_t",
    "Calibration in the large in the group",
    "Calibration globale dans le groupe",
    "A group's mean probability minus how often it came: above 0 its risk is overstated",
    minimum=-1,
)
ece = _in_group(
    "ece",
    ece_of,
    "scaled_gaps",
    "Expected calibration error in the group",
    "Erreur de calibration attendue dans le groupe",
    "The calibration error of a group over ten bins of equal mass; Missing below 300 rows",
)
auc_difference = _gap(
    "auc_difference",
    auc_of,
    "AUC",
    "Difference of areas under the ROC curve",
    "Écart d'aire sous la courbe ROC",
    "The largest difference of area between two groups (ΔAUC)",
)
brier_difference = _gap(
    "brier_difference",
    brier_of,
    "Brier score",
    "Difference of Brier scores",
    "Écart de score de Brier",
    "The largest difference of Brier score between two groups",
)
calibration_in_the_large_difference = _gap(
    "calibration_in_the_large_difference",
    in_the_large,
    "calibration in the large",
    "Difference of calibration in the large",
    "Écart de calibration globale",
    "The largest difference between two groups in how far their risk is overstated",
    maximum=2,
)


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Expected calibration error of the worst group",
    titre="Erreur de calibration du groupe le moins bien calibré",
)
def ece_group_max(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
    """The largest calibration error over the groups; Missing where one has fewer than 300 rows."""
    every = _measured(record, attribute, missing, "calibration error", ece_of)
    if isinstance(every, Missing):
        return every
    return largest_value(every).value("scaled_gaps_groups", maximum=1)


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Area between the ROC curves",
    titre="Aire entre les courbes ROC",
    by_class=True,
)
def abroca(record: Record, attribute: str, missing: MissingGroups = "include") -> Measure:
    """The largest area between the ROC curves of two groups (ABROCA); 0 is equality.

    Gardner et al. (2019). Curves that cross have areas of one size and lie apart all the same. High
    end: the largest upper end over the pairs; low end: the largest lower end after Bonferroni's
    correction. Missing where a group has fewer than 30 rows of a class. Of more than two classes,
    over each against the rest.
    """
    parts = class_scores(record, attribute, missing)
    if isinstance(parts, Missing):
        return parts
    names = parts[0][1].names
    for _, rows in parts:
        for group, name in enumerate(names):
            labels = rows.labels[rows.codes == group]
            if np.bincount(labels, minlength=2).min() < FEWEST:
                return too_few(name)
    several = range(len(names)) if len(names) <= MOST_GROUPS else ()
    curves = [[_curve(rows, group) for group in several] for _, rows in parts]

    def area(part: int, i: int, j: int, level: float) -> Folded | None:
        one, other = curves[part][i], curves[part][j]
        return None if one is None or other is None else area_between(one, other, level)

    found = widest_pair(parts, area)
    return found if isinstance(found, Missing) else found.value("scaled_gaps_pairs", maximum=1)


def _curve(rows: Rows, group: int) -> Roc | None:
    """The ROC curve of a group; where groups share clusters, those are drawn into all at once."""
    if rows.clusters is not None:
        inside = rows.codes == group
        return roc(rows.answers, rows.labels, rows.seed, rows.clusters, inside)
    answers, labels, _ = rows.of(group)
    return roc(answers, labels, (rows.seed, group))
