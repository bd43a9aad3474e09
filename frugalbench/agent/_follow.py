"""Tell whoever is connected what a measurement says, and the measurement that somebody is there."""

import os
import selectors
import sys
import time
from pathlib import Path

import msgspec

from frugalbench.agent._folder import ENDED, LOG, PROGRESS, beat, pid_of

__all__ = ["follow"]

LOOK_SECONDS = 0.25
TOLD, OVER, GONE = b"t ", b"over\n", b"gone\n"
"""A line of progress, the end, and a measurement that has disappeared."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A line from the other side: that it is there, its clock, and more of a meter's log."""

    beat: int = 0
    log: str = ""


def follow(folder: Path, offset: int) -> int:
    """Send progress from a byte offset on until the end, or until nobody listens.

    Returns:
        An exit code: 0 when the measurement is over or gone, 1 when the other side left.
    """
    heard = _Ears(folder)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.buffer.fileno(), selectors.EVENT_READ)
        while True:
            over = (folder / ENDED).exists()
            alive = pid_of(folder) is not None
            offset = _tell(folder / PROGRESS, offset)
            if over or not alive:
                # It may have ended between the two looks.
                _write(OVER if (folder / ENDED).exists() else GONE)
                return 0
            if selector.select(LOOK_SECONDS) and not heard.listen():
                return 1


class _Ears:
    def __init__(self, folder: Path) -> None:
        self._folder, self._rest, self._count = folder, b"", 0

    def listen(self) -> bool:
        """Take in what was sent; False when the other side is gone."""
        data = os.read(sys.stdin.buffer.fileno(), 65_536)
        if not data:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            said = msgspec.json.decode(line, type=Heard)
            if said.log:
                with (self._folder / LOG).open("ab") as stream:
                    stream.write(said.log.encode())
        self._count += 1
        beat(self._folder, self._count)
        return True


def _tell(path: Path, offset: int) -> int:
    """Send whole lines after an offset; returns the offset after them."""
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            text = stream.read()
    except OSError:
        return offset
    whole = text[: text.rfind(b"\n") + 1]
    if whole:
        _write(b"".join(TOLD + line + b"\n" for line in whole.splitlines()))
    return offset + len(whole)


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def clock(count: int) -> None:
    """Answer each line with the time on the wall, so that the other side can compare clocks."""
    for _ in range(count):
        if not sys.stdin.buffer.readline():
            return
        _write(f"{time.time():.6f}\n".encode())
