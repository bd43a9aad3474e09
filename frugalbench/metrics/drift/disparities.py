"""Whether a disparity between groups has grown."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench.metrics._clusters import resampled_interval, resampled_sums
from frugalbench.metrics._counts import Counts, group_rows
from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._metric import Metric, MissingGroups, metric
from frugalbench.metrics._paired import Both, both
from frugalbench.metrics._pairs import BOTH_ENDS
from frugalbench.metrics._proportions import REPLICATES
from frugalbench.metrics.drift.groups import changes_by_group
from frugalbench.metrics.fairness.gaps import OF_DIFFERENCE, Rates, counted
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["demographic_parity_rise", "equal_opportunity_rise", "equalized_odds_rise"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
CHANGED = {"selection_rate": "selection", "tpr": "tpr", "fpr": "fpr"}
MOST_CELLS = 20_000
AT_ONCE = 1 << 21
"""Cells of resampled tables held at a time."""


def _rise(
    record: Record, reference: Record, attribute: str, missing: MissingGroups, rates: Rates
) -> Measure:
    """A disparity after minus the same before; rows are resampled with both their answers."""
    seen = both(record, reference)
    if isinstance(seen, Missing):
        return seen
    earlier = msgspec.structs.replace(record, arrays={**record.arrays, "y_pred": seen.before})
    after = counted(record, attribute, missing, rates)
    before = counted(earlier, attribute, missing, rates)
    for one in (after, before):
        if isinstance(one, Missing):
            return one
    assert isinstance(after, Counts), "it is not missing"
    assert isinstance(before, Counts), "it is not missing"
    estimate = float(
        _disparity(after, after.table, rates) - _disparity(before, before.table, rates)
    )
    if after.clusters is None:
        drawn = _resampled(record, attribute, missing, seen, after, rates)
    else:
        drawn = _clustered(record, before, after, rates)
    if isinstance(drawn, Missing):
        return drawn
    if np.ptp(drawn) == 0:
        # No answer changed, which is not to say that none ever does.
        wide = _apart(record, reference, attribute, missing, rates)
        low, high = estimate - wide, estimate + wide
    elif after.clusters is None:
        tail = (1 - LEVEL) / 2
        low, high = (float(end) for end in np.nanquantile(drawn, [tail, 1 - tail]))
    else:
        low, high = resampled_interval(estimate, drawn, len(after.clusters))
    return Value(
        estimate=estimate,
        unit="1",
        low=max(-1.0, min(estimate, low)),
        high=min(1.0, max(estimate, high)),
        n=min(int(after.rate(rate, of)[1].min()) for rate, of in _asked(after, rates)),
        method="counted",
        interval="multinomial_bootstrap" if after.clusters is None else "cluster_bootstrap",
    )


def _apart(
    record: Record, reference: Record, attribute: str, missing: MissingGroups, rates: Rates
) -> float:
    """How far apart two groups may have been moved, which no disparity rises by more than."""
    most = 0.0
    for rate in rates:
        found = changes_by_group(record, reference, attribute, missing, CHANGED[rate])
        if isinstance(found, Missing):
            return 1.0
        for one in found:
            low, high = one.ends(BOTH_ENDS)
            most = max(most, float(high.max() - low.min()))
    return min(most, 1.0)


def _disparity(counts: Counts, table: Ints, rates: Rates) -> Floats:
    """The largest difference of a rate between two groups, of tables (..., groups, k, k + 1)."""
    return _largest([counts.parts(table, rate, of) for rate, of in _asked(counts, rates)])


def _asked(counts: Counts, rates: Rates) -> list[tuple[str, int]]:
    return [(rate, of) for rate in rates for of in counts.asked]


def _largest(parts: Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> Floats:
    gaps = []
    for hits, trials in parts:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = hits / trials
            gaps.append(np.fmax.reduce(share, axis=-1) - np.fmin.reduce(share, axis=-1))
    largest: Floats = np.max(gaps, axis=0)
    return largest


def _resampled(
    record: Record,
    attribute: str,
    missing: MissingGroups,
    seen: Both,
    counts: Counts,
    rates: Rates,
) -> Floats | Missing:
    """The rise in 2,000 multinomial draws of the table group × label × before × after."""
    grouped = group_rows(record, attribute, missing)
    assert not isinstance(grouped, Missing), "it has been counted by group"
    _, codes, rows = grouped
    groups, classes, answers = counts.table.shape
    shape = (groups, classes, answers, answers)
    if np.prod(shape) > MOST_CELLS:
        return Missing(
            reason="too_many_classes",
            detail="too many groups and classes to resample: compare fewer",
        )
    sides = (np.where(one[rows] < 0, classes, one[rows]) for one in (seen.before, seen.after))
    flat = np.ravel_multi_index((codes, seen.y_true[rows], *sides), shape)
    table = np.bincount(flat, minlength=int(np.prod(shape)))
    rng = np.random.default_rng(record.spec.plan.seed)
    found: list[Floats] = []
    size = max(1, AT_ONCE // table.size)
    for start in range(0, REPLICATES, size):
        count = min(size, REPLICATES - start)
        drawn = rng.multinomial(rows.size, table / table.sum(), count).reshape(count, *shape)
        after, before = drawn.sum(axis=3), drawn.sum(axis=4)
        found.append(_disparity(counts, after, rates) - _disparity(counts, before, rates))
    return np.concatenate(found)


def _clustered(record: Record, before: Counts, after: Counts, rates: Rates) -> Floats:
    """The rise in resampled clusters; the same ones before and after."""
    columns, groups = [], len(after.names)
    for counts in (after, before):
        assert counts.clusters is not None, "there are clusters"
        for rate, of in _asked(counts, rates):
            columns += list(counts.parts(counts.clusters, rate, of))
    assert after.clusters is not None, "there are clusters"
    sums = resampled_sums(
        np.hstack(columns), np.arange(len(after.clusters)), seed=record.spec.plan.seed
    )
    pieces = [sums[:, start : start + groups] for start in range(0, sums.shape[1], groups)]
    parts = list(zip(pieces[::2], pieces[1::2], strict=True))
    half = len(parts) // 2
    return _largest(parts[:half]) - _largest(parts[half:])


def _metric(name: str, of: str, title: str, titre: str) -> Metric:
    def measure(
        record: Record, reference: Record, attribute: str, missing: MissingGroups = "include"
    ) -> Measure:
        return _rise(record, reference, attribute, missing, OF_DIFFERENCE[of])

    measure.__name__ = name
    measure.__doc__ = (
        f"`fairness.{of}` after minus before; above 0, the groups have moved apart.\n\n"
        "Percentiles of 2,000 resamples of rows, each with both its answers."
    )
    return metric(unit="1", lower_is_better=True, minimum=-1, maximum=1, title=title, titre=titre)(
        measure
    )


demographic_parity_rise = _metric(
    "demographic_parity_rise",
    "demographic_parity_difference",
    "Rise of the demographic parity difference",
    "Hausse de l'écart de parité démographique",
)
equal_opportunity_rise = _metric(
    "equal_opportunity_rise",
    "equal_opportunity_difference",
    "Rise of the equal opportunity difference",
    "Hausse de l'écart d'égalité des chances",
)
equalized_odds_rise = _metric(
    "equalized_odds_rise",
    "equalized_odds_difference",
    "Rise of the equalised odds difference",
    "Hausse de l'écart de cotes égalisées",
)
