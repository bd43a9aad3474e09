"""Four rates of ten groups with intervals, side by side with Fairlearn's MetricFrame in one run.

Both get the same arrays and give the same thing: the largest difference between groups of
selection rate, TPR, FPR and accuracy, with the percentile interval of a bootstrap of the rows.
Fairlearn draws the rows; here the table of counts is drawn, twenty times as often. The intervals
that the rules are judged by, from pairs of groups, are timed beside it.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from harness import middle

from frugalbench.metrics._counts import Counts, Tally
from frugalbench.metrics._pairs import largest_difference
from frugalbench.metrics._proportions import REPLICATES, resampled_tables
from frugalbench.metrics.fairness._rates import by_group

__all__ = ["RATES", "by_pairs", "by_percentiles", "differences", "peers", "rows_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
RATES = ("selection_rate", "tpr", "fpr", "accuracy")
GROUPS, RIGHT = 10, 0.9
QUANTILES = (0.025, 0.975)
THEIR_REPLICATES = 100
FULL = (10_000, 100_000)
"""Rows at which all of Fairlearn's replicates are measured; at a million one takes a minute."""


def rows_of(rows: int, seed: int = 0) -> tuple[Ints, Ints, Ints]:
    """Labels, answers and groups of people whom a model serves alike."""
    rng = np.random.default_rng(seed)
    groups, labels = rng.integers(0, GROUPS, rows), rng.integers(0, 2, rows)
    answers = np.where(rng.random(rows) < RIGHT, labels, 1 - labels)
    return labels, answers, groups


def counted(labels: Ints, answers: Ints, groups: Ints) -> Counts:
    """The table of counts, rows and all."""
    tally = Tally(GROUPS, 2)
    tally.add(groups, labels, answers)
    return Counts(tuple(f"g{group}" for group in range(GROUPS)), tally.table, 1, (0, 1))


def differences(counts: Counts, tables: Ints) -> Floats:
    """The largest difference of each rate in each of many tables, (tables, rates)."""
    found = []
    for rate in RATES:
        hits, trials = counts.parts(tables, rate)
        rates = hits / trials
        found.append(rates.max(axis=-1) - rates.min(axis=-1))
    return np.stack(found, axis=-1)


def by_percentiles(labels: Ints, answers: Ints, groups: Ints, seed: int = 0) -> tuple[Floats, Any]:
    """Differences (rates,) and their percentile intervals (2, rates) from 2,000 replicates."""
    counts = counted(labels, answers, groups)
    drawn = differences(counts, resampled_tables(counts.table, seed))
    return differences(counts, counts.table), np.quantile(drawn, QUANTILES, axis=0)


def by_pairs(labels: Ints, answers: Ints, groups: Ints) -> tuple[Floats, Any]:
    """The same differences with the intervals the rules are judged by."""
    counts = counted(labels, answers, groups)
    found = [largest_difference([by_group(counts, rate, 1, 0)]) for rate in RATES]
    ends = np.array([[one.low for one in found], [one.high for one in found]])
    return np.array([one.estimate for one in found]), ends


def theirs(labels: Ints, answers: Ints, groups: Ints, replicates: int) -> tuple[Floats, Any]:
    """The same from Fairlearn, whose replicates draw rows."""
    from fairlearn import metrics  # type: ignore[import-untyped]
    from sklearn.metrics import accuracy_score

    frame = metrics.MetricFrame(
        metrics={
            "selection_rate": metrics.selection_rate,
            "tpr": metrics.true_positive_rate,
            "fpr": metrics.false_positive_rate,
            "accuracy": accuracy_score,
        },
        y_true=labels,
        y_pred=answers,
        sensitive_features=groups,
        n_boot=replicates,
        ci_quantiles=list(QUANTILES),
        random_state=0,
    )
    ends = np.array([[one[rate] for rate in RATES] for one in frame.difference_ci()])
    return np.array([frame.difference()[rate] for rate in RATES]), ends


def timed(work: Callable[[], tuple[Floats, Any]]) -> tuple[float, tuple[Floats, Any]]:
    """Seconds, and what was found in them."""
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def own_error(labels: Ints, answers: Ints, groups: Ints, replicates: int) -> Floats:
    """How far the ends of so few replicates spread by chance: standard deviations (2, rates)."""
    counts = counted(labels, answers, groups)
    drawn = differences(counts, resampled_tables(counts.table, 1, 200 * replicates))
    ends = np.quantile(drawn.reshape(200, replicates, len(RATES)), QUANTILES, axis=1)
    spread: Floats = ends.std(axis=1)
    return spread


def side_by_side(rows: int, replicates: int, turns: int, repeats: int) -> dict[str, Any]:
    """One table size: Fairlearn `turns` times, ours `repeats` times around each of them."""
    data = rows_of(rows)
    by_percentiles(*data)
    by_pairs(*data)
    their_seconds, ours, pairs = [], [], []
    for _ in range(turns):
        ours += [timed(lambda: by_percentiles(*data))[0] for _ in range(repeats)]
        seconds, (their_gaps, their_ends) = timed(lambda: theirs(*data, replicates))
        their_seconds.append(seconds)
        pairs += [timed(lambda: by_pairs(*data))[0] for _ in range(repeats)]
        ours += [timed(lambda: by_percentiles(*data))[0] for _ in range(repeats)]
    gaps, ends = by_percentiles(*data)
    their_middle = float(np.median(their_seconds))
    found = {
        "rows": rows,
        "their_replicates": replicates,
        "their_turns": turns,
        "our_replicates": REPLICATES,
        "their_seconds": [their_middle, min(their_seconds), max(their_seconds)],
        "our_seconds": middle(ours),
        "pairs_seconds": middle(pairs),
        "ratio": middle(their_middle / np.array(ours)),
        "ratio_pairs": middle(their_middle / np.array(pairs)),
        "estimates_differ": float(np.abs(gaps - their_gaps).max()),
    }
    if replicates >= THEIR_REPLICATES:
        found["intervals"] = {
            rate: {"ours": ends[:, i].tolist(), "theirs": their_ends[:, i].tolist()}
            for i, rate in enumerate(RATES)
        }
        found["intervals_differ"] = float(np.abs(ends - their_ends).max())
        found["their_error"] = float(own_error(*data, replicates).max())
    return found


def peers(*, quick: bool = False) -> dict[str, Any]:
    """Every table size."""
    if quick:
        return {"sizes": [side_by_side(2_000, 3, 1, 3)], "linear": _linear(1_000, (1, 2))}
    sizes = [
        side_by_side(10_000, THEIR_REPLICATES, 3, 20),
        side_by_side(100_000, THEIR_REPLICATES, 1, 20),
        side_by_side(1_000_000, 1, 1, 20),
    ]
    return {"sizes": sizes, "linear": _linear(10_000, (1, 10, 20, 40))}


def _linear(rows: int, replicates: tuple[int, ...]) -> list[dict[str, float]]:
    """How long Fairlearn takes for so many replicates: whether their number may be scaled."""
    data = rows_of(rows)
    return [
        {"rows": rows, "replicates": count, "seconds": timed(lambda c=count: theirs(*data, c))[0]}
        for count in replicates
    ]
