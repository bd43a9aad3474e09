"""Judge a record against a policy. One pure function serves the CLI, CI, pytest and the library.

A rule passes when the whole interval of its value is inside the bound and fails when the whole
interval is outside; between the two it is inconclusive, and the finding says about how many more
observations would settle it. A missing value, or one got by a method the policy does not accept,
is never evaluated, and so never passes.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from frugalbench import metrics
from frugalbench.certify._decide import SEVERITY, Outcome, decide, overall
from frugalbench.certify._policy import MIN_CELL, VALIDITY_DAYS, Policy, Rule, check, digest
from frugalbench.metrics import Metric, Scope, Settled, validity
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "EXIT_CODES",
    "MIN_CELL",
    "SEVERITY",
    "Finding",
    "Outcome",
    "Policy",
    "Rule",
    "Verdict",
    "check",
    "digest",
    "judge",
]

EXIT_CODES: dict[Outcome, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3, "NOT_EVALUATED": 3}

LACKING = {
    "attribute": ("missing_attribute", "no group column was declared: add data.groups=[…]"),
    "probe": (
        "no_probes",
        "no disturbed inputs were tried: add probes=tabular, or images, audio, text",
    ),
    "feature": ("no_probes", "no feature was shuffled: add probes.shuffles=5"),
    "baseline": (
        "no_baseline",
        "no cheaper model was measured beside it: add baselines=[constant,linear,tree]",
    ),
}
"""Why a metric that is narrowed to something has nothing on a record."""


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
    """Every finding, and the worst outcome among the required ones.

    `reference` is the record it was compared with; empty where it was judged by itself. What is
    published of it holds for `validity_days`, and shows no number that rests on fewer than
    `min_cell` people, as the policy says.
    """

    record: str
    policy: str
    policy_version: str
    policy_sha256: str
    overall: Outcome
    findings: tuple[Finding, ...]
    reference: str = ""
    validity_days: int = VALIDITY_DAYS
    min_cell: int = MIN_CELL

    @property
    def exit_code(self) -> int:
        """What the command line returns: 0 pass, 1 fail, 3 not enough evidence."""
        return EXIT_CODES[self.overall]


def judge(record: Record, policy: Policy, reference: Record | None = None) -> Verdict:
    """Judge a record. Pure: the same records and policy give the same verdict, byte for byte.

    Args:
        record: what was observed.
        policy: what is asked of it.
        reference: the record it is compared with by rules on drift, such as an earlier one.

    Raises:
        UsageError: the policy does not pass `check`.
    """
    check(policy)
    judged = _Judged(record, policy, reference)
    findings = tuple(
        judged.find(rule, scope) for rule in policy.rules for scope in _scopes(record, rule, policy)
    )
    return Verdict(
        record=record.id,
        policy=policy.name,
        policy_version=policy.version,
        policy_sha256=digest(policy),
        overall=overall((one.rule, one.outcome) for one in findings),
        findings=findings,
        reference=reference.id if reference is not None else "",
        validity_days=policy.validity_days,
        min_cell=policy.min_cell,
    )


def _scopes(record: Record, rule: Rule, policy: Policy) -> list[Scope]:
    """The scopes to judge a rule in: an absent attribute still yields one, to be found missing.

    What was declared and is not in the record any more yields its own, to be found missing too.

    Rows that do not say their level of a control are compared too, unless the policy excludes them.
    """
    scopes = list(metrics.find(rule.metric).scopes(record, lost=True))
    if policy.missing_groups == "exclude":
        scopes = [one for one in scopes if not metrics.unstated(record, one.get("attribute"))]
    return scopes or [{}]


class _Judged:
    """A record under a policy."""

    def __init__(self, record: Record, policy: Policy, reference: Record | None) -> None:
        self._record = record
        self._policy = policy
        self._reference = reference
        self._flaws = validity.flaws(record)

    def find(self, rule: Rule, scope: Scope) -> Finding:
        """The finding of a rule in one scope."""
        metric = metrics.find(rule.metric)
        given: dict[str, Any] = {**scope}
        if "missing" in metric.parameters:
            given["missing"] = self._policy.missing_groups
        if metric.paired:
            given["reference"] = self._reference
        measure = self._lacking(metric, scope) or metric(self._record, **given)
        settle = self._settle(metric, given)
        decision = decide(rule, self._policy, measure, self._flaws, settle=settle)
        return Finding(
            rule=rule,
            address=metrics.address(rule.metric, scope),
            measure=measure,
            outcome=decision.outcome,
            explanation=decision.explanation,
            needed=decision.needed,
        )

    def _lacking(self, metric: Metric, scope: Scope) -> Measure | None:
        """Why there is nothing to judge, or None when there is."""
        if metric.paired and self._reference is None:
            return Missing(
                reason="no_reference",
                detail="there is no record to compare with: frugalbench drift BEFORE AFTER",
            )
        for name, one in scope.items():
            if name in metrics.LOST and one in metrics.LOST[name](self._record):
                return metrics.withheld(self._record, metrics.why_lost(name, one))
        if scope:
            return None
        narrowed = (name for name in metric.parameters if name in LACKING)
        for name in narrowed:
            if not list(metrics.narrowing(name, self._record)):
                reason, detail = LACKING[name]
                return metrics.withheld(self._record, Missing(reason=reason, detail=detail))
        return None

    def _settle(self, metric: Metric, given: dict[str, Any]) -> Callable[[float], Settled] | None:
        settle = metric.settle
        return None if settle is None else lambda bound: settle(self._record, bound, **given)
