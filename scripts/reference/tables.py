"""What a prepared data set is, and the tools that prepare one."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import sha256
from .carriers import Carrier

SPLIT_SEED = "frugalbench-reference-1"

Row = Mapping[str, str]
Numeric = tuple[str, str, str]  # name, meaning, unit


@dataclass(frozen=True)
class Column:
    """One column of a data set: its values and what they mean."""

    name: str
    values: Sequence[float | int | str | None]
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Prepared:
    """A data set ready to be written, with the log of everything that was done to its rows."""

    features: list[Column]
    groups: list[Column]
    label: Column
    split: list[str]
    steps: list[str]


@dataclass(frozen=True)
class About:
    """What a card says that no measurement can tell, and how the data set is prepared."""

    name: str
    title: str
    source: dict[str, str]
    carrier: Carrier
    members: tuple[str, ...]
    licence: str
    terms: str
    attribution: str
    what: str
    motivation: str
    collection: str
    labelling: str
    sensitive: str
    splits: str
    limits: tuple[str, ...]
    not_for: tuple[str, ...]
    prepare: Callable[[Sequence[str]], Prepared]


def split_half(data: str, identifiers: Sequence[str], labels: Sequence[int]) -> list[str]:
    """Split rows in two halves, stratified by label.

    Within a label, rows are ordered by a seeded hash of their identifier and the first half
    trains. A hash, unlike a random generator, gives the same answer in every library version.
    """
    split = ["test"] * len(labels)
    for label in sorted(set(labels)):
        rows = [row for row, value in enumerate(labels) if value == label]
        rows.sort(key=lambda row: sha256(f"{SPLIT_SEED}:{data}:{identifiers[row]}".encode()))
        for row in rows[: len(rows) // 2]:
            split[row] = "train"
    return split


def age_bands(ages: Sequence[float | None], bounds: Sequence[tuple[float, str]]) -> Column:
    """Age as a group."""
    return Column("age_band", [band(age, bounds) for age in ages], "age band in years")


def band(value: float | None, bounds: Sequence[tuple[float, str]]) -> str | None:
    """The name of the first band whose (exclusive) upper bound lies above `value`."""
    if value is None:
        return None
    return next(name for upper, name in bounds if value < upper)


def whole_numbers(rows: Sequence[Row], columns: Sequence[Numeric]) -> list[Column]:
    """Columns that are integers in the source."""
    return [
        Column(name, [int(row[name]) for row in rows], meaning, unit)
        for name, meaning, unit in columns
    ]


def one_hot(name: str, values: Sequence[str]) -> list[Column]:
    """One 0/1 column for every category, in alphabetical order."""
    meaning = f"{name.replace('_', ' ')} (1 this category, 0 not)"
    return [
        Column(f"{name}={category}", [int(value == category) for value in values], meaning)
        for category in sorted(set(values))
    ]


def impute(column: Column, split: Sequence[str]) -> tuple[Column, int, float]:
    """Fill missing values with the training median; also tell how many, and the median."""
    pairs = zip(column.values, split, strict=True)
    known = [float(v) for v, part in pairs if v is not None and part == "train"]
    median = statistics.median(known)
    filled = [median if value is None else value for value in column.values]
    missing = sum(value is None for value in column.values)
    return Column(column.name, filled, column.meaning, column.unit), missing, median
