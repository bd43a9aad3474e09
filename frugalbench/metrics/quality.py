"""How often the model is right."""

import numpy as np

from frugalbench.metrics._counts import labelled
from frugalbench.metrics._intervals import auc_delong, mean_t, mover_mean, wilson
from frugalbench.metrics._metric import metric, no_run
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["accuracy", "auc", "balanced_accuracy", "mean_absolute_error"]


@metric(unit="1", lower_is_better=False, maximum=1, title="Accuracy", titre="Exactitude")
def accuracy(record: Record) -> Measure:
    """The share of rows answered rightly, with Wilson's interval."""
    if (gone := labelled(record)) is not None:
        return gone
    y, answers = record.arrays["y_true"], record.arrays["y_pred"]
    hits = int((y == answers).sum())
    low, high = wilson(hits, y.size)
    return Value(
        estimate=hits / y.size,
        unit="1",
        low=float(low),
        high=float(high),
        n=int(y.size),
        method="counted",
        interval="wilson",
        note=f"{hits} of {y.size}",
    )


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Balanced accuracy",
    titre="Exactitude équilibrée",
)
def balanced_accuracy(record: Record) -> Measure:
    """The mean over classes of the share of the class answered rightly.

    A model that always gives the commonest answer gets 1 / classes, whatever the imbalance. The
    interval is recovered from the Wilson intervals of the classes (MOVER).
    """
    if (gone := labelled(record)) is not None:
        return gone
    data = record.data
    y, answers = record.arrays["y_true"], record.arrays["y_pred"]
    classes = data.classes if data else ()
    trials = np.bincount(y, minlength=len(classes))
    if (trials == 0).any():
        name = classes[int((trials == 0).argmax())]
        return Missing(reason="empty_class", detail=f"no row has the label {name!r}")
    hits = np.bincount(y[y == answers], minlength=len(classes))
    lows, highs = wilson(hits, trials)
    mean, low, high = mover_mean(hits / trials, lows, highs)
    return Value(
        estimate=mean,
        unit="1",
        low=low,
        high=high,
        n=int(y.size),
        method="counted",
        interval="mover",
    )


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Area under the ROC curve",
    titre="Aire sous la courbe ROC",
)
def auc(record: Record) -> Measure:
    """How often a positive row scores above a negative one.

    At each end the wider of DeLong's and Newcombe's intervals. Needs a two-class task and a model
    that gives scores.
    """
    if (gone := labelled(record)) is not None:
        return gone
    data, score = record.data, record.arrays.get("score")
    if data is None or data.positive is None:
        return Missing(reason="no_positive_class", detail="needs a two-class task and its positive")
    if score is None:
        return Missing(reason="no_scores", detail="the model gives labels only, no scores")
    positive = record.arrays["y_true"] == data.positive
    if min(int(positive.sum()), int((~positive).sum())) < 2:
        return Missing(reason="one_class", detail="fewer than two rows of one of the classes")
    column = score[:, data.positive]
    area, low, high = auc_delong(column[positive], column[~positive])
    return Value(
        estimate=area,
        unit="1",
        low=low,
        high=high,
        n=int(positive.size),
        method="counted",
        interval="delong_newcombe",
    )


@metric(
    unit="label unit",
    lower_is_better=True,
    title="Mean absolute error",
    titre="Erreur absolue moyenne",
)
def mean_absolute_error(record: Record) -> Measure:
    """The mean distance of a regression's answers to the labels, with a t interval."""
    if (gone := no_run(record)) is not None:
        return gone
    value, target = record.arrays.get("value"), record.arrays.get("target")
    if value is None or target is None:
        return Missing(
            reason="not_regression", detail="the model answers classes, or has no labels"
        )
    errors = np.abs(value - target)
    if errors.size < 2 or not np.isfinite(errors).all():
        return Missing(reason="not_finite", detail="needs two rows and finite answers")
    mean, half = mean_t(errors)
    return Value(
        estimate=mean,
        unit="label unit",
        low=max(0.0, mean - half),
        high=mean + half,
        n=int(errors.size),
        method="counted",
        interval="student_t",
    )
