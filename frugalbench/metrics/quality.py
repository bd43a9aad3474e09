"""How often the model is right, and how far it is off.

Where rows belong together (`data.cluster`), intervals are those of resampled clusters.
"""

import numpy as np

from frugalbench.metrics import _confusion, _means, _scores
from frugalbench.metrics._answers import Rows, binary, classified, number, regression, scored
from frugalbench.metrics._clusters import (
    REPLICATES,
    number_of_clusters,
    resampled_interval,
    resampled_sums,
)
from frugalbench.metrics._folded import Estimate
from frugalbench.metrics._intervals import auc_of_places, mover_mean, share_below, wilson
from frugalbench.metrics._metric import metric
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = [
    "accuracy",
    "auc",
    "balanced_accuracy",
    "f1",
    "log_loss",
    "mean_absolute_error",
    "r2",
    "root_mean_squared_error",
]


@metric(unit="1", lower_is_better=False, maximum=1, title="Accuracy", titre="Exactitude")
def accuracy(record: Record) -> Measure:
    """The share of rows answered rightly, with Wilson's interval."""
    rows = classified(record)
    if isinstance(rows, Missing):
        return rows
    right = rows.labels == rows.answers
    hits, n = int(right.sum()), right.size
    low, high = (float(end) for end in wilson(hits, n))
    found: Estimate | None = Estimate(hits / n, low, high)
    if rows.clusters is not None:
        found = _means.bounded_mean(right.astype(float), 0.0, 1.0, rows.clusters, seed=rows.seed)
    return number(found, rows, "wilson", note=f"{hits} of {n}")


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Balanced accuracy",
    titre="Exactitude équilibrée",
    by_class=True,
)
def balanced_accuracy(record: Record) -> Measure:
    """The mean over classes of the share of the class answered rightly.

    A model that always gives the commonest answer gets 1 / classes, whatever the imbalance. The
    interval is recovered from the Wilson intervals of the classes (MOVER).
    """
    rows = classified(record)
    if isinstance(rows, Missing):
        return rows
    if (gone := _empty_class(rows)) is not None:
        return gone
    asked = (rows.labels, rows.answers, len(rows.classes), rows.clusters, rows.seed)
    return number(_confusion.mean_recall(*asked), rows, "mover")


def _empty_class(rows: Rows) -> Missing | None:
    """The first class that no row has, if there is one."""
    trials = np.bincount(rows.labels, minlength=len(rows.classes))
    if trials.all():
        return None
    name = rows.classes[int((trials == 0).argmax())]
    return Missing(reason="empty_class", detail=f"no row has the label {name!r}")


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="F1 score",
    titre="Score F1",
    by_class=True,
)
def f1(record: Record) -> Measure:
    """The harmonic mean of precision and recall of the positive class; of more classes the mean.

    Of the positive class the interval is Wilson's, mapped; of more classes at each end the wider of
    a bootstrap of the confusion table and of the classes' own intervals (see `_confusion`).
    """
    rows = classified(record)
    if isinstance(rows, Missing):
        return rows
    data = record.data
    y, answers, clusters, seed = rows.labels, rows.answers, rows.clusters, rows.seed
    if data is not None and data.positive is not None:
        found = _confusion.f1(y, answers, data.positive, clusters, seed)
        if found is None:
            return Missing(
                reason="no_positives", detail="no row has a positive label or a positive answer"
            )
        return number(found, rows, "wilson")
    if len(rows.classes) == 2:
        return Missing(
            reason="no_positive_class",
            detail="which of the two labels is positive? say it with data.positive=…",
        )
    if (gone := _empty_class(rows)) is not None:
        return gone
    if y.size < 2:
        return number(None, rows, "")
    found = _confusion.macro_f1(y, answers, len(rows.classes), clusters, seed)
    return number(found, rows, "multinomial_bootstrap")


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Area under the ROC curve",
    titre="Aire sous la courbe ROC",
    by_class=True,
)
def auc(record: Record) -> Measure:
    """How often a positive row scores above a negative one, ties counting one half.

    At each end the wider of DeLong's and Newcombe's intervals. Of more than two classes it is the
    mean over the classes of each against the rest, and the interval the wider of those of its mean
    row by row and of the classes put together (MOVER). Needs a model that gives scores.
    """
    several = record.data is not None and len(record.data.classes) > 2
    rows = scored(record) if several else binary(record)
    if isinstance(rows, Missing):
        return rows
    if several:
        found = _mean_auc(rows)
    else:
        found = _scores.auc(rows.answers, rows.labels, rows.clusters, seed=rows.seed)
    if found is None:
        return Missing(reason="one_class", detail="fewer than two rows of one of the classes")
    return number(found, rows, "delong_newcombe")


