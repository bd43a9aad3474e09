"""What a report shows, in words and cleaned, before any format escapes and lays it out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from frugalbench import metrics
from frugalbench.certify import Finding, Outcome, Verdict
from frugalbench.errors import UsageError
from frugalbench.metrics import MISSING_GROUP, Metric, Scope
from frugalbench.record import Record
from frugalbench.report._format import Lang, Shown, clean, count, show
from frugalbench.report._phrases import SYMBOLS, WORDS, Sentence, explanation, how, note
from frugalbench.values import Measure, Missing, Value

FAR = 1000
"""An estimate this many times from its bound is in another unit."""

REMARKED = ("carbon", "energy", "latency", "necessity", "privacy", "projection", "water")
MAX_REMARK = 800

__all__ = [
    "Line",
    "RuleRow",
    "absent",
    "check_same",
    "deciding",
    "drifted",
    "group_name",
    "grouped",
    "headline",
    "lines",
    "remarks",
    "rule_rows",
    "tally",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One metric in one scope."""

    address: str
    name: str
    scope: Scope
    metric: Metric
    measure: Measure


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One finding in words; `shown` is None where there is no number."""

    finding: Finding
    outcome: Outcome
    symbol: str
    word: str
    id: str
    title: str
    address: str
    shown: Shown | None
    bound: str
    n: str
    method: str
    weight: str
    explanation: Sentence
    why: Sentence


@metrics.once(1)
def lines(record: Record) -> tuple[Line, ...]:
    """Every metric of a record in every scope, with the scope kept apart from the address.

    A measurement is reported in several formats at once, so the last record's lines are kept.
    """
    return tuple(
        Line(clean(metrics.address(name, scope)), name, scope, one, one(record, **scope))
        for name, one in metrics.every().items()
        if not one.paired
        for scope in one.scopes(record)
    )


def drifted(record: Record, reference: Record) -> tuple[Line, ...]:
    """Every metric that compares a record with a reference, in every scope."""
    return tuple(
        Line(
            clean(metrics.address(name, scope)),
            name,
            scope,
            one,
            one(record, **scope, reference=reference),
        )
        for name, one in metrics.every().items()
        if one.paired
        for scope in one.scopes(record)
    )


def remarks(found: Iterable[Line], lang: Lang) -> tuple[tuple[str, Sentence], ...]:
    """What measures say of themselves, such as the boundary of a score: address and sentence."""
    return tuple(
        (line.address, note(clean(line.measure.note, MAX_REMARK), lang))
        for line in found
        if isinstance(line.measure, Value)
        and line.measure.note
        and line.name.partition(".")[0] in REMARKED
    )


def grouped(found: Iterable[Line]) -> tuple[tuple[Line, ...], ...]:
    """The lines of each rate over the groups of one column, where at least one has a number."""
    return tuple(group for group in _by_group(found) if not _unknown(group))


def absent(found: Iterable[Line]) -> tuple[Line, ...]:
    """The lines with no number; a rate unknown in every group of a column counts once."""
    found = tuple(found)
    single = [x for x in found if "group" not in x.scope and isinstance(x.measure, Missing)]
    whole = [
        replace(group[0], address=clean(f"{group[0].name}[{group[0].scope['attribute']}]"))
        for group in _by_group(found)
        if _unknown(group)
    ]
    return (*single, *whole)


def _by_group(found: Iterable[Line]) -> list[tuple[Line, ...]]:
    together: dict[tuple[str, str], list[Line]] = {}
    for line in found:
        if "group" in line.scope:
            together.setdefault((line.scope["attribute"], line.name), []).append(line)
    return [tuple(group) for group in together.values()]


def _unknown(group: Iterable[Line]) -> bool:
    return all(isinstance(line.measure, Missing) for line in group)


def check_same(record: Record, verdict: Verdict | None) -> None:
    """Refuse to print one record's verdict over another's numbers.

    Raises:
        UsageError: the verdict is about another record.
    """
    if verdict is not None and verdict.record != record.id:
        about, given = clean(verdict.record), clean(record.id)
        raise UsageError(f"the verdict is about record '{about}', not '{given}': judge it again")


def rule_rows(verdict: Verdict, lang: Lang) -> tuple[RuleRow, ...]:
    """Every finding of a verdict in words, in the order of the policy."""
    return tuple(_rule_row(finding, lang) for finding in verdict.findings)


def _rule_row(finding: Finding, lang: Lang) -> RuleRow:
    words, rule, measure = WORDS[lang], finding.rule, finding.measure
    bound = rule.at_most if rule.at_most is not None else rule.at_least
    sign = "≤" if rule.at_most is not None else "≥"
    shown = show(measure, lang, bound=bound) if isinstance(measure, Value) else None
    return RuleRow(
        finding=finding,
        outcome=finding.outcome,
        symbol=SYMBOLS[finding.outcome],
        word=words.outcomes[finding.outcome],
        id=clean(rule.id),
        title=_title(rule.metric, lang),
        address=clean(finding.address),
        shown=shown,
        bound=f"{sign} {_limit(shown, measure, rule.unit, bound, lang)}",
        n=_n(finding, lang),
        method=how(measure, lang) if isinstance(measure, Value) else "",
        weight=words.required if rule.required else words.advisory,
        explanation=explanation(finding, lang),
        why=_why(rule.why, rule.pourquoi, lang),
    )


def _n(finding: Finding, lang: Lang) -> str:
    """How many were counted; over groups, at least so many in each."""
    if not isinstance(finding.measure, Value):
        return ""
    by_group = "attribute" in metrics.every()[finding.rule.metric].parameters
    return ("≥ " if by_group else "") + count(finding.measure.n, lang)


def deciding(rows: Iterable[RuleRow], verdict: Verdict) -> tuple[RuleRow, ...]:
    """The required rules that make the overall verdict what it is, when it is no pass."""
    return tuple(
        row
        for row in rows
        if row.finding.rule.required and row.outcome == verdict.overall != "PASS"
    )


def _limit(
    shown: Shown | None, measure: Measure, unit: str, bound: float | None, lang: Lang
) -> str:
    """The bound in the estimate's unit, or in its own where the two are worlds apart."""
    if shown is None or not isinstance(measure, Value) or bound is None:
        return _bound_alone(unit, bound, lang)
    apart = abs(bound) >= FAR * abs(measure.estimate) or abs(measure.estimate) >= FAR * abs(bound)
    return _bound_alone(unit, bound, lang) if apart and unit != "1" else shown.limit


