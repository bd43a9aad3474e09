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
    never_fails = bound >= metric.maximum if rule.at_most is not None else bound <= metric.minimum
    if never_fails:
        raise UsageError(
            f"{where}: {rule.metric} lies between {metric.minimum:g} and {metric.maximum:g}, "
            f"so a bound of {bound:g} can never fail; choose one inside the range"
        )
    if "group" in metric.parameters:
        raise UsageError(f"{where}: {rule.metric} is a rate of one group; use a rule over groups")
