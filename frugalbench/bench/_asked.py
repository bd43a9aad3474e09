"""What a process asks, what it should be answered, and samples drawn with another seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from frugalbench import inputs
from frugalbench.bench._alike import sketch
from frugalbench.bench._budget import Budget
from frugalbench.bench._open import Opened
from frugalbench.bench._queries import Queries, bind, bind_all, draw, find_batch
from frugalbench.bench._rows import Rows
from frugalbench.jobs import Job

__all__ = ["Asked", "ask"]

Array = npt.NDArray[Any]
OTHER_SEED = 2**32
"""Past every seed that a process draws with."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, what it should answer, and samples drawn with another seed."""

    queries: Queries
    known: Callable[[int], Mapping[str, Array] | None]
    others: Queries | None = None
    arrays: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def ask(job: Job, feed: Mapping[str, Array], opened: Opened, rows: Rows, budget: Budget) -> Asked:
    session, slow = opened.session, opened.first_call_ns * 1e-9 > budget.bind
    seed = job.spec.plan.seed + job.process
    if job.spec.plan.scenario == "offline":
        batch, tried = find_batch(job, feed, session, budget.bind)
        queries, notes = bind_all(job, feed, session, seed, batch, budget.bind)
        arrays = tried if job.process == 0 else {}
        predicted = _predicted(job, feed, opened, queries, 0.0)
        known = _from_pass(job, queries, rows) or _looked_up(predicted)
        return Asked(queries, known, None, arrays, notes)
    bounds = bind(job, feed, session, opened.bound)
    queries = draw(job, feed, bounds, seed)
    # Only the first process makes the rounds.
    first = job.process == 0
    others = draw(job, feed, bounds, seed + OTHER_SEED, fresh=True) if first else None
    from_pass = _from_pass(job, queries, rows)
    if from_pass is not None:
        return Asked(queries, from_pass, others)
    if slow:
        return Asked(queries, lambda sample: None, others)
    predicted = _predicted(job, feed, opened, queries, budget.bind)
    known_ones = queries.only(len(predicted)) if predicted else queries
    return Asked(known_ones, _looked_up(predicted), others)


def _looked_up(
    known: Sequence[Mapping[str, Array]],
) -> Callable[[int], Mapping[str, Array] | None]:
    return lambda sample: known[sample] if sample < len(known) else None


def _predicted(
    job: Job, feed: Mapping[str, Array], opened: Opened, queries: Queries, seconds: float
) -> list[dict[str, Array]]:
    """What a plain call, which is not the one that is timed, answers to the first samples."""

    def answer(start: int) -> Mapping[str, Array]:
        sample = inputs.rows_of(job.ports, feed, start, queries.batch)
        return opened.session.predict(sample, job.watched)

    return queries.answers(answer, seconds) if job.watched else []


def _from_pass(
    job: Job, queries: Queries, rows: Rows
) -> Callable[[int], Mapping[str, Array] | None] | None:
    """What the accuracy pass answered to a sample; None when not every row was answered."""
    answer = job.answer
    if rows.company and queries.batch > 1:
        # Rows that start elsewhere have other company than in the pass.
        return None
    lengths = {len(one) for one in rows.arrays.values()}
    if answer is None or rows.chosen is not None or lengths != {job.rows}:
        return None
    names = tuple(zip(answer.outputs, ("output", "labels"), strict=False))

    def known(sample: int) -> Mapping[str, Array] | None:
        start = queries.starts[sample]
        if start + queries.batch > job.rows:
            return None
        stop = start + queries.batch
        return {name: sketch(rows.arrays[part][start:stop]) for name, part in names}

    return known
