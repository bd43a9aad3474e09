"""Differences and ratios of two independent values, their intervals recovered from theirs (MOVER).

Sources: Zou and Donner (2008) for differences; Donner and Zou (2012), Newcombe (2016) for ratios.
"""

import math

from frugalbench.values import GRADES, METHODS, Grade, Method, Value

__all__ = ["Ends", "difference", "ratio", "worse_grade", "worse_method"]

Ends = tuple[float, float, float]
"""An estimate, and the low and high end of its interval."""


def difference(first: Ends, second: Ends) -> Ends:
    """First minus second.

    >>> [round(x, 3) for x in difference((0.7, 0.6, 0.78), (0.5, 0.4, 0.6))]
    [0.2, 0.059, 0.328]
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    d = a - b
    return d, d - math.hypot(a - a_low, b_high - b), d + math.hypot(a_high - a, b - b_low)


def ratio(first: Ends, second: Ends) -> Ends:
    """First over second, whose whole interval must be above 0.

    The ends are the ratios r at which the interval of `first - r * second` just reaches 0.

    Raises:
        ValueError: the second may be 0 or less.

    >>> [round(x, 3) for x in ratio((10.0, 9.0, 11.0), (5.0, 4.5, 5.5))]
    [2.0, 1.735, 2.305]
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    if b_low <= 0:
        raise ValueError("the denominator may be 0 or less")
    low = _end(a, a_low, b, b_high if a_low >= 0 else b_low, -1)
    high = _end(a, a_high, b, b_low if a_high >= 0 else b_high, 1)
    return a / b, min(low, a / b), max(high, a / b)


def _end(a: float, a_end: float, b: float, b_end: float, sign: int) -> float:
    """The root of (a - r b)² = (a - a_end)² + r² (b - b_end)² on one side."""
    square = b_end * (2 * b - b_end)
    inside = (a * b) ** 2 - a_end * (2 * a - a_end) * square
    if square <= 0 or inside < 0:
        # A denominator known so badly has no root there: the ends themselves bound the ratio.
        return a_end / b_end
    return (a * b + sign * math.sqrt(inside)) / square


def worse_method(one: Value, other: Value) -> Method:
    """The less trusted of the ways two values were got."""
    return max(one.method, other.method, key=METHODS.index)


def worse_grade(one: Value, other: Value) -> Grade:
    """The lower of two grades; none where either has none."""
    if not one.grade or not other.grade:
        return ""
    order: tuple[Grade, ...] = tuple(GRADES)
    return max(one.grade, other.grade, key=order.index)
