"""What is seen of one measure in two records, before and after it is decided."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Literal, NamedTuple

import msgspec

from frugalbench.metrics import validity
from frugalbench.metrics._intervals import LEVEL, z_value
from frugalbench.record import Record
from frugalbench.values import Value

__all__ = ["Change", "Ends", "Family", "Outcome", "Seen", "invalid", "value_test"]

Family = Literal["latency", "energy", "memory", "quality", "fairness"]
Outcome = Literal["REGRESSED", "UNCLEAR", "NOT_WORSE", "NOT_COMPARED", "ABSENT"]
Ends = tuple[float, float, float]
Test = Callable[[float], float]
"""The one-sided p-value of the claim that a change is above a bound."""


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measure of a record against that of an earlier one; above 0 is worse.

    `estimate`, `low` and `high` are the change at confidence `level`: a share of the earlier value
    where `relative`, else a difference; None where nothing was compared. `p` is one-sided, of the
    claim that the change is above `smallest`, and `p_adjusted` the same after Holm's correction;
    both are None where the decision is by bounds or by count. `how` says what was compared and
    `detail` why not. ABSENT is what the earlier record has no evidence of: it cannot have regressed
    from nothing.
    """

    family: Family
    address: str
    outcome: Outcome
    smallest: float
    relative: bool = False
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = LEVEL
    p: float | None = None
    p_adjusted: float | None = None
    how: str = ""
    detail: str = ""


class Seen(NamedTuple):
    """A change before anything is decided: what it is, or why there is none.

    `test` gives the p-value of a change above a bound; without one the ends decide.
    """

    address: str
    why: str = ""
    absent: bool = False
    ends: Ends | None = None
    level: float = LEVEL
    relative: bool = False
    how: str = ""
    test: Test | None = None


def value_test(value: Value) -> Test:
    """The p-value of a value above a bound, read off its own lower end."""

    def test(bound: float) -> float:
        half = value.estimate - value.low
        if half <= 0:
            return 0.0 if value.estimate > bound else 1.0
        return 1 - NormalDist().cdf(z_value(value.level) * (value.estimate - bound) / half)

    return test


def invalid(after: Record, before: Record) -> str:
    """Why the run of one of the two is no evidence, or nothing."""
    for which, one in (("this record", after), ("the baseline", before)):
        for flaw in validity.flaws(one):
            return f"the run of {which} is INVALID: {flaw.detail}"
    return ""
