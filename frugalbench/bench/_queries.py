"""What is asked: inputs bound once, so that a query does nothing but run the model."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench import inputs, runners
from frugalbench.bench._alike import sketch
from frugalbench.bench._traffic import RING
from frugalbench.jobs import Job

__all__ = ["Queries", "bind", "bind_all", "draw", "find_batch"]

Array = npt.NDArray[Any]
Call = Callable[[], object]

MOST_KNOWN = 256
FRESH = 2700
"""More than the rounds of the checks ask for."""
STEP, NUDGE, PARTNERS = 0.05, 1e-3, 4
"""How far a new sample lies from a row: a twentieth of the way to another row, and a thousandth."""
SAMPLE_BYTES = 64 * 1024**2
MOST_PASS_BYTES = 1024**3
TRY_SECONDS, TRY_CALLS = 0.02, 3
USEFUL = 1.02
"""A larger batch that answers less than 2 % more samples a second is not useful."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Samples that can be put in place, and a call that answers the one that is there.

    `places` put a sample in place and `starts` is its first row in the last call of a query;
    `last` reads the answer of that call. `samples` are the samples of a query, and `held` the
    bytes that all of them take. `unseen` says that every one of them is new: no row is like it.
    """

    run: Call
    places: Sequence[Call]
    starts: Sequence[int]
    last: runners.Bound
    batch: int
    samples: int
    held: int = 0
    unseen: bool = False

    def answers(
        self,
        answer: Callable[[int], Mapping[str, Array]],
        seconds: float,
        most: int = MOST_KNOWN,
    ) -> list[dict[str, Array]]:
        """The answers to the first samples, asked one after the other while there is time.

        `answer(start)` answers the samples from a row on in another way than a timed call does.
        """
        until, known = time.monotonic() + seconds, list[dict[str, Array]]()
        for start in self.starts[:most]:
            known.append({name: sketch(one) for name, one in answer(start).items()})
            if time.monotonic() > until:
                break
        return known

    def only(self, count: int) -> "Queries":
        """The same with the first samples alone."""
        return replace(self, places=self.places[:count], starts=self.starts[:count])


def bind(
    job: Job, feed: Mapping[str, Array], session: runners.Session, first: runners.Bound
) -> list[runners.Bound]:
    """The calls of a query, each with inputs and outputs of its own; `first` is the first one."""
    total = _rows(feed)
    return [
        first,
        *(
            session.bind(inputs.rows_of(job.ports, feed, (step * job.batch) % total, job.batch))
            for step in range(1, job.calls)
        ),
    ]


def draw(
    job: Job,
    feed: Mapping[str, Array],
    bounds: Sequence[runners.Bound],
    seed: int,
    *,
    fresh: bool = False,
) -> Queries:
    """Samples drawn with a seed, different ones, so that no cache can help.

    There are as many as fit in 64 MiB, 4,096 at most, and one at least. `fresh` ones have floats
    that are moved a little towards another row's, so that not even a model that remembers every
    row, or rounds what it remembers, has seen them.
    """
    total, rows = _rows(feed), job.batch * job.calls
    most = max(1, min(RING, SAMPLE_BYTES // (_row_bytes(feed) * rows)))
    rng = np.random.default_rng(seed)
    places_there_are = max(1, total - rows + 1)
    starts = rng.permutation(places_there_are)[:most].tolist()
    if fresh:
        starts = rng.integers(0, places_there_are, min(most, FRESH)).tolist()
    places, unseen = [], fresh
    for start in starts:
        writes = []
        for step, bound in enumerate(bounds):
            at = (start + step * job.batch) % total
            sample = inputs.rows_of(job.ports, feed, at, job.batch)
            if fresh:
                sample, new = _new(job, feed, sample, rng)
                unseen = unseen and new
            writes.append(bound.writer(sample))
        places.append(_together(writes))
    run = _together([bound.run for bound in bounds])
    at = [(start + rows - job.batch) % total for start in starts]
    held = len(places) * rows * _row_bytes(feed)
    return Queries(run, places, at, bounds[-1], job.batch, rows, held, unseen)


def _new(
    job: Job, feed: Mapping[str, Array], sample: dict[str, Array], rng: np.random.Generator
) -> tuple[dict[str, Array], bool]:
    """A sample near this one that nobody has seen, and whether that could be made."""
    total = _rows(feed)
    moved = sample
    for _ in range(PARTNERS):
        at = int(rng.integers(0, max(1, total - job.batch + 1)))
        other = inputs.rows_of(job.ports, feed, at, job.batch)
        moved = {name: _moved(array, other[name], rng) for name, array in sample.items()}
        if _all_new(sample, moved, job.batch):
            return moved, True
    return moved, False


def _moved(array: Array, other: Array, rng: np.random.Generator) -> Array:
    """The floats of one a little nearer to another's; what is no float stays."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(all="ignore"):
        near = (array + STEP * (other - array)) * (1 + NUDGE * rng.random())
        near = near.astype(array.dtype)
    return np.where(np.isfinite(near), near, array)


