"""Put together what several processes saw of one question."""

import math
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench.metrics import latency
from frugalbench.record import Failure, Process, Run

__all__ = ["Gathered"]

Array = npt.NDArray[Any]


@dataclass(slots=True)
class Gathered:
    """The runs of single processes, in order, and what was said about others."""

    runs: list[Run] = field(default_factory=list)
    latencies: list[npt.NDArray[np.int64]] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    discarded: list[Process] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _spare: tuple[int, Run, dict[str, Array]] | None = None

    def add(self, number: int, seen: Run, arrays: dict[str, Array]) -> None:
        """Keep a process's run; everything but the latencies comes from the first one."""
        arrays = {name: np.array(one) for name, one in arrays.items()}
        self.latencies.append(arrays.pop("latency_ns"))
        if number == 0:
            self.arrays = arrays
        windows = tuple(msgspec.structs.replace(one, process=number) for one in seen.windows)
        self.runs.append(msgspec.structs.replace(seen, windows=windows))

    def discard(self, number: int, seen: Run, arrays: dict[str, Array], why: str) -> None:
        """Keep that a process was measured and is run again, and why."""
        self.discarded.extend(seen.processes)
        self.notes.append(f"process {number} was disturbed and is measured again: {why}")
        self._spare = number, seen, {name: np.array(one) for name, one in arrays.items()}

    def fall_back(self, number: int, failure: Failure) -> bool:
        """Go on without a process that gave nothing, or with its disturbed attempt.

        Returns:
            Whether there is a run to go on with.
        """
        self.notes.append(f"process {number} gave nothing ({failure.kind}): {failure.detail}")
        if self._spare is not None and self._spare[0] == number:
            self.notes.append(f"process {number} stands as it was measured before, disturbed")
            self.discarded.pop()
            self.add(*self._spare)
        return bool(self.runs)

    def short_of(self, wanted: int) -> None:
        """Say it where fewer processes were measured than the plan asks for."""
        if len(self.runs) < wanted:
            self.notes.append(
                f"{len(self.runs)} of {wanted} processes were measured in the time there was; "
                "raise plan.max_seconds for all of them"
            )

    def unreached(self, *, wanting: bool) -> None:
        """Say it where no more processes are measured although an interval is still too wide."""
        if wanting:
            self.notes.append(
                "the wanted half-width was not reached; raise plan.max_seconds and "
                "plan.max_processes"
            )

    def half_width(self, p: float) -> float:
        """Relative half-width of the interval of a percentile so far; infinite without one."""
        found = latency.percentile(self.latencies, p)
        if found is None or found[0] <= 0:
            return math.inf
        estimate, low, high, _ = found
        return max(estimate - low, high - estimate) / estimate

    def run(self) -> tuple[Run, dict[str, Array]]:
        """One run of all processes, and its arrays."""
        first = self.runs[0]
        told = [note for one in self.runs for note in one.notes]
        whole = msgspec.structs.replace(
            first,
            processes=tuple(process for one in self.runs for process in one.processes),
            windows=tuple(window for one in self.runs for window in one.windows),
            discarded=tuple(self.discarded),
            notes=(*dict.fromkeys(told), *self.notes),
        )
        return whole, {**self.arrays, "latency_ns": np.concatenate(self.latencies)}
