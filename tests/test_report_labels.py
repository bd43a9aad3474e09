"""Names in a picture lie neither on each other nor on a point, wherever there is room."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.report._labels import HEIGHT, UNNAMED, WIDTHS, Label, beside
from frugalbench.report.html import held

Point = tuple[float, float, str, bool]
POINT = 6


def box(label: Label, point: Point, width: int) -> tuple[float, float, float, float]:
    """Where a name is drawn: letters 7 pixels wide at most, from 9 above its line to 2 below."""
    x, y, name, _ = point
    left = x / 100 * width + label.dx - (0 if label.anchor == "start" else 7 * len(name))
    line = y / 100 * HEIGHT + label.dy
    return left, line - 9, left + 7 * len(name), line + 2


def meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


CLOSE: dict[str, list[Point]] = {
    "two side by side": [(50, 15, "nhanes-mlp", True), (47, 15, "nhanes-logreg", False)],
    "the same place": [(50, 50, "mlp", True), (50, 50, "tree", False), (50, 50, "linear", False)],
    "the corners": [
        (0, 0, "first", True),
        (100, 0, "second", False),
        (0, 100, "third", False),
        (100, 100, "fourth", False),
    ],
    "in a row": [(20 + 5 * i, 50, f"model-{i}", i == 0) for i in range(6)],
}


@pytest.mark.parametrize("points", CLOSE.values(), ids=CLOSE)
@pytest.mark.parametrize("width", WIDTHS)
def test_names_lie_on_nothing_and_stay_in_the_picture(points: list[Point], width: int) -> None:
    boxes = [box(label, one, width) for label, one in zip(beside(points), points, strict=True)]
    for one, other in combinations(boxes, 2):
        assert not meet(one, other)
    for x, y, _, _ in points:
        across, down = x / 100 * width, y / 100 * HEIGHT
        dot = (across - POINT, down - POINT, across + POINT, down + POINT)
        assert not any(meet(one, dot) for one in boxes)
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert right <= width
        assert top >= -12
        assert bottom <= HEIGHT + 2


def test_a_name_that_had_to_go_further_is_led_to() -> None:
    labels = beside([(50, 50, f"model-{i}", i == 0) for i in range(7)])
    assert not labels[0].far
    assert any(label.far for label in labels)
    assert len({(label.dy, label.anchor) for label in labels}) == len(labels)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 100), st.text(max_size=60), st.booleans()),
        max_size=12,
    )
)
def test_every_name_has_a_place(points: list[Point]) -> None:
    labels = beside(points)
    assert len(labels) == len(points)
    for label, (_, _, name, _) in zip(labels, points, strict=True):
        assert math.isfinite(label.dx + label.dy)
        assert (label == UNNAMED) == (not name)


def test_french_marks_stay_on_the_line_of_what_they_end() -> None:
    assert held("à 90 % : « oui » ; n = 3", "fr") == (
        "à 90\u00a0%\u00a0: «\u00a0oui\u00a0»\u00a0; n\u00a0=\u00a03"
    )
    assert held("what: a question ?", "en") == "what: a question ?"
