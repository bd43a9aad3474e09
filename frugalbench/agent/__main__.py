"""What a host asks an agent; each verb is a function here, and what it gives goes to stdout."""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from frugalbench.agent import _folder, _follow, _start

__all__ = ["main"]


def _machine() -> int:
    from frugalbench import host

    sys.stdout.buffer.write(_folder.as_json(host.describe()))
    return 0


def _doctor() -> int:
    from frugalbench import doctor

    sys.stdout.buffer.write(_folder.as_json(doctor.machine()))
    return 0


def _clock(count: str) -> int:
    _follow.clock(int(count))
    return 0


def _started(folder: str, blobs: str) -> int:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_folder.Order)
    try:
        _start.start(Path(folder), Path(blobs), order)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    return 0


def _supervised(folder: str) -> int:
    # It alone reads what a measurement needs; the other verbs answer at once.
    from frugalbench.agent import _supervise

    _supervise.supervise(Path(folder))
    return 0


def _followed(folder: str, offset: str) -> int:
    return _follow.follow(Path(folder), int(offset))


def _ended(folder: str) -> int:
    sys.stdout.buffer.write((Path(folder) / _folder.ENDED).read_bytes())
    return 0


def _send(folder: str, offset: str) -> int:
    """All files that were left, one after the other, from a byte of the whole on."""
    ended = msgspec.json.decode((Path(folder) / _folder.ENDED).read_bytes(), type=_folder.Listed)
    skip = int(offset)
    for one in ended.files:
        with (Path(folder) / one.name).open("rb") as stream:
            stream.seek(min(skip, one.bytes))
            for count, piece in enumerate(iter(lambda: stream.read(_folder.CHUNK), b"")):
                sys.stdout.buffer.write(piece)
                _folder.beat(Path(folder), count)
        skip = max(0, skip - one.bytes)
    return 0


def _end(folder: str) -> int:
    _folder.stop(Path(folder))
    _folder.remove(Path(folder))
    return 0


VERBS: dict[str, Callable[..., int]] = {
    "machine": _machine,
    "doctor": _doctor,
    "clock": _clock,
    "start": _started,
    "supervise": _supervised,
    "follow": _followed,
    "ended": _ended,
    "send": _send,
    "end": _end,
}


def main(arguments: list[str]) -> int:
    """Do what one verb says, with its words."""
    return VERBS[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
