"""Rates by group and their differences: Fairlearn's numbers, where Fairlearn's are right."""

from collections.abc import Callable
from itertools import combinations
from typing import Any, get_args

import fairlearn.metrics as fairlearn  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import pytest
from _build import FAILED, change, from_table, labels, missing, value
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import accuracy_score
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from frugalbench.certify import Policy, Rule, judge
from frugalbench.metrics import MISSING_GROUP, MissingGroups, fairness, find, measure_all
from frugalbench.metrics._intervals import newcombe
from frugalbench.metrics._pairs import ALPHA, BOTH_ENDS
from frugalbench.record import Record
from frugalbench.values import Missing, Value

RATES = {
    "fairness.selection_rate": fairlearn.selection_rate,
    "fairness.tpr": fairlearn.true_positive_rate,
    "fairness.fpr": fairlearn.false_positive_rate,
    "fairness.accuracy": accuracy_score,
}
DISPARITIES = {
    "fairness.demographic_parity_difference": fairlearn.demographic_parity_difference,
    "fairness.equalized_odds_difference": fairlearn.equalized_odds_difference,
    "fairness.equal_opportunity_difference": fairlearn.equal_opportunity_difference,
}
CELL = st.integers(0, 12)


@st.composite
def tables(draw: st.DrawFn) -> Record:
    """Two to five groups, each with both labels."""
    cells = st.tuples(CELL, CELL, CELL, CELL).filter(lambda c: c[0] + c[1] > 0 and c[2] + c[3] > 0)
    return from_table(*draw(st.lists(cells, min_size=2, max_size=5)))


def columns(record: Record) -> tuple[npt.NDArray[Any], ...]:
    return tuple(record.arrays[name] for name in ("y_true", "y_pred", "group:sex"))


@settings(max_examples=40)
@given(record=tables())
def test_group_rates_are_fairlearns(record: Record) -> None:
    y_true, y_pred, groups = columns(record)
    frame = fairlearn.MetricFrame(
        metrics=RATES, y_true=y_true, y_pred=y_pred, sensitive_features=groups
    )
    for address in RATES:
        for code in np.unique(groups):
            found = value(address, record, attribute="sex", group=f"g{code}")
            assert found.estimate == pytest.approx(frame.by_group[address][code])
            assert found.low <= found.estimate <= found.high


@settings(max_examples=40)
@given(record=tables())
def test_differences_between_groups_are_fairlearns(record: Record) -> None:
    y_true, y_pred, groups = columns(record)
    for address, theirs in DISPARITIES.items():
        found = value(address, record, attribute="sex")
        assert found.estimate == pytest.approx(theirs(y_true, y_pred, sensitive_features=groups))
        assert 0 <= found.low <= found.estimate <= found.high <= 1


@settings(max_examples=40)
@given(record=tables())
def test_the_worst_group_is_fairlearns(record: Record) -> None:
    y_true, y_pred, groups = columns(record)
    frame = fairlearn.MetricFrame(
        metrics=accuracy_score, y_true=y_true, y_pred=y_pred, sensitive_features=groups
    )
    found = value("fairness.accuracy_group_min", record, attribute="sex")
    assert found.estimate == pytest.approx(frame.group_min())
    assert found.n == np.bincount(groups).min()


