"""Bring what a board lacks from this machine, so that a board without internet can be used."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from frugalbench.agent._folder import File
from frugalbench.board._files import Shelf
from frugalbench.board._look import Looked
from frugalbench.errors import MeasurementError

__all__ = ["install", "platforms"]

OLDEST_GLIBC = 17
SECONDS = 600.0


def install(shelf: Shelf, names: Sequence[str], looked: Looked) -> tuple[str, ...]:
    """Download wheels for the board here, and unpack them there.

    Args:
        shelf: where files are kept on the board.
        names: the packages; this machine's versions are tried first, so that records compare.
        looked: what the board is.

    Returns:
        The names of the wheels that were brought.

    Raises:
        MeasurementError: there is no wheel for such a board, or it cannot keep it.
    """
    with tempfile.TemporaryDirectory(prefix="frugalbench-") as folder:
        for name in names:
            _download(name, looked, Path(folder))
        wheels = sorted(Path(folder).glob("*.whl"))
        digests = {File.of(one).sha256: one for one in wheels}
        shelf.put(digests)
        reply = shelf.ask("add", *digests, seconds=SECONDS)
        if reply.code:
            raise MeasurementError(f"the wheels cannot be unpacked there: {reply.last_words}")
        shelf.ask("drop", *digests)
        return tuple(one.name for one in wheels)


def platforms(machine: str, libc: str) -> tuple[str, ...]:
    """The platform tags of wheels that a Linux system takes (PEP 600), the newest first.

    >>> platforms("aarch64", "glibc 2.28")[0]
    'manylinux_2_28_aarch64'
    """
    name, _, number = libc.partition(" ")
    if name != "glibc" or not number.startswith("2."):
        return tuple(f"musllinux_1_{minor}_{machine}" for minor in (2, 1))
    minor = int(number.split(".")[1])
    tags = [f"manylinux_2_{one}_{machine}" for one in range(minor, OLDEST_GLIBC - 1, -1)]
    return (*tags, f"manylinux2014_{machine}")


def _download(name: str, looked: Looked, folder: Path) -> None:
    here = _version(name)
    said = ""
    for wanted in dict.fromkeys((f"{name}=={here}" if here else name, name)):
        done = subprocess.run(
            _pip(wanted, looked, folder),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode == 0:
            return
        said = (done.stderr.strip().splitlines() or [""])[-1]
    python = ".".join(map(str, looked.python[:2]))
    raise MeasurementError(
        f"no wheel of {name} for Python {python} on {looked.machine} ({looked.libc}) could be had: "
        f"{said.removeprefix('ERROR: ')[:200] or 'pip failed'}"
    )


def _pip(wanted: str, looked: Looked, folder: Path) -> list[str]:
    tags = [word for tag in platforms(looked.machine, looked.libc) for word in ("--platform", tag)]
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--implementation", "cp", *tags),
        *("--python-version", ".".join(map(str, looked.python[:2])), "--dest", str(folder), wanted),
    ]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
