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
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

BASE = Path(sys.argv[2] if len(sys.argv) > 2 else "~").expanduser()
BLOBS = BASE / "blobs"
CHUNK = 1 << 20
HOUR, MONTH = 3600, 30 * 86_400


def look(names: list[str]) -> None:
    """Print what this board is and has, as JSON."""
    BLOBS.mkdir(parents=True, exist_ok=True)
    tidy()
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


def tidy() -> None:
    """Take away what nobody used for a month, and what a measurement left that was cut off."""
    now = time.time()
    for one in (*BASE.glob("agent-*"), *BLOBS.glob("*")):
        if now - one.stat().st_mtime > MONTH:
            remove(one)
    for one in (BASE / "jobs").glob("*/pid"):
        if not Path("/proc", one.read_text()).exists() and now - one.stat().st_mtime > HOUR:
            remove(one.parent)


def remove(place: Path) -> None:
    """Take a file or a folder away, whoever else does."""
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        place.unlink()


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
        os.utime(whole)
        return whole.stat().st_size
    return -part.stat().st_size if part.exists() else 0


def take(digest: str, offset: int, length: int) -> None:
    """Read the rest of a file from standard input, and check the whole."""
    part = BLOBS / f"{digest}.part"
    with part.open("r+b" if offset else "wb") as out:
        out.seek(offset)
        out.truncate()
        while length:
            chunk = sys.stdin.buffer.read(min(length, CHUNK))
            if not chunk:
                sys.exit("what was sent ended too soon")
            out.write(chunk)
            length -= len(chunk)
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
        os.utime(folder)
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
        remove(BLOBS / one)
        remove(BLOBS / f"{one}.part")


def main() -> None:
    """Do what the third word says."""
    verb, words = sys.argv[3], sys.argv[4:]
    try:
        if verb == "look":
            look(words)
        elif verb == "held":
            print(json.dumps({one: size(one) for one in words}))
        elif verb == "take":
            for at in range(0, len(words), 3):
                take(words[at], int(words[at + 1]), int(words[at + 2]))
        elif verb == "unpack":
            unpack(words[0], words[1])
        elif verb == "add":
            for one in words:
                add(one)
        elif verb == "drop":
            drop(words)
    except OSError as error:
        sys.exit(f"{error.filename or BASE}: {error.strerror or error}")


if __name__ == "__main__":
    main()
