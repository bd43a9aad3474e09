"""Measures of scores by group: other people's numbers, and how often the intervals are right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, mean_absolute_error, roc_auc_score, roc_curve
from sklearn.metrics import root_mean_squared_error as sklearn_rmse
from test_coverage import accepted

from frugalbench.metrics import _curves, _means, _scores
from frugalbench.metrics._conformal import calibrating_half, least_rows, threshold, thresholds
from frugalbench.metrics._folded import Estimate, Folded, folded
from frugalbench.metrics._intervals import mean_t


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples, where hundreds of intervals are made."""
    for module in (_scores, _curves):
        monkeypatch.setattr(module, "REPLICATES", 400)


Floats = npt.NDArray[np.float64]
Group = tuple[Floats, npt.NDArray[np.int64]]


def scored(random: np.random.Generator, rows: int, shift: float = 1.0, scale: float = 1.0) -> Group:
    """Normal scores; those of positive rows lie higher by `shift` and spread by `scale`."""
    y = (random.random(rows) < 0.4).astype(np.int64)
    y[:4] = [0, 0, 1, 1]
    return random.normal(y * shift, np.where(y == 1, scale, 1.0)), y


def calibrated(random: np.random.Generator, rows: int, off: float = 0.0) -> Group:
    """Probabilities, and labels that come as often, or too rarely by a share of `off`."""
    p = random.beta(2, 3, rows)
    return p, (random.random(rows) < p * (1 - off)).astype(np.int64)


def numeric(one: Group, other: Group, points: int = 200_001) -> float:
    """The area between two ROC curves, by scikit-learn's curves and many points."""
    grid = (np.arange(points) + 0.5) / points
    heights = [
        np.interp(grid, *roc_curve(y, p, drop_intermediate=False)[:2]) for p, y in (one, other)
    ]
    return float(np.abs(heights[0] - heights[1]).mean())


# Expected calibration error


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_that_of_scikit_learns_curve(seed: int) -> None:
    p, y = calibrated(np.random.default_rng(seed), 640)
    found = _scores.ece(p, y)
    frequency, mean = calibration_curve(y, p, n_bins=10, strategy="quantile")
    assert found is not None
    assert found.estimate == pytest.approx(np.abs(frequency - mean).mean())
    assert np.bincount(_scores.bin_codes(p)).tolist() == [64] * 10


@pytest.mark.usefixtures("quick")
def test_the_expected_error_of_a_calibrated_model_is_what_simulation_gives() -> None:
    random = np.random.default_rng(4)
    for shape in ((2.0, 3.0), (0.1, 0.5), (0.05, 5.0)):
        p = random.beta(*shape, 400)
        seen = [_scores.ece(p, random.random(400) < p, seed=k) for k in range(150)]
        errors = np.array([one.estimate for one in seen if one is not None])
        assert seen[0] is not None
        assert seen[0].expected == pytest.approx(errors.mean(), rel=0.12), shape


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("off", [0.0, 0.25])
def test_nineteen_intervals_in_twenty_hold_the_calibration_error(off: float) -> None:
    random, right, low_side = np.random.default_rng(5), 0, 0
    everyone = random.beta(2, 3, 50_000)
    for run in range(300):
        p, y = calibrated(random, 600, off)
        found = _scores.ece(p, y, seed=run)
        truth = off * everyone.mean()
        assert found is not None
        right += found.low - 0.002 <= truth <= found.high + 0.002
        low_side += found.low > truth + 0.002
    assert accepted(right, 300, 0.95)
    # A calibrated model is not said to be off: percentiles of a bootstrap always say so.
    assert accepted(300 - low_side, 300, 0.975)


def test_a_bin_that_is_always_right_is_not_sure_to_be() -> None:
    p, y = np.full(400, 0.001), np.zeros(400, np.int64)
    found = _scores.ece(p, y)
    assert found is not None
    assert found.estimate == pytest.approx(0.001)
    assert 0.005 < found.high < 0.02
    assert found.low == 0


def test_a_constant_score_is_one_bin_and_so_few_rows_say_nothing() -> None:
    y = np.tile([0, 1], 200)
    found = _scores.ece(np.full(400, 0.75), y)
    assert found is not None
    assert found.estimate == pytest.approx(0.25)
    assert found.low > 0.15
    assert _scores.ece(np.full(299, 0.5), y[:299]) is None
    assert _scores.ece(np.array([]), np.array([])) is None
    assert _scores.ece(np.full(400, np.nan), y) is None
    assert _scores.ece(np.full(400, 0.5), y, np.zeros(400, np.int64)) is None


