"""Call a model until it has stopped getting faster."""

import time
from collections.abc import Callable, Sequence
from statistics import median

from frugalbench.bench._traffic import Clock
from frugalbench.record import Warmup

__all__ = ["warm_up"]

BLOCK_NS = 10_000_000
BLOCK_CALLS = 5
FALL = 0.98
BLOCKS = 4


def warm_up(
    run: Callable[[], object],
    places: Sequence[Callable[[], object]],
    seconds: float,
    clock: Clock = time.perf_counter_ns,
) -> tuple[Warmup, float]:
    """Call in blocks until the last block is no new low by 2 %, or the time is over.

    Returns:
        What was done, and the median time of the last block, s.
    """
    begin = clock()
    until, medians, calls = begin + int(seconds * 1e9), list[float](), 0
    steady = False
    while not medians or (not steady and clock() < until):
        block = list[int]()
        started = end = clock()
        while len(block) < BLOCK_CALLS or end - started < BLOCK_NS:
            places[calls % len(places)]()
            start = clock()
            run()
            end = clock()
            block.append(end - start)
            calls += 1
            # A clock that stands still, or a slow model, must not hold us here.
            if end >= until or len(block) >= 100_000:
                break
        medians.append(median(block))
        steady = len(medians) >= BLOCKS and medians[-1] >= FALL * min(medians[-BLOCKS:-1])
    spent = (clock() - begin) * 1e-9
    return Warmup(calls=calls, seconds=spent, steady=steady), medians[-1] * 1e-9
