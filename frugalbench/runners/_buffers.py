"""Inputs written over those of a binding, and outputs that have a buffer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["copy", "each", "open_ended", "send"]


def open_ended(inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[str, ...]:
    """The tensors among the outputs whose shape the inputs' shapes may not decide.

    A size is decided where it is a number, or named after an input's axis; the first axis of an
    output without names is taken for the batch.
    """
    named = {size for port in inputs for size in port.shape if isinstance(size, str)}
    unnamed_batch = any(port.shape and port.shape[0] is None for port in inputs)

    def decided(axis: int, size: object) -> bool:
        if size is None:
            return axis == 0 and unnamed_batch
        return isinstance(size, int) or size in named

    return tuple(
        port.name
        for port in outputs
        # No axes at all may also be an unknown number of them.
        if port.type.startswith("tensor")
        and not (port.shape and all(decided(*one) for one in enumerate(port.shape)))
    )


def copy(into: npt.NDArray[Any], array: npt.NDArray[Any]) -> Callable[[], object]:
    """Write an array over another one, byte by byte: four times quicker than `copyto`."""
    # `ascontiguousarray` would make a row of a scalar.
    source = np.asarray(array, into.dtype, order="C")
    if source.shape != into.shape:
        raise ValueError(f"an input of shape {source.shape} has no place in one of {into.shape}")
    return partial(_bytes(into).__setitem__, slice(None), _bytes(source))


def send(value: Any, like: npt.NDArray[Any], array: npt.NDArray[Any]) -> Callable[[], object]:
    """Write an array over a value on a device, in the same place."""
    source = np.asarray(array, like.dtype, order="C")
    if source.shape != like.shape:
        raise ValueError(f"an input of shape {source.shape} has no place in one of {like.shape}")
    return partial(value.update_inplace, source)


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def each(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        call()
