"""A record with everything that trust is judged by: probes, repeats, members, cards, baselines."""

from typing import Any

import numpy as np
from _build import change
from _records import make_record

from frugalbench.record import Card, Compared, Pass, Probed, Record, Repeat

__all__ = ["trusted"]

ROWS, PROBED = 600, 300
SEVERITIES = (0.1, 0.3)


def trusted(*, seed: int = 7) -> Record:
    """Two group columns, their intersection and a control, and a baseline that does the job."""
    rng = np.random.default_rng(seed)
    record = make_record(
        rows=ROWS, groups={"sex": ("Female", "Male"), "region": ("north", "south")}
    )
    assert record.data is not None
    arrays: dict[str, Any] = dict(record.arrays)
    arrays["group:region"] = rng.integers(0, 2, ROWS).astype(np.int32)
    # One group is answered worse than the other, and the difference is beyond chance.
    wrong = (arrays["group:sex"] == 1) & (rng.random(ROWS) < 0.6)
    arrays["y_pred"] = np.where(wrong, 1 - arrays["y_true"], arrays["y_true"])
    rows = np.sort(rng.choice(ROWS, PROBED, replace=False))
    arrays["probe:rows"] = rows
    passes = [
        Pass(kind=kind, severity=severity, unit=unit, seed=1)
        for kind, unit in (("gaussian_noise", "share of the spread"), ("gain", "dB"))
        for severity in SEVERITIES
    ]
    for place, one in enumerate(passes):
        flipped = rng.random(PROBED) < one.severity
        arrays[f"probe:{place}:y_pred"] = np.where(
            flipped, 1 - arrays["y_pred"][rows], arrays["y_pred"][rows]
        )
    arrays["importance"] = rng.normal([[0.02], [0.2], [-0.01]], 0.3, (3, PROBED)).astype(np.float32)
    arrays["member:y_true"] = arrays["y_true"].copy()
    arrays["member:score"] = arrays["score"].copy()
    arrays["difficulty"] = rng.random(ROWS)
    arrays["member:difficulty"] = rng.random(ROWS)
    for name in ("latency_ns", "y_pred"):
        arrays[f"baseline:linear:{name}"] = record.arrays[name]
    small = change(record.model, name="linear", bytes=512)
    probed = Probed(
        rows=PROBED,
        passes=tuple(passes),
        repeats=tuple(map(_repeat, ("again", "batch", "threads"))),
        features=("age", "income", "height"),
        shuffles=5,
    )
    data = change(record.data, intersections=(("sex", "region"),), controls=("region",))
    return change(
        record,
        arrays=arrays,
        data=data,
        probed=probed,
        baselines=(
            Compared(name="linear", kind="linear", model=small, run=record.run, failure=None),
        ),
        model_card=Card(sha256="0" * 64, present=("details",), absent=("licence", "contact")),
        data_card=Card(sha256="0" * 64, present=("licence",), absent=("collection",)),
    )


SETTINGS = {
    "again": "the same session and batch",
    "batch": "batches of 1, before of 256",
    "threads": "threads 2, before 1",
}


def _repeat(how: Any) -> Repeat:
    return Repeat(
        how=how,
        setting=SETTINGS[how],
        rows=PROBED,
        flips=1,
        beyond=2,
        largest=0.001,
        dtype="float32",
        tolerance="0.0001 of the value + 1e-05 of the largest",
    )
