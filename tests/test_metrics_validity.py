"""A run that is not what it claims is INVALID, says so everywhere, and is no evidence."""

import json
import math
from typing import Any, get_args

import numpy as np
import pytest
from _build import FAILED, PLACE, at_rest, change, metered, missing, timed, value, window
from _records import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from frugalbench import metrics, report
from frugalbench.certify import Policy, Rule, judge
from frugalbench.certify._decide import ANSWER_FAMILIES, RUN_FAMILIES, RUN_TOO
from frugalbench.compare import compare
from frugalbench.metrics import validity
from frugalbench.record import Answer, Answered, Excuse, Noise, Process, Record, Warmup
from frugalbench.report import Lang, text
from frugalbench.spec import Plan

ROUNDS = 20
CALLS = np.random.default_rng(5).integers(900, 1100, 3000)


def checked(repeated: float = 1.0, reseeded: float = 1.0, noise: float = 0.001) -> Record:
    """A record whose rounds show these ratios, with a little noise."""
    rng = np.random.default_rng(1)
    varied = 1000 * np.exp(rng.normal(0, 0.1, ROUNDS))
    record = timed(CALLS)
    arrays = {
        "check:varied_ns": varied,
        "check:repeated_ns": varied * repeated * np.exp(rng.normal(0, noise, ROUNDS)),
        "check:reseeded_ns": varied * reseeded * np.exp(rng.normal(0, noise, ROUNDS)),
    }
    return change(record, arrays=record.arrays | arrays)


def with_process(record: Record, **given: Any) -> Record:
    assert record.run is not None
    processes = tuple(change(one, **given) for one in record.run.processes)
    return change(record, run=change(record.run, processes=processes))


def planned(record: Record, **given: Any) -> Record:
    return change(record, spec=change(record.spec, plan=change(record.spec.plan, **given)))


def codes(record: Record) -> list[str]:
    return [flaw.code for flaw in validity.flaws(record)]


def answered(differing: int) -> Answered:
    return Answered(compared=100, differing=differing, tolerance="exact")


# What makes a run INVALID


def test_an_honest_run_has_no_flaw() -> None:
    record = with_process(checked(), answered=answered(0))
    assert codes(record) == []
    assert value("validity.repeated_ratio", record).estimate == pytest.approx(1, abs=0.01)
    assert value("validity.answers_agree", record).estimate == 1


@pytest.mark.parametrize(
    ("ratio", "found"), [(0.5, True), (0.89, True), (0.91, False), (1.5, False)]
)
def test_a_repeated_sample_that_is_a_tenth_faster_is_a_cache(ratio: float, found: bool) -> None:
    assert ("repeated_sample_faster" in codes(checked(repeated=ratio))) == found


def test_a_ratio_that_is_not_clear_is_no_flaw() -> None:
    record = checked(repeated=0.85, noise=0.3)
    assert value("validity.repeated_ratio", record).high > 0.9
    assert codes(record) == []


def exactly(repeated: float, reseeded: float) -> Record:
    """A record whose rounds show these ratios, every one the same."""
    record, varied = timed(CALLS), np.full(ROUNDS, 1000.0)
    arrays = {
        "check:varied_ns": varied,
        "check:repeated_ns": repeated * varied,
        "check:reseeded_ns": reseeded * varied,
    }
    return change(record, arrays=record.arrays | arrays)


def test_nine_tenths_and_eleven_tenths_are_still_inside() -> None:
    assert codes(exactly(0.9, 0.9)) == codes(exactly(0.9, 1.1)) == []
    assert codes(exactly(0.8999, 0.8999)) == ["repeated_sample_faster", "second_seed_differs"]
    assert codes(exactly(1.0, 1.1001)) == ["second_seed_differs"]


def test_a_drift_that_is_in_all_blocks_of_a_round_is_in_no_ratio() -> None:
    """A clock that slows down by half between the rounds makes neither check fail."""
    record = exactly(1.0, 1.0)
    drift = np.linspace(1, 2, ROUNDS)
    arrays = {name: drift * one for name, one in record.arrays.items() if name[:5] == "check"}
    assert codes(change(record, arrays=record.arrays | arrays)) == []


