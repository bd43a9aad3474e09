"""A gain over a baseline is paired, and a baseline that does the job is said to do it."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from _build import FAILED, change, labels, metered, missing, timed, value, window
from _records import make_record
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats import contingency_tables

from frugalbench.certify import Policy, Rule, judge
from frugalbench.metrics import every
from frugalbench.metrics._proportions import mcnemar, paired_difference
from frugalbench.metrics._ratios import difference, ratio
from frugalbench.metrics.necessity import frontier
from frugalbench.record import Compared, Failure, Record
from frugalbench.values import Missing

Array = npt.NDArray[Any]
NAME = "linear"


def beside(record: Record, other: Record, name: str = NAME, **facts: Any) -> Record:
    """A record with another one as its baseline."""
    arrays = {
        f"baseline:{name}:{key}": array
        for key, array in other.arrays.items()
        if key not in record.arrays or key in ("latency_ns", "y_pred", "value", "score")
    }
    model = change(other.model, name=name, **facts)
    one = Compared(name=name, kind="linear", model=model, run=other.run, failure=None)
    return change(record, arrays=record.arrays | arrays, baselines=(*record.baselines, one))


def answers(y: Any, own: Any, other: Any, **more: Any) -> Record:
    """A record of two models' answers to the same rows."""
    return beside(labels(y, own, **more), labels(y, other, **more))


def paired(rows: int, only_model: int, only_baseline: int, both: int = 0) -> Record:
    """So many rows that one of the two, or both, get right; the rest neither does."""
    y = np.ones(rows, np.int64)
    own, other = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    own[: only_model + both] = 1
    other[only_model : only_model + both + only_baseline] = 1
    return answers(y, own, other)


def numbers(target: Any, own: Any, other: Any) -> Record:
    """A record of two regressions."""

    def one(answer: Any) -> Record:
        record = labels([0], [0])
        assert record.data is not None
        arrays = {
            "latency_ns": record.latency_ns,
            "target": np.asarray(target, np.float64),
            "value": np.asarray(answer, np.float64),
        }
        data = change(record.data, classes=(), positive=None, rows=len(target))
        return change(record, arrays=arrays, data=data)

    return beside(one(own), one(other))


# The gain


def test_the_gain_is_the_difference_of_accuracies_with_the_interval_of_pairs() -> None:
    found = value("necessity.gain", paired(40, 9, 1, both=20), baseline=NAME)
    assert found.estimate == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0394, 0.3571), abs=1e-4)
    assert found.n == 40
    assert found.note == (
        "0.725 against 0.525 of linear; McNemar p = 0.02 (9 rows only the model gets right, 1 only "
        "linear)"
    )


def test_a_baseline_that_does_the_job_is_said_to() -> None:
    found = value("necessity.gain", paired(100, 6, 5, both=70), baseline=NAME)
    assert found.low < 0 < found.high
    assert found.note == "linear does the job as far as can be told: 0.750 against 0.760"
    worse = value("necessity.gain", paired(100, 0, 30), baseline=NAME)
    assert worse.high < 0
    assert worse.note == "linear does the job as far as can be told: 0.300 against 0.000"


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_that_of_statsmodels(only_first: int, only_second: int) -> None:
    table = [[5, only_first], [only_second, 7]]
    wanted = contingency_tables.mcnemar(table, exact=True).pvalue
    assert mcnemar(only_first, only_second) == pytest.approx(float(wanted), abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "first", "second"), [(50, 0.1, 0.1), (200, 0.1, 0.05), (1000, 0.03, 0.02), (80, 0, 0)]
)
def test_the_interval_of_pairs_holds_the_true_gain(rows: int, first: float, second: float) -> None:
    rng = np.random.default_rng(11)
    drawn = rng.multinomial(rows, [first, second, 1 - first - second], 20_000)
    _, low, high = paired_difference(drawn[:, 0], drawn[:, 1], rows, 0.95)
    held = ((low <= first - second) & (first - second <= high)).mean()
    assert held >= 0.94


