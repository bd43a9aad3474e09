"""Interval constructions, as pure functions of arrays. No record is known here.

Sources: Wilson (1927) for one proportion; Newcombe (1998), method 10, for a difference of two;
Zou and Donner (2008), MOVER, for a sum of independent estimates; the binomial order-statistic
interval for a quantile; DeLong et al. (1988) and Newcombe (2006), method 5, for an area under the
ROC curve; Geyer (1992), initial monotone sequence, for the worth of correlated observations; the
appendix on early stopping of the MLPerf inference rules.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "LEVEL",
    "Draw",
    "auc_delong",
    "auc_of_places",
    "early_stopping",
    "effective_size",
    "hierarchical",
    "mean_t",
    "mover_mean",
    "newcombe",
    "order_statistic",
    "quantile_draw",
    "resampled_mean",
    "share_below",
    "summable",
    "t_value",
    "wilson",
    "z_value",
]

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
LARGEST = 1e140
MOST_LAGS = 2**16
CONFIDENCE = 0.99
REPLICATES = 1000

Draw = Callable[[np.random.Generator, int], Floats]
"""Gives so many resampled statistics of one process, shape (size,)."""


def z_value(level: float = LEVEL) -> float:
    """The two-sided standard normal quantile of a confidence level.

    >>> round(z_value(0.95), 4)
    1.96
    """
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: Any, trials: Any, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Wilson score interval of a proportion, element by element; `trials` must be positive.

    >>> low, high = wilson(56, 70)
    >>> round(float(low), 4), round(float(high), 4)
    (0.6918, 0.877)
    """
    k, n = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    z = z_value(level)
    p, z2 = k / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At 0 and n the bound is the proportion itself; rounding must not push it past.
    return np.minimum(np.maximum(centre - half, 0.0), p), np.maximum(
        np.minimum(centre + half, 1.0), p
    )


def newcombe(
    k1: Any, n1: Any, k2: Any, n2: Any, level: float = LEVEL
) -> tuple[Floats, Floats, Floats]:
    """Difference p1 - p2 of two independent proportions with Newcombe's hybrid score interval.

    Returns (difference, low, high), element by element.

    >>> d, low, high = newcombe(56, 70, 48, 80)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0524, 0.3339)
    """
    p1, p2 = np.asarray(k1) / np.asarray(n1), np.asarray(k2) / np.asarray(n2)
    l1, u1 = wilson(k1, n1, level)
    l2, u2 = wilson(k2, n2, level)
    d = p1 - p2
    low = d - np.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    high = d + np.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    return d, low, high


def mover_mean(estimates: Floats, lows: Floats, highs: Floats) -> tuple[float, float, float]:
    """Mean of independent estimates, its interval recovered from theirs (MOVER).

    Returns (mean, low, high).
    """
    count = estimates.size
    mean = float(estimates.mean())
    low = mean - math.sqrt(float(((estimates - lows) ** 2).sum())) / count
    high = mean + math.sqrt(float(((highs - estimates) ** 2).sum())) / count
    return mean, low, high


def summable(values: Floats) -> bool:
    """Whether all are numbers, and small enough for the squares of many to be added up."""
    return bool((np.abs(values) < LARGEST).all())


