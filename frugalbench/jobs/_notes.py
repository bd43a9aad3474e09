"""What a reader must know of how the rows were fed and of what was not read."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.models import GraphFacts
from frugalbench.record import ModelFacts

__all__ = ["empty_notes", "order_notes", "unread_notes"]

Array = npt.NDArray[Any]


def order_notes(
    features: tuple[str, ...], graph: GraphFacts, used: tuple[str, ...]
) -> tuple[str, ...]:
    """What to know when nothing but the width of the matrix says which column is which."""
    if features or len(graph.facts.inputs) > 1 or len(used) < 2:
        return ()
    shown = ", ".join(used[:6]) + (", …" if len(used) > 6 else "")
    return (
        f"columns were fed in file order ({shown}), which nothing but their number confirms; "
        "list them with data.features=[…] to be sure",
    )


def unread_notes(facts: ModelFacts) -> tuple[str, ...]:
    """Which outputs are not the answer, so that nobody takes them for it."""
    read = facts.answer.outputs if facts.answer else ()
    left = ", ".join(
        f"{port.name} ({port.dtype})" for port in facts.outputs if port.name not in read
    )
    return (f"outputs that were not read: {left}; model.output=… takes another",) if left else ()


def empty_notes(feed: dict[str, Array]) -> tuple[str, ...]:
    """How many empty values the model is fed as NaN."""
    empty = sum(int(np.isnan(one).sum()) for one in feed.values() if one.dtype.kind == "f")
    return (f"{empty:,} empty values of the data were fed as NaN",) if empty else ()
