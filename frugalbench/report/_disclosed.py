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
from frugalbench.certify._decide import ANSWER_FAMILIES, RUN_TOO, void
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.report._format import Lang, clean
from frugalbench.report._phrases import reason
from frugalbench.report._view import Line, lines
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "JOULES_PER_KWH",
    "Claim",
    "claims",
    "disclosed",
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
    "slice_of",
    "told",
]

JOULES_PER_KWH = 3.6e6
DIGITS = 12
SMALL = "small_cell"


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
    cell = verdict.min_cell if verdict is not None else MIN_CELL
    flaws = validity.flaws(record)
    return tuple(
        replace(line, measure=disclosed(line.name, line.measure, cell, flaws))
        for line in lines(record)
    )


def shareable(record: Record, verdict: Verdict | None) -> tuple[Line, ...]:
    """Every metric of a record, evidence or not, without the numbers that rest on a few people."""
    cell = verdict.min_cell if verdict is not None else MIN_CELL
    return tuple(
        replace(line, measure=_uncrowded(line.name, line.measure, cell)) for line in lines(record)
    )


def hides_cells(record: Record, verdict: Verdict | None) -> bool:
    """Whether some number of a record rests on too few people to be shown to anyone."""
    return any(
        isinstance(line.measure, Missing) and line.measure.reason == SMALL
        for line in shareable(record, verdict)
    )


def disclosed(
    name: str, measure: Measure, cell: int, flaws: tuple[validity.Flaw, ...] = ()
) -> Measure:
    """A measure as it may be shown to anyone, or why it may not."""
    if isinstance(measure, Missing):
        return measure
    if measure.method == "pretend":
        return Missing(reason="pretend", detail="the number comes from a pretend meter")
    if why := void(name, flaws):
        return Missing(reason="invalid_run", detail=why)
    return _uncrowded(name, measure, cell)


def _uncrowded(name: str, measure: Measure, cell: int) -> Measure:
    """The measure unless it counts people, and fewer than `cell` of them."""
    counts = name.partition(".")[0] in ANSWER_FAMILIES and name not in RUN_TOO
    if isinstance(measure, Value) and not math.isfinite(measure.estimate):
        return Missing(reason="not_finite", detail="the number is not finite")
    if isinstance(measure, Value) and counts and measure.n < cell:
        return Missing(reason=SMALL, detail=f"it rests on fewer than {cell} people")
    return measure


def claims(record: Record, verdict: Verdict) -> tuple[Claim, ...]:
    """Every finding as it may be shown to anyone, in the order of the verdict."""
    flaws = validity.flaws(record)
    return tuple(_claim(finding, verdict.min_cell, flaws) for finding in verdict.findings)


def _claim(finding: Finding, cell: int, flaws: tuple[validity.Flaw, ...]) -> Claim:
    rule, outcome = finding.rule, finding.outcome
    measure = disclosed(rule.metric, finding.measure, cell, flaws)
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
