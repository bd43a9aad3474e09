"""Interval constructions, against independent implementations and by how often they are right."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import betainc
from scipy.stats import binom, lognorm, norm, t
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import (  # type: ignore[import-untyped]
    confint_proportions_2indep,
    proportion_confint,
)

from frugalbench.metrics import _intervals as intervals
from frugalbench.metrics import latency

Floats = npt.NDArray[np.float64]


@st.composite
def counts(draw: st.DrawFn, most: int = 5000) -> tuple[int, int]:
    """Hits and trials; none and all of them more often than chance would have it."""
    n = draw(st.integers(1, most))
    return draw(st.one_of(st.integers(0, n), st.sampled_from([0, n]))), n


@given(one=counts(), level=st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_is_statsmodels_wilson(one: tuple[int, int], level: float) -> None:
    k, n = one
    low, high = intervals.wilson(k, n, level)
    expected = proportion_confint(k, n, alpha=1 - level, method="wilson")
    assert (float(low), float(high)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(one=counts(10**9))
def test_wilson_holds_its_proportion_and_stays_in_range(one: tuple[int, int]) -> None:
    k, n = one
    low, high = intervals.wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert high > low


@given(one=counts(), other=counts())
def test_newcombe_is_statsmodels_newcombe(one: tuple[int, int], other: tuple[int, int]) -> None:
    difference, low, high = intervals.newcombe(*one, *other)
    expected = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff")
    assert (float(low), float(high)) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert difference == pytest.approx(one[0] / one[1] - other[0] / other[1])


@given(one=counts(10**6), other=counts(10**6))
def test_newcombe_holds_its_difference_and_stays_in_range(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    difference, low, high = intervals.newcombe(*one, *other)
    assert -1 <= low <= difference <= high <= 1


@given(one=counts(), other=counts())
def test_swapping_the_two_sides_of_newcombe_mirrors_it(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    d, low, high = intervals.newcombe(*one, *other)
    e, left, right = intervals.newcombe(*other, *one)
    assert (d, low, high) == pytest.approx((-e, -right, -left), abs=1e-12)


def test_newcombe_gives_the_published_example() -> None:
    difference, low, high = intervals.newcombe(56, 70, 48, 80)
    assert difference == pytest.approx(0.2)
    assert (float(low), float(high)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_lower_level_is_a_narrower_interval_of_many_proportions_at_once() -> None:
    hits, trials = np.array([0, 3, 10]), np.array([10, 10, 10])
    low, high = intervals.wilson(hits, trials, 0.95)
    inner_low, inner_high = intervals.wilson(hits, trials, 0.8)
    assert low.shape == (3,)
    assert (inner_low >= low).all()
    assert (inner_high <= high).all()
    assert (inner_high - inner_low < high - low).all()


@pytest.mark.parametrize(
    ("margin", "sizes"),
    list(itertools.product((0.05, 0.1, 0.2, 0.3), ((30, 30), (30, 300), (200, 200)))),
)
def test_a_true_gap_on_the_margin_passes_one_time_in_twenty_at_most(
    margin: float, sizes: tuple[int, int]
) -> None:
    """Exact: every outcome of the two binomials, wherever the two rates lie."""
    n1, n2 = sizes
    k1, k2 = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
    _, low, high = intervals.newcombe(k1, n1, k2, n2)
    passes = np.maximum(np.abs(low), np.abs(high)) <= margin
    for base in np.linspace(0, 1 - margin, 11):
        for p1, p2 in ((base, base + margin), (base + margin, base)):
            chance = np.outer(
                binom.pmf(np.arange(n1 + 1), n1, p1), binom.pmf(np.arange(n2 + 1), n2, p2)
            )
            assert chance[passes].sum() <= 0.05


BIMODAL_P90 = float(norm.ppf(0.5, 10, 1))
Draw = Callable[[np.random.Generator, int], Floats]
DRAWS: dict[str, tuple[Draw, Callable[[float], float]]] = {
    "exponential": (lambda r, n: r.exponential(1.0, n), lambda p: -math.log1p(-p)),
    "lognormal": (lambda r, n: r.lognormal(0, 1, n), lambda p: float(lognorm.ppf(p, 1))),
    # One call in five is slow: the 90th percentile is the median of the slow ones.
    "bimodal": (
        lambda r, n: np.where(r.random(n) < 0.2, r.normal(10, 1, n), r.normal(0, 1, n)),
        lambda p: BIMODAL_P90,
    ),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n", [64, 500])
def test_the_order_statistic_interval_covers_as_promised(name: str, n: int) -> None:
    draw, quantile = DRAWS[name]
    random, truth, times = np.random.default_rng(11), quantile(0.9), 1500
    found = [
        intervals.order_statistic(np.sort(draw(random, n)), 0.9, n, 0.95) for _ in range(times)
    ]
    right = sum(low <= truth <= high for _, low, high in filter(None, found))
    # The promise is 0.95 at least; 1500 draws are known to ± 0.011.
    assert right / times >= 0.95 - 0.011


@given(
    sample=st.lists(st.integers(0, 10**12), min_size=1, max_size=300),
    p=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
    share=st.floats(0.01, 1.5),
)
def test_a_percentile_is_an_observation_inside_its_interval(
    sample: list[int], p: float, share: float
) -> None:
    ordered = np.sort(np.array(sample))
    found = intervals.order_statistic(ordered, p, share * ordered.size)
    if found is None:
        return
    estimate, low, high = found
    assert estimate == ordered[int(ordered.size * p)]
    assert low <= estimate <= high
    assert {low, high} <= set(map(float, sample))


@pytest.mark.parametrize(("p", "enough"), [(0.5, 6), (0.9, 36), (0.99, 368)])
def test_too_few_observations_have_no_interval(p: float, enough: int) -> None:
    """Below n the largest observation is under the quantile too often: p ** n > 2.5 %."""
    assert p**enough <= 0.025 < p ** (enough - 1)
    ordered = np.arange(1000.0)
    assert intervals.order_statistic(ordered[:enough], p, enough) is not None
    assert intervals.order_statistic(ordered[: enough - 1], p, enough - 1) is None
    assert intervals.order_statistic(ordered, p, enough - 1) is None


def drift(random: np.random.Generator, n: int, rho: float, share: float) -> Floats:
    """Standard normal: a slow drift of this share of the variance, under fast noise."""
    noise = random.normal(size=n) * math.sqrt(1 - rho**2)
    noise[0] = random.normal()
    slow: Floats = lfilter([1.0], [1.0, -rho], noise)
    fast: Floats = random.normal(size=n)
    return math.sqrt(share) * slow + math.sqrt(1 - share) * fast


@pytest.mark.parametrize(
    ("rho", "share", "promise"), [(0.0, 1.0, 0.94), (0.9, 1.0, 0.93), (0.98, 0.5, 0.88)]
)
@pytest.mark.parametrize("p", [0.5, 0.9])
def test_the_interval_of_a_percentile_covers_correlated_calls(
    rho: float, share: float, promise: float, p: float
) -> None:
    """A lag-one estimate covers 40 % of the time where the drift hides under noise."""
    random, truth, n, times = np.random.default_rng(5), float(norm.ppf(p)), 4000, 300
    right = 0
    for _ in range(times):
        calls = drift(random, n, rho, share)
        above = (calls > np.quantile(calls, p)).astype(np.float64)
        found = intervals.order_statistic(np.sort(calls), p, intervals.effective_size(above))
        _, low, high = found or (0.0, calls.min(), calls.max())
        right += low <= truth <= high
    assert right / times >= promise - 0.02


def test_a_correlated_mean_is_worth_as_many_observations_as_theory_says() -> None:
    random, rho, n = np.random.default_rng(3), 0.9, 200_000
    theory = n * (1 - rho) / (1 + rho)
    series = drift(random, n, rho, 1.0)
    assert intervals.effective_size(series) == pytest.approx(theory, rel=0.1)
    assert intervals.effective_size(series[:50_000]) == pytest.approx(theory / 4, rel=0.2)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_correlation_never_makes_observations_worth_more(values: list[float]) -> None:
    assert 0 < intervals.effective_size(np.array(values)) <= len(values)


def test_a_constant_series_is_not_called_correlated() -> None:
    assert intervals.effective_size(np.full(100, 7.0)) == 100


SCORES = st.lists(st.integers(0, 8).map(float), min_size=2, max_size=40)


@given(positives=SCORES, negatives=SCORES)
def test_auc_is_scikit_learns_with_ties(positives: list[float], negatives: list[float]) -> None:
    auc, low, high = intervals.auc_delong(np.array(positives), np.array(negatives))
    labels = [1] * len(positives) + [0] * len(negatives)
    assert auc == pytest.approx(roc_auc_score(labels, positives + negatives))
    assert 0 <= low <= auc <= high <= 1
    assert low < high


def test_the_auc_interval_agrees_with_a_bootstrap() -> None:
    random = np.random.default_rng(8)
    positives, negatives = random.normal(1, 2, 300), random.normal(0, 1, 400)
    _, low, high = intervals.auc_delong(positives, negatives)
    labels = np.repeat([1, 0], [300, 400])
    drawn = [
        roc_auc_score(labels, np.r_[random.choice(positives, 300), random.choice(negatives, 400)])
        for _ in range(400)
    ]
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (low, high) == pytest.approx(expected, abs=0.008)


def test_classes_set_apart_in_a_few_rows_are_not_certain_to_be() -> None:
    """DeLong's variance is then 0: its interval [1, 1] would certify any bound on six rows."""
    auc, low, high = intervals.auc_delong(np.array([3.0, 4, 5]), np.array([0.0, 1, 2]))
    assert (auc, high) == (1, 1)
    assert 0.3 < low < 0.7
    area, bottom, top = intervals.auc_delong(np.array([0.0, 1, 2]), np.array([3.0, 4, 5]))
    assert (area, bottom, top) == pytest.approx((0, 0, 1 - low))


