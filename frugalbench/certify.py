"""Judge a record against a policy. One pure function serves the CLI, CI, pytest and the library.

A rule passes when the whole interval of its value is inside the bound and fails when the whole
interval is outside; between the two it is inconclusive, and the finding says about how many more
observations would settle it. A missing value, or one got by a method the policy does not accept,
is never evaluated, and so never passes.
"""

import hashlib
import math
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from frugalbench import metrics
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.metrics import Metric, MissingGroups, Scope, validity
from frugalbench.record import Record
from frugalbench.values import MEASURED, Measure, Method, Missing, Value

__all__ = [
    "EXIT_CODES",
    "Finding",
    "Outcome",
    "Policy",
    "Rule",
    "Verdict",
    "check",
    "digest",
    "judge",
]

Outcome = Literal["PASS", "INCONCLUSIVE", "NOT_EVALUATED", "FAIL"]
"""From the best to the worst: the overall verdict is the worst of the required rules."""

SEVERITY: tuple[Outcome, ...] = ("PASS", "INCONCLUSIVE", "NOT_EVALUATED", "FAIL")
EXIT_CODES: dict[Outcome, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3, "NOT_EVALUATED": 3}

RUN_FAMILIES = ("latency", "energy", "carbon", "water", "projection")
ANSWER_FAMILIES = ("quality", "fairness")
"""What an INVALID run leaves without evidence: what was timed, and, where a model does not answer
alike from call to call, what it answered."""

MOST_OBSERVATIONS = 1e9
# A sample sized so that the expected interval just touches the bound settles the rule one time in
# two; (1.96 + 0.84)² / 1.96² raises that to four times in five.
POWER_FACTOR = ((1.959964 + 0.841621) / 1.959964) ** 2


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One requirement: a metric, one bound in the metric's own unit, and why.

    `methods`, when given, replaces the policy's list of accepted methods for this rule.
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

    @property
    def bound(self) -> str:
        """The bound in words, for a person."""
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named, versioned list of rules, and its stand on evidence.

    `methods` lists how a number may have been got: leave `modelled` out and a modelled energy is
    not evaluated. A group smaller than `min_group` is inconclusive. Rows without a group are a
    group of their own (`include`), left out (`exclude`) or a reason not to evaluate (`fail`).
    """

    name: str
    version: str
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    summary: str = ""
    resume: str = ""
    methods: tuple[Method, ...] = (*MEASURED, "timer", "counted")
    min_group: Annotated[int, Meta(ge=1)] = 30
    missing_groups: MissingGroups = "fail"


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The judgement of one rule on one measure, and what would change it.

    `needed` is about the number of observations (of the smallest group, for a rule over groups)
    that would settle an inconclusive rule; None when no number would, or none is called for.
    """

    rule: Rule
    address: str
    measure: Value | Missing
    outcome: Outcome
    explanation: str
    needed: int | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every finding, and the worst outcome among the required ones."""

    record: str
    policy: str
    policy_version: str
    policy_sha256: str
    overall: Outcome
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """What the command line returns: 0 pass, 1 fail, 3 not enough evidence."""
        return EXIT_CODES[self.overall]


def digest(policy: Policy) -> str:
    """SHA-256 of the policy's canonical JSON: what a verdict says it was judged by."""
    return hashlib.sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()


