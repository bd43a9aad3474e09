"""Ask the model for its answer to every row, in pieces that suit it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import inputs, runners
from frugalbench.errors import MeasurementError
from frugalbench.jobs import Job

__all__ = ["Progress", "answer_rows"]

Array = npt.NDArray[Any]
Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""

ROWS_A_PASS = 256
CHECKED_ROWS = 16
BYTES_A_PASS = 64 * 1024**2
QUICK_PASS = 0.25


def answer_rows(
    job: Job, feed: Mapping[str, Array], session: runners.Session, progress: Progress
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The model's answer to every row, and a note where the way of asking changes it.

    Rows are answered in pieces as large as the graph allows, unless a few of them, asked again
    in the batch that is timed, are answered otherwise: then all are asked in that batch.
    """
    if not job.rows or job.answer is None:
        return {}, ()
    found = _pass(job, feed, session, progress, ROWS_A_PASS)
    few = msgspec.structs.replace(job, rows=min(job.rows, CHECKED_ROWS))
    again = _pass(few, feed, session, lambda stage, share: None, job.batch)
    if all(_alike(one, found[name][: len(one)]) for name, one in again.items()):
        return found, ()
    note = (
        "the same rows are answered otherwise in another batch, or at another time: all were "
        f"answered {job.batch} at a time, as timed"
    )
    return _pass(job, feed, session, progress, job.batch), (note,)


def _alike(one: Array, other: Array) -> bool:
    if one.dtype.kind not in "fc":
        return bool((one == other).all())
    return np.allclose(one, other, rtol=1e-2, atol=1e-3, equal_nan=True)


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
        for name, piece in found.items():
            pieces[name].append(_piece(name, piece, rows, whole)[: job.rows - start])
        start += step
        # Pieces grow while they are quick, so that a slow model still shows that it is alive.
        if free and not whole and time.perf_counter() - begun < QUICK_PASS:
            step = min(2 * step, most)
        progress("answer", min(1.0, start / job.rows))
    joined = {name: np.concatenate(parts) for name, parts in pieces.items()}
    names = ("output", "labels")
    return dict(zip(names, (joined[name] for name in job.answer.outputs), strict=False))


def _piece(name: str, piece: Array, rows: int, whole: bool) -> Array:
    """The output of a call as one answer a row.

    Raises:
        MeasurementError: it has another number of rows.
    """
    if whole and (piece.ndim == 0 or piece.shape[0] != 1):
        piece = piece[np.newaxis]
    if piece.ndim == 0 or piece.shape[0] != rows:
        raise MeasurementError(
            f"output '{name}' gives {piece.shape} for {rows} rows: it is not one answer a row"
        )
    return piece
