"""Ask the model for its answer to every row, in pieces that suit it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import inputs, runners
from frugalbench.bench._alike import alike
from frugalbench.errors import MeasurementError
from frugalbench.jobs import Job

__all__ = ["Progress", "Rows", "answer_rows", "piece"]

Array = npt.NDArray[Any]
Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""

ROWS_A_PASS = 256
CHECKED_ROWS = 16
BYTES_A_PASS = 64 * 1024**2
QUICK_PASS = 0.25
SLOW = 20
"""A model of which fewer than so many calls fit in the time is slow: each one counts."""
KEPT_BACK = 1.5
"""A third of the time is kept back: rows differ, and so does the machine."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The model's answers: `output`, and `labels` where it gives them.

    `chosen` are the rows that were answered, in order; None when all were. `company` says that an
    answer depends on what else is in the batch.
    """

    arrays: dict[str, Array]
    notes: tuple[str, ...] = ()
    chosen: npt.NDArray[np.int64] | None = None
    company: bool = False


def answer_rows(
    job: Job,
    feed: Mapping[str, Array],
    session: runners.Session,
    progress: Progress,
    seconds: float,
    call_seconds: float = 0.0,
) -> Rows:
    """The model's answer to every row, or to as many random ones as fit in the time.

    Rows are answered in pieces as large as the graph allows, unless a few of them, asked again
    in the batch that is timed, are answered otherwise: then all are asked in that batch.
    `call_seconds` is about how long a call takes.
    """
    if not job.rows or job.answer is None:
        return Rows({})
    until = time.monotonic() + seconds
    most, notes, company = ROWS_A_PASS, list[str](), False
    if call_seconds > seconds / SLOW:
        # Not even one answer may be wasted: rows are asked as they are timed.
        most = job.batch
    elif not _same_in_pieces(
        job,
        feed,
        session,
        max(1, int(seconds / SLOW / call_seconds)) if call_seconds else CHECKED_ROWS,
    ):
        most, company = job.batch, True
        notes.append(
            "the same rows are answered otherwise in another batch, or at another time: all were "
            f"answered {job.batch} at a time, as timed"
        )
    chosen = _affordable(job, feed, session, most, until - time.monotonic(), call_seconds)
    if chosen is not None:
        feed = _taken(job, feed, chosen)
        notes.append(
            f"{chosen.size:,} of {job.rows:,} rows, drawn at random, were answered in the time "
            "there was; raise plan.max_seconds for all of them"
        )
        job = msgspec.structs.replace(job, rows=int(chosen.size))
    return Rows(_pass(job, feed, session, progress, most), tuple(notes), chosen, company)


def _same_in_pieces(
    job: Job, feed: Mapping[str, Array], session: runners.Session, calls: int
) -> bool:
    """Whether a few rows are answered alike in the timed batch and in a large piece."""
    few = msgspec.structs.replace(job, rows=min(job.rows, CHECKED_ROWS, calls))
    in_batch = _pass(few, feed, session, _unheard, job.batch)
    large = _pass(few, feed, session, _unheard, ROWS_A_PASS)
    return all(alike(one, large[name]) for name, one in in_batch.items())


def _unheard(stage: str, share: float) -> None:
    """Progress nobody waits for."""


def _affordable(
    job: Job,
    feed: Mapping[str, Array],
    session: runners.Session,
    most: int,
    seconds: float,
    call_seconds: float,
) -> npt.NDArray[np.int64] | None:
    """Which rows to answer when all would take too long; None when there is time for all."""
    fit = int(seconds * job.batch / call_seconds / KEPT_BACK) if call_seconds else 0
    each = 0.0
    # As it is timed first: a large piece may take all the time there is.
    for piece in () if call_seconds > seconds / SLOW else (job.batch, max(job.batch, most)):
        few = msgspec.structs.replace(job, rows=min(job.rows, piece))
        if few.rows * each > seconds / 4:
            break
        begin = time.monotonic()
        _pass(few, feed, session, _unheard, most)
        taken = max(time.monotonic() - begin, 1e-9)
        seconds -= taken
        each = taken / few.rows
        fit = int(seconds / each / KEPT_BACK)
        if fit >= job.rows:
            break
    # One answer is worth being late for.
    count = max(1, fit)
    if count >= job.rows:
        return None
    rng = np.random.default_rng(job.spec.plan.seed)
    return np.sort(rng.choice(job.rows, count, replace=False)).astype(np.int64)


def _taken(job: Job, feed: Mapping[str, Array], chosen: npt.NDArray[np.int64]) -> dict[str, Array]:
    """These rows of every input; what is one input for all rows stays."""
    return {name: array if len(array) < job.rows else array[chosen] for name, array in feed.items()}


def _pass(
    job: Job, feed: Mapping[str, Array], session: runners.Session, progress: Progress, most: int
) -> dict[str, Array]:
    """Answers to the job's rows, at most so many at a time."""
    assert job.answer is not None, "rows are answered for an answer"
    free = all(not port.shape or not isinstance(port.shape[0], int) for port in job.ports)
    whole = any(inputs.is_whole(port, feed[port.name]) for port in job.ports)
    row_bytes = sum(feed[port.name][:1].nbytes for port in job.ports)
    most = max(1, min(most, BYTES_A_PASS // max(row_bytes, 1))) if free else job.batch
    step = min(most, job.batch) if free else job.batch
    step = 1 if whole else step
    pieces: dict[str, list[Array]] = {name: [] for name in job.answer.outputs}
    start = 0
    while start < job.rows:
        rows = min(step, job.rows - start) if free else step
        begun = time.perf_counter()
        found = session.predict(inputs.rows_of(job.ports, feed, start, rows), job.answer.outputs)
        for name, one in found.items():
            pieces[name].append(piece(name, one, rows, whole)[: job.rows - start])
        start += step
        # Pieces grow while they are quick, so that a slow model still shows that it is alive.
        if free and not whole and time.perf_counter() - begun < QUICK_PASS:
            step = min(2 * step, most)
        progress("answer", min(1.0, start / job.rows))
    joined = {name: np.concatenate(parts) for name, parts in pieces.items()}
    names = ("output", "labels")
    return dict(zip(names, (joined[name] for name in job.answer.outputs), strict=False))


def piece(name: str, found: Array, rows: int, whole: bool) -> Array:
    """The output of a call as one answer a row.

    Raises:
        MeasurementError: it has another number of rows.
    """
    if whole and (found.ndim == 0 or found.shape[0] != 1):
        found = found[np.newaxis]
    if found.ndim == 0 or found.shape[0] != rows:
        raise MeasurementError(
            f"output '{name}' gives {found.shape} for {rows} rows: it is not one answer a row"
        )
    return found
