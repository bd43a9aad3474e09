"""What a meter is: an odometer that counts joules by domain, and what keeps one from opening."""

from dataclasses import dataclass
from typing import Protocol

from frugalbench.values import Method

__all__ = ["Meter", "Reading", "Unavailable"]

Reading = dict[str, float | None]
"""Joules since the meter opened, by domain (`cpu`, `ram`, `gpu`, …); None could not be read."""


class Meter(Protocol):
    """An open source of energy readings.

    `period` is the time in seconds between two updates of the source: the reading may be that
    stale, and the error of a window follows from it.
    """

    @property
    def method(self) -> Method:
        """How its joules are got."""

    @property
    def period(self) -> float:
        """Update period of the source, s."""

    def read(self) -> Reading:
        """Joules so far, by domain. A domain that cannot be read is None, never 0."""

    def close(self) -> None:
        """Let the source go."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a meter cannot be opened here, and the step that would unlock it (may be empty)."""

    reason: str
    unlock: str = ""
