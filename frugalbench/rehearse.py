"""Hold this machine back, to rehearse a smaller one: fewer processors, a share of one, less space.

A rehearsal is an honest look at what a model does with less, and never a measurement of a board:
another processor has other caches, other instructions and another memory.
"""

import contextlib
import os
import resource
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from frugalbench import cgroup
from frugalbench.attend import attend
from frugalbench.bench import Progress
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.jobs import Job
from frugalbench.record import Failure
from frugalbench.spec import Target

__all__ = ["Rehearsal", "check", "confine"]

NO_GROUP = (
    "target.cpu_share needs a control group of its own, and none can be made here ({why}): start "
    "with systemd-run --user --scope -p Delegate=yes frugalbench …, or leave target.cpu_share out"
)


def check(target: Target) -> None:
    """Refuse a rehearsal that cannot be held.

    Raises:
        UsageError: it is to run on a board, or on processors that are not there.
    """
    if not target.rehearsal:
        return
    if target.host is not None:
        raise UsageError(
            "a rehearsal holds this machine back, and not a board: leave out target.host, or "
            "target.cpus, target.cpu_share and target.address_space"
        )
    known = os.sched_getaffinity(0)
    absent = sorted(set(target.cpus) - known)
    if absent:
        there = ", ".join(map(str, sorted(known)))
        raise UsageError(f"target.cpus names processor {absent[0]}; this process may use {there}")


class Rehearsal:
    """This machine, held back, as a place where a worker runs."""

    machine = None

    def __init__(self, target: Target) -> None:
        """Hold back by what the target says; nothing is done before it is entered."""
        self._target = target
        self._group: Path | None = None

    def __enter__(self) -> Self:
        """Make the group whose time is bounded, where it is to be."""
        share = self._target.cpu_share
        if share is None:
            return self
        try:
            self._group = cgroup.slowed(share, f"frugalbench-{secrets.token_hex(6)}")
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise MeasurementError(NO_GROUP.format(why=why)) from None
        if self._group is None:
            raise MeasurementError(NO_GROUP.format(why="no cpu controller is shown"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the group."""
        if self._group is not None:
            cgroup.leave(self._group)

    def attend(self, folder: Path, job: Job, late: float, progress: Progress) -> Failure | None:
        """Run the worker, held back from its first moment on."""
        return attend(folder, job, late, progress, self._hold)

    def _hold(self, pid: int) -> None:
        # What has ended already says so itself.
        with contextlib.suppress(ProcessLookupError):
            if self._target.cpus:
                os.sched_setaffinity(pid, self._target.cpus)
            if self._group is not None:
                self._join(self._group, pid)

    @staticmethod
    def _join(group: Path, pid: int) -> None:
        try:
            (group / "cgroup.procs").write_text(str(pid))
        except ProcessLookupError:
            raise
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise MeasurementError(NO_GROUP.format(why=why)) from None


def confine(target: Target) -> None:
    """In the worker: bound the address space, and make sure of the processors.

    Raises:
        MeasurementError: it runs on other processors than it was told to.
    """
    if target.cpus and os.sched_getaffinity(0) != set(target.cpus):
        raise MeasurementError(
            "the worker does not run on target.cpus alone: leave target.cpus out, or start with "
            "taskset"
        )
    if (space := target.address_space) is not None:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        bound = space if hard == resource.RLIM_INFINITY else min(space, hard)
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
