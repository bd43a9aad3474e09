"""Ask the same rows once more: are the answers the same?"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
import numpy.typing as npt

from frugalbench import runners
from frugalbench.bench._alike import beyond, distance, tolerance
from frugalbench.bench._probe_ask import Asker, Late, Outputs
from frugalbench.errors import FrugalbenchError
from frugalbench.record import Repeat
from frugalbench.spec import Spec

__all__ = ["repeats"]

Array = npt.NDArray[Any]
How = Literal["again", "batch", "threads"]
SINGLES, FEW = 256, 16
"""At most so many rows are asked one at a time, and so many at once where all were alone."""


def repeats(
    asker: Asker,
    spec: Spec,
    feed: Mapping[str, Array],
    before: Outputs,
    until: float,
    *,
    free: bool,
    load_seconds: float,
    call_seconds: float,
) -> tuple[tuple[Repeat, ...], tuple[str, ...]]:
    """The rows asked again, in another batch and with another number of threads.

    Args:
        asker: asks the session that was timed.
        spec: how it was opened.
        feed: the rows.
        before: what was answered to them.
        until: when to be over, seconds of the monotonic clock.
        free: whether the batch may be another.
        load_seconds: about how long a session takes to open.
        call_seconds: about how long a call takes.

    Returns:
        What was found, and notes on what could not be made.
    """
    found, notes = list[Repeat](), list[str]()

    def compare(how: How, setting: str, ask: Callable[[], Outputs]) -> None:
        try:
            found.append(_compared(asker, how, setting, before, ask()))
        except Late:
            notes.append(f"the rows were not asked again ({setting}): there was no time")
        except (FrugalbenchError, MemoryError) as error:
            notes.append(f"the rows could not be asked again ({setting}): {_line(error)}")

    compare("again", "the same session and batch", lambda: asker.outputs(feed, until))
    rows, other = _other_batch(asker, len(before["output"]), until, call_seconds)
    if free and other != asker.batch and rows:
        part = {name: one[:rows] for name, one in feed.items()}
        setting = f"batches of {other}, before of {asker.batch}"
        compare("batch", setting, lambda: asker.outputs(part, until, batch=other))
    threads = 2 if spec.target.threads == 1 else 1
    if time.monotonic() + 2 * load_seconds < until:
        setting = f"threads {threads}, before {spec.target.threads}"
        compare("threads", setting, lambda: _with_threads(asker, spec, feed, threads, until))
    else:
        notes.append("the rows were not asked with other threads: opening a session takes too long")
    return tuple(found), tuple(notes)


def _other_batch(asker: Asker, rows: int, until: float, call_seconds: float) -> tuple[int, int]:
    """How many rows to ask in another batch, and which: alone, or together where all were alone."""
    if asker.batch == 1:
        count = min(FEW, rows)
        return count, count
    # Half of the time at most: the rows are to be asked with other threads too.
    fit = int((until - time.monotonic()) / 2 / max(call_seconds, 1e-9))
    return min(rows, SINGLES, fit), 1


def _with_threads(
    asker: Asker, spec: Spec, feed: Mapping[str, Array], threads: int, until: float
) -> Outputs:
    target = msgspec.structs.replace(spec.target, threads=threads)
    return asker.outputs(feed, until, session=runners.open_session(spec.model, target))


def _compared(asker: Asker, how: How, setting: str, before: Outputs, after: Outputs) -> Repeat:
    rows = len(after["output"])
    first = {name: one[:rows] for name, one in before.items()}
    apart = beyond(after["output"], first["output"])
    flips = 0
    if not asker.is_regression:
        flips = int((asker.answers(after) != asker.answers(first)).sum())
    return Repeat(
        how=how,
        setting=setting,
        rows=rows,
        flips=flips,
        beyond=int(apart.sum()),
        largest=distance(after["output"], first["output"]),
        dtype=after["output"].dtype.name,
        tolerance=tolerance(after["output"].dtype),
    )


def _line(error: BaseException) -> str:
    return str(error) or "the memory ran out"
