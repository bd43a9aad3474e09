"""Ways to divide rows into groups: by a column, by columns together, within levels of a control."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from frugalbench.record import Record

__all__ = ["AND", "WITHIN", "View", "view", "views"]

AND, WITHIN = " & ", " | "
"""How the name of a view joins the columns of an intersection, and names a control's level."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """Rows divided into groups.

    `codes` int64 (rows,) are places in `names`, -1 where a row says nothing of a column. `rows`
    says which rows of the record are meant; None means all.
    """

    names: tuple[str, ...]
    codes: Codes
    rows: Mask | None = None


def views(record: Record) -> tuple[str, ...]:
    """The names of every view of a record: columns, intersections, and both within each level."""
    return tuple(_meanings(record))


def view(record: Record, name: str) -> View | None:
    """A view by its name; None when the record has no such columns.

    The groups of an intersection are every combination of the groups of its columns, also those
    that no row is in.
    """
    data, meant = record.data, _meanings(record).get(name)
    if data is None or meant is None:
        return None
    names, codes = _joined([(data.groups[part], _codes(record, part)) for part in meant.columns])
    rows = None
    if meant.control is not None:
        rows = _codes(record, meant.control) == data.groups[meant.control].index(meant.level)
    return View(names, codes, rows)


@dataclass(frozen=True, slots=True)
class _Meaning:
    columns: tuple[str, ...]
    control: str | None = None
    level: str = ""


def _meanings(record: Record) -> dict[str, _Meaning]:
    """What the name of each view stands for; a column's own name may look like anything."""
    data = record.data
    if data is None:
        return {}
    held = [name for name in data.groups if f"group:{name}" in record.arrays]
    found = {name: _Meaning((name,)) for name in held}
    for names in data.intersections:
        if set(names) <= set(held):
            found.setdefault(AND.join(names), _Meaning(names))
    for control in (name for name in data.controls if name in held):
        for name, meant in tuple(found.items()):
            if meant.control is None and not set(meant.columns) & set(data.controls):
                for level in data.groups[control]:
                    within = _Meaning(meant.columns, control, level)
                    found.setdefault(f"{name}{WITHIN}{control}={level}", within)
    return found


def _codes(record: Record, column: str) -> Codes:
    codes: Codes = record.arrays[f"group:{column}"].astype(np.int64)
    return codes


Column = tuple[tuple[str, ...], Codes]


def _joined(columns: list[Column]) -> Column:
    """Every combination of groups, and the code of each row's."""
    return reduce(_pair, columns[1:], columns[0])


def _pair(one: Column, other: Column) -> Column:
    (first, a), (second, b) = one, other
    absent = (a < 0) | (b < 0)
    names = tuple(f"{x}{AND}{y}" for x in first for y in second)
    return names, np.where(absent, -1, a * len(second) + b)
