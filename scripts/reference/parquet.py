"""Writing a prepared data set as one compact Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import sha256
from .tables import Prepared


def number_type(values: Sequence[float | int | str | None]) -> pa.DataType:
    """The smallest of int8, int16, int32 and float32 that holds the values."""
    numbers = [float(value) for value in values if value is not None]
    if any(not number.is_integer() for number in numbers):
        return pa.float32()
    largest = max(abs(number) for number in numbers)
    return pa.int8() if largest < 2**7 else pa.int16() if largest < 2**15 else pa.int32()


def to_table(prepared: Prepared) -> pa.Table:
    """Features, groups, label and split as one Arrow table."""
    text = pa.dictionary(pa.int8(), pa.string())
    columns: dict[str, pa.Array[Any]] = {}
    for column in [*prepared.features, prepared.label]:
        kind = number_type(column.values)
        cast = float if pa.types.is_floating(kind) else int
        values = [cast(value) for value in column.values if value is not None]
        columns[column.name] = pa.array(values, kind)
    label = columns.pop(prepared.label.name)
    for column in prepared.groups:
        columns[column.name] = pa.array(column.values, text)
    columns[prepared.label.name] = label
    columns["split"] = pa.array(prepared.split, text)
    return pa.table(columns)


def write_parquet(table: pa.Table, path: Path) -> str:
    """Write one compact file; returns its SHA-256."""
    pq.write_table(table, path, compression="zstd", compression_level=19, version="2.6")
    return sha256(path.read_bytes())
