"""Whether prediction sets hold the truth as often for one group as for another."""

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._conformal import calibrating_half, least_rows, threshold
from frugalbench.metrics._counts import group_rows, labelled
from frugalbench.metrics._extremes import settled_below, smallest_value
from frugalbench.metrics._intervals import LEVEL
from frugalbench.metrics._metric import MissingGroups, Settled, metric
from frugalbench.metrics._pairs import ByGroup
from frugalbench.metrics.fairness._scored import share_by_group, value_of
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "conformal_coverage",
    "conformal_coverage_group_min",
    "conformal_coverage_mondrian",
]

Floats = npt.NDArray[np.float64]


def _scores(record: Record) -> Floats | Missing:
    """How ill each row's answer fits its label: 1 - p of the true class, or the absolute error."""
    arrays = record.arrays
    if "value" in arrays and "target" in arrays:
        with np.errstate(invalid="ignore", over="ignore"):
            errors: Floats = np.abs(arrays["value"] - arrays["target"])
        if np.isfinite(errors).all():
            return errors
        return Missing(reason="not_finite", detail="needs two rows and finite answers")
    if (gone := labelled(record)) is not None:
        return gone
    if "score" not in arrays:
        return Missing(reason="no_scores", detail="the model gives labels only, no scores")
    y = arrays["y_true"]
    return 1 - np.asarray(arrays["score"][np.arange(y.size), y], np.float64)


def _covered(
    record: Record, attribute: str, missing: MissingGroups, *, mondrian: bool
) -> ByGroup | Missing:
    """The share of each group's tested rows inside their prediction set."""
    scores = _scores(record)
    if isinstance(scores, Missing):
        return scores
    grouped = group_rows(record, attribute, missing)
    if isinstance(grouped, Missing):
        return grouped
    names, codes, rows = grouped
    clusters, seed = record.arrays.get("cluster"), record.spec.plan.seed
    calibrates = calibrating_half(scores.size, seed, clusters)
    bounds = np.empty(len(names))
    pooled = None if mondrian else threshold(scores[calibrates])
    for group, name in enumerate(names):
        own = scores[rows[codes == group]][calibrates[rows[codes == group]]]
        bound = threshold(own) if mondrian else pooled
        if bound is None:
            return Missing(
                reason="too_few_rows",
                detail=f"group '{name}' has {own.size} rows to calibrate with and needs "
                f"{least_rows()}",
            )
        bounds[group] = bound
    tested = ~calibrates[rows]
    inside = scores[rows] <= bounds[codes]
    return share_by_group(
        "coverage",
        names,
        codes[tested],
        inside[tested],
        None if clusters is None else clusters[rows][tested],
        seed,
    )


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
    return value_of(smallest_value([found]), "1", interval, maximum=1)