@given(record=tables(), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_the_names_of_groups_change_no_number(
    record: Record, seed: int
) -> None:
    assert record.data is not None
    random = np.random.default_rng(seed)
    order = random.permutation(record.arrays["y_true"].size)
    names = record.data.groups["sex"]
    swap = random.permutation(len(names))
    arrays = {key: array[order] for key, array in record.arrays.items() if key != "latency_ns"}
    arrays["group:sex"] = swap[arrays["group:sex"]].astype(np.int32)
    renamed = tuple(names[i] for i in np.argsort(swap))
    other = change(record, arrays=arrays, data=change(record.data, groups={"sex": renamed}))
    for address in DISPARITIES:
        a, b = value(address, record, attribute="sex"), value(address, other, attribute="sex")
        assert (a.estimate, a.low, a.high, a.n) == pytest.approx((b.estimate, b.low, b.high, b.n))


def test_hand_computed_rates() -> None:
    record = from_table((30, 10, 5, 55), (12, 28, 2, 58))
    scope = {"attribute": "sex", "group": "g0"}
    assert value("fairness.tpr", record, **scope).estimate == 30 / 40
    assert value("fairness.fpr", record, **scope).estimate == 5 / 60
    assert value("fairness.selection_rate", record, **scope).estimate == 35 / 100
    assert value("fairness.accuracy", record, **scope).estimate == 85 / 100
    assert value("fairness.tpr", record, **scope).n == 40
    gap = value("fairness.equal_opportunity_difference", record, attribute="sex")
    expected = newcombe(30, 40, 12, 40, BOTH_ENDS)
    assert (gap.estimate, gap.low, gap.high) == pytest.approx(
        [float(x) for x in expected], rel=1e-3
    )
    assert gap.n == 40
    assert "g0 0.750 (n=40) against g1 0.300 (n=40)" in gap.note


# What other tools get wrong.


def test_a_group_without_positives_has_no_tpr_rather_than_a_tpr_of_zero() -> None:
    record = from_table((10, 0, 5, 20), (0, 0, 5, 30))
    found = missing("fairness.tpr", record, attribute="sex", group="g1")
    assert found.reason == "no_positives"
    assert "g1" in found.detail
    for address in ("equal_opportunity_difference", "equalized_odds_difference"):
        assert missing(f"fairness.{address}", record, attribute="sex").reason == "no_positives"
    assert value("fairness.tpr", record, attribute="sex", group="g0").estimate == 1
    assert value("fairness.demographic_parity_difference", record, attribute="sex")


def test_no_positives_anywhere_is_not_equal_opportunity() -> None:
    record = from_table((0, 0, 5, 20), (0, 0, 5, 30))
    found = missing("fairness.equal_opportunity_difference", record, attribute="sex")
    assert found.reason == "no_positives"


def test_a_group_without_negatives_has_no_fpr_rather_than_parity() -> None:
    record = from_table((10, 5, 0, 0), (10, 5, 5, 30))
    found = missing("fairness.fpr", record, attribute="sex", group="g0")
    assert found.reason == "no_negatives"
    found = missing("fairness.equalized_odds_difference", record, attribute="sex")
    assert found.reason == "no_negatives"
    assert value("fairness.equal_opportunity_difference", record, attribute="sex")


def test_one_defined_rate_does_not_decide_for_the_undefined_one() -> None:
    """A disparity over three groups is not that of the two that happen to have positives."""
    record = from_table((10, 5, 5, 30), (10, 5, 5, 30), (0, 0, 5, 30))
    assert missing("fairness.equal_opportunity_difference", record, attribute="sex")


def test_nobody_selected_is_parity_with_an_interval_not_a_certainty() -> None:
    record = from_table((0, 10, 0, 20), (0, 10, 0, 20))
    found = value("fairness.demographic_parity_difference", record, attribute="sex")
    assert (found.estimate, found.low) == (0, 0)
    assert found.high > 0.08


def test_many_equal_groups_alone_never_make_a_disparity() -> None:
    """A percentile bootstrap of the largest gap never holds 0; this interval does."""
    random, groups, rows, times = np.random.default_rng(6), 10, 300, 60
    apart = 0
    for _ in range(times):
        hits = random.binomial(rows, 0.3, groups)
        record = from_table(*((int(k), rows - int(k), 1, 1) for k in hits))
        found = value("fairness.equal_opportunity_difference", record, attribute="sex")
        assert found.estimate > 0
        apart += found.low > 0
    assert apart / times <= 0.1


def test_a_group_that_is_named_but_has_no_row_is_not_a_rate_of_zero() -> None:
    names = {"sex": ["f", "m", "x"]}
    record = labels([0, 1] * 20, [0, 1] * 20, {"sex": [0, 0, 1, 1] * 10}, names=names)
    found = missing("fairness.selection_rate", record, attribute="sex", group="x")
    assert found.reason == "empty_group"
    found = missing("fairness.demographic_parity_difference", record, attribute="sex")
    assert found.reason == "empty_group"
    assert missing("fairness.accuracy_group_min", record, attribute="sex").reason == "empty_group"


def test_one_group_has_no_disparity_rather_than_none() -> None:
    record = from_table((10, 5, 5, 30))
    for address in DISPARITIES:
        assert missing(address, record, attribute="sex").reason == "one_group"


def test_a_column_that_is_not_there_is_missing() -> None:
    record = from_table((10, 5, 5, 30), (10, 5, 5, 30))
    for address in (*DISPARITIES, "fairness.accuracy_group_min"):
        assert missing(address, record, attribute="age").reason == "missing_attribute"
    found = missing("fairness.tpr", record, attribute="sex", group="g9")
    assert found.reason == "empty_group"


def test_two_classes_need_a_positive_one_for_rates_and_accuracy_does_not() -> None:
    groups = {"sex": [0, 1] * 30}
    record = labels([0, 1] * 30, [0, 1] * 30, groups, positive=None)
    for address in DISPARITIES:
        assert missing(address, record, attribute="sex").reason == "no_positive_class"
    found = missing("fairness.tpr", record, attribute="sex", group="g0")
    assert found.reason == "no_positive_class"
    assert value("fairness.accuracy", record, attribute="sex", group="g0").estimate == 1


def test_with_more_classes_each_is_compared_against_the_rest() -> None:
    """The disparity is the largest over the classes, and its note says of which."""
    random, rows = np.random.default_rng(3), 900
    y_true, answers = random.integers(0, 3, rows), random.integers(0, 3, rows)
    groups = random.integers(0, 2, rows)
    answers[(groups == 1) & (y_true == 2)] = 0
    record = labels(y_true, answers, {"sex": groups}, classes=(0, 1, 2), positive=None)
    for name, theirs in DISPARITIES.items():
        found = value(name, record, attribute="sex")
        each = [theirs(y_true == c, answers == c, sensitive_features=groups) for c in range(3)]
        assert found.estimate == pytest.approx(max(each)), name
    note = value("fairness.equal_opportunity_difference", record, attribute="sex").note
    assert "TPR of 2" in note
    found_value = value("fairness.accuracy", record, attribute="sex", group="g0")
    assert found_value.n == int((groups == 0).sum())
    assert missing("fairness.tpr", record, attribute="sex", group="g0").reason == (
        "no_positive_class"
    )


def test_without_labels_or_without_a_run_nothing_is_fair() -> None:
    record = from_table((10, 5, 5, 30), (10, 5, 5, 30))
    assert record.data is not None
    unlabelled = change(record, data=change(record.data, label=None))
    for address in DISPARITIES:
        assert missing(address, unlabelled, attribute="sex").reason == "no_labels"
        assert missing(address, FAILED, attribute="sex").reason == "no_run"


def test_the_positive_class_may_be_the_first() -> None:
    groups = {"sex": [0, 0, 1, 1]}
    record = labels([0, 0, 0, 1], [0, 1, 0, 0], groups, positive=0)
    assert value("fairness.tpr", record, attribute="sex", group="g0").estimate == 0.5
    assert value("fairness.fpr", record, attribute="sex", group="g1").estimate == 1


def test_an_answer_outside_the_classes_is_wrong_and_not_selected() -> None:
    record = labels([1, 1, 1, 0, 0], [1, -1, -1, -1, 0], {"sex": [0] * 5})
    scope = {"attribute": "sex", "group": "g0"}
    assert value("fairness.tpr", record, **scope).estimate == pytest.approx(1 / 3)
    assert value("fairness.fpr", record, **scope).estimate == 0
    assert value("fairness.selection_rate", record, **scope).estimate == pytest.approx(1 / 5)
    assert value("fairness.accuracy", record, **scope).estimate == pytest.approx(2 / 5)
    assert value("quality.accuracy", record).estimate == pytest.approx(2 / 5)
    beyond = labels([1, 1, 1, 0, 0], [1, 7, 7, 7, 0], {"sex": [0] * 5})
    for address in RATES:
        assert value(address, beyond, **scope) == value(address, record, **scope)


# People who do not say which group they are in.


@pytest.fixture
def undeclared() -> Record:
    """Two groups treated alike, and 40 rows without a group that are never found."""
    record = from_table((20, 20, 10, 30), (20, 20, 10, 30), (0, 20, 0, 20))
    assert record.data is not None
    codes = record.arrays["group:sex"]
    arrays = record.arrays | {"group:sex": np.where(codes == 2, -1, codes).astype(np.int32)}
    return change(record, arrays=arrays, data=change(record.data, groups={"sex": ("f", "m")}))


def test_included_they_are_a_group_of_their_own(undeclared: Record) -> None:
    found = value(
        "fairness.equal_opportunity_difference", undeclared, attribute="sex", missing="include"
    )
    assert (found.estimate, found.n) == (0.5, 20)
    assert MISSING_GROUP in found.note
    rate = value("fairness.tpr", undeclared, attribute="sex", group=MISSING_GROUP)
    assert rate.estimate == 0


def test_excluded_they_do_not_count(undeclared: Record) -> None:
    found = value(
        "fairness.equal_opportunity_difference", undeclared, attribute="sex", missing="exclude"
    )
    assert (found.estimate, found.n) == (0, 40)


def test_a_policy_may_refuse_to_judge_with_them(undeclared: Record) -> None:
    for address in (*DISPARITIES, "fairness.accuracy_group_min"):
        found = missing(address, undeclared, attribute="sex", missing="fail")
        assert found.reason == "missing_attribute"
        assert "40 rows" in found.detail


def test_when_all_say_their_group_the_three_ways_agree() -> None:
    record = from_table((20, 20, 10, 30), (15, 25, 10, 30))
    for address in (*DISPARITIES, "fairness.accuracy_group_min"):
        ways = [
            find(address)(record, attribute="sex", missing=way)
            for way in ("include", "exclude", "fail")
        ]
        assert ways[0] == ways[1] == ways[2]


def test_when_nobody_says_their_group_there_is_nothing_to_compare() -> None:
    record = labels([0, 1] * 20, [0, 1] * 20, {"sex": [-1] * 40})
    for address in DISPARITIES:
        for way in ("include", "exclude"):
            assert missing(address, record, attribute="sex", missing=way).reason == "one_group"
            worst = missing("fairness.accuracy_group_min", record, attribute="sex", missing=way)
            assert worst.reason == "one_group"


# How often the interval of a disparity is right.

SHAPES: dict[str, Callable[[int], npt.NDArray[np.float64]]] = {
    "all equal": lambda g: np.full(g, 0.3),
    "one apart": lambda g: np.r_[np.full(g - 1, 0.3), 0.45],
    "spread": lambda g: np.linspace(0.2, 0.5, g),
    "two camps": lambda g: np.where(np.arange(g) % 2, 0.3, 0.4),
    "rare": lambda g: np.r_[np.full(g - 1, 0.01), 0.04],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("groups", [2, 5, 10])
def test_the_interval_covers_the_true_largest_difference(groups: int, shape: str) -> None:
    random, rows, times = np.random.default_rng(9), 150, 200
    rates = SHAPES[shape](groups)
    truth = float(rates.max() - rates.min())
    below = above = 0
    for hits in random.binomial(rows, rates, (times, groups)):
        record = from_table(*((int(k), rows - int(k), 1, 1) for k in hits))
        found = value("fairness.equal_opportunity_difference", record, attribute="sex")
        below += found.high < truth - 1e-12
        above += found.low > truth + 1e-12
    for wrong in (below, above):
        assert binomtest(wrong, times, ALPHA, alternative="greater").pvalue >= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0.0, 0.02, 0.05, 0.2])
