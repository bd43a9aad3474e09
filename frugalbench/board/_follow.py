"""Read along with a measurement on a board, over as many connections as it takes."""

import contextlib
import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from frugalbench.agent._follow import GONE, OVER, TOLD, Heard
from frugalbench.bench import Progress
from frugalbench.board._link import CONNECT_SECONDS, LOST, Link
from frugalbench.record import Failure

__all__ = ["Follower"]

BEAT_SECONDS = 2.0
LOG_TAIL = 2**20
LOG_CHUNK = 2**16
HEADER_LINES = 100
WAIT_SECONDS = 1.0
KILLED = "the agent on {host} was killed: did it run out of memory, or was it restarted?"
SILENT = "{host} could not be reached any more; what it measures ends itself"


class Follower:
    """Passes progress on, says that somebody is there, and feeds the log of an external meter."""

    def __init__(self, link: Link, words: list[str], log: Path | None = None) -> None:
        """Follow with a command on the board, to which a byte offset is added."""
        self._link, self._words = link, words
        self._log = None if log is None else _Log(log)
        self._offset = 0
        self.reconnected = 0

    def until_over(self, late: float, progress: Progress) -> Failure | None:
        """Follow until the measurement is over, or until `late` (monotonic clock, s)."""
        while (left := late - time.monotonic()) > 0:
            child = self._link.follow([*self._words, str(self._offset)])
            try:
                ended = self._listen(child, late, progress)
            finally:
                _end(child)
            if ended is OVER:
                return None
            if ended is GONE:
                return Failure(kind="crash", detail=KILLED.format(host=self._link.host))
            if ended is not None:
                return Failure(kind="crash", detail=f"the agent ended: {ended.decode()}")
            self.reconnected += 1
            self._link.reset()
            time.sleep(min(WAIT_SECONDS, max(0.0, left)))
        return Failure(kind="unreachable", detail=SILENT.format(host=self._link.host))

    def _listen(
        self, child: "subprocess.Popen[bytes]", late: float, progress: Progress
    ) -> bytes | None:
        """Follow one connection: how it ended, or None where it was lost."""
        assert child.stdin is not None
        assert child.stdout is not None
        os.set_blocking(child.stdin.fileno(), False)
        rest, beat = b"", -BEAT_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while (now := time.monotonic()) < late:
                if now - beat >= BEAT_SECONDS:
                    beat = now
                    if not self._send(child):
                        return None
                if not selector.select(min(BEAT_SECONDS, late - now)):
                    continue
                data = os.read(child.stdout.fileno(), 65_536)
                if not data:
                    return self._why_closed(child)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line + b"\n" in (OVER, GONE):
                        return OVER if line + b"\n" == OVER else GONE
                    self._take(line, progress)
        return None

    def _take(self, line: bytes, progress: Progress) -> None:
        if not line.startswith(TOLD):
            return
        said = line.removeprefix(TOLD)
        self._offset += len(said) + 1
        with contextlib.suppress(msgspec.DecodeError):
            stage, share = msgspec.json.decode(said, type=tuple[str, float])
            progress(stage, share)

    def _send(self, child: "subprocess.Popen[bytes]") -> bool:
        """Say that we are here; False where nobody can hear it."""
        assert child.stdin is not None
        said = Heard(beat=1, log="" if self._log is None else self._log.more())
        try:
            child.stdin.write(msgspec.json.encode(said) + b"\n")
            child.stdin.flush()
        except BlockingIOError:
            # The link is full or dead; ssh finds out which.
            return True
        except OSError:
            return child.poll() is None
        return True

    def _why_closed(self, child: "subprocess.Popen[bytes]") -> bytes | None:
        """None where ssh lost the board, what was said where the agent itself ended."""
        code = child.wait(timeout=CONNECT_SECONDS)
        if code in (0, LOST, -9, -15):
            return None
        said = child.stderr.read() if child.stderr else b""
        return (said.strip().splitlines() or [f"exit code {code}".encode()])[-1][:300]


class _Log:
    """The log of an external meter: its header, its last part, and what is added to it."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, -1

    def more(self) -> str:
        """What was not sent yet, in whole lines and in pieces."""
        try:
            with self._path.open("rb") as stream:
                if self._at < 0:
                    return self._beginning(stream)
                stream.seek(self._at)
                text = stream.read(LOG_CHUNK)
        except OSError:
            return ""
        whole = text[: text.rfind(b"\n") + 1]
        self._at += len(whole)
        return whole.decode("utf-8", "replace")

    def _beginning(self, stream: BinaryIO) -> str:
        head = b""
        for _ in range(HEADER_LINES):
            line = stream.readline(LOG_CHUNK)
            head += line
            if not line.strip() or not line.startswith(b"#"):
                break
        begun, size = stream.tell(), stream.seek(0, os.SEEK_END)
        self._at = begun
        if size - begun > LOG_TAIL:
            stream.seek(size - LOG_TAIL)
            stream.readline(LOG_CHUNK)
            self._at = stream.tell()
        return head.decode("utf-8-sig", "replace")


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