def test_clusters_are_resampled_whole() -> None:
    # Twenty people with fifty alike rows each: twenty observations, not a thousand.
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(20), 50)
    y = np.ones(1000, np.int64)
    own, other = ((rng.random(20) < share).astype(np.int64)[person] for share in (0.8, 0.5))
    record = answers(y, own, other)
    alone = value("necessity.gain", record, baseline=NAME)
    together = change(record, arrays=record.arrays | {"cluster": person})
    found = value("necessity.gain", together, baseline=NAME)
    assert found.estimate == alone.estimate
    assert found.n == 20
    assert found.interval == "cluster_bootstrap"
    assert found.high - found.low > 4 * (alone.high - alone.low)
    assert "McNemar" not in found.note
    one = change(record, arrays=record.arrays | {"cluster": np.zeros(1000, np.int64)})
    assert missing("necessity.gain", one, baseline=NAME).reason == "one_cluster"


@pytest.mark.parametrize("metric", ["gain", "balanced_gain"])
def test_rows_that_are_their_own_clusters_change_little(metric: str) -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 2000)
    own, other = (np.where(rng.random(2000) < share, y, 1 - y) for share in (0.9, 0.8))
    record = answers(y, own, other)
    alone = value(f"necessity.{metric}", record, baseline=NAME)
    each = change(record, arrays=record.arrays | {"cluster": np.arange(2000)})
    found = value(f"necessity.{metric}", each, baseline=NAME)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=4e-3)


def test_a_constant_that_looks_good_is_worth_nothing_class_by_class() -> None:
    y = np.repeat([0, 1], [950, 50])
    own = y.copy()
    own[:40], own[950:960] = 1, 0
    record = answers(y, own, np.zeros(1000, np.int64))
    assert value("necessity.gain", record, baseline=NAME).low < 0
    balanced = value("necessity.balanced_gain", record, baseline=NAME)
    assert balanced.estimate == pytest.approx(((910 / 950 - 1) + 0.8) / 2)
    assert balanced.low > 0.3
    assert balanced.note == "0.879 against 0.500 of linear"


def test_balanced_gain_is_the_difference_of_the_balanced_accuracies() -> None:
    rng = np.random.default_rng(6)
    y, own, other = rng.integers(0, 3, (3, 300))
    record = answers(y, own, other, classes=(0, 1, 2), positive=None)
    one = record.baseline(NAME)
    assert one is not None
    difference_of = (
        value("quality.balanced_accuracy", record).estimate
        - value("quality.balanced_accuracy", one).estimate
    )
    found = value("necessity.balanced_gain", record, baseline=NAME)
    assert found.estimate == pytest.approx(difference_of)


def test_balanced_gain_covers_the_true_one() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        y = np.repeat([0, 1], [180, 20])
        own, other = (np.where(rng.random(200) < share, y, 1 - y) for share in (0.9, 0.8))
        found = value("necessity.balanced_gain", answers(y, own, other), baseline=NAME)
        held += found.low <= 0.1 <= found.high
    assert held >= 0.93 * 400


def test_a_class_without_rows_has_no_balanced_gain() -> None:
    record = answers([1, 1, 1], [1, 0, 1], [1, 1, 1])
    assert missing("necessity.balanced_gain", record, baseline=NAME).reason == "empty_class"


def test_a_regression_saves_error_row_by_row() -> None:
    target = np.arange(10.0)
    noise = np.array([1, -1] * 5)
    record = numbers(target, target + noise, target + noise * np.linspace(1.5, 2.5, 10))
    found = value("necessity.error_reduction", record, baseline=NAME)
    saved = np.linspace(0.5, 1.5, 10)
    from scipy import stats

    wanted = stats.t.interval(0.95, 9, saved.mean(), stats.sem(saved))
    assert found.estimate == pytest.approx(1.0)
    assert (found.low, found.high) == pytest.approx(wanted)
    assert found.note == "1.000 against 2.000 of linear"
    alike = numbers(target, target + noise, target - noise)
    assert value("necessity.error_reduction", alike, baseline=NAME).note.startswith(
        "linear does the job"
    )
    assert missing("necessity.gain", record, baseline=NAME).reason == "not_classification"


# The cost


def energies(own: float, other: float, *, model: Any = "hardware_counter") -> Record:
    """Joules of five windows of a hundred calls, the second and fourth one a little more."""
    steps = (1.0, 1.01, 0.99, 1.02, 0.98)
    first = metered([window(100 * own * step) for step in steps])
    second = metered([window(100 * other * step, method=model) for step in steps])
    y = np.tile([0, 1], 500)
    right = [np.where(np.arange(1000) < hits, y, 1 - y) for hits in (900, 700)]
    both = answers(y, *right)
    one, two = (change(both, run=record.run, spec=record.spec) for record in (first, second))
    return beside(change(one, baselines=()), change(two, arrays=labels(y, right[1]).arrays))


