"""A regression is shown where there is one, and noise is not taken for one."""

from typing import Any

import numpy as np
import pytest
from _build import FAILED, at_rest, change, from_table, labels, metered, timed, window
from _records import make_record
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from frugalbench.errors import UsageError
from frugalbench.metrics._welch import log_ratio
from frugalbench.record import Noise, Record
from frugalbench.regress import SMALLEST, Change, Family, regress, smallest

LATENCY: dict[Family, float] = {"latency": 0.05}
ENERGY: dict[Family, float] = {"energy": 0.05}
QUALITY: dict[Family, float] = {"quality": 0.01}
FAIRNESS: dict[Family, float] = {"fairness": 0.05}
MEMORY: dict[Family, float] = {"memory": 0.05}


def run(*medians: float, seed: int = 0, **given: Any) -> Record:
    """A process of 1,000 calls about each of these medians, us."""
    rng = np.random.default_rng(seed)
    calls = [rng.normal(m * 1000, m * 20, 1000).clip(1) for m in medians]
    return timed(*calls, **given)


def one(changes: tuple[Change, ...], address: str) -> Change:
    (found,) = [change for change in changes if change.address == address]
    return found


def outcomes(after: Record, before: Record, limits: Any = SMALLEST) -> dict[str, str]:
    return {found.address: found.outcome for found in regress(after, before, limits).changes}


@pytest.mark.parametrize("equal", [False, True])
def test_the_test_of_two_runs_is_welchs(equal: bool) -> None:
    rng = np.random.default_rng(1)
    a = np.exp(rng.normal(0.1, 0.05, 5))
    b = np.exp(rng.normal(0.0, 0.05 if equal else 0.2, 4 if not equal else 5))
    found = log_ratio(a, b)
    theirs = stats.ttest_ind(np.log(a) - np.log(1.02), np.log(b), equal_var=False)
    greater = stats.ttest_ind(
        np.log(a) - np.log(1.02), np.log(b), equal_var=False, alternative="greater"
    )
    assert found.freedom == pytest.approx(theirs.df)
    assert found.p_above(1.02) == pytest.approx(greater.pvalue)
    interval = stats.ttest_ind(np.log(a), np.log(b), equal_var=False).confidence_interval(0.95)
    assert np.log(found.ends()[1:]) == pytest.approx([interval.low, interval.high])


def test_a_model_that_became_slow_has_regressed_and_one_that_became_fast_has_not() -> None:
    before, slow = run(100, 101, 99, 100), run(150, 151, 149, 150, seed=1)
    found = regress(slow, before, LATENCY)
    assert {one.outcome for one in found.changes} == {"REGRESSED"}
    assert found.exit_code() == 1
    middle = one(found.changes, "latency.p50")
    assert middle.low is not None
    assert middle.high is not None
    assert middle.low < 0.5 < middle.high
    assert middle.p is not None
    assert middle.p_adjusted is not None
    assert middle.p <= middle.p_adjusted < 0.05
    assert regress(before, slow, LATENCY).exit_code() == 0


def test_a_change_below_what_matters_is_no_regression_however_sure() -> None:
    before = run(*[100] * 10)
    found = regress(run(*[102] * 10, seed=1), before, LATENCY)
    assert one(found.changes, "latency.p50").outcome == "NOT_WORSE"
    assert found.exit_code() == 0


def test_processes_that_lie_far_apart_are_unclear_and_no_regression() -> None:
    found = regress(run(100, 160, 100, seed=1), run(100, 101, 99), LATENCY)
    assert {one.outcome for one in found.changes} == {"UNCLEAR"}
    assert found.exit_code() == 0


def test_unchanged_models_seldom_raise_an_alarm() -> None:
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(200):
        sides = [np.exp(rng.normal(0, 0.03, 3)) for _ in range(2)]
        alarms += log_ratio(*sides).p_above(1.05) < 0.05
    assert alarms / 200 < 0.05


@pytest.mark.slow
def test_the_rate_of_false_alarms_is_held_at_the_edge_of_what_matters() -> None:
    rng, alarms = np.random.default_rng(4), 0
    for _ in range(4000):
        after = 1.05 * np.exp(rng.normal(0, 0.03, 4))
        alarms += log_ratio(after, np.exp(rng.normal(0, 0.03, 4))).p_above(1.05) < 0.05
    # At the bound itself the rate is the 5 % that is promised, give or take the simulation.
    assert 0.03 < alarms / 4000 < 0.065


def disturbed(record: Record) -> Record:
    assert record.run is not None
    noise = Noise(seconds=1.0, others=0.9)
    seen = tuple(change(process, noise=noise) for process in record.run.processes)
    return change(record, run=change(record.run, processes=seen))


def hosted(record: Record, **facts: Any) -> Record:
    return change(record, host=change(record.host, **facts))


def aimed(record: Record, **facts: Any) -> Record:
    spec = change(record.spec, target=change(record.spec.target, **facts))
    return change(record, spec=spec)


def invalid(record: Record) -> Record:
    plan = change(record.spec.plan, min_queries=10**9)
    return change(record, spec=change(record.spec, plan=plan))


