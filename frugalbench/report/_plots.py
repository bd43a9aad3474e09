"""Pictures with two axes: points with their intervals, in percent of the width and the height."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from frugalbench.report._format import Lang, plain
from frugalbench.report._labels import UNNAMED, Label, beside

__all__ = ["Dot", "Plot", "plot"]

PADDED = 0.08


@dataclass(frozen=True, slots=True)
class Dot:
    """One point in the unit of its axes, with the ends of its intervals; `own` is the model."""

    x: float
    y: float
    low: float
    high: float
    left: float | None = None
    right: float | None = None
    label: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """The same in percent, from the left and from the top, with where its name goes."""

    x: float
    y: float
    low: float
    high: float
    left: float
    right: float
    label: str
    own: bool
    named: Label = UNNAMED


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture, its axes' names and ends, and what it says in words."""

    title: str
    points: tuple[Placed, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    diagonal: bool
    x: str
    y: str
    left: str
    right: str
    bottom: str
    top: str
    alternative: str


def plot(
    dots: Sequence[Dot],
    lang: Lang,
    *,
    title: str,
    x: str,
    y: str,
    alternative: str,
    within: tuple[float, float, float, float] | None = None,
    joined: bool = False,
    diagonal: bool = False,
) -> Plot | None:
    """Place points on axes that hold them all; None where a number is not finite.

    Args:
        dots: the points, one at least.
        lang: the language of the decimal mark.
        title: what the picture is about.
        x: the name of the axis to the right.
        y: the name of the axis upwards.
        alternative: the picture in words.
        within: the ends of both axes, (left, right, bottom, top); else what the points need.
        joined: whether a line goes from each point to the next.
        diagonal: whether a line marks where both axes say the same.
    """
    ends = within or _ends(dots)
    left, right, bottom, top = ends
    whole = [v for dot in dots for v in (dot.x, dot.y, dot.low, dot.high)]
    if not dots or not all(map(math.isfinite, (*ends, *whole))) or right <= left or top <= bottom:
        return None

    def across(v: float) -> float:
        return round(100 * min(max((v - left) / (right - left), 0.0), 1.0), 2)

    def down(v: float) -> float:
        return round(100 - 100 * min(max((v - bottom) / (top - bottom), 0.0), 1.0), 2)

    placed = tuple(
        Placed(
            x=across(dot.x),
            y=down(dot.y),
            low=down(dot.low),
            high=down(dot.high),
            left=across(dot.x if dot.left is None else dot.left),
            right=across(dot.x if dot.right is None else dot.right),
            label=dot.label,
            own=dot.own,
        )
        for dot in dots
    )
    labels = beside([(one.x, one.y, one.label, one.own) for one in placed])
    placed = tuple(replace(one, named=named) for one, named in zip(placed, labels, strict=True))
    return Plot(
        title=title,
        points=placed,
        lines=tuple((a.x, a.y, b.x, b.y) for a, b in pairwise(placed)) if joined else (),
        diagonal=diagonal,
        x=x,
        y=y,
        left=_short(left, lang),
        right=_short(right, lang),
        bottom=_short(bottom, lang),
        top=_short(top, lang),
        alternative=alternative,
    )


def _ends(dots: Sequence[Dot]) -> tuple[float, float, float, float]:
    xs = [v for dot in dots for v in (dot.x, dot.left, dot.right) if v is not None]
    ys = [v for dot in dots for v in (dot.low, dot.high)]
    return (*_padded(min(xs), max(xs)), *_padded(min(ys), max(ys)))


def _padded(low: float, high: float) -> tuple[float, float]:
    """Ends on a grid of a tenth of the width's magnitude, and no negative one of what is not."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return low, high
    pad = PADDED * (high - low) or 0.1 * abs(high) or 1.0
    grid = 10.0 ** (math.floor(math.log10(high - low + 2 * pad)) - 1)
    start = math.floor((low - pad) / grid) * grid
    return (max(start, 0.0) if low >= 0 else start), math.ceil((high + pad) / grid) * grid


def _short(v: float, lang: Lang) -> str:
    return plain(float(f"{v:.4g}"), lang)
