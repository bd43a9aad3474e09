"""The ratio of two proportions of the same rows, as pure functions of counts. No record here.

Sources: Bonett and Price (2006), the hybrid of two Wilson intervals whose level makes their ratio
cover as often as asked, in the notation of Fagerland, Lydersen and Laake (2014); Clopper and
Pearson (1934) where all rows that changed changed the same way.
"""

import math

from frugalbench.metrics._intervals import LEVEL, z_value
from frugalbench.metrics._proportions import clopper_pearson

__all__ = ["paired_ratio"]


def paired_ratio(
    both: int, first_only: int, second_only: int, level: float = LEVEL
) -> tuple[float, float, float]:
    """How many times as often the second of two events happened as the first, on the same rows.

    Rows on which neither happened say nothing about the ratio.

    Args:
        both: rows on which both happened.
        first_only: rows on which only the first happened.
        second_only: rows on which only the second happened.
        level: two-sided confidence level.

    Returns:
        (ratio, low, high); high is infinite where nothing bounds it.

    Raises:
        ValueError: the first event never happened.

    >>> ratio, low, high = paired_ratio(1, 7, 1)
    >>> round(ratio, 3), round(low, 3), round(high, 3)
    (0.25, 0.068, 0.923)
    """
    first, second = both + first_only, both + second_only
    if not first:
        raise ValueError("the first event never happened: there is no ratio")
    rows = both + first_only + second_only
    apart = math.sqrt((first_only + second_only + 2) / ((first + 1) * (second + 1)))
    spreads = (math.sqrt((1 - (count + 1) / (rows + 2)) / (count + 1)) for count in (first, second))
    z = z_value(level) * apart / sum(spreads)
    low_first, high_first = _wilson(first, rows, z)
    low_second, high_second = _wilson(second, rows, z)
    ratio = second / first
    low = low_second / high_first
    high = high_second / low_first if low_first > 0 else math.inf
    # Where rows only ever changed one way, the ratio is one proportion, and the hybrid is too
    # narrow for a few of them: the exact interval holds.
    if not second_only:
        low = min(low, _exact_low(both, first, level))
    if not first_only:
        high = max(high, 1 / floor) if (floor := _exact_low(both, second, level)) > 0 else math.inf
    return ratio, min(ratio, low), max(ratio, high)


def _exact_low(count: int, rows: int, level: float) -> float:
    return float(clopper_pearson(count, rows, level)[0])


def _wilson(count: int, rows: int, z: float) -> tuple[float, float]:
    """Wilson's interval of a proportion at z standard deviations."""
    p, z2 = count / rows, z * z
    centre, half = p + z2 / (2 * rows), z * math.sqrt(p * (1 - p) / rows + z2 / (4 * rows * rows))
    return max(0.0, (centre - half) / (1 + z2 / rows)), min(1.0, (centre + half) / (1 + z2 / rows))
