"""How long an answer takes, on the target, under the traffic of the plan's scenario."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import hierarchical, mean_t, resampled_mean
from frugalbench.metrics._metric import metric, no_run
from frugalbench.metrics._percentiles import FEWEST, Calls, percentile, upper_bound, worth
from frugalbench.record import Process, Record
from frugalbench.values import Measure, Method, Missing, Value

__all__ = [
    "FEWEST",
    "SPREAD",
    "cold_start",
    "model_load",
    "p50",
    "p90",
    "p95",
    "p97",
    "p99",
    "p99_9",
    "percentile",
    "throughput",
]

SPREAD = 0.05
"""Processes whose percentiles vary by more than this (coefficient of variation) are flagged."""


def by_process(record: Record) -> list[Calls]:
    """The kept latencies of each process, ns."""
    processes = record.run.processes if record.run else ()
    ends = np.cumsum([process.kept for process in processes])
    return [part for part in np.split(record.latency_ns, ends[:-1]) if part.size]


def _percentile(record: Record, p: float) -> Measure:
    if (gone := no_run(record)) is not None:
        return gone
    if record.spec.plan.scenario == "offline":
        detail = "offline asks for all samples at once: only throughput has a meaning"
        return Missing(reason="other_scenario", detail=detail)
    parts = by_process(record)
    calls = record.latency_ns
    worths = [worth(part, p) for part in parts] if calls.size >= FEWEST[p] else []
    found = percentile(parts, p, worths)
    if found is None:
        return Missing(
            reason="too_few_calls",
            detail=f"{calls.size:,} {'query was' if calls.size == 1 else 'queries were'} timed; "
            f"p{p * 100:g} needs {FEWEST[p] - calls.size:,} more at least: raise "
            "plan.process_seconds, and plan.max_seconds where it was reached",
        )
    estimate, low, high = (ns * 1e-9 for ns in found[:3])
    return Value(
        estimate=estimate,
        unit="s",
        low=low,
        high=high,
        n=int(calls.size),
        method=_method(record),
        interval=found[3],
        note=_note(parts, p, sum(worths)),
        bound=upper_bound(parts, p),
    )


def _note(parts: Sequence[Calls], p: float, effective: float) -> str:
    """What to know of an interval: how much correlation and spread there was."""
    told = []
    size = sum(part.size for part in parts)
    # A fifth less is what chance alone takes from independent calls.
    if effective < 0.8 * size:
        told.append(f"correlated: worth {int(effective):,} calls")
    if len(parts) > 1:
        values = np.array([float(np.quantile(part, p)) for part in parts])
        spread = float(values.std(ddof=1) / values.mean()) if values.mean() else 0.0
        if spread > SPREAD:
            told.append(f"the {len(parts)} processes differ by {spread:.0%}, over {SPREAD:.0%}")
    return "; ".join(told)


@metric(unit="s", lower_is_better=True, title="Median latency", titre="Latence médiane")
def p50(record: Record) -> Measure:
    """The median query time."""
    return _percentile(record, 0.5)


@metric(
    unit="s", lower_is_better=True, title="Latency, 90th percentile", titre="Latence, 90e centile"
)
def p90(record: Record) -> Measure:
    """The time nine queries in ten stay under."""
    return _percentile(record, 0.9)


@metric(
    unit="s", lower_is_better=True, title="Latency, 95th percentile", titre="Latence, 95e centile"
)
def p95(record: Record) -> Measure:
    """The time 95 queries in a hundred stay under."""
    return _percentile(record, 0.95)


@metric(
    unit="s", lower_is_better=True, title="Latency, 97th percentile", titre="Latence, 97e centile"
)
def p97(record: Record) -> Measure:
    """The time 97 queries in a hundred stay under."""
    return _percentile(record, 0.97)


@metric(
    unit="s", lower_is_better=True, title="Latency, 99th percentile", titre="Latence, 99e centile"
)
def p99(record: Record) -> Measure:
    """The time 99 queries in a hundred stay under."""
    return _percentile(record, 0.99)


@metric(
    unit="s",
    lower_is_better=True,
    title="Latency, 99.9th percentile",
    titre="Latence, 99,9e centile",
)
def p99_9(record: Record) -> Measure:
    """The time 999 queries in a thousand stay under."""
    return _percentile(record, 0.999)


@metric(unit="1/s", lower_is_better=False, title="Throughput", titre="Débit")
def throughput(record: Record) -> Measure:
    """Samples answered per second: of timed queries, or of the clock in the server scenario.

    Within a process the interval is Student's t over the means of consecutive parts, so that slow
    drifts count; over processes it is Student's t over their means.
    """
    if (gone := no_run(record)) is not None:
        return gone
    run = record.run
    assert run is not None
    parts = record.spec.plan.windows
    served = [process for process in run.processes if process.kept]
    calls = by_process(record)
    if record.spec.plan.scenario == "server":
        rates = [process.queries * run.samples / process.seconds for process in served]
        return _over_processes(record, rates, "1/s", sum(p.queries for p in served))
    if sum(part.size for part in calls) < 2 * parts:
        return Missing(reason="too_few_calls", detail="raise plan.process_seconds")
    means = [_part_means(part, parts) for part in calls]
    if len(means) > 1:
        seconds, low, high = hierarchical(
            [float(one.mean()) for one in means], [resampled_mean(one) for one in means]
        )
        half_low, half_high = seconds - low, high - seconds
    else:
        seconds, half_low = mean_t(means[0])
        half_high = half_low
    estimate, fastest = run.samples / seconds, min(float(one.min()) for one in means)
    return Value(
        estimate=estimate,
        unit="1/s",
        low=run.samples / (seconds + half_high),
        # A spread as large as the mean bounds the throughput by the fastest part only.
        high=run.samples / (seconds - half_low)
        if half_low < seconds
        else max(estimate, run.samples / fastest),
        n=int(record.latency_ns.size),
        method=_method(record),
        interval="hierarchical_bootstrap" if len(means) > 1 else "batch_means_t",
    )


def _part_means(calls: Calls, parts: int) -> npt.NDArray[np.float64]:
    split = np.array_split(calls, min(parts, calls.size))
    # A clock that saw nothing pass saw less than its own tick.
    return np.array([max(part.mean(), 1.0) for part in split]) * 1e-9


def _method(record: Record) -> Method:
    """A clock's reading of a model that only pretends to run is itself pretended."""
    return "pretend" if record.run is not None and record.run.provider == "fake" else "timer"


