"""Open a labelled table: CSV, Parquet or NPZ, from a file nobody vouches for.

Nothing is unpickled, sizes are bounded before anything is read, and every refusal is one line.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.errors import UsageError, did_you_mean

__all__ = ["Table", "load"]

MAX_BYTES = 4 * 1024**3
"""The most a table may take once unpacked."""

Array = npt.NDArray[Any]
Label = int | float | str | bool


@dataclass(frozen=True)
class Table:
    """Columns by name, each an Arrow array (one value a row) or an n-dimensional NumPy array."""

    path: Path
    columns: dict[str, Any]
    rows: int
    rows_in_file: int

    def need(self, name: str, what: str) -> Any:
        """A column by name.

        Raises:
            UsageError: there is none; the message says what it was wanted for and suggests one.
        """
        if name not in self.columns:
            near = did_you_mean(name, self.columns)
            raise UsageError(f"{self.path} has no column '{name}' for {what}: {near}")
        return self.columns[name]

    def take(self, rows: npt.NDArray[np.int64]) -> "Table":
        """The same columns with these rows only."""
        columns = {
            name: column.take(rows) if _is_arrow(column) else column[rows]
            for name, column in self.columns.items()
        }
        return Table(self.path, columns, int(rows.size), self.rows_in_file)

    def where(self, name: str, wanted: str) -> "Table":
        """The rows whose column reads `wanted`.

        Raises:
            UsageError: no column of that name, or no such row.
        """
        codes, names = self.codes(name, "data.split_column")
        if wanted not in names:
            raise UsageError(
                f"column '{name}' never says '{wanted}': {did_you_mean(wanted, names)}"
            )
        return self.take(np.flatnonzero(codes == names.index(wanted)))

    def codes(self, name: str, what: str) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
        """A column as group codes and their sorted names; null, NaN and empty text are -1."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = _one_value_a_row(self.need(name, what), name, what)
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
            if (
                column.null_count == len(column)
                or pc.all(pc.equal(pc.floor(column), column)).as_py()
            ):
                column = column.cast(pa.int64())
        text = column.cast(pa.string())
        encoded = text.dictionary_encode()
        raw = [str(one) for one in encoded.dictionary.to_pylist()]
        names = sorted(one for one in raw if one != "")
        place = np.array([names.index(one) if one else -1 for one in raw] + [-1], np.int32)
        indices = encoded.indices.fill_null(len(raw)).to_numpy(zero_copy_only=False)
        return place[indices], tuple(names)

    def labels(self, name: str) -> list[Label]:
        """The label column as Python values.

        Raises:
            UsageError: a row has no label.
        """
        column = _one_value_a_row(self.need(name, "data.label"), name, "data.label")
        values: list[Label] = column.to_pylist()
        absent = sum(one is None or one != one for one in values)
        if absent:
            raise UsageError(f"{absent} rows have no label in '{name}': drop them or fill them in")
        return values

    def numbers(self, name: str, what: str) -> Array:
        """A column as numbers or text, ready for a model; nulls in a number column become NaN.

        Raises:
            UsageError: the column has a type no model input takes.
        """
        import pyarrow as pa

        column = self.need(name, what)
        if not _is_arrow(column):
            return np.asarray(column)
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return np.array(["" if v is None else v for v in column.to_pylist()], np.str_)
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise UsageError(f"column '{name}' is {kind}: convert it to numbers or text first")
        array: Array = column.to_numpy(zero_copy_only=False)
        return array


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
        columns = readers[file.suffix.lower()](file)
    except FileNotFoundError:
        raise UsageError(f"there is no data file {path}; check data=…") from None
    except (pa.ArrowException, zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        first = (str(error).splitlines() or ["damaged"])[0]
        raise UsageError(
            f"data {path} cannot be read as {file.suffix[1:]}: {first[:200]}"
        ) from None
    except OSError as error:
        raise UsageError(f"data {path} cannot be read: {error.strerror or error}") from None
    sizes = {len(column) for column in columns.values()}
    if len(sizes) > 1:
        raise UsageError(f"the arrays of {path} differ in length: {sorted(sizes)}")
    if not sizes or sizes == {0}:
        raise UsageError(f"data {path} holds no rows")
    rows = sizes.pop()
    return Table(file, columns, rows, rows)


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
        _bounded(file, sum(source.metadata.row_group(i).total_byte_size for i in groups))
        return _columns(file, source.read())


def _columns(file: Path, table: Any) -> dict[str, Any]:
    names: Sequence[str] = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"data {file} has two columns named '{twice[0]}': rename one")
    return {name: table.column(name).combine_chunks() for name in names}


def _npz(file: Path) -> dict[str, Any]:
    import pyarrow as pa

    with zipfile.ZipFile(file) as archive:
        _bounded(file, sum(entry.file_size for entry in archive.infolist()))
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, array in arrays.items():
        if array.ndim == 0:
            raise UsageError(f"array '{name}' of {file} has no rows: give it one value a row")
    return {
        name: pa.array(a) if a.ndim == 1 and a.dtype.kind in "biufU" else a
        for name, a in arrays.items()
    }


def _is_arrow(column: Any) -> bool:
    return not isinstance(column, np.ndarray)


def _one_value_a_row(column: Any, name: str, what: str) -> Any:
    import pyarrow as pa

    if not _is_arrow(column):
        raise UsageError(
            f"array '{name}' has {column.ndim} dimensions; {what} needs one value a row"
        )
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        raise UsageError(f"column '{name}' holds lists or records; {what} needs one value a row")
    return column
