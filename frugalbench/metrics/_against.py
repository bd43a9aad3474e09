"""The model against a baseline: which rows each gets right, and what is said of a gain."""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench.metrics import validity
from frugalbench.metrics._clusters import number_of_clusters, resampled_interval, resampled_sums
from frugalbench.metrics._counts import labelled
from frugalbench.metrics._joules import per_inference
from frugalbench.metrics._metric import no_run
from frugalbench.metrics._ratios import Ends
from frugalbench.record import Record
from frugalbench.values import Missing, Value

__all__ = [
    "Right",
    "beside_of",
    "does_the_job",
    "ends_of",
    "energies",
    "p_words",
    "paired",
    "right",
    "told",
]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Right:
    """Which rows each of the two answers rightly, (rows,)."""

    right: Mask
    right_beside: Mask

    @property
    def only_model(self) -> Mask:
        """Rows that only the model gets right."""
        return self.right & ~self.right_beside

    @property
    def only_baseline(self) -> Mask:
        """Rows that only the baseline gets right."""
        return self.right_beside & ~self.right

    @property
    def change(self) -> Floats:
        """1 where only the model is right, -1 where only the baseline is, else 0."""
        return self.right.astype(np.float64) - self.right_beside

    @property
    def shares(self) -> tuple[float, float]:
        """How often the model is right, and how often the baseline."""
        return float(self.right.mean()), float(self.right_beside.mean())


def right(record: Record, baseline: str) -> Right | Missing:
    """Which rows the model and a baseline answer rightly, or why it is not known."""
    if (gone := labelled(record)) is not None:
        return gone
    beside = beside_of(record, baseline)
    if isinstance(beside, Missing):
        return beside
    if (gone := labelled(beside)) is not None:
        return gone
    y = record.arrays["y_true"]
    return Right(record.arrays["y_pred"] == y, beside.arrays["y_pred"] == y)


def beside_of(record: Record, name: str, *, timed: bool = False) -> Record | Missing:
    """A baseline as a record, or why there is none to compare with.

    What was timed of a run that is INVALID is no evidence, and neither are answers that differ
    from call to call.
    """
    found = record.baseline(name)
    if found is None:
        failure = next((one.failure for one in record.baselines if one.name == name), None)
        why = failure.detail if failure else "there is no such baseline"
        return Missing(reason="no_baseline", detail=f"{name} was not measured: {why}")
    for flaw in validity.flaws(found):
        if timed or flaw.code == "answers_differ":
            detail = f"the run of {name} is INVALID: {flaw.detail}"
            return Missing(reason="invalid_baseline", detail=detail)
    return found


def energies(record: Record, baseline: str) -> tuple[Value, Value] | Missing:
    """Joules per inference of the model and of a baseline."""
    if (gone := no_run(record)) is not None:
        return gone
    beside = beside_of(record, baseline, timed=True)
    if isinstance(beside, Missing):
        return beside
    own, other = per_inference(record), per_inference(beside)
    if isinstance(own, Missing):
        return own
    return other if isinstance(other, Missing) else (own, other)


def ends_of(value: Value) -> Ends:
    """A value's estimate and the ends of its interval."""
    return value.estimate, value.low, value.high


def paired(
    record: Record, unit: str, ends: Ends, parts: npt.NDArray[Any], interval: str
) -> Value | Missing:
    """A paired gain with its interval, which resamples clusters where rows come in them.

    `parts` (rows,) are what each row adds to the estimate, less their mean: a ratio of sums, made
    linear.
    """
    estimate, low, high = ends
    clusters = record.arrays.get("cluster")
    n = int(parts.size)
    if clusters is not None:
        n, interval = number_of_clusters(clusters, parts.size), "cluster_bootstrap"
        if n < 2:
            return Missing(
                reason="one_cluster",
                detail="all rows belong together (data.cluster), which says nothing of other ones",
            )
        drawn = resampled_sums(parts[:, np.newaxis], clusters, seed=record.spec.plan.seed)
        spread = resampled_interval(estimate, estimate + drawn[:, 0], n)
        # Clusters that are all alike have no spread to learn from.
        low, high = (min(low, spread[0]), max(high, spread[1])) if np.ptp(parts) == 0 else spread
        if unit == "1":
            low, high = max(-1.0, low), min(1.0, high)
    return Value(
        estimate=estimate,
        unit=unit,
        low=low,
        high=high,
        n=n,
        method="counted",
        interval=interval,
    )


def does_the_job(value: Value) -> bool:
    """Whether the model may be no better than the baseline."""
    return value.low <= 0


def told(
    value: Value | Missing, name: str, levels: tuple[float, float], tested: str = ""
) -> Value | Missing:
    """The same with a note that says what was compared, and whether the baseline suffices."""
    if isinstance(value, Missing):
        return value
    own, other = (f"{level:.3f}" for level in levels)
    if does_the_job(value):
        note = f"{name} does the job as far as can be told: {other} against {own}"
    else:
        note = f"{own} against {other} of {name}{tested and '; '}{tested}"
    return msgspec.structs.replace(value, note=note)


def p_words(p: float) -> str:
    """A p-value for people.

    >>> p_words(0.0312), p_words(1e-9)
    ('p = 0.03', 'p < 0.0001')
    """
    return f"p = {p:.2f}" if p >= 0.01 else f"p = {p:.4f}" if p >= 0.0001 else "p < 0.0001"
