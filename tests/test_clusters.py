"""Resampling clusters: against rows drawn one by one, and by how often the interval is right."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from frugalbench.metrics import _clusters
from frugalbench.metrics._clusters import number_of_clusters, resampled_interval, resampled_sums
from frugalbench.metrics._intervals import mean_t

Floats = npt.NDArray[np.float64]


def plain(values: Floats, clusters: npt.NDArray[np.int64], replicates: int, seed: int) -> Floats:
    """The same resampling, cluster by cluster and row by row."""
    rng, names = np.random.default_rng(seed), np.unique(clusters)
    out = []
    for _ in range(replicates):
        rows = [np.flatnonzero(clusters == one) for one in rng.choice(names, names.size)]
        out.append(values[np.concatenate(rows)].sum(axis=0))
    return np.array(out)


def test_sums_spread_as_clusters_drawn_one_by_one() -> None:
    random = np.random.default_rng(1)
    clusters = random.integers(0, 12, 200) * 7
    values = np.column_stack([np.ones(200), random.normal(3, 1, 200) + clusters / 10])
    ours, theirs = resampled_sums(values, clusters, 4000, 5), plain(values, clusters, 4000, 6)
    assert ours.shape == (4000, 2)
    assert ours.mean(axis=0) == pytest.approx(values.sum(axis=0), rel=0.02)
    assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.06)
    one, other = np.asarray(np.corrcoef(ours.T)), np.asarray(np.corrcoef(theirs.T))
    assert one[0, 1] == pytest.approx(other[0, 1], abs=0.02)


@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=30),
    replicates=st.integers(1, 40),
    cells=st.sampled_from([1, 64, 1 << 16]),
)
def test_every_sum_is_one_of_whole_clusters(sizes: list[int], replicates: int, cells: int) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    once = np.equal.outer(clusters, np.arange(len(sizes))) / np.array(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_clusters, "CELLS", cells)
        drawn = resampled_sums(once, clusters, replicates, 3)
    # Each column counts how often its cluster was drawn.
    assert np.allclose(drawn, np.round(drawn))
    assert np.allclose(drawn.sum(axis=1), len(sizes))


def test_the_seed_decides_everything() -> None:
    values = np.random.default_rng(2).normal(size=(50, 2))
    one = resampled_sums(values, None, 30, 8)
    assert np.array_equal(one, resampled_sums(values, np.arange(50), 30, 8))
    assert not np.array_equal(one, resampled_sums(values, None, 30, 9))


def test_many_rows_put_together_spread_as_they_would_alone() -> None:
    """Also when the file is sorted, or repeats itself with the period of the blocks."""
    rows = 8 * _clusters.MOST
    random = np.random.default_rng(3)
    sorted_rows = np.sort(random.exponential(size=rows))
    periodic = np.tile(np.arange(_clusters.MOST) / _clusters.MOST, 8)
    rare = np.zeros(rows)
    rare[:3] = 1
    drawn = resampled_sums(np.column_stack([sorted_rows, periodic, rare]), None, 2000, 4)
    expected = np.sqrt(rows) * np.array([sorted_rows.std(), periodic.std()])
    assert drawn[:, :2].std(axis=0) == pytest.approx(expected, rel=0.08)
    # A count of three is Poisson's, not a normal one that may be below 0.
    assert (drawn[:, 2] == 0).mean() == pytest.approx(np.exp(-3), abs=0.02)
    assert drawn[:, 2].min() >= 0


def test_one_cluster_says_nothing_about_others() -> None:
    values = np.ones((5, 1))
    with pytest.raises(ValueError, match="two clusters"):
        resampled_sums(values, np.zeros(5, np.int64), 10, 0)
    with pytest.raises(ValueError, match="two clusters"):
        resampled_sums(values[:1], None, 10, 0)
    with pytest.raises(ValueError, match="two clusters"):
        resampled_interval(1.0, np.ones(10), 1)
    with pytest.raises(ValueError, match="replicate"):
        resampled_interval(1.0, np.full(10, np.nan), 9)
    assert number_of_clusters(None, 5) == 5
    assert number_of_clusters(np.array([7, 7, 2]), 3) == 2


def test_of_independent_rows_the_interval_is_that_of_student() -> None:
    values = np.random.default_rng(5).normal(10, 2, 60)
    drawn = resampled_sums(values[:, None], None, 20_000, 1)[:, 0] / 60
    low, high = resampled_interval(values.mean(), drawn, 60)
    mean, half = mean_t(values)
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.03)


@pytest.mark.parametrize("clusters", [5, 40])
def test_nineteen_intervals_in_twenty_hold_a_mean_of_clustered_rows(clusters: int) -> None:
    random = np.random.default_rng(clusters)
    codes = np.repeat(np.arange(clusters), 6)
    right = blind = 0
    for run in range(300):
        rows = random.normal(size=clusters)[codes] + 0.5 * random.normal(size=codes.size)
        drawn = resampled_sums(rows[:, None], codes, 400, run)[:, 0] / codes.size
        low, high = resampled_interval(float(rows.mean()), drawn, clusters)
        right += low <= 0 <= high
        mean, half = mean_t(rows)
        blind += abs(mean) <= half
    assert binomtest(right, 300, 0.95, alternative="less").pvalue >= 0.01
    # Rows taken for independent are surer than they may be.
    assert blind < 240
