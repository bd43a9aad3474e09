"""What may leave the house: the numbers of a record as a bill of materials or a card shows them.

Such a file travels further than a report, and without its reader's context. So a number that rests
on a few people is withheld, and so is one that is no evidence: of a pretend meter, or of a run that
is INVALID. What is withheld is a `Missing` that says why.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from frugalbench import metrics
from frugalbench.certify import MIN_CELL, Finding, Outcome, Rule, Verdict
from frugalbench.certify._cells import Asked, hidden_findings, too_few
from frugalbench.certify._decide import void
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.report._format import Lang, clean
from frugalbench.report._phrases import reason
from frugalbench.report._view import Line, lines
from frugalbench.values import Measure, Missing

__all__ = [
    "JOULES_PER_KWH",
    "Claim",
    "claims",
    "fixed",
    "hides_cells",
    "is_digest",
    "known",
    "measures",
    "moment",
    "named",
    "predicate",
    "serial",
    "shareable",
    "shared",
    "slice_of",
    "told",
]

JOULES_PER_KWH = 3.6e6
DIGITS = 12
SMALL = "small_cell"
OF_QUESTION = ("missing_attribute", "no_baseline", "not_probed", "no_probes", "no_reference")
"""Reasons about what was asked for, not about the people of a group."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One finding as it may be shown; a withheld number is never called a pass."""

    finding: Finding
    measure: Measure
    outcome: Outcome
    explanation: str

    @property
    def rule(self) -> Rule:
        """The rule it is about."""
        return self.finding.rule

    @property
    def address(self) -> str:
        """The metric and its scope, on one line."""
        return clean(self.finding.address)


def measures(record: Record, verdict: Verdict | None) -> tuple[Line, ...]:
    """Every metric of a record as it may be shown to anyone."""
    flaws = validity.flaws(record)
    return tuple(
        replace(line, measure=_evidence(line.name, line.measure, flaws))
        for line in shareable(record, verdict)
    )


def shareable(record: Record, verdict: Verdict | None) -> tuple[Line, ...]:
    """Every metric of a record, evidence or not, without the numbers that rest on a few people."""
    cell = verdict.min_cell if verdict is not None else MIN_CELL
    found = lines(record)
    hidden = too_few(record, [Asked(one.name, one.scope, one.measure) for one in found], cell)
    return tuple(
        replace(line, measure=_shown(line.measure, cell, hidden=few))
        for line, few in zip(found, hidden, strict=True)
    )


def hides_cells(record: Record, verdict: Verdict | None) -> bool:
    """Whether some number of a record rests on too few people to be shown to anyone."""
    measures = [line.measure for line in shareable(record, verdict)]
    measures += [] if verdict is None else [one.measure for one in shared(record, verdict).findings]
    return any(isinstance(one, Missing) and one.reason == SMALL for one in measures)


def shared(record: Record, verdict: Verdict) -> Verdict:
    """A verdict as others may read it: no number or sentence of a few people, every outcome kept.

    What is said of groups that have no number is said of them in general: a detail may count one.
    """
    hidden = _hidden(record, verdict)
    made = [
        _redacted(one, verdict.min_cell, few=few)
        for one, few in zip(verdict.findings, hidden, strict=True)
    ]
    return msgspec.structs.replace(verdict, findings=tuple(made))


def _redacted(finding: Finding, cell: int, *, few: bool) -> Finding:
    measure, why = _shown(finding.measure, cell, hidden=few), finding.explanation
    needed = None if few else finding.needed
    if isinstance(measure, Missing) and _counts(finding, measure):
        why = told(finding.rule.metric, measure)
        measure = msgspec.structs.replace(measure, detail=why)
    return msgspec.structs.replace(finding, measure=measure, explanation=why, needed=needed)


def _counts(finding: Finding, missing: Missing) -> bool:
    """Whether the words of a missing number may count the rows of a group, or name an empty one."""
    of_question = missing.reason in OF_QUESTION and not re.search(r"\d", missing.detail)
    return missing.reason == SMALL or ("[" in finding.address and not of_question)


def _hidden(record: Record, verdict: Verdict) -> tuple[bool, ...]:
    found = [(one.rule.metric, one.address, one.measure) for one in verdict.findings]
    return hidden_findings(record, found, verdict.min_cell)


def _evidence(name: str, measure: Measure, flaws: tuple[validity.Flaw, ...]) -> Measure:
    """The measure unless it is no evidence, or no number: then why."""
    if isinstance(measure, Missing):
        return measure
    if measure.method == "pretend":
        return Missing(reason="pretend", detail="the number comes from a pretend meter")
    if why := void(name, flaws):
        return Missing(reason="invalid_run", detail=why)
    if not math.isfinite(measure.estimate):
        return Missing(reason="not_finite", detail="the number is not finite")
    return measure