@pytest.mark.parametrize(("m", "n"), [(10, 10), (10, 200), (50, 50)])
@pytest.mark.parametrize("area", [0.7, 0.9, 0.97])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_the_auc_interval_covers_small_and_lopsided_samples(
    m: int, n: int, area: float, spread: float
) -> None:
    random, times = np.random.default_rng(2), 300
    shift = norm.ppf(area) * math.hypot(spread, 1)
    found = [
        intervals.auc_delong(random.normal(shift, spread, m), random.normal(0, 1, n))
        for _ in range(times)
    ]
    # Few rows of a class that spreads wide cost a little coverage; DeLong alone has 0.49 here.
    assert sum(low <= area <= high for _, low, high in found) / times >= 0.91


@pytest.mark.parametrize("rates", [(0.9, 0.6), (0.99, 0.5, 0.2), (1.0, 0.97)])
def test_the_mean_of_proportions_covers_as_promised(rates: tuple[float, ...]) -> None:
    random, sizes, times = np.random.default_rng(4), np.array([40, 200, 90][: len(rates)]), 2000
    hits = random.binomial(sizes, rates, (times, len(rates)))
    lows, highs = intervals.wilson(hits, sizes)
    right = 0
    for row in range(times):
        mean, low, high = intervals.mover_mean(hits[row] / sizes, lows[row], highs[row])
        assert low <= mean <= high
        right += bool(low <= np.mean(rates) <= high)
    assert right / times >= 0.94


