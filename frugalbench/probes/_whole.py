"""What all rows of an input say of it: its kind, its range, how far its columns spread."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Whole", "back", "columns", "images", "signals"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Layout = Literal["NCHW", "NHWC"]
MOST_ROWS = 20_000
CHANNELS = (1, 3, 4)
FEWEST_SAMPLES = 256
"""A row of fewer numbers is taken for columns of a table, not for sound."""


class Whole:
    """Every row of an input, row axis first, and what they say together.

    A table has one number, or one row of numbers, a row: its statistics are of each column. Of any
    other input they are of all its numbers. Empty values (NaN) and infinite ones do not count, and
    of very many rows an even sample does.
    """

    def __init__(self, array: Array, seed: Sequence[int] = (0,)) -> None:
        """Keep the rows, shape (rows, …), at least one, and a seed for all passes over them."""
        self.rows = array
        self.seed = tuple(seed)
        self.dtype = array.dtype
        self.is_number = array.dtype.kind in "biuf"
        self.is_text = array.dtype.kind in "OUS"
        self.is_table = array.ndim <= 2

    @cached_property
    def _sample(self) -> Floats:
        """Rows to look at, (rows, columns); what is no finite number is NaN."""
        step = max(1, -(-len(self.rows) // MOST_ROWS))
        some = np.asarray(self.rows[::step]).astype(np.float64)
        flat = some.reshape(len(some), -1) if self.is_table else some.reshape(-1, 1)
        return np.where(np.isfinite(flat), flat, np.nan)

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_]:
        return np.asarray((~np.isnan(self._sample)).any(axis=0))

    def _of_columns(self, statistic: Any) -> Floats:
        """A statistic of each column with a number in it; 0 for the others, (columns,)."""
        found = np.zeros(self._sample.shape[1])
        found[self._known] = statistic(self._sample[:, self._known], axis=0)
        return found

    @cached_property
    def low(self) -> Floats:
        """The smallest value seen, of each column in a table, (columns,) or (1,)."""
        return self._of_columns(np.nanmin)

    @cached_property
    def high(self) -> Floats:
        """The largest value seen, (columns,) or (1,)."""
        return self._of_columns(np.nanmax)

    @cached_property
    def spread(self) -> Floats:
        """What a severity is a share of: a column's standard deviation, or the range of values."""
        if not self.is_table:
            return self.high - self.low
        return self._of_columns(np.nanstd)

    @cached_property
    def median(self) -> Floats:
        """The lower median, which is a value that was seen, (columns,) or (1,)."""

        def lower(values: Floats, axis: int) -> Any:
            return np.nanquantile(values, 0.5, axis=axis, method="lower")

        return self._of_columns(lower)

    @cached_property
    def is_coded(self) -> npt.NDArray[np.bool_]:
        """Which columns of a table hold whole numbers only, as codes and counts do."""
        if not self.is_table:
            return np.array([self.dtype.kind in "biu"])
        known = np.nan_to_num(self._sample)
        coded: npt.NDArray[np.bool_] = (known == np.rint(known)).all(axis=0)
        return coded

    @cached_property
    def layout(self) -> Layout | None:
        """Where the channels of images are; None when the rows are no images."""
        if self.rows.ndim != 4:
            return None
        _, first, _, last = self.rows.shape
        if first in CHANNELS:
            return "NCHW"
        return "NHWC" if last in CHANNELS else None


def back(values: Floats, whole: Whole, *, overall: bool = False) -> Array:
    """Values in the input's type and inside the range that was seen of it.

    Args:
        values: shape (rows, columns) for a table, any other shape else.
        whole: the input they belong to.
        overall: the range is that of all columns together, as in a sound.
    """
    low, high = whole.low, whole.high
    if overall:
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    inside = np.clip(values, low, high)
    if whole.dtype.kind == "b":
        return inside >= 0.5
    if whole.dtype.kind in "iu":
        info = np.iinfo(whole.dtype)
        # The largest integers have no double of their own: what rounds past them is cut back.
        with np.errstate(invalid="ignore"):
            cast = np.rint(inside).astype(whole.dtype)
        return np.where(inside >= float(info.max), info.max, cast).astype(whole.dtype)
    return inside.astype(whole.dtype)


def columns(whole: Whole) -> str:
    """Why an input is no table of numbers; empty when it is one."""
    if not whole.is_number:
        return "its input holds text, not numbers"
    return "" if whole.is_table else "its input is no table: it has more than one number a column"


def images(whole: Whole) -> str:
    """Why an input is no batch of images; empty when it is one."""
    if not whole.is_number or whole.dtype.kind == "b":
        return "its input holds no pixels"
    if whole.layout is None:
        return "its input is no batch of images: it needs four axes, one of 1, 3 or 4 channels"
    return ""


def signals(whole: Whole) -> str:
    """Why an input is no batch of sounds; empty when it is one."""
    if not whole.is_number or whole.dtype.kind == "b":
        return "its input holds no samples of sound"
    if whole.rows.ndim not in (2, 3) or whole.rows.shape[-1] < FEWEST_SAMPLES:
        return f"its input is no sound: it needs {FEWEST_SAMPLES} samples a row, on the last axis"
    return ""
