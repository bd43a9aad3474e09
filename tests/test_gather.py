"""Several processes become one run: nothing is lost, mixed up or left unsaid."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from _build import window
from _records import make_process, make_record

from frugalbench.gather import Gathered
from frugalbench.metrics import latency
from frugalbench.record import Failure, Run

change = msgspec.structs.replace


def run_of(number: int, calls: int = 3, *, notes: tuple[str, ...] = ()) -> Run:
    """What a process tells of itself: it does not know which one it is."""
    run = make_record().run
    assert run is not None
    return change(
        run,
        processes=(make_process(calls, order=number),),
        windows=(window(1.0 + number), window(2.0 + number, phase="idle_after", calls=0)),
        notes=notes,
    )


def gathered(*latencies: list[int], **arrays: Any) -> Gathered:
    found = Gathered()
    for number, calls in enumerate(latencies):
        own = {"latency_ns": np.array(calls, np.int64)} | (arrays if number == 0 else {})
        found.add(number, run_of(number, len(calls)), own)
    return found


CRASH = Failure(kind="crash", detail="the worker crashed (SIGSEGV)")


def test_latencies_lie_one_process_after_the_other() -> None:
    run, arrays = gathered([5, 1, 9], [7, 7], [2]).run()
    assert arrays["latency_ns"].tolist() == [5, 1, 9, 7, 7, 2]
    assert [one.kept for one in run.processes] == [3, 2, 1]
    assert [one.order for one in run.processes] == [0, 1, 2]


def test_windows_say_which_process_they_are_of() -> None:
    run, _ = gathered([1], [1], [1]).run()
    assert [(one.process, one.joules, one.phase) for one in run.windows] == [
        (number, joules + number, phase)
        for number in range(3)
        for joules, phase in ((1.0, "run"), (2.0, "idle_after"))
    ]


def test_answers_and_checks_are_those_of_the_first_process() -> None:
    score, varied = np.eye(2), np.arange(5.0)
    _, arrays = gathered([1], [2], **{"output": score, "check:varied_ns": varied}).run()
    assert arrays.keys() == {"latency_ns", "output", "check:varied_ns"}
    assert arrays["output"] is not score
    np.testing.assert_array_equal(arrays["output"], score)


def test_what_is_kept_outlives_the_file_it_was_read_from() -> None:
    calls = np.array([1, 2, 3])
    found = Gathered()
    found.add(0, run_of(0), {"latency_ns": calls})
    calls[:] = 0
    assert found.run()[1]["latency_ns"].tolist() == [1, 2, 3]


def test_a_note_that_every_process_makes_is_told_once() -> None:
    found = Gathered()
    for number, notes in enumerate([("no rapl", "a"), ("no rapl",), ("b", "no rapl")]):
        found.add(number, run_of(number, notes=notes), {"latency_ns": np.array([1, 2, 3])})
    assert found.run()[0].notes == ("no rapl", "a", "b")


def test_a_disturbed_process_is_told_and_its_figures_are_not_mixed_in() -> None:
    found = gathered([1])
    found.discard(1, run_of(8, 700), {"latency_ns": np.ones(700)}, "the hypervisor took 9%")
    run, arrays = found.run()
    assert [one.order for one in run.discarded] == [8]
    assert len(run.processes) == arrays["latency_ns"].size == 1
    assert len(run.windows) == 2
    assert run.notes == ("process 1 was disturbed and is measured again: the hypervisor took 9%",)


def test_a_process_that_gave_nothing_is_told() -> None:
    found = gathered([1])
    assert found.fall_back(1, CRASH)
    assert found.run()[0].notes == ("process 1 gave nothing (crash): the worker crashed (SIGSEGV)",)


def test_a_first_process_that_gave_nothing_leaves_nothing_to_go_on_with() -> None:
    assert not Gathered().fall_back(0, CRASH)


def test_a_disturbed_attempt_stands_where_the_next_one_gives_nothing() -> None:
    found = Gathered()
    found.discard(0, run_of(0, 2), {"latency_ns": np.array([3, 4])}, "the hypervisor took 9%")
    assert found.fall_back(0, CRASH)
    run, arrays = found.run()
    assert arrays["latency_ns"].tolist() == [3, 4]
    assert (len(run.processes), run.discarded) == (1, ())
    assert "stands as it was measured before" in run.notes[-1]


@pytest.mark.parametrize(("wanted", "notes"), [(1, 0), (2, 0), (3, 1)])
def test_fewer_hierarchical_bootstraphan_planned_are_told(wanted: int, notes: int) -> None:
    found = gathered([1], [2])
    found.short_of(wanted)
    told = found.run()[0].notes
    assert len(told) == notes
    assert all("2 of 3 processes" in note and "plan.max_seconds" in note for note in told)


def test_a_half_width_is_that_of_the_reported_interval() -> None:
    rng = np.random.default_rng(3)
    found = gathered(*(rng.integers(900, 1100, 2000).tolist() for _ in range(3)))
    told = latency.percentile(found.latencies, 0.5)
    assert told is not None
    estimate, low, high, _ = told
    assert found.half_width(0.5) == max(estimate - low, high - estimate) / estimate
    assert 0 < found.half_width(0.5) < 0.1


def test_a_half_width_that_is_not_known_is_never_reached() -> None:
    assert gathered([1000] * 5).half_width(0.99) == math.inf
    # Calls of no time at all have no relative width.
    assert gathered([0] * 5000).half_width(0.5) == math.inf
