"""A page for people who were not there: one file, both languages, no network, no script.

The template escapes everything; nothing here is marked as safe.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2

from frugalbench import metrics
from frugalbench.certify import Finding, Outcome, Verdict
from frugalbench.record import Record
from frugalbench.report._deploy import Projected, projected
from frugalbench.report._draw import Histogram, Span, histogram, span
from frugalbench.report._facts import alerts, facts, notes, provenance
from frugalbench.report._format import Lang, clean, plain, show
from frugalbench.report._grids import Section
from frugalbench.report._phrases import SYMBOLS, WORDS, Sentence, how, reason
from frugalbench.report._sections import gone, sections
from frugalbench.report._view import (
    Line,
    RuleRow,
    deciding,
    headline,
    lines,
    remarks,
    rule_rows,
    tally,
)
from frugalbench.report._words import Words
from frugalbench.values import Missing, Value

__all__ = ["render"]

MOST_REASONS = 6
TRUST = (
    *("fairness", "necessity", "robustness", "calibration", "explanation", "privacy"),
    *("reproducibility", "transparency"),
)
"""The families that have a place of their own on the page, in its order."""
WORST_FIRST: tuple[Outcome, ...] = ("FAIL", "NOT_EVALUATED", "INCONCLUSIVE", "PASS")
LAMP_WATTS = 10
LONELY = re.compile(r" (?=[;:?!»%])|(?<=«) ")
"""The spaces of French marks, at which no line may end."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the four numbers, or why it is not known."""

    title: str
    number: str
    interval: str
    method: str
    loud: bool
    aside: str
    missing: Sentence | None


@dataclass(frozen=True, slots=True)
class RuleCard:
    """A rule with its picture, which is None where there is nothing to draw."""

    row: RuleRow
    picture: Span | None
    alternative: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report in one language."""

    lang: Lang
    words: Words
    name: str
    overall: Outcome | None
    symbol: str
    word: str
    sentence: str
    judged: str
    tally: str
    alerts: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    because: tuple[RuleRow, ...]
    rules: tuple[RuleCard, ...]
    marked: bool
    trust: tuple[Section, ...]
    histogram: Histogram | None
    year: tuple[Projected, ...]
    year_help: str
    plain: tuple[Section, ...]
    remarks: tuple[tuple[str, Sentence], ...]
    missing: tuple[tuple[Sentence, tuple[str, ...]], ...]
    notes: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The whole page; `lang` is the language a reader sees first."""
    found = lines(record)
    order: tuple[Lang, Lang] = ("fr", "en") if lang == "fr" else ("en", "fr")
    pages = [_page(record, verdict, found, one) for one in order]
    return _template().render(pages=pages, lang=lang) + "\n"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("frugalbench", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["held"] = held
    return environment.get_template("page.html.j2")


def held(text: str, lang: Lang) -> str:
    """A sentence whose French marks, and sizes of groups, stay on the line of what they end."""
    text = text.replace("n = ", "n\u00a0=\u00a0")
    return LONELY.sub("\u00a0", text) if lang == "fr" else text


def _page(record: Record, verdict: Verdict | None, found: Sequence[Line], lang: Lang) -> Page:
    words = WORDS[lang]
    word, sentence = headline(verdict, lang)
    made = sections(record, verdict, lang)
    rows = rule_rows(verdict, lang) if verdict else ()
    return Page(
        lang=lang,
        words=words,
        name=clean(record.spec.model.name or record.model.name) or words.no_name,
        overall=verdict.overall if verdict else None,
        symbol=SYMBOLS[verdict.overall] if verdict else "",
        word=word,
        sentence=sentence,
        judged=_judged(verdict, words),
        tally=tally(verdict, lang) if verdict else "",
        alerts=alerts(record, lang),
        facts=facts(record, lang),
        tiles=_tiles(found, lang),
        because=deciding(rows, verdict)[:MOST_REASONS] if verdict else (),
        rules=tuple(_card(row) for row in sorted(rows, key=_weight)),
        marked=any(row.shown and row.shown.mark for row in rows),
        trust=tuple(x for name in TRUST for x in made if x.family == name),
        histogram=histogram(record, lang),
        year=projected(record, lang),
        year_help=words.year_help.format(n=plain(_daily(record), lang)),
        plain=tuple(x for x in made if x.family not in TRUST),
        remarks=remarks(found, lang),
        missing=gone(found, lang, failed=record.failure is not None),
        notes=notes(record, lang),
        provenance=provenance(record, verdict, lang),
    )


def _daily(record: Record) -> float:
    site = record.spec.site
    return site.daily_inferences or 0.0 if site else 0.0


def _weight(row: RuleRow) -> tuple[bool, int]:
    """Required rules first, and among them what stands in the way of a pass."""
    return not row.finding.rule.required, WORST_FIRST.index(row.outcome)


def _judged(verdict: Verdict | None, words: Words) -> str:
    if verdict is None:
        return ""
    return words.judged_by.format(
        policy=clean(verdict.policy), version=clean(verdict.policy_version)
    )


def _tiles(found: Sequence[Line], lang: Lang) -> tuple[Tile, ...]:
    words = WORDS[lang]
    wanted = (
        (words.tile_latency, ("latency.p50",), 1),
        (words.tile_energy, ("energy.per_inference",), 1000),
        (words.tile_carbon, ("carbon.per_inference",), 1000),
        (words.tile_accuracy, ("quality.balanced_accuracy", "quality.mean_absolute_error"), 100),
    )
    by_address = {line.address: line for line in found}
    tiles = []
    for title, addresses, times in wanted:
        known = [by_address[address] for address in addresses if address in by_address]
        best = next((line for line in known if isinstance(line.measure, Value)), None)
        if best is None:
            measure = known[0].measure if known else None
            why = reason(measure, lang) if isinstance(measure, Missing) else (words.missing, lang)
            tiles.append(Tile(title, "", "", "", False, "", why))
        else:
            tiles.append(_tile(title, best, times, lang))
    return tuple(tiles)


def _tile(title: str, line: Line, times: float, lang: Lang) -> Tile:
    value, words = line.measure, WORDS[lang]
    assert isinstance(value, Value), "a tile is asked of a number only"
    if times == 100 and value.unit != "1":
        title, times = (line.metric.titre if lang == "fr" else line.metric.title), 1
    shown = show(value, lang, times=times)
    aside = words.lamp.format(time=_lamp(value, times, lang)) if value.unit == "J" else ""
    return Tile(
        title=title,
        number=shown.number,
        interval=shown.interval,
        method=how(value, lang),
        loud=value.method in ("modelled", "pretend"),
        aside=aside,
        missing=None,
    )


def _lamp(value: Value, times: float, lang: Lang) -> str:
    seconds = float(f"{value.estimate * times / LAMP_WATTS:.2g}")
    one = Value(
        estimate=seconds,
        unit="s",
        low=seconds,
        high=seconds,
        n=1,
        method=value.method,
        interval="exact",
    )
    return show(one, lang, bound=seconds).limit


def _card(row: RuleRow) -> RuleCard:
    finding: Finding = row.finding
    rule, measure, shown = finding.rule, finding.measure, row.shown
    bound = rule.at_most if rule.at_most is not None else rule.at_least
    if not isinstance(measure, Value) or shown is None or bound is None:
        return RuleCard(row, None, "")
    metric = metrics.every().get(rule.metric)
    picture = span(measure, shown, metric, bound, at_most=rule.at_most is not None)
    alternative = WORDS[shown.lang].chart.format(
        estimate=shown.number, interval=shown.interval, bound=row.bound, outcome=row.word
    )
    return RuleCard(row, picture, alternative)