def test_pairs_are_flagged_by_holm_exactly_where_the_interval_says_so(margin: float) -> None:
    random, apart = np.random.default_rng(2), 0
    for _ in range(8):
        hits = random.binomial(120, random.uniform(0.2, 0.6, 4))
        record = from_table(*((int(k), 120 - int(k), 1, 1) for k in hits))
        found = value("fairness.equal_opportunity_difference", record, attribute="sex")
        every = fairness.pairs(record, "equal_opportunity_difference", "sex", margin=margin)
        assert not isinstance(every, Missing)
        assert len(every) == 6
        assert [one.p for one in every] == sorted(one.p for one in every)
        _, ours, *_ = multipletests([one.p for one in every], method="holm")
        assert [one.adjusted for one in every] == pytest.approx(ours)
        flagged = any(one.flagged for one in every)
        # The p-value is found on a grid; an interval that ends at the margin may go either way.
        assert flagged == (found.low > margin) or abs(found.low - margin) < 0.01
        apart += flagged
    assert apart > 0 or margin == 0.2


@pytest.mark.parametrize("groups", [2, 5, 10])
def test_a_model_whose_true_gap_is_the_margin_is_seldom_passed(groups: int) -> None:
    """A gate on the point estimate passes half of them."""
    random, rows, times, margin = np.random.default_rng(10), 400, 3000, 0.1
    hits = random.binomial(rows, np.r_[np.full(groups - 1, 0.3), 0.4], (times, groups))
    i, j = np.array(list(combinations(range(groups), 2))).T
    gaps, lows, highs = newcombe(hits[:, i], rows, hits[:, j], rows, BOTH_ENDS)
    high = np.maximum(np.abs(lows).max(1), np.abs(highs).max(1))
    assert (high <= margin).mean() <= ALPHA + 0.01
    if groups == 2:
        assert (np.abs(gaps).max(1) <= margin).mean() > 0.4