def test_extra_energy_and_its_interval_come_from_the_two() -> None:
    record = energies(2.0, 0.5)
    other = record.baseline(NAME)
    assert other is not None
    a, b = (value("energy.per_inference", one) for one in (record, other))
    found = value("necessity.extra_energy", record, baseline=NAME)
    assert found.estimate == pytest.approx(a.estimate - b.estimate)
    assert found.low == pytest.approx(
        found.estimate - math.hypot(a.estimate - a.low, b.high - b.estimate)
    )
    assert found.method == "hardware_counter"
    assert found.note == "4.00 times the energy of linear"


def test_the_worse_method_of_two_is_the_method() -> None:
    record = energies(2.0, 0.5, model="modelled")
    found = value("necessity.extra_energy", record, baseline=NAME)
    assert (found.method, found.grade) == ("modelled", "low")
    extra = value("necessity.energy_per_extra_correct", record, baseline=NAME)
    assert extra.method == "modelled"


def test_energy_per_extra_right_answer_is_extra_energy_over_the_gain() -> None:
    found = value("necessity.energy_per_extra_correct", energies(2.0, 0.5), baseline=NAME)
    assert found.estimate == pytest.approx(1.5 / 0.2)
    assert found.low < 7.5 < found.high
    assert found.note == "one more right answer in 5"
    cheaper = value("necessity.energy_per_extra_correct", energies(0.5, 2.0), baseline=NAME)
    assert cheaper.high < 0


def test_without_a_gain_an_extra_right_answer_has_no_price() -> None:
    record = energies(2.0, 0.5)
    alike = record.arrays | {f"baseline:{NAME}:y_pred": record.arrays["y_pred"]}
    gone = missing(
        "necessity.energy_per_extra_correct", change(record, arrays=alike), baseline=NAME
    )
    assert gone.reason == "no_gain"
    assert "linear does the job as far as can be told: 0.900 against 0.900" in gone.detail


def test_without_energy_there_is_no_extra_energy() -> None:
    record = answers([1, 0] * 50, [1, 0] * 50, [0, 0] * 50)
    run = record.run
    assert run is not None
    record = change(record, run=change(run, windows=()))
    assert missing("necessity.extra_energy", record, baseline=NAME).reason == "no_meter"


def test_latency_is_compared_at_the_median() -> None:
    rng = np.random.default_rng(1)
    calls = [(base * rng.gamma(100, 0.01, 2000)).astype(np.int64) for base in (3e6, 1e6)]
    slow, fast = (timed(one) for one in calls)
    found = value("necessity.latency_ratio", beside(slow, fast), baseline=NAME)
    assert found.low < 3 < found.high
    assert found.high - found.low < 0.2
    assert found.method == "timer"


