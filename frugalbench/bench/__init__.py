"""Make a model run, with the stopwatch in hand. The only module that does.

The timed span holds the call and nothing else: inputs and outputs are bound before, energy meters
are read between windows, garbage collection is off. Accuracy, latency and energy come from the
same open session.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from frugalbench import host, inputs, meters, runners
from frugalbench.bench._rows import Progress, answer_rows
from frugalbench.jobs import Job, assemble, prepare
from frugalbench.record import Memory, Record, Run, Window
from frugalbench.spec import Plan, Spec

__all__ = ["Meters", "Progress", "Started", "measure", "run", "timed_loop"]

Array = npt.NDArray[Any]

VARIED_INPUTS = 64
SETTLING_CALLS = 3
Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Started:
    """When this process began, if it is fresh: `spawned_ns` on the monotonic clock."""

    spawned_ns: int | None = None
    entered_ns: int | None = None


@dataclass(slots=True)
class Meters:
    """The meters that opened, and what each read at the last window edge."""

    opened: dict[str, meters.Meter] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    last: dict[str, meters.Reading] = field(default_factory=dict)

    def mark(self) -> None:
        """Read every meter: the next window starts here."""
        self.last = {name: meter.read() for name, meter in self.opened.items()}

    def window(self, calls: int, seconds: float) -> list[Window]:
        """The energy since the last mark; a lost reading gives a window without joules."""
        before, windows = self.last, []
        self.mark()
        for name, meter in self.opened.items():
            for domain, now in self.last[name].items():
                then = before[name].get(domain)
                joules = None if now is None or then is None else now - then
                # Each edge may be one update period stale; twice the mean power bounds both.
                error = 2 * meter.period * (joules or 0.0) / seconds if seconds > 0 else 0.0
                windows.append(
                    Window(
                        meter=name,
                        domain=domain,
                        method=meter.method,
                        calls=calls,
                        seconds=seconds,
                        joules=joules,
                        error=error,
                        reason="" if joules is not None else f"{name} could not be read",
                    )
                )
        return windows


def run(spec: Spec, progress: Progress | None = None) -> Record:
    """Measure in this very process: for tests and notebooks that cannot start another one.

    Memory then includes everything the process already held, and there is no cold start. Prefer
    `frugalbench.run`, which measures in a fresh process.

    Raises:
        UsageError: the question does not fit the model or the data.
        MeasurementError: the model cannot be run.
    """
    prepared = prepare(spec)
    seen, arrays = measure(prepared.job, prepared.feed, progress or (lambda stage, share: None))
    return assemble(prepared, seen, arrays)


def measure(
    job: Job, feed: Mapping[str, Array], progress: Progress, started: Started | None = None
) -> tuple[Run, dict[str, Array]]:
    """Open the model, answer the rows, then time calls in energy windows.

    Args:
        job: what to do.
        feed: every row of every input, row axis first.
        progress: called now and then with a stage and the share done.
        started: when this process began, if it was started for this job.

    Returns:
        What was observed, and its arrays: `latency_ns`, and `output` where there are rows.

    Raises:
        MeasurementError: the model cannot be opened or run.
    """
    progress("load", 0.0)
    opened = _open(job, feed, started or Started())
    session = opened.session
    arrays, told = answer_rows(job, feed, session, progress)
    calls = _bound_calls(job, feed, session)
    warm = _warm_up(calls, job.spec.plan)
    reading = _open_meters(job)
    try:
        latencies, windows = timed_loop(calls, job.spec.plan, reading, progress)
    finally:
        for meter in reading.opened.values():
            meter.close()
    arrays["latency_ns"] = latencies
    seen = Run(
        runner=job.spec.model.runner,
        provider=session.provider,
        inputs=cast(Literal["data", "generated"], job.inputs),
        io_binding=session.bound,
        import_seconds=opened.import_ns * 1e-9,
        load_seconds=opened.load_ns * 1e-9,
        first_call_seconds=opened.first_call_ns * 1e-9,
        cold_start_seconds=None if opened.cold_ns is None else opened.cold_ns * 1e-9,
        warmup_calls=warm,
        batch=job.batch,
        memory=opened.memory,
        windows=tuple(windows),
        notes=(*told, *reading.notes),
    )
    return seen, arrays


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
    for _ in range(SETTLING_CALLS):
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


def _bound_calls(
    job: Job, feed: Mapping[str, Array], session: runners.Session
) -> list[Callable[[], object]]:
    """Calls bound to varied rows, drawn with the plan's seed, so that no cache can help.

    Binding runs the model, so a slow model gets fewer: as many as fit in the warm-up's time.
    """
    total = min(len(array) for array in feed.values())
    rng = np.random.default_rng(job.spec.plan.seed)
    until, calls = time.perf_counter() + job.spec.plan.warmup_seconds, []
    for start in rng.permutation(max(1, total - job.batch + 1))[:VARIED_INPUTS]:
        calls.append(session.bind(inputs.rows_of(job.ports, feed, int(start), job.batch)))
        if time.perf_counter() > until:
            break
    return calls


def _warm_up(calls: Sequence[Callable[[], object]], plan: Plan) -> int:
    until, count = time.perf_counter() + plan.warmup_seconds, 0
    while time.perf_counter() < until:
        calls[count % len(calls)]()
        count += 1
    return count


def _open_meters(job: Job) -> Meters:
    opened, notes = {}, []
    for name in job.spec.target.meters:
        meter = meters.open_meter(name, job.spec.target)
        if isinstance(meter, meters.Unavailable):
            notes.append(f"meter {name}: {meter.reason}")
        else:
            opened[name] = meter
    return Meters(opened, notes)


def timed_loop(
    calls: Sequence[Callable[[], object]],
    plan: Plan,
    reading: Meters,
    progress: Progress,
    clock: Clock = time.perf_counter_ns,
) -> tuple[npt.NDArray[np.int64], list[Window]]:
    """Time calls one after the other, in equal windows between readings of the meters.

    Each window holds at least one call and ends at its share of `plan.max_seconds` or of
    `plan.max_calls`. `clock` gives nanoseconds and never goes back.

    Returns:
        Every call's time in ns, and the energy windows.
    """
    latencies: list[int] = []
    windows: list[Window] = []
    add, turn = latencies.append, len(calls)
    share_ns = int(plan.max_seconds * 1e9 / plan.windows)
    share_calls = max(1, plan.max_calls // plan.windows)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(plan.windows):
            reading.mark()
            begin = end = clock()
            deadline, done = begin + share_ns, 0
            while not done or (end < deadline and done < share_calls):
                call = calls[len(latencies) % turn]
                start = clock()
                call()
                end = clock()
                add(end - start)
                done += 1
            windows += reading.window(done, (end - begin) * 1e-9)
            progress("time", (number + 1) / plan.windows)
    finally:
        if collecting:
            gc.enable()
    return np.array(latencies, np.int64), windows
