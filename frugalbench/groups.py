"""Which rows are compared with which, and which belong together: the columns that say so."""

import math
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.data import MAX_GROUPS, Table
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.metrics import AND, WITHIN
from frugalbench.spec import Data

__all__ = ["Divided", "divide"]

Array = npt.NDArray[Any]
MAX_LEVELS = 20
"""Within each level of a control everything is compared again."""


@dataclass(frozen=True, slots=True)
class Divided:
    """The groups of every column, how many clusters there are, and the arrays of a record.

    `arrays` holds `group:<column>` int32 (rows,) and `cluster` int64 (rows,), as declared.
    """

    groups: dict[str, tuple[str, ...]]
    clusters: int
    arrays: dict[str, Array]


def divide(data: Data, table: Table) -> Divided:
    """Read the columns of groups and clusters, and check what is to be compared.

    Raises:
        UsageError: a column is absent or has too many values, an intersection or a control is not
            made of groups, or a row says nothing of its cluster.
    """
    groups, arrays = dict[str, tuple[str, ...]](), dict[str, Array]()
    for column in data.groups:
        arrays[f"group:{column}"], groups[column] = table.codes(column, "data.groups")
    for names in data.intersections:
        _check_intersection(names, data.intersections, groups)
    for name in data.controls:
        _check_control(name, data.controls, groups)
    _check_names(data, groups)
    clusters = 0
    if data.cluster is not None:
        arrays["cluster"], clusters = _clusters(data, data.cluster, table)
    return Divided(groups, clusters, arrays)


def _known(name: str, what: str, groups: dict[str, tuple[str, ...]]) -> None:
    if name not in groups:
        near = f" ({did_you_mean(name, groups)})" if groups else ""
        raise UsageError(
            f"{what} names '{name}', which is not one of data.groups: add it there{near}"
        )


def _check_intersection(
    names: tuple[str, ...],
    declared: tuple[tuple[str, ...], ...],
    groups: dict[str, tuple[str, ...]],
) -> None:
    written = f"[{','.join(names)}]"
    if len(set(names)) < max(2, len(names)):
        raise UsageError(
            f"data.intersections holds {written}: each needs two different columns of data.groups "
            "at least, such as data.intersections=[[sex,age_band]]"
        )
    for name in names:
        _known(name, "data.intersections", groups)
    if sum(set(one) == set(names) for one in declared) > 1:
        raise UsageError(f"data.intersections holds {written} twice: list each once")
    cells = math.prod(len(groups[name]) for name in names)
    if cells > MAX_GROUPS:
        raise UsageError(
            f"the intersection {written} has {cells:,} combinations, over {MAX_GROUPS:,}: choose "
            "columns with fewer values, or put them in bands"
        )


def _check_control(
    name: str, declared: tuple[str, ...], groups: dict[str, tuple[str, ...]]
) -> None:
    _known(name, "data.controls", groups)
    if declared.count(name) > 1:
        raise UsageError(f"data.controls lists '{name}' twice: list each column once")
    if len(groups[name]) > MAX_LEVELS:
        raise UsageError(
            f"the control '{name}' has {len(groups[name]):,} levels, over {MAX_LEVELS}: everything "
            "is compared within each, so put its values in bands"
        )


def _check_names(data: Data, groups: dict[str, tuple[str, ...]]) -> None:
    """Refuse names that would stand for two things once they are joined."""
    named = list(groups) + [AND.join(names) for names in data.intersections]
    named += [
        f"{name}{WITHIN}{control}={level}"
        for name in tuple(named)
        for control in data.controls
        for level in groups[control]
    ]
    twice = next((name for name, count in Counter(named).items() if count > 1), None)
    if twice is not None:
        raise UsageError(
            f"'{twice}' is a column of data.groups and also what groups together would be called: "
            "rename the column"
        )
    for names in data.intersections:
        joined = Counter(map(AND.join, product(*(groups[name] for name in names))))
        group = next((name for name, count in joined.items() if count > 1), None)
        if group is not None:
            raise UsageError(
                f"two groups of the intersection [{','.join(names)}] would both be called "
                f"'{group}': rename values that hold '{AND}'"
            )


def _clusters(data: Data, name: str, table: Table) -> tuple[Array, int]:
    if name == data.label:
        raise UsageError(f"data.cluster and data.label are both '{name}': name two columns")
    codes, names = table.codes(name, "data.cluster", most=None)
    absent = int((codes < 0).sum())
    if absent:
        raise UsageError(
            f"{absent:,} of {table.rows:,} rows say nothing in '{name}', the column of "
            "data.cluster: fill it in, or drop the rows"
        )
    return codes.astype(np.int64), len(names)
