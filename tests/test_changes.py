"""The interval of a change of a share of the same rows, against the likelihood and by coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from frugalbench.metrics._changes import paired_change
from frugalbench.metrics._proportions import paired_difference


def standard_errors(lost: int, won: int, n: int, change: float) -> float:
    """How many standard errors of `change` the change seen lies below it, by brute force."""

    def against(share: float) -> float:
        parts = ((lost, share + change), (won, share), (n - lost - won, 1 - 2 * share - change))
        return -sum(k * math.log(max(p, 1e-300)) for k, p in parts if k)

    ends = (max(0.0, -change), (1 - change) / 2)
    share = minimize_scalar(against, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
    return (n * change - (lost - won)) / math.sqrt(n * (2 * share + change - change**2))


@pytest.mark.parametrize(("lost", "won", "n"), [(9, 1, 40), (12, 2, 50), (3, 8, 200), (30, 25, 90)])
def test_the_score_end_is_z_standard_errors_of_the_most_likely_shares(
    lost: int, won: int, n: int
) -> None:
    for level, z in ((0.90, 1.644854), (0.95, 1.959964)):
        _, low, high = paired_change(lost, won, n, level)
        _, plain_low, plain_high = paired_difference(lost, won, n, level)
        if float(high) > float(plain_high):
            assert standard_errors(lost, won, n, float(high)) == pytest.approx(z, abs=1e-3)
        if float(low) < float(plain_low):
            assert standard_errors(won, lost, n, -float(low)) == pytest.approx(z, abs=1e-3)


def test_either_interval_is_the_wider_one_somewhere() -> None:
    _, low, high = paired_change(12, 0, 200, 0.9)
    _, plain_low, plain_high = paired_difference(12, 0, 200, 0.9)
    assert float(high) > float(plain_high)
    assert float(low) == float(plain_low)


@given(st.integers(1, 500), st.data(), st.floats(0.5, 0.999999))
def test_an_interval_holds_its_change_and_mirrors(
    n: int, data: st.DataObject, level: float
) -> None:
    lost = data.draw(st.integers(0, n))
    won = data.draw(st.integers(0, n - lost))
    change, low, high = map(float, paired_change(lost, won, n, level))
    assert -1 <= low <= change <= high <= 1
    mirrored = paired_change(won, lost, n, level)
    assert (-float(mirrored[2]), -float(mirrored[1])) == pytest.approx((low, high), abs=1e-8)
    _, wide_low, wide_high = map(float, paired_change(lost, won, n, (1 + level) / 2))
    assert wide_low <= low + 1e-8
    assert high <= wide_high + 1e-8


@pytest.mark.parametrize(
    ("lose", "win", "n"),
    [(0.02, 0.0, 200), (0.05, 0.0, 50), (0.02, 0.0, 500), (0.055, 0.005, 200), (0.07, 0.02, 1000)],
)
def test_a_group_that_only_loses_is_not_said_to_lose_less_than_it_does(
    lose: float, win: float, n: int
) -> None:
    """The adjusted interval alone says so nine times in a hundred in the first of these."""
    random, times = np.random.default_rng(12), 10_000
    table = random.multinomial(n, [lose, win, 1 - lose - win], times)
    drop = lose - win
    _, low, high = paired_change(table[:, 0], table[:, 1], n, 0.9)
    for wrong in ((high < drop - 1e-9).sum(), (low > drop + 1e-9).sum()):
        assert binomtest(int(wrong), times, 0.05, alternative="greater").pvalue >= 0.001
