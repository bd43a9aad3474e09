"""Open a labelled table: CSV, Parquet or NPZ, from a file nobody vouches for.

Nothing is unpickled, sizes are bounded before anything is read, and every refusal is one line.
"""

import hashlib
import warnings
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.data._table import DAMAGED, MAX_GROUPS, Table
from frugalbench.errors import UsageError

__all__ = ["DAMAGED", "MAX_GROUPS", "Table", "load", "rows_sha256"]

MAX_BYTES = 4 * 1024**3
"""The most a table may take once unpacked."""


def load(path: str) -> Table:
    """Read a table.

    Raises:
        UsageError: the file is absent, too large, of another format, damaged, or empty.
    """
    import pyarrow as pa

    file = Path(path)
    readers = {".csv": _csv, ".parquet": _parquet, ".npz": _npz}
    if file.suffix.lower() not in readers:
        raise UsageError(f"data {path} must end in .csv, .parquet or .npz")
    try:
        if not file.is_file() and file.exists():
            raise UsageError(f"data {path} is not a file; give the path of a table")
        columns = readers[file.suffix.lower()](file)
    except FileNotFoundError:
        raise UsageError(f"there is no data file {path}; check data=…") from None
    except MemoryError:
        raise UsageError(f"data {path} does not fit in memory: take a sample of it") from None
    except (pa.ArrowException, *DAMAGED) as error:
        first = (str(error).strip().splitlines() or ["it is damaged"])[0]
        raise UsageError(
            f"data {path} cannot be read as {file.suffix[1:]}: {first[:200]}; save it again"
        ) from None
    except OSError as error:
        first = (str(error.strerror or error).strip().splitlines() or ["it is damaged"])[0]
        raise UsageError(f"data {path} cannot be read: {first[:200]}") from None
    sizes = {len(column) for column in columns.values()}
    if len(sizes) > 1:
        raise UsageError(f"the arrays of {path} differ in length: {sorted(sizes)}")
    if not sizes or sizes == {0}:
        raise UsageError(f"data {path} holds no rows")
    rows = sizes.pop()
    return Table(file, columns, rows, rows)


def rows_sha256(numbers: npt.NDArray[np.int64]) -> str:
    """Which rows of a file were used: the SHA-256 of their places in it, 8 bytes each, low first.

    >>> rows_sha256(np.array([0, 1]))[:8]
    '9d34149f'
    """
    return hashlib.sha256(numbers.astype("<i8").tobytes()).hexdigest()


def _bounded(file: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise UsageError(f"data {file} unpacks to over 4 GiB: split it, or take a sample of it")


def _csv(file: Path) -> dict[str, Any]:
    from pyarrow import csv

    _bounded(file, file.stat().st_size)
    return _columns(file, csv.read_csv(file))


def _parquet(file: Path) -> dict[str, Any]:
    from pyarrow import parquet

    with parquet.ParquetFile(file) as source:
        groups = range(source.metadata.num_row_groups)
        # Repeated values take next to nothing in a file, so the cells are counted too.
        cells = 8 * source.metadata.num_rows * source.metadata.num_columns
        stored = sum(source.metadata.row_group(i).total_byte_size for i in groups)
        _bounded(file, max(cells, stored))
        return _columns(file, source.read())


def _columns(file: Path, table: Any) -> dict[str, Any]:
    names: Sequence[str] = table.column_names
    _unique(file, names)
    # Pandas keeps its row numbers in a column of this name.
    kept = [name for name in names if not name.startswith("__index_level_")]
    return {name: table.column(name).combine_chunks() for name in kept}


def _unique(file: Path, names: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"data {file} has two columns named '{twice}': rename one")


def _npz(file: Path) -> dict[str, Any]:
    import pyarrow as pa

    with zipfile.ZipFile(file) as archive:
        _bounded(file, sum(entry.file_size for entry in archive.infolist()))
    with warnings.catch_warnings(), np.load(file, allow_pickle=False) as archive:
        # NumPy warns that a file of Python 2 takes longer to read.
        warnings.simplefilter("ignore")
        _unique(file, archive.files)
        arrays = {name: archive[name] for name in archive.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufU":
            raise UsageError(f"'{name}' of {file} is no array of numbers or text: leave it out")
        if array.ndim == 0:
            raise UsageError(f"array '{name}' of {file} has no rows: give it one value a row")
    return {name: pa.array(a) if a.ndim == 1 else a for name, a in arrays.items()}
