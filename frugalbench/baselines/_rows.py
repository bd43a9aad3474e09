"""The rows a baseline is fitted to, as one matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.errors import UsageError
from frugalbench.record import Port

__all__ = ["Rows"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

MOST_ROWS = 100_000
MOST_COLUMNS = 4096
MOST_CELLS = 1 << 26
"""Beyond these more rows change a small model little, and take minutes to fit."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows, and the inputs that a baseline must take.

    `feed` holds every row of every input of `ports`, row axis first. `labels` are codes into
    `classes`, int64 (rows,), or numbers, float64 (rows,), where `classes` is empty. `empty` says
    that features may be NaN, here or in the rows to be answered. `seed` draws rows when there are
    too many to fit.
    """

    ports: tuple[Port, ...]
    feed: Mapping[str, Array]
    labels: Array
    classes: tuple[int | float | str | bool, ...] = ()
    empty: bool = True
    seed: int = 0

    def is_whole(self, port: Port) -> bool:
        """Whether each row is a whole input, with no axis for rows in the graph."""
        return port.shape is not None and self.feed[port.name].ndim == len(port.shape) + 1

    def matrix(self) -> tuple[Floats, Array]:
        """The features as the graph sees them, float64 (rows, features), and their labels.

        Values are rounded to single precision, in which the graph computes. At most `MOST_ROWS`
        rows are drawn.

        Raises:
            UsageError: an input is text, has too many values, or holds an infinite one.
        """
        rows = int(self.labels.size)
        for port in self.ports:
            self._check(port, rows)
        columns = sum(int(self.feed[port.name][:1].size) for port in self.ports)
        if columns > MOST_COLUMNS:
            raise UsageError(
                f"{columns:,} values a row are too many for a linear or tree baseline: choose "
                "baselines=constant, or a model"
            )
        taken = self._drawn(rows, columns)
        parts = [
            self.feed[port.name][taken].reshape(taken.size, -1).astype(np.float32)
            for port in self.ports
        ]
        matrix = np.hstack(parts).astype(np.float64)
        if np.isinf(matrix).any():
            raise UsageError(
                "the training rows hold infinite values, to which no baseline can be fitted: drop "
                "those rows"
            )
        return matrix, self.labels[taken]

    def _check(self, port: Port, rows: int) -> None:
        array = self.feed[port.name]
        if array.dtype.kind not in "biuf":
            raise UsageError(
                f"input '{port.name}' takes text, which a linear or tree baseline cannot: choose "
                "baselines=constant, or a model"
            )
        if len(array) != rows:
            raise UsageError(
                f"input '{port.name}' has {len(array)} values for {rows} training rows: a baseline "
                "needs one a row"
            )

    def _drawn(self, rows: int, columns: int) -> npt.NDArray[np.int64]:
        most = max(1, min(MOST_ROWS, MOST_CELLS // max(1, columns)))
        if rows <= most:
            return np.arange(rows)
        drawn = np.random.default_rng(self.seed).choice(rows, most, replace=False)
        return np.sort(drawn).astype(np.int64)
