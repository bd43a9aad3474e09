"""What is known of each row beside the model's answer: which are like it, how difficult it is.

Found by the parent once everything is measured, so that it is in nobody's time or memory.
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import difficulty, neighbours, tabular
from frugalbench.jobs import Prepared
from frugalbench.members import members
from frugalbench.record import Record

__all__ = ["with_context"]

Array = npt.NDArray[Any]


def with_context(record: Record, prepared: Prepared, chosen: Array | None) -> Record:
    """The record with `neighbours`, and with the `difficulty` of its rows and training rows.

    Neighbours are looked for where groups are declared, difficulty where training rows were asked;
    both only of tabular inputs that hold numbers.

    Args:
        record: a record with its answers.
        prepared: the question it answers, with the feeds.
        chosen: the rows that were answered; None for all.
    """
    feed = prepared.feed
    if record.run is None or record.data is None:
        return record
    if chosen is not None:
        total = prepared.job.rows
        feed = {name: one if len(one) < total else one[chosen] for name, one in feed.items()}
    try:
        found = _neighbours(record, feed) | _difficulty(record, prepared, feed)
    except (MemoryError, ValueError, ArithmeticError) as error:
        first = " ".join(str(error).split())[:160]
        note = f"which rows are alike, and how difficult they are, was not found: {first}"
        return msgspec.structs.replace(record, notes=(*record.notes, note))
    return msgspec.structs.replace(record, arrays={**record.arrays, **found})


def _neighbours(record: Record, feed: dict[str, Array]) -> dict[str, Array]:
    data = record.data
    if data is None or not data.groups or not {"y_pred", "value"} & record.arrays.keys():
        return {}
    matrix = tabular.standardised(feed, data.rows)
    found = None if matrix is None else neighbours.nearest(matrix, record.spec.plan.seed)
    return {} if found is None else {"neighbours:of": found[0], "neighbours": found[1]}


def _difficulty(record: Record, prepared: Prepared, feed: dict[str, Array]) -> dict[str, Array]:
    arrays, data, asked = record.arrays, record.data, members(prepared)
    label = "y_true" if data and data.classes else "target"
    if data is None or asked is None or f"member:{label}" not in arrays or label not in arrays:
        return {}
    trained = arrays[f"member:{label}"]
    known = trained.size
    both = {name: np.concatenate([asked.feed[name][:known], one]) for name, one in feed.items()}
    matrix = tabular.standardised(both, known + data.rows)
    if matrix is None:
        return {}
    labels = np.concatenate([trained, arrays[label]])
    losses = difficulty.out_of_fold(matrix, labels, len(data.classes), record.spec.plan.seed)
    if losses is None:
        return {}
    return {"member:difficulty": losses[:known], "difficulty": losses[known:]}