@pytest.mark.parametrize("groups", [2, 4])
def test_the_interval_of_the_worst_group_covers_the_truth(groups: int) -> None:
    random, rows, times = np.random.default_rng(12), 80, 300
    rates = np.linspace(0.9, 0.8, groups)
    right = 0
    for _ in range(times):
        hits = random.binomial(rows, rates)
        record = from_table(*((int(k), rows - int(k), 0, 0) for k in hits))
        found = value("fairness.accuracy_group_min", record, attribute="sex")
        right += found.low <= rates.min() <= found.high
    assert right / times >= 0.88


@settings(max_examples=50)
@given(
    y_true=st.lists(st.integers(0, 1), min_size=1, max_size=30),
    data=st.data(),
)
def test_whatever_the_table_every_metric_gives_a_value_or_a_reason(
    y_true: list[int], data: st.DataObject
) -> None:
    n = len(y_true)
    answers = data.draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n))
    codes = data.draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))
    record = labels(y_true, answers, {"sex": codes}, names={"sex": ["a", "b", "c"]})
    for address, metric, found in measure_all(record):
        assert isinstance(found, Value | Missing), address
        if isinstance(found, Value):
            assert metric.minimum <= found.low <= found.high <= metric.maximum, address
        else:
            assert found.reason, address