def test_the_t_interval_of_a_mean_is_the_textbooks() -> None:
    mean, half = intervals.mean_t(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (mean, half) == pytest.approx((3.0, 2.776445 * math.sqrt(2.5 / 5)), rel=1e-6)


def tail(n: int, p: float, over: int) -> float:
    """P(Bin(n, 1 - p) <= over), by logarithms of factorials; no SciPy."""
    return math.fsum(
        math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log1p(-p)
            + (n - k) * math.log(p)
        )
        for k in range(over + 1)
    )


FEWEST = {0.5: 11, 0.9: 64, 0.95: 130, 0.97: 219, 0.99: 662, 0.999: 6636}
SIZES = (100, 300, 1000, 3000, 10_000, 24_576)
OVER: dict[float, tuple[int | None, ...]] = {
    0.5: (37, 129, 462, 1435, 4883, 12105),
    0.9: (3, 18, 78, 261, 930, 2348),
    0.95: (None, 6, 34, 122, 449, 1149),
    0.97: (None, 2, 17, 68, 260, 675),
    0.99: (None, None, 2, 17, 77, 209),
    0.999: (None, None, None, None, 2, 13),
}
"""How many queries may be over the estimate, by percentile and queries: MLPerf's rule by hand."""


@pytest.mark.parametrize("p", FEWEST)
def test_early_stopping_starts_where_mlperf_says(p: float) -> None:
    assert intervals.early_stopping(FEWEST[p], p) == 1
    assert intervals.early_stopping(FEWEST[p] - 1, p) is None
    assert latency.FEWEST[p] == FEWEST[p]


