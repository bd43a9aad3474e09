"""Files to a board by digest, and back from it with digests checked."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from frugalbench.agent._folder import File
from frugalbench.board._link import Link, LinkLostError, Reply
from frugalbench.errors import MeasurementError

__all__ = ["TRIES", "Shelf", "fetch"]

LOADER = (
    "import sys; sys.path[:1] = sys.path[:1] * bool(sys.path[0]); "
    "exec(sys.stdin.buffer.read(int(sys.argv[1])))"
)
"""Runs a program that comes ahead of what it reads; a file in the folder shadows no module."""
TRIES = 5
SLOWEST = 64 * 1024
"""Bytes a second below which a link is given up."""


class Shelf:
    """The folder of a board that files are kept in by their SHA-256."""

    def __init__(self, link: Link, base: str, python: str) -> None:
        """Use a folder of a board; `python` is what its interpreter is called there."""
        self._link, self._base, self._python = link, base, python
        self._script = files("frugalbench.board").joinpath("_bootstrap.py").read_bytes()

    def ask(self, verb: str, *words: str, payload: bytes = b"", seconds: float = 60.0) -> Reply:
        """Run one verb of the bootstrap on the board."""
        command = [self._python, "-c", LOADER, str(len(self._script)), self._base, verb, *words]
        return self._link.run(command, given=self._script + payload, seconds=seconds)

    def json(self, verb: str, *words: str) -> Any:
        """What a verb prints.

        Raises:
            MeasurementError: it failed, or what it prints is no JSON.
        """
        reply = self.ask(verb, *words)
        if reply.code:
            raise MeasurementError(self._failed(reply))
        try:
            return json.loads(reply.out)
        except ValueError:
            raise MeasurementError(
                f"{self._link.host} answered something else than was asked: its shell must print "
                "nothing when a command is run by ssh"
            ) from None

    def put(self, wanted: Mapping[str, Path | bytes]) -> None:
        """Bring files that are not there yet, going on where a lost link left off.

        Args:
            wanted: a path or bytes, by SHA-256.

        Raises:
            LinkLostError: the board cannot be reached any more.
            MeasurementError: the board cannot keep a file.
        """
        missing = dict(wanted)
        for left in range(TRIES, 0, -1):
            try:
                held = self.json("held", *missing)
                missing = {one: what for one, what in missing.items() if held[one] <= 0}
                for digest in tuple(missing):
                    self._put(digest, missing[digest], -held[digest])
                    del missing[digest]
                return
            except LinkLostError:
                self._link.reset()
                if left == 1:
                    raise

    def _put(self, digest: str, what: Path | bytes, offset: int) -> None:
        content = what if isinstance(what, bytes) else what.read_bytes()
        seconds = 60.0 + len(content) / SLOWEST
        reply = self.ask("take", digest, str(offset), payload=content[offset:], seconds=seconds)
        if reply.code:
            raise MeasurementError(self._failed(reply))

    def _failed(self, reply: Reply) -> str:
        host, said = self._link.host, reply.last_words
        if reply.code == 127:
            return f"{host} has no {self._python}: install Python 3.11 or name it, target.python=…"
        if "No space left" in said:
            return f"the disk of {host} is full ({said}): free some space, or set target.cache=…"
        return f"{host} could not do it: {said or f'exit code {reply.code}'}"


def fetch(link: Link, send: list[str], one: File, into: Path) -> None:
    """Bring a file from the board, going on where a lost link left off.

    Args:
        link: the way there.
        send: the words that send a file, to which its name and an offset are added.
        one: what it must be.
        into: where it goes.

    Raises:
        MeasurementError: it did not come, or is not what was left.
    """
    content = b""
    for left in range(TRIES, 0, -1):
        try:
            reply = link.run(
                [*send, one.name, str(len(content))], seconds=60.0 + one.bytes / SLOWEST
            )
            content += reply.out
            break
        except LinkLostError:
            link.reset()
            if left == 1:
                raise
    if hashlib.sha256(content).hexdigest() != one.sha256:
        raise MeasurementError(f"{one.name} did not come whole from {link.host}: measure again")
    with contextlib.suppress(FileNotFoundError):
        into.unlink()
    into.write_bytes(content)
