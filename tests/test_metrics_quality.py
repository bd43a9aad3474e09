"""How often the model is right, and how far it is off: scikit-learn's numbers."""

from typing import Any

import numpy as np
import pytest
from _build import FAILED, change, labels, missing, value
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.metrics import log_loss as sklearn_log_loss
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]
from test_coverage import accepted

from frugalbench.metrics import _confusion
from frugalbench.record import Record

ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=60)


@given(rows=ROWS)
def test_accuracy_is_scikit_learns_with_wilsons_interval(rows: list[tuple[int, int]]) -> None:
    y, answers = zip(*rows, strict=True)
    found = value("quality.accuracy", labels(y, answers, classes=(0, 1, 2), positive=None))
    hits = sum(a == b for a, b in rows)
    assert found.estimate == pytest.approx(accuracy_score(y, answers))
    expected = proportion_confint(hits, len(rows), method="wilson")
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.n == len(rows)


@given(rows=ROWS)
def test_balanced_accuracy_is_scikit_learns(rows: list[tuple[int, int]]) -> None:
    # One right answer and one wrong one of each class, so that none is empty.
    y, answers = zip(*rows, *[(c, c) for c in range(3)], *[(c, -1) for c in range(3)], strict=True)
    found = value("quality.balanced_accuracy", labels(y, answers, classes=(0, 1, 2), positive=None))
    recalls = [np.mean(np.array(answers)[np.array(y) == c] == c) for c in range(3)]
    assert found.estimate == pytest.approx(np.mean(recalls))
    if min(answers) >= 0:
        assert found.estimate == pytest.approx(balanced_accuracy_score(y, answers))
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_balanced_accuracy_of_complete_answers_is_scikit_learns() -> None:
    random = np.random.default_rng(1)
    y = random.choice(4, 500, p=[0.7, 0.2, 0.05, 0.05])
    answers = np.where(random.random(500) < 0.6, y, random.integers(0, 4, 500))
    found = value(
        "quality.balanced_accuracy", labels(y, answers, classes=(0, 1, 2, 3), positive=None)
    )
    assert found.estimate == pytest.approx(balanced_accuracy_score(y, answers))


def test_always_the_commonest_answer_is_half_right_however_rare_the_other() -> None:
    record = labels([0] * 990 + [1] * 10, [0] * 1000)
    assert value("quality.accuracy", record).estimate == 0.99
    assert value("quality.balanced_accuracy", record).estimate == 0.5


def test_a_class_without_rows_is_not_a_recall_of_zero() -> None:
    record = labels([0, 1] * 5, [0, 1] * 5, classes=(0, 1, 2), positive=None)
    found = missing("quality.balanced_accuracy", record)
    assert found.reason == "empty_class"
    assert "2" in found.detail
    assert value("quality.accuracy", record).estimate == 1


def test_all_right_is_not_certain_to_be() -> None:
    record = labels([0, 1] * 5, [0, 1] * 5)
    for address in ("quality.accuracy", "quality.balanced_accuracy"):
        found = value(address, record)
        assert (found.estimate, found.high) == (1, 1)
        assert 0.5 < found.low < 0.85


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 20).map(lambda k: k / 20)),
        min_size=2,
        max_size=60,
    ),
    positive=st.sampled_from([0, 1]),
)
def test_auc_is_scikit_learns_whichever_class_is_positive(
    rows: list[tuple[int, float]], positive: int
) -> None:
    y, p = map(np.array, zip(*rows, (0, 0.3), (0, 0.6), (1, 0.3), (1, 0.9), strict=True))
    score = np.column_stack([1 - p, p])
    found = value("quality.auc", labels(y, p > 0.5, positive=positive, score=score))
    assert found.estimate == pytest.approx(roc_auc_score(y == positive, score[:, positive]))
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_auc_says_what_it_lacks() -> None:
    y, answers = [0, 0, 1, 1], [0, 1, 0, 1]
    score = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.2, 0.8]])
    assert missing("quality.auc", labels(y, answers)).reason == "no_scores"
    reason = missing("quality.auc", labels(y, answers, score=score, positive=None)).reason
    assert reason == "no_positive_class"
    assert missing("quality.auc", labels([1] * 4, answers, score=score)).reason == "one_class"
    assert missing("quality.auc", labels([0, 1, 1, 1], answers, score=score)).reason == "one_class"
    score[2, 0] = np.nan
    assert missing("quality.auc", labels(y, answers, score=score)).reason == "not_finite"


