"""Split conformal prediction on plain arrays: half the rows set a threshold, the others test it.

The threshold is the ⌈(1 - α)(n + 1)⌉-th smallest score of the n rows that calibrate. Another row of
the same kind scores at most that with probability 1 - α or more, whatever the model. Rows of one
group need not: a threshold of its own (Mondrian) promises it to each group.

Sources: Papadopoulos et al. (2002), split conformal; Vovk et al. (2005), Mondrian; Sadinle et al.
(2019), the score 1 - p of the true class (least ambiguous sets).
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ALPHA", "calibrating_half", "least_rows", "threshold", "thresholds"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

ALPHA = 0.1


def least_rows(alpha: float = ALPHA) -> int:
    """How many rows must calibrate for a threshold to exist: 1/α - 1.

    >>> least_rows(0.1)
    9
    """
    n = max(1, math.floor(1 / alpha) - 2)
    while _rank(n, alpha) > n:
        n += 1
    return n


def _rank(n: int, alpha: float) -> int:
    # The product of (1 - 0.1) and 10 must not come out a little above 9.
    return math.ceil(round((1 - alpha) * (n + 1), 9))


def threshold(scores: Floats, alpha: float = ALPHA) -> float | None:
    """The score that a new row exceeds with probability α at most; None of too few rows.

    Args:
        scores: how ill each calibrating row fits its label, (rows,).
        alpha: the share of rows that may be outside.
    """
    rank = _rank(scores.size, alpha)
    return None if rank > scores.size else float(np.partition(scores, rank - 1)[rank - 1])


def calibrating_half(rows: int, seed: int, clusters: Codes | None = None) -> Mask:
    """Which half of the rows calibrates, drawn by the seed; clusters are never split, (rows,)."""
    names, codes = np.arange(rows), np.arange(rows)
    if clusters is not None:
        names, codes = np.unique(clusters, return_inverse=True)
    chosen = np.zeros(names.size, bool)
    chosen[np.random.default_rng(seed).permutation(names.size)[: (names.size + 1) // 2]] = True
    half: Mask = chosen[codes]
    return half


def thresholds(
    scores: Floats,
    calibrates: Mask,
    codes: Codes,
    groups: int,
    *,
    mondrian: bool = False,
    alpha: float = ALPHA,
) -> Floats:
    """The threshold of each group, (groups,); NaN where too few rows calibrate.

    Args:
        scores: how ill each row fits its label, (rows,).
        calibrates: the rows that set the threshold.
        codes: the group of each row, from 0; -1 for a row of none, which calibrates all the same.
        groups: how many groups there are.
        mondrian: whether each group has a threshold of its own.
        alpha: the share of rows that may be outside.
    """
    if not mondrian:
        pooled = threshold(scores[calibrates], alpha)
        return np.full(groups, np.nan if pooled is None else pooled)
    own = [threshold(scores[calibrates & (codes == group)], alpha) for group in range(groups)]
    return np.array([np.nan if one is None else one for one in own])
