"""How benefits are spread over people, and whether people alike are answered alike."""

import math

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._counts import Counts, Tally, labelled
from frugalbench.metrics._intervals import LEVEL, mean_t, wilson
from frugalbench.metrics._metric import metric
from frugalbench.metrics._proportions import REPLICATES, resampled_tables
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["consistency", "generalized_entropy_index", "theil_index"]

MOST_ROWS = 64 * math.log(2)
"""The logarithm of more rows than there can be, which a Theil index is at most."""

Floats = npt.NDArray[np.float64]
MISSED, RIGHT, GIFT = 0.0, 1.0, 2.0
"""The benefit of an answer, b = answer - label + 1: a miss, a right answer, a false alarm."""


def entropy(weights: Floats, benefits: Floats, alpha: float) -> Floats:
    """The generalised entropy index E(α) of benefits, by how many get each of them.

    Args:
        weights: how many get each benefit, shape (..., kinds).
        benefits: the benefits, shape (kinds,), none below 0.
        alpha: 1 is Theil's index; 2 half the squared coefficient of variation.

    Returns:
        Shape (...); NaN where nobody gets anything, or α is 0 and somebody gets nothing.

    Shorrocks (1980); Speicher et al. (2018) for its use on answers.

    >>> benefits = np.array([1.0, 2.0])
    >>> round(float(entropy(np.array([4.0, 2.0]), benefits, 0)), 5)
    0.05663
    """
    weights = np.asarray(weights, np.float64)
    n = weights.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = benefits / ((weights * benefits).sum(axis=-1) / n)[..., np.newaxis]
        if alpha == 0:
            terms = -np.log(share)
        elif alpha == 1:
            terms = np.where(share > 0, share * np.log(share), 0.0)
        else:
            terms = (share**alpha - 1) / (alpha * (alpha - 1))
        # Nobody with a benefit of 0 takes nothing from it, whatever its logarithm.
        out: Floats = np.where(weights > 0, weights * terms, 0.0).sum(axis=-1) / n
    return np.where(np.isfinite(out), out, np.nan)


def _entropy_of(record: Record, alpha: float) -> Measure:
    """E(α) of the benefits of all rows; the interval is that of resampled rows."""
    if (gone := labelled(record)) is not None:
        return gone
    data, arrays = record.data, record.arrays
    if data is None or data.positive is None:
        return Missing(reason="no_positive_class", detail="needs a two-class task and its positive")
    clusters = arrays.get("cluster")
    if clusters is not None and np.unique(clusters).size < 2:
        return Missing(
            reason="one_cluster",
            detail="all rows belong together (data.cluster), which says nothing of other ones",
        )
    tally = Tally(1, len(data.classes))
    tally.add(np.zeros(arrays["y_true"].size, np.int64), arrays["y_true"], arrays["y_pred"])
    counts = Counts(("all",), tally.table, data.positive)
    found = entropy(_benefits(counts, counts.table)[0], BENEFITS, alpha)
    if not np.isfinite(found):
        return Missing(
            reason="no_benefit", detail="nobody gets a benefit: every positive is missed"
        )
    if clusters is None:
        drawn = _benefits(counts, resampled_tables(counts.table, record.spec.plan.seed))[:, 0]
    else:
        drawn = _clustered_benefits(record, counts, clusters)
    low, high = np.nanquantile(
        entropy(drawn, BENEFITS, alpha), [(1 - LEVEL) / 2, 1 - (1 - LEVEL) / 2]
    )
    if low == high:
        units = arrays["y_true"].size if clusters is None else np.unique(clusters).size
        high = _of_one_kind(_benefits(counts, counts.table)[0], units, alpha)
    return Value(
        estimate=float(found),
        unit="1",
        low=min(float(low), float(found)),
        high=max(float(high), float(found)),
        n=int(counts.rows[0]),
        method="counted",
        interval="multinomial_bootstrap" if clusters is None else "cluster_bootstrap",
    )


def _of_one_kind(weights: Floats, units: int, alpha: float) -> float:
    """The largest index where up to Wilson's share of none may get another benefit than all did."""
    share = float(wilson(0, units)[1])
    others = np.flatnonzero(weights == 0)
    mixed = np.tile(weights / weights.sum() * (1 - share), (others.size, 1))
    mixed[np.arange(others.size), others] = share
    return float(np.nanmax(entropy(mixed, BENEFITS, alpha)))


BENEFITS = np.array([MISSED, RIGHT, GIFT])


def _benefits(counts: Counts, table: npt.NDArray[np.int64]) -> Floats:
    """How many rows of each group get each benefit, shape (..., groups, 3)."""
    cells = counts.cells(counts.positive or 0, table)
    return np.stack([cells.fn, cells.tp + cells.tn, cells.fp], axis=-1).astype(np.float64)


def _clustered_benefits(record: Record, counts: Counts, clusters: npt.NDArray[np.int64]) -> Floats:
    from frugalbench.metrics._clusters import resampled_sums

    y, a, p = record.arrays["y_true"], record.arrays["y_pred"], counts.positive
    label, answer = y == p, a == p
    rows = np.stack([label & ~answer, label == answer, ~label & answer], axis=1)
    return resampled_sums(rows.astype(np.float64), clusters, REPLICATES, record.spec.plan.seed)


@metric(
    unit="1",
    lower_is_better=True,
    title="Generalised entropy index",
    titre="Indice d'entropie généralisée",
)
def generalized_entropy_index(record: Record) -> Measure:
    """How unequally right answers, misses and gifts fall on people, α = 2; 0 is equality.

    The benefit of a row is answer - label + 1 (Speicher et al. 2018). The interval is that of
    2,000 multinomial resamples of the table.
    """
    return _entropy_of(record, 2)


@metric(
    unit="1",
    lower_is_better=True,
    maximum=MOST_ROWS,
    title="Theil index",
    titre="Indice de Theil",
)
def theil_index(record: Record) -> Measure:
    """The generalised entropy index with α = 1; 0 is equality."""
    return _entropy_of(record, 1)


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Consistency",
    titre="Cohérence individuelle",
)
def consistency(record: Record) -> Measure:
    """How often a row is answered as the rows most like it: 1 - mean |answer - mean of neighbours|.

    Zemel et al. (2013), the row itself not being one of its neighbours. With more than two classes,
    the share of neighbours that get the same answer. A t interval over rows.
    """
    if (gone := labelled(record)) is not None:
        return gone
    of, near = record.arrays.get("neighbours:of"), record.arrays.get("neighbours")
    if of is None or near is None or of.size < 2:
        return Missing(
            reason="no_neighbours",
            detail="no nearest rows were kept: they are looked for in tables of numbers with "
            "data.groups",
        )
    answers = record.arrays["y_pred"]
    alike = (answers[near] == answers[of][:, np.newaxis]).mean(axis=1)
    mean, half = mean_t(alike)
    return Value(
        estimate=mean,
        unit="1",
        low=max(0.0, mean - half),
        high=min(1.0, mean + half) if math.isfinite(half) else 1.0,
        n=int(of.size),
        method="counted",
        interval="student_t",
        note=f"{near.shape[1]} neighbours a row",
    )
