"""The log of an external meter: a CSV file that its logger may still be writing.

A row holds a time and a power (W), or a time and an energy that only grows (J, Wh, kWh). The
instrument's clock is `target.meter_log_offset` seconds ahead of this machine's, give or take
`target.meter_log_error`. A window is looked up by the clock on the wall, because the instrument
knows no other: when that clock is set while a window is open, its energy is wrong by the power
times the step.
"""

import os
import stat
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import BinaryIO

import numpy as np

from frugalbench.errors import FrugalbenchError, UsageError
from frugalbench.meters._columns import Columns, recognise
from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.meters._sysfs import word
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["CsvLog", "open"]

DOMAIN = "machine"
MOST_BYTES = 200 * 2**20
TAIL_BYTES = 2**20
MOST_LINE = 65_536
HEADER_LINES = 100
PERIOD = 1.0
UNLOCK = "frugalbench doctor --meter-log LOG.csv checks one; target.meter_log=LOG.csv reads it"
HOLE = 5
"""Sampling intervals without a row after which a log has a hole."""
PATIENCE = 5.0
POLL = 0.05
RECENT = 1000


class CsvLog:
    """An open log. What was written before it was opened is read only in its last part."""

    method: Method = "external_meter"
    ticks = False
    domains = (DOMAIN,)

    def __init__(
        self,
        path: Path,
        *,
        offset: float = 0.0,
        error: float = 0.1,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open a log and read its end.

        Raises:
            UsageError: it cannot be read, has no columns that are known, or no row that is.
        """
        self._path, self._offset, self._error = path, offset, error
        clocks = f"clock {offset:+g} s ± {error:g} s"
        self.note = f"read from {word(path.name)}, {clocks}"
        self._sleep, self._clock = sleep, clock
        self._times, self._values = array("d"), array("d")
        self._rest, self._taken, self._bad, self._back = b"", 0, "", ""
        self._rows, self._stopped_at = 0, -1
        self._file = _opened(path)
        with ExitStack() as opened:
            opened.callback(self._file.close)
            self._columns = self._start()
            self._refresh()
            if self._back:
                raise UsageError(f"{path}: {self._back}: sort the log, or begin a new one")
            if self._bad and not self._times:
                raise UsageError(f"no row of {path} can be read: {self._bad}")
            opened.pop_all()

    @property
    def period(self) -> float:
        """Seconds between two rows: the median of the last ones."""
        recent = self._times[-RECENT:]
        steps = [b - a for a, b in pairwise(recent) if b > a]
        return median(steps) if steps else PERIOD

    def read(self) -> Reading:
        """Nothing: the energy is known afterwards, see `between`."""
        return {}

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def between(self, begin: float, end: float) -> dict[str, tuple[float | None, float, str]]:
        """Joules of the machine between two times of this machine's clock, s since 1970.

        Waits up to five seconds for a logger that has not written the last rows yet, and not again
        for one that wrote nothing meanwhile, until it does. The error is what power swung by times
        the error of the clock, at both ends, and half of what it moved within the intervals that
        the ends lie in.
        """
        try:
            joules, error = self._window(begin + self._offset, end + self._offset)
        except FrugalbenchError as reason:
            return {DOMAIN: (None, 0.0, str(reason))}
        return {DOMAIN: (joules, error, "")}

    def _window(self, begin: float, end: float) -> tuple[float, float]:
        if end <= begin:
            raise UsageError("the clock of this machine was set back while measuring")
        self._await(end)
        times = self._times
        first, last = bisect_right(times, begin) - 1, bisect_left(times, end)
        if first < 0:
            raise UsageError(self._back or "the log begins after the window does")
        if last >= len(times):
            behind = end - times[-1]
            why = f" (a row of it cannot be read: {self._bad})" if self._bad else ""
            raise UsageError(f"the log ends {behind:.1f} s before the window does{why}")
        steps = np.diff(np.array(times[first : last + 1]))
        if steps.max() > HOLE * self.period:
            raise UsageError(f"the log has a hole of {steps.max():.1f} s: is its logger running?")
        joules = self._joules(first, last, begin, end)
        return joules, self._doubt(first, last, begin, end)

    def _joules(self, first: int, last: int, begin: float, end: float) -> float:
        times = np.array(self._times[first : last + 1])
        values = np.array(self._values[first : last + 1])
        at_begin = float(np.interp(begin, times[:2], values[:2]))
        at_end = float(np.interp(end, times[-2:], values[-2:]))
        if self._columns.energy:
            if (np.diff(values) < 0).any():
                raise UsageError("the energy in the log goes back: was the instrument reset?")
            return at_end - at_begin
        grid = np.concatenate(([begin], times[1:-1], [end]))
        watts = np.concatenate(([at_begin], values[1:-1], [at_end]))
        return float((np.diff(grid) * (watts[1:] + watts[:-1]) / 2).sum())

    def _doubt(self, first: int, last: int, begin: float, end: float) -> float:
        """The worst case: a clock that is off, and power between two rows that nobody saw, J."""
        reach = self._error + self.period
        low = max(0, bisect_left(self._times, begin - reach) - 1)
        high = min(len(self._times), bisect_right(self._times, end + reach) + 1)
        times, values = np.array(self._times[low:high]), np.array(self._values[low:high])
        spans = np.diff(times)
        if self._columns.energy:
            watts = np.diff(values)[spans > 0] / spans[spans > 0]
            grain = _grain(np.array(self._values[-RECENT:]))
        else:
            watts, grain = values, 0.0
        swing = float(watts.max() - watts.min()) if watts.size else 0.0
        edges = ((first, first + 1), (last - 1, last))
        moved = sum(
            (swing if self._columns.energy else abs(self._values[b] - self._values[a]))
            * (self._times[b] - self._times[a])
            / 2
            for a, b in edges
        )
        return 2 * swing * self._error + moved + grain

    def _await(self, end: float) -> None:
        """Read on until the log reaches a time, or for as long as a logger may take."""
        until = self._clock() + min(PATIENCE, 2 * self.period + 1.0)
        self._refresh()
        # A logger that was waited for in vain has stopped, until it writes again.
        before, stopped = self._rows, self._rows == self._stopped_at
        while not stopped and not self._reaches(end) and self._clock() < until:
            self._sleep(POLL)
            self._refresh()
        if not self._reaches(end) and self._rows == before:
            self._stopped_at = before
        if not self._times:
            why = self._bad or "there is none yet, is its logger running?"
            raise UsageError(f"no row of the log can be read: {why}")

    def _reaches(self, end: float) -> bool:
        return bool(self._times) and self._times[-1] >= end

    def _start(self) -> Columns:
        """Read the header, and go to the last part of what is there."""
        for _ in range(HEADER_LINES):
            line = self._file.readline(MOST_LINE)
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise UsageError(f"{self._path} is UTF-16: save it as CSV in UTF-8")
            text = line.decode("utf-8-sig", "replace").strip()
            if not line or (text and not text.startswith("#")):
                break
        if not line.endswith(b"\n"):
            raise UsageError(f"{self._path} has no header yet: start the logger first")
        columns = recognise(text, self._path)
        here, size = self._file.tell(), os.fstat(self._file.fileno()).st_size
        if size - here > TAIL_BYTES:
            self._file.seek(size - TAIL_BYTES)
            self._file.readline(MOST_LINE)
        return columns

    def _refresh(self) -> None:
        """Read what was written since the last time."""
        here = self._file.tell()
        if os.fstat(self._file.fileno()).st_size < here:
            raise UsageError(f"{self._path} was cut short while it was read")
        while data := self._file.read(2**20):
            self._taken += len(data)
            if self._taken > MOST_BYTES:
                raise UsageError(f"{self._path} grew by more than {MOST_BYTES >> 20} MiB")
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > MOST_LINE:
                self._rest = b""
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        """One row; one that is none leaves a hole."""
        text = line[:MOST_LINE].decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            return
        try:
            seconds, value = self._columns.row(text)
        except (ValueError, OverflowError) as error:
            self._bad = self._bad or str(error)
            return
        if self._times and seconds < self._times[-1]:
            # Rows before the step are on another clock.
            self._back = "the times in the log go back"
            del self._times[:], self._values[:]
        self._times.append(seconds)
        self._values.append(value)
        self._rows += 1


def _opened(path: Path) -> BinaryIO:
    try:
        # A pipe would block, and a device might never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is no file: target.meter_log names a CSV log")
        return path.open("rb")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read the meter log {path}: {why}") from None


def _grain(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """The smallest step of an energy column: what its last digit hides, J."""
    steps = np.diff(values)
    return float(steps[steps > 0].min()) if (steps > 0).any() else 0.0


def open(
    target: Target,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> CsvLog | Unavailable:
    """Open the log that the target names.

    Raises:
        UsageError: it cannot be read, or is no power log.
    """
    if target.meter_log is None:
        return Unavailable("no meter log was given", UNLOCK)
    return CsvLog(
        Path(target.meter_log),
        offset=target.meter_log_offset,
        error=target.meter_log_error,
        sleep=sleep,
        clock=clock,
    )
