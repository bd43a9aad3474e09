"""What a runner is: something that opens a model and gives calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Bound", "Feed", "Outputs", "Session"]

Feed = Mapping[str, npt.NDArray[Any]]
Outputs = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Bound:
    """Inputs and outputs made ready once, so that the model can be run again and again.

    `run()` runs the model once and does nothing else. `writer(feed)` gives a call that puts
    another input of the same shapes in place. `read(result, names)` gives named outputs of the
    last run as arrays of their own; `result` is what that run returned.
    """

    run: Callable[[], object]
    writer: Callable[[Feed], Callable[[], object]]
    read: Callable[[object, tuple[str, ...]], Outputs]


class Session(Protocol):
    """An open model. It never times itself.

    `bound` says whether the calls given by `bind` write into preallocated buffers; `provider` is
    the execution provider in use.
    """

    @property
    def bound(self) -> bool:
        """Whether the last `bind` avoided copies and allocations."""

    @property
    def provider(self) -> str:
        """The execution provider that really runs the graph."""

    def bind(self, feed: Feed) -> Bound:
        """Make inputs and outputs ready, and run once."""

    def predict(self, feed: Feed, outputs: tuple[str, ...]) -> Outputs:
        """Run once and return the named outputs as arrays."""


def as_array(value: object) -> npt.NDArray[Any]:
    """An output as an array without objects: text as unicode, one map per row as a matrix.

    The columns of a matrix made from maps are the sorted keys.
    """
    if isinstance(value, list) and value and isinstance(value[0], dict):
        keys = sorted(value[0])
        made = np.array([[row[key] for key in keys] for row in value], np.float64)
        # Maps of 32-bit floats arrive as Python's: what fits them is no more precise than they are.
        narrow = made.astype(np.float32)
        return narrow if np.array_equal(narrow, made, equal_nan=True) else made
    array = np.asarray(value)
    return array.astype(np.str_) if array.dtype == object else array
