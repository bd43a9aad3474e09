"""Whether training rows can be told from others: scikit-learn's numbers, and planted memories."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from _build import FAILED, change, labels, missing, value
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from frugalbench.metrics import find
from frugalbench.metrics._membership import _ranks, caught, log_losses
from frugalbench.record import Record
from frugalbench.values import Missing, Value

Array = npt.NDArray[Any]
ALL = ("membership_auc", "membership_tpr", "calibrated_auc", "calibrated_tpr")


def answered(y: Array, score: Array, member_y: Array, member_score: Array, **more: Array) -> Record:
    """A record of answers to rows the model has not seen, and to rows it was trained on."""
    record = labels(y, score.argmax(axis=1), score=score, classes=tuple(range(score.shape[1])))
    arrays = {
        **record.arrays,
        "member:y_true": np.asarray(member_y, np.int64),
        "member:score": member_score,
        **{name.replace("_", ":", 1): one for name, one in more.items()},
    }
    return change(record, arrays=arrays)


def two(positive: Array) -> Array:
    return np.column_stack([1 - positive, positive])


def regression(value: Any, target: Any, member_value: Any, member_target: Any) -> Record:
    record = labels([], [], classes=(), positive=None)
    arrays = {
        "latency_ns": record.arrays["latency_ns"],
        "value": np.asarray(value, np.float64),
        "target": np.asarray(target, np.float64),
        "member:value": np.asarray(member_value, np.float64),
        "member:target": np.asarray(member_target, np.float64),
    }
    assert record.data is not None
    return change(record, arrays=arrays, data=change(record.data, rows=len(value)))


def drawn(seed: int, rows: int, classes: int = 3) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    score = random.dirichlet(np.ones(classes), rows)
    return random.integers(0, classes, rows), score


# As scikit-learn


@pytest.mark.parametrize("classes", [2, 3])
def test_the_area_is_scikit_learns_over_the_losses(classes: int) -> None:
    (y, score), (member_y, member_score) = drawn(1, 400, classes), drawn(2, 300, classes)
    found = value("privacy.membership_auc", answered(y, score, member_y, member_score))
    loss = [
        -log_loss([label], [row], labels=range(classes))
        for label, row in [*zip(member_y, member_score, strict=True), *zip(y, score, strict=True)]
    ]
    assert found.estimate == pytest.approx(roc_auc_score([1] * 300 + [0] * 400, loss))
    assert found.low < found.estimate < found.high
    assert "300 members, 400 non-members" in found.note


def test_losses_are_scikit_learns() -> None:
    y, score = drawn(3, 200)
    wanted = [log_loss([a], [row], labels=range(3)) for a, row in zip(y, score, strict=True)]
    assert log_losses(y, score) == pytest.approx(wanted)


def test_losses_stay_apart_where_probabilities_round_to_one() -> None:
    score = np.array([[1.0, 1e-20], [1.0, 1e-30], [1.0, 0.0]])
    losses = log_losses(np.zeros(3, np.int64), score)
    assert losses.tolist() == [1e-20, 1e-30, 0.0]


def test_a_true_class_that_is_given_nothing_costs_a_finite_loss() -> None:
    score = np.array([[1.0, 0.0], [1.02, -0.02]])
    losses = log_losses(np.ones(2, np.int64), score)
    assert losses == pytest.approx(-np.log(np.finfo(np.float64).eps), rel=1e-3)


def test_a_regressions_loss_is_its_squared_error() -> None:
    random = np.random.default_rng(4)
    errors, member_errors = random.normal(0, 2, 500), random.normal(0, 1, 400)
    target, member_target = random.normal(size=500), random.normal(size=400)
    record = regression(target + errors, target, member_target + member_errors, member_target)
    found = value("privacy.membership_auc", record)
    scores = [*-(member_errors**2), *-(errors**2)]
    assert found.estimate == pytest.approx(roc_auc_score([1] * 400 + [0] * 500, scores))
    assert found.low > 0.5


# What remembers is caught, and what does not is not


def planted(seed: int, rows: int = 1200, noise: float = 0.3) -> tuple[Array, Array, Array, Array]:
    """Features whose label is partly noise: what can only be remembered. Two halves."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 4))
    y = ((x[:, 0] > 0) ^ (random.random(rows) < noise)).astype(np.int64)
    half = rows // 2
    return x[:half], y[:half], x[half:], y[half:]


