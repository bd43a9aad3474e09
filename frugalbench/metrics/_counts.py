"""The count table (group × label × answer) every label-based metric is derived from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._metric import MISSING_GROUP, MissingGroups, no_run
from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["Counts", "counts_by_group", "labelled"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """`table[g, y, a]`: rows of group g with label y and answer a.

    Shape (groups, classes, classes + 1); the last answer stands for one outside the classes.
    `positive` is the code of the positive class in binary tasks.
    """

    names: tuple[str, ...]
    table: Ints
    positive: int | None

    @property
    def rows(self) -> Ints:
        """Rows of each group."""
        out: Ints = self.table.sum(axis=(1, 2))
        return out

    @property
    def right(self) -> Ints:
        """Right answers in each group."""
        out: Ints = np.trace(self.table[:, :, :-1], axis1=1, axis2=2)
        return out

    def rate(self, name: str) -> tuple[Ints, Ints]:
        """Numerator and denominator of `selection_rate`, `tpr`, `fpr` or `accuracy` by group."""
        if name == "accuracy":
            return self.right, self.rows
        table, p = self.table, self.positive
        assert p is not None, "rates of a positive class are asked of binary tables only"
        selected = table[:, :, p]
        if name == "selection_rate":
            return selected.sum(axis=1), self.rows
        if name == "tpr":
            return selected[:, p], table[:, p, :].sum(axis=1)
        return selected.sum(axis=1) - selected[:, p], self.rows - table[:, p, :].sum(axis=1)


def labelled(record: Record) -> Missing | None:
    """Why a record has no labelled answers of a classifier, or None when it has."""
    if (gone := no_run(record)) is not None:
        return gone
    if record.data is None or record.data.label is None:
        return Missing(
            reason="no_labels", detail="no labelled data were given: add data=… and data.label=…"
        )
    if "y_true" not in record.arrays or "y_pred" not in record.arrays:
        return Missing(reason="not_classification", detail="the model answers numbers, not classes")
    if not record.arrays["y_true"].size:
        return Missing(reason="no_rows", detail="the data hold no row")
    return _not_numbers(record)


def _not_numbers(record: Record) -> Missing | None:
    """Answers that are not numbers are no wrong answers: nothing can be counted from them."""
    score = record.arrays.get("score")
    if score is None or np.isfinite(score).all():
        return None
    rows = int((~np.isfinite(score)).any(axis=1).sum())
    return Missing(
        reason="not_finite",
        detail=f"for {rows} of {len(score)} rows the model's answer is not a number: look for "
        "empty values in the data",
    )


def counts_by_group(
    record: Record, attribute: str, missing: MissingGroups, *, binary: bool
) -> Counts | Missing:
    """Count labels and answers by the groups of a column.

    Rows without a group form the group `__missing__` (`include`), are left out (`exclude`), or
    make the whole table Missing (`fail`).
    """
    if (gone := labelled(record)) is not None:
        return gone
    data, arrays = record.data, record.arrays
    if data is None or f"group:{attribute}" not in arrays:
        return Missing(
            reason="missing_attribute", detail=f"no group column '{attribute}' was declared"
        )
    if binary and data.positive is None:
        return Missing(
            reason="no_positive_class",
            detail="rates of a positive class need a two-class task and data.positive",
        )
    codes = arrays[f"group:{attribute}"].astype(np.int64)
    names, absent = data.groups[attribute], codes < 0
    if absent.any():
        if missing == "fail":
            return Missing(
                reason="missing_attribute",
                detail=f"{int(absent.sum())} rows have no '{attribute}'; the policy's "
                "missing_groups must say include or exclude",
            )
        names = (*names, MISSING_GROUP)
        codes = np.where(absent, len(names) - 1, codes)
    table = _tabulate(codes, arrays["y_true"], arrays["y_pred"], len(names), len(data.classes))
    if absent.any() and missing == "exclude":
        names, table = names[:-1], table[:-1]
    return Counts(names, table, data.positive)


def _tabulate(groups: Ints, y_true: Ints, y_pred: Ints, g: int, k: int) -> Ints:
    answers = np.where((y_pred < 0) | (y_pred >= k), k, y_pred)
    flat = (groups * k + y_true) * (k + 1) + answers
    out: Ints = np.bincount(flat, minlength=g * k * (k + 1)).reshape(g, k, k + 1)
    return out
