"""A runner without a model: it waits as long as it is told. For tests and examples.

The model's `path` is not opened; `dims["wait_us"]` is the time of a call in microseconds.
"""

import time

import numpy as np

from frugalbench.runners._session import Bound, Feed, Outputs
from frugalbench.spec import Model, Target

__all__ = ["FakeSession", "open"]


class FakeSession:
    """A session whose every call busy-waits the same time and answers zeros."""

    bound = True
    provider = "fake"

    def __init__(self, seconds: float) -> None:
        """Wait `seconds` in each call."""
        self._seconds = seconds

    def bind(self, feed: Feed) -> Bound:
        """A call that waits."""
        return Bound(
            self._wait, lambda other: _nothing, lambda result, names: self.predict(feed, names)
        )

    def predict(self, feed: Feed, outputs: tuple[str, ...]) -> Outputs:
        """Zeros, one per row."""
        rows = next(iter(feed.values())).shape[0] if feed else 1
        return {name: np.zeros(rows, np.int64) for name in outputs}

    def _wait(self) -> None:
        until = time.perf_counter() + self._seconds
        while time.perf_counter() < until:
            pass


def _nothing() -> None:
    """Every input is the same to a model that is none."""


def open(model: Model, target: Target) -> FakeSession:
    """A session that waits `dims["wait_us"]` microseconds (none by default)."""
    return FakeSession(model.dims.get("wait_us", 0) * 1e-6)