def _mean_auc(rows: Rows) -> Estimate | None:
    """The mean area of each class against the rest; None where a class has fewer than two rows."""
    classes, n = rows.answers.shape[1], len(rows.labels)
    found, moves = [], np.zeros(n)
    for of in range(classes):
        p, y = rows.answers[:, of], rows.labels == of
        if min(int(y.sum()), int((~y).sum())) < 2:
            return None
        over, under = share_below(p[y], p[~y]), 1 - share_below(p[~y], p[y])
        found.append(auc_of_places(over, under))
        moves[y] += (over - over.mean()) * n / (over.size * classes)
        moves[~y] += (under - under.mean()) * n / (under.size * classes)
    ends = np.array(found)
    mean, low, high = mover_mean(ends[:, 0], ends[:, 1], ends[:, 2])
    by_row = _means.mean(mean + moves, rows.clusters, seed=rows.seed)
    assert by_row is not None, "there are rows, and clusters"
    return Estimate(mean, max(0.0, min(low, by_row.low)), min(1.0, max(high, by_row.high)))


@metric(unit="nat", lower_is_better=True, title="Log loss", titre="Perte logarithmique")
def log_loss(record: Record) -> Measure:
    """The mean of -ln of the probability given to the true class, with a t interval.

    As in scikit-learn a probability counts as no less than the machine precision of its type, so
    that a certain and wrong answer costs 36 nats and not infinitely many; the note says how many
    rows that is.
    """
    rows = scored(record)
    if isinstance(rows, Missing):
        return rows
    given = rows.answers[np.arange(len(rows.labels)), rows.labels]
    least = float(np.finfo(given.dtype).eps)
    losses = -np.log(np.clip(given, least, 1 - least))
    found = _means.mean(losses, rows.clusters, seed=rows.seed)
    note = ""
    if clipped := int((given < least).sum()):
        note = f"{clipped} rows gave their class no chance, and count as {least:.1e}"
    if found is not None:
        found = found._replace(low=max(0.0, found.low))
    return number(found, rows, "student_t", unit="nat", note=note)


@metric(
    unit="label unit",
    lower_is_better=True,
    title="Mean absolute error",
    titre="Erreur absolue moyenne",
)
def mean_absolute_error(record: Record) -> Measure:
    """The mean distance of a regression's answers to the labels, with a t interval."""
    rows = regression(record)
    if isinstance(rows, Missing):
        return rows
    found = _means.mae(rows.answers, rows.labels, rows.clusters, seed=rows.seed)
    return number(found, rows, "student_t", unit="label unit")


@metric(
    unit="label unit",
    lower_is_better=True,
    title="Root mean squared error",
    titre="Racine de l’erreur quadratique moyenne",
)
def root_mean_squared_error(record: Record) -> Measure:
    """The root of the mean squared distance to the labels; the root of the square's t interval."""
    rows = regression(record)
    if isinstance(rows, Missing):
        return rows
    found = _means.rmse(rows.answers, rows.labels, rows.clusters, seed=rows.seed)
    if found is None:
        return Missing(reason="not_finite", detail="the squared errors are too large for a number")
    return number(found, rows, "student_t", unit="label unit")


@metric(
    unit="1",
    lower_is_better=False,
    minimum=-float("inf"),
    maximum=1,
    title="Coefficient of determination (R²)",
    titre="Coefficient de détermination (R²)",
)
def r2(record: Record) -> Measure:
    """The share of the variance of the labels that the answers explain, with a bootstrap interval.

    Below 0 the mean of the labels would be nearer. The wider, at each end, of the percentile and
    the t interval of 2,000 resamples of the rows.
    """
    rows = regression(record)
    if isinstance(rows, Missing):
        return rows
    # Around their mean, and in units of their spread, squares of large labels lose no digits.
    centred = rows.labels - rows.labels.mean()
    spread = float(np.abs(centred).max())
    if spread == 0:
        return Missing(reason="no_spread", detail="the labels are all equal: nothing to explain")
    around, off = centred / spread, (rows.answers - rows.labels) / spread
    with np.errstate(over="ignore"):
        columns = np.column_stack([np.ones(around.size), around, around**2, off**2])
    if not np.isfinite(columns).all():
        return Missing(reason="not_finite", detail="the squared errors are too large for a number")
    estimate = 1 - float(columns[:, 3].sum() / columns[:, 2].sum())
    ones, first, second, errors = resampled_sums(columns, rows.clusters, REPLICATES, rows.seed).T
    left = second - first**2 / ones
    # A resample of one label over and over has no variance but what rounding leaves.
    drawn = 1 - errors / np.where(left > 1e-9 * second, left, np.nan)
    count = number_of_clusters(rows.clusters, around.size)
    low, high = resampled_interval(estimate, drawn, count)
    return number(Estimate(estimate, low, min(1.0, high)), rows, "bootstrap")
