"""The answers of an extra pass, beside those to the same rows undisturbed."""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench.metrics._counts import labelled
from frugalbench.metrics._metric import no_run
from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["Under", "clusters_of", "on_probed_rows", "probe_names", "right_answers", "under"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Under:
    """`rows` int64 (m,) of the record, and the `answers` a pass gave to them, (m,)."""

    rows: npt.NDArray[np.int64]
    answers: Array


def probe_names(record: Record) -> tuple[str, ...]:
    """The probes of a record, as a metric's scope names them: `gaussian_noise:0.1`."""
    passes = record.probed.passes if record.probed else ()
    return tuple(f"{one.kind}:{one.severity:g}" for one in passes)


def under(record: Record, probe: str) -> Under | Missing:
    """What the model answered under a probe, or why there is nothing."""
    if (gone := no_run(record)) is not None:
        return gone
    names = probe_names(record)
    if record.probed is None or probe not in names:
        return Missing(
            reason="not_probed",
            detail=f"the inputs were not disturbed by '{probe}': add it to probes.perturb",
        )
    number = names.index(probe)
    told = record.probed.passes[number]
    rows = record.arrays.get("probe:rows")
    own = "y_pred" if "y_true" in record.arrays else "value"
    answers = record.arrays.get(f"probe:{number}:{own}")
    if told.reason or answers is None or rows is None:
        return Missing(reason="not_probed", detail=told.reason or "the pass left no answers")
    return Under(rows, answers)


def right_answers(record: Record, probe: str) -> tuple[Array, Array, Under] | Missing:
    """Which probed rows were right undisturbed, and which under a probe: bool (m,) each."""
    if (gone := labelled(record)) is not None:
        return gone
    found = under(record, probe)
    if isinstance(found, Missing):
        return found
    y_true = record.arrays["y_true"][found.rows]
    return record.arrays["y_pred"][found.rows] == y_true, found.answers == y_true, found


def on_probed_rows(record: Record, found: Under) -> Record:
    """The record as if the probed rows were all its rows, answered as under the probe."""
    assert record.data is not None, "what was probed has data"
    kept = {
        name: array[found.rows]
        for name, array in record.arrays.items()
        if name in ("y_true", "cluster") or name.startswith("group:")
    }
    return msgspec.structs.replace(
        record,
        arrays={**kept, "y_pred": found.answers},
        data=msgspec.structs.replace(record.data, rows=int(found.rows.size)),
    )


def clusters_of(record: Record, found: Under) -> Array | None:
    """Which of the probed rows belong together; None where each stands alone."""
    clusters = record.arrays.get("cluster")
    return None if clusters is None else clusters[found.rows]
