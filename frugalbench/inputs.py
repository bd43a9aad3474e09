"""From columns to model inputs, by name or as one matrix; or seeded inputs from the graph alone.

Pure functions of NumPy arrays and `Port`s. A *feed* holds every row of every input, row axis
first; `rows_of` cuts the piece one call needs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.errors import UsageError
from frugalbench.record import Port

__all__ = ["batch_size", "generate", "is_free", "is_whole", "map_columns", "rows_of"]

Array = npt.NDArray[Any]
Fetch = Callable[[str, str], Array]
MAX_CALL_BYTES = 4 * 1024**3
GENERATED_BYTES = 256 * 1024**2
DRAWN_BYTES = 8
"""A random number is drawn in double precision, whatever the input takes."""

DTYPES: dict[str, np.dtype[Any]] = {
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "float16": np.dtype(np.float16),
    "int8": np.dtype(np.int8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype(np.uint16),
    "uint32": np.dtype(np.uint32),
    "uint64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_),
    "string": np.dtype(object),
}


def dtype_of(port: Port) -> np.dtype[Any]:
    """The NumPy type of an input.

    Raises:
        UsageError: the input is of a type no array has.
    """
    if port.dtype not in DTYPES:
        raise UsageError(
            f"input '{port.name}' is of type {port.dtype}, which frugalbench cannot feed: export "
            "the model with inputs of numbers or text"
        )
    return DTYPES[port.dtype]


def map_columns(
    ports: tuple[Port, ...],
    columns: tuple[str, ...],
    fetch: Fetch,
    *,
    features: tuple[str, ...],
    others: frozenset[str],
    groups: frozenset[str] = frozenset(),
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Make the feed of a model from named columns.

    Args:
        ports: the model's inputs.
        columns: every column there is, in file order.
        fetch: gives a column by name; its second argument says what for.
        features: the declared or embedded order of a matrix's columns, or empty.
        others: columns that are never features (label, split).
        groups: columns that may or may not be features.

    Returns:
        The feed, and the names of the columns used.

    Raises:
        UsageError: an input finds no column, or the columns cannot be told apart.
    """
    if all(port.name in columns for port in ports):
        feed = {port.name: _shaped(port, fetch(port.name, "an input")) for port in ports}
        return feed, tuple(port.name for port in ports)
    if len(ports) > 1:
        absent = ", ".join(port.name for port in ports if port.name not in columns)
        raise UsageError(
            f"the model has {len(ports)} inputs and the data no column for: {absent}; "
            "rename the columns after the inputs"
        )
    port = ports[0]
    used = features or _all_features(port, columns, others, groups, fetch)
    arrays = [fetch(name, "the model's matrix") for name in used]
    if len(arrays) == 1 and arrays[0].ndim > 1:
        return {port.name: _shaped(port, arrays[0])}, used
    for name, array in zip(used, arrays, strict=True):
        if array.ndim > 1 or (array.dtype.kind == "U" and port.dtype != "string"):
            raise UsageError(
                f"column '{name}' holds text or arrays, and the input '{port.name}' takes "
                f"{port.dtype}: encode it, or choose columns with data.features=[…]"
            )
    # Each column in the input's type first: stacked, integers and floats would become floats.
    return {port.name: _shaped(port, np.column_stack([_cast(port, a) for a in arrays]))}, used


def _all_features(
    port: Port,
    columns: tuple[str, ...],
    others: frozenset[str],
    groups: frozenset[str],
    fetch: Fetch,
) -> tuple[str, ...]:
    """The columns of a one-matrix model when nothing lists them: only if the count is certain."""
    candidates = tuple(name for name in columns if name not in others)
    without = tuple(name for name in candidates if name not in groups)
    tensors = tuple(n for n in without if fetch(n, "an input").ndim > 1)
    if len(tensors) == 1:
        return tensors
    width = port.shape[-1] if port.shape and len(port.shape) == 2 else None
    for names in (without, candidates):
        if width == len(names):
            return names
    takes = width if isinstance(width, int) else "an unstated number of"
    shown = ", ".join(without[:8]) + (", …" if len(without) > 8 else "")
    raise UsageError(
        f"the input '{port.name}' takes {takes} columns and the data have {len(without)} that "
        f"could be features ({shown}): list them in order with data.features=[…]"
    )


def _shaped(port: Port, array: Array) -> Array:
    """The array in the input's type, with its row axis first and a feature axis if it has one."""
    array = _cast(port, array)
    if port.shape is None:
        return array
    rank = len(port.shape)
    if array.ndim == 1 and rank == 2:
        array = array[:, None]
    # One axis more than the input has: each row is a whole input of its own.
    whole = array.ndim == rank + 1
    if array.ndim != rank and not whole:
        raise UsageError(
            f"input '{port.name}' has {rank} axes and the data give {array.ndim}: reshape the array"
        )
    wanted, given = (port.shape, array.shape[1:]) if whole else (port.shape[1:], array.shape[1:])
    for want, got in zip(wanted, given, strict=True):
        if isinstance(want, int) and want != got:
            raise UsageError(
                f"input '{port.name}' takes {'×'.join(str(w) for w in wanted)} a row and the data "
                f"give {'×'.join(str(g) for g in given)}: reshape them, or choose other columns"
            )
    return np.ascontiguousarray(array)


