"""Outputs that moved, held against what the precision of the two versions explains."""

from typing import Any

import numpy as np
import pytest
from _build import change, labels
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from frugalbench.metrics import find
from frugalbench.metrics.drift.outputs import TOLERANCE
from frugalbench.record import Record, Variant
from frugalbench.report._phrases import note
from frugalbench.values import Missing, Value

ROWS = 200


def scored(p: Any, **model: Any) -> Record:
    """A record of these probabilities of the second class."""
    p = np.asarray(p, np.float64)
    y = np.arange(p.size) % 2
    record = labels(y, y, score=np.stack([1 - p, p], axis=1))
    return change(record, model=change(record.model, **model))


def numbers(values: Any) -> Record:
    """A regression's answers."""
    values = np.asarray(values, np.float64)
    record = labels(np.zeros(values.size), np.zeros(values.size))
    assert record.data is not None
    arrays = {"target": np.zeros(values.size), "value": values}
    return change(record, data=change(record.data, classes=(), positive=None), arrays=arrays)


def asked(name: str, after: Record, before: Record) -> Value:
    found = find(f"drift.{name}")(after, reference=before)
    assert isinstance(found, Value), found
    return found


def lacking(name: str, after: Record, before: Record) -> str:
    found = find(f"drift.{name}")(after, reference=before)
    assert isinstance(found, Missing), found
    return found.reason


BASE = np.linspace(0.2, 0.8, ROWS)


def test_the_largest_difference_is_that_of_one_row() -> None:
    moved = BASE.copy()
    moved[17] += 0.125
    moved[99] -= 0.0625
    found = asked("output_difference", scored(moved), scored(BASE))
    assert found.estimate == pytest.approx(0.125)
    assert (found.low, found.high, found.n) == (found.estimate, found.estimate, ROWS)


@pytest.mark.parametrize(
    ("model", "precision"),
    [
        ({}, "fp32"),
        ({"weights": {"float": 95, "int8": 5}}, "fp32"),
        ({"weights": {"float": 50, "float16": 50}}, "fp16"),
        ({"weights": {"float": 20, "int8": 80}}, "int8"),
        ({"variant": Variant(parent="a" * 64, how="int8_static", versions={})}, "int8"),
        ({"variant": Variant(parent="a" * 64, how="ort", versions={})}, "fp32"),
    ],
)
def test_the_tolerance_follows_the_coarser_precision(model: Any, precision: str) -> None:
    limit = TOLERANCE[precision]
    for factor, beyond in ((0.9, 0), (1.1, 10)):
        moved = BASE.copy()
        moved[:10] += factor * limit
        for after, before in (
            (scored(moved, **model), scored(BASE)),
            (scored(moved), scored(BASE, **model)),
        ):
            found = asked("outputs_beyond", after, before)
            assert found.estimate == beyond / ROWS
            assert found.note.startswith(f"{beyond} of {ROWS}; tolerance ")


def test_five_steps_of_another_processor_are_rounding_and_twenty_are_not() -> None:
    held = {"weights": {"int8": 100}}
    for steps, beyond in ((5, 0.0), (20, 1.0)):
        found = asked(
            "outputs_beyond", scored(BASE + steps / 255 * 0.9, **held), scored(BASE, **held)
        )
        assert found.estimate == beyond


@given(st.integers(0, ROWS))
def test_its_interval_is_wilsons(count: int) -> None:
    moved = BASE.copy()
    moved[:count] += 0.01
    found = asked("outputs_beyond", scored(moved), scored(BASE))
    theirs = binomtest(count, ROWS).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_a_regression_is_measured_in_its_own_range() -> None:
    before = np.linspace(-1000, 1000, ROWS)
    after = before.copy()
    after[3] += 20
    assert asked("output_difference", numbers(after), numbers(before)).estimate == 0.01
    assert asked("outputs_beyond", numbers(after), numbers(before)).estimate == 1 / ROWS
    assert lacking("output_difference", numbers(before), numbers(np.ones(ROWS))) == "no_range"


def test_a_number_on_one_side_only_is_beyond_any_tolerance() -> None:
    before = np.linspace(0, 1, ROWS)
    before[0] = np.nan
    before[1] = np.inf
    after = before.copy()
    assert asked("outputs_beyond", numbers(after), numbers(before)).estimate == 0
    after[2], after[3], after[1] = np.nan, np.inf, -np.inf
    found = asked("outputs_beyond", numbers(after), numbers(before))
    assert found.estimate == 3 / ROWS
    assert "3 rows are no number on one side only" in found.note
    assert asked("output_difference", numbers(after), numbers(before)).estimate == 0
    assert note(found.note, "fr")[1] == "fr"


def test_what_cannot_be_compared_says_why() -> None:
    y = np.arange(ROWS) % 2
    assert lacking("outputs_beyond", scored(BASE), labels(y, y)) == "no_scores"
    assert lacking("outputs_beyond", scored(BASE), scored(BASE[:-2])) == "other_samples"


def test_classes_in_another_order_are_the_same_classes() -> None:
    before = scored(BASE)
    assert before.data is not None
    y = before.arrays["y_true"]
    turned = change(
        before,
        data=change(before.data, classes=(1, 0), positive=0),
        arrays={**before.arrays, "y_true": 1 - y, "score": before.arrays["score"][:, ::-1]},
    )
    assert asked("output_difference", turned, before).estimate == 0
