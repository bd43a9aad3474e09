"""Two records' answers to the same samples, side by side."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._changes import paired_change
from frugalbench.metrics._counts import group_rows, labelled
from frugalbench.metrics._metric import MissingGroups
from frugalbench.metrics._pairs import ByGroup
from frugalbench.metrics._resampled import alike, resampled, shares, wider
from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["Both", "both", "change_by_group", "same_samples"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Both:
    """Labels, and the answers before and after, all int64 (rows,) in the classes of the later."""

    y_true: Ints
    before: Ints
    after: Ints


def same_samples(record: Record, reference: Record) -> Missing | None:
    """Why two records do not answer the same samples, or None when they do."""
    one, other = record.data, reference.data
    if one is None or other is None:
        return Missing(reason="no_labels", detail="one of the two records has no labelled data")
    if one.sha256 != other.sha256:
        return Missing(reason="other_samples", detail="the two records answer other data")
    known = one.rows_sha256 and other.rows_sha256
    if one.rows != other.rows or (known and one.rows_sha256 != other.rows_sha256):
        return Missing(
            reason="other_samples",
            detail="the two records answer other rows of the same data: measure both with the same "
            "data.split, plan.max_rows and plan.seed",
        )
    return None


def both(record: Record, reference: Record) -> Both | Missing:
    """The answers of two records to the same labelled samples."""
    for one in (record, reference):
        if (gone := labelled(one)) is not None:
            return gone
    if (gone := same_samples(record, reference)) is not None:
        return gone
    later, earlier = record.data, reference.data
    assert later is not None, "what is labelled has data"
    assert earlier is not None, "what is labelled has data"
    if set(later.classes) != set(earlier.classes):
        return Missing(reason="other_classes", detail="the two models have other classes")
    # -1, an answer outside the classes, is the last place here and stays -1.
    place = np.array([later.classes.index(one) for one in earlier.classes] + [-1], np.int64)
    y_true, own = record.arrays["y_true"], place[reference.arrays["y_true"]]
    if not np.array_equal(y_true, own):
        return Missing(reason="other_samples", detail="the labels of the two records differ")
    answers = reference.arrays["y_pred"]
    inside = (answers >= 0) & (answers < len(earlier.classes))
    return Both(y_true, place[np.where(inside, answers, -1)], record.arrays["y_pred"])


def change_by_group(
    record: Record,
    attribute: str,
    missing: MissingGroups,
    title: str,
    changes: tuple[Mask, Mask, Mask],
) -> ByGroup | Missing:
    """A share of rows, before minus after, in every group.

    Args:
        record: gives the groups and the clusters.
        attribute: the name of a view.
        missing: what to do with rows without a group.
        title: what the share is of.
        changes: the rows that count, those of them in the share before, and those in it after.

    Returns:
        The differences, with the interval of paired proportions, or that of resampled clusters.
    """
    grouped = group_rows(record, attribute, missing)
    if isinstance(grouped, Missing):
        return grouped
    names, codes, rows = grouped
    counted, before, after = (one[rows] for one in changes)
    codes, lost, won = codes[counted], (before & ~after)[counted], (after & ~before)[counted]
    size = len(names)
    n = np.bincount(codes, minlength=size)
    if (n == 0).any():
        name = names[int((n == 0).argmax())]
        return Missing(reason="empty_group", detail=f"group '{name}' has no row to count")
    only_before = np.bincount(codes[lost], minlength=size)
    only_after = np.bincount(codes[won], minlength=size)
    first, second = (only_before + 1) / (n + 2), (only_after + 1) / (n + 2)
    clusters = record.arrays.get("cluster")
    if clusters is None:
        return ByGroup(
            title=title,
            names=names,
            counts=n,
            estimates=(only_before - only_after) / n,
            ends=lambda level: paired_change(only_before, only_after, n, level)[1:],
            spread=first + second - (first - second) ** 2,
        )
    own: npt.NDArray[Any] = clusters[rows][counted]
    return _clustered(record, title, names, codes, lost.astype(np.int64) - won, own)


def _clustered(
    record: Record,
    title: str,
    names: tuple[str, ...],
    codes: Ints,
    change: Ints,
    clusters: npt.NDArray[Any],
) -> ByGroup | Missing:
    """The same where rows come in clusters, which are resampled whole."""
    count = np.unique(clusters).size
    if count < 2:
        return Missing(
            reason="one_cluster",
            detail="all rows belong together (data.cluster), which says nothing of other ones",
        )
    size = len(names)
    drawn, units = shares(codes, change, clusters, size, record.spec.plan.seed)
    estimates = np.bincount(codes, change, size) / np.bincount(codes, minlength=size)
    ends, apart = resampled(estimates, drawn, units), alike(drawn, units)

    def inside(level: float) -> tuple[Floats, Floats]:
        low, high = wider(estimates, ends(level), apart(level))
        return np.clip(low, -1.0, 1.0), np.clip(high, -1.0, 1.0)

    return ByGroup(
        title=title,
        names=names,
        counts=units,
        estimates=estimates,
        ends=inside,
        spread=np.nanvar(drawn, axis=0) * units,
        replicates=drawn,
        clusters=count,
        apart=apart,
    )
