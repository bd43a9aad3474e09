"""Where the names of points go, so that none lies on another or on a point."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["UNNAMED", "Label", "beside"]

HEIGHT = 184
WIDTHS = (340, 480)
"""Pixels of a picture in the page: its height, and its width on a telephone and on a screen."""
LETTER, WIDE_LETTER = 7.4, 13.0
RISE, DROP = 10, 3
GAP, ROW, ROWS = 9, 15, 5
POINT = 7

Anchor = Literal["start", "end"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Label:
    """Pixels from a point to its name; `far` says that a line should lead there."""

    dx: int
    dy: int
    anchor: Anchor
    far: bool = False


UNNAMED = Label(0, 0, "start")


def beside(points: Sequence[tuple[float, float, str, bool]]) -> tuple[Label, ...]:
    """The place of each point's name, the model's own first.

    Args:
        points: (x, y, name, own) of each, `x` and `y` in percent of the picture from its left and
            its top. A name that is empty takes no room.
    """
    taken = {width: [_point(x, y, width) for x, y, _, _ in points] for width in WIDTHS}
    found = [UNNAMED] * len(points)
    for place in sorted(range(len(points)), key=lambda i: not points[i][3]):
        x, y, name, _ = points[place]
        if not name:
            continue
        best = min(_places(), key=lambda one: _cost(one, x, y, name, taken))
        found[place] = best
        for width in WIDTHS:
            taken[width].append(_box(best, x, y, name, width))
    return tuple(found)


def _places() -> Iterator[Label]:
    """The nearest first: above and below, to the right and to the left, then further away."""
    for row in range(ROWS):
        for dy in (-8 - ROW * row, 17 + ROW * row):
            yield Label(GAP, dy, "start", far=row > 0)
            yield Label(-GAP, dy, "end", far=row > 0)


def _cost(label: Label, x: float, y: float, name: str, taken: dict[int, list[Box]]) -> int:
    """How many boxes a name would lie on, and how far it would stand out of the picture."""
    cost = 0
    for width, boxes in taken.items():
        box = _box(label, x, y, name, width)
        outside = max(-box[0], box[2] - width, -RISE - box[1], box[3] - HEIGHT, 0.0)
        cost += 1000 * _overlaps(box, boxes) + round(outside)
    return cost


def _overlaps(box: Box, boxes: Iterable[Box]) -> int:
    left, top, right, bottom = box
    return sum(left < r and le < right and top < b and t < bottom for le, t, r, b in boxes)


def _box(label: Label, x: float, y: float, name: str, width: int) -> Box:
    start, base = x / 100 * width + label.dx, y / 100 * HEIGHT + label.dy
    long = sum(map(_width, name))
    left = start if label.anchor == "start" else start - long
    return left, base - RISE, left + long, base + DROP


def _width(letter: str) -> float:
    return WIDE_LETTER if unicodedata.east_asian_width(letter) in "WF" else LETTER


def _point(x: float, y: float, width: int) -> Box:
    across, down = x / 100 * width, y / 100 * HEIGHT
    return across - POINT, down - POINT, across + POINT, down + POINT
