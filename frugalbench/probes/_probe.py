"""What a probe is: a way to disturb the inputs of a model, or to search for ones it gets wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole

__all__ = ["Ask", "Disturb", "Found", "Probe", "Search"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

Disturb = Callable[[Array, float, np.random.Generator, Whole], Array]
"""`f(array, severity, rng, whole)`: these rows, disturbed; same shape and type, a new array."""

Ask = Callable[[Mapping[str, Array], npt.NDArray[np.int64]], tuple[Floats, Array] | None]
"""`ask(feed, rows)`: how far the model is from being wrong about these rows, and its answers.

Above 0 it is right. `rows` int64 (m,) says which of the searched rows the feed holds. None when
there is no time left to ask.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The last answer to each row that a search accepted, and how often it asked about one.

    `answers` is None when not even the rows themselves could be asked about.
    """

    answers: Array | None
    queries: int


Search = Callable[
    [Ask, Mapping[str, Array], float, np.random.Generator, Mapping[str, Whole], int], Found
]
"""`f(ask, feed, severity, rng, wholes, queries)`: the answers to inputs near the given ones."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A way to disturb inputs, as its module states it.

    `unit` is what a severity is counted in, `severities` are the ones taken when none is asked
    for, all from `least` to `most`. `unfit(whole)` says why an input cannot be disturbed so, or
    nothing. Either `disturb` or `search` is there.
    """

    name: str
    unit: str
    severities: tuple[float, ...]
    least: float
    most: float
    unfit: Callable[[Whole], str]
    disturb: Disturb | None = None
    search: Search | None = None
