"""The body of a model card: what was measured, how the required rules came out, and the limits."""

from collections.abc import Iterable

from frugalbench.certify import Verdict
from frugalbench.metrics import find
from frugalbench.record import Record
from frugalbench.report._disclosed import Claim, claims, named, told
from frugalbench.report._facts import alerts, facts, provenance
from frugalbench.report._format import Lang, clean, count, plain, show
from frugalbench.report._phrases import SYMBOLS, WORDS, how
from frugalbench.report._view import Line, group_name, headline, tally
from frugalbench.report.markdown import code, figure, prose, table
from frugalbench.values import Missing, Value

__all__ = ["body"]

HEADINGS: dict[str, dict[Lang, str]] = {
    "evaluation": {"en": "Evaluation", "fr": "Évaluation"},
    "required": {"en": "Required rules", "fr": "Règles requises"},
    "fairness": {"en": "Fairness, group by group", "fr": "Équité, groupe par groupe"},
    "impact": {"en": "Environmental impact", "fr": "Impact environnemental"},
    "limits": {"en": "Limits", "fr": "Limites"},
}
WITHHELD: dict[Lang, str] = {
    "en": "A dash is a number that is not known, or that rests on too few people to be shown.",
    "fr": "Un tiret est un nombre inconnu, ou qui repose sur trop peu de personnes pour être "
    "montré.",
}
RATES = ("accuracy", "selection_rate", "tpr", "fpr", "mean_absolute_error")
IMPACT = ("energy.per_inference", "carbon.per_inference", "water.per_inference")
DASH = "–"


def body(
    record: Record, verdict: Verdict | None, found: tuple[Line, ...], lang: Lang = "en"
) -> str:
    """The Markdown under the front matter; `found` are the measures as they may be shown."""
    words = WORDS[lang]
    parts = [f"# {prose(named(record))}"]
    parts += [f"> **{prose(alert)}**" for alert in alerts(record, lang)]
    parts += [f"## {HEADINGS['evaluation'][lang]}", *_verdict(verdict, lang)]
    parts += [f"### {words.what}", _listed(facts(record, lang), lang)]
    if verdict is not None:
        parts += _rules(record, verdict, lang)
    parts += _groups(found, lang)
    parts += _impact(found, lang)
    parts += _limits(found, lang)
    parts += [f"## {words.claims}", words.claims_long]
    parts += [f"## {words.provenance}", _listed(provenance(record, verdict, lang), lang)]
    return "\n\n".join(parts) + "\n"


def _listed(rows: Iterable[tuple[str, str]], lang: Lang) -> str:
    colon = WORDS[lang].colon
    return "\n".join(f"- **{label}**{colon} {prose(text)}" for label, text in rows)


def _verdict(verdict: Verdict | None, lang: Lang) -> list[str]:
    word, sentence = headline(verdict, lang)
    if verdict is None:
        return [f"**{word}.** {sentence}"]
    judged = WORDS[lang].judged_by.format(
        policy=prose(verdict.policy), version=prose(verdict.policy_version)
    )
    symbol = SYMBOLS[verdict.overall]
    return [f"**{symbol} {word}.** {sentence} {judged} {tally(verdict, lang)}."]


def _rules(record: Record, verdict: Verdict, lang: Lang) -> list[str]:
    words = WORDS[lang]
    rows = [_rule(one, lang) for one in claims(record, verdict) if one.rule.required]
    headings = (
        *(words.outcome, words.rule, words.metric, words.estimate, words.interval),
        *(words.bound, words.n, words.method),
    )
    if not rows:
        return []
    parts = [f"### {HEADINGS['required'][lang]}", table(headings, rows)]
    return [*parts, words.one_sided] if any("†" in cell for row in rows for cell in row) else parts


def _rule(claim: Claim, lang: Lang) -> list[str]:
    rule, measure = claim.rule, claim.measure
    most = rule.at_most is not None
    bound = rule.at_most if rule.at_most is not None else rule.at_least or 0.0
    outcome = f"{SYMBOLS[claim.outcome]} {WORDS[lang].outcomes[claim.outcome]}"
    asked = f"{'≤' if most else '≥'} "
    named = [outcome, prose(rule.id), code(claim.address)]
    if isinstance(measure, Missing):
        unit = "" if rule.unit == "1" else f" {clean(rule.unit, 24)}"
        return [*named, DASH, DASH, figure(f"{asked}{plain(bound, lang)}{unit}"), DASH, DASH]
    shown = show(measure, lang, bound=bound)
    least = "≥ " if "attribute" in find(rule.metric).parameters else ""
    n = f"{least}{count(measure.n, lang)}"
    numbers = [figure(shown.number), figure(shown.interval), figure(f"{asked}{shown.limit}")]
    return [*named, *numbers, n, how(measure, lang)]


def _groups(found: tuple[Line, ...], lang: Lang) -> list[str]:
    """A table for each way to divide the rows: what each group is answered."""
    words = WORDS[lang]
    held: dict[str, dict[str, dict[str, str]]] = {}
    for line in found:
        family, _, rate = line.name.partition(".")
        if family == "fairness" and rate in RATES and "group" in line.scope:
            groups = held.setdefault(line.scope["attribute"], {})
            groups.setdefault(line.scope["group"], {})[rate] = _cell(line, lang)
    parts = []
    for attribute, groups in held.items():
        rates = [
            rate
            for rate in RATES
            if any(cells.get(rate, DASH) != DASH for cells in groups.values())
        ]
        if not rates:
            continue
        rows = [
            [prose(group_name(group, lang)), *(cells.get(rate, DASH) for rate in rates)]
            for group, cells in groups.items()
        ]
        titles = [words.short.get(rate, rate.replace("_", " ")) for rate in rates]
        parts += [f"**{prose(attribute)}**", table([words.group, *titles], rows)]
    return [f"## {HEADINGS['fairness'][lang]}", *parts, WITHHELD[lang]] if parts else []


def _cell(line: Line, lang: Lang) -> str:
    if not isinstance(line.measure, Value):
        return DASH
    shown = show(line.measure, lang)
    return f"{figure(shown.number)} {figure(shown.interval)}"


def _impact(found: tuple[Line, ...], lang: Lang) -> list[str]:
    words = WORDS[lang]
    rows = []
    for line in found:
        if line.name not in IMPACT:
            continue
        title = line.metric.titre if lang == "fr" else line.metric.title
        if isinstance(line.measure, Missing):
            why = f"{words.missing}, {prose(told(line.name, line.measure, lang))}"
            rows.append(f"- {title}{words.colon} {why}")
        else:
            rows.append(f"- {title}{words.colon} {_cell(line, lang)}, {how(line.measure, lang)}")
    return [f"## {HEADINGS['impact'][lang]}", "\n".join(rows)]


def _limits(found: tuple[Line, ...], lang: Lang) -> list[str]:
    """What is not known, each reason once with the measures it holds for."""
    words = WORDS[lang]
    why: dict[str, list[str]] = {}
    for line in found:
        if isinstance(line.measure, Missing):
            names = why.setdefault(told(line.name, line.measure, lang), [])
            if line.name not in names:
                names.append(line.name)
    rows = [
        f"- {prose(reason)}{words.colon} {', '.join(map(code, names))}"
        for reason, names in why.items()
    ]
    if not rows:
        return []
    return [f"## {HEADINGS['limits'][lang]}", words.not_measured_help, "\n".join(rows)]
