"""Latency, energy and memory of two records of one machine, process by process."""

from collections.abc import Callable, Iterator
from functools import partial

from frugalbench import metrics
from frugalbench.compare import obstacle
from frugalbench.metrics import validity
from frugalbench.metrics._welch import energies, log_ratio, percentiles, seconds_per_sample
from frugalbench.record import Record
from frugalbench.regress._seen import Seen, invalid
from frugalbench.values import MEASURED, Measure, Missing

__all__ = ["energy", "latency", "memory"]

PERCENTILES = {"latency.p50": 0.5, "latency.p90": 0.9, "latency.p99": 0.99}
ENERGY, PEAK, SIZE = "energy.per_inference", "memory.peak", "memory.model_size"
FEWEST_PROCESSES = 2
PRETEND = "fake"
NOTHING = Missing(reason="not_asked")

HOST = ("machine", "cpu", "logical_cores", "virtualised")
TARGET = (
    *("provider", "threads", "spinning", "optimisation"),
    *("cpus", "cpu_share", "address_space"),
    *("compile", "channels_last", "cuda_graph", "deterministic"),
)

Times = Callable[[Record], list[float] | Missing]


def latency(after: Record, before: Record) -> Iterator[Seen]:
    """Percentiles of the query time, or the time a sample takes where all are asked at once."""
    if "offline" in (after.spec.plan.scenario, before.spec.plan.scenario):
        yield _timed(after, before, "latency.throughput", seconds_per_sample, "time per sample")
        return
    for address, p in PERCENTILES.items():
        yield _timed(after, before, address, partial(percentiles, p=p), "query time")


def _timed(after: Record, before: Record, address: str, times: Times, what: str) -> Seen:
    earlier, own = times(before), times(after)
    if isinstance(earlier, Missing):
        return Seen(address, f"the baseline has none: {earlier.detail}", absent=True)
    if isinstance(own, Missing):
        return Seen(address, own.detail)
    if any(one.run is not None and one.run.provider == PRETEND for one in (after, before)):
        return Seen(address, "the model only pretended to run, which is no evidence")
    if why := _apart(after, before, address, NOTHING, NOTHING):
        return Seen(address, why)
    return _by_process(address, own, earlier, what)


def energy(after: Record, before: Record) -> Iterator[Seen]:
    """Measured joules per inference; a model of power follows the time, and shows nothing new."""
    found = metrics.find(ENERGY)
    own, earlier = found(after), found(before)
    if isinstance(earlier, Missing) or earlier.method not in MEASURED:
        why = earlier.detail if isinstance(earlier, Missing) else f"it is {earlier.method}"
        yield Seen(ENERGY, f"the baseline has no measured energy: {why}", absent=True)
    elif isinstance(own, Missing) or own.method not in MEASURED:
        why = own.detail if isinstance(own, Missing) else f"the energy is {own.method}"
        yield Seen(ENERGY, f"{why}, and that of the baseline is {earlier.method}")
    elif why := _apart(after, before, ENERGY, own, earlier):
        yield Seen(ENERGY, why)
    else:
        values = energies(after), energies(before)
        if isinstance(values[0], Missing) or isinstance(values[1], Missing):
            why = "no energy window of a process is whole: raise plan.process_seconds"
            yield Seen(ENERGY, why)
        else:
            yield _by_process(ENERGY, values[0], values[1], "joules")


def memory(after: Record, before: Record) -> Iterator[Seen]:
    """Peak memory, by the range over processes, and the bytes of the model."""
    for address in (PEAK, SIZE):
        found = metrics.find(address)
        own, earlier = found(after), found(before)
        if isinstance(earlier, Missing) or earlier.low <= 0:
            yield Seen(address, "the baseline has none", absent=True)
        elif isinstance(own, Missing):
            yield Seen(address, own.detail)
        elif address == PEAK and (why := _elsewhere(after, before)):
            yield Seen(address, why)
        else:
            yield Seen(
                address,
                ends=(
                    own.estimate / earlier.estimate - 1,
                    own.low / earlier.high - 1,
                    own.high / earlier.low - 1,
                ),
                level=1.0,
                relative=True,
                how="range over processes" if address == PEAK else "bytes of the files",
            )


def _by_process(address: str, after: list[float], before: list[float], what: str) -> Seen:
    if min(len(after), len(before)) < FEWEST_PROCESSES:
        why = "seen in one process, and another may differ: measure with plan.processes=3 or more"
        return Seen(address, why)
    seen = log_ratio(after, before)
    middle, low, high = seen.ends()
    return Seen(
        address,
        ends=(middle - 1, low - 1, high - 1),
        relative=True,
        how=f"{what} of {len(after)} processes against {len(before)}, Welch's t on logarithms",
        test=lambda least: seen.p_above(1 + least),
    )


def _apart(after: Record, before: Record, address: str, own: Measure, earlier: Measure) -> str:
    """Why timings or energies of two records do not compare; or nothing."""
    why = _elsewhere(after, before) or invalid(after, before)
    why = why or obstacle(address, after, before, own, earlier, "")
    if why:
        return why
    for which, one in (("this record", after), ("the baseline", before)):
        for disturbed in validity.disturbances(one):
            return (
                f"the machine was disturbed while it measured {which} ({disturbed}): "
                "measure again, or add plan.retries=3"
            )
    return ""


def _elsewhere(after: Record, before: Record) -> str:
    """Why two machines, or two ways to use one, do not compare; or nothing."""
    for what in HOST:
        if getattr(after.host, what) != getattr(before.host, what):
            return f"measured on other hosts ({what}): measure both on one machine"
    for what in TARGET:
        if getattr(after.spec.target, what) != getattr(before.spec.target, what):
            return f"measured with another target.{what}: measure both with the same"
    return ""
