"""Count labels and answers of a table as it streams by: answers that were given elsewhere.

Memory does not grow with the rows, so that tens of millions of them are counted on a laptop.
"""

import math
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.data import DAMAGED, MAX_GROUPS
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.metrics import MISSING_GROUP, MissingGroups
from frugalbench.metrics._counts import Counts, Tally

__all__ = ["audit"]

Ints = npt.NDArray[np.int64]
Label = int | float | str | bool
BATCH_ROWS = 1 << 18
MAX_CLASSES = 1000
MOST_NAMED = 5
MAX_CELLS = 1 << 24
"""Cells of a table of counts: groups times classes times classes take 128 MiB at most."""


def audit(
    path: str | Path,
    *,
    label: str,
    answer: str,
    groups: Sequence[str],
    positive: Label | None = None,
    missing: MissingGroups = "fail",
) -> dict[str, Counts]:
    """Count a table of labels and answers by groups of people.

    Args:
        path: a CSV or Parquet file; the groups of a CSV are read as text, so that 01 is not 1.
        label: the column of what is true.
        answer: the column of what a model said, in the same words.
        groups: columns of groups.
        positive: the label counted as positive, as it is or as it reads; with two of them that are
            not 0 and 1 it is needed.
        missing: what to do with rows that do not say their group: a group of their own (`include`),
            left out (`exclude`), or refused (`fail`).

    Returns:
        The counts by group of each column, for `frugalbench.metrics.fairness.disparity`.

    Raises:
        UsageError: the file cannot be read, has no such column or no row, a row has no label, an
            answer is none of the labels, or the groups or classes are too many.
    """
    file = Path(path)
    columns = {name: _Names() for name in groups}
    if not columns:
        raise UsageError("there is nothing to compare: name a group column")
    classes, tables = _Names(), {name: np.zeros((0, 0, 0), np.int64) for name in groups}
    rows = 0
    for batch in _batches(file, (label, answer, *columns), set(columns) - {label, answer}):
        y_true = _classes(classes, batch[label], label)
        if (y_true < 0).any():
            raise UsageError(f"some rows of {file} have no label in '{label}': drop them")
        y_pred = _classes(classes, batch[answer], answer)
        for name, known in columns.items():
            codes = known.codes(batch[name], name)
            if len(known) > MAX_GROUPS:
                raise UsageError(
                    f"column '{name}' has over {MAX_GROUPS:,} groups: put its values in bands"
                )
            if (1 + len(known)) * len(classes) ** 2 > MAX_CELLS:
                raise UsageError(
                    f"{len(known):,} groups in '{name}' are too many for {len(classes):,} classes: "
                    "put the groups or the classes in bands"
                )
            # The rows without a group come first, the group 0 of the table.
            tally = Tally(1 + len(known), len(classes))
            tally.add(codes + 1, y_true, y_pred)
            tables[name] = _grown(tables[name], tally.table.shape) + tally.table
        rows += y_true.size
    if not rows:
        raise UsageError(f"data {file} holds no rows")
    _same_words(tables, classes, label, answer)
    return {
        name: _sorted(name, tables[name], known, classes, positive, missing)
        for name, known in columns.items()
    }


