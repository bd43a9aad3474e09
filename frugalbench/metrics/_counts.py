"""The count table (group × label × answer) that every label-based metric is derived from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._metric import MissingGroups, no_run
from frugalbench.metrics._once import once
from frugalbench.metrics._views import view
from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["RATES", "Cells", "Counts", "Tally", "counts_by_group", "group_rows", "labelled"]

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[Any]
MOST_CELLS, FEWEST_UNIONS = 1 << 20, 400
"""Cells of the tables of clusters; sums of clusters joined by chance are as independent as they."""
ROUNDING = 0.01
"""How far past 0 or 1 a probability may come to lie in coarse arithmetic."""
CHUNK = 1 << 17
"""Rows counted at a time: their codes stay in the processor's cache."""


class Tally:
    """Counts rows into a table, piece by piece: memory does not grow with the rows.

    `table` int64 (groups, classes, classes + 1): rows of a group, with a label, with an answer; the
    last answer stands for one outside the classes.
    """

    def __init__(self, groups: int, classes: int) -> None:
        self._shape = (groups, classes, classes + 1)
        self._flat = np.zeros(groups * classes * (classes + 1), np.int64)

    def add(self, groups: Codes, y_true: Codes, y_pred: Codes) -> None:
        """Count rows; codes are integers (rows,), and an answer below 0 is outside the classes.

        Raises:
            ValueError: a group or a label is outside the table.
        """
        for start in range(0, len(groups), CHUNK):
            piece = slice(start, start + CHUNK)
            self._add(groups[piece], y_true[piece], y_pred[piece])

    def _add(self, groups: Codes, y_true: Codes, y_pred: Codes) -> None:
        count, classes, answers = self._shape
        for name, codes, end in (("group", groups, count), ("label", y_true, classes)):
            if codes.size and (codes.min() < 0 or codes.max() >= end):
                raise ValueError(f"a {name} code is outside 0 … {end - 1}")
        answer = y_pred.astype(np.int64)
        answer[(answer < 0) | (answer > classes)] = classes
        flat = groups.astype(np.int64)
        flat *= classes
        flat += y_true
        flat *= answers
        flat += answer
        self._flat += np.bincount(flat, minlength=self._flat.size)

    @property
    def table(self) -> Ints:
        """The counts so far."""
        return self._flat.reshape(self._shape)