@pytest.mark.parametrize(
    ("p", "n", "over"),
    [(p, n, over) for p, row in OVER.items() for n, over in zip(SIZES, row, strict=True)],
)
def test_early_stopping_is_the_published_table(p: float, n: int, over: int | None) -> None:
    assert intervals.early_stopping(n, p) == over


@given(n=st.integers(1, 3000), p=st.sampled_from(list(FEWEST)))
def test_early_stopping_is_the_largest_count_that_two_other_ways_allow(n: int, p: float) -> None:
    over = intervals.early_stopping(n, p)
    assert over is None or over >= 1
    # Below one there is no estimate, even where none over it would be allowed.
    for count, fits in ((over, True), ((over or 0) + 1, False)):
        if count is None or count >= n:
            continue
        assert (tail(n, p, count) <= 0.01) == fits
        # F(t; n, 1 - p) is the regularised incomplete beta function I_p(n - t, t + 1).
        assert (float(betainc(n - count, count + 1, p)) <= 0.01) == fits


@given(n=st.integers(1, 10**6), p=st.sampled_from(list(FEWEST)))
def test_one_more_query_sets_aside_one_more_at_most_and_never_one_less(n: int, p: float) -> None:
    now, then = (intervals.early_stopping(size, p) or 0 for size in (n, n + 1))
    assert then - now in (0, 1)
    assert now < (1 - p) * n


@pytest.mark.parametrize("p", [0.9, 0.99, 0.999])
def test_each_query_set_aside_costs_one_over_the_tail_and_not_the_tail(p: float) -> None:
    """The slope of the least queries is 1 / (1 - p): a quotient, where a product was once taken."""

    def least(over: int) -> int:
        low, high = 1, int(4 * (over + 20) / (1 - p))
        while low < high:
            middle = (low + high) // 2
            enough = (intervals.early_stopping(middle, p) or 0) >= over
            low, high = (low, middle) if enough else (middle + 1, high)
        return low

    few, many = least(500), least(1000)
    assert tail(few, p, 500) <= 0.01 < tail(few - 1, p, 500)
    # Slightly more than the slope, as the margin grows with the square root of the count.
    assert 1.0 < (many - few) / 500 * (1 - p) < 1.06


def scattered(value: float, deviation: float) -> intervals.Draw:
    """Statistics of one process, resampled: normal around its own."""
    return lambda random, size: random.normal(value, deviation, size)


PROCESSES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=10)


