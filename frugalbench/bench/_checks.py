"""Is what was timed what would be used? Checks in the manner of MLPerf's compliance tests.

Two compare blocks of calls, in interleaved rounds, so that a machine that drifts drifts for both:
the same sample repeated against different ones (an answer that is remembered is faster), and
samples drawn with another seed, which nobody has seen. They are made after the timing, when as
much is remembered as ever was while timing. The third reads answers after timed calls.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.bench._alike import TOLERANCE, alike, sketch
from frugalbench.bench._traffic import Clock
from frugalbench.record import Answered
from frugalbench.runners import Bound

__all__ = ["Watch", "block_size", "check_rounds"]

Array = npt.NDArray[Any]
Call = Callable[[], object]
ROUNDS, FEWEST_ROUNDS = 40, 5
BLOCK, REPEATS = 64, 8
FASTEST = 0.9
"""Share of a block that its mean is of: the slowest calls are those that were interrupted."""


@dataclass(slots=True)
class Watch:
    """Compares answers read after timed calls with the ones known before.

    `known(sample)` gives the answer that a sample should get, by output, or None.
    """

    bound: Bound
    names: tuple[str, ...]
    known: Callable[[int], Mapping[str, Array] | None]
    compared: int = 0
    differing: int = 0

    def look(self, sample: int, result: object) -> None:
        """Read the answer of the query that was just timed, and compare it."""
        known = self.known(sample)
        if known is None:
            return
        found = self.bound.read(result, self.names)
        self.compared += 1
        same = all(alike(sketch(found[name]), one) for name, one in known.items())
        self.differing += not same

    def answered(self) -> Answered | None:
        """What was compared so far; None when nothing was."""
        if not self.compared:
            return None
        return Answered(compared=self.compared, differing=self.differing, tolerance=TOLERANCE)


def block_size(seconds: float, call_seconds: float) -> int:
    """How many calls a block has, so that five rounds fit; 0 where they do not."""
    affordable = seconds / max(call_seconds, 1e-9) / 3
    return int(min(BLOCK, affordable // FEWEST_ROUNDS))


def check_rounds(
    run: Call,
    places: Sequence[Call],
    others: Sequence[Call],
    seed: int,
    seconds: float,
    call_seconds: float,
    clock: Clock = time.perf_counter_ns,
    *,
    unseen: bool = False,
) -> dict[str, npt.NDArray[np.float64]]:
    """Median call of varied, repeated and reseeded blocks, round by round, ns, shape (rounds,).

    Where the others are `unseen`, also the mean of the fastest nine tenths of varied and reseeded
    blocks: a median does not show what is remembered of fewer than half of the samples.

    Args:
        run: runs the model on the sample in place.
        places: put samples of the run in place.
        others: put samples drawn with another seed in place, each of which is asked once.
        seed: of the choice of samples.
        seconds: the most time to take; fewer than five rounds are not made at all.
        call_seconds: about how long a call takes.
        clock: nanoseconds, never going back.
        unseen: whether no sample of the others is one of the run's, or was asked before.
    """
    block = block_size(seconds, call_seconds)
    found = {f"check:{name}_ns": list[float]() for name in ("varied", "repeated", "reseeded")}
    trimmed = {f"check:{name}_trimmed_ns": list[float]() for name in ("varied", "reseeded")}
    if block < 1 or len(places) < 2:
        return {}
    rng = np.random.default_rng(seed)
    until = clock() + int(seconds * 1e9)
    for number in range(ROUNDS):
        drawn = [(number * (block + 1) + i) % len(others) for i in range(block + 1)]
        repeats = min(REPEATS, block)
        picks = rng.integers(0, len(places), max(1, block // repeats))
        blocks = {
            "check:varied_ns": [places[i] for i in rng.integers(0, len(places), block + 1)],
            "check:repeated_ns": [places[i] for i in [picks[0], *np.repeat(picks, repeats)]],
            "check:reseeded_ns": [others[i] for i in drawn],
        }
        names = list(blocks)
        # Whichever comes first finds other caches than the one after it.
        for name in (names[i] for i in rng.permutation(3)):
            latencies = _latencies(run, blocks[name], clock)
            found[name].append(float(np.median(latencies)))
            if (mean := name.replace("_ns", "_trimmed_ns")) in trimmed:
                fastest = np.sort(latencies)[: max(1, int(FASTEST * block))]
                trimmed[mean].append(float(fastest.mean()))
        if clock() >= until:
            break
    if len(found["check:varied_ns"]) < FEWEST_ROUNDS:
        return {}
    # A sample that is asked a second time is not new any more.
    unseen = unseen and len(others) >= len(found["check:varied_ns"]) * (block + 1)
    found |= trimmed if unseen else {}
    return {name: np.array(medians) for name, medians in found.items()}


def _latencies(run: Call, places: Sequence[Call], clock: Clock) -> list[int]:
    """The times of all but the first, which only sets the scene."""
    places[0]()
    run()
    latencies = []
    for place in places[1:]:
        place()
        start = clock()
        run()
        latencies.append(clock() - start)
    return latencies