def test_the_order_of_rows_with_equal_scores_changes_nothing() -> None:
    random = np.random.default_rng(6)
    p = random.integers(0, 5, 600) / 5
    y = (random.random(600) < p).astype(np.int64)
    order = random.permutation(600)
    one, other = _scores.ece(p, y), _scores.ece(p[order], y[order])
    assert one is not None
    assert other is not None
    assert one == pytest.approx(other)


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(300, 900), level=st.floats(0.5, 0.999))
def test_a_calibration_error_is_in_its_interval(seed: int, rows: int, level: float) -> None:
    random = np.random.default_rng(seed)
    p = np.round(random.random(rows), random.integers(0, 4))
    y = (random.random(rows) < random.random()).astype(np.int64)
    found = _scores.ece(p, y, level=level)
    assert found is not None
    assert 0 <= found.low <= found.estimate <= found.high <= 1


# Means


def test_brier_and_the_mean_of_probabilities() -> None:
    p, y = calibrated(np.random.default_rng(7), 500)
    loss, large = _means.brier(p, y), _means.in_the_large(p, y)
    assert loss is not None
    assert large is not None
    assert loss.estimate == pytest.approx(brier_score_loss(y, p))
    mean, half = mean_t((p - y) ** 2)
    assert (loss.low, loss.high) == pytest.approx((mean - half, mean + half))
    assert large.estimate == pytest.approx(p.mean() - y.mean())
    assert large.low < 0 < large.high


def test_losses_without_spread_are_not_certain() -> None:
    y = np.zeros(20, np.int64)
    perfect, off = _means.brier(np.zeros(20), y), _means.in_the_large(np.full(20, 0.1), y)
    assert perfect is not None
    assert off is not None
    assert (perfect.estimate, perfect.low) == (0, 0)
    assert 0.1 < perfect.high < 0.2
    assert off.high == pytest.approx(0.1)
    assert off.low < 0


@pytest.mark.parametrize("measure", [_means.brier, _means.in_the_large, _means.mae, _means.rmse])
def test_a_mean_needs_two_rows_two_clusters_and_numbers(
    measure: Callable[..., Estimate | None],
) -> None:
    for bad in ([], [0.5], [0.5, np.nan], [np.inf, 0.5]):
        assert measure(np.array(bad), np.zeros(len(bad))) is None
    p, y, twins = np.array([0.2, 0.9] * 20), np.array([0.0, 1.0] * 20), np.zeros(40, np.int64)
    assert measure(p, y, twins) is None
    found = measure(p, y, np.arange(40) // 2)
    assert found is not None
    assert found.low <= found.estimate <= found.high


def test_rows_said_twice_are_no_more_evidence_when_they_are_clusters() -> None:
    p, y = calibrated(np.random.default_rng(8), 400)
    alone = _means.brier(p, y)
    people = np.repeat(np.arange(400), 4)
    again = _means.brier(np.repeat(p, 4), np.repeat(y, 4), people)
    assert alone is not None
    assert again is not None
    assert again.estimate == pytest.approx(alone.estimate)
    assert again.high - again.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_errors_of_a_regression_are_scikit_learns() -> None:
    random = np.random.default_rng(9)
    target = random.normal(size=80)
    value = target + random.normal(0.5, 1, 80)
    absolute, root = _means.mae(value, target), _means.rmse(value, target)
    residual = _means.mean_residual(value, target)
    assert absolute is not None
    assert root is not None
    assert residual is not None
    assert absolute.estimate == pytest.approx(mean_absolute_error(target, value))
    assert root.estimate == pytest.approx(sklearn_rmse(target, value))
    assert root.low < root.estimate < root.high
    assert residual.estimate == pytest.approx((value - target).mean())


# Areas under ROC curves, and between them


def between(p_a: Any, y_a: Any, p_b: Any, y_b: Any, seed: int = 0) -> Folded | None:
    """The area between the curves of two independent groups."""
    one, other = _curves.roc(p_a, y_a, (seed, 0)), _curves.roc(p_b, y_b, (seed, 1))
    return None if one is None or other is None else _curves.area_between(one, other)


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(4, 60), ties=st.booleans())
def test_an_area_is_scikit_learns_clusters_or_not(seed: int, rows: int, ties: bool) -> None:
    p, y = scored(np.random.default_rng(seed), rows)
    p = np.round(p) if ties else p
    for clusters in (None, np.arange(rows) // 2):
        found = _scores.auc(p, y, clusters)
        assert found is not None
        assert found.estimate == pytest.approx(roc_auc_score(y, p))
        assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_clusters_of_one_give_the_area_the_width_of_delong() -> None:
    p, y = scored(np.random.default_rng(11), 400)
    alone, resampled = _scores.auc(p, y), _scores.auc(p, y, np.arange(400))
    people = np.repeat(np.arange(400), 3)
    again = _scores.auc(np.repeat(p, 3), np.repeat(y, 3), people)
    assert alone is not None
    assert resampled is not None
    assert again is not None
    width = alone.high - alone.low
    assert resampled.high - resampled.low == pytest.approx(width, rel=0.1)
    assert again.high - again.low == pytest.approx(width, rel=0.1)
    assert _scores.auc(p, y, np.zeros(400)) is None


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(4, 80), ties=st.booleans())
def test_abroca_is_the_area_between_scikit_learns_curves(seed: int, rows: int, ties: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_curves, "REPLICATES", 100)
        _is_the_area_between(seed, rows, ties=ties)


