"""Reading a reference data set back, as its card describes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from . import REFERENCE, sha256
from .markdown import read_front_matter

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Rows of one split."""

    x: Floats
    y: Ints
    groups: dict[str, list[str | None]]


@dataclass(frozen=True)
class Dataset:
    """A reference data set, as its card describes it."""

    name: str
    digest: str
    names: list[str]
    train: Part
    test: Part


def load(name: str) -> Dataset:
    """Read a Parquet file and its card; refuse a file that is not the one of the card."""
    path = REFERENCE / "data" / f"{name}.parquet"
    card = read_front_matter(path.with_suffix(".md"))
    digest = sha256(path.read_bytes())
    if digest != card["sha256"]:
        raise SystemExit(f"{path.name}: SHA-256 is {digest}, its card says {card['sha256']}")
    table = pq.read_table(path)
    column = str(card["split"]["column"])
    others = {*card["groups"], card["label"], column}
    names = [name for name in table.column_names if name not in others]
    x = np.column_stack([table[name].to_numpy() for name in names]).astype(np.float32)
    y = table[card["label"]].to_numpy().astype(np.int64)
    split = np.array(table[column].to_pylist())
    groups = {group: table[group].to_pylist() for group in card["groups"]}

    def part(which: str) -> Part:
        rows = np.flatnonzero(split == which)
        chosen = {group: [values[row] for row in rows] for group, values in groups.items()}
        return Part(x[rows], y[rows], chosen)

    return Dataset(name, digest, names, part("train"), part("test"))
