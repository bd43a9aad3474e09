"""The declarations of a CycloneDX bill of materials: a policy as a standard, findings as claims.

Only what was shown is a claim: PASS gives one with its evidence, FAIL one with counter-evidence.
A rule that is inconclusive or was not evaluated has none, and scores 0. Nobody signs here: a
document that is not signed says who measured, not who answers for it.
"""

from typing import Any

import msgspec

from frugalbench import metrics
from frugalbench.certify import Outcome, Rule, Verdict
from frugalbench.record import Record
from frugalbench.report._disclosed import Claim, claims, fixed, known, moment, predicate
from frugalbench.report._format import clean
from frugalbench.report._view import headline
from frugalbench.values import Value

__all__ = ["declarations", "standard"]

SUPPORTS: dict[Outcome, tuple[str, str]] = {
    "PASS": ("evidence", "claims"),
    "FAIL": ("counterEvidence", "counterClaims"),
}
"""Where an outcome's evidence goes in its claim, and its claim in the attestation."""
Json = dict[str, Any]


def standard(verdict: Verdict) -> Json:
    """The policy: its rules in order, and which of them are required."""
    numbered = list(enumerate(_rules(verdict)))
    levels = [
        known(
            **{"bom-ref": f"level:{name}"},
            identifier=name,
            requirements=[f"rule:{at}" for at, rule in numbered if rule.required == required],
        )
        for name, required in (("required", True), ("advisory", False))
    ]
    return known(
        **{"bom-ref": "policy"},
        name=clean(verdict.policy) or "unnamed",
        version=clean(verdict.policy_version),
        requirements=[_requirement(at, rule) for at, rule in numbered],
        levels=[level for level in levels if "requirements" in level],
    )


def _rules(verdict: Verdict) -> list[Rule]:
    return list({finding.rule.id: finding.rule for finding in verdict.findings}.values())


def _requirement(at: int, rule: Rule) -> Json:
    return known(
        **{"bom-ref": f"rule:{at}"},
        identifier=clean(rule.id),
        title=clean(metrics.find(rule.metric).title),
        text=predicate(rule),
        descriptions=[why] if (why := clean(rule.why, 400)) else None,
        properties=[
            {"name": "frugalbench:speaks_to", "value": clean(one)} for one in rule.speaks_to
        ],
    )


def declarations(record: Record, verdict: Verdict) -> Json:
    """Who measured, what is claimed, on which evidence, and how each rule came out."""
    found = list(enumerate(claims(record, verdict)))
    shown = [(at, one) for at, one in found if one.outcome in SUPPORTS]
    place = {rule.id: at for at, rule in enumerate(_rules(verdict))}
    summary = ": ".join(headline(verdict, "en"))
    return {
        # The one who ran the measurement; the record does not say who that is.
        "assessors": [{"bom-ref": "assessor", "thirdParty": False}],
        "attestations": [
            {
                "summary": summary,
                "assessor": "assessor",
                "map": [_mapped(at, one, place[one.rule.id]) for at, one in found],
            }
        ],
        "claims": [_claim(at, one) for at, one in shown],
        "evidence": [_evidence(at, one, record, verdict) for at, one in shown],
    }


def _claim(at: int, claim: Claim) -> Json:
    where, _ = SUPPORTS[claim.outcome]
    return {
        "bom-ref": f"claim:{at}",
        "target": "model",
        "predicate": f"{predicate(claim.rule)} [{claim.address}]",
        "reasoning": f"{claim.outcome}: {claim.explanation}",
        where: [f"evidence:{at}"],
    }


def _mapped(at: int, claim: Claim, rule: int) -> Json:
    mapped: Json = {"requirement": f"rule:{rule}"}
    if claim.outcome in SUPPORTS:
        _, where = SUPPORTS[claim.outcome]
        mapped[where] = [f"claim:{at}"]
    mapped["conformance"] = {
        "score": 1 if claim.outcome == "PASS" else 0,
        "rationale": f"{claim.address}: {claim.outcome}: {claim.explanation}",
    }
    if isinstance(claim.measure, Value):
        mapped["confidence"] = {
            "score": claim.measure.level,
            "rationale": f"level of the interval ({clean(claim.measure.interval)})",
        }
    return mapped


def _evidence(at: int, claim: Claim, record: Record, verdict: Verdict) -> Json:
    value = claim.measure
    held = {"address": claim.address, "outcome": claim.outcome}
    if isinstance(value, Value):
        held |= known(
            estimate=fixed(value.estimate),
            low=fixed(value.low),
            high=fixed(value.high),
            unit=clean(value.unit, 24),
            n=str(value.n),
            method=value.method,
            interval=clean(value.interval),
            level=fixed(value.level),
        )
    attachment = {
        "contentType": "application/json",
        "content": msgspec.json.encode(held).decode(),
    }
    return known(
        **{"bom-ref": f"evidence:{at}"},
        propertyName=f"frugalbench:{claim.address}",
        description=claim.explanation,
        data=[{"name": claim.address, "contents": {"attachment": attachment}}],
        created=moment(record.created),
        expires=moment(record.created, verdict.validity_days),
    )
