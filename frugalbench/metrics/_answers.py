"""The answers to labelled rows, as the measures of quality and calibration take them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import number_of_clusters
from frugalbench.metrics._counts import labelled
from frugalbench.metrics._folded import Estimate, Folded
from frugalbench.metrics._intervals import summable
from frugalbench.metrics._metric import no_run
from frugalbench.record import Record
from frugalbench.values import Missing, Value

__all__ = ["Rows", "binary", "classified", "either", "misfit", "number", "regression", "scored"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Answers and labels of all rows.

    `answers` are codes or numbers (rows,), or probabilities (rows, classes); `labels` are codes,
    numbers, or whether a row is of the class asked about. `seed` is of whatever is resampled.
    """

    answers: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    clusters: npt.NDArray[Any] | None
    seed: int
    classes: tuple[Any, ...] = ()

    def interval(self, alone: str) -> str:
        """The name of the construction, which is a bootstrap where rows are in clusters."""
        return alone if self.clusters is None else "cluster_bootstrap"


def _rows(record: Record, answers: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Rows | Missing:
    clusters, data = record.arrays.get("cluster"), record.data
    if clusters is not None and number_of_clusters(clusters, len(labels)) < 2:
        name = data.cluster if data else "cluster"
        return Missing(
            reason="one_cluster",
            detail=f"all rows have the same '{name}', which says nothing about other ones",
        )
    seed = record.spec.plan.seed
    return Rows(answers, labels, clusters, seed, data.classes if data else ())


def classified(record: Record) -> Rows | Missing:
    """The class each row was given, as codes, and its own."""
    if (gone := labelled(record)) is not None:
        return gone
    return _rows(record, record.arrays["y_pred"], record.arrays["y_true"])


def scored(record: Record) -> Rows | Missing:
    """The probabilities of every class for each row, and its class."""
    if (gone := labelled(record)) is not None:
        return gone
    score = record.arrays.get("score")
    if score is None:
        return Missing(reason="no_scores", detail="the model gives labels only, no scores")
    return _rows(record, score, record.arrays["y_true"])


def binary(record: Record) -> Rows | Missing:
    """The probability of the positive class for each row, and 1 where it is positive, else 0."""
    found = scored(record)
    if isinstance(found, Missing):
        # Without a positive class scores would not help.
        unasked = found.reason == "no_scores" and record.data and record.data.positive is None
        return _no_positive() if unasked else found
    if record.data is None or record.data.positive is None:
        return _no_positive()
    of = record.data.positive
    labels = (found.labels == of).astype(np.int64)
    return Rows(found.answers[:, of], labels, found.clusters, found.seed, found.classes)


def _no_positive() -> Missing:
    return Missing(reason="no_positive_class", detail="needs a two-class task and its positive")


def regression(record: Record) -> Rows | Missing:
    """The number each row was answered with, and its label."""
    if (gone := no_run(record)) is not None:
        return gone
    value, target = record.arrays.get("value"), record.arrays.get("target")
    if value is None or target is None:
        return Missing(
            reason="not_regression", detail="the model answers classes, or has no labels"
        )
    if value.size < 2 or not (summable(value) and summable(target)):
        return Missing(reason="not_finite", detail="needs two rows and finite answers")
    return _rows(record, value, target)


def number(
    found: Estimate | Folded | None,
    rows: Rows,
    interval: str,
    *,
    unit: str = "1",
    n: int | None = None,
    note: str = "",
) -> Value | Missing:
    """An estimate of rows as a value; Missing where there is none or its interval is a point."""
    if found is None:
        return Missing(reason="too_few_rows", detail="needs two rows at least")
    if found.low == found.high:
        return Missing(
            reason="same_error",
            detail="all rows have the same error, which says nothing of how much others differ",
        )
    return Value(
        estimate=found.estimate,
        unit=unit,
        low=found.low,
        high=found.high,
        n=len(rows.labels) if n is None else n,
        method="counted",
        interval=rows.interval(interval),
        note=note,
    )


def either(record: Record) -> Rows | Missing:
    """The numbers of a regression, else the probabilities of a classifier."""
    return regression(record) if "value" in record.arrays else scored(record)


def misfit(rows: Rows) -> Floats:
    """How ill the answer to each row fits its label: 1 - p of the true class, or |residual|."""
    if rows.answers.ndim == 2:
        return np.asarray(1 - rows.answers[np.arange(len(rows.labels)), rows.labels])
    return np.asarray(np.abs(rows.answers - rows.labels))