def _shown(measure: Measure, cell: int, *, hidden: bool) -> Measure:
    """The measure unless it rests on too few people."""
    if not hidden or isinstance(measure, Missing):
        return measure
    return Missing(reason=SMALL, detail=f"fewer than {cell} people, here or in a group beside it")


def claims(record: Record, verdict: Verdict) -> tuple[Claim, ...]:
    """Every finding as it may be shown to anyone, in the order of the verdict."""
    flaws = validity.flaws(record)
    return tuple(
        _claim(finding, _shown(finding.measure, verdict.min_cell, hidden=few), flaws)
        for finding, few in zip(verdict.findings, _hidden(record, verdict), strict=True)
    )


def _claim(finding: Finding, shown: Measure, flaws: tuple[validity.Flaw, ...]) -> Claim:
    rule, outcome = finding.rule, finding.outcome
    measure = _evidence(rule.metric, shown, flaws)
    if isinstance(measure, Missing) and outcome == "PASS":
        outcome = "NOT_EVALUATED"
    return Claim(finding, measure, outcome, _explained(finding, measure, outcome))


def _explained(finding: Finding, measure: Measure, outcome: Outcome) -> str:
    """Why, without a count of a group: the judge's own sentence may name one."""
    if isinstance(measure, Missing):
        return told(finding.rule.metric, measure)
    if "attribute" not in metrics.find(finding.rule.metric).parameters or outcome == "PASS":
        return clean(finding.explanation, 800)
    if outcome == "INCONCLUSIVE" and finding.needed is not None:
        return f"about {finding.needed:,} in the smallest group would settle it"
    words = {
        "FAIL": "the whole interval is outside the bound",
        "INCONCLUSIVE": "the interval holds the bound",
    }
    return words.get(outcome, clean(finding.explanation, 800))


def told(name: str, missing: Missing, lang: Lang = "en") -> str:
    """Why there is no number; of groups only in general, as the detail may count one."""
    if "attribute" in metrics.find(name).parameters and missing.reason != SMALL:
        missing = msgspec.structs.replace(missing, detail="")
    return reason(missing, lang)[0]


def predicate(rule: Rule) -> str:
    """What a rule asks, such as `latency.p90 ≤ 0.1 s`."""
    unit = "" if rule.unit == "1" else f" {clean(rule.unit, 24)}"
    most, least = rule.at_most, rule.at_least
    bound = f"≤ {fixed(most)}" if most is not None else f"≥ {fixed(least or 0.0)}"
    return f"{clean(rule.metric)} {bound}{unit}"


def slice_of(line: Line) -> str:
    """The part of the data a number is about, such as `sex=F`; empty for all of it."""
    scope: Mapping[str, str] = line.scope
    parts = []
    if "attribute" in scope:
        group = f"={clean(scope['group'])}" if "group" in scope else ""
        parts.append(f"{clean(scope['attribute'])}{group}")
    parts += [
        f"{key}={clean(scope[key])}" for key in ("probe", "feature", "baseline") if key in scope
    ]
    return ", ".join(parts)


def named(record: Record) -> str:
    """The model's name on one line."""
    return clean(record.spec.model.name or record.model.name) or "unnamed"


def fixed(x: float) -> str:
    """A number in fixed-point notation to twelve digits, never with an exponent.

    Of what is not finite there is no such notation, and the text is empty.

    >>> fixed(1.2e-05)
    '0.000012'
    >>> fixed(3.0)
    '3'
    """
    if not math.isfinite(x):
        return ""
    text = f"{Decimal(f'{x:.{DIGITS}g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 in lower-case hexadecimal digits."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def moment(text: str, days: int = 0) -> str | None:
    """A time in RFC 3339, UTC, so many days later; None where the text is no time."""
    try:
        then = datetime.fromisoformat(text).astimezone(UTC) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def serial(record: Record, verdict: Verdict | None) -> str:
    """A name of what is exported that is the same whenever it is written again (UUID version 5)."""
    judged = (verdict.policy_sha256, verdict.reference) if verdict is not None else ()
    about = "/".join(clean(one) for one in (record.id, record.model.sha256, *judged))
    return str(uuid5(NAMESPACE_URL, f"frugalbench:{about}"))


def known(**entries: Any) -> dict[str, Any]:
    """The entries that say something: what is None or empty is left out."""
    return dict(_known(entries))


def _known(entries: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, entry in entries.items():
        if entry is not None and entry not in ("", [], {}, ()):
            yield key, entry
