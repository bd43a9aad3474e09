"""Which rows are most alike, by Euclidean distance over standardised columns."""

import numpy as np
import numpy.typing as npt

__all__ = ["NEIGHBOURS", "nearest"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NEIGHBOURS = 5
MOST_ROWS = 2000
MOST_PAIRS = 300_000_000
"""Distances between rows that are computed at most, a few seconds of it."""
PAIRS_AT_ONCE = 4_000_000


def nearest(matrix: Floats, seed: int, k: int = NEIGHBOURS) -> tuple[Ints, Ints] | None:
    """For some rows, the k others that are nearest to each.

    At most 2,000 rows are drawn with the seed, and fewer where there are so many to compare them
    with that it would take long. Their neighbours are looked for among all rows.

    Args:
        matrix: standardised columns, (rows, columns).
        seed: of the drawing.
        k: how many neighbours.

    Returns:
        The rows that were drawn, in order, int64 (some,), and their neighbours, the nearest first,
        int64 (some, k); None with k rows or fewer, or where no column tells them apart.
    """
    rows, width = matrix.shape
    if rows <= k or not width:
        return None
    some = max(1, min(rows, MOST_ROWS, MOST_PAIRS // rows))
    drawn = np.sort(np.random.default_rng(seed).choice(rows, some, replace=False)).astype(np.int64)
    squares = (matrix**2).sum(axis=1)
    step = max(1, PAIRS_AT_ONCE // rows)
    found = [
        _nearest(matrix, squares, drawn[start : start + step], k) for start in range(0, some, step)
    ]
    return drawn, np.concatenate(found)


def _nearest(matrix: Floats, squares: Floats, of: Ints, k: int) -> Ints:
    """The k nearest of all rows to each of a few."""
    # The square of a row's own length is the same for all its neighbours.
    distances = squares - 2 * (matrix[of] @ matrix.T)
    places = np.arange(of.size)
    distances[places, of] = np.inf
    near = np.argpartition(distances, k - 1, axis=1)[:, :k]
    order = np.argsort(distances[places[:, None], near], axis=1, kind="stable")
    return near[places[:, None], order].astype(np.int64)