@pytest.mark.parametrize("rounds", [0, 1])
def test_too_few_rounds_show_nothing(rounds: int) -> None:
    record = exactly(0.1, 0.1)
    arrays = {name: one[:rounds] for name, one in record.arrays.items() if name[:5] == "check"}
    record = change(record, arrays=record.arrays | arrays)
    assert codes(record) == []
    assert missing("validity.repeated_ratio", record).reason == "not_checked"


@pytest.mark.parametrize(
    ("ratio", "found"), [(0.88, True), (0.92, False), (1.08, False), (1.12, True)]
)
def test_another_seed_must_give_the_same_within_a_tenth(ratio: float, found: bool) -> None:
    assert ("second_seed_differs" in codes(checked(reseeded=ratio))) == found


def test_one_answer_that_differs_is_enough() -> None:
    assert codes(with_process(checked(), answered=answered(1))) == ["answers_differ"]


@pytest.mark.parametrize(
    ("plan", "given", "code"),
    [
        ({"min_queries": 3001}, {}, "too_few_queries"),
        ({"min_queries": 3000}, {}, None),
        ({"min_seconds": 10.0}, {"seconds": 9.0}, "too_short"),
        ({"min_seconds": 10.0}, {"seconds": 9.89}, "too_short"),
        ({"min_seconds": 10.0}, {"seconds": 9.9}, None),
        ({"min_seconds": 0.0, "processes": 5}, {"seconds": 1.0}, None),
        ({"min_seconds": 0.1, "processes": 2}, {"seconds": 1.0}, "too_few_processes"),
        ({"scenario": "server", "target_qps": 9.0}, {"unserved": 1}, "overloaded"),
        ({"scenario": "server", "target_qps": 9.0}, {"unserved": 0}, None),
    ],
)
def test_a_plan_that_did_not_get_its_minimum_is_not_met(
    plan: dict[str, Any], given: dict[str, Any], code: str | None
) -> None:
    asked = {"processes": 1} | plan
    record = with_process(planned(checked(), **asked), **given)
    assert codes(record) == ([code] if code else [])
    for flaw in validity.flaws(record):
        assert "plan." in flaw.detail


def test_the_process_with_the_least_decides() -> None:
    """Many queries in one process do not make up for few in another."""
    record = planned(timed(CALLS, CALLS[:999]), min_queries=1000, processes=2)
    assert codes(record) == ["too_few_queries"]
    assert "999" in validity.flaws(record)[0].detail
    assert codes(planned(record, min_queries=999)) == []
    assert record.run is not None
    long, short = record.run.processes
    parts = (
        change(long, seconds=60.0, answered=answered(0)),
        change(short, seconds=9.5, answered=answered(1)),
    )
    record = change(record, run=change(record.run, processes=parts))
    differ, shorter = validity.flaws(planned(record, min_queries=1, min_seconds=10.0))
    assert differ.detail.startswith("1 of 200 answers")
    assert shorter.code == "too_short"
    assert "timed 9.5 s; the plan asks for 10 s" in shorter.detail


def test_every_flaw_is_told_and_not_the_first_one_alone() -> None:
    record = with_process(planned(exactly(0.5, 0.5), min_queries=10**9), answered=answered(2))
    record = with_process(planned(record, scenario="server", target_qps=0.5), unserved=1)
    assert codes(record) == [
        "repeated_sample_faster",
        "second_seed_differs",
        "answers_differ",
        "too_few_queries",
        "overloaded",
    ]


def test_the_share_of_answers_that_agree_has_wilsons_interval() -> None:
    found = value("validity.answers_agree", with_process(checked(), answered=answered(4)))
    assert (found.estimate, found.n) == (0.96, 100)
    assert (found.low, found.high) == pytest.approx(
        proportion_confint(96, 100, method="wilson"), abs=1e-9
    )


