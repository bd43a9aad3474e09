"""How far the numbers behind the answers have moved, against what their precision explains.

A share of rows that get another answer says nothing of the many that came close. Two machines that
add in another order differ in the last digits of their type; 8-bit integers may differ by whole
steps from one set of instructions to the next, and differ from floating point by design.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import wilson
from frugalbench.metrics._metric import metric
from frugalbench.metrics._paired import same_samples
from frugalbench.metrics.drift.answers import clustered_mean
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["output_difference", "outputs_beyond"]

Floats = npt.NDArray[np.float64]

TOLERANCE = {"int8": 8 / 255, "fp16": 2e-3, "fp32": 1e-6}
"""Shares of the range of the outputs, from the coarsest precision to the finest.

32-bit floats: a few units of 2⁻²⁴, the rounding of one operation, over a network. 16-bit: two of
2⁻¹⁰. 8-bit integers: five of 255 steps were seen between an x86 and an Arm processor for one and
the same file; eight leaves room, and is no promise.
"""
NAMES = {"int8": "8-bit integers", "fp16": "16-bit floats", "fp32": "32-bit floats"}
LEAST = 0.1
"""Share of a model's numbers that are of a type for it to compute in that type."""


class _Moved(NamedTuple):
    """By what share of the range each row's outputs moved, float64 (rows,); NaN where unknown."""

    by: Floats
    precision: str

    @property
    def note(self) -> str:
        limit = TOLERANCE[self.precision]
        lost = int(np.isnan(self.by).sum())
        said = f"tolerance {limit:.1g} of the range ({NAMES[self.precision]})"
        return f"{said}; {lost:,} rows are no number on one side only" if lost else said


def _precision(record: Record) -> str:
    """The coarsest type in which the model holds a good part of its numbers."""
    how = record.model.variant.how if record.model.variant else ""
    asked, held = record.spec.model.precision, record.model.weights
    total = sum(held.values())

    def holds(*kinds: str) -> bool:
        return total > 0 and sum(held.get(kind, 0) for kind in kinds) >= LEAST * total

    if asked == "int8" or how.startswith("int8") or holds("int8", "uint8"):
        return "int8"
    return "fp16" if asked == "fp16" or holds("float16", "bfloat16") else "fp32"


def _moved(record: Record, reference: Record) -> _Moved | Missing:
    if (gone := same_samples(record, reference)) is not None:
        return gone
    sides = [_outputs(one) for one in (record, reference)]
    now, was = sides
    if now is None or was is None or record.data is None or reference.data is None:
        return Missing(reason="no_scores", detail="one of the models gives labels only, no scores")
    if set(record.data.classes) != set(reference.data.classes):
        return Missing(reason="other_classes", detail="the two models have other classes")
    extent = 1.0
    if any(
        one.data.classes and side.shape[1] != len(one.data.classes)
        for one, side in ((record, now), (reference, was))
        if one.data is not None
    ):
        return Missing(reason="no_scores", detail="a record has no score for each of its classes")
    if record.data.classes:
        was = was[:, [reference.data.classes.index(one) for one in record.data.classes]]
    else:
        finite = was[np.isfinite(was)]
        extent = float(np.ptp(finite)) if finite.size else 0.0
    if extent == 0:
        return Missing(
            reason="no_range",
            detail="the earlier model gives every row the same number, so that there is no range",
        )
    with np.errstate(invalid="ignore"):
        apart = np.abs(now - was) / extent
    # Both without a number, or both infinite, is no difference.
    alike = (np.isnan(now) & np.isnan(was)) | (now == was)
    apart = np.where(alike, 0.0, np.where(np.isfinite(apart), apart, np.nan))
    by: Floats = apart.max(axis=1) if apart.shape[1] else np.zeros(len(apart))
    order = list(TOLERANCE)
    coarsest = min((_precision(record), _precision(reference)), key=order.index)
    return _Moved(by, coarsest)


def _outputs(record: Record) -> Floats | None:
    """Probabilities (rows, classes), or the numbers of a regression (rows, 1)."""
    found = record.arrays.get("score")
    if found is None and (found := record.arrays.get("value")) is not None:
        found = found[:, np.newaxis]
    return None if found is None or not len(found) else found.astype(np.float64)


@metric(
    unit="1",
    lower_is_better=True,
    title="Largest difference of the outputs",
    titre="Plus grande différence des sorties",
)
def output_difference(record: Record, reference: Record) -> Measure:
    """The largest absolute difference of two outputs for one row, over the range: exact.

    The range is 1 for probabilities, and that of the earlier answers in a regression. The note
    says what the precision of the two explains.
    """
    moved = _moved(record, reference)
    if isinstance(moved, Missing):
        return moved
    if np.isnan(moved.by).all():
        return Missing(reason="no_scores", detail="no row has a number on both sides")
    largest = float(np.nanmax(moved.by))
    return Value(
        estimate=largest,
        unit="1",
        low=largest,
        high=largest,
        n=moved.by.size,
        method="counted",
        interval="exact",
        note=moved.note,
    )


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Outputs beyond the tolerance",
    titre="Sorties au-delà de la tolérance",
)
def outputs_beyond(record: Record, reference: Record) -> Measure:
    """The share of rows whose outputs differ by more than their precision explains (Wilson).

    The tolerance is that of the coarser of the two: 1e-6 of the range for 32-bit floats, 2e-3 for
    16-bit ones, 8 of 255 steps for 8-bit integers. A number on one side only is beyond any.
    """
    moved = _moved(record, reference)
    if isinstance(moved, Missing):
        return moved
    beyond = ~(moved.by <= TOLERANCE[moved.precision])
    clustered = clustered_mean(record, beyond.astype(np.float64))
    if isinstance(clustered, Missing):
        return clustered
    hits, n = int(beyond.sum()), int(beyond.size)
    low, high = clustered or (float(end) for end in wilson(hits, n))
    return Value(
        estimate=hits / n,
        unit="1",
        low=max(0.0, low),
        high=min(1.0, high),
        n=n,
        method="counted",
        interval="cluster_bootstrap" if clustered else "wilson",
        note=f"{hits:,} of {n:,}; {moved.note}",
    )
