"""How long an answer takes, on the target, under the traffic of the plan's scenario."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import (
    early_stopping,
    effective_size,
    hierarchical,
    mean_t,
    order_statistic,
    quantile_draw,
    resampled_mean,
)
from frugalbench.metrics._metric import metric, no_run
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

Calls = npt.NDArray[np.int64]

PARTS = 20
ABOVE = 30
FEWEST = {0.5: 11, 0.9: 64, 0.95: 130, 0.97: 219, 0.99: 662, 0.999: 6636}
"""Queries below which MLPerf's early-stopping rule gives no estimate of a percentile."""

SPREAD = 0.05
"""Processes whose percentiles vary by more than this (coefficient of variation) are flagged."""


def by_process(record: Record) -> list[Calls]:
    """The kept latencies of each process, ns."""
    processes = record.run.processes if record.run else ()
    ends = np.cumsum([process.kept for process in processes])
    return [part for part in np.split(record.latency_ns, ends[:-1]) if part.size]


def percentile(parts: Sequence[Calls], p: float) -> tuple[float, float, float, str] | None:
    """A percentile of several processes' calls with its interval.

    The estimate is the median of the processes' percentiles, each `sorted[int(n·p)]` as in
    MLPerf's LoadGen, and the interval a hierarchical bootstrap in which correlated calls count for
    less. With one process it is the order-statistic interval. Where each process has too few calls
    for the percentile, it is that of all calls together, widened by how far the processes lie
    apart at the highest percentile they can show.

    Returns:
        (estimate, low, high, construction), ns; None below the fewest queries of the percentile.
    """
    calls = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if calls.size < FEWEST[p]:
        return None
    if len(parts) < 2:
        return _of_one(calls, p)
    fewest = min(part.size for part in parts)
    shown = max((one for one, least in FEWEST.items() if one <= p and least <= fewest), default=0.5)
    values, draws = [], []
    for part in parts:
        ordered = np.sort(part)
        values.append(float(ordered[min(int(part.size * shown), part.size - 1)]))
        draws.append(quantile_draw(ordered, shown, _effective(part, shown)))
    middle, low, high = hierarchical(values, draws)
    if shown < p or fewest < FEWEST[shown]:
        estimate, least, most, _ = _of_one(calls, p)
        # As far apart, for their size, as where they can be seen.
        low, high = min(least, estimate * low / middle), max(most, estimate * high / middle)
        middle = estimate
    # Nothing is faster than the fastest call.
    return middle, max(low, min(middle, float(calls.min()))), high, "hierarchical_bootstrap"


def _effective(calls: Calls, p: float) -> float:
    # A rank is a count of calls above it, and what correlation costs that count, it costs the rank.
    # Fewer than so many calls above do not show whether they come together: then those above a
    # lower percentile do.
    above = min(p, max(0.5, 1 - ABOVE / calls.size))
    return effective_size((calls > np.quantile(calls, above)).astype(np.float64))


def _of_one(calls: Calls, p: float) -> tuple[float, float, float, str]:
    ordered = np.sort(calls)
    found = order_statistic(ordered, p, _effective(calls, p))
    if found is not None:
        return (*found, "order_statistic")
    # Worth too few calls for ranks: the percentile wandered during the run, and how far the
    # parts of the run lie apart says how far.
    estimate = float(ordered[int(calls.size * p)])
    low, high, construction = _wandering(calls, p)
    return estimate, min(low, estimate), max(high, estimate), construction


def _wandering(calls: Calls, p: float) -> tuple[float, float, str]:
    """The lowest and highest percentile over consecutive parts of the run.

    Where the parts would be too short to have one, the fastest and the slowest call.
    """
    if calls.size < PARTS * FEWEST[p]:
        return float(calls.min()), float(calls.max()), "range"
    parts = [float(np.quantile(part, p)) for part in np.array_split(calls, PARTS)]
    return min(parts), max(parts), "range_of_parts"


def _percentile(record: Record, p: float) -> Measure:
    if (gone := no_run(record)) is not None:
        return gone
    if record.spec.plan.scenario == "offline":
        detail = "offline asks for all samples at once: only throughput has a meaning"
        return Missing(reason="other_scenario", detail=detail)
    parts = by_process(record)
    calls = record.latency_ns
    found = percentile(parts, p)
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
        note=_note(parts, p),
        bound=_upper_bound(parts, p),
    )


def _upper_bound(parts: Sequence[Calls], p: float) -> float | None:
    """MLPerf's early-stopping estimate, s: the median over processes, as the percentile is.

    Where a process has too few calls for one, that of all calls together.
    """
    if len(parts) < 2 or min(part.size for part in parts) < FEWEST[p]:
        parts = [np.concatenate(parts)]
    bounds = []
    for calls in parts:
        aside = early_stopping(int(calls.size), p)
        if aside is None:
            return None
        bounds.append(float(np.partition(calls, calls.size - aside)[calls.size - aside]))
    return float(np.median(bounds)) * 1e-9


def _note(parts: Sequence[Calls], p: float) -> str:
    """What to know of an interval: how much correlation and spread there was."""
    told = []
    size = sum(part.size for part in parts)
    effective = sum(_effective(part, p) for part in parts)
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
