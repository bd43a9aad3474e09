"""Is what was timed what would be used? Checks in the manner of MLPerf's compliance tests.

Two compare medians of blocks of calls, in interleaved rounds, so that a machine that drifts
drifts for both: the same sample repeated against different ones (an answer that is remembered is
faster), and samples drawn with another seed. The third reads answers after timed calls.
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

__all__ = ["Watch", "check_rounds"]

Array = npt.NDArray[Any]
Call = Callable[[], object]
ROUNDS, FEWEST_ROUNDS = 20, 5
BLOCK, REPEATS = 64, 8


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


def check_rounds(
    run: Call,
    places: Sequence[Call],
    others: Sequence[Call],
    seed: int,
    seconds: float,
    call_seconds: float,
    clock: Clock = time.perf_counter_ns,
) -> dict[str, npt.NDArray[np.float64]]:
    """Median call of varied, repeated and reseeded blocks, round by round, ns, shape (rounds,).

    Args:
        run: runs the model on the sample in place.
        places: put samples of the run in place.
        others: put samples drawn with another seed in place, each of which is asked once.
        seed: of the choice of samples.
        seconds: the most time to take; fewer than five rounds are not made at all.
        call_seconds: about how long a call takes.
        clock: nanoseconds, never going back.
    """
    affordable = seconds / max(call_seconds, 1e-9) / 3
    block = int(min(BLOCK, affordable // FEWEST_ROUNDS))
    found = {f"check:{name}_ns": list[float]() for name in ("varied", "repeated", "reseeded")}
    if block < 1 or len(places) < 2:
        return {}
    rng = np.random.default_rng(seed)
    until = clock() + int(seconds * 1e9)
    for number in range(ROUNDS):
        unseen = [(number * (block + 1) + i) % len(others) for i in range(block + 1)]
        repeats = min(REPEATS, block)
        picks = rng.integers(0, len(places), max(1, block // repeats))
        blocks = {
            "check:varied_ns": [places[i] for i in rng.integers(0, len(places), block + 1)],
            "check:repeated_ns": [places[i] for i in [picks[0], *np.repeat(picks, repeats)]],
            "check:reseeded_ns": [others[i] for i in unseen],
        }
        names = list(blocks)
        # Whichever comes first finds other caches than the one after it.
        for name in (names[i] for i in rng.permutation(3)):
            found[name].append(_median(run, blocks[name], clock))
        if clock() >= until:
            break
    if len(found["check:varied_ns"]) < FEWEST_ROUNDS:
        return {}
    return {name: np.array(medians) for name, medians in found.items()}


def _median(run: Call, places: Sequence[Call], clock: Clock) -> float:
    """The median time of all but the first, which only sets the scene."""
    places[0]()
    run()
    latencies = []
    for place in places[1:]:
        place()
        start = clock()
        run()
        latencies.append(clock() - start)
    return float(np.median(latencies))
