"""The rows a model was trained on, as declared: fed like the rows it is tested on."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench import answers, inputs, models
from frugalbench import data as data_module
from frugalbench.errors import UsageError
from frugalbench.record import DataFacts
from frugalbench.spec import Data

__all__ = ["Training", "also_trained_on", "declared", "training_rows"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Training:
    """Training rows.

    `feed` holds every row of every input, row axis first, as the model's inputs take them;
    `labels` are codes into the classes, int64 (rows,), or the numbers of a regression, float64.
    """

    feed: dict[str, Array]
    labels: Array

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.labels.size)


def declared(data: Data | None) -> bool:
    """Whether the data say which rows the model was trained on."""
    return data is not None and (data.train_split is not None or data.train_path is not None)


def training_rows(
    data: Data, graph: models.GraphFacts, facts: DataFacts, tested: data_module.Table
) -> Training:
    """The training rows, with the columns in the order of the tested ones and the same classes.

    Args:
        data: says which rows they are; one of `train_split` and `train_path` is given.
        graph: the model, whose inputs they are fed to.
        facts: the tested rows' columns (`features`) and classes.
        tested: the whole table that the tested rows are from, every split of it.

    Raises:
        UsageError: there are no such rows, they are the tested ones, a column is absent or holds
            what the inputs do not take, or a label is absent or none of the classes.
    """
    if data.label is None:
        raise UsageError("training rows need labels: name their column with data.label=…")
    table = _table(data, tested)
    for name in facts.features:
        table.need(name, "the training rows")
    try:
        feed, _ = inputs.map_columns(
            graph.facts.inputs,
            tuple(table.columns),
            table.numbers,
            features=facts.features,
            others=frozenset(one for one in (data.label, data.split_column) if one),
            groups=frozenset(data.groups),
        )
        return Training(feed, _labels(table.labels(data.label), facts, data.label))
    except UsageError as error:
        raise UsageError(f"training rows: {error}") from None


def also_trained_on(
    tested: Mapping[str, Array], rows: int, trained: Training
) -> tuple[npt.NDArray[np.bool_], int]:
    """Which tested rows are fed to the model exactly as a training row is.

    The labels are not looked at: who is in the training data is there under any label.

    Args:
        tested: what each input is fed, row axis first.
        rows: how many rows are tested; an input with fewer is the same for all of them.
        trained: the training rows.

    Returns:
        Bool (rows,), and how many training rows are fed as another training row is: where rows
        are drawn from one population, as large a share of the tested ones is by chance.
    """
    names = sorted(name for name, one in tested.items() if len(one) == rows)
    known = Counter(_digests([trained.feed[name] for name in names], trained.rows))
    same = (one in known for one in _digests([tested[name] for name in names], rows))
    twins = sum(count for count in known.values() if count > 1)
    return np.fromiter(same, np.bool_, rows), twins


def _digests(arrays: list[Array], rows: int) -> Iterator[bytes]:
    """A digest of each row of several arrays; equal values have equal ones, and NaN equals NaN."""
    plain = [_plain(one) for one in arrays]
    for row in range(rows):
        digest = hashlib.blake2b(digest_size=16)
        for one in plain:
            cells = one[row]
            # Words are told apart by their quotes, whatever they hold.
            text = one.dtype.kind in "OUS"
            digest.update(repr(cells.tolist()).encode() if text else cells.tobytes())
        yield digest.digest()


def _plain(array: Array) -> Array:
    """At least two axes, with one NaN and one zero."""
    array = array.reshape(len(array), -1)
    if array.dtype.kind != "f":
        return array
    # Adding 0 turns a negative zero into a positive one.
    plain: Array = array + array.dtype.type(0)
    plain[np.isnan(plain)] = np.nan
    return plain


def _table(data: Data, tested: data_module.Table) -> data_module.Table:
    """The rows of the training split, or of the other table."""
    if data.train_path is not None:
        if data.train_split is not None:
            raise UsageError("give one of data.train_split and data.train_path, not both")
        table = data_module.load(data.train_path)
        if models.file_sha256(table.path) == models.file_sha256(tested.path):
            raise UsageError(
                "data.train_path is the very table that is tested: name the one the model was "
                "trained on, or the split of it with data.train_split=…"
            )
        return table
    assert data.train_split is not None, "training rows are declared one way or the other"
    if data.split_column is None or data.split is None:
        raise UsageError(
            "data.train_split needs data.split_column and data.split, so that the rows tested are "
            "not those trained on"
        )
    if data.train_split == data.split:
        raise UsageError(
            f"data.train_split and data.split are both '{data.split}': test the model on rows it "
            "was not trained on"
        )
    return tested.where(data.split_column, data.train_split)


def _labels(labels: list[int | float | str | bool], facts: DataFacts, column: str) -> Array:
    if facts.classes:
        return answers.codes(labels, facts.classes, column)
    numbers = answers.numbers(labels, column)
    if not np.isfinite(numbers).all():
        raise UsageError(f"label column '{column}' holds infinite numbers: drop those rows")
    return numbers
