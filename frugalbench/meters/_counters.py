"""Energy counters in files that are too wide to wrap: each reading is the way since the start."""

from dataclasses import dataclass
from pathlib import Path

from frugalbench.meters import _sysfs
from frugalbench.meters._meter import Reading
from frugalbench.values import Method

__all__ = ["Counter", "Counters"]

PERIOD = 0.001


@dataclass
class Counter:
    """One counter, and the domain it counts for."""

    domain: str
    file: Path
    start: int = 0
    last: int = 0
    lost: str = ""

    def advance(self) -> int | None:
        """Units since the start; None once it went back."""
        if self.lost:
            return None
        value = _sysfs.maybe_number(self.file)
        if value is None or value < self.last:
            gone = "could not be read" if value is None else "was set back"
            self.lost = f"a counter {gone}"
            return None
        self.last = value
        return value - self.start


class Counters:
    """An odometer over such counters."""

    method: Method = "hardware_counter"
    ticks = True
    period = PERIOD

    def __init__(self, counters: list[Counter], unit: float) -> None:
        """Start at what the counters show; `unit` is the joules of one step."""
        self._counters, self._unit = counters, unit
        for one in counters:
            if one.advance() is not None:
                one.start = one.last

    def read(self) -> Reading:
        """Joules by domain; a domain with one unreadable counter is None."""
        readings: Reading = {}
        for one in self._counters:
            units, before = one.advance(), readings.get(one.domain, 0.0)
            missing = units is None or before is None
            readings[one.domain] = None if missing else (before or 0.0) + (units or 0) * self._unit
        return readings

    def reason(self, domain: str) -> str:
        """Why a domain is unknown; empty when it is known."""
        return next((one.lost for one in self._counters if one.domain == domain and one.lost), "")

    def close(self) -> None:
        """Nothing stays open between readings."""
