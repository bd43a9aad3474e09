"""Whether two answers are the same, to the precision of their type."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TOLERANCE", "alike", "sketch"]

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
