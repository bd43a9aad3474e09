"""Whether probabilities come true, and how often prediction sets hold the answer.

Of two classes the probability of the positive one is compared with how often it comes; of more, the
probability of the answer (the top label) with how often it is right.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frugalbench.metrics import _conformal, _means, _scores
from frugalbench.metrics._answers import Rows, binary, either, misfit, number, regression, scored
from frugalbench.metrics._folded import Estimate
from frugalbench.metrics._intervals import order_statistic, wilson
from frugalbench.metrics._metric import metric
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = [
    "Bin",
    "brier",
    "calibration_in_the_large",
    "conformal_coverage",
    "conformal_set_size",
    "conformal_width",
    "ece",
    "reliability",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of one bin: their mean probability, and how often it came true, with its interval."""

    mean_score: float
    frequency: float
    low: float
    high: float
    n: int


def _compared(record: Record) -> Rows | Missing:
    """A probability for each row, and 1 where it came true, else 0."""
    if record.data is not None and len(record.data.classes) == 2:
        return binary(record)
    found = scored(record)
    if isinstance(found, Missing):
        return found
    right = (found.answers.argmax(axis=1) == found.labels).astype(np.int64)
    return Rows(found.answers.max(axis=1), right, found.clusters, found.seed, found.classes)


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Expected calibration error",
    titre="Erreur de calibration attendue",
)
def ece(record: Record) -> Measure:
    """The mean distance of probabilities to frequencies, over ten bins with as many rows each.

    Noise alone makes it larger than 0: the note says how large it would be expected of a perfectly
    calibrated model, and the interval, in which 0 can be, allows for it (see `_folded`). Needs 300
    rows.
    """
    rows = _compared(record)
    if isinstance(rows, Missing):
        return rows
    if (n := len(rows.labels)) < _scores.ECE_ROWS:
        return Missing(
            reason="too_few_rows",
            detail=f"{n} rows are mostly noise in ten bins: give {_scores.ECE_ROWS} or more",
        )
    found = _scores.ece(rows.answers, rows.labels, rows.clusters, seed=rows.seed)
    note = (
        f"{found.expected:.3f} would be expected of a perfectly calibrated model" if found else ""
    )
    return number(found, rows, "folded_bootstrap", note=note)


@metric(unit="1", lower_is_better=True, maximum=2, title="Brier score", titre="Score de Brier")
def brier(record: Record) -> Measure:
    """The mean squared distance of the probabilities to what came, with a t interval.

    As in scikit-learn: of two classes that of the positive one, in [0, 1]; of more the sum over the
    classes, in [0, 2].
    """
    rows = scored(record)
    if isinstance(rows, Missing):
        return rows
    came = rows.labels[:, None] == np.arange(rows.answers.shape[1])
    losses = ((rows.answers - came) ** 2).sum(axis=1)
    most = 2.0
    if rows.answers.shape[1] == 2:
        # Of two probabilities that add up to 1, both have the same distance.
        losses, most = losses / 2, 1.0
    found = _means.bounded_mean(losses, 0.0, most, rows.clusters, seed=rows.seed)
    return number(found, rows, "student_t")


@metric(
    unit="1",
    lower_is_better=None,
    minimum=-1,
    maximum=1,
    title="Calibration in the large",
    titre="Calibration d’ensemble",
)
def calibration_in_the_large(record: Record) -> Measure:
    """Mean probability of the positive class minus how often it comes, with a paired t interval.

    Above 0 the model expects too many. Needs a two-class task and its positive class.
    """
    rows = binary(record)
    if isinstance(rows, Missing):
        return rows
    found = _means.in_the_large(rows.answers, rows.labels, rows.clusters, seed=rows.seed)
    mean, seen = float(rows.answers.mean()), float(rows.labels.mean())
    return number(found, rows, "student_t", note=f"{mean:.3f} expected, {seen:.3f} seen")


def reliability(record: Record) -> tuple[Bin, ...] | Missing:
    """The reliability curve: bins with as many rows each, in the order of their probability.

    Frequencies have Wilson's intervals, or those of resampled clusters. Equal probabilities are
    never in two bins, so that there may be fewer than ten.
    """
    rows = _compared(record)
    if isinstance(rows, Missing):
        return rows
    codes = _scores.bin_codes(rows.answers)
    return tuple(_bin(rows, codes == code) for code in np.unique(codes))