def test_what_was_not_checked_is_missing_and_what_was_not_run_has_no_flaw() -> None:
    record = timed(CALLS)
    for name in ("repeated_ratio", "reseeded_ratio", "answers_agree"):
        assert missing(f"validity.{name}", record).reason == "not_checked"
        assert missing(f"validity.{name}", FAILED).reason == "no_run"
    assert codes(record) == codes(FAILED) == []


# A repeated sample that is faster, and nothing remembered


def predicted(low: float, high: float, repeated: float = 0.5) -> Record:
    """Rounds in which never seen samples take from `low` to `high` of the time of those timed."""
    record = exactly(repeated, 1.0)
    varied = np.full(ROUNDS, 1000.0)
    half = (high - low) / 2
    # Two kinds of rounds, as many of each, whose interval is about what was asked for.
    spread = half / stats.t.ppf(0.975, ROUNDS - 1) * math.sqrt(ROUNDS - 1)
    logs = (low + half - 1) + spread * np.where(np.arange(ROUNDS) % 2, 1.0, -1.0)
    trimmed = {
        "check:varied_trimmed_ns": varied,
        "check:reseeded_trimmed_ns": varied * np.exp(logs),
    }
    return change(record, arrays=record.arrays | trimmed)


@pytest.mark.parametrize(
    ("low", "high", "flaws"),
    [
        (0.99, 1.01, []),
        (0.92, 1.08, []),
        (0.97, 1.13, ["repeated_sample_faster"]),
        (0.87, 1.03, ["repeated_sample_faster"]),
        (0.85, 1.15, ["repeated_sample_faster"]),
        (1.2, 1.3, ["repeated_sample_faster", "second_seed_differs"]),
    ],
)
def test_only_samples_never_seen_that_are_clearly_as_fast_excuse_a_repeated_one(
    low: float, high: float, flaws: list[str]
) -> None:
    record = predicted(low, high)
    assert codes(record) == flaws
    note = value("validity.repeated_ratio", record).note
    assert ("their answers are not remembered" in note) == (not flaws)


def test_an_ordinary_ratio_needs_no_remark() -> None:
    assert value("validity.repeated_ratio", predicted(0.99, 1.01, repeated=0.95)).note == ""


def test_a_cache_that_no_median_shows_is_seen_by_the_mean() -> None:
    """Four in ten varied samples are remembered: medians are the same, and means are not."""
    record = predicted(1.5, 1.6, repeated=1.0)
    assert codes(record) == ["second_seed_differs"]
    assert "take 1" in validity.flaws(record)[0].detail


# What is not there is no innocence


def stated(record: Record, **unchecked: Any) -> Record:
    return with_process(record, unchecked=unchecked)


def whole() -> Record:
    """A record with every check, as a run of this version leaves it."""
    record = stated(with_process(predicted(0.99, 1.01), answered=answered(0)))
    assert record.run is not None
    record = change(record, run=change(record.run, inputs_used=64))
    assert codes(record) == []
    return record


CHECKS = ("check:varied_ns", "check:repeated_ns", "check:reseeded_ns")


@pytest.mark.parametrize("gone", [CHECKS, *((one,) for one in CHECKS)])
def test_rounds_that_are_not_there_and_not_excused_are_a_flaw(gone: tuple[str, ...]) -> None:
    record = whole()
    left = {name: one for name, one in record.arrays.items() if name not in gone}
    (flaw,) = (
        one
        for one in validity.flaws(change(record, arrays=left))
        if one.code != "repeated_sample_faster"
    )
    assert flaw.code == "not_checked"
    assert flaw.detail.startswith("nothing shows that answers are not remembered")


@pytest.mark.parametrize("rounds", [0, 1])
def test_rounds_cut_short_are_a_flaw(rounds: int) -> None:
    record = whole()
    cut = {name: record.arrays[name][:rounds] for name in CHECKS}
    assert "not_checked" in codes(change(record, arrays=record.arrays | cut))


def test_rounds_of_different_numbers_are_a_flaw() -> None:
    record = whole()
    cut = {"check:repeated_ns": record.arrays["check:repeated_ns"][:-1]}
    assert "not_checked" in codes(change(record, arrays=record.arrays | cut))


