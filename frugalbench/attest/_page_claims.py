"""The claims of a certificate in words, as a report has its rules."""

from dataclasses import dataclass

from frugalbench import metrics
from frugalbench.attest._page_words import PAGE
from frugalbench.attest._predicate import Claim, Evaluation, measure, parsed
from frugalbench.certify import Finding, Policy, Rule, Verdict
from frugalbench.report._constructions import construction, law
from frugalbench.report._format import Lang, clean, plain
from frugalbench.report._phrases import at_most, note, reason
from frugalbench.report._view import RuleRow, rule_rows
from frugalbench.values import Missing, Value

__all__ = ["Claimed", "claimed"]

MOST_NOTE = 800


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claim in words: `row` as a report has it, and what only a certificate tells of it.

    `interval` is with its level and construction, `got` says n and how; both are empty where there
    is no number. `told` says why, and what else there is to say.
    """

    row: RuleRow
    interval: str
    got: str
    told: tuple[str, ...]
    speaks_to: tuple[str, ...]


def claimed(said: Evaluation, judged_by: Policy | None, lang: Lang) -> tuple[Claimed, ...]:
    """Every claim in words, its rule's purpose from the policy where that can be read."""
    rules = {} if judged_by is None else {rule.id: rule for rule in judged_by.rules}
    verdict = Verdict(
        record=said.record,
        policy=said.policy.name,
        policy_version=said.policy.version,
        policy_sha256=said.policy.digest["sha256"],
        overall=said.verdict,
        findings=tuple(_finding(one, rules.get(one.rule)) for one in said.claims),
    )
    rows = rule_rows(verdict, lang)
    return tuple(_claimed(one, row, lang) for one, row in zip(said.claims, rows, strict=True))


def _finding(claim: Claim, rule: Rule | None) -> Finding:
    """A claim as the judge would have found it, with the bound that the claim states."""
    try:
        bound: float | None = parsed(claim.threshold)
    except ValueError:
        bound = None
    most = claim.comparator == "<="
    return Finding(
        rule=Rule(
            id=claim.rule,
            metric=claim.metric,
            unit=claim.unit,
            at_most=bound if most else None,
            at_least=None if most else bound,
            required=claim.required,
            why=rule.why if rule else "",
            pourquoi=rule.pourquoi if rule else "",
            speaks_to=claim.speaks_to,
        ),
        address=claim.address,
        measure=_measure(claim),
        outcome=claim.verdict,
        explanation=claim.explanation,
    )


def _measure(claim: Claim) -> Value | Missing:
    """What a claim discloses, or why it shows no number."""
    if claim.metric not in metrics.every():
        return Missing(reason="unknown_metric", detail=f"this version has no {claim.metric}")
    try:
        found = measure(claim)
    except ValueError as error:
        return Missing(reason="contradictory", detail=f"its numbers are not shown: {error}")
    return Missing(reason="small_cell") if found is None else found


def _claimed(claim: Claim, row: RuleRow, lang: Lang) -> Claimed:
    words, value, shown = PAGE[lang], row.finding.measure, row.shown
    spoken = tuple(law(one, lang) for one in claim.speaks_to)
    if claim.suppressed:
        return Claimed(row, "", "", (words["suppressed"],), spoken)
    why = row.explanation[0]
    if isinstance(value, Missing) or shown is None:
        missing = value if isinstance(value, Missing) else Missing(reason="contradictory")
        return Claimed(row, "", "", (why or reason(missing, lang)[0],), spoken)
    level = plain(100 * value.level, lang)
    made = words["interval"].format(level=level, method=construction(value.interval, lang))
    interval = words["one"] if shown.exact else f"{shown.interval} {made}"
    told = (why, at_most(shown), note(clean(value.note, MOST_NOTE), lang)[0])
    # The judge's own sentence may end with the measure's.
    kept = dict.fromkeys(one for one in told if one and (one == why or one not in why))
    n = row.n if row.n.startswith("≥") else f"= {row.n}"
    got = words["got"].format(n=n, how=row.method)
    return Claimed(row, interval, got, tuple(kept), spoken)