def _bin(rows: Rows, inside: npt.NDArray[np.bool_]) -> Bin:
    came, n = rows.labels[inside], int(inside.sum())
    frequency = float(came.mean())
    if rows.clusters is None:
        low, high = (float(end) for end in wilson(came.sum(), n))
    else:
        found = _means.bounded_mean(
            came.astype(np.float64), 0.0, 1.0, rows.clusters[inside], seed=rows.seed
        )
        low, high = (0.0, 1.0) if found is None else found[1:]
    return Bin(float(rows.answers[inside].mean()), frequency, low, high, n)


@dataclass(frozen=True, slots=True)
class _Split:
    """One half of the rows with the threshold that the other half set."""

    rows: Rows
    scores: Floats
    calibrates: npt.NDArray[np.bool_]
    threshold: float

    @property
    def clusters(self) -> npt.NDArray[np.int64] | None:
        """The clusters of the tested rows."""
        return None if self.rows.clusters is None else self.rows.clusters[~self.calibrates]


def _split(rows: Rows | Missing) -> _Split | Missing:
    """Draw the half that calibrates, and its threshold."""
    if isinstance(rows, Missing):
        return rows
    scores = misfit(rows)
    calibrates = _conformal.calibrating_half(scores.size, rows.seed, rows.clusters)
    bound, tested = _conformal.threshold(scores[calibrates]), scores.size - int(calibrates.sum())
    if bound is None or tested < 2:
        least = _conformal.least_rows()
        return Missing(
            reason="too_few_rows",
            detail=f"half of the rows calibrates and needs {least}: give {2 * least} or more",
        )
    return _Split(rows, scores, calibrates, bound)


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Coverage of 90 % prediction sets",
    titre="Couverture des ensembles de prédiction à 90 %",
)
def conformal_coverage(record: Record) -> Measure:
    """How often a prediction set that is promised to hold the label nine times in ten does.

    Half of the rows, drawn by the plan's seed, sets the threshold; the interval is that of the
    other half under it (Wilson). A set holds every class whose probability is high enough, or every
    number near enough to the answer.
    """
    found = _split(either(record))
    if isinstance(found, Missing):
        return found
    inside = (found.scores <= found.threshold)[~found.calibrates].astype(np.float64)
    if found.clusters is None:
        low, high = (float(end) for end in wilson(inside.sum(), inside.size))
        share = Estimate(float(inside.mean()), low, high)
    else:
        drawn = _means.bounded_mean(inside, 0.0, 1.0, found.clusters, seed=found.rows.seed)
        if drawn is None:
            return number(None, found.rows, "")
        share = drawn
    note = f"{int(inside.sum())} of {inside.size}"
    return number(share, found.rows, "wilson", n=inside.size, note=note)


@metric(
    unit="1",
    lower_is_better=True,
    title="Classes in a 90 % prediction set",
    titre="Classes dans un ensemble de prédiction à 90 %",
)
def conformal_set_size(record: Record) -> Measure:
    """How many classes a prediction set holds on average, with a t interval; see the coverage."""
    found = _split(scored(record))
    if isinstance(found, Missing):
        return found
    tested = found.rows.answers[~found.calibrates]
    sizes = (1 - tested <= found.threshold).sum(axis=1).astype(np.float64)
    most = float(tested.shape[1])
    mean = _means.bounded_mean(sizes, 0.0, most, found.clusters, seed=found.rows.seed)
    return number(mean, found.rows, "student_t", n=sizes.size)


@metric(
    unit="label unit",
    lower_is_better=True,
    title="Width of a 90 % prediction interval",
    titre="Largeur d’un intervalle de prédiction à 90 %",
)
def conformal_width(record: Record) -> Measure:
    """How wide the interval around every answer of a regression is: twice the threshold.

    Its own interval is that of the quantile, by order statistics of the half that calibrates, each
    cluster counting as one row.
    """
    found = _split(regression(record))
    if isinstance(found, Missing):
        return found
    ordered = np.sort(found.scores[found.calibrates])
    clusters = found.rows.clusters
    worth = ordered.size if clusters is None else np.unique(clusters[found.calibrates]).size
    ends = order_statistic(ordered, 1 - _conformal.ALPHA, worth)
    if ends is None:
        return Missing(
            reason="too_few_rows",
            detail=f"{worth} rows, or clusters, do not bound their 90th percentile: give more",
        )
    middle, low, high = (
        found.threshold,
        min(ends[1], found.threshold),
        max(ends[2], found.threshold),
    )
    width = Estimate(2 * middle, 2 * low, 2 * high)
    return number(width, found.rows, "order_statistic", unit="label unit", n=ordered.size)