def _is_the_area_between(seed: int, rows: int, *, ties: bool) -> None:
    random = np.random.default_rng(seed)
    one, other = scored(random, rows), scored(random, rows, 0.3, 2.0)
    if ties:
        one, other = (np.round(one[0]), one[1]), (np.round(other[0]), other[1])
    curves = [_curves.roc(p, y, (seed, key)) for key, (p, y) in enumerate((one, other))]
    assert curves[0] is not None
    assert curves[1] is not None
    found = _curves.area_between(curves[0], curves[1])
    assert found.estimate == pytest.approx(numeric(one, other, 20_001), abs=2e-3)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    # The area between is the difference of areas at least.
    areas = abs(roc_auc_score(one[1], one[0]) - roc_auc_score(other[1], other[0]))
    assert found.estimate >= areas - 1e-9


def test_curves_that_cross_lie_apart_though_their_areas_are_equal() -> None:
    """A signed difference of areas is no area between curves."""
    random = np.random.default_rng(12)
    y = np.repeat([0, 1], 2000)
    # Narrow scores a little higher, and wide ones whose best and worst are positive.
    one = (random.normal(np.where(y == 1, 0.6, 0.0), np.where(y == 1, 0.3, 1.0)), y)
    two = (random.normal(np.where(y == 1, 1.3, 0.0), np.where(y == 1, 2.5, 1.0)), y)
    found = between(*one, *two)
    areas = [_scores.auc(*group) for group in (one, two)]
    assert found is not None
    assert abs(areas[0].estimate - areas[1].estimate) < 0.05  # type: ignore[union-attr]
    assert found.estimate == pytest.approx(numeric(one, two), abs=1e-4)
    assert found.estimate > 0.15
    assert found.low > 0.12


def test_a_hand_drawn_area() -> None:
    """One curve is the diagonal (equal scores), the other the corner at (0, 1): half the square."""
    y = np.array([0, 0, 1, 1])
    found = between(np.zeros(4), y, np.array([0.0, 0.1, 0.8, 0.9]), y)
    assert found is not None
    assert found.estimate == pytest.approx(0.5)
    # The diagonal, and a step that crosses it at its middle: four triangles.
    step = between(np.zeros(4), y, np.array([0.9, 0.1, 0.8, 0.8]), y)
    assert step is not None
    assert step.estimate == pytest.approx(0.25)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("shift", [1.0, 1.8])
def test_nineteen_intervals_in_twenty_hold_the_area_between(shift: float) -> None:
    random, right, wrong = np.random.default_rng(13), 0, 0
    grid = (np.arange(4000) + 0.5) / 4000
    heights = [norm.sf(norm.isf(grid) - one) for one in (1.0, shift)]
    truth = float(np.abs(heights[0] - heights[1]).mean())
    runs = 40
    for run in range(runs):
        found = between(*scored(random, 150), *scored(random, 250, shift), seed=run)
        assert found is not None
        right += found.low <= truth + 1e-9 and truth <= found.high
        wrong += found.low > truth + 1e-9
    assert accepted(right, runs, 0.95)
    assert accepted(runs - wrong, runs, 0.975)