def _over_processes(
    record: Record, values: Sequence[float], unit: str, n: int | None = None
) -> Measure:
    """One observation a process: their median, and an interval where there are two or more."""
    if not values:
        return Missing(reason="not_observed", detail="no process saw it")
    low = high = estimate = float(values[0])
    if len(values) > 1:
        draws = [resampled_mean(np.array([value])) for value in values]
        estimate, low, high = hierarchical(values, draws)
    return Value(
        estimate=estimate,
        unit=unit,
        low=max(0.0, low),
        high=high,
        n=len(values) if n is None else n,
        method=_method(record),
        interval="hierarchical_bootstrap" if len(values) > 1 else "single_observation",
    )


def _seconds_of(
    record: Record, seconds: Callable[[Process], float | None], lacking: str
) -> Measure:
    if (gone := no_run(record)) is not None:
        return gone
    assert record.run is not None
    seen = [one for process in record.run.processes if (one := seconds(process)) is not None]
    if not seen:
        return Missing(reason="not_observed", detail=lacking)
    return _over_processes(record, seen, "s")


@metric(unit="s", lower_is_better=True, title="Cold start", titre="Démarrage à froid")
def cold_start(record: Record) -> Measure:
    """From the start of the process to the first answer; one observation a fresh process."""
    return _seconds_of(
        record,
        lambda process: process.cold_start_seconds,
        "the model ran in a process that was already warm",
    )


@metric(unit="s", lower_is_better=True, title="Model load", titre="Chargement du modèle")
def model_load(record: Record) -> Measure:
    """The time the runtime takes to open the model; one observation a fresh process."""
    return _seconds_of(record, lambda process: process.load_seconds, "")
