"""Make a model run, with the stopwatch in hand. The only module that does.

The timed span holds the call and nothing else: inputs and outputs are bound before, energy meters
are read between windows, answers are looked at between stretches, garbage collection is off.
Accuracy, latency and energy come from the same open session.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy.typing as npt

from frugalbench import host, inputs, runners
from frugalbench.bench._alike import sketch
from frugalbench.bench._checks import Watch, check_rounds
from frugalbench.bench._meters import Edge, Meters, open_meters
from frugalbench.bench._queries import Queries, bind, bind_all, draw, find_batch
from frugalbench.bench._rows import Progress, Rows, answer_rows
from frugalbench.bench._timed import Timed, idle, timed_run
from frugalbench.bench._traffic import Order, Tape, closed_loop, draw_order
from frugalbench.bench._warmup import warm_up
from frugalbench.jobs import Job, assemble, prepare
from frugalbench.record import Memory, Process, Record, Run, Warmup, Window
from frugalbench.spec import Spec

__all__ = [
    "Edge",
    "Meters",
    "Order",
    "Progress",
    "Started",
    "Tape",
    "closed_loop",
    "draw_order",
    "measure",
    "run",
    "timed_run",
]

Array = npt.NDArray[Any]

SETTLING_CALLS = 3
ROWS_SHARE, WARM_SHARE, IDLE_SHARE, CHECK_SHARE, BIND_SHARE = 0.5, 0.15, 0.1, 0.15, 0.1
OTHER_SEED = 2**32
"""Past every seed that a process draws with."""
MOST_CHECK_SECONDS, MOST_METER_SECONDS = 5.0, 10.0


@dataclass(frozen=True, slots=True)
class Started:
    """When this process began, if it is fresh: `spawned_ns` on the monotonic clock."""

    spawned_ns: int | None = None
    entered_ns: int | None = None


def run(spec: Spec, progress: Progress | None = None) -> Record:
    """Measure in this very process: for tests and notebooks that cannot start another one.

    There is then one process, whatever the plan says; memory includes everything it already held,
    and there is no cold start. Prefer `frugalbench.run`, which measures in fresh processes.

    Raises:
        UsageError: the question does not fit the model or the data.
        MeasurementError: the model cannot be run.
    """
    report = progress or (lambda stage, share: None)
    with tempfile.TemporaryDirectory(prefix="frugalbench-") as folder:
        prepared = prepare(spec, Path(folder))
        seen, arrays = measure(prepared.job, prepared.feed, report)
        return assemble(prepared, seen, arrays)


def measure(
    job: Job, feed: Mapping[str, Array], progress: Progress, started: Started | None = None
) -> tuple[Run, dict[str, Array]]:
    """Open the model, answer the rows, then time queries in energy windows.

    Args:
        job: what to do; only process 0 answers rows and makes the checks.
        feed: every row of every input, row axis first.
        progress: called now and then with a stage and the share done.
        started: when this process began, if it was started for this job.

    Returns:
        What this process observed, and its arrays: `latency_ns`, and of process 0 `output` where
        there are rows, the rounds of the checks, and the batches that were tried.

    Raises:
        MeasurementError: the model cannot be opened or run.
    """
    deadline = job.deadline or time.monotonic() + job.spec.plan.max_seconds
    progress("load", 0.0)
    opened = _open(job, feed, started or Started())
    first = job.process == 0
    rows = Rows({})
    if first:
        allowed = ROWS_SHARE * max(0.0, deadline - time.monotonic())
        rows = answer_rows(
            job, feed, opened.session, progress, allowed, opened.first_call_ns * 1e-9
        )
    now = time.monotonic()
    budget = _Budget(job, now + (deadline - now) / job.left)
    asked = _ask(job, feed, opened.session, rows, budget)
    meters = open_meters(job.spec.target)
    try:
        seen, arrays = _watched_run(job, opened, asked, meters, budget, progress)
    finally:
        meters.close()
    arrays |= {**rows.arrays, **asked.arrays}
    if rows.chosen is not None:
        arrays["chosen"] = rows.chosen
    notes = (*rows.notes, *asked.notes, *meters.notes)
    return _run(job, opened.session, asked.queries, seen, notes), arrays


class _Budget:
    """How long each step of a process may take, so that all end in time."""

    def __init__(self, job: Job, until: float) -> None:
        """Share the time until `until` (monotonic, s) among the steps."""
        self._plan = job.spec.plan
        self._until = until
        self.total = max(0.0, until - time.monotonic())

    def left(self) -> float:
        """Seconds until the end."""
        return max(0.0, self._until - time.monotonic())

    @property
    def bind(self) -> float:
        """For binding inputs."""
        return min(self._plan.warmup_seconds, BIND_SHARE * self.total)

    @property
    def warmup(self) -> float:
        """For warming up."""
        return min(self._plan.warmup_seconds, WARM_SHARE * self.total)

    @property
    def idle(self) -> float:
        """For standing idle, before and after."""
        return min(self._plan.idle_seconds, IDLE_SHARE * self.total)

    @property
    def checks(self) -> float:
        """For the rounds of the checks."""
        return min(MOST_CHECK_SECONDS, CHECK_SHARE * self.total)

    def timed(self, needed: float) -> tuple[float, float]:
        """For timing: how long to time, and the most it may take; `needed` is what meters need."""
        room = max(0.0, self.left() - self.idle)
        wanted = max(self._plan.process_seconds, self._plan.min_seconds)
        wanted = max(wanted, min(needed, MOST_METER_SECONDS))
        return min(wanted, room), room


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, what it should answer, and samples drawn with another seed."""

    queries: Queries
    known: Callable[[int], Mapping[str, Array] | None]
    others: Queries | None = None
    arrays: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _ask(
    job: Job, feed: Mapping[str, Array], session: runners.Session, rows: Rows, budget: _Budget
) -> _Asked:
    seed = job.spec.plan.seed + job.process
    if job.spec.plan.scenario == "offline":
        batch, tried = find_batch(job, feed, session, budget.bind)
        queries, notes = bind_all(job, feed, session, seed, batch)
        known = queries.answers(job.watched, 0.0)
        return _Asked(queries, known.__getitem__, None, tried if job.process == 0 else {}, notes)
    bounds = bind(job, feed, session)
    queries = draw(job, feed, bounds, seed)
    others = draw(job, feed, bounds, seed + OTHER_SEED)
    from_pass = _from_pass(job, queries, rows)
    if from_pass is not None:
        return _Asked(queries, from_pass, others)
    known = queries.answers(job.watched, budget.bind)
    return _Asked(queries.only(len(known)), known.__getitem__, others)


