"""Arrays that parent and worker leave each other in a folder: mapped, and never unpickled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from frugalbench.whole import write_whole

__all__ = ["read_arrays", "write_arrays"]


def write_arrays(arrays: Mapping[str, Any], folder: Path, prefix: str) -> None:
    """Arrays as numbered .npy files and a list of their names, which may be any text."""
    for number, array in enumerate(arrays.values()):
        plain = array.astype(np.str_) if array.dtype == object else array
        np.save(folder / f"{prefix}{number}.npy", plain, allow_pickle=False)
    kinds = [(name, array.dtype == object) for name, array in arrays.items()]
    write_whole(folder / f"{prefix}.json", msgspec.json.encode(kinds))


def read_arrays(folder: Path, prefix: str) -> dict[str, Any]:
    """Mapped, not read: only the rows a call touches become memory of the process."""
    kinds = msgspec.json.decode((folder / f"{prefix}.json").read_bytes())
    arrays = {}
    for number, (name, is_text) in enumerate(kinds):
        array = np.load(folder / f"{prefix}{number}.npy", mmap_mode="r", allow_pickle=False)
        arrays[name] = array.astype(object) if is_text else array
    return arrays
