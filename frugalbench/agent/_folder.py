"""What is in the folder of a measurement on a board, and who may look after it.

Neither NumPy nor a record is imported here: what a host asks is answered before they are read.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import msgspec

from frugalbench.whole import write_whole

__all__ = [
    "ALIVE",
    "ENDED",
    "LOG",
    "ORDER",
    "PID",
    "PROGRESS",
    "SAID",
    "File",
    "Listed",
    "Order",
    "as_json",
    "beat",
    "pid_of",
    "remove",
    "stop",
]

ALIVE, ENDED, PID, PROGRESS = "alive", "ended.json", "pid", "progress.jsonl"
ORDER, SAID = "order.json", "agent.txt"
LOG = "meter.csv"
CHUNK = 2**20
STOP_SECONDS = 5.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a board is asked to do.

    `job` is the job as a worker reads it, `files` the digests of what stands beside it by name,
    `seconds` when the measurement must be over and `late` when it is given up, from now on, and
    `lease` how long nobody may be heard of.
    """

    job: msgspec.Raw
    files: dict[str, str]
    seconds: float
    late: float
    lease: float


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was left: its name, bytes and SHA-256."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "File":
        """Read a file and say what it is."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return cls(name=path.name, bytes=size, sha256=digest.hexdigest())


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """The files that a measurement left, as `Ended` lists them."""

    files: tuple[File, ...]


def pid_of(folder: Path) -> int | None:
    """The process that looks after a folder, or None where it is gone."""
    try:
        pid = int((folder / PID).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    # A number is used again by another process.
    return pid if os.fsencode(str(folder)) in command else None


def beat(folder: Path, count: int) -> None:
    """Tell the measurement that somebody is there."""
    write_whole(folder / ALIVE, f"{os.getpid()} {count}".encode())


def stop(folder: Path) -> None:
    """End the measurement in a folder; its worker dies with it."""
    pid = pid_of(folder)
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + STOP_SECONDS
    while pid_of(folder) is not None and time.monotonic() < until:
        time.sleep(0.02)


def remove(folder: Path) -> None:
    """Take a folder away, with everything a measurement left."""
    shutil.rmtree(folder, ignore_errors=True)


def as_json(value: Any) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(value) + b"\n"