@pytest.mark.parametrize("gone", ["check:varied_trimmed_ns", "check:reseeded_trimmed_ns"])
def test_without_the_samples_never_seen_a_faster_repeated_one_is_a_cache(gone: str) -> None:
    record = whole()
    left = {name: one for name, one in record.arrays.items() if name != gone}
    assert codes(change(record, arrays=left)) == ["repeated_sample_faster"]


@pytest.mark.parametrize("nothing", [None, Answered(compared=0, differing=0, tolerance="")])
def test_answers_that_were_not_read_and_are_not_excused_are_a_flaw(
    nothing: Answered | None,
) -> None:
    assert codes(with_process(whole(), answered=nothing)) == ["not_checked"]
    # One process of two is enough.
    record = whole()
    assert record.run is not None
    (one,) = record.run.processes
    silent = change(one, answered=nothing)
    assert codes(change(record, run=change(record.run, processes=(one, silent)))) == ["not_checked"]


@pytest.mark.parametrize(
    ("excuse", "plan", "process", "run", "holds"),
    [
        ("offline", {"scenario": "offline"}, {}, {}, True),
        ("offline", {}, {}, {}, False),
        ("one_sample", {}, {}, {"inputs_used": 1}, True),
        ("one_sample", {}, {}, {"inputs_used": 8, "samples": 8}, True),
        ("one_sample", {}, {}, {"inputs_used": 2}, False),
        # 3,120 calls in 15 % of ten seconds would take under 481 µs each.
        ("no_time", {}, {"seconds": 10.0, "queries": 20_700}, {}, True),
        ("no_time", {}, {"seconds": 10.0, "queries": 20_900}, {}, False),
        # In a long run they get five seconds: 1.6 ms.
        ("no_time", {}, {"seconds": 100.0, "queries": 62_000}, {}, True),
        ("no_time", {}, {"seconds": 100.0, "queries": 63_000}, {}, False),
        ("few_rows", {}, {}, {}, False),
        ("no_output", {}, {}, {}, False),
        ("older_format", {}, {}, {}, True),
    ],
)
def test_an_excuse_for_rounds_must_fit_the_plan_and_what_was_timed(
    excuse: str, plan: dict[str, Any], process: dict[str, Any], run: dict[str, Any], holds: bool
) -> None:
    record = whole()
    left = {name: one for name, one in record.arrays.items() if name[:5] != "check"}
    record = stated(with_process(planned(change(record, arrays=left), **plan), **process))
    assert record.run is not None
    record = change(record, run=change(record.run, **run))
    assert codes(record) == ["not_checked"]
    assert codes(stated(record, rounds=excuse)) == ([] if holds else ["not_checked"])
    # One check's excuse is none for the other.
    assert codes(stated(record, answers=excuse)) == ["not_checked"]


def test_a_process_without_a_warm_up_went_by_its_first_call() -> None:
    record = whole()
    left = {name: one for name, one in record.arrays.items() if name[:5] != "check"}
    record = with_process(change(record, arrays=left), seconds=10.0, queries=10**6)
    assert codes(stated(record, rounds="no_time")) == ["not_checked"]
    none = Warmup(calls=0, seconds=0.0, steady=False)
    cold = with_process(record, warmup=none, first_call_seconds=0.2)
    assert codes(stated(cold, rounds="no_time")) == []
    # A quick call is always warmed up.
    quick = with_process(record, warmup=none, first_call_seconds=0.05)
    assert codes(stated(quick, rounds="no_time")) == ["not_checked"]


