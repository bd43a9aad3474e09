"""Rounds of blocks of calls against each other: is what was timed remembered?"""

import math

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import mean_t
from frugalbench.metrics._metric import no_run
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["SEEDS", "not_remembered", "ratio", "unseen"]

SEEDS = (0.9, 1.1)
"""Between which the time of samples drawn with another seed must lie, of that of the run's own."""


def not_remembered(record: Record) -> Value | None:
    """The new samples' ratio where it shows that the samples timed are not remembered.

    A processor predicts the branches of a tree it has just been through, so that a repeated sample
    is faster although no answer is kept. What is kept makes the samples that were timed faster
    than ones never seen, which this ratio is of: its whole interval must lie in `SEEDS`.
    """
    found = unseen(record)
    if not isinstance(found, Value):
        return None
    return found if SEEDS[0] <= found.low and found.high <= SEEDS[1] else None


def unseen(record: Record) -> Measure:
    """Mean time of samples never seen over that of the run's own, the slowest tenth left out."""
    return ratio(record, "check:reseeded_trimmed_ns", "check:varied_trimmed_ns")


def ratio(record: Record, name: str, base: str = "check:varied_ns") -> Measure:
    """A block's time over that of varied calls, round by round: mean of logarithms, Student's t.

    The rounds of one process are neighbours in time, so that a drift is in both.
    """
    if (gone := no_run(record)) is not None:
        return gone
    if record.spec.plan.scenario == "offline":
        detail = "offline asks for all samples at once: there is no single one to repeat"
        return Missing(reason="other_scenario", detail=detail)
    varied = record.arrays.get(base, np.empty(0))
    other = record.arrays.get(name, np.empty(0))
    if min(varied.size, other.size) < 2 or varied.size != other.size:
        detail = "too few calls fitted in the time of the checks: raise plan.max_seconds"
        return Missing(reason="not_checked", detail=detail)
    logs: npt.NDArray[np.float64] = np.log(np.maximum(other, 1.0) / np.maximum(varied, 1.0))
    mean, half = mean_t(logs)
    return Value(
        estimate=math.exp(mean),
        unit="1",
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        n=int(varied.size),
        method="timer",
        interval="rounds_t",
    )
