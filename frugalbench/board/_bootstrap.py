"""What a board is asked before it has an agent. Standard library only, Python 3.7 or later.

The host sends this file's own text ahead of a payload; it is never imported there or here.
"""

from __future__ import annotations

import compileall
import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

BASE = Path(sys.argv[2]).expanduser()
BLOBS = BASE / "blobs"
CHUNK = 1 << 20


def look(names: list[str]) -> None:
    """Print what this board is and has, as JSON."""
    BLOBS.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(BASE / "site"))
    found = {
        "python": sys.version_info[:3],
        "machine": platform.machine(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "system": platform.system(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "base": str(BASE),
        "site": str(BASE / "site"),
        "free": shutil.disk_usage(BASE).free,
        "packages": {name: version(name) for name in names},
    }
    print(json.dumps(found))


def version(name: str) -> str | None:
    """The version of an installed package, or None."""
    if sys.version_info < (3, 8) or find_spec(name) is None:
        return None
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as told

    try:
        return told(name)
    except PackageNotFoundError:
        return "unknown"


def size(digest: str) -> int:
    """Bytes of a whole file, or of a part of one as a negative number."""
    whole, part = BLOBS / digest, BLOBS / f"{digest}.part"
    if whole.exists():
        return whole.stat().st_size
    return -part.stat().st_size if part.exists() else 0


def take(digest: str, offset: int) -> None:
    """Read a file from standard input, from an offset on, and check it."""
    part = BLOBS / f"{digest}.part"
    with part.open("r+b" if offset else "wb") as out:
        out.seek(offset)
        out.truncate()
        for chunk in iter(lambda: sys.stdin.buffer.read(CHUNK), b""):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    found = hashlib.sha256()
    with part.open("rb") as whole:
        for chunk in iter(lambda: whole.read(CHUNK), b""):
            found.update(chunk)
    if found.hexdigest() != digest:
        part.unlink()
        sys.exit("what arrived is not what was sent")
    part.replace(BLOBS / digest)


def unpack(digest: str, name: str) -> None:
    """Unpack a zip that is here into a folder of its own, and compile it."""
    folder = BASE / name
    if folder.is_dir():
        return
    half = BASE / f"{name}.{os.getpid()}.part"
    with zipfile.ZipFile(BLOBS / digest) as archive:
        archive.extractall(half)
    compileall.compile_dir(half, quiet=2)
    half.replace(folder)


def add(digest: str) -> None:
    """Unpack a wheel that is here into the folder that agents import packages from."""
    with zipfile.ZipFile(BLOBS / digest) as archive:
        archive.extractall(BASE / "site")


def drop(digests: list[str]) -> None:
    """Forget files."""
    for one in digests:
        for place in (BLOBS / one, BLOBS / f"{one}.part"):
            with contextlib.suppress(OSError):
                place.unlink()


def main() -> None:
    """Do what the third word says."""
    verb, words = sys.argv[3], sys.argv[4:]
    try:
        if verb == "look":
            look(words)
        elif verb == "held":
            print(json.dumps({one: size(one) for one in words}))
        elif verb == "take":
            take(words[0], int(words[1]))
        elif verb == "unpack":
            unpack(words[0], words[1])
        elif verb == "add":
            for one in words:
                add(one)
        elif verb == "drop":
            drop(words)
    except OSError as error:
        sys.exit(f"{error.filename or BASE}: {error.strerror or error}")


main()