def test_a_model_that_memorises_is_caught_and_one_that_does_not_is_not() -> None:
    x, y, other_x, other_y = planted(5)
    memory = KNeighborsClassifier(1).fit(x, y)
    record = answered(other_y, memory.predict_proba(other_x), y, memory.predict_proba(x))
    assert value("privacy.membership_auc", record).low > 0.55
    simple = [two(1 / (1 + np.exp(-one[:, 0]))) for one in (other_x, x)]
    record = answered(other_y, simple[0], y, simple[1])
    found = value("privacy.membership_auc", record)
    assert found.low < 0.5 < found.high
    found = value("privacy.membership_tpr", record)
    assert found.low < 0.01 < found.high


def test_a_few_remembered_for_certain_are_caught_at_one_per_cent() -> None:
    random = np.random.default_rng(6)
    p, member_p = random.uniform(0.3, 0.9, 2000), random.uniform(0.3, 0.9, 2000)
    member_p[:100] = 0.999
    ones = np.ones(2000, np.int64)
    record = answered(ones, two(p), ones, two(member_p))
    found = value("privacy.membership_tpr", record)
    assert found.estimate == pytest.approx(0.05, abs=0.02)
    assert found.low > 0.03
    assert "20 of 2,000 non-members" in found.note
    # The average of all hardly shows them.
    assert value("privacy.membership_auc", record).estimate < 0.56


def test_ties_at_the_threshold_count_in_part() -> None:
    ones = np.ones(1000, np.int64)
    sure = two(np.where(np.arange(1000) < 50, 1.0, 0.5))
    found = value("privacy.membership_tpr", answered(ones, sure, ones, sure))
    # 10 of the 50 others make 1 % of false positives, so that a fifth of the 50 members count.
    assert found.estimate == pytest.approx(0.01)
    assert found.low == 0
    assert found.high > 0.05
    assert "0 of 1,000 non-members" in found.note
    assert "50 members and 50 non-members tie at the threshold and count in part" in found.note


@pytest.mark.parametrize("name", ["membership_tpr", "calibrated_tpr"])
def test_a_model_that_is_sure_of_everything_does_not_hide_what_it_has_memorised(name: str) -> None:
    random = np.random.default_rng(12)
    x, y = random.normal(size=(2000, 4)), random.integers(0, 2, 2000)
    tree = DecisionTreeClassifier(random_state=0).fit(x[:1000], y[:1000])
    score, member_score = tree.predict_proba(x[1000:]), tree.predict_proba(x[:1000])
    even = np.full(1000, np.log(2))
    record = answered(
        y[1000:], score, y[:1000], member_score, difficulty=even, member_difficulty=even
    )
    found = value(f"privacy.{name}", record)
    right = int((score.argmax(axis=1) == y[1000:]).sum())
    assert found.estimate == pytest.approx(10 / right)
    assert found.estimate > 0.01
    assert found.high > 0.9
    assert f"1,000 members and {right} non-members tie" in found.note


def test_what_is_easy_for_every_model_is_no_member_for_that() -> None:
    random = np.random.default_rng(7)
    hard = random.exponential(1.0, 1000), random.exponential(0.3, 1000)
    p = [np.exp(-np.maximum(one + random.normal(0, 0.05, 1000), 1e-3)) for one in hard]
    ones = np.ones(1000, np.int64)
    record = answered(
        ones, two(p[0]), ones, two(p[1]), difficulty=hard[0], member_difficulty=hard[1]
    )
    assert value("privacy.membership_auc", record).low > 0.6
    assert value("privacy.calibrated_auc", record).estimate == pytest.approx(0.5, abs=0.06)
    assert value("privacy.calibrated_tpr", record).low < 0.01


def test_a_weak_memory_is_seen_better_against_the_difficulty() -> None:
    random = np.random.default_rng(8)
    hard = random.exponential(1.0, 2000) + 0.3
    p = np.exp(-np.maximum(hard - np.where(np.arange(2000) < 1000, 0.25, 0.0), 0.01))
    ones = np.ones(1000, np.int64)
    record = answered(
        ones,
        two(p[1000:]),
        ones,
        two(p[:1000]),
        difficulty=hard[1000:],
        member_difficulty=hard[:1000],
    )
    plain, calibrated = (
        value(f"privacy.{one}_auc", record) for one in ("membership", "calibrated")
    )
    assert plain.estimate < 0.65
    assert calibrated.estimate > 0.95


# The intervals


def test_a_random_division_has_an_area_of_one_half_inside_the_interval() -> None:
    random, held = np.random.default_rng(9), 0
    for _ in range(300):
        p = random.beta(2, 1, 600)
        ones = np.ones(300, np.int64)
        found = value("privacy.membership_auc", answered(ones, two(p[:300]), ones, two(p[300:])))
        held += found.low <= 0.5 <= found.high
    # Of 300 intervals that hold it 95 times in 100, fewer than 273 would hold it 1 time in 400.
    assert held >= 273


