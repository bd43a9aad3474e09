"""Files to a board by digest, and back from it with digests checked."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import IO, Any

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
CHUNK = 2**20
SLOWEST = 64 * 1024
"""Bytes a second below which a link is given up."""


class Shelf:
    """The folder of a board that files are kept in by their SHA-256."""

    def __init__(self, link: Link, base: str, python: str) -> None:
        """Use a folder of a board; `python` is what its interpreter is called there."""
        self._link, self._base, self._python = link, base, python
        self._script = files("frugalbench.board").joinpath("_bootstrap.py").read_bytes()

    def ask(
        self, verb: str, *words: str, payload: Iterable[bytes] = (), seconds: float = 60.0
    ) -> Reply:
        """Run one verb of the bootstrap on the board."""
        command = [self._python, "-c", LOADER, str(len(self._script)), self._base, verb, *words]
        return self._link.run(command, given=chain((self._script,), payload), seconds=seconds)

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
        for left in range(TRIES, 0, -1):
            try:
                held = self.json("held", *wanted)
                missing = {one: what for one, what in wanted.items() if held[one] <= 0}
                if missing:
                    self._put(missing, {one: -held[one] for one in missing})
                return
            except LinkLostError:
                self._link.reset()
                if left == 1:
                    raise

    def _put(self, missing: Mapping[str, Path | bytes], held: Mapping[str, int]) -> None:
        """Send the rest of several files, one after the other."""
        sizes = {one: _size(what) - held[one] for one, what in missing.items()}
        words = [word for one in missing for word in (one, str(held[one]), str(sizes[one]))]
        pieces = (piece for one, what in missing.items() for piece in _pieces(what, held[one]))
        seconds = 60.0 + sum(sizes.values()) / SLOWEST
        reply = self.ask("take", *words, payload=pieces, seconds=seconds)
        if reply.code:
            raise MeasurementError(self._failed(reply))

    def _failed(self, reply: Reply) -> str:
        host, said = self._link.host, reply.last_words
        if reply.code == 127:
            return f"{host} has no {self._python}: install Python 3.11 or name it, target.python=…"
        if "No space left" in said:
            return f"the disk of {host} is full ({said}): free some space, or set target.cache=…"
        return f"{host} could not do it: {said or f'exit code {reply.code}'}"


def fetch(link: Link, send: Sequence[str], listed: Sequence[File], folder: Path) -> None:
    """Bring files from the board, going on where a lost link left off.

    Args:
        link: the way there.
        send: the words that send all of them in order, to which a byte offset is added.
        listed: what they must be.
        folder: where they go.

    Raises:
        LinkLostError: the board cannot be reached any more.
        MeasurementError: what came is not what was left.
    """
    whole, size = folder / "fetched.part", sum(one.bytes for one in listed)
    whole.write_bytes(b"")
    for left in range(TRIES, 0, -1):
        try:
            link.run([*send, str(whole.stat().st_size)], into=whole, seconds=60.0 + size / SLOWEST)
            break
        except LinkLostError:
            link.reset()
            if left == 1:
                raise
    with whole.open("rb") as stream:
        for one in listed:
            _cut(stream, one, folder / one.name, link.host)
    whole.unlink()


def _cut(stream: IO[bytes], one: File, into: Path, host: str) -> None:
    """Take the next file off a stream of several."""
    digest, left = hashlib.sha256(), one.bytes
    into.unlink(missing_ok=True)
    with into.open("wb") as out:
        while left and (piece := stream.read(min(left, CHUNK))):
            digest.update(piece)
            out.write(piece)
            left -= len(piece)
    if digest.hexdigest() != one.sha256:
        raise MeasurementError(f"{one.name} did not come whole from {host}: measure again")


def _size(what: Path | bytes) -> int:
    return len(what) if isinstance(what, bytes) else what.stat().st_size


def _pieces(what: Path | bytes, offset: int) -> Iterator[bytes]:
    if isinstance(what, bytes):
        yield what[offset:]
        return
    with what.open("rb") as stream:
        stream.seek(offset)
        while piece := stream.read(CHUNK):
            yield piece