def test_the_area_expected_of_equal_groups_is_that_of_shuffled_ones() -> None:
    random = np.random.default_rng(14)
    (p_a, y_a), (p_b, y_b) = scored(random, 200), scored(random, 300)
    found = between(p_a, y_a, p_b, y_b)
    p, y, dealt = np.concatenate([p_a, p_b]), np.concatenate([y_a, y_b]), []
    for _ in range(60):
        order = random.permutation(500)
        parts = order[:200], order[200:]
        dealt.append(numeric((p[parts[0]], y[parts[0]]), (p[parts[1]], y[parts[1]]), 2001))
    assert found is not None
    assert found.expected == pytest.approx(np.mean(dealt), rel=0.25)


def test_cells_of_scores_hardly_move_a_resampled_curve() -> None:
    random = np.random.default_rng(15)
    p, y = scored(random, 20_000)
    curve = _curves.roc(p, y)
    assert curve is not None
    spread = np.sqrt(((curve.areas() - curve.auc.estimate) ** 2).mean())
    half = (curve.auc.high - curve.auc.low) / 2
    assert 1.96 * spread == pytest.approx(half, rel=0.08)
    assert abs(curve.noise.mean()) < half / 10
    # Curves of few enough scores are counted as they are.
    few = np.round(p)
    exact = _curves.roc(few, y)
    assert exact is not None
    heights = np.interp(_curves.GRID, *roc_curve(y, few, drop_intermediate=False)[:2])
    assert np.allclose(np.interp(_curves.GRID, exact.false, exact.true), heights)


def test_groups_that_share_their_clusters_share_their_noise() -> None:
    random = np.random.default_rng(16)
    p, y = scored(random, 600)
    # Each person has one row in either group, with the same score and label.
    both, labels, people = np.tile(p, 2), np.tile(y, 2), np.tile(np.arange(600), 2)
    first = np.repeat([True, False], 600)
    one = _curves.roc(both, labels, 3, people, first)
    other = _curves.roc(both, labels, 3, people, ~first)
    assert one is not None
    assert other is not None
    assert np.allclose(one.noise, other.noise)
    assert one.noise.std() > 0.005
    assert _curves.roc(p, y, 3, np.zeros(600)) is None


def test_perfectly_ranked_groups_are_not_certain_to_be_alike() -> None:
    y = np.repeat([0, 1], 10)
    found = between(y + 0.0, y, y + 0.0, y)
    assert found is not None
    assert (found.estimate, found.low) == (0, 0)
    assert found.high > 0.05


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([], []),
        ([0.1, 0.2], [1, 1]),
        ([0.1, 0.2, 0.3], [1, 1, 0]),
        ([0.1, np.nan, 0.3, 0.4], [1, 1, 0, 0]),
    ],
)
def test_a_group_without_a_curve_has_no_area(p: list[float], y: list[int]) -> None:
    good, labels = scored(np.random.default_rng(17), 20)
    bad, wrong = np.array(p), np.array(y, np.int64)
    assert _curves.roc(bad, wrong) is None
    assert _scores.auc(bad, wrong) is None
    assert between(good, labels, bad, wrong) is None


# Distributions of answers


@given(seed=st.integers(0, 2**32 - 1), a=st.integers(1, 50), b=st.integers(1, 50))
def test_the_distance_of_answers_is_scipys(seed: int, a: int, b: int) -> None:
    random = np.random.default_rng(seed)
    one, other = np.round(random.normal(size=a), 1), np.round(random.normal(0.5, 2, size=b), 1)
    found = _curves.ks(one, other)
    assert found is not None
    # Scipy's p-value of single rows divides by zero; only its distance is wanted.
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = ks_2samp(one, other, method="asymp").statistic
    assert found.estimate == pytest.approx(expected)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_the_distance_of_answers_to_equal_groups_is_no_evidence() -> None:
    random = np.random.default_rng(18)
    flagged = 0
    for run in range(100):
        found = _curves.ks(random.normal(size=200), random.normal(size=300), seed=run)
        assert found is not None
        flagged += found.low > 0
    assert flagged <= 5
    apart = _curves.ks(random.normal(size=400), random.normal(1.5, 1, 400))
    assert apart is not None
    truth = 2 * norm.cdf(0.75) - 1
    assert apart.low < truth < apart.high
    assert apart.expected == pytest.approx(0.87 * np.sqrt(2 / 400), rel=0.2)


