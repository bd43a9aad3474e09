"""Measure in a fresh process, which may crash, hang or run out of memory without taking us along.

The parent prepares the job, writes it to a temporary folder and starts `python -m
frugalbench.worker FOLDER`. The child measures, sends progress through a pipe of its own (the
model may print what it likes), and leaves its observations in the folder.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from frugalbench import bench, board, host, rehearse
from frugalbench.assembly import assemble, failed
from frugalbench.attend import FAILURE, JOB, RUN, attend
from frugalbench.beside import Contender, contenders, with_baselines
from frugalbench.context import with_context
from frugalbench.errors import FrugalbenchError, MeasurementError
from frugalbench.gather import Gathered
from frugalbench.jobs import Job, Prepared, prepare
from frugalbench.members import members
from frugalbench.metrics import validity
from frugalbench.record import Failure, Record, Run
from frugalbench.spec import Spec, Target
from frugalbench.spool import read_arrays, write_arrays
from frugalbench.whole import write_whole

__all__ = ["main", "run"]

FREE_SHARE = 0.9
PR_SET_PDEATHSIG = 1
GRACE = 1.0
"""Seconds past the deadline before a worker is ended: it knows the deadline itself."""
LEAST_TIMED, LEAST_QUERIES = 0.2, 3
ENDING, ENDING_SHARE = 0.7, 0.05
METERS_SECONDS = 2.0
"""What opening the meters takes at most, about."""


def run(spec: Spec, progress: bench.Progress | None = None) -> Record:
    """Measure a model in fresh processes on this machine, one after the other.

    A first worker that crashes, hangs or runs out of memory does not raise: its record holds the
    `failure` and no run, so that the attempt is kept as evidence too. A later one leaves a note.
    Baselines are fitted before, and measured after the model, each in the time of the plan.

    Raises:
        UsageError: the question does not fit the model or the data; nothing was started.
        MeasurementError: no worker could be started.
    """
    report = progress or (lambda stage, share: None)
    rehearse.check(spec.target)
    begun = time.monotonic()
    report("prepare", 0.0)
    with tempfile.TemporaryDirectory(prefix="frugalbench-") as name:
        folder = Path(name)
        prepared = prepare(spec, folder)
        spent = time.monotonic() - begun
        if spec.baselines:
            report("fit", 0.0)
        beside = contenders(prepared, folder)
        with _place(spec.target, report) as place:
            deadline = time.monotonic() + spec.plan.max_seconds - spent
            return _record(prepared, beside, folder, deadline, place, report)


class _Here:
    """This machine, as a place where a worker runs."""

    machine = None
    attend = staticmethod(attend)


def _place(target: Target, report: bench.Progress) -> contextlib.AbstractContextManager[Any]:
    """Where workers run: this machine, or the board that the target names."""
    if target.rehearsal:
        return rehearse.Rehearsal(target)
    if target.host is None:
        return contextlib.nullcontext(_Here)
    report("connect", 0.0)
    return board.Board(target)


def _record(
    prepared: Prepared,
    beside: tuple[Contender, ...],
    folder: Path,
    deadline: float,
    place: Any,
    report: bench.Progress,
) -> Record:
    """Measure the model and then the baselines, and put the record together."""
    _write_feed(prepared, folder)
    seen = _Workers(prepared, folder, deadline, report, place).measured()
    if isinstance(seen, Failure):
        return failed(prepared, seen, place.machine)
    chosen = seen[1].get("chosen")
    record = assemble(prepared, *seen, place.machine)
    if prepared.data is not None:
        report("context", 0.0)
        record = with_context(record, prepared, chosen)
    return with_baselines(
        record, beside, chosen, lambda one, ready: _beside(one, ready, folder, place, report)
    )


def _beside(
    one: Contender, ready: Prepared, folder: Path, place: Any, report: bench.Progress
) -> tuple[Run, dict[str, Any]] | Failure:
    """Measure a baseline as the model was."""
    deadline = time.monotonic() + ready.job.spec.plan.max_seconds
    _write_feed(ready, folder)

    def progress(stage: str, share: float) -> None:
        report(f"{one.name}: {stage}", share)

    return _Workers(ready, folder, deadline, progress, place).measured()


class _Workers:
    """Fresh processes, one after the other, until the plan has what it asks for."""

    def __init__(
        self,
        prepared: Prepared,
        folder: Path,
        deadline: float,
        progress: bench.Progress,
        place: Any,
    ) -> None:
        """Measure in `folder` until `deadline` (monotonic clock, s), with workers at a place."""
        self._place = place
        self._prepared = prepared
        self._plan = prepared.job.spec.plan
        self._folder = folder
        self._deadline = deadline
        self._progress = progress
        self._gathered = Gathered()
        self._least = 0.0

    def measured(self) -> tuple[Run, dict[str, Any]] | Failure:
        """Run the processes and put together what they saw, or say why there is nothing."""
        tries = self._plan.retries
        number = 0
        while number == 0 or self._another(number):
            begun = time.monotonic()
            failure = self._attend(number)
            if failure is not None and not self._gathered.fall_back(number, failure):
                return failure
            if failure is not None:
                break
            seen = msgspec.json.decode((self._folder / RUN).read_bytes(), type=Run)
            self._note_start(begun, number, seen)
            if tries and (why := self._disturbed(seen)):
                tries -= 1
                if self._time_for_another():
                    self._gathered.discard(number, seen, _left(self._folder), why)
                    continue
            self._gathered.add(number, seen, _left(self._folder))
            number += 1
        self._gathered.short_of(self._plan.processes)
        return self._gathered.run()

    def _disturbed(self, seen: Run) -> str:
        rehearsal = self._prepared.job.spec.target.rehearsal
        return validity.disturbed(seen.processes[0], self._plan, rehearsal=rehearsal)

    def _attend(self, number: int) -> Failure | None:
        job = msgspec.structs.replace(
            self._prepared.job,
            process=number,
            # A process needs a moment to end, and its results one to be read.
            deadline=self._deadline - min(ENDING, ENDING_SHARE * self._plan.max_seconds),
            left=max(1, self._plan.processes - number),
        )
        for left in (RUN, FAILURE, "more.json"):
            (self._folder / left).unlink(missing_ok=True)
        (self._folder / JOB).write_bytes(msgspec.json.encode(job))
        failure: Failure | None = self._place.attend(
            self._folder, job, self._deadline + GRACE, self._progress
        )
        if failure is None or number or not (self._folder / RUN).exists():
            return failure
        self._gathered.notes.append(f"the extra passes were not ended: {failure.detail}")
        return None

    def _note_start(self, begun: float, number: int, seen: Run) -> None:
        """Remember what a process takes at least: its start, and a few queries."""
        process = seen.processes[0]
        queries = LEAST_QUERIES * process.seconds / max(1, process.queries)
        start = time.monotonic() - begun - process.seconds
        if number == 0:
            # The first one also answered rows and made checks, which the others do not.
            start = min(start, (process.cold_start_seconds or 0.0) + METERS_SECONDS)
        self._least = start + max(LEAST_TIMED, queries)

    def _time_for_another(self) -> bool:
        # A process whose start would eat the time that is left says nothing.
        return self._deadline - time.monotonic() > self._least

    def _another(self, number: int) -> bool:
        """Whether one more process is called for, and there is time for it."""
        if number >= max(self._plan.processes, self._plan.max_processes):
            self._gathered.unreached(wanting=self._wanting())
            return False
        if number >= self._plan.processes and not self._wanting():
            return False
        if self._time_for_another():
            return True
        self._gathered.unreached(wanting=self._wanting())
        return False

    def _wanting(self) -> bool:
        """Whether a wanted half-width is not reached yet."""
        wanted = {0.5: self._plan.half_width_p50, 0.99: self._plan.half_width_p99}
        return any(
            width is not None and self._gathered.half_width(p) > width
            for p, width in wanted.items()
        )


def _write_feed(prepared: Prepared, folder: Path) -> None:
    try:
        write_arrays(prepared.feed, folder, "in")
        truth = prepared.truth
        write_arrays({} if truth is None else {"truth": truth}, folder, "truth")
        trained = members(prepared)
        write_arrays(trained.feed if trained else {}, folder, "trained")
    except OSError as error:
        raise MeasurementError(
            f"the inputs cannot be written to {folder.parent}: {error.strerror or error}; free "
            "some space or set TMPDIR"
        ) from None


def _leave(folder: Path, seen: Run, arrays: Mapping[str, Any]) -> None:
    """Leave a run for the parent; once it is there it is whole."""
    write_arrays(arrays, folder, "out")
    write_whole(folder / RUN, msgspec.json.encode(seen))


def _left(folder: Path) -> dict[str, Any]:
    """The arrays that a worker left, with those of its extra passes where it ended them."""
    found = read_arrays(folder, "out")
    return found | (read_arrays(folder, "more") if (folder / "more.json").exists() else {})


def main(arguments: list[str]) -> int:
    """The child: measure the job in a folder, and leave the run or the failure there."""
    entered = time.monotonic_ns()
    _die_with_parent()
    folder, pipe, spawned = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    job = msgspec.json.decode((folder / JOB).read_bytes(), type=Job)
    feed, truth = read_arrays(folder, "in"), read_arrays(folder, "truth").get("truth")
    kept: dict[str, Any] = {}

    def keep(seen: Run, arrays: dict[str, Any]) -> None:
        _leave(folder, seen, arrays)
        kept.update(arrays)

    def progress(stage: str, share: float) -> None:
        os.write(pipe, msgspec.json.encode((stage, share)) + b"\n")

    spent = time.monotonic_ns() - entered
    # Reading the job is our own cost: the start is moved by it, so that it is not counted.
    started = bench.Started(spawned_ns=spawned + spent, entered_ns=entered + spent)
    try:
        rehearse.confine(job.spec.target)
        _limit_memory(job.spec.target.memory_limit)
        seen, arrays = bench.measure(
            job,
            feed,
            progress,
            started,
            truth=truth,
            trained=lambda: read_arrays(folder, "trained"),
            keep=keep,
        )
    except MemoryError:
        return _fail(folder, "out_of_memory", _memory_words(job))
    except FrugalbenchError as error:
        starved = "bad_alloc" in str(error) or "Failed to allocate" in str(error)
        if starved:
            return _fail(folder, "out_of_memory", _memory_words(job))
        return _fail(folder, "error", str(error))
    if kept:
        more = {name: one for name, one in arrays.items() if kept.get(name) is not one}
        write_arrays(more, folder, "more")
    else:
        _leave(folder, seen, arrays)
    return 0


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent goes, however the parent goes."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _fail(folder: Path, kind: Literal["error", "out_of_memory"], detail: str) -> int:
    (folder / FAILURE).write_bytes(msgspec.json.encode(Failure(kind=kind, detail=detail)))
    return 1


def _memory_words(job: Job) -> str:
    if (space := job.spec.target.address_space) is not None:
        return (
            f"model and runtime need more than {space:,} bytes of address space; raise "
            "target.address_space, which is no limit of memory, or use a smaller model"
        )
    limit = job.spec.target.memory_limit
    words = f"its limit of {limit:,} bytes" if limit else "the memory that is free here"
    return f"the model needs more than {words}; raise target.memory_limit or use a smaller model"


def _limit_memory(limit: int | None) -> None:
    """Bound the private memory of this process; by default to nine tenths of what is free."""
    free = host.available_memory()
    bound = limit or (int(free * FREE_SHARE) if free else None)
    if bound is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