# Rows that do not say, in intersections and within controls.


def unstated(where: str) -> Record:
    """Women of whom nothing is known in `where` are answered worse than anybody else."""
    random = np.random.default_rng(4)
    sex, region = random.integers(0, 2, 4000), random.integers(0, 2, 4000)
    y = random.integers(0, 2, 4000)
    lacking = random.random(4000) < 0.25
    wrong = lacking & (sex == 1) & (random.random(4000) < 0.5)
    region = np.where(lacking, -1, region)
    groups = {"sex": sex, "region": region}
    record = labels(y, np.where(wrong, 1 - y, y), groups)
    assert record.data is not None
    declared: Any = (
        {"controls": ("region",)} if where == "control" else {"intersections": (("sex", "region"),)}
    )
    return change(record, data=change(record.data, **declared))


@pytest.mark.parametrize("where", ["control", "intersection"])
def test_who_says_nothing_is_not_left_out_in_silence(where: str) -> None:
    record = unstated(where)
    view = "sex | region=__missing__" if where == "control" else "sex & region"
    found = value("fairness.accuracy_difference", record, attribute=view)
    assert found.low > 0.4
    name = "g1" if where == "control" else "g1 & __missing__"
    assert value("fairness.accuracy", record, attribute=view, group=name).estimate < 0.6
    rule = Rule(id="r", metric="fairness.accuracy_difference", at_most=0.3, unit="1")
    outcomes = {
        way: judge(record, Policy(name="p", version="1", rules=(rule,), missing_groups=way)).overall
        for way in get_args(MissingGroups)
    }
    assert outcomes == {"include": "FAIL", "exclude": "PASS", "fail": "NOT_EVALUATED"}


def test_a_policy_that_fails_on_the_unstated_evaluates_no_level_of_the_control() -> None:
    record = unstated("control")
    for level in ("g0", "g1"):
        view = f"sex | region={level}"
        assert value("fairness.accuracy_difference", record, attribute=view)
        found = missing("fairness.accuracy_difference", record, attribute=view, missing="fail")
        assert found.reason == "missing_attribute"


@pytest.mark.parametrize("rows", [30, 100])
@pytest.mark.parametrize(("rate", "bound"), [(1.0, 0.8), (1.0, 0.9), (0.99, 0.9), (0.9, 0.8)])
def test_a_ratio_at_the_bound_is_seldom_passed(rows: int, rate: float, bound: float) -> None:
    """Summed over every table two groups can give, through the metric itself."""
    counts = np.arange(rows + 1)
    likely = np.outer(binom.pmf(counts, rows, rate), binom.pmf(counts, rows, rate * bound))
    passed = 0.0
    for i, j in zip(*np.nonzero(likely > 1e-5), strict=True):
        if min(i, j) < bound * max(i, j):
            continue
        record = from_table((int(i), rows - int(i), 0, 0), (int(j), rows - int(j), 0, 0))
        found = value("fairness.demographic_parity_ratio", record, attribute="sex")
        passed += likely[i, j] * (found.low >= bound)
    assert passed <= 0.06


def test_everybody_selected_is_no_certain_parity() -> None:
    record = from_table((30, 0, 0, 0), (30, 0, 0, 0))
    found = value("fairness.demographic_parity_ratio", record, attribute="sex")
    assert found.estimate == 1
    assert found.low < 0.95
