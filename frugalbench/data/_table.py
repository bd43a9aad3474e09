"""A labelled table in memory: its columns as groups, as labels, and as what a model is fed."""

import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.errors import UsageError, did_you_mean

__all__ = ["DAMAGED", "MAX_GROUPS", "Table"]

MAX_GROUPS = 1000
DAMAGED = (
    *(ValueError, TypeError, EOFError, KeyError, SyntaxError, OverflowError, RecursionError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError),
    tokenize.TokenError,
)
"""What the readers of foreign files raise on nonsense, beside their own errors."""

Array = npt.NDArray[Any]
Label = int | float | str | bool


@dataclass(frozen=True)
class Table:
    """Columns by name, each an Arrow array (one value a row) or an n-dimensional NumPy array.

    `places` are those of the rows in the file, from 0; None where they are all of them.
    """

    path: Path
    columns: dict[str, Any]
    rows: int
    rows_in_file: int
    places: npt.NDArray[np.int64] | None = None

    def row_numbers(self) -> npt.NDArray[np.int64]:
        """The place of each row in the file, from 0, shape (rows,)."""
        return np.arange(self.rows, dtype=np.int64) if self.places is None else self.places

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
        columns = {}
        for name, column in self.columns.items():
            with _convertible(name, "the rows asked for"):
                columns[name] = column.take(rows) if _is_arrow(column) else column[rows]
        numbers = self.row_numbers()[rows]
        return Table(self.path, columns, int(rows.size), self.rows_in_file, numbers)

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

    def codes(
        self, name: str, what: str, most: int | None = MAX_GROUPS
    ) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
        """A column as group codes and their sorted names; null, NaN and empty text are -1.

        Numbers of a CSV are named as they are written there, so that 01 and 1 are two groups.

        Raises:
            UsageError: no such column, or it has over `most` different values.
        """
        import pyarrow as pa

        column = _one_value_a_row(self.need(name, what), name, what)
        with _convertible(name, what):
            is_float = pa.types.is_floating(column.type)
            if self.path.suffix.lower() == ".csv" and (
                is_float or pa.types.is_integer(column.type)
            ):
                column = self._as_written(name, column)
            elif is_float:
                column = _whole_as_integers(column.cast(pa.float64()))
            encoded = column.cast(pa.string()).dictionary_encode()
            raw = [str(one) for one in encoded.dictionary.to_pylist()]
            indices = encoded.indices.fill_null(len(raw)).to_numpy(zero_copy_only=False)
        names = sorted(one for one in raw if one != "")
        if most is not None and len(names) > most:
            raise UsageError(
                f"column '{name}' has {len(names):,} different values, too many for {what}: choose "
                f"one with at most {most:,}, or put its values in bands"
            )
        code = {one: place for place, one in enumerate(names)} | {"": -1}
        place = np.array([code[one] for one in raw] + [-1], np.int32)
        return place[indices], tuple(names)

    def _as_written(self, name: str, numbers: Any) -> Any:
        """The text of a column of numbers of a CSV, null where the number is null or NaN."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv

        options = csv.ConvertOptions(include_columns=[name], column_types={name: pa.string()})
        text = csv.read_csv(self.path, convert_options=options).column(name).combine_chunks()
        if self.places is not None:
            text = text.take(self.places)
        return pc.if_else(numbers.is_null(nan_is_null=True), None, pc.utf8_trim_whitespace(text))

    def labels(self, name: str) -> list[Label]:
        """The label column as Python values.

        Raises:
            UsageError: a row has no label.
        """
        column = _one_value_a_row(self.need(name, "data.label"), name, "data.label")
        with _convertible(name, "data.label"):
            values: list[Label] = [_plain(one) for one in column.to_pylist()]
        absent = sum(one is None or one != one or one == "" for one in values)
        if absent:
            raise UsageError(
                f"{absent:,} of {len(values):,} rows have no label in '{name}': drop them or fill "
                "them in"
            )
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
        column = _decoded(column)
        kind = column.type
        texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
        if any(is_text(kind) for is_text in texts):
            return np.array(["" if v is None else v for v in column.to_pylist()], np.str_)
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise UsageError(f"column '{name}' is {kind}: convert it to numbers or text first")
        array: Array = column.to_numpy(zero_copy_only=False)
        return array


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
    column = _decoded(column)
    if pa.types.is_nested(column.type):
        raise UsageError(f"column '{name}' holds lists or records; {what} needs one value a row")
    return column


def _decoded(column: Any) -> Any:
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _whole_as_integers(column: Any) -> Any:
    """Floats without NaN; as integers when every one is whole, so that a group reads 1, not 1.0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.if_else(pc.is_nan(column), None, column)
    small = pc.less(pc.abs(column), pa.scalar(2.0**53))
    whole = pc.and_(pc.equal(pc.floor(column), column), small)
    return column.cast(pa.int64()) if pc.all(whole).as_py() in (True, None) else column


def _plain(label: Any) -> Any:
    """A label as a value a record can hold: bytes as UTF-8, dates and decimals as written."""
    if isinstance(label, bytes):
        return label.decode("utf-8")
    return label if label is None or isinstance(label, int | float | str | bool) else str(label)


@contextmanager
def _convertible(name: str, what: str) -> Iterator[None]:
    """Say which column has values that cannot be read."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, *DAMAGED) as error:
        first = (str(error).strip().splitlines() or ["unreadable"])[0][:120]
        raise UsageError(
            f"column '{name}' cannot be read for {what} ({first}): save it as UTF-8 text or numbers"
        ) from None
