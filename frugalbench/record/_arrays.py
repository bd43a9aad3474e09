"""Which kind, shape and range each array of a record promises by its name."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.record import DataFacts, Record

__all__ = ["fits"]

Array = npt.NDArray[Any]


def fits(record: Record, name: str, array: Array) -> bool:
    """Whether an array is what its name promises."""
    if name.startswith("baseline:"):
        return _fits_baseline(record, name, array)
    if name == "latency_ns":
        kept = sum(process.kept for process in record.run.processes) if record.run else -1
        return array.dtype.kind == "i" and array.shape == (kept,) and bool((array >= 0).all())
    if name.startswith(("check:", "offline:")):
        return array.dtype.kind in "if" and array.ndim == 1 and bool((array >= 0).all())
    data = record.data
    if data is None or array.ndim == 0:
        return False
    if name.startswith("probe:") or name == "importance":
        return _fits_probe(record, data, name, array)
    if name.startswith("neighbours"):
        return array.ndim == 1 + (name == "neighbours") and _within(array, 0, data.rows)
    if name.startswith("member:"):
        return _fits_rows(data, name.removeprefix("member:"), array)
    return len(array) == data.rows and _fits_rows(data, name, array)


def _fits_baseline(record: Record, name: str, array: Array) -> bool:
    """The array of a baseline is that of a record of its own."""
    _, of, own = [*name.split(":", 2), "", ""][:3]
    beside = record.baseline(of)
    return beside is not None and not own.startswith("baseline:") and fits(beside, own, array)


def _fits_probe(record: Record, data: DataFacts, name: str, array: Array) -> bool:
    probed = record.probed
    if probed is None or array.shape[-1] != probed.rows:
        return False
    if name == "importance":
        wanted = (len(probed.features), probed.rows)
        return array.dtype.kind == "f" and array.shape == wanted
    if name == "probe:rows":
        return array.ndim == 1 and _within(array, 0, data.rows)
    _, number, own = [*name.split(":", 2), "", ""][:3]
    known = number.isdecimal() and int(number) < len(probed.passes)
    return known and own in ("y_pred", "value") and _fits_rows(data, own, array)


def _fits_rows(data: DataFacts, name: str, array: Array) -> bool:
    """Whether an array with a value a row is what its name promises, whatever the rows."""
    if name in ("value", "target", "difficulty"):
        return array.dtype.kind == "f" and array.ndim == 1
    if name == "score":
        return array.dtype.kind == "f" and array.shape[1:] == (len(data.classes),)
    if name == "cluster":
        return array.ndim == 1 and _within(array, 0, data.clusters)
    column = name.removeprefix("group:")
    if column != name:
        return array.ndim == 1 and _within(array, -1, len(data.groups.get(column, ())))
    if name not in ("y_true", "y_pred"):
        return False
    return array.ndim == 1 and _within(array, 0 if name == "y_true" else -1, len(data.classes))


def _within(array: Array, lowest: int, end: int) -> bool:
    """Whether an array holds integers from `lowest` to below `end` only."""
    return array.dtype.kind == "i" and bool(np.all((array >= lowest) & (array < end)))
