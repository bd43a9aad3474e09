"""Start a measurement on a board that outlives whoever asked for it."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from frugalbench.agent._folder import ORDER, PID, SAID, Order
from frugalbench.whole import write_whole

__all__ = ["start"]


def start(folder: Path, blobs: Path, order: Order) -> int:
    """Put the files in place, and start a measurement.

    Returns:
        The process that looks after it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, digest in order.files.items():
        _place(blobs / digest, folder / name)
    write_whole(folder / ORDER, msgspec.json.encode(order))
    with (folder / SAID).open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "frugalbench.agent", "supervise", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    write_whole(folder / PID, str(child.pid).encode())
    return child.pid


def _place(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        place.unlink()
    try:
        os.link(source, place)
    except OSError:
        # Some file systems of memory cards know no links.
        shutil.copyfile(source, place)