def _cast(port: Port, array: Array) -> Array:
    want = dtype_of(port)
    unfit = (
        f"input '{port.name}' takes {port.dtype}, which cannot hold its data: convert them first"
    )
    if port.dtype == "string":
        return array.astype(np.str_).astype(object)
    if array.dtype.kind not in "biuf":
        raise UsageError(
            f"input '{port.name}' takes {port.dtype} and its column holds text: encode it first"
        )
    if want.kind in "iub":
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UsageError(
                f"input '{port.name}' takes {port.dtype} and its data have empty values: fill them "
                "in, or drop the rows"
            )
        with np.errstate(invalid="ignore", over="ignore"):
            cast = array.astype(want)
            kept = np.array_equal(cast.astype(np.float64), array.astype(np.float64))
        if not kept:
            raise UsageError(unfit)
        return cast
    with np.errstate(over="ignore"):
        cast = array.astype(want)
    if array.dtype != want and (np.isinf(cast) & np.isfinite(array)).any():
        raise UsageError(unfit)
    return cast


def batch_size(ports: tuple[Port, ...], feed: Mapping[str, Array], asked: int) -> int:
    """The rows a call takes: what the graph fixes, else what was asked.

    Where the feed holds a whole input a row (a state, a scalar), a call takes one row.

    Raises:
        UsageError: the graph fixes another batch than the one asked for (other than 1), or the
            inputs of a call would be too large.
    """
    whole = any(is_whole(port, feed[port.name]) for port in ports)
    fixed = {p.shape[0] for p in ports if p.shape and isinstance(p.shape[0], int)}
    if not (fixed or whole):
        _check_size(asked * sum(array[:1].nbytes for array in feed.values()))
        return asked
    rows = fixed.pop() if len(fixed) == 1 and not whole else 1
    if asked not in (1, rows):
        raise UsageError(f"the graph takes {rows} rows a call, not {asked}: leave plan.batch out")
    return rows


def is_whole(port: Port, array: Array) -> bool:
    """Whether each row of a feed is a whole input: it has one axis more than the input."""
    return port.shape is not None and array.ndim == len(port.shape) + 1


def is_free(ports: tuple[Port, ...], feed: Mapping[str, Array]) -> bool:
    """Whether the batch may be any: no graph input fixes it, and none is whole in every row."""
    whole = any(is_whole(port, feed[port.name]) for port in ports)
    fixed = any(port.shape and isinstance(port.shape[0], int) for port in ports)
    return not (whole or fixed)


def rows_of(
    ports: tuple[Port, ...], feed: Mapping[str, Array], start: int, rows: int
) -> dict[str, Array]:
    """The inputs of one call: `rows` rows from `start`, the last row repeated past the end."""
    total = min(len(array) for array in feed.values())
    index = np.minimum(np.arange(start, start + rows), total - 1)
    cut = {}
    for port in ports:
        array = feed[port.name]
        cut[port.name] = np.asarray(array[start] if is_whole(port, array) else array[index])
    return cut


def generate(
    ports: tuple[Port, ...], dims: Mapping[str, int], rows: int, seed: int, least: int = 1
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Seeded inputs from the graph: normal floats, zeros and ones for integers.

    Dynamic axes other than the first take their size from `dims`, or 1. Large inputs are fewer
    than `rows`, but never fewer than `least`.

    Returns:
        The feed, and a note for each axis whose size nobody gave.

    Raises:
        UsageError: an input is of a type no array has, or too large to be made.
    """
    rng = np.random.default_rng(seed)
    firsts = {port.shape[0] if port.shape else None for port in ports}
    # One number for the first axis of every input is a batch the graph fixes.
    batched = len(firsts) == 1 and isinstance(next(iter(firsts)), int)
    shapes: dict[str, list[int]] = {}
    notes: list[str] = []
    for port in ports:
        first, *rest = port.shape or (1,)
        free = not isinstance(first, int) and (first is None or first not in dims)
        sizes, lacking = _sizes(port, rest if free or batched else list(port.shape or ()), dims)
        shapes[port.name] = sizes
        notes += lacking
    row_bytes = max(1, DRAWN_BYTES * sum(math.prod(sizes) for sizes in shapes.values()))
    _check_size(row_bytes * least)
    rows = max(least, min(rows, GENERATED_BYTES // row_bytes))
    feed = {port.name: _random(rng, dtype_of(port), [rows, *shapes[port.name]]) for port in ports}
    return feed, tuple(notes)


def _check_size(call_bytes: int) -> None:
    if call_bytes > MAX_CALL_BYTES:
        raise UsageError(
            "the inputs of one call would take over 4 GiB: make plan.batch or model.dims smaller"
        )


def _sizes(
    port: Port, shape: Sequence[int | str | None], dims: Mapping[str, int]
) -> tuple[list[int], list[str]]:
    """The size of each axis, and a note for each one nobody gave."""
    sizes, notes = [], []
    for axis, size in enumerate(shape, start=len(port.shape or ()) - len(shape)):
        if isinstance(size, int):
            sizes.append(size)
            continue
        sizes.append(dims.get(size or "", 1))
        if (size or "") not in dims:
            way = f"+model.dims.{size}=N" if size else "real inputs, data=./inputs.npz"
            notes.append(
                f"axis {size or axis} of input '{port.name}' was set to 1 for want of a size: "
                f"give {way}"
            )
    return sizes, notes


def _random(rng: np.random.Generator, dtype: np.dtype[Any], shape: list[int]) -> Array:
    if dtype.kind == "O":
        return np.full(shape, "a", object)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)