@given(
    st.tuples(st.floats(-10, 10), st.floats(0.01, 3), st.floats(0.01, 3)),
    st.tuples(st.floats(0.5, 10), st.floats(0.01, 0.99), st.floats(0.01, 3)),
)
def test_a_ratio_lies_in_its_interval_and_ends_where_the_difference_reaches_nought(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> None:
    a = first[0], first[0] - first[1], first[0] + first[2]
    b = second[0], second[0] * (1 - second[1]), second[0] + second[2]
    r, low, high = ratio(a, b)
    assert low <= r <= high
    for end, place in ((low, 1), (high, 2)):
        if b[2] < 2 * b[0] and end != r:
            scaled = sorted((end * b[1], end * b[2]))
            ends = difference(a, (end * b[0], scaled[0], scaled[1]))
            assert ends[place] == pytest.approx(0, abs=1e-6 * (1 + abs(a[0]) + abs(end * b[0])))


def test_the_interval_of_a_ratio_holds_the_true_one() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(3, 0.2, 10_000), rng.normal(1, 0.1, 10_000)
    half = 1.959964
    ends = [
        ratio((x, x - half * 0.2, x + half * 0.2), (y, y - half * 0.1, y + half * 0.1))
        for x, y in zip(a, b, strict=True)
    ]
    held = np.mean([low <= 3 <= high for _, low, high in ends])
    assert 0.94 < held < 0.96
    with pytest.raises(ValueError, match="may be 0"):
        ratio((1, 0, 2), (1, 0, 2))


# What there is nothing to compare with


@pytest.mark.parametrize("name", sorted(n for n in every() if n.startswith("necessity.")))
def test_every_metric_says_why_there_is_nothing_to_compare_with(name: str) -> None:
    gone = missing(name, FAILED, baseline=NAME)
    assert gone.reason == "no_run"
    absent = missing(name, make_record(), baseline="other")
    assert absent.reason in ("no_baseline", "not_regression")
    failure = Failure(kind="crash", detail="the worker crashed (SIGSEGV)")
    failed = Compared(name=NAME, kind="model", model=None, run=None, failure=failure)
    told = missing(name, change(make_record(), baselines=(failed,)), baseline=NAME)
    assert told.detail == "linear was not measured: the worker crashed (SIGSEGV)"
    assert list(every()[name].scopes(make_record())) == []


def test_an_invalid_run_of_a_baseline_is_no_evidence_of_its_cost() -> None:
    record = energies(2.0, 0.5)
    remembered = {
        f"baseline:{NAME}:check:varied_ns": np.full(9, 1000.0),
        f"baseline:{NAME}:check:repeated_ns": np.full(9, 100.0),
    }
    flawed = change(record, arrays=record.arrays | remembered)
    gone = missing("necessity.extra_energy", flawed, baseline=NAME)
    assert gone.reason == "invalid_baseline"
    assert value("necessity.gain", flawed, baseline=NAME).estimate == pytest.approx(0.2)


# The rule


def verdict(record: Record, at_least: float, metric: str = "necessity.gain") -> dict[str, Any]:
    rule = Rule(id="need", metric=metric, unit="1", at_least=at_least)
    policy = Policy(name="p", version="1", rules=(rule,))
    return {finding.address: finding for finding in judge(record, policy).findings}


def test_the_rule_is_judged_for_each_baseline() -> None:
    y = np.tile([0, 1], 500)
    own, bad = y.copy(), np.zeros(1000, np.int64)
    own[:50] = 1 - own[:50]
    near = y.copy()
    near[20:72] = 1 - near[20:72]
    record = beside(labels(y, own), labels(y, bad), "constant")
    found = verdict(beside(record, labels(y, near), "tree"), 0.01)
    assert found["necessity.gain[constant]"].outcome == "PASS"
    tree = found["necessity.gain[tree]"]
    assert tree.outcome != "PASS"
    assert tree.explanation.endswith("tree does the job as far as can be told: 0.948 against 0.950")


def test_without_a_baseline_the_rule_is_not_evaluated_and_says_what_to_add() -> None:
    (found,) = verdict(labels([0, 1] * 50, [0, 1] * 50), 0.01).values()
    assert found.outcome == "NOT_EVALUATED"
    assert "baselines=[" in found.explanation


# The frontier


def test_a_model_that_another_beats_in_both_is_dominated() -> None:
    record = energies(0.5, 2.0)
    own, other = frontier(record)
    assert (own.own, own.standing) == (True, "frontier")
    assert (other.name, other.standing, other.by) == (NAME, "dominated", own.name)


def test_a_better_and_dearer_model_is_on_the_frontier_with_its_baseline() -> None:
    assert [one.standing for one in frontier(energies(2.0, 0.5))] == ["frontier", "frontier"]


def test_intervals_that_overlap_decide_nothing() -> None:
    record = energies(2.0, 2.0)
    alike = record.arrays | {f"baseline:{NAME}:y_pred": record.arrays["y_pred"]}
    points = frontier(change(record, arrays=alike))
    assert [one.standing for one in points] == ["unclear", "unclear"]


def test_without_energy_nobody_knows_where_a_model_stands() -> None:
    record = energies(2.0, 0.5)
    assert record.run is not None
    bare = change(record, run=change(record.run, windows=()))
    own, other = frontier(bare)
    assert isinstance(own.energy, Missing)
    assert (own.standing, other.standing) == ("unknown", "unclear")


def test_without_baselines_there_is_no_frontier() -> None:
    assert frontier(make_record()) == ()
    assert frontier(FAILED) == ()
