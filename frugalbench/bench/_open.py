"""Open a model in this process, timing and weighing each step to its first answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from frugalbench import host, inputs, runners
from frugalbench.jobs import Job
from frugalbench.record import Memory

__all__ = ["Opened", "Started", "open_model"]

Array = npt.NDArray[Any]
SETTLING_CALLS = 3
SLOW_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Started:
    """When this process began, if it is fresh: `spawned_ns` on the monotonic clock."""

    spawned_ns: int | None = None
    entered_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has answered once, how long each step to it took, and what it weighs.

    `bound` is the call that gave the first answer.
    """

    session: runners.Session
    bound: runners.Bound
    import_ns: int
    load_ns: int
    first_call_ns: int
    cold_ns: int | None
    memory: Memory | None


def open_model(job: Job, feed: Mapping[str, Array], begun: Started) -> Opened:
    """Import the runtime, open the model, call it once and a few times more."""
    entered = begun.entered_ns or time.monotonic_ns()
    runners.load(job.spec.model.runner)
    imported, memory_imported = time.monotonic_ns(), host.peak_memory()
    session = runners.open_session(job.spec.model, job.spec.target)
    loaded, memory_loaded = time.monotonic_ns(), host.peak_memory()
    first = inputs.rows_of(job.ports, feed, 0, job.batch)
    before = time.monotonic_ns()
    bound = session.bind(first)
    first_call = time.monotonic_ns() - before
    for _ in range(SETTLING_CALLS if first_call < SLOW_NS else 0):
        bound.run()
    cold = None
    if begun.spawned_ns is not None:
        cold = loaded - begun.spawned_ns + first_call
    # Memory is read before the whole data pass through and before the meters are imported:
    # neither is the model's own.
    memory = _memory(memory_imported, memory_loaded, host.peak_memory())
    return Opened(session, bound, imported - entered, loaded - imported, first_call, cold, memory)


def _memory(imported: int | None, loaded: int | None, ran: int | None) -> Memory | None:
    if imported is None or loaded is None or ran is None:
        return None
    return Memory(after_import=imported, after_load=loaded, after_run=ran)