@pytest.mark.parametrize(
    ("excuse", "plan", "process", "holds"),
    [
        ("no_time", {"warmup_seconds": 1.0}, {"first_call_seconds": 0.5, "seconds": 10.0}, True),
        ("no_time", {"warmup_seconds": 1.0}, {"first_call_seconds": 0.49, "seconds": 10.0}, False),
        ("no_time", {"warmup_seconds": 9.0}, {"first_call_seconds": 0.49, "seconds": 9.0}, True),
        ("no_time", {"warmup_seconds": 0.0}, {"first_call_seconds": 1e-6, "seconds": 9.0}, True),
        ("no_time", {"scenario": "offline"}, {"first_call_seconds": 9.0}, False),
        ("few_rows", {}, {}, False),
        ("no_output", {}, {}, True),
        ("offline", {"scenario": "offline"}, {}, False),
        ("older_format", {}, {}, True),
    ],
)
def test_an_excuse_for_answers_must_fit_the_plan_and_what_was_timed(
    excuse: str, plan: dict[str, Any], process: dict[str, Any], holds: bool
) -> None:
    record = with_process(planned(whole(), **plan), **process, answered=None)
    if "scenario" in plan:
        record = stated(record, rounds="offline")
    assert codes(record) == ["not_checked"]
    why = {**({"rounds": "offline"} if "scenario" in plan else {}), "answers": excuse}
    assert codes(stated(record, **why)) == ([] if holds else ["not_checked"])


def test_a_model_with_an_answer_has_an_output_that_can_be_read() -> None:
    record = stated(with_process(whole(), answered=None), answers="no_output")
    answer = Answer(output="p", kind="probability", how="named")
    assert codes(record) == []
    assert codes(change(record, model=change(record.model, answer=answer))) == ["not_checked"]


def test_a_query_of_more_samples_than_there_are_rows_has_no_known_answer() -> None:
    record = make_record(rows=600)
    assert record.run is not None
    record = stated(change(record, run=change(record.run, samples=601)), rounds="older_format")
    record = stated(record, rounds="older_format", answers="few_rows")
    assert codes(record) == []
    assert record.run is not None
    assert codes(change(record, run=change(record.run, samples=600))) == ["not_checked"]


@settings(max_examples=200)
@given(
    gone=st.sets(
        st.sampled_from([*CHECKS, "check:varied_trimmed_ns", "check:reseeded_trimmed_ns", "read"]),
        min_size=1,
    ),
    excuse=st.sampled_from([None, *get_args(Excuse)]),
)
def test_deleting_checks_never_makes_a_run_valid(gone: set[str], excuse: str | None) -> None:
    """Whatever is taken out, and whatever its plan and its times do not bear out is said of it."""
    record = whole()
    left = {name: one for name, one in record.arrays.items() if name not in gone}
    record = change(record, arrays=left)
    record = with_process(record, answered=None) if "read" in gone else record
    assert codes(record) != []
    if excuse not in (None, "older_format", "no_output", "no_time"):
        assert codes(stated(record, rounds=excuse, answers=excuse)) != []


@pytest.mark.parametrize("excuse", ["no_time", "offline"])
def test_rounds_that_are_there_in_part_are_not_excused(excuse: str) -> None:
    record = planned(whole(), scenario="offline" if excuse == "offline" else "single_stream")
    parts = {name: one for name, one in record.arrays.items() if name != CHECKS[0]}
    assert "not_checked" in codes(stated(change(record, arrays=parts), rounds=excuse))
    none = {name: one for name, one in record.arrays.items() if name[:5] != "check"}
    assert codes(stated(change(record, arrays=none), rounds=excuse)) == []


# What it is no evidence for


def rules(*names: tuple[str, str]) -> Policy:
    made = []
    for name, unit in names:
        bound: dict[str, Any] = {"at_least": 1e-9} if unit == "1" else {"at_most": 0.9e9}
        made.append(Rule(id=name, metric=name, unit=unit, **bound))
    return Policy(name="p", version="1", rules=tuple(made), min_group=1, missing_groups="exclude")


POLICY = rules(
    ("latency.p90", "s"),
    ("memory.peak", "B"),
    ("quality.accuracy", "1"),
    ("fairness.accuracy_group_min", "1"),
)


TIMED = [
    ("latency.p90", "s", 1.0, 1e-9),
    ("energy.per_inference", "J", 1.0, 1e-9),
    ("carbon.per_inference", "g", 1.0, 1e-12),
    ("water.per_inference", "L", 1.0, 1e-12),
    ("projection.energy", "kWh", 1e12, 1e-9),
]