def check(policy: Policy) -> Policy:
    """Return the policy if every rule can be evaluated and can fail.

    Raises:
        UsageError: an unknown metric, a unit that is not the metric's, no bound or two, a bound
            the metric can never break, or two rules with one id.
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


def judge(record: Record, policy: Policy) -> Verdict:
    """Judge a record. Pure: the same record and policy give the same verdict, byte for byte.

    Raises:
        UsageError: the policy does not pass `check`.
    """
    check(policy)
    flaws = validity.flaws(record)
    findings = tuple(
        _find(record, policy, rule, scope, flaws)
        for rule in policy.rules
        for scope in _scopes(record, rule)
    )
    required = [finding.outcome for finding in findings if finding.rule.required]
    overall: Outcome = max(required, key=SEVERITY.index) if required else "NOT_EVALUATED"
    return Verdict(
        record=record.id,
        policy=policy.name,
        policy_version=policy.version,
        policy_sha256=digest(policy),
        overall=overall,
        findings=findings,
    )


def _scopes(record: Record, rule: Rule) -> list[Scope]:
    """The scopes to judge a rule in: an absent attribute still yields one, to be found missing."""
    return list(metrics.find(rule.metric).scopes(record)) or [{}]


def _find(
    record: Record, policy: Policy, rule: Rule, scope: Scope, flaws: tuple[validity.Flaw, ...]
) -> Finding:
    metric = metrics.find(rule.metric)
    measure: Measure
    if "attribute" in metric.parameters and not scope:
        detail = "no group column was declared: add data.groups=[…]"
        measure = Missing(reason="missing_attribute", detail=detail)
    elif "missing" in metric.parameters:
        measure = metric(record, **scope, missing=policy.missing_groups)
    else:
        measure = metric(record, **scope)
    decision = _decide(rule, policy, measure, by_group="attribute" in scope)
    if (why := _void(flaws, rule.metric)) and isinstance(measure, Value):
        decision = _Decision("NOT_EVALUATED", why)
    return Finding(
        rule=rule,
        address=metrics.address(rule.metric, scope),
        measure=measure,
        outcome=decision.outcome,
        explanation=decision.explanation,
        needed=decision.needed,
    )


def _void(flaws: tuple[validity.Flaw, ...], name: str) -> str:
    """Why a run is no evidence for a metric, or nothing."""
    family = name.partition(".")[0]
    for flaw in flaws:
        about_answers = flaw.code == "answers_differ" and family in ANSWER_FAMILIES
        if family in RUN_FAMILIES or about_answers:
            return f"the run is INVALID: {flaw.detail}"
    return ""


class _Decision(NamedTuple):
    outcome: Outcome
    explanation: str
    needed: int | None = None


def _decide(rule: Rule, policy: Policy, measure: Measure, *, by_group: bool) -> _Decision:
    """The outcome of one measure, and the sentence that says what would change it."""
    if isinstance(measure, Missing):
        return _Decision("NOT_EVALUATED", measure.detail or measure.reason)
    accepted = rule.methods or policy.methods
    if measure.method == "pretend":
        why = "the number comes from a pretend meter, which can never certify"
        return _Decision("NOT_EVALUATED", why)
    if measure.method not in accepted:
        why = f"the number is {measure.method}; this policy accepts {', '.join(accepted)}"
        return _Decision("NOT_EVALUATED", why)
    decision = _compare(rule, measure, by_group=by_group)
    # A small group cannot give a pass; what larger groups already fail stays failed.
    if by_group and measure.n < policy.min_group and decision.outcome != "FAIL":
        why = (
            f"the smallest group has {measure.n} rows to count and the policy asks for "
            f"{policy.min_group}; {measure.note}"
        )
        return _Decision("INCONCLUSIVE", why, max(policy.min_group, decision.needed or 0))
    return decision


def _compare(rule: Rule, value: Value, *, by_group: bool) -> _Decision:
    if rule.at_most is not None:
        bound, inside, outside = rule.at_most, value.high <= rule.at_most, value.low > rule.at_most
    else:
        bound = rule.at_least if rule.at_least is not None else math.nan
        inside, outside = value.low >= bound, value.high < bound
    note = f"; {value.note}" if value.note else ""
    if value.interval == "single_observation":
        why = "it was seen once, so its interval is unknown: measure it again"
        return _Decision("INCONCLUSIVE", why)
    if inside:
        return _Decision("PASS", f"the whole interval is inside the bound{note}")
    if outside:
        return _Decision("FAIL", f"the whole interval is outside the bound{note}")
    needed = _needed(value, bound)
    what = "rows in the smallest group" if by_group else "observations"
    why = "the estimate is too close to the bound for any number of observations to settle it"
    if needed is not None:
        why = f"about {needed:,} {what} instead of {value.n:,} would settle it"
    return _Decision("INCONCLUSIVE", f"{why}{note}", needed)


def _needed(value: Value, bound: float) -> int | None:
    """About how many observations would settle it, if the estimate stays (width goes as 1/√n)."""
    distance = abs(bound - value.estimate)
    half = value.high - value.estimate if bound > value.estimate else value.estimate - value.low
    # More calls do not make a model of power any truer.
    if distance == 0 or value.n == 0 or value.method == "modelled":
        return None
    ratio = half / distance
    needed = max(value.n * POWER_FACTOR * ratio * ratio, value.n + 1)
    return math.ceil(needed) if needed <= MOST_OBSERVATIONS else None
