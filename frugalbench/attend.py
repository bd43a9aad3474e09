"""Start a worker, follow what it says, and end it when it is silent or late."""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from frugalbench.bench import Progress
from frugalbench.jobs import Job
from frugalbench.record import Failure
from frugalbench.spec import Plan

__all__ = ["ERRORS", "FAILURE", "JOB", "RUN", "attend", "outcome"]

JOB, RUN, FAILURE, ERRORS = "job.json", "run.json", "failure.json", "stderr.txt"
FULL_DISK = 1024**2


def attend(
    folder: Path,
    job: Job,
    late: float,
    progress: Progress,
    begun: Callable[[int], None] = lambda pid: None,
) -> Failure | None:
    """Start the worker, pass its progress on, and end it when it is silent or `late` (s).

    `begun` is told the worker's process as soon as there is one.
    """
    plan = job.spec.plan
    silence = plan.limit_seconds + plan.process_seconds / plan.windows
    read_end, write_end = os.pipe()
    with (folder / ERRORS).open("wb") as errors:
        command = [sys.executable, "-P", "-m", "frugalbench.worker", str(folder), str(write_end)]
        child = subprocess.Popen(
            [*command, str(time.monotonic_ns())],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            pass_fds=(write_end,),
            start_new_session=True,
        )
    os.close(write_end)
    try:
        begun(child.pid)
        if not _follow(read_end, silence, late, progress):
            return _given_up(plan, late)
        child.wait(timeout=max(1.0, min(silence, late - time.monotonic())))
    except subprocess.TimeoutExpired:
        return Failure(kind="hang", detail="the worker finished but did not end")
    finally:
        os.close(read_end)
        _end(child)
    return outcome(folder, child.returncode)


def _given_up(plan: Plan, late: float) -> Failure:
    if time.monotonic() >= late:
        detail = (
            f"the measurement was not over after plan.max_seconds={plan.max_seconds:g}; raise it, "
            "or use a smaller model or batch"
        )
        return Failure(kind="time_limit", detail=detail)
    detail = (
        f"the worker gave no sign of life for {plan.limit_seconds:.0f} s; raise plan.limit_seconds"
    )
    return Failure(kind="hang", detail=detail)


def _follow(read_end: int, silence: float, late: float, progress: Progress) -> bool:
    """Pass progress on until the worker closes the pipe; False when it falls silent, or is late."""
    with selectors.DefaultSelector() as selector:
        selector.register(read_end, selectors.EVENT_READ)
        text = b""
        while selector.select(max(0.0, min(silence, late - time.monotonic()))):
            received = os.read(read_end, 4096)
            if not received:
                return True
            *lines, text = (text + received).split(b"\n")
            for line in lines:
                with contextlib.suppress(msgspec.DecodeError):
                    stage, share = msgspec.json.decode(line, type=tuple[str, float])
                    progress(stage, share)
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the worker and whatever it started; nothing stays behind, whatever interrupted us."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def outcome(folder: Path, code: int) -> Failure | None:
    """What a worker that has ended leaves: its own failure, one read off its end, or none."""
    if (folder / FAILURE).exists():
        return msgspec.json.decode((folder / FAILURE).read_bytes(), type=Failure)
    if code == 0 and (folder / RUN).exists():
        return None
    said = _last_words(folder / ERRORS)
    if code == -signal.SIGKILL or "bad_alloc" in said or "MemoryError" in said:
        detail = f"the worker ran out of memory or was killed by the system{said and ': ' + said}"
        return Failure(kind="out_of_memory", detail=detail)
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    if shutil.disk_usage(folder).free < FULL_DISK:
        how += f"; the disk of {folder.parent} is full, free some space or set TMPDIR"
    return Failure(kind="crash", detail=f"the worker crashed ({how}){said and ': ' + said}")


def _last_words(file: Path) -> str:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 4096))
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