class _Names:
    """The values of a column, numbered as they come."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self.known)

    def codes(self, column: Any, name: str) -> Ints:
        """A piece of a column as codes, int64 (rows,); null, NaN and empty text are -1."""
        import pyarrow as pa

        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if pa.types.is_nested(column.type):
            raise UsageError(f"column '{name}' holds lists or records, not one value a row")
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        places = [self._place(one) for one in encoded.dictionary.to_pylist()] + [-1]
        indices = encoded.indices
        if indices.null_count:
            indices = indices.fill_null(len(places) - 1)
        codes: Ints = np.array(places, np.int64)[indices.to_numpy(zero_copy_only=False)]
        return codes

    def _place(self, value: Any) -> int:
        if value is None or value == "" or value != value:
            return -1
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, int | float | str):
            value = str(value)
        return self.known.setdefault(value, len(self.known))


def _classes(known: _Names, column: Any, name: str) -> Ints:
    codes = known.codes(column, name)
    if len(known) > MAX_CLASSES:
        raise UsageError(
            f"column '{name}' holds numbers, not classes: with it there are over {MAX_CLASSES:,} "
            "different values; answers must be classes, so compare probabilities with a threshold "
            "first"
        )
    return codes


def _same_words(tables: dict[str, Ints], classes: _Names, label: str, answer: str) -> None:
    """Answers that are no label are in other words or not there, and neither is a wrong answer."""
    table = next(iter(tables.values())).sum(axis=0)
    labelled, answered = table.sum(axis=1) > 0, table[:, :-1].sum(axis=0)
    if answered.any() and not (labelled & (answered > 0)).any():
        raise UsageError(
            f"no answer in '{answer}' is one of the labels in '{label}': write both in the same "
            "words"
        )
    values = list(classes.known)
    other = np.flatnonzero(~labelled & (answered > 0))
    if other.size:
        named = ", ".join(str(values[place]) for place in other[:MOST_NAMED])
        raise UsageError(
            f"{answered[other].sum():,} answers in '{answer}' are none of the labels "
            f"({named}{', …' * (other.size > MOST_NAMED)}): recode them, or give the labels that "
            "are missing"
        )
    if table[:, -1].any():
        raise UsageError(
            f"{table[:, -1].sum():,} rows have no answer in '{answer}': fill it in, or drop them"
        )


def _grown(table: Ints, shape: tuple[int, ...]) -> Ints:
    """The same counts in a larger table; the answers outside the classes stay last."""
    larger = np.zeros(shape, np.int64)
    groups, labels, answers = table.shape
    if table.size:
        larger[:groups, :labels, : answers - 1] = table[:, :, :-1]
        larger[:groups, :labels, -1] = table[:, :, -1]
    return larger


def _sorted(
    name: str,
    table: Ints,
    known: _Names,
    classes: _Names,
    positive: Label | None,
    missing: MissingGroups,
) -> Counts:
    """Groups and classes in order; every answer is one of the classes."""
    absent = int(table[0].sum())
    if absent and missing == "fail":
        raise UsageError(
            f"{absent:,} rows have no '{name}': count them as a group with --missing include, or "
            "leave them out with --missing exclude (missing=… in Python)"
        )
    table = _grown(table, (1 + len(known), len(classes), len(classes) + 1))
    labelled = table.sum(axis=(0, 2)) > 0
    order = sorted(known.known.items(), key=lambda one: _in_order(one[0]))
    named = [one for one in classes.known.items() if labelled[one[1]]]
    named.sort(key=lambda one: _in_order(one[0]))
    places = np.array([code for _, code in named], np.int64)
    values = tuple(value for value, _ in named)
    if absent and missing == "include" and MISSING_GROUP in known.known:
        raise UsageError(
            f"a group in '{name}' is named {MISSING_GROUP}, the name of rows without one: rename it"
        )
    groups = [1 + code for _, code in order] + ([0] if absent and missing == "include" else [])
    names = (*(str(value) for value, _ in order), *((MISSING_GROUP,) if 0 in groups else ()))
    # The last answers, those outside the classes, stay none.
    counts = np.pad(table[groups][:, places][:, :, places], ((0, 0), (0, 0), (0, 1)))
    return Counts(names, counts, _positive(values, positive), values)


def _in_order(value: int | float | str) -> tuple[bool, float, str]:
    """Sorts numbers before words, and text that reads as a number like one."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return True, 0.0, str(value)
    return (False, number, str(value)) if math.isfinite(number) else (True, 0.0, str(value))


def _positive(values: tuple[Any, ...], positive: Label | None) -> int | None:
    if positive is not None:
        words = [str(value) for value in values]
        if positive in values:
            return values.index(positive)
        if str(positive) in words:
            return words.index(str(positive))
        raise UsageError(f"no row is labelled {positive}: {did_you_mean(str(positive), words)}")
    if set(values) == {0, 1}:
        return values.index(1)
    if len(values) == 2:
        raise UsageError(
            f"which label is positive? add --positive {shlex.quote(str(values[0]))} or --positive "
            f"{shlex.quote(str(values[1]))} (positive=… in Python)"
        )
    return None


def _batches(
    file: Path, names: Sequence[str], as_text: Collection[str]
) -> Iterator[dict[str, Any]]:
    """The columns of a table, piece by piece; of a CSV, some as the text that is written."""
    import pyarrow as pa

    readers: dict[str, Callable[[Path, tuple[str, ...]], Iterator[Any]]]
    readers = {".csv": partial(_csv, as_text=as_text), ".parquet": _parquet}
    if file.suffix.lower() not in readers:
        raise UsageError(f"data {file} must end in .csv or .parquet")
    if not file.is_file():
        raise UsageError(f"there is no data file {file}; check its path")
    try:
        for batch in readers[file.suffix.lower()](file, tuple(dict.fromkeys(names))):
            yield {name: batch.column(name) for name in names}
    except OSError as error:
        raise UsageError(f"data {file} cannot be read: {_line(error)}") from None
    except (pa.ArrowException, *DAMAGED) as error:
        raise UsageError(f"data {file} cannot be read: {_line(error)}; save it again") from None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it is damaged"])[0][:200]


def _parquet(file: Path, names: tuple[str, ...]) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(file) as source:
        schema = source.schema_arrow
        _need(file, names, schema.names)
        for name in names:
            if pa.types.is_nested(schema.field(name).type):
                raise UsageError(f"column '{name}' holds lists or records, not one value a row")
    # Text comes out of the file as codes, which need not be made again.
    with parquet.ParquetFile(file, read_dictionary=list(names)) as source:
        yield from source.iter_batches(BATCH_ROWS, columns=list(names))


def _csv(file: Path, names: tuple[str, ...], as_text: Collection[str]) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    options = csv.ConvertOptions(
        column_types=dict.fromkeys(as_text, pa.string()), strings_can_be_null=True
    )
    with csv.open_csv(file, convert_options=options) as source:
        _need(file, names, source.schema.names)
        yield from source


def _need(file: Path, names: Sequence[str], there: Sequence[str]) -> None:
    for name in names:
        if name not in there:
            raise UsageError(f"{file} has no column '{name}': {did_you_mean(name, there)}")
        if list(there).count(name) > 1:
            raise UsageError(f"data {file} has two columns named '{name}': rename one")
