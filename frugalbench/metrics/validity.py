"""Is the run what it claims to be? Compliance in the manner of MLPerf, and what disturbed it.

A run that fails a check is INVALID: `flaws` says why, and no rule on it is evaluated. What shared
the machine is told beside it, and makes a run disturbed, not invalid.
"""

from dataclasses import dataclass

import msgspec

from frugalbench.metrics._checked import unmade
from frugalbench.metrics._gpu import on_gpu, troubles
from frugalbench.metrics._intervals import wilson
from frugalbench.metrics._metric import metric, no_run
from frugalbench.metrics._rounds import SEEDS, not_remembered, ratio, unseen
from frugalbench.record import Noise, Process, Record
from frugalbench.spec import Plan
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "Flaw",
    "answers_agree",
    "disturbances",
    "disturbed",
    "flaws",
    "other_cpu",
    "repeated_ratio",
    "reseeded_ratio",
    "steal",
    "unserved",
]

FASTER = 0.9
"""A sample that is repeated may be answered in nine tenths of the time of different ones."""
SLOW_CLOCK = 0.75
"""Share of its nominal frequency below which a processor is throttled (NVBench's rule)."""
SHORT = 0.99


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a run is INVALID: a code for programs, a sentence for people."""

    code: str
    detail: str


def flaws(record: Record) -> tuple[Flaw, ...]:
    """Everything that makes a run INVALID; empty for a valid one, or where nothing was run."""
    if record.run is None:
        return ()
    found = [_remembered(record), _reseeded(record), _unlike(record)]
    found += [_too_short(record), _overloaded(record), _shared(record)]
    found += [_unmade(one) for one in unmade(record)]
    return tuple(flaw for flaw in found if flaw is not None)


def _unmade(what: str) -> Flaw:
    detail = (
        f"nothing shows {what}: that check is not in the record, with no reason that fits its "
        "plan and times; measure again"
    )
    return Flaw("not_checked", detail)


def _remembered(record: Record) -> Flaw | None:
    repeated = repeated_ratio(record)
    if not isinstance(repeated, Value) or repeated.high >= FASTER or not_remembered(record):
        return None
    detail = (
        f"a repeated sample is answered in {repeated.estimate:.0%} of the time of different ones, "
        "as if answers were remembered: switch caches off"
    )
    return Flaw("repeated_sample_faster", detail)


def _reseeded(record: Record) -> Flaw | None:
    found = [one for one in (reseeded_ratio(record), unseen(record)) if isinstance(one, Value)]
    outside = next((one for one in found if one.low > SEEDS[1] or one.high < SEEDS[0]), None)
    if outside is None:
        return None
    detail = (
        f"samples drawn with another seed take {outside.estimate:.0%} of the time: the run holds "
        "for the samples it drew only; give more data"
    )
    return Flaw("second_seed_differs", detail)


def _unlike(record: Record) -> Flaw | None:
    seen = [process.answered for process in _processes(record) if process.answered]
    differing = sum(one.differing for one in seen)
    if not differing:
        return None
    detail = (
        f"{differing:,} of {sum(one.compared for one in seen):,} answers read while timing are not "
        "those of the accuracy pass: the model is not the same from call to call"
    )
    return Flaw("answers_differ", detail)


def _too_short(record: Record) -> Flaw | None:
    plan, processes = record.spec.plan, _processes(record)
    fewest = min(process.queries for process in processes)
    shortest = min(process.seconds for process in processes)
    if fewest < plan.min_queries:
        detail = f"a process made {fewest:,} queries; the plan asks for {plan.min_queries:,}"
        return Flaw("too_few_queries", f"{detail}: raise plan.max_seconds")
    if shortest < SHORT * plan.min_seconds:
        detail = f"a process was timed {shortest:.4g} s; the plan asks for {plan.min_seconds:g} s"
        return Flaw("too_short", f"{detail}: raise plan.max_seconds, or lower plan.min_seconds")
    if plan.min_seconds and len(processes) < plan.processes:
        detail = f"{len(processes)} processes were measured; the plan asks for {plan.processes}"
        return Flaw("too_few_processes", f"{detail}: raise plan.max_seconds")
    return None


def _overloaded(record: Record) -> Flaw | None:
    left = sum(process.unserved for process in _processes(record))
    if not left:
        return None
    rate = record.spec.plan.target_qps or 0.0
    detail = f"{left:,} queries were never answered: {rate:g} a second are too many"
    return Flaw("overloaded", f"{detail}; lower plan.target_qps")


def _shared(record: Record) -> Flaw | None:
    others = max((gpu.others or 0 for one in _processes(record) for gpu in one.gpus), default=0)
    if not others or record.spec.target.allow_shared_gpu:
        return None
    detail = (
        f"{on_gpu(others)} while calls were timed: end what computes there, or allow it with "
        "target.allow_shared_gpu=true"
    )
    return Flaw("gpu_shared", detail)


def _processes(record: Record) -> tuple[Process, ...]:
    return record.run.processes if record.run else ()


def disturbed(process: Process, plan: Plan, *, rehearsal: bool = False) -> str:
    """What disturbed a process past the plan's limits, in words; empty when nothing did.

    In a `rehearsal` a quota of processor time is what was asked for, and disturbs nothing.
    """
    noise = process.noise
    told = [] if noise is None else _cpu_troubles(noise, plan, rehearsal=rehearsal)
    return ", ".join([*told, *(one for gpu in process.gpus for one in troubles(gpu))])


def _cpu_troubles(noise: Noise, plan: Plan, *, rehearsal: bool) -> list[str]:
    told = []
    if noise.others is not None and noise.others > plan.max_other_cpu:
        told.append(f"other processes took {noise.others:.0%} of the processors")
    if noise.steal is not None and noise.steal > plan.max_steal:
        told.append(f"the hypervisor took {noise.steal:.0%}")
    if noise.throttled:
        told.append("the processor was throttled")
    if noise.held_back and not rehearsal:
        told.append(f"a quota of processor time stopped it {noise.held_back:,} times")
    low, nominal = noise.frequency_low, noise.frequency_nominal
    if low is not None and nominal and low < SLOW_CLOCK * nominal:
        told.append(f"the clock fell to {low / nominal:.0%} of its nominal frequency")
    return told


def disturbances(record: Record) -> tuple[str, ...]:
    """What disturbed each process that was disturbed, in words."""
    rehearsal = record.spec.target.rehearsal
    return tuple(
        f"process {number}: {why}"
        for number, process in enumerate(_processes(record))
        if (why := disturbed(process, record.spec.plan, rehearsal=rehearsal))
    )


@metric(
    unit="1",
    lower_is_better=None,
    title="Check: repeated sample against different ones",
    titre="Contrôle : échantillon répété face à des échantillons variés",
)
def repeated_ratio(record: Record) -> Measure:
    """Time of the same sample again and again over that of different ones; 1 where no cache is."""
    found = ratio(record, "check:repeated_ns")
    if not isinstance(found, Value) or found.high >= FASTER:
        return found
    if (new := not_remembered(record)) is None:
        return found
    note = (
        f"samples never seen take {new.low:.0%} to {new.high:.0%} of the time of those "
        "timed: their answers are not remembered"
    )
    return msgspec.structs.replace(found, note=note)


@metric(
    unit="1",
    lower_is_better=None,
    title="Check: second seed against the first",
    titre="Contrôle : seconde graine face à la première",
)
def reseeded_ratio(record: Record) -> Measure:
    """Time of samples drawn with another seed over that of the run's own."""
    return ratio(record, "check:reseeded_ns")