def test_the_mean_error_of_a_regression() -> None:
    classifier = labels([0, 1], [0, 1])
    found = missing("quality.mean_absolute_error", classifier)
    assert found.reason == "not_regression"
    arrays = {"value": np.array([1.0, 2.0, 6.0]), "target": np.array([2.0, 2.0, 4.0])}
    record = change(classifier, arrays=arrays)
    error = value("quality.mean_absolute_error", record)
    assert error.estimate == 1
    assert (error.low, error.n) == (0, 3)
    assert error.high == pytest.approx(1 + 4.302653 / np.sqrt(3))
    assert missing("quality.accuracy", record).reason == "not_classification"
    for wrong in ([1.0, np.nan, 2.0], [1.0, np.inf, 2.0]):
        broken = change(record, arrays=arrays | {"value": np.array(wrong)})
        assert missing("quality.mean_absolute_error", broken).reason == "not_finite"


def test_without_labels_rows_or_a_run_there_is_no_quality() -> None:
    record = labels([0, 1], [0, 1])
    assert record.data is not None
    unlabelled = change(record, data=change(record.data, label=None))
    for address in ("quality.accuracy", "quality.balanced_accuracy", "quality.auc"):
        assert missing(address, unlabelled).reason == "no_labels"
        assert missing(address, change(record, data=None)).reason == "no_labels"
        assert missing(address, labels([], [])).reason == "no_rows"
        found = missing(address, FAILED)
        assert found.reason == "no_run"
        assert "SIGSEGV" in found.detail


def test_answers_that_are_not_numbers_count_for_nothing() -> None:
    """A model that gives NaN has no accuracy of 0 and no perfectly equal groups."""
    record = labels([0, 0, 1, 1] * 25, [0, 0, 1, 1] * 25, {"sex": [0, 1] * 50})
    score = np.full((100, 2), 0.5)
    score[3] = np.nan
    broken = change(record, arrays={**record.arrays, "score": score})
    for address in ("quality.accuracy", "quality.balanced_accuracy", "quality.auc"):
        assert missing(address, broken).reason == "not_finite"
    gap = missing("fairness.equal_opportunity_difference", broken, attribute="sex")
    assert gap.reason == "not_finite"
    assert "1 of 100 rows" in gap.detail


def with_clusters(record: Record, codes: Any) -> Record:
    """The same record, its rows in clusters."""
    assert record.data is not None
    codes = np.asarray(codes, np.int64)
    data = change(record.data, cluster="person", clusters=int(codes.max()) + 1)
    return change(record, data=data, arrays={**record.arrays, "cluster": codes})


def regression(target: Any, answers: Any) -> Record:
    """A record of numbers answered to rows with these labels."""
    arrays = {"target": np.asarray(target, np.float64), "value": np.asarray(answers, np.float64)}
    return change(labels([0, 1], [0, 1]), arrays=arrays)


def probable(rows: int, classes: int, seed: int) -> Record:
    """Calibrated probabilities of so many classes, each of which some rows have."""
    random = np.random.default_rng(seed)
    score = random.dirichlet(np.ones(classes), rows)
    y = (score.cumsum(axis=1) < random.random(rows)[:, None]).sum(axis=1)
    y[: 2 * classes] = np.tile(np.arange(classes), 2)
    names, positive = tuple(range(classes)), 1 if classes == 2 else None
    return labels(y, score.argmax(axis=1), classes=names, positive=positive, score=score)


REGRESSIONS = [
    f"quality.{name}" for name in ("mean_absolute_error", "root_mean_squared_error", "r2")
]
CLASSIFIERS = [
    f"quality.{name}" for name in ("accuracy", "balanced_accuracy", "f1", "auc", "log_loss")
]


@given(rows=ROWS.map(lambda rows: [(a % 2, b % 2) for a, b in rows]))
def test_f1_is_scikit_learns(rows: list[tuple[int, int]]) -> None:
    y, answers = zip(*rows, (1, 1), strict=True)
    found = value("quality.f1", labels(y, answers))
    assert found.estimate == pytest.approx(f1_score(y, answers))
    assert 0 <= found.low < found.high <= 1


