"""Percentiles of the calls of several processes, as pure functions of arrays."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import (
    early_stopping,
    effective_size,
    hierarchical,
    order_statistic,
    quantile_draw,
)

__all__ = ["FEWEST", "Calls", "percentile", "upper_bound", "worth"]

Calls = npt.NDArray[np.int64]

ROUNDING = 1
PARTS = 20
ABOVE = 30
FEWEST = {0.5: 11, 0.9: 64, 0.95: 130, 0.97: 219, 0.99: 662, 0.999: 6636}
"""Queries below which MLPerf's early-stopping rule gives no estimate of a percentile."""


def percentile(
    parts: Sequence[Calls], p: float, worths: Sequence[float] | None = None
) -> tuple[float, float, float, str] | None:
    """A percentile of several processes' calls with its interval.

    The estimate is the median of the processes' percentiles, each `sorted[int(n·p)]` as in
    MLPerf's LoadGen, and the interval a hierarchical bootstrap in which correlated calls count for
    less. With one process it is the order-statistic interval. Where each process has too few calls
    for the percentile, it is that of all calls together, widened by how far the processes lie
    apart at the highest percentile they can show. No interval is narrower than the clock's step.

    Args:
        parts: the calls of each process, ns.
        p: the percentile, between 0 and 1.
        worths: how many independent calls each part is worth (`worth`), where it is known already.

    Returns:
        (estimate, low, high, construction), ns; None below the fewest queries of the percentile.
    """
    calls = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if calls.size < FEWEST[p]:
        return None
    if len(parts) < 2:
        found = _of_one(calls, p, worths[0] if worths else worth(calls, p))
    else:
        found = _of_several(parts, calls, p, worths)
    estimate, low, high, construction = found
    # A clock may step by more than it shows, and thousands of calls then read the same: the next
    # reading on either side is what it could not tell apart, one more or less being a rounding.
    below, above = calls[calls < estimate - ROUNDING], calls[calls > estimate + ROUNDING]
    low = min(low, float(below.max())) if below.size else low
    high = max(high, float(above.min())) if above.size else high
    return estimate, low, high, construction


def _of_several(
    parts: Sequence[Calls], calls: Calls, p: float, worths: Sequence[float] | None
) -> tuple[float, float, float, str]:
    fewest = min(part.size for part in parts)
    shown = max((one for one, least in FEWEST.items() if one <= p and least <= fewest), default=0.5)
    if worths is None or shown < p:
        worths = [worth(part, shown) for part in parts]
    values, draws = [], []
    for part, independent in zip(parts, worths, strict=True):
        ordered = np.sort(part)
        values.append(float(ordered[min(int(part.size * shown), part.size - 1)]))
        draws.append(quantile_draw(ordered, shown, independent))
    middle, low, high = hierarchical(values, draws)
    if shown < p or fewest < FEWEST[shown]:
        estimate, least, most, _ = _of_one(calls, p, worth(calls, p))
        # As far apart, for their size, as where they can be seen.
        low, high = min(least, estimate * low / middle), max(most, estimate * high / middle)
        middle = estimate
    # Nothing is faster than the fastest call.
    return middle, max(low, min(middle, float(calls.min()))), high, "hierarchical_bootstrap"


def worth(calls: Calls, p: float) -> float:
    """How many independent calls the correlated ones are worth at a percentile."""
    # A rank is a count of calls above it, and what correlation costs that count, it costs the rank.
    # Fewer than so many calls above do not show whether they come together: then those above a
    # lower percentile do.
    above = min(p, max(0.5, 1 - ABOVE / calls.size))
    return effective_size((calls > np.quantile(calls, above)).astype(np.float64))


def _of_one(calls: Calls, p: float, independent: float) -> tuple[float, float, float, str]:
    ordered = np.sort(calls)
    found = order_statistic(ordered, p, independent)
    if found is not None:
        return (*found, "order_statistic")
    # Worth too few calls for ranks: the percentile wandered during the run, and how far the
    # parts of the run lie apart says how far.
    estimate = float(ordered[int(calls.size * p)])
    low, high, construction = _wandering(calls, p)
    return estimate, min(low, estimate), max(high, estimate), construction


def _wandering(calls: Calls, p: float) -> tuple[float, float, str]:
    """The lowest and highest percentile over consecutive parts of the run.

    Where the parts would be too short to have one, the fastest and the slowest call.
    """
    if calls.size < PARTS * FEWEST[p]:
        return float(calls.min()), float(calls.max()), "range"
    parts = [float(np.quantile(part, p)) for part in np.array_split(calls, PARTS)]
    return min(parts), max(parts), "range_of_parts"


def upper_bound(parts: Sequence[Calls], p: float) -> float | None:
    """MLPerf's early-stopping estimate, s: the median over processes, as the percentile is.

    Where a process has too few calls for one, that of all calls together.
    """
    if len(parts) < 2 or min(part.size for part in parts) < FEWEST[p]:
        parts = [np.concatenate(parts)]
    bounds = []
    for calls in parts:
        aside = early_stopping(int(calls.size), p)
        if aside is None:
            return None
        bounds.append(float(np.partition(calls, calls.size - aside)[calls.size - aside]))
    return float(np.median(bounds)) * 1e-9