@pytest.mark.parametrize(("name", "unit", "loose", "strict"), TIMED)
def test_no_outcome_on_what_was_timed_stands_in_an_invalid_run(
    name: str, unit: str, loose: float, strict: float
) -> None:
    record = metered([*(window(j) for j in (9.9, 10.0, 10.1)), *at_rest(4.0)])
    site = change(PLACE, daily_inferences=1000.0)
    record = change(record, spec=change(record.spec, site=site))
    found = value(name, record)
    outcomes = {"PASS": loose, "INCONCLUSIVE": found.estimate, "FAIL": strict}
    for outcome, bound in outcomes.items():
        one = Rule(id="r", metric=name, unit=unit, at_most=bound)
        policy = Policy(name="p", version="1", rules=(one,))
        (valid,) = judge(record, policy).findings
        assert valid.outcome == outcome
        (void,) = judge(planned(record, min_queries=10**9), policy).findings
        assert void.outcome == "NOT_EVALUATED"
        assert void.explanation.startswith("the run is INVALID: a process made")
        assert void.needed is None
        # The number is shown all the same.
        assert void.measure == found


def test_what_is_missing_says_so_and_not_that_the_run_is_invalid() -> None:
    record = planned(make_record(site=False), min_queries=10**9)
    rule = Rule(id="r", metric="carbon.per_inference", unit="g", at_most=1.0)
    (found,) = judge(record, Policy(name="p", version="1", rules=(rule,))).findings
    assert found.outcome == "NOT_EVALUATED"
    assert "no site" in found.explanation


def test_every_family_of_metrics_is_timed_or_answered_or_neither() -> None:
    """A new family must be told apart: is it evidence when the run is INVALID?"""
    families = {name.partition(".")[0] for name in metrics.every()}
    neither = {"memory", "validity", "reproducibility", "transparency"}
    assert families == {*RUN_FAMILIES, *ANSWER_FAMILIES, *neither}
    assert set(RUN_TOO) <= set(metrics.every())
    assert not set(RUN_FAMILIES) & set(ANSWER_FAMILIES)


@pytest.mark.parametrize("differing", [0, 3])
def test_no_rule_on_an_invalid_run_is_evaluated(differing: int) -> None:
    """Answers count for nothing where they change from call to call, and memory is what it is."""
    record = with_process(make_record(), answered=answered(differing))
    if not differing:
        record = planned(record, min_queries=10**9)
    outcomes = {one.rule.metric: one for one in judge(record, POLICY).findings}
    assert outcomes["latency.p90"].outcome == "NOT_EVALUATED"
    assert "INVALID" in outcomes["latency.p90"].explanation
    assert outcomes["memory.peak"].outcome == "PASS"
    expected = "NOT_EVALUATED" if differing else "PASS"
    assert outcomes["quality.accuracy"].outcome == expected
    assert outcomes["fairness.accuracy_group_min"].outcome == expected
    assert judge(record, POLICY).exit_code == 3


def test_the_same_run_without_a_flaw_passes() -> None:
    assert judge(make_record(), POLICY).overall == "PASS"


def test_an_invalid_run_does_not_fail_either() -> None:
    strict = Policy(
        name="p", version="1", rules=(Rule(id="a", metric="latency.p90", unit="s", at_most=1e-9),)
    )
    assert judge(make_record(), strict).overall == "FAIL"
    assert judge(planned(make_record(), min_queries=10**9), strict).overall == "NOT_EVALUATED"


@pytest.mark.parametrize("which", ["A", "B"])
def test_an_invalid_run_is_compared_with_nothing(which: str) -> None:
    good, bad = make_record(), planned(make_record(), min_queries=10**9)
    rows = compare(bad, good) if which == "A" else compare(good, bad)
    seen = set()
    for row in rows:
        family = row.address.partition(".")[0]
        seen.add(family)
        if family in RUN_FAMILIES:
            assert row.comparable == f"the run of {which} is INVALID"
            assert (row.ratio, row.separated, row.better) == (None, None, "")
        else:
            assert row.comparable == ""
    assert {"latency", "energy", "carbon", "memory", "quality", "fairness"} <= seen


