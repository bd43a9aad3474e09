"""What a host asks an agent: start, follow, ended, send, end, clock, machine."""

import sys
from pathlib import Path

import msgspec

from frugalbench import host
from frugalbench.agent import _folder, _follow, _supervise

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Do what one command says; what it gives goes to standard output."""
    verb, *words = arguments
    if verb == "machine":
        sys.stdout.buffer.write(_folder.as_json(host.describe()))
        return 0
    if verb == "clock":
        _follow.clock(int(words[0]))
        return 0
    folder = Path(words[0])
    if verb == "start":
        order = msgspec.json.decode(sys.stdin.buffer.read(), type=_folder.Order)
        print(_supervise.start(folder, Path(words[1]), order))
    elif verb == "supervise":
        _supervise.supervise(folder)
    elif verb == "follow":
        return _follow.follow(folder, int(words[1]))
    elif verb == "ended":
        sys.stdout.buffer.write((folder / _folder.ENDED).read_bytes())
    elif verb == "send":
        with (folder / words[1]).open("rb") as stream:
            stream.seek(int(words[2]))
            while chunk := stream.read(_folder.CHUNK):
                sys.stdout.buffer.write(chunk)
    elif verb == "end":
        _folder.stop(folder)
        _folder.remove(folder)
    else:
        raise SystemExit(f"there is no command {verb}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
