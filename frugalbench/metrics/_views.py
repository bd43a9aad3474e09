"""Ways to divide rows into groups: by a column, by columns together, within levels of a control."""

from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._once import once
from frugalbench.record import Record

__all__ = ["AND", "MISSING_GROUP", "WITHIN", "View", "conditions", "control_of", "view", "views"]

MISSING_GROUP = "__missing__"
"""The group of the rows that do not say which group they are in."""
AND, WITHIN = " & ", " | "
"""How the name of a view joins the columns of an intersection, and names a control's level."""

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """Rows divided into groups.

    `codes` int64 (rows,) are places in `names`. Rows that say nothing of a column have groups of
    their own, whose places are `unstated`. `rows` says which rows of the record are meant; None
    means all. `within_unstated` says that they are those that say nothing of the control, and
    `control_unstated` that there are such rows.
    """

    names: tuple[str, ...]
    codes: Ints
    unstated: Ints
    rows: Mask | None = None
    within_unstated: bool = False
    control_unstated: bool = False


def views(record: Record) -> tuple[str, ...]:
    """The names of every view of a record: columns, intersections, and both within each level."""
    return tuple(_meanings(record))


@once(64)
def view(record: Record, name: str) -> View | None:
    """A view by its name; None when the record has no such columns.

    The groups of an intersection are every combination of the groups of its columns, also those
    that no row is in; a combination with something unstated is a group where a row is in it.
    """
    data, meant = record.data, _meanings(record).get(name)
    if data is None or meant is None:
        return None
    names, codes, unstated = reduce(_pair, [_column(record, part) for part in meant.columns])
    rows, control_unstated = None, False
    if meant.control is not None:
        levels, control, _ = _column(record, meant.control)
        rows = control == levels.index(meant.level)
        control_unstated = MISSING_GROUP in levels
    seen = np.bincount(codes if rows is None else codes[rows], minlength=len(names)) > 0
    kept = np.flatnonzero(seen | ~unstated)
    place = np.zeros(len(names), np.int64)
    place[kept] = np.arange(kept.size)
    return View(
        tuple(names[group] for group in kept),
        place[codes],
        np.flatnonzero(unstated[kept]),
        rows,
        meant.level == MISSING_GROUP,
        control_unstated,
    )


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
                for level in _column(record, control)[0]:
                    within = _Meaning(meant.columns, control, level)
                    found.setdefault(f"{name}{WITHIN}{control}={level}", within)
    return found


def control_of(record: Record, name: str) -> tuple[tuple[str, ...], str] | None:
    """The columns of a view and the control it is within a level of; None where there is none."""
    meant = _meanings(record).get(name)
    return None if meant is None or meant.control is None else (meant.columns, meant.control)


@once(64)
def conditions(record: Record, name: str) -> dict[str, frozenset[tuple[str, str]]]:
    """What the rows of each group of a view have in common: columns, each with its value.

    A group of `sex & age` and one of `sex` within a level of `age` can be the same rows.
    """
    meant = _meanings(record).get(name)
    if meant is None:
        return {}
    within = () if meant.control is None else ((meant.control, meant.level),)
    made: dict[str, frozenset[tuple[str, str]]] = {}
    for values in product(*(_column(record, column)[0] for column in meant.columns)):
        same = frozenset((*zip(meant.columns, values, strict=True), *within))
        made.setdefault(AND.join(values), same)
    return made


Column = tuple[tuple[str, ...], Ints, Mask]
"""Groups, the code of each row's, and which of the groups are of rows that say nothing."""


def _column(record: Record, column: str) -> Column:
    assert record.data is not None, "there are columns"
    names, codes = record.data.groups[column], record.arrays[f"group:{column}"].astype(np.int64)
    absent = codes < 0
    if absent.any():
        names, codes = (*names, MISSING_GROUP), np.where(absent, len(names), codes)
    return names, codes, np.array([name == MISSING_GROUP for name in names], np.bool_)


def _pair(one: Column, other: Column) -> Column:
    (first, a, lacking), (second, b, missing) = one, other
    names = tuple(f"{x}{AND}{y}" for x in first for y in second)
    return names, a * len(second) + b, (lacking[:, np.newaxis] | missing).reshape(-1)
