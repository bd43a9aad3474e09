"""Two records side by side: nothing is better unless the evidence is apart."""

from typing import Any

import numpy as np
import pytest
from _build import FAILED, PLACE, change, from_table, metered, timed, window
from _records import make_record
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import metrics
from frugalbench.compare import BETWEEN_PROCESSES, Row, compare
from frugalbench.record import Record
from frugalbench.spec import Data
from frugalbench.values import Missing, Value


def row(a: Record, b: Record, address: str) -> Row:
    (found,) = [one for one in compare(a, b) if one.address == address]
    return found


def asked(record: Record, **given: Any) -> Record:
    """The record as the answer to another question about its data."""
    data = change(record.spec.data or Data(path="adult.csv"), **given)
    return change(record, spec=change(record.spec, data=data))


def test_a_record_is_never_better_than_itself() -> None:
    rows = compare(make_record(), make_record())
    assert len(rows) > 15
    for one in rows:
        assert one.better == ""
        assert one.separated in (False, None)
        assert one.comparable == ""
        assert one.a == one.b
        if isinstance(one.a, Value) and one.a.estimate:
            assert one.ratio == 1


@given(
    a=st.lists(st.integers(900, 1100), min_size=20, max_size=20),
    b=st.lists(st.integers(900, 1100), min_size=20, max_size=20),
)
def test_better_is_said_only_where_the_intervals_are_apart(a: list[int], b: list[int]) -> None:
    for one in compare(timed(a), timed(b)):
        if not isinstance(one.a, Value) or not isinstance(one.b, Value):
            continue
        apart = one.a.high < one.b.low or one.b.high < one.a.low
        if {one.a.interval, one.b.interval} & {
            "single_observation",
            "one_process",
            "model_grade_low",
        }:
            assert one.separated is None
        else:
            small, large = sorted((one.a.estimate, one.b.estimate))
            # A process of the same model may be as far off as this.
            near = one.a.method == "timer" and large < small * (1 + BETWEEN_PROCESSES)
            assert one.separated == (apart and not near)
        if one.better:
            assert apart
            lower = metrics.find(one.address).lower_is_better
            best, other = (one.a, one.b) if one.better == "a" else (one.b, one.a)
            assert (best.estimate < other.estimate) == lower


def test_less_time_is_better_and_so_is_more_throughput() -> None:
    calls = np.random.default_rng(0).normal(1e6, 1e4, 2000)
    fast, slow = timed(calls), timed(2 * calls)
    assert row(fast, slow, "latency.p90").better == "a"
    assert row(slow, fast, "latency.p90").better == "b"
    assert row(fast, slow, "latency.p90").ratio == pytest.approx(2, rel=1e-3)
    assert row(fast, slow, "latency.throughput").better == "a"
    assert row(fast, slow, "latency.throughput").ratio == pytest.approx(0.5, rel=1e-3)


def test_swapping_the_records_swaps_the_answer() -> None:
    calls = np.random.default_rng(0).normal(1e6, 1e4, 2000)
    a, b = timed(calls), timed(1.5 * calls)
    forth, back = compare(a, b), {one.address: one for one in compare(b, a)}
    for one in forth:
        other = back[one.address]
        assert (one.a, one.b) == (other.b, other.a)
        assert one.better == {"a": "b", "b": "a", "": ""}[other.better]
        assert one.separated == other.separated


def test_a_selection_rate_has_no_better_side() -> None:
    a, b = (
        from_table((400, 0, 400, 0), (400, 0, 0, 400)),
        from_table((1, 399, 0, 400), (1, 0, 0, 1)),
    )
    found = row(a, b, "fairness.selection_rate[sex=g0]")
    assert (found.separated, found.better) == (True, "")


def test_what_was_seen_once_is_not_compared_by_its_interval() -> None:
    a = make_record()
    assert a.run is not None
    slow = change(a.run.processes[0], cold_start_seconds=9.0)
    b = change(a, run=change(a.run, processes=(slow,)))
    found = row(a, b, "latency.cold_start")
    assert (found.separated, found.better) == (None, "")
    assert found.ratio == pytest.approx(9 / 0.31)


