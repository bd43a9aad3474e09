"""A copy of a record for others: what was timed and metered, and nothing of a row.

What is kept is listed, so that an array of a later version stays behind until somebody decides.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from frugalbench import assembly
from frugalbench.attest._claims import plain
from frugalbench.certify import MIN_CELL
from frugalbench.metrics import ROWS_LEFT_OUT
from frugalbench.record import DataFacts, Failure, Probed, Record, Run

__all__ = ["share"]

ALONE = ("latency_ns",)
OF_CALLS = ("check:", "offline:")
BASELINE = "baseline:"


def share(record: Record, *, rows: bool = False) -> Record:
    """The record without labels, answers, scores, groups, clusters and probed rows.

    Kept are times, windows of energy, checks, digests, and facts of the data; of groups the names
    of those of `MIN_CELL` people at least. Folders are taken out of every text.

    Args:
        record: what was observed.
        rows: whether the rows stay in.
    """
    held = msgspec.structs.replace(
        record,
        spec=assembly._shareable(record.spec),
        run=record.run and _run(record.run),
        failure=record.failure and _failure(record.failure),
        baselines=tuple(
            msgspec.structs.replace(
                one, run=one.run and _run(one.run), failure=one.failure and _failure(one.failure)
            )
            for one in record.baselines
        ),
        notes=tuple(map(plain, record.notes)),
    )
    if rows or record.data is None or ROWS_LEFT_OUT in record.notes:
        return held
    return msgspec.structs.replace(
        held,
        data=_data(record.data, record.arrays),
        arrays={name: array for name, array in record.arrays.items() if _of_calls(name)},
        probed=record.probed and _probed(record.probed),
        notes=(*held.notes, ROWS_LEFT_OUT),
    )


def _of_calls(name: str) -> bool:
    """Whether an array counts or times calls, of the model or of a baseline."""
    own = name.split(":", 2)[-1] if name.startswith(BASELINE) else name
    return own in ALONE or own.startswith(OF_CALLS)


def _data(data: DataFacts, arrays: Mapping[str, Any]) -> DataFacts:
    """Facts of the data with the names of large groups only."""
    groups = {}
    for column, names in data.groups.items():
        codes = arrays.get(f"group:{column}", np.empty(0, np.int64))
        who = arrays.get("cluster", np.arange(codes.size))
        large = [np.unique(who[codes == code]).size >= MIN_CELL for code in range(len(names))]
        groups[column] = tuple(name for name, kept in zip(names, large, strict=True) if kept)
    return msgspec.structs.replace(data, groups=groups)


def _probed(probed: Probed) -> Probed:
    """How alike repeated answers were, which makes or unmakes the run; no pass has answers."""
    return msgspec.structs.replace(
        probed, passes=(), features=(), notes=tuple(map(plain, probed.notes))
    )


def _run(run: Run) -> Run:
    windows = tuple(msgspec.structs.replace(one, reason=plain(one.reason)) for one in run.windows)
    return msgspec.structs.replace(run, windows=windows, notes=tuple(map(plain, run.notes)))


def _failure(failure: Failure) -> Failure:
    return msgspec.structs.replace(failure, detail=plain(failure.detail))