@given(values=PROCESSES, deviation=st.floats(0, 100))
def test_an_interval_over_processes_holds_their_median_and_is_always_the_same(
    values: list[float], deviation: float
) -> None:
    draws = [scattered(value, deviation) for value in values]
    found = intervals.hierarchical(values, draws)
    middle, low, high = found
    assert middle == np.median(values)
    assert low <= middle <= high
    assert found == intervals.hierarchical(values, draws)
    assert low - 1e-9 <= intervals.hierarchical(values, draws, 0.8)[1] <= middle


@pytest.mark.parametrize("k", range(2, 11))
def test_processes_far_apart_have_a_wider_interval_than_any_of_them(k: int) -> None:
    random = np.random.default_rng(k)
    calls = [np.sort(random.normal(10 + step, 1, 2000)) for step in range(k)]
    ranges = [intervals.order_statistic(one, 0.9, one.size) for one in calls]
    inside = [high - low for _, low, high in filter(None, ranges)]
    assert len(inside) == k
    values = [float(one[int(0.9 * one.size)]) for one in calls]
    draws = [intervals.quantile_draw(one, 0.9, one.size) for one in calls]
    middle, low, high = intervals.hierarchical(values, draws)
    assert high - low > 2 * max(inside)
    # Student's t, and what a median of normal values spreads wider than their mean.
    wider = math.sqrt(math.pi / 2) if k > 2 else 1
    half = float(t.ppf(0.975, k - 1)) * np.std(values, ddof=1) / math.sqrt(k) * wider
    # The bootstrap may reach further on one side, where the processes are many and uneven.
    assert half * (1 - 1e-9) <= high - middle < 1.2 * half
    assert half * (1 - 1e-9) <= middle - low < 1.2 * half


@pytest.mark.parametrize("k", range(2, 11))
def test_hierarchical_bootstraphat_agree_by_luck_are_as_uncertain_as_their_calls(k: int) -> None:
    middle, low, high = intervals.hierarchical([5.0] * k, [scattered(5.0, 0.1)] * k)
    assert middle == 5
    assert high - low >= 2 * 1.9 * 0.1 / math.sqrt(k)
    assert high - low < 2 * 2.7 * 0.1 / math.sqrt(k)


@given(values=PROCESSES, factor=st.floats(0.01, 100), more=st.floats(-100, 100))
def test_another_unit_of_the_processes_is_another_unit_of_the_interval(
    values: list[float], factor: float, more: float
) -> None:
    here = intervals.hierarchical(values, [scattered(value, 1.0) for value in values])
    moved = [factor * value + more for value in values]
    there = intervals.hierarchical(moved, [scattered(value, factor) for value in moved])
    assert there == pytest.approx([factor * end + more for end in here], rel=1e-6, abs=1e-6)


def test_a_resampled_percentile_lies_where_its_order_statistics_do() -> None:
    """The Beta rank is as wide as the binomial interval, and wider for fewer effective calls."""
    ordered = np.sort(np.random.default_rng(0).exponential(1, 2000))
    for worth in (2000.0, 200.0):
        found = intervals.order_statistic(ordered, 0.9, worth)
        assert found is not None
        drawn = intervals.quantile_draw(ordered, 0.9, worth)(np.random.default_rng(1), 20_000)
        assert set(drawn.tolist()) <= set(ordered.tolist())
        low, high = np.quantile(drawn, [0.025, 0.975])
        assert (low, high) == pytest.approx(found[1:], rel=0.05)


def test_resampled_means_spread_as_a_mean_does() -> None:
    values = np.random.default_rng(0).normal(3, 2, 50)
    drawn = intervals.resampled_mean(values)(np.random.default_rng(1), 20_000)
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.02)
    assert drawn.std() == pytest.approx(values.std() / math.sqrt(50), rel=0.03)
    once = intervals.resampled_mean(values[:1])(np.random.default_rng(1), 10)
    assert once.tolist() == [values[0]] * 10
