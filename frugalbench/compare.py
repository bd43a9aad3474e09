"""Put two records side by side, metric by metric, without pretending to know more than they say."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from frugalbench import metrics
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.metrics import Metric, validity
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["Row", "compare", "obstacle", "of_families", "one_sided"]

BETWEEN_PROCESSES = 0.05
"""The interval of a timing may be that of one process; medians of fresh processes on one machine
lie about 3 % apart, so that a difference under 5 % of two single ones is no difference."""


ANSWERED = (
    *("quality", "calibration", "fairness", "robustness", "explanation", "privacy", "necessity"),
    "reproducibility",
)
"""Families of what a model answered to labelled rows."""
PROBED = ("robustness", "explanation", "reproducibility")
TIMED = ("necessity.extra_energy", "necessity.energy_per", "necessity.latency")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of two records, a and b.

    `ratio` is b over a. `separated` says whether the two intervals are apart: then, and only
    then, is one `better`. `comparable` is empty, or why the two must not be compared.
    """

    address: str
    unit: str
    a: Value | Missing
    b: Value | Missing
    ratio: float | None
    separated: bool | None
    better: Literal["a", "b", ""]
    comparable: str


def compare(a: Record, b: Record) -> tuple[Row, ...]:
    """Every metric that at least one of the two records gives, in the order of the addresses.

    The checks of the runs themselves (`validity.*`) are left out: they judge a run, not a model.
    """
    left = {address: (metric, measure) for address, metric, measure in metrics.measure_all(a)}
    right = {address: (metric, measure) for address, metric, measure in metrics.measure_all(b)}
    invalid = "".join(which for which, one in (("A", a), ("B", b)) if validity.flaws(one))
    rows = []
    for address in dict.fromkeys([*left, *right]):
        if address.startswith("validity."):
            continue
        absent = Missing(reason="not_in_record", detail="the record has no such group or metric")
        metric, one = left.get(address) or (right[address][0], absent)
        other = right[address][1] if address in right else absent
        if isinstance(one, Missing) and isinstance(other, Missing):
            continue
        rows.append(_row(address, metric, one, other, obstacle(address, a, b, one, other, invalid)))
    return tuple(rows)


def of_families(rows: Sequence[Row], only: Sequence[str]) -> tuple[Row, ...]:
    """The rows of some families of metrics.

    Raises:
        UsageError: no row is of a family that is asked for.
    """
    known = tuple(dict.fromkeys(_family(row) for row in rows))
    for name in only:
        if name not in known:
            raise UsageError(f"there is no family '{name}': {did_you_mean(name, known)}")
    return tuple(row for row in rows if _family(row) in only)


def _family(row: Row) -> str:
    return row.address.partition(".")[0]


def one_sided(row: Row) -> bool:
    """Whether only one record has the number, and the other was not asked for one to compare."""
    absent = [one.reason for one in (row.a, row.b) if isinstance(one, Missing)]
    return bool(absent) and (absent == ["not_in_record"] or bool(row.comparable))


def obstacle(address: str, a: Record, b: Record, one: Measure, other: Measure, invalid: str) -> str:
    """Why two measures of one metric do not compare, or nothing.

    `invalid` names the records whose run is INVALID.
    """
    family = address.partition(".")[0]
    if family in ANSWERED and not _same_rows(a, b):
        return "other data"
    if family in PROBED and a.spec.probes != b.spec.probes:
        return "other probes"
    if family in ANSWERED and not address.startswith(TIMED):
        return ""
    if family in ("carbon", "water", "projection") and a.spec.site != b.spec.site:
        return "other site"
    timed = family in ("latency", "energy", "carbon", "water") or address.startswith(TIMED)
    if timed and _traffic(a) != _traffic(b):
        return "other traffic"
    if invalid and (timed or family == "projection"):
        return f"the run of {' and '.join(invalid)} is INVALID"
    if isinstance(one, Value) and isinstance(other, Value) and one.method != other.method:
        return f"{one.method} against {other.method}"
    if timed and a.spec.target.rehearsal != b.spec.target.rehearsal:
        return "a rehearsal against no rehearsal"
    if timed and a.host.cpu != b.host.cpu:
        return "other processor"
    return ""


def _traffic(record: Record) -> tuple[object, ...]:
    """Who asked, when, and for how much at once."""
    plan = record.spec.plan
    samples = record.run.samples if record.run and plan.scenario != "offline" else None
    return plan.scenario, samples, plan.target_qps


def _same_rows(a: Record, b: Record) -> bool:
    """Whether two records answer the same rows of the same data."""
    one, other = a.data, b.data
    if one is None or other is None or one.sha256 != other.sha256:
        return False
    known = one.rows_sha256 and other.rows_sha256
    if known and one.rows_sha256 != other.rows_sha256:
        return False
    return _rows_of(a) == _rows_of(b)


def _rows_of(record: Record) -> tuple[object, ...]:
    """What else than the file decides which rows are answered, and what they are asked."""
    data, plan = record.spec.data, record.spec.plan
    asked = (data.label, data.positive, data.split_column, data.split) if data else ()
    return (*asked, plan.max_rows, plan.seed if plan.max_rows else 0)


def _has_spread(value: Value) -> bool:
    """Whether the interval says how much another run would differ.

    What was seen once says nothing of it, and the ±50 % of a model of power is no spread of runs.
    """
    return value.interval not in (
        "single_observation",
        "one_process",
        "model_grade_low",
        "range_of_processes",
    )


def _within_a_process(one: Value, other: Value) -> bool:
    """Whether two timings differ by less than two processes running the same model may."""
    if (one.method, other.method) != ("timer", "timer"):
        return False
    if "hierarchical_bootstrap" in (one.interval, other.interval):
        # Several processes say themselves how far they lie apart.
        return one.interval != other.interval and _near(one, other)
    return _near(one, other)


def _near(one: Value, other: Value) -> bool:
    small, large = sorted((one.estimate, other.estimate))
    return large < small * (1 + BETWEEN_PROCESSES)


def _row(address: str, metric: Metric, one: Measure, other: Measure, obstacle: str) -> Row:
    ratio: float | None = None
    separated: bool | None = None
    better: Literal["a", "b", ""] = ""
    if isinstance(one, Value) and isinstance(other, Value) and not obstacle:
        ratio = other.estimate / one.estimate if one.estimate else None
        if _has_spread(one) and _has_spread(other):
            apart = one.high < other.low or other.high < one.low
            separated = apart and not _within_a_process(one, other)
        if separated and metric.lower_is_better is not None:
            better = "a" if (one.estimate < other.estimate) == metric.lower_is_better else "b"
    return Row(
        address=address,
        unit=metric.unit,
        a=one,
        b=other,
        ratio=ratio,
        separated=separated,
        better=better,
        comparable=obstacle,
    )
