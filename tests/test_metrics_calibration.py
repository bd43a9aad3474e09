"""Whether probabilities come true: scikit-learn's numbers, promised coverage, odd answers."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from _build import FAILED, change, labels, missing, value
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from frugalbench.metrics import every
from frugalbench.metrics.calibration import Bin, reliability
from frugalbench.record import Record
from frugalbench.values import Missing

Floats = npt.NDArray[np.float64]
SCORED = [
    f"calibration.{name}"
    for name in ("ece", "brier", "calibration_in_the_large", "conformal_coverage")
]


def binary(p: Floats, y: Any, *, positive: int | None = 1) -> Record:
    """A record of these probabilities of class 1."""
    return labels(y, p > 0.5, positive=positive, score=np.column_stack([1 - p, p]))


def drawn(rows: int, seed: int, off: float = 0.0) -> Record:
    """Probabilities that come true, or too rarely by a share of `off`."""
    random = np.random.default_rng(seed)
    p = random.beta(2, 3, rows)
    return binary(p, (random.random(rows) < p * (1 - off)).astype(np.int64))


def several(rows: int, classes: int, seed: int, sharp: float = 1.0) -> Record:
    """Probabilities of several classes; those a model is sharper about than it should be."""
    random = np.random.default_rng(seed)
    true = random.dirichlet(np.ones(classes), rows)
    y = (true.cumsum(axis=1) < random.random(rows)[:, None]).sum(axis=1)
    score = true**sharp / (true**sharp).sum(axis=1, keepdims=True)
    names = tuple(range(classes))
    return labels(y, score.argmax(axis=1), classes=names, positive=None, score=score)


def regression(target: Floats, answers: Floats) -> Record:
    """A record of numbers answered to rows with these labels."""
    return change(labels([0, 1], [0, 1]), arrays={"target": target, "value": answers})


def people(record: Record, codes: Any) -> Record:
    """The same record, its rows in clusters."""
    assert record.data is not None
    codes = np.asarray(codes, np.int64)
    data = change(record.data, cluster="person", clusters=int(codes.max()) + 1)
    return change(record, data=data, arrays={**record.arrays, "cluster": codes})


def asking(record: Record, positive: int | None) -> Record:
    """The same record, with another class as the positive one, or none."""
    assert record.data is not None
    return change(record, data=change(record.data, positive=positive))


def seeded(record: Record, seed: int) -> Record:
    """The same record, of a plan with another seed."""
    plan = change(record.spec.plan, seed=seed)
    return change(record, spec=change(record.spec, plan=plan))


def curve(record: Record) -> tuple[Bin, ...]:
    """The reliability curve, which must not be missing."""
    found = reliability(record)
    assert not isinstance(found, Missing), found
    return found


def test_the_calibration_error_is_that_of_scikit_learns_curve_and_says_what_noise_gives() -> None:
    record = drawn(1000, 1)
    y, p = record.arrays["y_true"], record.arrays["score"][:, 1]
    frequency, mean = calibration_curve(y, p, n_bins=10, strategy="quantile")
    found = value("calibration.ece", record)
    assert found.estimate == pytest.approx(np.abs(frequency - mean).mean())
    assert found.low == 0
    said = float(found.note.partition(" ")[0])
    assert 0.025 < said < 0.045
    assert "perfectly calibrated" in found.note
    off = value("calibration.ece", drawn(1000, 1, 0.3))
    assert off.low > 0.05


def test_of_several_classes_the_confidence_in_the_answer_is_compared() -> None:
    record = several(900, 4, 2, 3.0)
    score, y = record.arrays["score"], record.arrays["y_true"]
    right = score.argmax(axis=1) == y
    frequency, mean = calibration_curve(right, score.max(axis=1), n_bins=10, strategy="quantile")
    found = value("calibration.ece", record)
    assert found.estimate == pytest.approx(np.abs(frequency - mean).mean())
    # Sharper than it should be: sure more often than right.
    assert found.low > 0.1
    assert missing("calibration.calibration_in_the_large", record).reason == "no_positive_class"


def test_too_few_rows_are_noise_and_not_an_error_of_calibration() -> None:
    """Neither 0 nor a number: bins of fewer than 30 rows say nothing."""
    found = missing("calibration.ece", drawn(299, 3))
    assert found.reason == "too_few_rows"
    assert "299" in found.detail
    assert "300" in found.detail


def test_all_right_is_no_calibration_error_of_zero() -> None:
    record = binary(np.full(400, 0.8), np.ones(400, np.int64))
    found = value("calibration.ece", record)
    assert found.estimate == pytest.approx(0.2)
    assert found.low > 0.1
    sure = value("calibration.ece", binary(np.ones(400), np.ones(400, np.int64)))
    assert sure.estimate == 0
    assert sure.high > 0.005


@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 4))
def test_the_brier_score_is_scikit_learns(seed: int, classes: int) -> None:
    record = drawn(40, seed) if classes == 2 else several(40, classes, seed)
    y, score = record.arrays["y_true"], record.arrays["score"]
    found = value("calibration.brier", record)
    answers = score[:, 1] if classes == 2 else score
    expected = brier_score_loss(y, answers, labels=list(range(classes)))
    assert found.estimate == pytest.approx(expected)
    assert 0 <= found.low < found.estimate < found.high <= (1 if classes == 2 else 2)


def test_the_mean_probability_is_compared_with_how_often_it_comes() -> None:
    record = drawn(2000, 4, 0.25)
    found = value("calibration.calibration_in_the_large", record)
    y, p = record.arrays["y_true"], record.arrays["score"][:, 1]
    assert found.estimate == pytest.approx(p.mean() - y.mean())
    assert found.low < 0.1 < found.high
    assert found.low > 0
    assert found.note == f"{p.mean():.3f} expected, {y.mean():.3f} seen"
    other = value(
        "calibration.calibration_in_the_large",
        asking(record, 0),
    )
    assert other.estimate == pytest.approx(-found.estimate)


def test_the_reliability_curve_has_wilsons_intervals() -> None:
    record = drawn(730, 5)
    bins = curve(record)
    assert len(bins) == 10
    assert sum(one.n for one in bins) == 730
    assert {one.n for one in bins} == {73}
    assert [one.mean_score for one in bins] == sorted(one.mean_score for one in bins)
    for one in bins:
        expected = proportion_confint(round(one.frequency * one.n), one.n, method="wilson")
        assert (one.low, one.high) == pytest.approx(expected, abs=1e-9)
    gaps = [abs(one.mean_score - one.frequency) * one.n / 730 for one in bins]
    assert value("calibration.ece", record).estimate == pytest.approx(sum(gaps))
    wide = curve(people(record, np.arange(730) // 40))
    assert sum(one.high - one.low for one in wide) > sum(one.high - one.low for one in bins)


def test_equal_probabilities_are_one_bin_of_the_curve() -> None:
    (only,) = curve(binary(np.full(60, 0.4), np.tile([0, 0, 1], 20)))
    assert only.n == 60
    assert only.frequency == pytest.approx(1 / 3)
    alone = curve(binary(np.array([0.2]), [0]))
    assert alone[0].low == 0
    assert alone[0].high > 0.7


@pytest.mark.parametrize("kind", ["two classes", "four classes", "regression"])
def test_nine_labels_in_ten_are_in_their_prediction_set(kind: str) -> None:
    """Whatever the model: here one that is far too sure of itself."""
    shares = []
    for seed in range(60):
        if kind == "regression":
            random = np.random.default_rng(seed)
            target = random.normal(size=200)
            record = regression(target, 3 * target + random.normal(size=200))
        else:
            record = several(200, 4 if kind == "four classes" else 2, seed, 5.0)
            record = asking(record, None)
        found = value("calibration.conformal_coverage", seeded(record, seed))
        assert found.n == 100
        shares.append(found.estimate)
    # The promise is ⌈0.9 · 101⌉ / 101; one run's coverage spreads by about 0.042.
    assert np.mean(shares) == pytest.approx(91 / 101, abs=3.3 * 0.042 / np.sqrt(60))


def test_prediction_sets_are_small_where_the_model_knows() -> None:
    vague = value("calibration.conformal_set_size", several(2000, 4, 6, 1.0))
    random = np.random.default_rng(7)
    y = random.integers(0, 4, 2000)
    score = np.where(y[:, None] == np.arange(4), 0.97, 0.01)
    sure = value(
        "calibration.conformal_set_size",
        labels(y, y, classes=(0, 1, 2, 3), positive=None, score=score),
    )
    assert 2 < vague.low < vague.estimate < vague.high < 4
    assert sure.estimate == 1
    # All alike in 1,000 rows is not alike in all.
    assert 1 < sure.high < 1.05


def test_an_answer_is_bounded_by_twice_the_threshold() -> None:
    random = np.random.default_rng(8)
    target = random.normal(size=4000)
    record = regression(target, target + random.normal(size=4000))
    found = value("calibration.conformal_width", record)
    # Nine in ten of normal errors are within 1.645.
    assert found.low < 2 * 1.645 < found.high
    assert found.unit == "label unit"
    wider = value("calibration.conformal_width", people(record, np.arange(4000) // 10))
    assert wider.high - wider.low > 2 * (found.high - found.low)


def test_the_plans_seed_decides_which_half_calibrates() -> None:
    record = several(300, 3, 9)
    one = value("calibration.conformal_coverage", seeded(record, 1))
    assert one == value("calibration.conformal_coverage", seeded(record, 1))
    others = {value("calibration.conformal_coverage", seeded(record, k)).estimate for k in range(9)}
    assert len(others) > 2


def test_no_threshold_can_be_drawn_from_so_few_rows() -> None:
    """Eight rows cannot promise nine in ten; a missing promise is not one that is kept."""
    for rows in (1, 2, 16):
        found = missing("calibration.conformal_coverage", drawn(rows, 10))
        assert found.reason == "too_few_rows"
        assert "18" in found.detail
    assert value("calibration.conformal_coverage", drawn(18, 10)).n == 9
    few = regression(np.arange(20.0), np.arange(20.0) + np.tile([0.5, 1], 10))
    assert missing("calibration.conformal_width", few).reason == "too_few_rows"


@pytest.mark.parametrize("address", [*SCORED, "calibration.conformal_set_size"])
def test_rows_said_four_times_are_no_more_evidence(address: str) -> None:
    record = drawn(500, 11, 0.3)
    arrays = {
        name: array if name == "latency_ns" else np.repeat(array, 4, axis=0)
        for name, array in record.arrays.items()
    }
    repeated = change(record, arrays=arrays)
    blind, again = value(address, repeated), value(address, people(repeated, np.arange(2000) // 4))
    assert again.interval == "cluster_bootstrap"
    assert again.low <= again.estimate <= again.high
    assert again.high - again.low > 1.4 * (blind.high - blind.low)
    assert missing(address, people(record, np.zeros(500))).reason == "one_cluster"


@pytest.mark.parametrize("address", SCORED)
def test_what_cannot_be_said_is_missing_with_its_reason(address: str) -> None:
    record = drawn(400, 12)
    score = record.arrays["score"].copy()
    score[7] = np.nan
    broken = change(record, arrays={**record.arrays, "score": score})
    assert missing(address, broken).reason == "not_finite"
    without = {name: one for name, one in record.arrays.items() if name != "score"}
    assert missing(address, change(record, arrays=without)).reason == "no_scores"
    assert missing(address, change(record, data=None)).reason == "no_labels"
    assert missing(address, labels([], [], score=np.empty((0, 2)))).reason == "no_rows"
    assert missing(address, FAILED).reason == "no_run"
    assert isinstance(reliability(broken), Missing)


def test_probabilities_of_which_class_must_be_said() -> None:
    record = drawn(400, 13)
    record = asking(record, None)
    for address in ("calibration.ece", "calibration.calibration_in_the_large"):
        assert missing(address, record).reason == "no_positive_class"
    assert value("calibration.brier", record).n == 400


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 400),
    kind=st.sampled_from(["constant", "certain", "one class", "ties"]),
)
def test_odd_scores_give_a_number_inside_its_interval_or_a_reason(
    seed: int, rows: int, kind: str
) -> None:
    random = np.random.default_rng(seed)
    p = {
        "constant": np.full(rows, 0.3),
        "certain": random.integers(0, 2, rows).astype(np.float64),
        "one class": random.random(rows),
        "ties": np.round(random.random(rows), 1),
    }[kind]
    y = np.zeros(rows, np.int64) if kind == "one class" else random.integers(0, 2, rows)
    record = binary(p, y)
    for address, metric in every().items():
        if address.startswith(("calibration.", "quality.")):
            found = metric(record)
            if not isinstance(found, Missing):
                assert metric.minimum <= found.low <= found.estimate <= found.high, address
                assert found.high <= metric.maximum, address
                assert found.low < found.high, address


def test_intervals_shrink_with_rows() -> None:
    for address in [*SCORED, "quality.log_loss", "quality.f1", "quality.auc"]:
        widths = []
        for rows in (500, 8000):
            found = value(address, drawn(rows, 14, 0.3))
            widths.append(found.high - found.low)
        assert widths[1] < 0.5 * widths[0], address