@given(rows=ROWS, pairs=st.booleans())
def test_macro_f1_is_scikit_learns(rows: list[tuple[int, int]], pairs: bool) -> None:
    y, answers = zip(*rows, *[(c, c) for c in range(3)], strict=True)
    record = labels(y, answers, classes=(0, 1, 2), positive=None)
    if pairs:
        record = with_clusters(record, np.arange(len(y)) // 2)
    found = value("quality.f1", record)
    assert found.estimate == pytest.approx(f1_score(y, answers, average="macro"))
    assert 0 <= found.low < found.high <= 1


def test_an_answer_outside_the_classes_is_a_miss_and_no_false_alarm() -> None:
    y, answers = [0, 1, 2, 1], [0, 1, 2, -1]
    found = value("quality.f1", labels(y, answers, classes=(0, 1, 2), positive=None))
    assert found.estimate == pytest.approx((1 + 2 / 3 + 1) / 3)


def test_f1_of_what_is_nowhere_is_missing_and_not_zero() -> None:
    assert missing("quality.f1", labels([0] * 9, [0] * 9)).reason == "no_positives"
    assert value("quality.f1", labels([0] * 9, [1] * 9)).estimate == 0
    assert missing("quality.f1", labels([0, 1], [0, 1], positive=None)).reason == (
        "no_positive_class"
    )
    several = labels([0, 1], [0, 2], classes=(0, 1, 2), positive=None)
    assert missing("quality.f1", several).reason == "empty_class"


def test_f1_without_a_mistake_is_not_certain() -> None:
    found = value("quality.f1", labels([0, 1] * 10, [0, 1] * 10))
    assert (found.estimate, found.high) == (1, 1)
    assert 0.7 < found.low < 0.9
    several = labels([0, 1, 2] * 10, [0, 1, 2] * 10, classes=(0, 1, 2), positive=None)
    assert 0.7 < value("quality.f1", several).low < 1


@pytest.mark.parametrize("classes", [2, 4])
def test_nineteen_intervals_in_twenty_hold_f1(classes: int) -> None:
    random, right, runs = np.random.default_rng(classes), 0, 300
    shares = np.array([0.7, 0.3] if classes == 2 else [0.5, 0.3, 0.15, 0.05])
    stay = 0.7
    # Answers are right seven times in ten, else any class: the true table, and its F1.
    table = shares[:, None] * (stay * np.eye(classes) + (1 - stay) / classes)
    each = 2 * np.diag(table) / (table.sum(axis=0) + table.sum(axis=1))
    truth = each[1] if classes == 2 else each.mean()
    for run in range(runs):
        y = random.choice(classes, 200, p=shares)
        other = random.integers(0, classes, 200)
        answers = np.where(random.random(200) < stay, y, other)
        if classes == 2:
            found = _confusion.f1(y, answers, 1, None, run)
        else:
            found = _confusion.macro_f1(y, answers, classes, None, run)
        assert found is not None
        right += found.low <= truth <= found.high
    assert accepted(right, runs, 0.95)


def test_a_large_table_is_as_uncertain_row_by_row_as_resampled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(5)
    y = random.integers(0, 5, 800)
    answers = np.where(random.random(800) < 0.6, y, random.integers(-1, 5, 800))
    table = _confusion.macro_f1(y, answers, 5, None, 1)
    monkeypatch.setattr(_confusion, "MOST_CELLS", 0)
    by_row = _confusion.macro_f1(y, answers, 5, None, 1)
    alone = _confusion.macro_f1(y, answers, 5, np.arange(800), 1)
    assert by_row.estimate == table.estimate
    for other in (by_row, alone):
        assert other.high - other.low == pytest.approx(table.high - table.low, rel=0.06)


@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 5))
def test_log_loss_is_scikit_learns(seed: int, classes: int) -> None:
    record = probable(40, classes, seed)
    y, score = record.arrays["y_true"], record.arrays["score"]
    found = value("quality.log_loss", record)
    assert found.estimate == pytest.approx(sklearn_log_loss(y, score, labels=range(classes)))
    assert 0 <= found.low < found.estimate < found.high
    assert (found.unit, found.note) == ("nat", "")


def test_no_chance_for_what_came_is_counted_and_said() -> None:
    """A probability of 0 is no infinite loss, and no quiet one."""
    score = np.array([[1.0, 0.0], [0.0, 1.0], [0.4, 0.6], [0.5, 0.5]])
    y = np.array([1, 1, 1, 0])
    found = value("quality.log_loss", labels(y, score.argmax(axis=1), score=score))
    assert found.estimate == pytest.approx(sklearn_log_loss(y, score))
    assert found.note.startswith("1 rows gave their class no chance")


