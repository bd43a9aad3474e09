"""Records on disk: a folder each, with `record.json` and `arrays.npz`, written whole or not at all.

The JSON holds everything but the arrays, and the SHA-256 of the arrays' file; a record that was
cut short or edited by hand is refused with one line.
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from frugalbench.data import DAMAGED
from frugalbench.errors import StoreError, UsageError
from frugalbench.formats import upgraded
from frugalbench.models import file_sha256
from frugalbench.record import FORMAT, Record
from frugalbench.record._arrays import fits

__all__ = ["ARRAYS", "RECORD", "check_writable", "load", "save", "save_new", "seal", "write_whole"]

RECORD, ARRAYS = "record.json", "arrays.npz"
MAX_BYTES = 1024**3


def save(record: Record, folder: Path | str) -> Path:
    """Write a record as a new folder named by its id.

    The folder appears complete, under its final name, or not at all.

    Returns:
        The folder of the record.

    Raises:
        StoreError: the results folder cannot be written, or the disk is full.
    """
    folder = Path(folder)
    final = folder / record.id
    temporary: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
        _write(temporary / ARRAYS, _packed(record.arrays))
        text = _encoded(record, file_sha256(temporary / ARRAYS))
        _write(temporary / RECORD, text)
        temporary.chmod(0o755)
        temporary.rename(final)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"results cannot be written to {folder}: {_cause(error)}; free some space or "
            "choose another folder with results=…"
        ) from None
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
    return final


def save_new(record: Record, folder: Path) -> Path:
    """Write a record as `save` does, in a folder of one's own choice and never over anything.

    Returns:
        The folder of the record.

    Raises:
        StoreError: a record of this name is there, the folder is a link, or cannot be written.
    """
    final = folder / record.id
    if os.path.lexists(final):
        raise StoreError(f"{final} is there already, and is not replaced: choose another --out")
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link to somewhere else: name the folder itself with --out")
    return save(record, folder)


def load(path: Path | str) -> Record:
    """Read a record back from its folder, or from the `record.json` in it.

    Raises:
        UsageError: there is no record there, or it is of a newer format.
        StoreError: the record is damaged.
    """
    path = Path(path)
    folder = path.parent if path.name == RECORD else path
    file = folder / RECORD
    try:
        if not file.is_file() and file.exists():
            raise StoreError(f"{file} is not a file: it is not a record of frugalbench")
        if file.stat().st_size > MAX_BYTES:
            raise StoreError(f"{file} is over 1 GiB: it is not a record of frugalbench")
        text = file.read_bytes()
        raw = msgspec.json.decode(text)
        twice = text != _spelled(raw) and _repeats(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StoreError(f"{file} is damaged: it is not JSON; measure again") from None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise UsageError(
            f"there is no record at {path}: give the folder that holds {RECORD}"
        ) from None
    except OSError as error:
        raise UsageError(f"record {path} cannot be read: {error.strerror}") from None
    if twice:
        raise StoreError(f"{file} was changed: it gives a key twice; measure again")
    return _decoded(raw, folder)


def _repeats(text: bytes) -> bool:
    """Whether a JSON text gives a key twice in one object, of which the seal covers one.

    It takes several times as long as reading: what is as it was written needs no such look.
    """
    found = False

    def looked(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) != len(pairs)

    json.loads(text, object_pairs_hook=looked, strict=False)
    return found


def _decoded(raw: Any, folder: Path) -> Record:
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise StoreError(f"{folder / RECORD} is not a record of frugalbench")
    if raw["format"] > FORMAT:
        raise UsageError(
            f"{folder} has format {raw['format']}, this version reads up to {FORMAT}: upgrade"
        )
    if raw.pop("sha256", None) != seal(raw):
        raise StoreError(f"{folder / RECORD} was changed after it was written: measure again")
    raw = upgraded(raw)
    about = raw.get("arrays")
    if not isinstance(about, dict):
        raise StoreError(f"{folder / RECORD} is damaged: it names no arrays")
    raw["arrays"] = _unpacked(folder / ARRAYS, about)
    try:
        record = msgspec.convert(raw, Record, dec_hook=_keep)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise StoreError(f"{folder / RECORD} is damaged: {error}; measure again") from None
    for name, array in record.arrays.items():
        if not fits(record, name, array):
            raise StoreError(f"{folder / ARRAYS} is damaged: '{name}' does not fit; measure again")
    return record


def _keep(kind: type, value: Any) -> Any:
    return value


def _encoded(record: Record, arrays_sha256: str) -> bytes:
    raw = msgspec.to_builtins(msgspec.structs.replace(record, arrays={}))
    raw["arrays"] = {
        "sha256": arrays_sha256,
        "shapes": {name: list(array.shape) for name, array in record.arrays.items()},
    }
    raw["sha256"] = seal(raw)
    return _spelled(raw)


def _spelled(raw: Any) -> bytes:
    """The value as a record's JSON is written."""
    return msgspec.json.format(msgspec.json.encode(raw), indent=1)


def seal(raw: Mapping[str, Any]) -> str:
    """SHA-256 of a record's canonical JSON without the digest itself.

    It covers every field, and the arrays by their own digest, so it finds damage and edits. It is
    no proof against somebody who makes the digest anew: that takes a signature.
    """
    rest = {key: value for key, value in raw.items() if key != "sha256"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()


def _packed(arrays: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpacked(file: Path, about: dict[str, Any]) -> dict[str, Any]:
    try:
        if file_sha256(file) != about.get("sha256"):
            raise StoreError(f"{file} is not the file its record was written with: measure again")
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise StoreError(f"{file} unpacks to over 1 GiB: refused")
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if all(isinstance(array, np.ndarray) for array in arrays.values()):
            return arrays
        raise StoreError(f"{file} holds more than arrays; measure again")
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}; measure again") from None
    except (*DAMAGED, MemoryError):
        raise StoreError(f"{file} is damaged; measure again") from None


def check_writable(folder: Path) -> None:
    """Fail now rather than after the measurement when results could not be written.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise StoreError(
            f"results cannot be written to {folder}: {_cause(error)}; choose another "
            "folder with results=…"
        ) from None


def write_whole(file: Path, text: str) -> None:
    """Write a file that is complete or absent, replacing one of the same name.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", dir=file.parent)
        os.close(handle)
        try:
            _write(Path(name), text.encode(errors="replace"))
            Path(name).chmod(0o644)
            Path(name).replace(file)
        finally:
            Path(name).unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{file} cannot be written: {_cause(error)}; choose another place"
        ) from None


def _cause(error: OSError | ValueError) -> str:
    """A ValueError is a path or a name that no file system or encoding can hold."""
    return str(getattr(error, "strerror", None) or error)


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