@metric(
    unit="1",
    lower_is_better=False,
    title="Check: answers while timing equal to the accuracy pass",
    titre="Contrôle : réponses chronométrées égales à celles de la passe d'exactitude",
    maximum=1.0,
)
def answers_agree(record: Record) -> Measure:
    """Share of the answers read at random after timed calls that are those of the accuracy pass."""
    if (gone := no_run(record)) is not None:
        return gone
    seen = [process.answered for process in _processes(record) if process.answered]
    compared = sum(one.compared for one in seen)
    if not compared:
        return Missing(reason="not_checked", detail="no answer could be read while timing")
    alike = compared - sum(one.differing for one in seen)
    low, high = wilson(alike, compared)
    return Value(
        estimate=alike / compared,
        unit="1",
        low=float(low),
        high=float(high),
        n=compared,
        method="counted",
        interval="wilson",
    )


def _worst(record: Record, shares: list[float | None], lacking: str) -> Measure:
    """The largest share that a process saw, between the smallest and itself."""
    if (gone := no_run(record)) is not None:
        return gone
    seen = [share for share in shares if share is not None]
    if not seen:
        return Missing(reason="not_observed", detail=lacking)
    return Value(
        estimate=max(seen),
        unit="1",
        low=min(seen),
        high=max(seen),
        n=len(seen),
        method="counted",
        interval="range_of_processes",
    )


@metric(
    unit="1",
    lower_is_better=True,
    title="Processors' time taken by others",
    titre="Temps des processeurs pris par d'autres",
    maximum=1.0,
)
def other_cpu(record: Record) -> Measure:
    """The largest share of the processors that other processes took while one was timed."""
    shares = [process.noise.others for process in _processes(record) if process.noise]
    return _worst(record, shares, "this system does not show what other processes take")


@metric(
    unit="1",
    lower_is_better=True,
    title="Processors' time taken by the hypervisor",
    titre="Temps des processeurs pris par l'hyperviseur",
    maximum=1.0,
)
def steal(record: Record) -> Measure:
    """The largest share of the processors that a hypervisor took while a process was timed."""
    shares = [process.noise.steal for process in _processes(record) if process.noise]
    return _worst(record, shares, "this system does not show what a hypervisor takes")


@metric(
    unit="1",
    lower_is_better=True,
    title="Queries never answered",
    titre="Requêtes restées sans réponse",
    maximum=1.0,
)
def unserved(record: Record) -> Measure:
    """Share of the queries of the server scenario that were due and never asked."""
    if (gone := no_run(record)) is not None:
        return gone
    if record.spec.plan.scenario != "server":
        return Missing(reason="other_scenario", detail="only a server can leave queries waiting")
    left = sum(process.unserved for process in _processes(record))
    asked = left + sum(process.queries for process in _processes(record))
    if not asked:
        return Missing(reason="not_observed", detail="no query was due")
    low, high = wilson(left, asked)
    return Value(
        estimate=left / asked,
        unit="1",
        low=float(low),
        high=float(high),
        n=asked,
        method="counted",
        interval="wilson",
    )