@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(3, 5))
def test_auc_of_several_classes_is_scikit_learns(seed: int, classes: int) -> None:
    record = probable(60, classes, seed)
    y, score = record.arrays["y_true"], record.arrays["score"]
    expected = roc_auc_score(y, score, multi_class="ovr", average="macro")
    for one in (record, with_clusters(record, np.arange(60) // 2)):
        found = value("quality.auc", one)
        assert found.estimate == pytest.approx(expected)
        assert 0 <= found.low < found.estimate < found.high <= 1


def test_auc_of_several_classes_needs_two_rows_of_each() -> None:
    record = labels(
        [0, 0, 1, 1, 2], [0] * 5, classes=(0, 1, 2), positive=None, score=np.full((5, 3), 1 / 3)
    )
    assert missing("quality.auc", record).reason == "one_class"


@given(
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=3, max_size=40)
)
def test_errors_of_a_regression_are_scikit_learns(rows: list[tuple[float, float]]) -> None:
    target, answers = (np.array(one) for one in zip(*rows, (0.0, 1.0), (5.0, 2.0), strict=True))
    record = regression(target, answers)
    root = value("quality.root_mean_squared_error", record)
    assert root.estimate == pytest.approx(root_mean_squared_error(target, answers))
    assert 0 <= root.low < root.estimate < root.high
    explained = value("quality.r2", record)
    assert explained.estimate == pytest.approx(r2_score(target, answers), rel=1e-6, abs=1e-9)
    assert explained.low <= explained.estimate <= explained.high <= 1


def test_far_labels_lose_no_digits() -> None:
    random = np.random.default_rng(6)
    target = random.normal(size=500)
    answers = target + random.normal(0, 0.5, 500)
    near, far = (
        value("quality.r2", regression(target + shift, answers + shift)) for shift in (0.0, 1e7)
    )
    assert far.estimate == pytest.approx(near.estimate, abs=1e-6)
    assert (far.low, far.high) == pytest.approx((near.low, near.high), abs=1e-6)


@pytest.mark.parametrize("address", ["quality.r2", "quality.root_mean_squared_error"])
def test_nineteen_intervals_in_twenty_hold_what_a_regression_misses(address: str) -> None:
    random, right, runs = np.random.default_rng(7), 0, 150
    truth = 0.8 if address == "quality.r2" else 0.5
    for run in range(runs):
        target = random.normal(size=120)
        record = regression(target, target + random.normal(0, 0.5, 120))
        if address == "quality.r2":
            # Labels of variance 1, errors of variance 1/4 that the answers add to them.
            target = record.arrays["value"]
            record = regression(target, record.arrays["target"])
        plan = change(record.spec.plan, seed=run)
        found = value(address, change(record, spec=change(record.spec, plan=plan)))
        right += found.low <= truth <= found.high
    assert accepted(right, runs, 0.95)


def test_a_regression_says_what_it_lacks() -> None:
    equal = regression([3.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert missing("quality.r2", equal).reason == "no_spread"
    assert missing("quality.mean_absolute_error", regression([1.0, 2.0], [2.0, 3.0])).reason == (
        "same_error"
    )
    vast = regression([1.0, 2.0, 3.0], [1e300, 2.0, 3.0])
    for address in REGRESSIONS[1:]:
        assert missing(address, vast).reason == "not_finite"
    for address in REGRESSIONS:
        assert missing(address, labels([0, 1], [0, 1])).reason == "not_regression"
        assert missing(address, regression([], [])).reason == "not_finite"
        assert missing(address, regression([1.0], [1.0])).reason == "not_finite"
        assert missing(address, regression([1.0, np.nan], [1.0, 2.0])).reason == "not_finite"
        assert missing(address, FAILED).reason == "no_run"


@pytest.mark.parametrize("address", [*CLASSIFIERS, *REGRESSIONS])
def test_rows_said_four_times_are_no_more_evidence(address: str) -> None:
    """Four rows of a person widen an interval to that of the persons."""
    if address in CLASSIFIERS:
        record = probable(500, 2, 8)
    else:
        random = np.random.default_rng(9)
        target = random.normal(size=500)
        record = regression(target, target + random.normal(size=500))
    alone = value(address, record)
    arrays = {
        name: array if name == "latency_ns" else np.repeat(array, 4, axis=0)
        for name, array in record.arrays.items()
    }
    people = with_clusters(change(record, arrays=arrays), np.repeat(np.arange(500), 4))
    again, blind = value(address, people), value(address, change(record, arrays=arrays))
    assert again.interval == "cluster_bootstrap"
    assert again.estimate == pytest.approx(alone.estimate)
    assert again.high - again.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert blind.high - blind.low < 0.6 * (again.high - again.low)
    together = with_clusters(record, np.zeros(500))
    assert missing(address, together).reason == "one_cluster"
