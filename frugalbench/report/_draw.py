"""Where things stand in a picture, in percent of its width: geometry only, no markup."""

import itertools
import math
from dataclasses import dataclass, replace

from frugalbench.metrics import Metric
from frugalbench.record import Record
from frugalbench.report._format import Lang, Shown, count, plain, show
from frugalbench.values import Value

__all__ = ["Bar", "Histogram", "Span", "histogram", "share", "span"]

THINNEST = 0.8
MOST_BARS = 48
DRAWN = 0.99
FAR, MANY = 1000, 10_000
"""A bound this many times the estimate has a unit of its own, and so has a number this large."""


@dataclass(frozen=True, slots=True)
class Span:
    """An interval against its bound. Every number is a percentage of the width."""

    estimate: float
    start: float
    width: float
    bound: float
    inside_start: float
    inside_width: float
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram, in percent of the width and of the height.

    Of an interval, `y` is where the estimate is, and `tick` another place to show.
    """

    x: float
    width: float
    y: float
    height: float
    tick: float | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """The calls up to the 99th percentile, and what is beyond."""

    bars: tuple[Bar, ...]
    median: float
    median_text: str
    left: str
    right: str
    calls: str
    beyond: str
    longest: str


def span(
    value: Value, shown: Shown, metric: Metric | None, bound: float, *, at_most: bool
) -> Span | None:
    """Draw an interval on a scale that shows it, its bound and, when near, zero.

    None where the numbers are not finite enough for a picture.
    """
    if not math.isfinite(value.estimate) or not math.isfinite(bound):
        return None
    # In the unit on the page, so that the ends of the axis are round there.
    axis = _axis(value, shown, bound)
    all_four = [x * axis.factor for x in (value.low, value.estimate, value.high, bound)]
    inner = [x for x in all_four if math.isfinite(x)]
    low, high = _ends(min(inner), max(inner), metric, axis.factor)
    if not (math.isfinite(high - low) and high > low):
        return None

    def place(x: float) -> float:
        within = (x * axis.factor - low) / (high - low)
        return round(100 * min(max(within, 0.0), 1.0), 2)

    start, end = place(value.low), place(value.high)
    if end - start < THINNEST:
        start = min(max(place(value.estimate) - THINNEST / 2, 0.0), 100 - THINNEST)
        end = start + THINNEST
    edge = place(bound)
    return Span(
        estimate=place(value.estimate),
        start=start,
        width=round(end - start, 2),
        bound=edge,
        inside_start=0 if at_most else edge,
        inside_width=edge if at_most else round(100 - edge, 2),
        left=_end(low, value, axis),
        right=_end(high, value, axis),
    )


def _axis(value: Value, shown: Shown, bound: float) -> Shown:
    """What gives an axis its unit: the estimate, or a bound that is worlds apart from it."""
    if value.unit == "1" or abs(bound) < FAR * abs(value.estimate):
        return shown
    return _alone(bound, value, shown.lang)


def _alone(x: float, value: Value, lang: Lang) -> Shown:
    one = Value(
        estimate=x,
        unit=value.unit,
        low=x,
        high=x,
        n=1,
        method=value.method,
        interval="exact",
    )
    return show(one, lang, bound=x)


def _end(x: float, value: Value, shown: Shown) -> str:
    """The end of an axis in the unit that suits it, which is not always the estimate's."""
    if value.unit == "1" or x == 0 or 1 <= abs(x) < MANY:
        return plain(_short(x), shown.lang) + (f"\u00a0{shown.unit}" if shown.unit else "")
    end = _short(x) / shown.factor
    there = _alone(end, value, shown.lang)
    if there.factor == shown.factor:
        return there.limit
    # What is round in KiB is not in MiB.
    digits = plain(float(f"{end * there.factor:.4g}"), shown.lang)
    return replace(there, bound=digits).limit


def _ends(low: float, high: float, metric: Metric | None, factor: float) -> tuple[float, float]:
    """Round ends a little outside, never outside what the metric can be."""
    lowest = metric.minimum * factor if metric else -math.inf
    highest = metric.maximum * factor if metric else math.inf
    pad = 0.15 * (high - low) or 0.1 * abs(high) or 1.0
    if low >= 0 and lowest <= 0 and low - pad < 0.35 * high:
        low = 0.0
    else:
        low -= pad
    high += pad
    # Ends on a grid of a tenth of the width's magnitude: 0.86, not 0.8588.
    grid = 10.0 ** (math.floor(math.log10(high - low)) - 1) if high > low else 1.0
    low, high = math.floor(low / grid) * grid, math.ceil(high / grid) * grid
    return max(low, lowest), min(high, highest)


def _short(x: float) -> float:
    return float(f"{x:.6g}")


def share(value: Value) -> Bar | None:
    """A rate's interval on the common scale from 0 to 1."""
    if value.low < 0 or value.high > 1:
        return None
    width = max(100 * (value.high - value.low), THINNEST)
    return Bar(
        x=round(min(100 * value.low, 100 - THINNEST), 2),
        width=round(width, 2),
        y=round(100 * value.estimate, 2),
        height=0,
    )


def histogram(record: Record, lang: Lang) -> Histogram | None:
    """The distribution of the call times; None where fewer than two calls were timed."""
    calls = record.latency_ns.copy()
    calls.sort()
    n = int(calls.size)
    if n < 2:
        return None
    low, longest = int(calls[0]), int(calls[-1])
    top = max(int(calls[math.ceil(DRAWN * n) - 1]), low + 1)
    wanted = min(MOST_BARS, max(8, math.isqrt(n)), top - low)
    edges = [low + (top - low) * i / wanted for i in range(wanted + 1)]
    # One past the top, so that the last bar holds the calls that are exactly there.
    upto = [0, *(int(calls.searchsorted(edge)) for edge in edges[1:-1])]
    upto.append(int(calls.searchsorted(top, side="right")))
    counts = [after - before for before, after in itertools.pairwise(upto)]
    tallest = max(*counts, 1)
    width = 100 / wanted
    bars = tuple(
        Bar(
            x=round(i * width, 3),
            width=round(width * 0.86, 3),
            y=round(100 - 100 * c / tallest, 2),
            height=round(100 * c / tallest, 2),
        )
        for i, c in enumerate(counts)
    )
    median = int(calls[n // 2])
    return Histogram(
        bars=bars,
        median=round(100 * min((median - low) / (top - low), 1.0), 2),
        median_text=_seconds(median, lang),
        left=_seconds(low, lang),
        right=_seconds(top, lang),
        calls=count(n, lang),
        beyond=count(n - upto[-1], lang) if n > upto[-1] else "",
        longest=_seconds(longest, lang),
    )


def _seconds(ns: int, lang: Lang) -> str:
    s = ns * 1e-9
    one = Value(estimate=s, unit="s", low=s, high=s, n=1, method="timer", interval="exact")
    return show(one, lang).number