def _bound_alone(unit: str, bound: float | None, lang: Lang) -> str:
    """A bound with no estimate beside it, in its own best unit."""
    if bound is None:
        return "–"
    alone = Value(
        estimate=bound, unit=unit, low=bound, high=bound, n=0, method="counted", interval="exact"
    )
    return show(alone, lang, bound=bound).limit


def _title(name: str, lang: Lang) -> str:
    known = metrics.every().get(name)
    if known is None:
        return clean(name)
    return clean(known.titre if lang == "fr" else known.title)


def _why(english: str, french: str, lang: Lang) -> Sentence:
    if lang == "fr" and french:
        return clean(french, 400), "fr"
    return clean(english, 400), "en"


def headline(verdict: Verdict | None, lang: Lang) -> tuple[str, str]:
    """The verdict's word, and the sentence that says what it means."""
    words = WORDS[lang]
    if verdict is None:
        return words.not_judged, words.not_judged_long
    if not any(finding.rule.required for finding in verdict.findings):
        return words.outcomes[verdict.overall], words.nothing_required
    return words.outcomes[verdict.overall], words.overall[verdict.overall]


def tally(verdict: Verdict, lang: Lang) -> str:
    """How many rules came out which way, such as `3 PASS · 1 FAIL`."""
    outcomes = [finding.outcome for finding in verdict.findings]
    return " · ".join(
        f"{count(n, lang)} {WORDS[lang].outcomes[outcome]}"
        for outcome in SYMBOLS
        if (n := outcomes.count(outcome))
    )


def group_name(name: str, lang: Lang) -> str:
    """A group's own name, or the words for the rows that are in none."""
    return clean(name.replace(MISSING_GROUP, WORDS[lang].no_group)) or "–"
