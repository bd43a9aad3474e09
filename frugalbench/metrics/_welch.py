"""Two runs compared with the fresh process as the unit: Welch's t on logarithms.

Calls and windows of one process share its memory layout, its clock and its place in the caches, so
thousands of them are one observation of how fast a process of that model is. Sources: Welch (1947)
for the test; Satterthwaite (1946) for its degrees of freedom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from frugalbench.metrics._intervals import LEVEL, t_value
from frugalbench.metrics._windows import choose, joules_of
from frugalbench.metrics.latency import FEWEST, by_process
from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["LogRatio", "energies", "log_ratio", "percentiles", "seconds_per_sample"]


@dataclass(frozen=True, slots=True)
class LogRatio:
    """The logarithm of a ratio of two geometric means, its standard error, and its freedom."""

    estimate: float
    error: float
    freedom: float

    def ends(self, level: float = LEVEL) -> tuple[float, float, float]:
        """The ratio, and the ends of its two-sided interval."""
        half = t_value(self.freedom, level) * self.error if self.error else 0.0
        return tuple(_exp(x) for x in (self.estimate, self.estimate - half, self.estimate + half))  # type: ignore[return-value]

    def p_above(self, ratio: float) -> float:
        """The one-sided p-value of the claim that the true ratio is above this one."""
        from scipy.stats import t

        distance = self.estimate - math.log(ratio)
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(t.sf(distance / self.error, self.freedom))


def _exp(x: float) -> float:
    return math.exp(min(x, 700.0))


def log_ratio(after: Sequence[float], before: Sequence[float]) -> LogRatio:
    """Compare positive observations of two runs, one for each process; two each at least.

    >>> one = log_ratio([1.0, 1.1, 1.2], [1.0, 1.1, 1.2])
    >>> one.estimate, round(one.freedom, 6), one.p_above(1.0)
    (0.0, 4.0, 0.5)
    """
    logs = [np.log(np.asarray(one, np.float64)) for one in (after, before)]
    shares = [float(one.var(ddof=1)) / one.size for one in logs]
    error = math.sqrt(sum(shares))
    under = sum(share**2 / (one.size - 1) for share, one in zip(shares, logs, strict=True))
    freedom = sum(shares) ** 2 / under if under > 0 else float(sum(one.size - 1 for one in logs))
    return LogRatio(float(logs[0].mean() - logs[1].mean()), error, freedom)


def percentiles(record: Record, p: float) -> list[float] | Missing:
    """A percentile of the query time in each process, s."""
    parts = by_process(record)
    fewest = min((part.size for part in parts), default=0)
    if fewest < FEWEST[p]:
        return Missing(
            reason="too_few_calls",
            detail=f"a process timed {fewest:,} queries, and p{p * 100:g} of each process needs "
            f"{FEWEST[p]:,}: raise plan.process_seconds",
        )
    # A clock that saw nothing pass saw less than its own tick.
    return [max(float(np.quantile(part, p)), 1.0) * 1e-9 for part in parts]


def seconds_per_sample(record: Record) -> list[float] | Missing:
    """The mean time a sample takes in each process, s."""
    parts = by_process(record)
    if record.run is None or not parts:
        return Missing(reason="too_few_calls", detail="no query was timed")
    return [max(float(part.mean()), 1.0) * 1e-9 / record.run.samples for part in parts]


def energies(record: Record) -> list[float] | Missing:
    """Joules per inference in each process, of all that the most trusted method covers."""
    chosen = choose(record, None)
    if isinstance(chosen, Missing):
        return chosen
    samples = record.run.samples if record.run else 1
    joules: dict[int, float] = {}
    count: dict[int, int] = {}
    for group in chosen.whole():
        number = group[0].process
        joules[number] = joules.get(number, 0.0) + joules_of(group)
        count[number] = count.get(number, 0) + group[0].calls * samples
    found = [joules[one] / count[one] for one in joules if count[one] and joules[one] > 0]
    if not found:
        return Missing(reason="too_few_windows", detail="raise plan.process_seconds")
    return found