def _all_new(sample: Mapping[str, Array], moved: Mapping[str, Array], batch: int) -> bool:
    """Whether every row of a call differs in one input at least."""
    differs = np.zeros(batch, np.bool_)
    for name, array in sample.items():
        if array.dtype.kind == "f" and array.ndim and len(array) == batch:
            # What is not a number stays so, and is the same.
            apart = (array != moved[name]) & ~np.isnan(array)
            differs |= apart.reshape(batch, -1).any(axis=1)
    return bool(differs.all())


def _rows(feed: Mapping[str, Array]) -> int:
    return min(len(array) for array in feed.values())


def _row_bytes(feed: Mapping[str, Array]) -> int:
    return max(1, sum(array[:1].nbytes for array in feed.values()))


def _together(calls: Sequence[Call]) -> Call:
    if len(calls) == 1:
        return calls[0]

    def query() -> object:
        result: object = None
        for call in calls:
            result = call()
        return result

    return query


def bind_all(
    job: Job,
    feed: Mapping[str, Array],
    session: runners.Session,
    seed: int,
    batch: int,
    seconds: float,
) -> tuple[Queries, tuple[str, ...]]:
    """One query that asks for every sample, in batches whose order is drawn with a seed.

    Returns:
        The query, and a note where some samples are left out: those over a whole number of
        batches, what does not fit in a gibibyte, and what cannot be answered in `seconds`.
    """
    total = _rows(feed)
    fit = max(1, min(total // batch, MOST_PASS_BYTES // (_row_bytes(feed) * batch)))
    starts = np.arange(fit) * batch
    np.random.default_rng(seed).shuffle(starts)
    until, bounds = time.monotonic() + seconds, list[runners.Bound]()
    for start in starts.tolist():
        # Binding runs the model once, and so does each pass.
        bounds.append(session.bind(inputs.rows_of(job.ports, feed, start, batch)))
        if time.monotonic() > until:
            break
    fit = len(bounds)
    starts = starts[:fit]
    left = total - fit * batch
    notes = (f"{left} of {total} samples were left out of each pass",) if left > 0 else ()
    queries = Queries(
        _together([bound.run for bound in bounds]),
        [_nothing],
        [int(starts[-1])],
        bounds[-1],
        batch,
        fit * batch,
    )
    return queries, notes


def _nothing() -> None:
    """Every batch has its place already."""


def find_batch(
    job: Job, feed: Mapping[str, Array], session: runners.Session, seconds: float
) -> tuple[int, dict[str, Array]]:
    """The largest batch that still answers more samples a second, by doubling.

    Where the graph or the plan fixes the batch, that one.

    Returns:
        The batch, and the arrays `offline:batch` and `offline:rate` of what was tried.
    """
    total, row_bytes = _rows(feed), _row_bytes(feed)
    tried, rates = list[int](), list[float]()
    batch, until = job.batch, time.monotonic() + seconds
    while batch <= total and row_bytes * batch <= MOST_PASS_BYTES:
        bound = session.bind(inputs.rows_of(job.ports, feed, 0, batch))
        latencies = list[int]()
        end = time.monotonic() + TRY_SECONDS
        while len(latencies) < TRY_CALLS or time.monotonic() < end:
            if latencies and time.monotonic() > until:
                break
            start = time.perf_counter_ns()
            bound.run()
            latencies.append(time.perf_counter_ns() - start)
        tried.append(batch)
        rates.append(batch / max(float(np.median(latencies)), 1.0) * 1e9)
        falling = len(rates) > 2 and max(rates[-2:]) * USEFUL < max(rates)
        next_one = time.monotonic() + TRY_CALLS * 2 * batch / rates[-1]
        if not job.free or falling or next_one > until:
            break
        batch *= 2
    # The least batch that is as good as the best: more would only wait longer.
    best = next(
        (one for one, rate in zip(tried, rates, strict=True) if rate * USEFUL >= max(rates)),
        job.batch,
    )
    return best, {
        "offline:batch": np.array(tried, np.int64),
        "offline:rate": np.array(rates, np.float64),
    }
