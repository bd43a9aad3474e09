"""Names of groups as codes, so that a certificate compares groups without naming them.

The record is coded before it is judged, so every address and sentence has the codes. Codes are
drawn at random: those in alphabetical order would say which is which. Names of columns stay.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from frugalbench.attest._json import parse, read_bounded
from frugalbench.errors import StoreError, UsageError
from frugalbench.metrics import MISSING_GROUP
from frugalbench.record import Record

__all__ = ["Codes", "coded", "load_codes", "save_codes"]

Codes = dict[str, dict[str, str]]
"""The code of each group's name, by column."""


def coded(records: Sequence[Record], known: Codes) -> tuple[tuple[Record, ...], Codes]:
    """Records with codes for the names of their groups, one code a name in all of them.

    Args:
        records: those to code.
        known: codes that were given before, which are kept.
    """
    codes = {column: dict(given) for column, given in known.items()}
    for record in records:
        for column, names in (record.data.groups if record.data else {}).items():
            _extend(codes.setdefault(column, {}), names)
    return tuple(_coded(record, codes) for record in records), codes


def _extend(given: dict[str, str], names: Sequence[str]) -> None:
    new = [name for name in dict.fromkeys(names) if name not in given and name != MISSING_GROUP]
    numbers = list(range(len(given) + 1, len(given) + len(new) + 1))
    secrets.SystemRandom().shuffle(numbers)
    given |= {name: f"group-{number}" for name, number in zip(new, numbers, strict=True)}


def _coded(record: Record, codes: Codes) -> Record:
    if record.data is None:
        return record
    groups = {
        column: tuple(codes[column].get(name, name) for name in names)
        for column, names in record.data.groups.items()
    }
    return msgspec.structs.replace(record, data=msgspec.structs.replace(record.data, groups=groups))


def load_codes(file: Path) -> Codes:
    """Codes that were kept; none where there is no file.

    Raises:
        UsageError: it holds something else.
    """
    if not os.path.lexists(file):
        return {}
    try:
        return msgspec.convert(parse(read_bounded(file, "group codes")), Codes)
    except (ValueError, msgspec.ValidationError):
        raise UsageError(f"{file} holds no codes of groups: move it away") from None


def save_codes(file: Path, codes: Codes) -> None:
    """Keep which code stands for which name, for its owner alone.

    Raises:
        StoreError: it cannot be written.
    """
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(msgspec.json.format(msgspec.json.encode(codes), indent=1))
        new.replace(file)
    except (OSError, ValueError) as error:
        new.unlink(missing_ok=True)
        cause = getattr(error, "strerror", None) or error
        raise StoreError(f"{file} cannot be written: {cause}; free some space there") from None
