"""Telling the rows a model was trained on from others by its loss, as pure functions of arrays.

Sources: Yeom et al. (2018), the loss threshold attack; Carlini et al. (2022), its true positive
rate where false positives are rare, and losses that stay apart where a probability rounds to one;
Watson et al. (2022), the loss relative to how difficult a row is.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._proportions import clopper_pearson

__all__ = ["LEAST_OTHERS", "RATE", "Caught", "caught", "log_losses"]

Floats = npt.NDArray[np.float64]
RATE = 0.01
"""The false positive rate at which members are counted."""
LEAST_OTHERS = 300
"""Of fewer rows that are no members, not even none taken for one bounds their rate at 1 %."""


def log_losses(y: npt.NDArray[np.int64], score: npt.NDArray[Any]) -> Floats:
    """The negative logarithm of the probability of each row's true class, nats, shape (rows,).

    It is computed from what the other classes are given, so that two rows stay apart whose
    probabilities both round to one. A true class that is given nothing costs as much as one that
    is given the spacing of double precision at one, which is where scikit-learn clips.
    """
    rows = np.arange(y.size)
    right = np.maximum(score[rows, y], np.finfo(np.float64).eps)
    rest = score.copy()
    rest[rows, y] = 0.0
    # Subtracting would lose what is far smaller than one: the others are summed on their own.
    others = np.clip(rest, 0.0, 1.0).sum(axis=1)
    return np.asarray(np.log1p(others / right))


@dataclass(frozen=True, slots=True)
class Caught:
    """The share of members that are caught, its interval, and the rows it rests on.

    `wrongly` are the others above the threshold; `tied` members and `tied_others` lie at it.
    """

    estimate: float
    low: float
    high: float
    members: int
    others: int
    wrongly: int
    tied: int
    tied_others: int


def caught(members: Floats, others: Floats, rate: float = RATE, level: float = LEVEL) -> Caught:
    """The share of members that score above all but `rate` of those that are none.

    The threshold is an order statistic of the others. A row is taken for a member when it scores
    above it, and of those that tie with it a random share is, so that `rate` of the others are
    taken for one (the randomised test of Neyman and Pearson, 1933): a model that is as sure of
    many others as of its members has not hidden these.

    The interval is Clopper's and Pearson's on the members at the two ends of the order-statistic
    interval of the threshold, without the ties at its low end and with all of them at its high
    one; each of the two errs half as often as the whole may.

    Args:
        members: scores of the members, higher for what looks like one, shape (m,), m ≥ 1.
        others: scores of rows that are none, shape (n,), n ≥ 1.
        rate: the false positive rate.
        level: two-sided confidence level.
    """
    ordered = np.sort(others)[::-1]
    n, m = others.size, members.size
    part = 1 - (1 - level) / 2
    threshold = ordered[min(int(rate * n), n - 1)]
    above, tied = _at(members, threshold)
    wrongly, tied_others = _at(others, threshold)
    share = min(1.0, (rate * n - wrongly) / tied_others)
    few, many = _ranks(n, rate, part)
    least = int((members > (ordered[few - 1] if few else math.inf)).sum())
    most = int((members >= (ordered[many - 1] if many <= n else -math.inf)).sum())
    return Caught(
        estimate=(above + share * tied) / m,
        low=float(clopper_pearson(least, m, part)[0]),
        high=float(clopper_pearson(most, m, part)[1]),
        members=m,
        others=n,
        wrongly=wrongly,
        tied=tied,
        tied_others=tied_others,
    )


def _at(scores: Floats, threshold: float) -> tuple[int, int]:
    """How many lie above a threshold, and how many at it."""
    return int((scores > threshold).sum()), int((scores == threshold).sum())


def _ranks(n: int, rate: float, level: float) -> tuple[int, int]:
    """Between which of n scores, from the highest, the upper `rate` quantile lies.

    The number of scores above it is binomial, and that number's tails are those of Clopper's and
    Pearson's interval. 0 and n + 1 say that the scores do not bound it on that side.
    """
    counts = np.arange(min(n, math.ceil(n * rate + 10 * math.sqrt(n * rate)) + 20) + 1)
    low, high = clopper_pearson(counts, n, level)
    few = int((high <= rate).sum())
    beyond = np.flatnonzero(low >= rate)
    return few, int(counts[beyond[0]]) if beyond.size else n + 1
