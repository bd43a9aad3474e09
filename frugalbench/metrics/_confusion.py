"""F1 and balanced accuracy from counts of labels and answers. No record is known here.

Sources: van Rijsbergen (1979), F1; Efron (1979), the bootstrap, whose resamples of rows are
multinomial draws of the confusion table.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import REPLICATES, resampled_interval
from frugalbench.metrics._folded import Estimate
from frugalbench.metrics._intervals import mover_mean, wilson
from frugalbench.metrics._means import bounded_mean
from frugalbench.metrics._means import mean as row_means

__all__ = ["f1", "macro_f1", "mean_recall"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[Any]
MOST_CELLS = 1 << 14
"""Cells of a table, times its classes, up to which the table is resampled."""


def f1(y: Codes, answers: Codes, of: int, clusters: Codes | None, seed: int) -> Estimate | None:
    """F1 of one class; None where no row has it as label or answer.

    F1 is 2J / (1 + J), J being the share of right ones among the rows that have the class as label
    or answer, and its interval is that of J, so mapped (Wilson's, or resampled clusters').

    Args:
        y: labels, (rows,).
        answers: answers, (rows,); codes outside the classes are wrong.
        of: the code of the class.
        clusters: which rows belong together.
        seed: of the resampling of clusters.
    """
    either = (y == of) | (answers == of)
    right = (y == answers)[either].astype(np.float64)
    if not right.size:
        return None
    share = float(right.mean())
    low, high = (float(end) for end in wilson(right.sum(), right.size))
    if clusters is not None:
        found = bounded_mean(right, 0.0, 1.0, clusters[either], seed=seed)
        # One row, or one cluster, with the class says nothing about others.
        low, high = (0.0, 1.0) if found is None else (found.low, found.high)
    return Estimate(*(2 * j / (1 + j) for j in (share, low, high)))


def macro_f1(y: Codes, answers: Codes, classes: int, clusters: Codes | None, seed: int) -> Estimate:
    """The mean of the F1 of every class, each of which must be the label of some row.

    At each end the wider of a bootstrap and of the classes' own intervals put together (MOVER),
    which is never a point. The bootstrap is of the table; of a table with many cells, and of
    clusters, it is of how far each row moves the mean. Arguments as in `f1`.
    """
    each = [f1(y, answers, of, None, seed) for of in range(classes)]
    ends = np.array([one for one in each if one is not None])
    mean, low, high = mover_mean(ends[:, 0], ends[:, 1], ends[:, 2])
    given = np.where((answers >= 0) & (answers < classes), answers, classes)
    cells, counts = np.unique(y * (classes + 1) + given, return_counts=True)
    if clusters is None and cells.size * classes <= MOST_CELLS:
        label, answer = cells // (classes + 1), cells % (classes + 1)
        drawn = np.random.default_rng(seed).multinomial(y.size, counts / y.size, REPLICATES)
        resampled = resampled_interval(mean, _mean_f1(drawn, label, answer, classes), y.size)
    else:
        shares = np.append(ends[:, 0], 0.0)
        sizes = np.bincount(y, minlength=classes + 1) + np.bincount(given, minlength=classes + 1)
        sizes[classes] = 1
        moves = (2 * (y == given) - shares[y]) / sizes[y] - shares[given] / sizes[given]
        by_row = row_means(mean + moves * y.size / classes, clusters, seed=seed)
        assert by_row is not None, "there are rows, and clusters"
        resampled = by_row.low, by_row.high
    return Estimate(mean, max(0.0, min(low, resampled[0])), min(1.0, max(high, resampled[1])))


def _mean_f1(drawn: Ints, label: Ints, answer: Ints, classes: int) -> Floats:
    """Macro F1 of resampled cells, (replicates,); NaN where a class is not there."""
    right, labels, answers = (
        drawn @ (where[:, None] == np.arange(classes)).astype(np.float64)
        for where in (np.where(label == answer, label, -1), label, answer)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = (2 * right / (labels + answers)).mean(axis=1)
    return means


def mean_recall(
    y: Codes, answers: Codes, classes: int, clusters: Codes | None, seed: int
) -> Estimate:
    """The mean over classes of the share answered rightly; each class must have a row.

    From the Wilson intervals of the classes (MOVER), or from resampled clusters where these give a
    wider one. Arguments as in `f1`.
    """
    right = (y == answers).astype(np.float64)
    trials = np.bincount(y, minlength=classes)
    hits = np.bincount(y, weights=right, minlength=classes)
    lows, highs = wilson(hits, trials)
    found = Estimate(*mover_mean(hits / trials, lows, highs))
    if clusters is None:
        return found
    # How far each row moves the mean, so that one sum has to be resampled whatever the classes.
    moves = (right - (hits / trials)[y]) * y.size / (classes * trials[y])
    by_row = row_means(found.estimate + moves, clusters, seed=seed)
    assert by_row is not None, "there are clusters"
    low, high = min(found.low, by_row.low), max(found.high, by_row.high)
    return Estimate(found.estimate, max(0.0, low), min(1.0, high))
