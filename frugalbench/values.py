"""A number with everything that makes it evidence, or the reason there is none.

`Value` and `Missing` are the only two things a metric returns. A `Missing` is never a zero, and
no rule passes on one.
"""

from typing import Literal

import msgspec

__all__ = ["GRADES", "MEASURED", "METHODS", "Grade", "Measure", "Method", "Missing", "Value"]

Method = Literal[
    "external_meter",
    "hardware_counter",
    "sensor_integral",
    "board_rail",
    "modelled",
    "pretend",
    "timer",
    "counted",
]
"""How a number was got. The first four are measured energy, from the most to the least trusted;
`timer` is a monotonic clock; `counted` is a tally of bytes, rows or answers; a `pretend` number
comes from a fake meter and can never certify."""

MEASURED: tuple[Method, ...] = (
    "external_meter",
    "hardware_counter",
    "sensor_integral",
    "board_rail",
)
METHODS: tuple[Method, ...] = (*MEASURED, "modelled", "pretend", "timer", "counted")

Grade = Literal["", "high", "medium", "low"]
"""How far an energy can be trusted, in the words of BoAmps; empty for what is no energy."""

GRADES: dict[Grade, float] = {"high": 0.10, "medium": 0.25, "low": 0.50}
"""The relative half-width each grade stands for."""


class Value(msgspec.Struct, frozen=True, kw_only=True, tag="value", forbid_unknown_fields=True):
    """An estimate in an SI unit with its interval.

    `low` and `high` bound it at confidence `level`; `interval` names the construction (`wilson`,
    `order_statistic`, …). `n` is the number of observations the interval rests on: calls for a
    latency, rows for an accuracy, the rows of the smallest group for a disparity. `bound` is a
    one-sided upper bound where there is one: MLPerf's early-stopping estimate of a percentile, or
    what a number below the detection limit is at most. `grade` is the quality of an energy.
    """

    estimate: float
    unit: str
    low: float
    high: float
    n: int
    method: Method
    interval: str
    level: float = 0.95
    note: str = ""
    bound: float | None = None
    grade: Grade = ""

    def __post_init__(self) -> None:
        """Refuse an interval that does not hold its own estimate (NaN included)."""
        if not self.low <= self.estimate <= self.high:
            raise ValueError(
                f"interval [{self.low}, {self.high}] does not contain the estimate {self.estimate}"
            )


class Missing(msgspec.Struct, frozen=True, kw_only=True, tag="missing", forbid_unknown_fields=True):
    """Why there is no number.

    `reason` is a short code that programs can compare (`no_site`, `no_positives`, …); `detail`
    is one sentence for people that says what would give the number.
    """

    reason: str
    detail: str = ""


Measure = Value | Missing
