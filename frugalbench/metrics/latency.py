"""How long an answer takes, on the target, called one after the other."""

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import effective_size, order_statistic
from frugalbench.metrics._metric import metric, no_run
from frugalbench.record import Record
from frugalbench.values import Measure, Method, Missing, Value

__all__ = ["cold_start", "model_load", "p50", "p90", "p95", "p99", "throughput"]

PARTS = 20
# Calls below which MLPerf's early-stopping rule gives no estimate of a percentile.
FEWEST = {0.5: 11, 0.9: 64, 0.95: 130, 0.99: 662}


def _percentile(record: Record, p: float) -> Measure:
    if (gone := no_run(record)) is not None:
        return gone
    calls = record.latency_ns
    if calls.size < FEWEST[p]:
        return Missing(
            reason="too_few_calls",
            detail=f"{calls.size} calls were timed; p{p * 100:g} needs {FEWEST[p] - calls.size} "
            "more at least: raise plan.max_seconds",
        )
    # A rank is a count of calls above it, and what correlation costs that count, it costs the rank.
    effective = effective_size((calls > np.quantile(calls, p)).astype(np.float64))
    ordered = np.sort(calls)
    found = order_statistic(ordered, p, effective)
    construction = "order_statistic"
    if found is None:
        # Worth too few calls for ranks: the percentile wandered during the run, and how far the
        # parts of the run lie apart says how far.
        estimate = float(ordered[int(calls.size * p)])
        low, high, construction = _wandering(calls, p)
        found = estimate, min(low, estimate), max(high, estimate)
    estimate, low, high = (ns * 1e-9 for ns in found)
    # A fifth less is what chance alone takes from independent calls.
    correlated = effective < 0.8 * calls.size
    note = f"correlated: worth {int(effective)} calls" if correlated else ""
    return Value(
        estimate=estimate,
        unit="s",
        low=low,
        high=high,
        n=int(calls.size),
        method=_method(record),
        interval=construction,
        note=note,
    )


def _wandering(calls: npt.NDArray[np.int64], p: float) -> tuple[float, float, str]:
    """The lowest and highest percentile over consecutive parts of the run.

    Where the parts would be too short to have one, the fastest and the slowest call.
    """
    if calls.size < PARTS * FEWEST[p]:
        return float(calls.min()), float(calls.max()), "range"
    parts = [float(np.quantile(part, p)) for part in np.array_split(calls, PARTS)]
    return min(parts), max(parts), "range_of_parts"


@metric(unit="s", lower_is_better=True, title="Median latency", titre="Latence médiane")
def p50(record: Record) -> Measure:
    """The median call time, with its order-statistic interval."""
    return _percentile(record, 0.5)


@metric(
    unit="s",
    lower_is_better=True,
    title="Latency, 90th percentile",
    titre="Latence, 90e centile",
)
def p90(record: Record) -> Measure:
    """The time nine calls in ten stay under, with its order-statistic interval."""
    return _percentile(record, 0.9)


@metric(
    unit="s",
    lower_is_better=True,
    title="Latency, 95th percentile",
    titre="Latence, 95e centile",
)
def p95(record: Record) -> Measure:
    """The time 95 calls in a hundred stay under, with its order-statistic interval."""
    return _percentile(record, 0.95)


@metric(
    unit="s",
    lower_is_better=True,
    title="Latency, 99th percentile",
    titre="Latence, 99e centile",
)
def p99(record: Record) -> Measure:
    """The time 99 calls in a hundred stay under, with its order-statistic interval."""
    return _percentile(record, 0.99)


@metric(unit="1/s", lower_is_better=False, title="Throughput", titre="Débit")
def throughput(record: Record) -> Measure:
    """Inferences per second of timed calls: the batch over the mean call time.

    The interval is the spread of the mean over the energy windows of the loop, in order (batch
    means), so slow drifts of the machine count.
    """
    from frugalbench.metrics._intervals import mean_t

    if (gone := no_run(record)) is not None:
        return gone
    calls = record.latency_ns
    parts = record.spec.plan.windows
    if record.run is None or calls.size < 2 * parts:
        return Missing(reason="too_few_calls", detail="raise plan.max_seconds")
    means = np.array([part.mean() for part in np.array_split(calls, parts)]) * 1e-9
    mean, half = mean_t(means)
    batch, estimate = record.run.batch, record.run.batch / mean
    return Value(
        estimate=estimate,
        unit="1/s",
        low=batch / (mean + half),
        # A spread as large as the mean bounds the throughput by the fastest part only.
        high=batch / (mean - half) if half < mean else max(estimate, batch / float(means.min())),
        n=int(calls.size),
        method=_method(record),
        interval="batch_means_t",
    )


def _method(record: Record) -> Method:
    """A clock's reading of a model that only pretends to run is itself pretended."""
    return "pretend" if record.run is not None and record.run.provider == "fake" else "timer"


def _once(record: Record, seconds: float | None, lacking: str) -> Measure:
    if seconds is None:
        return Missing(reason="not_observed", detail=lacking)
    return Value(
        estimate=seconds,
        unit="s",
        low=seconds,
        high=seconds,
        n=1,
        method=_method(record),
        interval="single_observation",
    )


@metric(unit="s", lower_is_better=True, title="Cold start", titre="Démarrage à froid")
def cold_start(record: Record) -> Measure:
    """From the start of the process to the first answer; seen once, so without an interval."""
    if (gone := no_run(record)) is not None:
        return gone
    run = record.run
    seconds = run.cold_start_seconds if run else None
    return _once(record, seconds, "the model ran in a process that was already warm")


@metric(unit="s", lower_is_better=True, title="Model load", titre="Chargement du modèle")
def model_load(record: Record) -> Measure:
    """The time the runtime takes to open the model; seen once, so without an interval."""
    if (gone := no_run(record)) is not None:
        return gone
    return _once(record, record.run.load_seconds if record.run else None, "")
