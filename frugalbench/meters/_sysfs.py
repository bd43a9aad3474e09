"""Small files of the kernel, opened afresh at each reading so that what vanished is noticed."""

import os
import re
from pathlib import Path

__all__ = ["maybe", "maybe_number", "number", "read", "word"]

MOST = 4096


def read(path: Path) -> str:
    """The text of a small file, without blanks and NULs around it.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, MOST)
    finally:
        os.close(descriptor)
    return data.decode("utf-8", "replace").strip("\0 \t\r\n")


def number(path: Path) -> int:
    """The whole number in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no whole number.
    """
    text = read(path)
    # `int` would take underscores and the digits of other scripts.
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
        raise ValueError(f"{path.name} holds no whole number")
    return int(text)


def maybe(path: Path) -> str | None:
    """The text of a file, or None where it cannot be read."""
    try:
        return read(path)
    except OSError:
        return None


def maybe_number(path: Path) -> int | None:
    """The whole number in a file, or None where there is none."""
    try:
        return number(path)
    except (OSError, ValueError):
        return None


def word(text: str) -> str:
    """A name that some firmware chose, short and on one line."""
    return "".join(one if one.isprintable() else " " for one in text)[:40].strip()
