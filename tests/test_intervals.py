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
from scipy.stats import binom, lognorm, norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import (  # type: ignore[import-untyped]
    confint_proportions_2indep,
    proportion_confint,
)

from frugalbench.metrics import _intervals as intervals

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