def mean_t(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Mean and half-width of its Student t interval; needs two values at least."""
    half = t_value(values.size - 1, level) * float(values.std(ddof=1))
    return float(values.mean()), half / math.sqrt(values.size)


def t_value(freedom: float, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's t with so many degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, freedom))


def order_statistic(
    ordered: npt.NDArray[Any], p: float, effective: float, level: float = LEVEL
) -> tuple[float, float, float] | None:
    """The p-quantile of sorted observations with its order-statistic interval.

    The estimate is `ordered[int(n·p)]`, the definition of MLPerf's LoadGen. The interval is the
    pair of order statistics that holds the quantile with probability `level` or more for
    `effective` independent observations (fewer than n when they are correlated). None when the
    sample is too small for such a pair to exist.
    """
    from scipy.stats import binom

    n, m = ordered.size, max(1, min(ordered.size, int(effective)))
    tail = (1 - level) / 2
    low, high = int(binom.ppf(tail, m, p)), int(binom.ppf(1 - tail, m, p)) + 1
    if low < 1 or high > m:
        return None
    # Ranks of m independent observations, stretched over the n correlated ones, outwards.
    first = math.floor((low - 1) * n / m)
    last = min(n - 1, math.ceil(high * n / m) - 1)
    middle = min(int(n * p), n - 1)
    return (
        float(ordered[middle]),
        float(ordered[min(first, middle)]),
        float(ordered[max(last, middle)]),
    )


def early_stopping(n: int, p: float) -> int | None:
    """How many of the slowest of n calls MLPerf's rule sets aside, plus one, or None.

    With t the largest number for which P(Bin(n, 1 - p) <= t) <= 1 %, `ordered[n - t]` bounds the
    p-quantile from above with 99 % confidence and to spare; t must be 1 at least.

    >>> early_stopping(64, 0.9), early_stopping(63, 0.9), early_stopping(24576, 0.99)
    (1, None, 209)
    """
    from scipy.stats import binom

    t = int(binom.ppf(1 - CONFIDENCE, n, 1 - p))
    while t >= 0 and float(binom.cdf(t, n, 1 - p)) > 1 - CONFIDENCE:
        t -= 1
    return t if t >= 1 else None


def quantile_draw(ordered: npt.NDArray[Any], p: float, effective: float) -> Draw:
    """Resampled p-quantiles of sorted calls that are worth `effective` independent ones.

    The rank of a resampled quantile is a Beta variable, so that nothing is resampled call by call.
    """
    m = max(1, min(ordered.size, int(effective)))
    rank = min(m, int(m * p) + 1)

    def draw(rng: np.random.Generator, size: int) -> Floats:
        share = rng.beta(rank, m - rank + 1, size)
        return ordered[np.minimum((share * ordered.size).astype(np.int64), ordered.size - 1)] * 1.0

    return draw


def resampled_mean(values: Floats) -> Draw:
    """Means of values drawn with replacement, as many as there are."""

    def draw(rng: np.random.Generator, size: int) -> Floats:
        means: Floats = values[rng.integers(0, values.size, (size, values.size))].mean(axis=1)
        return means

    return draw


def hierarchical(
    values: Sequence[float], draws: Sequence[Draw], level: float = LEVEL, seed: int = 0
) -> tuple[float, float, float]:
    """The median over processes, and its interval from the spread between and inside them.

    A hierarchical bootstrap draws processes with replacement and, inside each, its statistic again.
    Of few processes it is too narrow (it covers 92 % of three instead of 95), so the interval holds
    Student's t over the processes too, which is never narrower than what the inside of the
    processes alone leaves open: a few that agree by luck do not make it a point.

    Args:
        values: the statistic of each process, two at least.
        draws: resampled statistics of each process.
        level: two-sided confidence level.
        seed: of the resampling, fixed so that a record always gives the same interval.

    Returns:
        (median, low, high).
    """
    from scipy.stats import t

    k, rng = len(values), np.random.default_rng(seed)
    drawn = np.stack([draw(rng, REPLICATES) for draw in draws])
    between = float(np.std(values, ddof=1))
    inside = math.sqrt(float(drawn.var(axis=1).mean()))
    spread = max(float(t.ppf(0.5 + level / 2, k - 1)) * between, z_value(level) * inside)
    # A median of normal values spreads up to √(π/2) times as far as their mean; of two it is it.
    wider = math.sqrt(math.pi / 2) if k > 2 else 1.0
    middle, half = float(np.median(values)), wider * spread / math.sqrt(k)
    picks = rng.integers(0, k, (REPLICATES, k)), rng.integers(0, REPLICATES, (REPLICATES, k))
    tail = (1 - level) / 2
    low, high = np.quantile(np.median(drawn[picks], axis=1), [tail, 1 - tail])
    return middle, min(middle - half, float(low)), max(middle + half, float(high))


def effective_size(values: Floats) -> float:
    """How many independent observations a mean of correlated ones is worth; n at most.

    All lags count, as long as the sum of two autocorrelations in a row stays positive and falls
    (Geyer's initial monotone sequence): lag one alone misses a slow drift under fast noise.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    # Means of blocks keep what is slow, and are quicker to transform than a million calls.
    n, block = values.size, 1 + values.size // MOST_LAGS
    means = values[: n // block * block].reshape(-1, block).mean(axis=1)
    centred = means - means.mean()
    power = float(centred @ centred)
    if power == 0:
        return float(n)
    size = next_fast_len(2 * means.size, real=True)
    spectrum = rfft(centred, size)
    lags = irfft(spectrum.real**2 + spectrum.imag**2, size)[: means.size] / power
    pairs = lags[: means.size // 2 * 2].reshape(-1, 2).sum(axis=1)
    kept = pairs[: int((pairs <= 0).argmax())] if (pairs <= 0).any() else pairs
    time = max(1.0, 2 * float(np.minimum.accumulate(kept).sum()) - 1)
    worth: float = float(values.var()) / power * means.size**2 / time
    return min(float(n), worth)


def auc_delong(
    positives: Floats, negatives: Floats, level: float = LEVEL
) -> tuple[float, float, float]:
    """Area under the ROC curve with the wider of two intervals at each end; ties count one half.

    DeLong's collapses to a point where the classes are set apart and is too narrow near 1, with a
    few dozen rows of a class; Newcombe's, a score interval, holds there but trusts the two classes
    to spread alike. The union of the two errs on the wide side.

    Args:
        positives: scores of the positive rows, shape (m,), m ≥ 2.
        negatives: scores of the negative rows, shape (n,), n ≥ 2.
        level: two-sided confidence level.

    Returns:
        (auc, low, high).
    """
    return auc_of_places(
        share_below(positives, negatives), 1 - share_below(negatives, positives), level
    )


def share_below(scores: Floats, others: Floats) -> Floats:
    """The share of the others below each score, (rows,), those equal to it counting one half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return below / (2.0 * ordered.size)


def auc_of_places(over: Floats, under: Floats, level: float = LEVEL) -> tuple[float, float, float]:
    """The same of the shares that each positive row is above, and each negative one below."""
    m, n, auc = over.size, under.size, float(over.mean())
    half = z_value(level) * math.sqrt(float(over.var(ddof=1)) / m + float(under.var(ddof=1)) / n)
    low, high = _auc_score(auc, m, n, level)
    return auc, max(0.0, min(low, auc - half)), min(1.0, max(high, auc + half))


def _auc_score(auc: float, m: int, n: int, level: float) -> tuple[float, float]:
    """The areas t at which |auc - t| is z standard errors of t; never a point, inside [0, 1]."""
    from scipy.optimize import brentq

    z, more = z_value(level), (m + n) / 2 - 1

    def excess(t: float) -> float:
        variance = t * (1 - t) * (1 + more * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n)
        return (auc - t) ** 2 - z * z * variance

    # At 0 and 1 the variance is 0: an area of exactly 0 or 1 would be found as its own bound.
    tiny = 1e-12
    low = brentq(excess, 0.0, min(auc, 1 - tiny)) if auc > tiny else 0.0
    high = brentq(excess, max(auc, tiny), 1.0) if auc < 1 - tiny else 1.0
    return float(low), float(high)