def test_clusters_of_answers_widen_their_distance() -> None:
    random = np.random.default_rng(19)
    a, b = random.normal(size=50), random.normal(1, 1, 60)
    alone = _curves.ks(a, b)
    people = np.repeat(np.arange(50), 4), np.repeat(np.arange(60), 4)
    again = _curves.ks(np.repeat(a, 4), np.repeat(b, 4), people)
    assert alone is not None
    assert again is not None
    assert again[:3] == pytest.approx(alone[:3])
    assert _curves.ks(a, np.array([])) is None
    assert _curves.ks(a, np.array([np.nan])) is None


# Sizes that noise makes


def test_a_size_of_no_gap_is_not_a_point() -> None:
    noise = np.random.default_rng(20).normal(size=(500, 4))
    found = folded(np.zeros(4), noise)
    assert (found.estimate, found.low) == (0, 0)
    assert 0.5 < found.high < 3
    assert folded(np.zeros(4), np.zeros((10, 4))) == Folded(0, 0, 0, 0)
    # Less than noise ever gives is odd, and no reason to be sure.
    odd = folded(np.full(4, 0.01), noise)
    assert odd.low == 0
    assert odd.high > 0.5


# Split conformal prediction


@pytest.mark.parametrize(("alpha", "least"), [(0.1, 9), (0.05, 19), (0.2, 4), (0.5, 1), (0.3, 3)])
def test_a_threshold_needs_enough_rows(alpha: float, least: int) -> None:
    scores = np.arange(least, dtype=np.float64)
    assert least_rows(alpha) == least
    assert threshold(scores[1:], alpha) is None
    found = threshold(scores, alpha)
    assert found is not None
    assert threshold(np.array([]), alpha) is None
    rank = int(np.ceil(np.round((1 - alpha) * (least + 1), 9)))
    assert found == rank - 1


def test_the_threshold_is_the_ranked_score() -> None:
    scores = np.random.default_rng(21).permutation(99).astype(np.float64)
    assert threshold(scores) == 89
    assert threshold(np.append(scores, 99.0)) == 90


def inside(
    scores: Any, half: Any, codes: Any, groups: int, *, mondrian: bool = False
) -> tuple[Any, Any]:
    """Tested rows inside their set, and all tested rows, of each group."""
    bounds = thresholds(scores, half, codes, groups, mondrian=mondrian)
    tested = ~half & ~np.isnan(bounds[codes])
    hits = np.bincount(codes[tested & (scores <= bounds[codes])], minlength=groups)
    return hits, np.bincount(codes[tested], minlength=groups)


def test_nine_in_ten_new_rows_are_inside() -> None:
    random, hits, trials = np.random.default_rng(22), 0, 0
    for run in range(400):
        scores = random.exponential(size=60)
        half = calibrating_half(60, run)
        found = inside(scores, half, np.zeros(60, np.int64), 1)
        hits, trials = hits + int(found[0][0]), trials + int(found[1][0])
    # The expectation is ⌈0.9 · 31⌉ / 31; tested rows share their threshold, hence the room.
    assert hits / trials == pytest.approx(28 / 31, abs=0.012)


def test_a_group_with_other_scores_needs_a_threshold_of_its_own() -> None:
    random = np.random.default_rng(23)
    codes = (random.random(20_000) < 0.2).astype(np.int64)
    scores = random.exponential(np.where(codes == 1, 3.0, 1.0))
    half = calibrating_half(20_000, 1)
    hits, trials = inside(scores, half, codes, 2)
    own_hits, own_trials = inside(scores, half, codes, 2, mondrian=True)
    assert hits[1] / trials[1] < 0.8
    assert own_hits / own_trials == pytest.approx([0.9, 0.9], abs=0.03)
    assert trials.tolist() == own_trials.tolist()
    # A group too small for a threshold has none, and is not covered by default.
    few = inside(scores[:40], np.arange(40) < 20, (np.arange(40) % 20 == 0) * 1, 3, mondrian=True)
    assert few[1].tolist() == [19, 0, 0]


def test_a_cluster_is_never_in_both_halves() -> None:
    clusters = np.random.default_rng(24).integers(0, 30, 500)
    half = calibrating_half(500, 7, clusters)
    assert not set(clusters[half]) & set(clusters[~half])
    assert len(set(clusters[half])) == 15
    assert np.array_equal(half, calibrating_half(500, 7, clusters))
    assert calibrating_half(5, 0).sum() == 3
    assert calibrating_half(0, 0).size == 0
