"""How often a counter is updated: look at it without a pause, and see when it moves."""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

__all__ = ["probe_period"]

FEWEST = 3


def probe_period(
    read: Callable[[], Any],
    clock: Callable[[], float],
    most_seconds: float,
    enough: int = 20,
) -> float | None:
    """Seconds between two updates of a counter: the median interval between its changes.

    Args:
        read: the counter; None is a failed reading.
        clock: monotonic, s.
        most_seconds: how long to look.
        enough: the changes after which to stop looking.

    Returns:
        The period, or None when a reading failed or fewer than three changes were seen.
    """
    last = read()
    begin = now = clock()
    changes: list[float] = []
    while last is not None and now - begin < most_seconds and len(changes) < enough:
        found = read()
        now = clock()
        if found != last:
            changes.append(now)
        last = found
    if last is None or len(changes) < FEWEST:
        return None
    return median(b - a for a, b in pairwise(changes))