BEFORE = run(100, 101, 99)


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (disturbed(BEFORE), "disturbed"),
        (hosted(BEFORE, cpu="another"), "other hosts"),
        (hosted(BEFORE, logical_cores=64), "other hosts"),
        (hosted(BEFORE, virtualised="kvm"), "other hosts"),
        (aimed(BEFORE, threads=2), "target.threads"),
        (aimed(BEFORE, provider="CUDAExecutionProvider"), "target.provider"),
        (run(100, 101, 99, plan={"scenario": "server", "target_qps": 10.0}), "other traffic"),
        (invalid(BEFORE), "INVALID"),
        (run(100), "one process"),
        (change(BEFORE, run=change(BEFORE.run, provider="fake")), "pretended"),
        (timed([1000] * 20, [1000] * 20), "too_few"),
        (FAILED, ""),
    ],
)
def test_what_does_not_compare_is_not_compared_and_holds_the_gate(after: Record, says: str) -> None:
    found = regress(after, BEFORE, LATENCY)
    assert {one.outcome for one in found.changes} >= {"NOT_COMPARED"}
    assert not found.of("REGRESSED")
    assert found.exit_code() == 3
    told = " ".join(one.detail for one in found.changes)
    assert says in told or says == "too_few"
    assert all(one.detail for one in found.of("NOT_COMPARED"))


def test_what_is_not_compared_may_be_accepted_but_nothing_at_all_may_not() -> None:
    after = hosted(BEFORE, cpu="another")
    found = regress(after, BEFORE, LATENCY | MEMORY)
    assert (found.exit_code(), found.exit_code(allow_uncompared=True)) == (3, 0)
    alone = regress(after, BEFORE, LATENCY)
    assert alone.exit_code(allow_uncompared=True) == 3


def drawing(joules: float, **about: Any) -> Record:
    """Three processes, each of three windows, of about so many joules in 100 calls."""
    windows = []
    for process in range(3):
        windows += at_rest(1.0, process=process, **about)
        windows += [window(joules + 0.01 * k, process=process, **about) for k in range(3)]
    record = metered(windows)
    assert record.run is not None
    processes = record.run.processes * 3
    return change(record, run=change(record.run, processes=processes))


def test_energy_is_compared_where_it_was_measured_in_both() -> None:
    before = drawing(10.0)
    assert outcomes(drawing(15.0), before, ENERGY) == {"energy.per_inference": "REGRESSED"}
    assert outcomes(drawing(10.1), before, ENERGY) == {"energy.per_inference": "NOT_WORSE"}
    modelled = drawing(10.0, method="modelled")
    assert outcomes(modelled, before, ENERGY) == {"energy.per_inference": "NOT_COMPARED"}
    assert outcomes(before, modelled, ENERGY) == {"energy.per_inference": "ABSENT"}
    pretend = drawing(10.0, method="pretend")
    assert outcomes(pretend, before, ENERGY) == {"energy.per_inference": "NOT_COMPARED"}


def test_memory_is_compared_by_range_and_size_by_count() -> None:
    before = make_record()
    assert set(outcomes(before, before, MEMORY).values()) == {"NOT_WORSE"}
    assert before.run is not None
    (process,) = before.run.processes
    assert process.memory is not None
    heavy = change(process, memory=change(process.memory, after_run=process.memory.after_run * 2))
    after = change(
        before,
        run=change(before.run, processes=(heavy,)),
        model=change(before.model, bytes=before.model.bytes * 2),
    )
    found = regress(after, before, MEMORY)
    assert {one.outcome for one in found.changes} == {"REGRESSED"}
    assert {one.p for one in found.changes} == {None}


def test_quality_is_compared_row_by_row() -> None:
    before = from_table((900, 100, 100, 900), (900, 100, 100, 900))
    worse = from_table((800, 200, 200, 800), (800, 200, 200, 800))
    found = outcomes(worse, before, QUALITY)
    assert found["drift.accuracy_drop"] == "REGRESSED"
    assert found["quality.balanced_accuracy"] == "REGRESSED"
    assert outcomes(before, worse, QUALITY)["drift.accuracy_drop"] == "NOT_WORSE"
    assert outcomes(before, before, QUALITY)["drift.accuracy_drop"] == "NOT_WORSE"


def test_giving_up_a_rare_class_is_seen_though_accuracy_rises() -> None:
    before = from_table((80, 20, 300, 1600))
    after = from_table((0, 100, 0, 1900))
    found = outcomes(after, before, QUALITY)
    assert found == {
        "drift.accuracy_drop": "NOT_WORSE",
        "quality.balanced_accuracy": "REGRESSED",
    }


def test_one_group_that_is_served_worse_is_a_regression_of_fairness() -> None:
    before = from_table((900, 100, 100, 900), (900, 100, 100, 900))
    after = from_table((900, 100, 100, 900), (600, 400, 100, 900))
    found = outcomes(after, before, FAIRNESS)
    assert found["drift.tpr_drop_group_max[sex]"] == "REGRESSED"
    assert found["drift.equal_opportunity_rise[sex]"] == "REGRESSED"
    assert found["drift.fpr_rise_group_max[sex]"] == "NOT_WORSE"


