"""How many rows to probe, in how much time, and what is said when there is none."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import probes
from frugalbench.bench._probe_ask import Asker, some
from frugalbench.bench._probe_importance import MOST_FEATURES
from frugalbench.jobs import Job
from frugalbench.record import Pass, Probed
from frugalbench.spec import Perturbation, Probes

__all__ = [
    "LATE",
    "LOST",
    "REPEAT_SECONDS",
    "as_array",
    "line",
    "no_rows",
    "nothing",
    "numbered",
    "picked_rows",
    "reserve",
    "searches",
    "wanted",
]

Array = npt.NDArray[Any]
SHARE = 0.3
"""Of the time that is left after the rows, what probes may take at most."""
REPEAT_SECONDS, REPEAT_SHARE = 1.0, 0.1
"""For asking the same rows again, where nothing else is asked for."""
ROWS_BYTES = 64 * 1024**2
KEPT_BACK = 1.5
SEARCHED = 25
"""Rows are as few as it takes for a search to ask so often about each of them."""
LOST = "the model did not come back from the extra passes"
LATE = "there was no time for this pass; raise probes.seconds or plan.max_seconds"


def wanted(job: Job) -> bool:
    """Whether this process is to make extra passes."""
    asked = job.spec.probes
    if job.process or not job.rows or job.answer is None or job.data is None:
        return False
    return bool(asked.perturb or asked.shuffles or asked.reproduce)


def reserve(job: Job, left: float) -> float:
    """Seconds to keep for the extra passes, of those that are left."""
    asked = job.spec.probes
    if not wanted(job):
        return 0.0
    if asked.perturb or asked.shuffles:
        return max(0.0, min(asked.seconds, SHARE * left))
    return max(0.0, min(asked.seconds, REPEAT_SECONDS, REPEAT_SHARE * left))


def picked_rows(
    job: Job, feed: Mapping[str, Array], places: Array, trial: Asker, until: float
) -> npt.NDArray[np.int64]:
    """Which of the answered rows to probe: as many as every pass has time for, one at least."""
    few = some(feed, places[: trial.batch], job.rows)
    begun = time.monotonic()
    trial.read(trial.outputs(few, until))
    each = max(time.monotonic() - begun, 1e-9) / min(trial.batch, places.size)
    fit = int((until - time.monotonic()) / each / KEPT_BACK / _asked_of_a_row(job, feed))
    row_bytes = max(1, sum(one[:1].nbytes for one in feed.values()))
    count = min(fit, job.spec.probes.rows, ROWS_BYTES // row_bytes, places.size)
    rng = np.random.default_rng(job.spec.plan.seed)
    return np.sort(rng.choice(places.size, max(1, count), replace=False)).astype(np.int64)


def _asked_of_a_row(job: Job, feed: Mapping[str, Array]) -> int:
    """About how often the model is asked about one row in all passes together."""
    asked = job.spec.probes
    count = 4 if asked.reproduce else 1
    for one in asked.perturb:
        searching = probes.open_probe(one.kind).search is not None
        count += len(probes.severities(one)) * (min(asked.queries, SEARCHED) if searching else 1)
    width = sum(int(np.prod(one.shape[1:])) for one in feed.values())
    shuffled = asked.shuffles and width <= MOST_FEATURES
    return count + (width if shuffled else 0)


def nothing(job: Job, why: str) -> dict[str, Array]:
    """No row was probed at all: `probed`, which says why."""
    return as_array(no_rows(job, why))


def as_array(made: Probed) -> dict[str, Array]:
    """What is known of the passes as `probed`, JSON in an array of bytes."""
    return {"probed": np.frombuffer(msgspec.json.encode(made), np.uint8)}


def line(error: BaseException) -> str:
    """What an error says, or that the memory ran out, which says nothing."""
    return str(error) or "the memory ran out"


def no_rows(job: Job, why: str) -> Probed:
    """Every pass, not made for one reason."""
    passes = [
        Pass(
            kind=one.kind,
            severity=severity,
            unit=probes.open_probe(one.kind).unit,
            seed=job.spec.plan.seed,
            reason=why,
        )
        for one in job.spec.probes.perturb
        for severity in probes.severities(one)
    ]
    return Probed(rows=0, passes=tuple(passes), notes=(f"no row was probed: {why}",))


def numbered(asked: Probes) -> list[tuple[int, Perturbation, float]]:
    """Every pass that is asked for, in order."""
    pairs = [(one, severity) for one in asked.perturb for severity in probes.severities(one)]
    return [(number, one, severity) for number, (one, severity) in enumerate(pairs)]


def searches(asked: Probes) -> list[tuple[int, Perturbation, float]]:
    """Those of the passes that search."""
    return [one for one in numbered(asked) if probes.open_probe(one[1].kind).search is not None]
