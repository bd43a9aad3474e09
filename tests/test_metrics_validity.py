"""A run that is not what it claims is INVALID, says so everywhere, and is no evidence."""

from typing import Any

import numpy as np
import pytest
from _build import FAILED, change, missing, timed, value
from _records import make_record

from frugalbench import report
from frugalbench.certify import Policy, Rule, judge
from frugalbench.compare import compare
from frugalbench.metrics import validity
from frugalbench.record import Answered, Noise, Process, Record
from frugalbench.report import text
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
        ({"min_seconds": 10.0}, {"seconds": 10.01}, None),
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


def test_what_was_not_checked_is_missing_and_what_was_not_run_has_no_flaw() -> None:
    record = timed(CALLS)
    for name in ("repeated_ratio", "reseeded_ratio", "answers_agree"):
        assert missing(f"validity.{name}", record).reason == "not_checked"
        assert missing(f"validity.{name}", FAILED).reason == "no_run"
    assert codes(record) == codes(FAILED) == []


# What it is no evidence for


def rules(*names: tuple[str, str]) -> Policy:
    made = (
        Rule(id=name, metric=name, unit=unit, **({"at_most": 0.9e12} if unit != "1" else
                                                {"at_least": 1e-9}))
        for name, unit in names
    )  # fmt: skip
    return Policy(name="p", version="1", rules=tuple(made), min_group=1, missing_groups="exclude")


POLICY = rules(
    ("latency.p90", "s"),
    ("memory.peak", "B"),
    ("quality.accuracy", "1"),
    ("fairness.accuracy_group_min", "1"),
)


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


def test_an_invalid_run_is_compared_with_nothing() -> None:
    good, bad = make_record(), planned(make_record(), min_queries=10**9)
    (row,) = (one for one in compare(good, bad) if one.address == "latency.p50")
    assert row.comparable == "the run of B is INVALID"
    assert (row.ratio, row.better) == (None, "")


@pytest.mark.parametrize(
    "other", [{"scenario": "server", "target_qps": 5.0}, {"scenario": "offline"}]
)
def test_other_traffic_is_not_compared(other: dict[str, Any]) -> None:
    rows = compare(make_record(), planned(make_record(), **other))
    assert {one.comparable for one in rows if one.address.startswith("energy")} == {"other traffic"}


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


def test_the_terminal_says_so_before_any_number() -> None:
    from rich.console import Console

    console = Console(width=120)
    with console.capture() as captured:
        console.print(text.header(planned(make_record(), min_queries=10**9)))
    assert "This run is INVALID" in captured.get()


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
        ({"frequency_low": 2.3e9, "frequency_nominal": 3e9}, ""),
        ({"frequency_low": 2.2e9, "frequency_nominal": 3e9}, "fell to 73%"),
        ({"others": None, "steal": None}, ""),
    ],
)
def test_a_process_past_a_stated_limit_is_disturbed(given: dict[str, Any], told: str) -> None:
    found = validity.disturbed(quiet(**given), Plan())
    assert (told in found) if told else found == ""


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