def test_groups_that_are_no_longer_declared_are_not_compared() -> None:
    before = from_table((90, 10, 10, 90), (90, 10, 10, 90))
    after = labels(before.arrays["y_true"], before.arrays["y_pred"])
    assert set(outcomes(after, before, FAIRNESS).values()) == {"NOT_COMPARED"}
    assert set(outcomes(before, after, FAIRNESS).values()) == {"ABSENT"}


def rows_of(record: Record, digest: str, **asked: Any) -> Record:
    assert record.data is not None
    assert record.spec.data is not None
    spec = change(record.spec, data=change(record.spec.data, **asked))
    return change(record, data=change(record.data, rows_sha256=digest), spec=spec)


def test_other_rows_of_the_same_file_are_compared_unpaired_and_other_data_not() -> None:
    before = rows_of(from_table((900, 100, 100, 900)), "1")
    worse = rows_of(from_table((800, 200, 200, 800)), "2")
    assert set(outcomes(worse, before, QUALITY)) == {
        "quality.accuracy",
        "quality.balanced_accuracy",
    }
    assert set(outcomes(worse, before, QUALITY).values()) == {"REGRESSED"}
    elsewhere = rows_of(worse, "2", split="train")
    assert outcomes(elsewhere, before, QUALITY) == {"quality": "NOT_COMPARED"}
    other = change(worse, data=change(worse.data, sha256="c" * 64))
    assert outcomes(other, before, QUALITY) == {"quality": "NOT_COMPARED"}


def regression(errors: Any) -> Record:
    record = make_record(score=False, groups={})
    assert record.data is not None
    target = np.linspace(0, 10, 600)
    arrays = {
        "latency_ns": record.arrays["latency_ns"],
        "target": target,
        "value": target + np.asarray(errors),
    }
    data = change(record.data, classes=(), positive=None)
    return change(record, data=data, arrays=arrays)


def test_the_error_of_a_regression_is_compared_as_a_share_of_the_earlier() -> None:
    rng = np.random.default_rng(5)
    errors = rng.normal(0, 1, 600)
    before = regression(errors)
    assert outcomes(before, before, QUALITY) == {"drift.error_rise": "NOT_WORSE"}
    worse = regress(regression(errors * 1.5), before, QUALITY)
    (found,) = worse.changes
    assert (found.outcome, found.relative) == ("REGRESSED", True)
    assert found.estimate == pytest.approx(0.5)
    assert outcomes(regression(errors * 0.5), before, QUALITY) == {"drift.error_rise": "NOT_WORSE"}


def test_p_values_are_adjusted_over_families_of_equal_weight() -> None:
    before = change(from_table((900, 100, 100, 900), (900, 100, 100, 900)))
    after = from_table((890, 110, 100, 900), (890, 110, 100, 900))
    found = regress(after, before, QUALITY | FAIRNESS)
    tested = [one for one in found.changes if one.p is not None]
    assert len(tested) == 6
    for seen in tested:
        assert seen.p is not None
        assert seen.p_adjusted is not None
        assert seen.p <= seen.p_adjusted <= 1
    ordered = sorted(
        tested, key=lambda seen: (seen.p or 0) * (2 if seen.family == "quality" else 4)
    )
    adjusted = [seen.p_adjusted or 0 for seen in ordered]
    assert adjusted == sorted(adjusted)
    first = ordered[0]
    weight = 2 if first.family == "quality" else 4
    assert first.p_adjusted == pytest.approx(min(1.0, 2 * weight * (first.p or 0)))


@given(
    worse=st.floats(0.3, 3.0),
    spread=st.floats(0.0, 0.2),
    processes=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_a_regression_always_comes_with_its_evidence(
    worse: float, spread: float, processes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    after = run(*(100 * worse * np.exp(rng.normal(0, spread, processes))), seed=seed)
    found = regress(after, BEFORE, LATENCY)
    for seen in found.changes:
        if seen.estimate is None:
            assert seen.outcome in ("NOT_COMPARED", "ABSENT")
            assert seen.detail
            continue
        assert seen.low is not None
        assert seen.high is not None
        assert seen.low <= seen.estimate <= seen.high
        if seen.outcome == "REGRESSED":
            assert seen.estimate > seen.smallest
            assert (seen.p_adjusted or 0) < 0.05


def test_the_smallest_changes_are_read_and_wrong_ones_refused() -> None:
    assert smallest(["latency=0.1", "energy=none"]) == {
        "latency": 0.1,
        "memory": 0.05,
        "quality": 0.01,
        "fairness": 0.05,
    }
    for words, says in (
        (["latncy=0.1"], "did you mean 'latency'"),
        (["latency=0.01"], "0.05 or more"),
        (["quality=much"], "a number"),
        (["quality=nan"], "a number"),
        (["quality=-1"], "a number"),
        (["quality"], "a number"),
        ([f"{family}=none" for family in SMALLEST], "every family"),
    ):
        with pytest.raises(UsageError, match=says):
            smallest(words)
