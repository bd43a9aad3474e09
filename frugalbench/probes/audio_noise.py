"""White noise over a sound, at a ratio of signal to noise in dB: the lower, the louder the noise.

The noise is as loud as each row's own sound asks; a silent row stays silent. No value passes the
largest one of the data.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back, signals

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "dB signal to noise"
SEVERITIES = (20.0, 10.0)
LEAST, MOST = -60.0, 120.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return signals(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The sounds with noise `severity` dB below them."""
    sound = array.astype(np.float64)
    rest = tuple(range(1, sound.ndim))
    loud = np.sqrt((sound**2).mean(axis=rest, keepdims=True))
    noisy = sound + rng.standard_normal(sound.shape) * loud * 10 ** (-severity / 20)
    return back(noisy, whole, overall=True)