@pytest.mark.parametrize(("shift", "rows"), [(0.0, 400), (1.0, 400), (2.0, 2000)])
def test_the_interval_of_those_caught_holds_the_true_share(shift: float, rows: int) -> None:
    random, held = np.random.default_rng(10), 0
    true = float(norm.sf(norm.isf(0.01) - shift))
    for _ in range(300):
        found = caught(random.normal(shift, 1, rows), random.normal(0, 1, rows))
        assert found.low <= found.estimate <= found.high
        held += found.low <= true <= found.high
    assert held >= 273


def test_the_ranks_of_the_threshold_are_those_of_the_binomial() -> None:
    from scipy.stats import binom

    for n in (300, 435, 436, 1000, 20_000):
        few, many = _ranks(n, 0.01, 0.975)
        assert binom.cdf(few - 1, n, 0.01) <= 0.0125 < binom.cdf(few, n, 0.01)
        assert binom.sf(many - 1, n, 0.01) <= 0.0125 < binom.sf(many - 2, n, 0.01)


def test_few_others_do_not_bound_the_threshold_from_above() -> None:
    random = np.random.default_rng(11)
    found = caught(random.normal(9, 1, 400), random.normal(0, 1, 300))
    assert found.estimate == 1
    assert found.low == 0


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=80),
    st.lists(st.floats(-5, 5), min_size=1, max_size=80),
    st.sampled_from([0.01, 0.1, 0.5]),
)
@settings(max_examples=60)
def test_an_interval_holds_its_estimate_whatever_the_ties(
    members: list[float], others: list[float], rate: float
) -> None:
    found = caught(np.round(members), np.round(others), rate)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.wrongly <= rate * found.others


# What says nothing is missing


def test_without_training_rows_it_says_how_to_declare_them() -> None:
    record = labels([0, 1] * 200, [0, 1] * 200, score=two(np.full(400, 0.4)))
    for name in ALL:
        found = missing(f"privacy.{name}", record)
        assert found.reason == "no_members"
        assert "data.train_split" in found.detail


def test_every_gap_has_its_reason() -> None:
    y, score = drawn(12, 400)
    record = answered(y, score, y, score)
    assert missing("privacy.membership_auc", FAILED).reason == "no_run"
    assert missing("privacy.calibrated_auc", record).reason == "no_difficulty"
    without = {name: one for name, one in record.arrays.items() if name != "member:score"}
    assert missing("privacy.membership_auc", change(record, arrays=without)).reason == "no_scores"
    unlabelled = {"latency_ns": record.arrays["latency_ns"]}
    found = missing("privacy.membership_auc", change(record, arrays=unlabelled))
    assert found.reason == "no_labels"
    few = answered(y[:299], score[:299], y, score)
    assert missing("privacy.membership_tpr", few).reason == "too_few_rows"
    assert value("privacy.membership_auc", few).n == 299
    none = answered(y, score, y[:0], score[:0])
    assert missing("privacy.membership_auc", none).reason == "too_few_rows"


def test_answers_that_are_no_numbers_are_not_guessed_at() -> None:
    y, score = drawn(13, 400)
    broken = score.copy()
    broken[7] = np.nan
    for record in (answered(y, score, y, broken), answered(y, broken, y, score)):
        assert missing("privacy.membership_auc", record).reason == "not_finite"
    huge = regression([1e200] * 3, [-1e200] * 3, [0.0] * 3, [0.0] * 3)
    assert missing("privacy.membership_auc", huge).reason == "not_finite"


def test_rows_that_belong_together_are_named_in_the_note() -> None:
    y, score = drawn(14, 400)
    record = answered(y, score, y, score)
    clustered = change(record, arrays={**record.arrays, "cluster": np.arange(400) // 2})
    assert "cluster" in value("privacy.membership_auc", clustered).note
    assert "cluster" not in value("privacy.membership_auc", record).note


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40), st.integers(2, 4))
@settings(max_examples=40)
def test_there_is_a_value_or_a_reason_for_any_answers(
    seed: int, rows: int, members: int, classes: int
) -> None:
    y, score = drawn(seed, rows, classes)
    member_y, member_score = drawn(seed + 1, members, classes)
    record = answered(y, np.round(score), member_y, np.round(member_score, 1))
    for name in ALL:
        assert isinstance(find(f"privacy.{name}")(record), Value | Missing)


def test_scores_that_are_no_probabilities_overflow_nothing() -> None:
    losses = log_losses(np.zeros(2, np.int64), np.array([[0.0, 1e300], [1e-300, 1e300]]))
    assert np.isfinite(losses).all()
