"""Records with exact observations, for tests of the metrics, the judge and the comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from _records import make_process, make_record

from frugalbench.metrics import find
from frugalbench.record import Failure, Phase, Record, Window
from frugalbench.spec import Factor, Site
from frugalbench.values import Method, Missing, Value

__all__ = [
    "FAILED",
    "PLACE",
    "at_rest",
    "change",
    "from_table",
    "labels",
    "metered",
    "missing",
    "timed",
    "value",
    "window",
]

FAILED = make_record(failure=Failure(kind="crash", detail="the worker crashed (SIGSEGV)"))

PLACE = Site(
    name="room",
    country="FR",
    pue=1.5,
    wue=2.0,
    grid_carbon=Factor(value=100.0, unit="g/kWh", year=2024, source="somewhere"),
    grid_water=Factor(value=4.0, unit="L/kWh", year=2024, source="somewhere"),
)

change = msgspec.structs.replace


def value(address: str, record: Record, **scope: str) -> Value:
    """The value of a metric, which must not be missing."""
    found = find(address)(record, **scope)
    assert isinstance(found, Value), found
    return found


def missing(address: str, record: Record, **scope: str) -> Missing:
    """The reason why a metric has no value, which it must not have."""
    found = find(address)(record, **scope)
    assert isinstance(found, Missing), found
    return found


def labels(
    y_true: Any,
    y_pred: Any,
    groups: Mapping[str, Any] | None = None,
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    classes: tuple[int, ...] = (0, 1),
    positive: int | None = 1,
    score: Any = None,
) -> Record:
    """A record of these answers; groups are codes, -1 for a row without one."""
    arrays: dict[str, Any] = {
        "latency_ns": np.full(2000, 1000, np.int64),
        "y_true": np.asarray(y_true, np.int64),
        "y_pred": np.asarray(y_pred, np.int64),
    }
    if score is not None:
        arrays["score"] = np.asarray(score, np.float64)
    columns = {}
    for column, codes in (groups or {}).items():
        arrays[f"group:{column}"] = np.asarray(codes, np.int32)
        count = int(np.max(codes, initial=-1)) + 1
        columns[column] = tuple((names or {}).get(column) or (f"g{i}" for i in range(count)))
    record = make_record()
    assert record.data is not None
    rows = arrays["y_true"].size
    data = change(
        record.data, classes=classes, positive=positive, groups=columns, rows=rows, label="y"
    )
    return change(record, data=data, arrays=arrays)


def from_table(*groups: tuple[int, int, int, int], attribute: str = "sex") -> Record:
    """A record of groups given as (hits, misses, false alarms, rightly left out)."""
    y_true, y_pred, codes = [], [], []
    for code, (tp, fn, fp, tn) in enumerate(groups):
        y_true += [1] * (tp + fn) + [0] * (fp + tn)
        y_pred += [1] * tp + [0] * fn + [1] * fp + [0] * tn
        codes += [code] * (tp + fn + fp + tn)
    names = {attribute: [f"g{i}" for i in range(len(groups))]}
    return labels(y_true, y_pred, {attribute: codes}, names=names)


def timed(
    *latency_ns: npt.ArrayLike,
    samples: int = 1,
    windows: int = 5,
    processes: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
) -> Record:
    """A record of these call times, an array for each process."""
    record = make_record(data=False)
    assert record.run is not None
    calls = [np.asarray(one, np.int64) for one in latency_ns]
    seen = tuple(make_process(one.size, **(processes or {})) for one in calls)
    asked = change(record.spec.plan, windows=windows, **(plan or {}))
    return change(
        record,
        arrays={"latency_ns": np.concatenate(calls)},
        run=change(record.run, batch=samples, samples=samples, processes=seen),
        spec=change(record.spec, plan=asked),
    )


def window(
    joules: float | None,
    *,
    calls: int = 100,
    seconds: float = 1.0,
    domain: str = "cpu",
    method: Method = "hardware_counter",
    meter: str = "rapl",
    error: float = 0.0,
    reason: str = "",
    process: int = 0,
    phase: Phase = "run",
) -> Window:
    """One energy window."""
    return Window(
        meter=meter,
        domain=domain,
        method=method,
        calls=calls,
        seconds=seconds,
        joules=joules,
        error=error,
        reason=reason,
        process=process,
        phase=phase,
    )


def at_rest(
    before: float, after: float | None = None, *, process: int = 0, **about: Any
) -> list[Window]:
    """Ten seconds of rest before and after, at these watts."""
    later = before if after is None else after
    return [
        window(10 * before, calls=0, seconds=10, phase="idle_before", process=process, **about),
        window(10 * later, calls=0, seconds=10, phase="idle_after", process=process, **about),
    ]


def metered(windows: Sequence[Window], *, samples: int = 1, site: Site | None = PLACE) -> Record:
    """A record of these energy windows, at a site with round factors."""
    record = make_record()
    assert record.run is not None
    return change(
        record,
        run=change(record.run, windows=tuple(windows), samples=samples),
        spec=change(record.spec, site=site),
    )
