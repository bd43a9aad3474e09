"""Ask the timed session about rows that the model was trained on."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench import inputs, runners
from frugalbench.bench._probe_ask import batch_of
from frugalbench.bench._rows import Progress, Rows, piece
from frugalbench.errors import FrugalbenchError
from frugalbench.jobs import Job

__all__ = ["answer_members", "members_seconds"]

Array = npt.NDArray[Any]
SHARE = 0.2
"""Of the time that is left after the rows, what training rows may take at most."""
SLACK, LEAST = 1.5, 0.05


def members_seconds(job: Job, rows: Rows, spent: float, left: float) -> float:
    """Seconds to keep for the training rows: what as many tested rows took, about.

    `spent` is how long the tested rows took, `left` how long there is until the deadline.
    """
    if job.process or not job.members or not rows.arrays:
        return 0.0
    answered = job.rows if rows.chosen is None else rows.chosen.size
    needed = SLACK * spent * job.members / max(1, answered) + LEAST
    return max(0.0, min(needed, SHARE * left))


def answer_members(
    job: Job,
    feed: Mapping[str, Array],
    session: runners.Session,
    progress: Progress,
    until: float,
    *,
    call_seconds: float,
    company: bool,
) -> dict[str, Array]:
    """The model's answers to the first training rows, as many as there is time for.

    Args:
        job: what is asked; it has an answer.
        feed: every training row of every input, in random order.
        session: the session that was timed.
        progress: called with the stage `member`.
        until: when to stop, seconds of the monotonic clock.
        call_seconds: about how long a call of the job's batch takes.
        company: whether an answer depends on what else is in the batch.

    Returns:
        The outputs `member:output` and `member:labels`; nothing where no row was answered.
    """
    rows = min((len(one) for one in feed.values()), default=0)
    if not rows or job.answer is None:
        return {}
    names = job.answer.outputs
    free = inputs.is_free(job.ports, feed)
    whole = any(inputs.is_whole(port, feed[port.name]) for port in job.ports)
    batch = batch_of(job, feed, call_seconds / job.batch, company=company)
    found: dict[str, list[Array]] = {name: [] for name in names}
    try:
        for start in range(0, rows, batch):
            if time.monotonic() >= until:
                break
            progress("member", start / rows)
            asked = min(batch, rows - start) if free else batch
            given = inputs.rows_of(job.ports, feed, start, asked)
            told = session.predict(given, names)
            pieces = {name: piece(name, one, asked, whole) for name, one in told.items()}
            for name in names:
                found[name].append(pieces[name][: rows - start])
        joined = [np.concatenate(parts) for parts in found.values() if parts]
    except (FrugalbenchError, MemoryError, ValueError):
        # They are ordinary rows: a model that refuses them now has said nothing about them.
        return {}
    return dict(zip(("member:output", "member:labels"), joined, strict=False))
