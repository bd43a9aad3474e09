"""JSON from strangers, read so that two readers cannot see two things in it."""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from frugalbench.errors import UsageError

__all__ = ["MAX_BYTES", "canonical", "parse", "read_bounded"]

MAX_BYTES = 16 * 1024**2
"""The most a bundle, a list or a commitment may hold."""


def parse(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8, and nothing after it.

    Raises:
        ValueError: it is no JSON, is too large or too deep, or holds a repeated key, a number
            that is none (NaN, Infinity, 1e999) or a lone surrogate.
    """
    if len(raw) > MAX_BYTES:
        raise ValueError("it is over 16 MiB")
    try:
        text = raw.decode()
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite
        )
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeError:
        raise ValueError("it is not UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg}") from None
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("a number is too large")
    return found


def canonical(value: Any) -> bytes:
    """The value as JSON with sorted keys and no space, in UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def read_bounded(path: Path, what: str) -> bytes:
    """The bytes of a regular file of at most 16 MiB.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        ValueError: it is larger.
    """
    try:
        # A pipe or a device would be read forever.
        if not path.is_file():
            there = path.exists()
            raise UsageError(f"{what} {path} is {'not a file' if there else 'not there'}")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UsageError(f"{what} {path} cannot be read: {cause}") from None
    if len(raw) > MAX_BYTES:
        raise ValueError("it is over 16 MiB")
    return raw
