"""Make a model run, with the stopwatch in hand. The only module that does.

The timed span holds the call and nothing else: inputs and outputs are bound before, energy meters
are read between windows, answers are looked at between stretches, garbage collection is off.
Accuracy, latency and energy come from the same open session.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import cgroup, host
from frugalbench.assembly import assemble
from frugalbench.bench._asked import Asked, ask
from frugalbench.bench._budget import Budget
from frugalbench.bench._checks import Watch, block_size, check_rounds
from frugalbench.bench._members import answer_members, members_seconds
from frugalbench.bench._meters import Edge, Meters, open_meters
from frugalbench.bench._open import Opened, Started, open_model
from frugalbench.bench._probe import probe
from frugalbench.bench._probe_plan import LOST, nothing, reserve, wanted
from frugalbench.bench._rows import Progress, Rows, answer_rows
from frugalbench.bench._seen import process_seen, run_seen, unchecked
from frugalbench.bench._timed import idle, timed_run
from frugalbench.bench._traffic import Order, Tape, closed_loop, draw_order
from frugalbench.bench._warmup import warm_up
from frugalbench.beside import contenders, with_baselines
from frugalbench.context import with_context
from frugalbench.errors import UsageError
from frugalbench.jobs import Job, prepare
from frugalbench.members import members
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

ROWS_SHARE = 0.5
LEAST_WARM = 0.1
OWN_MEMORY = 16 * 1024**2
"""What keeping latencies and watching answers may take, and is not the model's."""
FOR_A_MEDIAN = 25
"""Calls' time in which eleven of them can be timed, beside all else that a process does."""


def run(spec: Spec, progress: Progress | None = None) -> Record:
    """Measure in this very process: for tests and notebooks that cannot start another one.

    There is then one process, whatever the plan says; memory includes everything it already held,
    and there is no cold start. Prefer `frugalbench.run`, which measures in fresh processes.

    Raises:
        UsageError: the question does not fit the model or the data.
        MeasurementError: the model cannot be run.
    """
    report = progress or (lambda stage, share: None)
    if spec.target.rehearsal:
        raise UsageError("a rehearsal needs a process of its own: use frugalbench.run")
    with tempfile.TemporaryDirectory(prefix="frugalbench-") as folder:
        prepared = prepare(spec, Path(folder))
        beside = contenders(prepared, Path(folder))
        asked = members(prepared)
        seen, arrays = measure(
            prepared.job,
            prepared.feed,
            report,
            truth=prepared.truth,
            trained=lambda: asked.feed if asked else {},
        )
        chosen = arrays.get("chosen")
        record = with_context(assemble(prepared, seen, arrays), prepared, chosen)
        return with_baselines(
            record, beside, chosen, lambda one, ready: measure(ready.job, ready.feed, report)
        )


def measure(
    job: Job,
    feed: Mapping[str, Array],
    progress: Progress,
    started: Started | None = None,
    *,
    truth: Array | None = None,
    trained: Callable[[], Mapping[str, Array]] = dict,
    keep: Callable[[Run, dict[str, Array]], None] = lambda seen, arrays: None,
) -> tuple[Run, dict[str, Array]]:
    """Open the model, answer the rows, time queries in energy windows, then make extra passes.

    Args:
        job: what to do; only process 0 answers rows and makes the checks.
        feed: every row of every input, row axis first.
        progress: called now and then with a stage and the share done.
        started: when this process began, if it was started for this job.
        truth: the labels of the rows, without which there are no extra passes.
        trained: gives the training rows to ask about, once the timing is over.
        keep: given what was measured before the extra passes, in which a model may crash.

    Returns:
        What this process observed, and its arrays: `latency_ns`, and of process 0 `output` where
        there are rows, the rounds of the checks, the batches that were tried, `member:output` of
        training rows, and of the extra passes their arrays and `probed`, what is known of them as
        JSON.

    Raises:
        MeasurementError: the model cannot be opened or run.
    """
    deadline = job.deadline or time.monotonic() + job.spec.plan.max_seconds
    progress("load", 0.0)
    opened = open_model(job, feed, started or Started())
    first = job.process == 0
    rows, begun = Rows({}), time.monotonic()
    if first:
        allowed = ROWS_SHARE * max(0.0, deadline - time.monotonic())
        rows = answer_rows(
            job, feed, opened.session, progress, allowed, opened.first_call_ns * 1e-9
        )
    left = deadline - time.monotonic()
    kept_for_probes = reserve(job, left) if truth is not None else 0.0
    kept_for_members = members_seconds(job, rows, time.monotonic() - begun, left)
    # Opening them takes a second or two, which is nobody's share.
    meters = open_meters(job.spec.target)
    try:
        call_seconds = opened.first_call_ns * 1e-9
        budget = Budget(
            job, _until(job, deadline - kept_for_probes - kept_for_members, call_seconds)
        )
        resting = host.restart_peak_memory()
        asked = ask(job, feed, opened, rows, budget)
        if resting is not None:
            # The drawn samples are ours, and so is what is kept of the calls.
            resting += asked.queries.held + (asked.others.held if asked.others else 0) + OWN_MEMORY
        seen, arrays = _watched_run(job, opened, asked, meters, budget, progress, resting)
    finally:
        meters.close()
    arrays |= {**rows.arrays, **asked.arrays}
    if rows.chosen is not None:
        arrays["chosen"] = rows.chosen
    notes = (*rows.notes, *asked.notes, *meters.notes)
    run = run_seen(job, opened.session, asked.queries, seen, notes)
    if kept_for_members:
        keep(run, arrays)
        arrays |= answer_members(
            job,
            trained(),
            opened.session,
            progress,
            min(deadline, time.monotonic() + kept_for_members),
            call_seconds=_call_seconds(opened, arrays["latency_ns"]),
            company=rows.company,
        )
    if truth is not None and wanted(job):
        # A model may crash in them: what was measured is safe before.
        keep(run, arrays | nothing(job, LOST))
        until = min(deadline, time.monotonic() + kept_for_probes)
        arrays |= _extra_passes(
            job, feed, truth, opened, rows, arrays["latency_ns"], progress, until
        )
    return run, arrays


