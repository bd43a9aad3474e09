"""Whether two answers are the same, to the precision of their type."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TOLERANCE", "alike", "beyond", "distance", "sketch", "tolerance"]

RELATIVE = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-9}
ABSOLUTE = {"float16": 1e-3, "float32": 1e-5, "float64": 1e-10}
TOLERANCE = "1e-4 of the value + 1e-5 of the largest (32-bit floats); labels exactly"
MOST = 65_536


def sketch(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A flat copy of an answer: evenly spaced numbers of it, where it is very large."""
    flat = array.reshape(-1)
    return flat[:: max(1, -(-flat.size // MOST))].copy()


def alike(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Whether two arrays hold the same answer.

    Floats may differ in the last digits of their type, because a runtime may add in another order
    at another batch; NaN equals NaN. Anything else must be equal.
    """
    if one.shape != other.shape:
        return False
    # Nearly always they are the same to the last bit, which is much quicker to see.
    if one.dtype == other.dtype and one.tobytes() == other.tobytes():
        return True
    kind = one.dtype.name
    if one.dtype.kind not in "fc":
        return bool((one == other).all())
    finite = np.abs(other[np.isfinite(other)])
    largest = float(finite.max()) if finite.size else 0.0
    return np.allclose(
        one,
        other,
        rtol=RELATIVE.get(kind, 1e-4),
        atol=ABSOLUTE.get(kind, 1e-5) * largest,
        equal_nan=True,
    )


def tolerance(dtype: np.dtype[Any]) -> str:
    """How far two answers of a type may lie apart and still be the same, in words."""
    if dtype.kind not in "fc":
        return "exactly"
    relative, absolute = RELATIVE.get(dtype.name, 1e-4), ABSOLUTE.get(dtype.name, 1e-5)
    return f"{relative:g} of the value + {absolute:g} of the largest"


def beyond(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which rows of two answers of one shape differ by more than the tolerance, (rows,)."""
    kind, rows = one.dtype.name, len(one)
    if one.dtype.kind not in "fc":
        return np.asarray((one != other).reshape(rows, -1).any(axis=1))
    finite = np.abs(other[np.isfinite(other)])
    close = np.isclose(
        one,
        other,
        rtol=RELATIVE.get(kind, 1e-4),
        atol=ABSOLUTE.get(kind, 1e-5) * (float(finite.max()) if finite.size else 0.0),
        equal_nan=True,
    )
    return np.asarray(~close.reshape(rows, -1).all(axis=1))


def distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """The largest absolute difference of two arrays of floats, where both are finite; 0 of text."""
    if one.dtype.kind not in "fc":
        return 0.0
    both = np.isfinite(one) & np.isfinite(other)
    apart = np.abs(one[both].astype(np.float64) - other[both].astype(np.float64))
    return float(apart.max()) if apart.size else 0.0
