"""Look after a measurement on a board, whether or not anybody is connected."""

import fcntl
import os
import threading
import time
from pathlib import Path

import msgspec

from frugalbench import host
from frugalbench.agent._ended import Ended
from frugalbench.agent._folder import (
    ALIVE,
    ENDED,
    LOG,
    ORDER,
    PID,
    PROGRESS,
    SAID,
    File,
    Order,
    as_json,
    remove,
)
from frugalbench.attend import ERRORS, JOB, attend
from frugalbench.jobs import Job
from frugalbench.record import Failure
from frugalbench.whole import write_whole

__all__ = ["BUSY", "supervise"]

LOCK = "lock"
BUSY = "another measurement runs on this board: wait for its end"
WATCH_SECONDS = 1.0
NOT_LEFT = (JOB, ERRORS, SAID)


def supervise(folder: Path) -> None:
    """Run the worker to its end, and leave what it left, with digests."""
    begun = time.monotonic()
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)
    lock = (folder.parent / LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _leave(folder, Failure(kind="error", detail=BUSY))
        return
    threading.Thread(target=_watch, args=(folder, order.lease), daemon=True).start()
    job = _here(msgspec.json.decode(order.job, type=Job), folder, begun + order.seconds)
    write_whole(folder / JOB, msgspec.json.encode(job))
    with (folder / PROGRESS).open("ab", buffering=0) as told:

        def progress(stage: str, share: float) -> None:
            told.write(as_json((stage, share)))

        failure = attend(folder, job, begun + order.late, progress)
    _leave(folder, failure, set(order.files))
    lock.close()
    # It is fetched and ended from the other side, or the lease does it.
    while folder.exists():
        time.sleep(WATCH_SECONDS)


def _here(job: Job, folder: Path, deadline: float) -> Job:
    """The job with this machine's paths and clock."""
    spec = job.spec
    model = msgspec.structs.replace(spec.model, path=str(folder / spec.model.path))
    target = spec.target
    if target.meter_log is not None:
        target = msgspec.structs.replace(target, meter_log=str(folder / LOG))
    spec = msgspec.structs.replace(spec, model=model, target=target)
    return msgspec.structs.replace(job, spec=spec, deadline=deadline)


def _leave(folder: Path, failure: Failure | None, brought: set[str] | None = None) -> None:
    """Say how it ended; once that is there, everything is."""
    names = [one for one in sorted(folder.iterdir()) if one.is_file()]
    kept = () if brought is None else (one for one in names if _is_left(one, brought))
    ended = Ended(host=host.describe(), failure=failure, files=tuple(File.of(one) for one in kept))
    write_whole(folder / ENDED, msgspec.json.encode(ended))


def _is_left(path: Path, brought: set[str]) -> bool:
    ours = (*NOT_LEFT, ORDER, PID, ALIVE, PROGRESS, LOG)
    return path.name not in brought and path.name not in ours and path.suffix in (".npy", ".json")


def _watch(folder: Path, lease: float) -> None:
    """End everything when nobody has asked for longer than the lease."""
    seen, since = b"", time.monotonic()
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            now = (folder / ALIVE).read_bytes()
        except OSError:
            now = b""
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > lease:
            remove(folder)
            # The worker is told by the kernel that its parent is gone.
            os._exit(1)