@dataclass(frozen=True, slots=True)
class Cells:
    """Two-by-two counts of one class against the rest; int64, the last axis is the groups.

    An answer outside the classes counts as not selected.
    """

    tp: Ints
    fp: Ints
    fn: Ints
    tn: Ints

    @property
    def rows(self) -> Ints:
        """All rows."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def positives(self) -> Ints:
        """Rows with the label."""
        return self.tp + self.fn

    @property
    def negatives(self) -> Ints:
        """Rows with another label."""
        return self.fp + self.tn

    @property
    def selected(self) -> Ints:
        """Rows with the answer."""
        return self.tp + self.fp

    @property
    def unselected(self) -> Ints:
        """Rows with another answer."""
        return self.fn + self.tn


Parts = Callable[[Cells], tuple[Ints, Ints]]
RATES: dict[str, Parts] = {
    "selection_rate": lambda c: (c.selected, c.rows),
    "base_rate": lambda c: (c.positives, c.rows),
    "tpr": lambda c: (c.tp, c.positives),
    "fnr": lambda c: (c.fn, c.positives),
    "fpr": lambda c: (c.fp, c.negatives),
    "tnr": lambda c: (c.tn, c.negatives),
    "ppv": lambda c: (c.tp, c.selected),
    "npv": lambda c: (c.tn, c.unselected),
    "false_omission_rate": lambda c: (c.fn, c.unselected),
}
"""Numerator and denominator of each rate of a class."""


@dataclass(frozen=True, slots=True)
class Counts:
    """`table[g, y, a]`: rows of group g with label y and answer a.

    Shape (groups, classes, classes + 1); the last answer stands for one outside the classes.
    `positive` is the code of the positive class, None where there is none. `clusters` are the
    tables of each cluster, (clusters, groups, classes, classes + 1), where rows belong together.
    """

    names: tuple[str, ...]
    table: Ints
    positive: int | None
    classes: tuple[Any, ...] = ()
    clusters: Ints | None = None

    @property
    def rows(self) -> Ints:
        """Rows of each group."""
        out: Ints = self.table.sum(axis=(1, 2))
        return out

    @property
    def asked(self) -> tuple[int, ...]:
        """The classes whose rates are compared: the positive one, or each against the rest."""
        if self.positive is not None:
            return (self.positive,)
        return tuple(range(self.table.shape[1]))

    def cells(self, of: int, table: Ints | None = None) -> Cells:
        """The counts of a class against the rest; of another table of this shape."""
        table = self.table if table is None else table
        rows, labels = table.sum(axis=(-2, -1)), table[..., of, :].sum(axis=-1)
        tp, answers = table[..., of, of], table[..., :, of].sum(axis=-1)
        return Cells(tp, answers - tp, labels - tp, rows - labels - answers + tp)

    def rate(self, name: str, of: int | None = None) -> tuple[Ints, Ints]:
        """Numerator and denominator of a rate of a class by group; `accuracy` is of all classes."""
        return self.parts(self.table, name, of)

    def parts(self, table: Ints, name: str, of: int | None = None) -> tuple[Ints, Ints]:
        """The same of another table of this shape."""
        if name == "accuracy":
            right = np.trace(table[..., :-1], axis1=-2, axis2=-1)
            return right, table.sum(axis=(-2, -1))
        of = self.positive if of is None else of
        assert of is not None, "the rate of a class is asked for a class"
        return RATES[name](self.cells(of, table))


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
    if score is None or (np.abs(score - 0.5) < 0.5 + ROUNDING).all():
        return None
    rows = int((~np.isfinite(score)).any(axis=1).sum())
    if not rows:
        wild = int((np.abs(score - 0.5) >= 0.5 + ROUNDING).any(axis=1).sum())
        return Missing(
            reason="not_finite",
            detail=f"for {wild} of {len(score)} rows a score is no probability: "
            "it is below 0 or above 1",
        )
    return Missing(
        reason="not_finite",
        detail=f"for {rows} of {len(score)} rows the model's answer is not a number: look for "
        "empty values in the data",
    )


def group_rows(
    record: Record, attribute: str, missing: MissingGroups
) -> tuple[tuple[str, ...], Ints, npt.NDArray[np.int64]] | Missing:
    """The groups of a view: their names, and the code and the number of each row that counts.

    Rows that do not say their group are groups of their own (`include`), are left out (`exclude`),
    or make the whole view Missing (`fail`), as do rows that do not say their level of a control.
    """
    seen = view(record, attribute)
    if seen is None:
        return Missing(
            reason="missing_attribute", detail=f"no group column '{attribute}' was declared"
        )
    rows = np.arange(seen.codes.size) if seen.rows is None else np.flatnonzero(seen.rows)
    names, codes = seen.names, seen.codes[rows]
    nobody = Missing(reason="one_group", detail=f"no row says its '{attribute}'")
    if missing == "include":
        return (names, codes, rows) if names else nobody
    absent = np.isin(codes, seen.unstated)
    if missing == "fail" and (absent.any() or seen.control_unstated):
        lacking = f"{int(absent.sum())} rows have" if absent.any() else "some rows have"
        return Missing(
            reason="missing_attribute",
            detail=f"{lacking} no '{attribute}'; the policy's missing_groups must say include or "
            "exclude",
        )
    if seen.within_unstated:
        return Missing(
            reason="missing_attribute", detail=f"'{attribute}' is left out by the policy"
        )
    stated = np.setdiff1d(np.arange(len(names)), seen.unstated)
    if not stated.size:
        return nobody
    place = np.zeros(len(names), np.int64)
    place[stated] = np.arange(stated.size)
    return tuple(names[group] for group in stated), place[codes[~absent]], rows[~absent]


@once(64)
def counts_by_group(
    record: Record,
    attribute: str,
    missing: MissingGroups,
    *,
    binary: bool = False,
    answers: Codes | None = None,
) -> Counts | Missing:
    """Count labels and answers by the groups of a view.

    Args:
        record: what was observed.
        attribute: the view's name.
        missing: what to do with rows without a group, as in `group_rows`.
        binary: whether the rates of one class are asked for, which two-class data must name.
        answers: other answers to the same rows, int64 (rows,), instead of the model's.
    """
    if (gone := labelled(record)) is not None:
        return gone
    data, arrays = record.data, record.arrays
    grouped = group_rows(record, attribute, missing)
    if isinstance(grouped, Missing):
        return grouped
    assert data is not None, "what is labelled has data"
    if binary and data.positive is None and len(data.classes) == 2:
        return Missing(
            reason="no_positive_class",
            detail="which of the two labels is positive? say it with data.positive=…",
        )
    names, codes, rows = grouped
    y_true, y_pred = (
        arrays["y_true"][rows],
        (arrays["y_pred"] if answers is None else answers)[rows],
    )
    tally = Tally(len(names), len(data.classes))
    tally.add(codes, y_true, y_pred)
    by_cluster = None
    if "cluster" in arrays:
        if np.unique(arrays["cluster"][rows]).size < 2:
            return Missing(
                reason="one_cluster",
                detail="all rows belong together (data.cluster), which says nothing of other ones",
            )
        by_cluster = _by_cluster(arrays["cluster"][rows], codes, y_true, y_pred, tally.table.shape)
    return Counts(names, tally.table, data.positive, data.classes, by_cluster)


def _by_cluster(
    clusters: Codes, codes: Codes, y_true: Codes, y_pred: Codes, shape: tuple[int, ...]
) -> Ints:
    """The table of each cluster that has rows here, or of random unions of them if too many."""
    groups, classes, _ = shape
    known, number = np.unique(clusters, return_inverse=True)
    count = min(known.size, max(FEWEST_UNIONS, MOST_CELLS // int(np.prod(shape))))
    if count < known.size:
        number = (np.random.default_rng(0).permutation(known.size) % count)[number]
    tally = Tally(count * groups, classes)
    tally.add(number.astype(np.int64) * groups + codes, y_true, y_pred)
    return tally.table.reshape(count, *shape)
