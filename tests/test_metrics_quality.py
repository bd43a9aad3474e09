"""How often the model is right: scikit-learn's numbers."""

import numpy as np
import pytest
from _build import FAILED, change, labels, missing, value
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

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