def _from_pass(
    job: Job, queries: Queries, rows: Rows
) -> Callable[[int], Mapping[str, Array] | None] | None:
    """What the accuracy pass answered to a sample; None when not every row was answered."""
    answer = job.answer
    lengths = {len(one) for one in rows.arrays.values()}
    if answer is None or rows.chosen is not None or lengths != {job.rows}:
        return None
    names = tuple(zip(answer.outputs, ("output", "labels"), strict=False))

    def known(sample: int) -> Mapping[str, Array] | None:
        start = queries.starts[sample]
        if start + queries.batch > job.rows:
            return None
        stop = start + queries.batch
        return {name: sketch(rows.arrays[part][start:stop]) for name, part in names}

    return known


def _watched_run(
    job: Job,
    opened: "_Opened",
    asked: _Asked,
    meters: Meters,
    budget: _Budget,
    progress: Progress,
) -> tuple[tuple[Process, list[Window]], dict[str, Array]]:
    """Idle, warm up, check, time, idle again."""
    plan, queries = job.spec.plan, asked.queries
    seed = plan.seed + job.process
    progress("idle", 0.0)
    windows = idle(meters, budget.idle, "idle_before")
    progress("warm-up", 0.0)
    warm, call_seconds = warm_up(queries.run, queries.places, budget.warmup)
    arrays: dict[str, Array] = {}
    if job.process == 0 and asked.others is not None:
        progress("check", 0.0)
        arrays |= check_rounds(
            queries.run, queries.places, asked.others.places, seed, budget.checks, call_seconds
        )
    seconds, room = budget.timed(meters.needed_seconds)
    expected = _expected(job, seconds, call_seconds)
    order = draw_order(queries.run, queries.places, seed, expected)
    watch = Watch(queries.last, job.watched, asked.known)
    timed = timed_run(order, plan, meters, watch.look, progress, seconds, room)
    windows += [*timed.windows, *idle(meters, budget.idle, "idle_after")]
    arrays["latency_ns"] = timed.tape.array()
    return (_process(job, opened, warm, timed, watch), windows), arrays


