"""More intervals of proportions, as pure functions of counts. No record is known here.

Sources: Clopper and Pearson (1934), the exact interval of one proportion; Walter (1975), the log
ratio of two independent ones with one half added to each count; Bonett and Price (2012), the
difference of two paired ones; McNemar (1947), the exact test of it; Efron (1979), the bootstrap,
whose resamples of rows are, of a table of counts, multinomial draws.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import z_value

__all__ = [
    "REPLICATES",
    "clopper_pearson",
    "log_rate",
    "mcnemar",
    "paired_difference",
    "resampled_tables",
    "spread_of_equals",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
REPLICATES = 2000


def clopper_pearson(successes: Any, trials: Any, level: float) -> tuple[Floats, Floats]:
    """The exact interval of a proportion, element by element; each end errs (1 - level) / 2.

    >>> low, high = clopper_pearson(56, 70, 0.90)
    >>> round(float(low), 4), round(float(high), 4)
    (0.7051, 0.8748)
    """
    from scipy.stats import beta

    k, n = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    tail = (1 - level) / 2
    # Of no success, and of nothing but successes, one end is certain and its quantile undefined.
    low = np.where(k == 0, 0.0, beta.ppf(tail, np.maximum(k, 1), n - k + 1))
    high = np.where(k == n, 1.0, beta.ppf(1 - tail, k + 1, np.maximum(n - k, 1)))
    return low, high


def log_rate(successes: Any, trials: Any, level: float) -> tuple[Floats, Floats, Floats]:
    """The logarithm of a proportion with one half added to its counts, and its interval.

    Two of them recovered into a difference (MOVER) are the adjusted log interval of a ratio.
    Returns (logarithm, low, high), element by element.

    >>> log, low, high = log_rate(48, 80, 0.95)
    >>> round(float(log), 4), round(float(low), 4), round(float(high), 4)
    (-0.5067, -0.6841, -0.3293)
    """
    k, n = np.asarray(successes, np.float64) + 0.5, np.asarray(trials, np.float64) + 0.5
    log = np.log(k / n)
    half = z_value(level) * np.sqrt(np.maximum(1 / k - 1 / n, 0.0))
    return log, log - half, log + half


def paired_difference(
    only_first: Any, only_second: Any, pairs: Any, level: float
) -> tuple[Floats, Floats, Floats]:
    """Difference of two proportions of the same rows, first minus second.

    Args:
        only_first: pairs in which only the first is a success.
        only_second: pairs in which only the second is.
        pairs: all pairs.
        level: two-sided confidence level.

    Returns:
        (difference, low, high), element by element; the adjusted Wald interval of Bonett and Price
        (2012), which adds one pair of either kind of change.

    >>> d, low, high = paired_difference(9, 1, 40, 0.95)
    >>> round(float(d), 4), round(float(low), 4), round(float(high), 4)
    (0.2, 0.0394, 0.3415)
    """
    a, b, n = (np.asarray(one, np.float64) for one in (only_first, only_second, pairs))
    first, second = (a + 1) / (n + 2), (b + 1) / (n + 2)
    half = z_value(level) * np.sqrt((first + second - (first - second) ** 2) / (n + 2))
    difference = (a - b) / n
    low = np.maximum(first - second - half, -1.0)
    high = np.minimum(first - second + half, 1.0)
    return difference, np.minimum(low, difference), np.maximum(high, difference)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value of McNemar's test: equal chances of either kind of change.

    >>> round(mcnemar(9, 1), 6)
    0.021484
    """
    from scipy.stats import binomtest

    changed = only_first + only_second
    return float(binomtest(only_first, changed).pvalue) if changed else 1.0


def resampled_tables(table: Ints, seed: int, replicates: int = REPLICATES) -> Ints:
    """Tables of as many rows drawn with replacement from a table, shape (replicates, *shape).

    Resampling rows and counting them again gives exactly this distribution.
    """
    flat = table.reshape(-1)
    total = int(flat.sum())
    drawn = np.random.default_rng(seed).multinomial(total, flat / total, replicates)
    return drawn.reshape(replicates, *table.shape).astype(np.int64)


def spread_of_equals(successes: Ints, trials: Ints, seed: int) -> float:
    """The largest difference between groups to be expected if all had the same proportion.

    The mean over 2,000 draws of every group's successes with the proportion of all of them.
    """
    p = successes.sum() / trials.sum()
    drawn = np.random.default_rng(seed).binomial(trials, p, (REPLICATES, trials.size)) / trials
    return float((drawn.max(axis=1) - drawn.min(axis=1)).mean())
