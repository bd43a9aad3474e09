"""Rates by group as measures that can be compared, whether rows are independent or in clusters."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import resampled_sums
from frugalbench.metrics._counts import Counts
from frugalbench.metrics._intervals import wilson
from frugalbench.metrics._pairs import BOTH_ENDS, ByGroup
from frugalbench.metrics._proportions import REPLICATES, clopper_pearson, log_rate, spread_of_equals
from frugalbench.metrics._resampled import alike, resampled, wider
from frugalbench.values import Missing

__all__ = [
    "EMPTY",
    "by_group",
    "exact_by_group",
    "log_by_group",
    "title",
    "undefined",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EMPTY = {
    "tpr": ("no_positives", "no row with a positive label"),
    "fnr": ("no_positives", "no row with a positive label"),
    "fpr": ("no_negatives", "no row with a negative label"),
    "tnr": ("no_negatives", "no row with a negative label"),
    "ppv": ("no_selected", "no row answered positively"),
    "npv": ("no_unselected", "no row answered negatively"),
    "false_omission_rate": ("no_unselected", "no row answered negatively"),
}
"""Why a rate may have no denominator: a code, and words."""
TITLES = {"tpr": "TPR", "fnr": "FNR", "fpr": "FPR", "tnr": "TNR", "ppv": "PPV", "npv": "NPV"}


def title(counts: Counts, rate: str, of: int) -> str:
    """A rate in words, with its class where several are compared."""
    words = TITLES.get(rate, rate.replace("_", " "))
    several = rate != "accuracy" and len(counts.asked) > 1
    return f"{words} of {counts.classes[of]}" if several else words


def undefined(counts: Counts, rate: str, of: int) -> Missing | None:
    """Why a rate is undefined in some group, or None when all groups have it."""
    _, trials = counts.rate(rate, of)
    for name, n, rows in zip(counts.names, trials, counts.rows, strict=True):
        if rows == 0:
            return Missing(reason="empty_group", detail=f"group '{name}' has no row")
        if n == 0:
            reason, words = EMPTY[rate]
            several = f" of {counts.classes[of]}" if len(counts.asked) > 1 else ""
            return Missing(reason=reason, detail=f"group '{name}' has {words}{several}")
    return None


def by_group(counts: Counts, rate: str, of: int, seed: int) -> ByGroup:
    """A rate in every group, with Wilson's interval or that of resampled clusters."""
    hits, trials = counts.rate(rate, of)
    rates = hits / trials
    if counts.clusters is not None:
        return _clustered(counts, rate, of, seed)
    return ByGroup(
        title=title(counts, rate, of),
        names=counts.names,
        counts=trials,
        estimates=rates,
        ends=lambda level: wilson(hits, trials, level),
        spread=_spread(hits, trials),
        equal=spread_of_equals(hits, trials, seed),
    )


def _spread(hits: Ints, trials: Ints) -> Floats:
    """The variance of one row; a group without an error is not known to make none."""
    p = (hits + 1) / (trials + 2)
    spread: Floats = p * (1 - p)
    return spread


def exact_by_group(counts: Counts, rate: str, of: int, seed: int) -> ByGroup:
    """The same with the exact interval of Clopper and Pearson, for a floor."""
    if counts.clusters is not None:
        return _clustered(counts, rate, of, seed)
    hits, trials = counts.rate(rate, of)
    return ByGroup(
        title=title(counts, rate, of),
        names=counts.names,
        counts=trials,
        estimates=hits / trials,
        ends=lambda level: clopper_pearson(hits, trials, level),
        spread=_spread(hits, trials),
    )


def log_by_group(counts: Counts, of: int, seed: int) -> ByGroup:
    """The logarithm of each group's selection rate, one half added to its counts.

    The interval of a difference of two is the adjusted log interval of the ratio of the rates, or
    that of Wilson's intervals put together (MOVER) where it is wider: a rate of 1 has a log
    variance of 0, and is not known to be 1 for all that.
    """
    selected, rows = counts.rate("selection_rate", of)
    rates, _, _ = log_rate(selected, rows, BOTH_ENDS)
    drawn, units, apart = None, counts.rows, None
    if counts.clusters is not None:
        units = _units(counts, "selection_rate", of)
        chosen, everyone = np.hsplit(_cluster_sums(counts, "selection_rate", of, seed), 2)
        drawn = np.log((chosen + 0.5) / (everyone + 0.5))
        with np.errstate(invalid="ignore"):
            apart = _log_apart(rates, alike(chosen / everyone, units))

    def ends(level: float) -> tuple[Floats, Floats]:
        _, adjusted_low, adjusted_high = log_rate(selected, rows, level)
        low, high = wilson(selected, rows, level)
        with np.errstate(divide="ignore"):
            # Of a rate of 0 the logarithm has no lower end to speak of but that of the half.
            below = np.where(low > 0, np.log(low), np.inf)
        return np.minimum(adjusted_low, below), np.maximum(adjusted_high, np.log(high))

    return ByGroup(
        title=f"log {title(counts, 'selection_rate', of)}",
        names=counts.names,
        counts=units,
        estimates=rates,
        ends=ends,
        replicates=drawn,
        clusters=0 if counts.clusters is None else len(counts.clusters),
        apart=apart,
    )


def _log_apart(rates: Floats, apart: Callable[[float], Floats]) -> Callable[[float], Floats]:
    """How far the logarithm of a share may be off that may be off so far."""

    def off(level: float) -> Floats:
        far, p = apart(level), np.exp(rates)
        out: Floats = np.maximum(-np.log1p(-far), np.log1p(far * (1 - p) / p))
        return out

    return off


def _cluster_sums(counts: Counts, rate: str, of: int, seed: int) -> Floats:
    """Numerators, then denominators, of a rate in resampled clusters, (replicates, 2 groups)."""
    assert counts.clusters is not None, "there are clusters"
    return resampled_sums(
        np.hstack(counts.parts(counts.clusters, rate, of)).astype(np.float64),
        np.arange(len(counts.clusters)),
        REPLICATES,
        seed,
    )


def _units(counts: Counts, rate: str, of: int) -> Ints:
    """How many clusters have rows to count in each group."""
    assert counts.clusters is not None, "there are clusters"
    units: Ints = (counts.parts(counts.clusters, rate, of)[1] > 0).sum(axis=0)
    return units


def _clustered(counts: Counts, rate: str, of: int, seed: int) -> ByGroup:
    """A rate whose rows come in clusters, which are resampled whole.

    What it rests on in each group is how many clusters have rows to count there.
    """
    assert counts.clusters is not None, "there are clusters"
    hits, trials = counts.rate(rate, of)
    groups, units = trials.size, _units(counts, rate, of)
    sums = _cluster_sums(counts, rate, of, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = sums[:, :groups] / sums[:, groups:]
    rates = hits / trials
    ends, apart = resampled(rates, drawn, units), alike(drawn, units)
    return ByGroup(
        title=title(counts, rate, of),
        names=counts.names,
        counts=units,
        estimates=rates,
        ends=lambda level: _inside(wider(rates, ends(level), apart(level))),
        # The variance of one cluster: more of them divide it, as more rows do that of one row.
        spread=np.nanvar(drawn, axis=0) * units,
        replicates=drawn,
        clusters=len(counts.clusters),
        apart=apart,
    )


def _inside(ends: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    low, high = ends
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
