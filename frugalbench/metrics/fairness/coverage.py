"""Whether prediction sets hold the truth as often for one group as for another."""

import numpy as np

from frugalbench.metrics._answers import either, misfit
from frugalbench.metrics._conformal import calibrating_half, least_rows, thresholds
from frugalbench.metrics._counts import group_rows
from frugalbench.metrics._extremes import settled_below, smallest_value
from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._metric import MissingGroups, Settled, metric
from frugalbench.metrics._once import once
from frugalbench.metrics._pairs import ByGroup
from frugalbench.metrics.fairness._scored import share_by_group
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "conformal_coverage",
    "conformal_coverage_group_min",
    "conformal_coverage_mondrian",
]


@once(8)
def _covered(
    record: Record, attribute: str, missing: MissingGroups, *, mondrian: bool
) -> ByGroup | Missing:
    """The share of each group's tested rows inside their prediction set."""
    every = either(record)
    if isinstance(every, Missing):
        return every
    scores = misfit(every)
    grouped = group_rows(record, attribute, missing)
    if isinstance(grouped, Missing):
        return grouped
    names, codes, rows = grouped
    calibrates = calibrating_half(scores.size, every.seed, every.clusters)
    place = np.full(scores.size, -1)
    place[rows] = codes
    bounds = thresholds(scores, calibrates, place, len(names), mondrian=mondrian)
    if np.isnan(bounds).any():
        group = int(np.isnan(bounds).argmax())
        own = int((calibrates & (place == group)).sum()) if mondrian else int(calibrates.sum())
        whose = f"group '{names[group]}' has" if mondrian else "there are"
        return Missing(
            reason="too_few_rows",
            detail=f"{whose} {own} rows to calibrate with, of {least_rows()} that are needed",
        )
    tested = ~calibrates[rows]
    clusters = None if every.clusters is None else every.clusters[rows][tested]
    inside = scores[rows] <= bounds[codes]
    return share_by_group("coverage", names, codes[tested], inside[tested], clusters, every.seed)


def _of_group(record: Record, attribute: str, group: str, *, mondrian: bool) -> Measure:
    found = _covered(record, attribute, "include", mondrian=mondrian)
    if isinstance(found, Missing):
        return found
    if group not in found.names:
        return Missing(reason="empty_group", detail=f"no row has {attribute}={group}")
    index = found.names.index(group)
    low, high = found.ends(LEVEL)
    return Value(
        estimate=float(found.estimates[index]),
        unit="1",
        low=float(low[index]),
        high=float(high[index]),
        n=int(found.counts[index]),
        method="counted",
        interval="cluster_bootstrap" if found.clusters else "clopper_pearson",
        note="sets made to hold 90 % of all rows",
    )


@metric(
    unit="1",
    lower_is_better=None,
    maximum=1,
    title="Coverage of prediction sets in the group",
    titre="Couverture des ensembles de prédiction dans le groupe",
)
def conformal_coverage(record: Record, attribute: str, group: str) -> Measure:
    """How often sets that hold 90 % of all rows hold those of a group (split conformal, α = 0.1).

    Half of all rows set the threshold; the group's rows of the other half are tested.
    """
    return _of_group(record, attribute, group, mondrian=False)


@metric(
    unit="1",
    lower_is_better=None,
    maximum=1,
    title="Coverage with a threshold for each group",
    titre="Couverture avec un seuil par groupe",
)
def conformal_coverage_mondrian(record: Record, attribute: str, group: str) -> Measure:
    """The same when each group's own rows set its threshold (Mondrian conformal prediction)."""
    return _of_group(record, attribute, group, mondrian=True)


def _settle(
    record: Record, bound: float, attribute: str, missing: MissingGroups = "include"
) -> Settled:
    found = _covered(record, attribute, missing, mondrian=False)
    return Settled() if isinstance(found, Missing) else settled_below([found], bound)


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Coverage of the worst group",
    titre="Couverture du groupe le moins bien couvert",
    settle=_settle,
)
def conformal_coverage_group_min(
    record: Record, attribute: str, missing: MissingGroups = "include"
) -> Measure:
    """The lowest coverage over the groups of sets that hold 90 % of all rows; exact ends."""
    found = _covered(record, attribute, missing, mondrian=False)
    if isinstance(found, Missing):
        return found
    interval = "cluster_groups" if found.clusters else "clopper_pearson_groups"
    return smallest_value([found]).value(interval, maximum=1)
