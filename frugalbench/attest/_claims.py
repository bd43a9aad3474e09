"""From findings to claims: what may be shown of a measure, and the verdict that follows from it.

A certificate travels without its readers' context, so no number rests on fewer people than the
policy's `min_cell`, and no sentence counts a group. The verdict of a claim is decided from what the
claim discloses, as a verifier decides it.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from frugalbench import metrics
from frugalbench.attest._predicate import Absent, Claim, Interval, comparator, number
from frugalbench.certify import Finding, Policy
from frugalbench.certify._cells import counts_people, hidden_findings
from frugalbench.certify._decide import decide
from frugalbench.metrics.validity import Flaw
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["SMALL", "claims", "counts_people", "plain"]

SMALL = (
    "it rests on fewer than {cell} people, or would give away a number that does, so its numbers "
    "are not shown and it cannot pass"
)
INSIDE = r"(?:[^/\\:;,'\"()\n]|(?<=\w)'(?=\w))"
"""A letter of a folder's name: it may have spaces and apostrophes, as a person's has."""
HIDDEN = re.compile(
    rf"(?<![\w~$%)\]])(?:~|\.+)?/(?!\s)(?:{INSIDE}+/)+[^\s/:;,'\"()]*"
    rf"|(?<!\w)[A-Za-z]:\\(?:{INSIDE}+\\)*[^\s\\:;,'\"()]*"
)
MAX_TEXT = 2000


def plain(text: str) -> str:
    """A text without lone surrogates, control characters or the folders of this machine.

    >>> plain("/home/somebody/models/a.onnx is gone")
    'a.onnx is gone'
    """
    said = text.encode("utf-8", "replace").decode()
    said = "".join(one if one.isprintable() else " " for one in said)
    return HIDDEN.sub(_last, said)[:MAX_TEXT]


def _last(path: re.Match[str]) -> str:
    """The name of a file; a folder's can be that of a person."""
    found = PurePosixPath(path[0].replace("\\", "/"))
    return found.name if found.suffix else "…"


def claims(
    record: Record, findings: Sequence[Finding], policy: Policy, flaws: Sequence[Flaw]
) -> tuple[Claim, ...]:
    """The claims of a verdict, in its order."""
    found = [(one.rule.metric, one.address, one.measure) for one in findings]
    hidden = hidden_findings(record, found, policy.min_cell)
    return tuple(
        _claim(one, policy, flaws, hidden=few) for one, few in zip(findings, hidden, strict=True)
    )


def _claim(finding: Finding, policy: Policy, flaws: Sequence[Flaw], *, hidden: bool) -> Claim:
    rule = finding.rule
    shown = _shown(finding, by_group="attribute" in metrics.find(rule.metric).parameters)
    decided = decide(rule, policy, shown, flaws)
    sign, threshold = comparator(rule)
    claim = Claim(
        id=rule.id + finding.address.removeprefix(rule.metric),
        rule=rule.id,
        metric=rule.metric,
        address=finding.address.encode("utf-8", "replace").decode(),
        comparator=sign,
        threshold=threshold,
        unit=rule.unit,
        required=rule.required,
        verdict=decided.outcome,
        explanation=plain(decided.explanation),
        speaks_to=rule.speaks_to,
    )
    if isinstance(shown, Missing):
        absent = Absent(reason=plain(shown.reason), detail=shown.detail)
        return msgspec.structs.replace(claim, absent=absent)
    if hidden:
        return msgspec.structs.replace(
            claim,
            suppressed=True,
            verdict="NOT_EVALUATED" if decided.outcome == "PASS" else decided.outcome,
            explanation=SMALL.format(cell=policy.min_cell),
        )
    return _with_numbers(claim, shown)


def _shown(finding: Finding, *, by_group: bool) -> Measure:
    """The measure without what its words may count or betray."""
    found = finding.measure
    if isinstance(found, Missing):
        detail = "" if by_group and "[" in finding.address else plain(found.detail)
        return msgspec.structs.replace(found, detail=detail)
    return msgspec.structs.replace(found, note="" if by_group else plain(found.note))


def _with_numbers(claim: Claim, value: Value) -> Claim:
    interval = Interval(
        level=number(value.level),
        method=value.interval,
        lower=number(value.low),
        upper=number(value.high),
    )
    return msgspec.structs.replace(
        claim,
        estimate=number(value.estimate),
        interval=interval,
        n=int(value.n),
        method=value.method,
        grade=value.grade,
        note=value.note,
        bound=None if value.bound is None else number(value.bound),
    )
