"""What a board is and has, and whether that is enough."""

import msgspec

from frugalbench.board._files import Shelf
from frugalbench.errors import MeasurementError
from frugalbench.spec import Target

__all__ = ["NEEDED", "Looked", "check", "lacking", "look"]

NEEDED = ("numpy", "msgspec", "onnxruntime")
LEAST_PYTHON = (3, 11)
MARGIN = 64 * 2**20


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a board is and has, before anything is brought there."""

    python: tuple[int, int, int]
    machine: str
    bits: int
    system: str
    libc: str
    base: str
    site: str
    free: int
    packages: dict[str, str | None]


def look(shelf: Shelf) -> Looked:
    """What a board is and has.

    Raises:
        MeasurementError: it cannot be reached, or has no Python.
    """
    return msgspec.convert(shelf.json("look", *NEEDED), Looked)


def lacking(looked: Looked) -> tuple[str, ...]:
    """The packages that are not there."""
    return tuple(name for name, version in looked.packages.items() if version is None)


def check(looked: Looked, target: Target) -> None:
    """Refuse a board that lacks what a measurement needs.

    Raises:
        MeasurementError: it says what is missing, and how to get it.
    """
    if looked.python < LEAST_PYTHON:
        version = ".".join(map(str, looked.python))
        raise MeasurementError(
            f"{target.host} has Python {version}, and 3.11 is needed: install it there and name "
            "it with target.python=…"
        )
    missing = lacking(looked)
    if missing:
        raise MeasurementError(
            f"{target.host} lacks {', '.join(missing)}: frugalbench doctor target=ssh "
            f"target.host={target.host} --install brings what is missing"
        )
    if looked.free < MARGIN:
        raise MeasurementError(
            f"the disk of {target.host} has {looked.free >> 20} MiB left, and {MARGIN >> 20} MiB "
            "are needed: free some space, or set target.cache=…"
        )
