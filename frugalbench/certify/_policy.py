"""What is asked of a record: rules with bounds, and a stand on evidence."""

import hashlib
import math
from typing import Annotated

import msgspec
from msgspec import Meta

from frugalbench import metrics
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.metrics import Metric, MissingGroups
from frugalbench.values import MEASURED, METHODS, Method

__all__ = ["MIN_CELL", "VALIDITY_DAYS", "Policy", "Rule", "check", "digest"]

MIN_CELL = 10
"""Fewest people behind a number that is shown to others, where no policy says."""
VALIDITY_DAYS = 365

MEASURABLE: dict[str, tuple[float, float]] = {
    "s": (1e-12, 1e9),
    "1/s": (1e-9, 1e12),
    "B": (1, 1e18),
    "J": (1e-15, 1e15),
    "W": (1e-9, 1e12),
    "kWh": (1e-15, 1e15),
    "g": (1e-15, 1e15),
    "kg": (1e-15, 1e15),
    "L": (1e-15, 1e15),
    "nat": (1e-15, 36.05),
    "1": (1e-12, 1e18),
}
"""The least above zero and the most that anything measured in a unit can be, generously: a clock
ticks in nanoseconds and a call holds at most some thousands of samples, a run lasts less than 30
years, a file is under an exabyte, and no log loss is over -ln(2⁻⁵²). A bound beyond is none."""
ANY_UNIT = (1e-30, 1e30)
"""The same for other units, such as that of a label."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One requirement: a metric, one bound in the metric's own unit, and why.

    `methods`, when given, replaces the policy's list of accepted methods for this rule. `speaks_to`
    names the law or practice it is about, as `AI Act art. 15(1)`: it is no claim of conformity.
    """

    id: str
    metric: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    required: bool = True
    methods: tuple[Method, ...] = ()
    why: str = ""
    pourquoi: str = ""
    speaks_to: tuple[str, ...] = ()

    @property
    def bound(self) -> str:
        """The bound in words, for a person."""
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named, versioned list of rules, and its stand on evidence.

    `methods` lists how a number may have been got: leave `modelled` out and a modelled energy is
    not evaluated. A group smaller than `min_group` is inconclusive. Rows without a group are a
    group of their own (`include`), left out (`exclude`) or a reason not to evaluate (`fail`).
    A certificate under it is valid for `validity_days`, and shows no number that rests on fewer
    than `min_cell` people.
    """

    name: str
    version: str
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    summary: str = ""
    resume: str = ""
    methods: tuple[Method, ...] = (*MEASURED, "timer", "counted")
    min_group: Annotated[int, Meta(ge=1)] = 30
    missing_groups: MissingGroups = "fail"
    validity_days: Annotated[int, Meta(ge=1, le=3660)] = VALIDITY_DAYS
    min_cell: Annotated[int, Meta(ge=1)] = MIN_CELL


def digest(policy: Policy) -> str:
    """SHA-256 of the policy's canonical JSON: what a verdict says it was judged by."""
    return hashlib.sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()


def check(policy: Policy) -> Policy:
    """Return the policy if every rule can be evaluated and can fail.

    Raises:
        UsageError: an unknown metric, a unit that is not the metric's, no bound or two, a bound
            the metric can never break, two rules with one id, or a rule that accepts no method by
            which a number can be got.
    """
    seen: set[str] = set()
    for rule in policy.rules:
        where = f"policy '{policy.name}', rule '{rule.id}'"
        known = metrics.every()
        if rule.id in seen:
            raise UsageError(f"{where}: the id is used twice; rename one")
        seen.add(rule.id)
        if rule.metric not in known:
            near = did_you_mean(rule.metric, known)
            raise UsageError(f"{where}: there is no metric '{rule.metric}'; {near}")
        _check_bound(where, rule, known[rule.metric])
        if not set(rule.methods or policy.methods) - {"pretend"}:
            raise UsageError(
                f"{where}: no number could ever be accepted, a pretend one least of all; list "
                f"some of {', '.join(one for one in METHODS if one != 'pretend')} in methods"
            )
    return policy


def _check_bound(where: str, rule: Rule, metric: Metric) -> None:
    if rule.unit != metric.unit:
        raise UsageError(f"{where}: {rule.metric} is in '{metric.unit}', not in '{rule.unit}'")
    if (rule.at_most is None) == (rule.at_least is None):
        raise UsageError(f"{where}: give one of at_most and at_least")
    bound = rule.at_most if rule.at_most is not None else rule.at_least
    if bound is None or not math.isfinite(bound):
        raise UsageError(f"{where}: the bound must be a finite number")
    low, high = _range(metric)
    if bound >= high if rule.at_most is not None else bound <= low:
        low = metric.minimum if math.isfinite(metric.minimum) else low
        high = metric.maximum if math.isfinite(metric.maximum) else high
        raise UsageError(
            f"{where}: {rule.metric} lies between {low:g} and {high:g}, "
            f"so a bound of {bound:g} can never fail; choose one inside the range"
        )
    if "group" in metric.parameters:
        raise UsageError(f"{where}: {rule.metric} is a rate of one group; use a rule over groups")


def _range(metric: Metric) -> tuple[float, float]:
    """Outside what no measured value can break a bound: below the first, or above the second.

    The ends of a range are met a rounding early, as 1 - 1e-16 leaves nothing above it either.
    """
    least, most = MEASURABLE.get(metric.unit, ANY_UNIT)
    low = metric.minimum + least if math.isfinite(metric.minimum) else -most
    high = metric.maximum - least if math.isfinite(metric.maximum) else most
    return low, high