@pytest.mark.parametrize(
    "difference",
    [
        {"split": "test"},
        {"split_column": "fold"},
        {"label": "other"},
        {"positive": "<=50K"},
    ],
)
def test_answers_to_another_question_are_not_compared(difference: dict[str, Any]) -> None:
    good, bad = from_table((400, 0, 0, 400)), from_table((0, 400, 400, 0))
    assert row(good, bad, "quality.accuracy").better == "a"
    other = asked(bad, **difference)
    for one in compare(good, other):
        if one.address.startswith(("quality.", "fairness.")):
            assert one.comparable == "other data"
            assert (one.better, one.separated, one.ratio) == ("", None, None)


def test_answers_on_another_file_or_sample_are_not_compared() -> None:
    a = from_table((400, 0, 0, 400))
    b = from_table((0, 400, 400, 0))
    assert b.data is not None
    renamed = change(b, data=change(b.data, sha256="c" * 64))
    assert row(a, renamed, "quality.accuracy").comparable == "other data"
    plan = change(b.spec.plan, max_rows=10)
    sampled = change(b, spec=change(b.spec, plan=plan))
    assert row(a, sampled, "quality.accuracy").comparable == "other data"
    # Another seed matters where rows are drawn, and not where all are used.
    reseeded = change(sampled, spec=change(b.spec, plan=change(plan, seed=1)))
    assert row(sampled, reseeded, "quality.accuracy").comparable == "other data"
    alike = change(a, spec=change(a.spec, plan=change(a.spec.plan, seed=1)))
    assert row(a, alike, "quality.accuracy").comparable == ""
    assert row(a, renamed, "memory.peak").comparable == ""


def test_carbon_at_another_site_is_not_compared_and_energy_is() -> None:
    a = metered([window(10.0)] * 5)
    b = metered([window(20.0)] * 5, site=change(PLACE, pue=1.0))
    for family in ("carbon", "water"):
        found = row(a, b, f"{family}.per_inference")
        assert (found.comparable, found.better, found.ratio) == ("other site", "", None)
    assert row(a, b, "energy.per_inference").better == "a"
    assert row(a, metered([window(20.0)] * 5), "carbon.per_inference").better == "a"


def test_a_measured_energy_is_not_compared_with_a_modelled_one() -> None:
    a = metered([window(10.0)] * 5)
    b = metered([window(1000.0, method="modelled")] * 5)
    for family in ("energy", "carbon", "water"):
        found = row(a, b, f"{family}.per_inference")
        assert found.comparable == "hardware_counter against modelled"
        assert (found.better, found.ratio) == ("", None)


def test_times_on_another_processor_are_not_compared() -> None:
    a = timed(np.full(2000, 1000))
    b = timed(np.full(2000, 9000))
    assert row(a, b, "latency.p90").better == "a"
    moved = change(b, host=change(b.host, cpu="another"))
    assert row(a, moved, "latency.p90").comparable == "other processor"
    assert row(a, moved, "latency.p90").better == ""
    assert row(a, moved, "memory.model_size").comparable == ""


def test_what_one_record_lacks_is_shown_and_wins_nothing() -> None:
    a, b = make_record(), FAILED
    rows = compare(a, b)
    assert {one.address for one in rows} == {one.address for one in compare(b, a)}
    for one in rows:
        assert isinstance(one.a, Value) or isinstance(one.b, Value)
        if isinstance(one.b, Missing):
            assert (one.better, one.separated, one.ratio) == ("", None, None)
    assert isinstance(row(a, b, "latency.p90").b, Missing)


def test_a_group_that_only_one_record_has_is_not_in_the_other() -> None:
    a = from_table((10, 10, 10, 10), (10, 10, 10, 10), attribute="sex")
    b = from_table((10, 10, 10, 10), (10, 10, 10, 10), attribute="age")
    found = row(a, b, "fairness.tpr[sex=g0]")
    assert isinstance(found.b, Missing)
    assert found.b.reason == "not_in_record"
    back = row(a, b, "fairness.tpr[age=g0]")
    assert isinstance(back.a, Missing)
    assert isinstance(back.b, Value)


def test_a_ratio_to_zero_is_not_a_number() -> None:
    a, b = from_table((0, 400, 0, 400)), from_table((400, 0, 0, 400))
    found = row(a, b, "fairness.tpr[sex=g0]")
    assert (found.ratio, found.better) == (None, "b")


def test_the_checks_of_the_runs_are_no_rows() -> None:
    record = make_record()
    measured = [address for address, _, _ in metrics.measure_all(record)]
    assert any(address.startswith("validity.") for address in measured)
    assert not [one for one in compare(record, record) if one.address.startswith("validity.")]