def _expected(job: Job, seconds: float, call_seconds: float) -> float:
    qps = job.spec.plan.target_qps
    if job.spec.plan.scenario == "server" and qps is not None:
        return seconds * qps
    return seconds / max(call_seconds, 1e-9)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A session that has answered once, how long each step to it took, and what it weighs."""

    session: runners.Session
    import_ns: int
    load_ns: int
    first_call_ns: int
    cold_ns: int | None
    memory: Memory | None


def _open(job: Job, feed: Mapping[str, Array], begun: Started) -> _Opened:
    """Import the runtime, open the model, call it once and a few times more."""
    entered = begun.entered_ns or time.monotonic_ns()
    runners.load(job.spec.model.runner)
    imported, memory_imported = time.monotonic_ns(), host.peak_memory()
    session = runners.open_session(job.spec.model, job.spec.target)
    loaded, memory_loaded = time.monotonic_ns(), host.peak_memory()
    first = inputs.rows_of(job.ports, feed, 0, job.batch)
    answer = job.answer.outputs if job.answer else ()
    before = time.monotonic_ns()
    session.predict(first, answer)
    first_call = time.monotonic_ns() - before
    for _ in range(SETTLING_CALLS if first_call < 1e9 else 0):
        session.predict(first, answer)
    cold = None
    if begun.spawned_ns is not None:
        cold = loaded - begun.spawned_ns + first_call
    # Memory is read before the whole data pass through and before the meters are imported:
    # neither is the model's own.
    memory = _memory(memory_imported, memory_loaded, host.peak_memory())
    return _Opened(session, imported - entered, loaded - imported, first_call, cold, memory)


def _memory(imported: int | None, loaded: int | None, ran: int | None) -> Memory | None:
    if imported is None or loaded is None or ran is None:
        return None
    return Memory(after_import=imported, after_load=loaded, after_run=ran)


def _process(job: Job, opened: _Opened, warm: Warmup, timed: Timed, watch: Watch) -> Process:
    return Process(
        order=job.spec.plan.seed + job.process,
        import_seconds=opened.import_ns * 1e-9,
        load_seconds=opened.load_ns * 1e-9,
        first_call_seconds=opened.first_call_ns * 1e-9,
        cold_start_seconds=None if opened.cold_ns is None else opened.cold_ns * 1e-9,
        warmup=warm,
        memory=opened.memory,
        queries=timed.tape.total,
        kept=len(timed.tape.kept),
        seconds=timed.seconds,
        unserved=timed.unserved,
        noise=timed.noise,
        answered=watch.answered(),
    )


def _run(
    job: Job,
    session: runners.Session,
    queries: Queries,
    seen: tuple[Process, list[Window]],
    notes: tuple[str, ...],
) -> Run:
    process, windows = seen
    return Run(
        runner=job.spec.model.runner,
        provider=session.provider,
        inputs=cast(Literal["data", "generated"], job.inputs),
        io_binding=session.bound,
        batch=queries.batch,
        samples=queries.samples,
        inputs_used=max(len(queries.places), queries.samples),
        processes=(process,),
        windows=tuple(windows),
        notes=notes,
    )
