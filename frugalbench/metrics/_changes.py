"""How much a share of the same rows has changed, as pure functions of counts. No record is known.

Sources: Bonett and Price (2012), the adjusted interval of a difference of two paired proportions;
Tango (1998), the score interval of it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import z_value
from frugalbench.metrics._proportions import paired_difference

__all__ = ["paired_change"]

Floats = npt.NDArray[np.float64]
HALVINGS = 30
"""Of a bracket no wider than 2: an end is known to 2e-9, and lies on the outer side."""


def paired_change(
    only_before: Any, only_after: Any, pairs: Any, level: float
) -> tuple[Floats, Floats, Floats]:
    """A share of rows before, minus the share of the same rows after, element by element.

    At each end the wider of the adjusted interval and the score interval. Where hardly any row
    gains what others lose, the first says up to nine times in a hundred, instead of five, that a
    loss is smaller than it is; the second is a little narrow at the other end.

    Args:
        only_before: rows in the share before and not after.
        only_after: rows in it after and not before.
        pairs: all rows; positive.
        level: two-sided confidence level.

    Returns:
        (difference, low, high).

    >>> d, low, high = paired_change(9, 1, 40, 0.95)
    >>> round(float(d), 4), round(float(low), 4), round(float(high), 4)
    (0.2, 0.0394, 0.3571)
    """
    lost, won, n = (np.asarray(one, np.float64) for one in (only_before, only_after, pairs))
    difference, low, high = paired_difference(lost, won, n, level)
    # The lower end is the upper one of the change the other way round.
    lost, won = np.broadcast_arrays(lost, won)
    ends = _score_end(np.stack([lost, won]), np.stack([won, lost]), n, z_value(level))
    return difference, np.minimum(low, -ends[1]), np.maximum(high, ends[0])


def _score_end(lost: Floats, won: Floats, n: Floats, z: float) -> Floats:
    """The largest change that is less than z standard errors of it above the one seen."""
    inside = (lost - won) / n
    outside = np.ones_like(inside)
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        near = n * middle - (lost - won) < z * np.sqrt(_variance(lost, won, n, middle))
        inside, outside = np.where(near, middle, inside), np.where(near, outside, middle)
    return outside


def _variance(lost: Floats, won: Floats, n: Floats, change: Floats) -> Floats:
    """The variance of lost minus won, at the most likely shares whose difference is `change`."""
    b = (2 * n - lost + won) * change - lost - won
    c = -won * change * (1 - change)
    share = (np.sqrt(np.maximum(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance: Floats = np.maximum(n * (2 * share + change * (1 - change)), 0.0)
    return variance