@pytest.mark.parametrize(
    "other",
    [
        {"scenario": "server", "target_qps": 5.0},
        {"scenario": "offline"},
        {"scenario": "multi_stream"},
    ],
)
def test_other_traffic_is_not_compared(other: dict[str, Any]) -> None:
    rows = compare(make_record(), planned(make_record(), **other))
    assert {one.comparable for one in rows if one.address.startswith("energy")} == {"other traffic"}
    # What a model answers and weighs does not depend on who asks.
    quiet = [one for one in rows if one.address.startswith(("quality", "fairness", "memory"))]
    assert {one.comparable for one in quiet} == {""}


def test_as_many_samples_at_once_and_as_many_a_second_are_the_same_traffic() -> None:
    def asked(samples: int, **plan: Any) -> Record:
        record = planned(make_record(), **plan)
        assert record.run is not None
        return change(record, run=change(record.run, samples=samples))

    def obstacle(a: Record, b: Record) -> str:
        (row,) = [one for one in compare(a, b) if one.address == "latency.throughput"]
        return row.comparable

    assert obstacle(asked(1), asked(8)) == "other traffic"
    assert obstacle(asked(8), asked(8)) == ""
    # Offline, everything is asked at once, in batches that suit the machine.
    assert obstacle(asked(600, scenario="offline"), asked(512, scenario="offline")) == ""
    server = {"scenario": "server"}
    assert obstacle(asked(1, **server, target_qps=5.0), asked(1, **server, target_qps=5.0)) == ""
    other = asked(1, **server, target_qps=6.0)
    assert obstacle(asked(1, **server, target_qps=5.0), other) == "other traffic"


# Told everywhere


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_reports_say_that_a_run_is_invalid_and_disturbed(form: str) -> None:
    noise = Noise(seconds=1, own=0.5, others=0.4, steal=0.0)
    record = with_process(planned(make_record(), min_queries=10**9), noise=noise)
    told = report.render(form, record, None)
    if form == "json":
        assert '"code": "too_few_queries"' in told
        assert "other processes took 40%" in told
        return
    assert "INVALID" in told
    assert "disturbed" in told
    french = report.render(form, record, None, lang="fr")
    assert "PAS VALIDE" in french
    assert "dérangée" in french


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_reports_of_a_quiet_valid_run_say_neither(form: str, lang: Lang) -> None:
    told = report.render(form, make_record(), None, lang=lang)
    for word in ("INVALID", "PAS VALIDE", "was disturbed", "a été dérangée"):
        assert word not in told


def test_json_names_every_flaw_and_every_disturbed_process() -> None:
    noise = Noise(seconds=1, own=0.5, others=0.0, steal=0.5)
    record = with_process(planned(exactly(0.5, 0.5), min_queries=10**9), noise=noise)
    told = json.loads(report.render("json", record, None))
    assert [one["code"] for one in told["invalid"]] == codes(record)
    assert told["disturbed"] == ["process 0: the hypervisor took 50%"]
    quiet = json.loads(report.render("json", make_record(), None))
    assert (quiet["invalid"], quiet["disturbed"]) == ([], [])


@pytest.mark.parametrize("form", ["markdown", "html"])
@pytest.mark.parametrize(("lang", "word"), [("en", "INVALID"), ("fr", "PAS VALIDE")])
def test_the_verdict_of_an_invalid_run_says_why_rule_by_rule(
    form: str, lang: Lang, word: str
) -> None:
    record = with_process(make_record(), answered=answered(3))
    told = report.render(form, record, judge(record, POLICY), lang=lang)
    assert word in told
    reason = "3 of 100 answers" if lang == "en" else "3 réponses sur 100"
    # Once above all numbers, and once for each rule it leaves without evidence.
    assert told.count(reason) >= 4