def _extra_passes(
    job: Job,
    feed: Mapping[str, Array],
    truth: Array,
    opened: Opened,
    rows: Rows,
    latency_ns: Array,
    progress: Progress,
    until: float,
) -> dict[str, Array]:
    """Ask some rows again, as they are and disturbed."""
    return probe(
        job,
        feed,
        truth,
        opened.session,
        rows,
        progress,
        until,
        load_seconds=opened.load_ns * 1e-9,
        call_seconds=_call_seconds(opened, latency_ns),
    )


def _call_seconds(opened: Opened, latency_ns: Array) -> float:
    """About how long a call takes; the first one of a session may be far slower than later ones."""
    median = float(np.median(latency_ns)) if latency_ns.size else np.inf
    return 1e-9 * min(opened.first_call_ns, median)


def _until(job: Job, deadline: float, call_seconds: float) -> float:
    """When this process must be over: its share of the time, or what a median takes at least."""
    now = time.monotonic()
    left = max(0.0, deadline - now)
    return now + max(left / job.left, min(left, FOR_A_MEDIAN * call_seconds))


def _watched_run(
    job: Job,
    opened: Opened,
    asked: Asked,
    meters: Meters,
    budget: Budget,
    progress: Progress,
    resting: int | None,
) -> tuple[tuple[Process, list[Window]], dict[str, Array]]:
    """Idle, warm up, time, check, idle again."""
    plan, queries = job.spec.plan, asked.queries
    seed = plan.seed + job.process
    progress("idle", 0.0)
    windows = idle(meters, budget.idle, "idle_before")
    progress("warm-up", 0.0)
    call_seconds = opened.first_call_ns * 1e-9
    warm = Warmup(calls=0, seconds=0.0, steady=False)
    if call_seconds < max(budget.warmup, LEAST_WARM):
        warm, call_seconds = warm_up(queries.run, queries.places, budget.warmup)
    checks = budget.checks if job.process == 0 and asked.others is not None else 0.0
    checks = checks if block_size(checks, call_seconds) else 0.0
    seconds, room = budget.timed(meters.needed_seconds, call_seconds, checks)
    expected = _expected(job, seconds, call_seconds)
    order = draw_order(queries.run, queries.places, seed, expected)
    watch = Watch(queries.last, job.watched, asked.known)
    timed = timed_run(
        order, plan, meters, watch.look, progress, seconds, room, call_seconds=call_seconds
    )
    rounds: dict[str, Array] = {}
    if asked.others is not None and checks:
        progress("check", 0.0)
        checks = min(checks, budget.left() - budget.idle)
        others = asked.others
        rounds = check_rounds(
            *(queries.run, queries.places, others.places, seed, checks, call_seconds),
            unseen=others.unseen,
        )
    windows += [*timed.windows, *idle(meters, budget.idle, "idle_after"), *meters.late_windows()]
    memory = _grown(opened.memory, resting)
    if memory is not None:
        memory = msgspec.structs.replace(memory, group=cgroup.memory_peak())
    why = unchecked(job, queries, watch, rounds=bool(rounds))
    process = process_seen(job, opened, warm, timed, watch, memory, why)
    return (process, windows), {**rounds, "latency_ns": timed.tape.array()}


def _grown(memory: Memory | None, resting: int | None) -> Memory | None:
    """The first answers' peak, or what timing later samples took beyond what was held before it."""
    peak = host.peak_memory()
    if memory is None or resting is None or peak is None:
        return memory
    grown = memory.after_run + max(0, peak - resting)
    return msgspec.structs.replace(memory, after_run=max(memory.after_run, grown))


def _expected(job: Job, seconds: float, call_seconds: float) -> float:
    qps = job.spec.plan.target_qps
    if job.spec.plan.scenario == "server" and qps is not None:
        return seconds * qps
    return seconds / max(call_seconds, 1e-9)