def test_the_terminal_says_so_before_any_number() -> None:
    noise = Noise(seconds=1, own=0.5, others=0.4, steal=0.0)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(
            text.header(planned(with_process(make_record(), noise=noise), min_queries=10**9))
        )
        console.print(text.header(make_record()))
    before, _, after = captured.get().partition("The machine was disturbed while it measured")
    assert "This run is INVALID: a process made" in before
    assert "other processes took 40%" in after
    assert "INVALID" not in after


# Noise


def quiet(**given: Any) -> Process:
    assert make_record().run is not None
    process = make_record().run.processes[0]  # type: ignore[union-attr]
    noise = {"seconds": 1.0, "own": 0.5, "others": 0.0, "steal": 0.0} | given
    return change(process, noise=Noise(**noise))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ""),
        ({"others": 0.1}, ""),
        ({"others": 0.11}, "other processes took 11%"),
        ({"steal": 0.02}, ""),
        ({"steal": 0.03}, "the hypervisor took 3%"),
        ({"throttled": 0}, ""),
        ({"throttled": 1}, "throttled"),
        ({"frequency_low": 2.25e9, "frequency_nominal": 3e9}, ""),
        ({"frequency_low": 2.2499e9, "frequency_nominal": 3e9}, "fell to 75%"),
        ({"frequency_low": 1e9, "frequency_nominal": None}, ""),
        ({"frequency_low": 2.2e9, "frequency_nominal": 3e9}, "fell to 73%"),
        ({"others": None, "steal": None}, ""),
    ],
)
def test_a_process_past_a_stated_limit_is_disturbed(given: dict[str, Any], told: str) -> None:
    found = validity.disturbed(quiet(**given), Plan())
    assert (told in found) if told else found == ""


def test_the_limits_of_the_plan_decide_and_every_reason_is_told() -> None:
    noisy = quiet(others=0.2, steal=0.05, throttled=3, frequency_low=1e9, frequency_nominal=2e9)
    found = validity.disturbed(noisy, Plan())
    assert len(found.split(", ")) == 4
    lenient = Plan(max_other_cpu=0.2, max_steal=0.05)
    assert "other" not in validity.disturbed(noisy, lenient)
    assert "hypervisor" not in validity.disturbed(noisy, lenient)
    assert "throttled" in validity.disturbed(noisy, lenient)
    strict = Plan(max_other_cpu=0.0, max_steal=0.0)
    assert validity.disturbed(quiet(others=0.001, steal=0.001), strict)
    assert validity.disturbed(change(noisy, noise=None), strict) == ""


def test_each_process_is_disturbed_by_itself() -> None:
    record = timed(CALLS, CALLS, CALLS)
    assert record.run is not None
    seen = tuple(quiet(others=share) for share in (0.0, 0.3, 0.2))
    record = change(record, run=change(record.run, processes=seen))
    assert validity.disturbances(record) == (
        "process 1: other processes took 30% of the processors",
        "process 2: other processes took 20% of the processors",
    )
    found = value("validity.other_cpu", record)
    assert (found.low, found.estimate, found.high, found.n) == (0.0, 0.3, 0.3, 3)
    assert validity.disturbances(FAILED) == ()


def test_a_disturbed_run_is_marked_and_still_judged() -> None:
    noise = Noise(seconds=1, own=0.5, others=0.4, steal=0.0)
    record = with_process(make_record(), noise=noise)
    assert validity.disturbances(record) == (
        "process 0: other processes took 40% of the processors",
    )
    assert codes(record) == []
    assert judge(record, POLICY).overall == "PASS"
    assert value("validity.other_cpu", record).estimate == 0.4
    assert missing("validity.steal", with_process(record, noise=None)).reason == "not_observed"


def test_queries_left_waiting_are_a_share_of_those_that_were_due() -> None:
    record = with_process(planned(timed(CALLS), scenario="server", target_qps=9.0), unserved=1000)
    assert value("validity.unserved", record).estimate == 0.25
    assert missing("validity.unserved", timed(CALLS)).reason == "other_scenario"
