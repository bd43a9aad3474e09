"""A report in GitHub-flavoured Markdown, to paste in a paper, an issue or a pull request.

Names come from models and data, so each goes through `code` or `prose`: neither can open a tag,
end a table cell, make a link or call a person by @name.
"""

import re
from collections.abc import Iterable, Sequence

from frugalbench.certify import Verdict
from frugalbench.record import Record
from frugalbench.report._deploy import projected
from frugalbench.report._facts import alerts, facts, notes, provenance
from frugalbench.report._format import Lang, clean, count, plain, show
from frugalbench.report._frontier import placed
from frugalbench.report._phrases import SYMBOLS, WORDS, at_most, how, reason
from frugalbench.report._view import (
    Line,
    RuleRow,
    absent,
    group_name,
    grouped,
    headline,
    lines,
    remarks,
    rule_rows,
    tally,
)
from frugalbench.values import Missing, Value

__all__ = ["code", "prose", "render"]

BREAK = "&#8203;"
HARMLESS = re.compile(r"[\w .,;:/%+∞≤≥×\[\]\u00a0\u202f-]*")
PLAIN_CODE = re.compile(r"[\w .,:;/+()\[\]=%#@'-]*")
ESCAPES = re.compile(
    r"(?P<tag>[<>&])|(?P<mark>[\\`*_\[\]|~${}!])|(?P<link>[@#](?=\w)|://|\bwww\.)"
    r"|(?P<start>^(?:[-+#>=]|\d+[.)]))",
    re.IGNORECASE,
)


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The whole report as Markdown, in one language."""
    words, found = WORDS[lang], lines(record)
    name = clean(record.spec.model.name or record.model.name) or words.no_name
    parts = [f"# {words.title}{words.colon} {prose(name)}", *_verdict(verdict, lang)]
    parts += [f"> **{prose(alert)}**" for alert in alerts(record, lang)]
    parts += [f"## {words.what}", _facts(facts(record, lang), lang)]
    if verdict is not None:
        parts += _rules(verdict, lang)
    parts += _measures([line for line in found if "group" not in line.scope], lang)
    if held := remarks(found, lang):
        listed = [f"- {code(where)}{words.colon} {prose(one)}" for where, (one, _) in held]
        parts += [f"### {words.remarks}", "\n".join(listed)]
    parts += _frontier(record, lang)
    parts += _year(record, lang)
    parts += _groups(found, lang)
    parts += _missing(found, lang)
    if told := notes(record, lang):
        parts += [f"## {words.notes}", "\n".join(f"- {prose(note)}" for note in told)]
    parts += [f"## {words.provenance}", _facts(provenance(record, verdict, lang), lang)]
    parts += [f"## {words.claims}", words.claims_long]
    return "\n\n".join(parts) + "\n"


def prose(text: str) -> str:
    """Text that stays text: no tag, no emphasis, no cell end, no link, no mention."""
    return ESCAPES.sub(_escape, clean(text, 1000))


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if found["tag"]:
        return f"&#{ord(char)};"
    if found["mark"]:
        return f"\\{char}"
    return f"{char[0]}{BREAK}{char[1:]}" if found["link"] else f"{BREAK}{char}"


def figure(text: str) -> str:
    """A number as it stands, unless its unit turns out to be something else."""
    return text if HARMLESS.fullmatch(text) else prose(text)


def code(text: str) -> str:
    """A name as code, where GitHub makes neither links nor mentions."""
    text = clean(text)
    if text and PLAIN_CODE.fullmatch(text):
        return f"`{text}`"
    escaped = re.sub(r"[!-/:-@\[-`{-~]", lambda found: f"&#{ord(found[0])};", text)
    return f"<code>{escaped}</code>"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    body = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in body)


def _facts(rows: Iterable[tuple[str, str]], lang: Lang) -> str:
    colon = WORDS[lang].colon
    return "\n".join(
        f"- **{label}**{colon} {prose(text) if ' ' in text else code(text)}" for label, text in rows
    )


def _verdict(verdict: Verdict | None, lang: Lang) -> list[str]:
    word, sentence = headline(verdict, lang)
    if verdict is None:
        return [f"**{word}.** {sentence}"]
    judged = WORDS[lang].judged_by.format(
        policy=prose(verdict.policy), version=prose(verdict.policy_version)
    )
    symbol = SYMBOLS[verdict.overall]
    return [f"**{symbol} {word}.** {sentence}", f"{judged} {tally(verdict, lang)}."]


def _rules(verdict: Verdict, lang: Lang) -> list[str]:
    words, rows = WORDS[lang], rule_rows(verdict, lang)
    headings = (
        words.outcome,
        words.rule,
        words.metric,
        words.estimate,
        words.interval,
        words.bound,
        words.n,
        words.method,
        words.weight,
    )
    parts = [f"## {words.rules}", table(headings, [_rule_cells(row) for row in rows])]
    changes = [
        f"- {row.symbol} {code(row.address)}{WORDS[lang].colon} {prose(row.explanation[0])}"
        for row in rows
        if row.outcome != "PASS"
    ]
    return [*parts, f"### {words.change}", "\n".join(changes)] if changes else parts


def _rule_cells(row: RuleRow) -> list[str]:
    shown = row.shown
    return [
        f"{row.symbol} {row.word}",
        prose(row.id),
        code(row.address),
        figure(shown.number) if shown else "–",
        figure(shown.interval) if shown else "–",
        figure(row.bound),
        row.n or "–",
        row.method or "–",
        row.weight,
    ]


def _measures(found: Sequence[Line], lang: Lang) -> list[str]:
    words = WORDS[lang]
    headings = (words.measure, words.metric, words.estimate, words.interval, words.n, words.method)
    rows = [
        [
            prose(line.metric.titre if lang == "fr" else line.metric.title),
            code(line.address),
            *_value_cells(line.measure, lang),
            how(line.measure, lang),
        ]
        for line in found
        if isinstance(line.measure, Value)
    ]
    return [f"## {words.everything}", table(headings, rows)] if rows else []


def _frontier(record: Record, lang: Lang) -> list[str]:
    words = WORDS[lang]
    headings = (words.model, words.quality, words.energy, words.method, words.size, words.standing)
    rows = [
        [
            f"**{prose(row.name)}**" if row.own else prose(row.name),
            *(
                f"{figure(x.number)} {figure(x.interval)}" if x else "–"
                for x in (row.quality, row.energy)
            ),
            row.method or "–",
            figure(row.size),
            prose(row.standing),
        ]
        for row in placed(record, lang)
    ]
    return [f"## {words.necessity}", words.necessity_help, table(headings, rows)] if rows else []


def _year(record: Record, lang: Lang) -> list[str]:
    words, rows = WORDS[lang], projected(record, lang)
    told = []
    for row in rows:
        if row.shown is None:
            why = prose(row.missing[0]) if row.missing else ""
            told.append(f"- {prose(row.title)}{words.colon} {words.missing}, {why}")
            continue
        alike = f"; {words.alike} {prose(', '.join(row.alike))}" if row.alike else ""
        amount = f"{figure(row.shown.number)} {figure(row.shown.interval)}"
        told.append(f"- {prose(row.title)}{words.colon} {amount}, {row.method}{alike}")
    site = record.spec.site
    daily = plain(site.daily_inferences or 0.0, lang) if site else ""
    help_ = words.year_help.format(n=daily)
    return [f"## {words.year}", help_, "\n".join(told)] if rows else []


def _groups(found: Sequence[Line], lang: Lang) -> list[str]:
    words, tables = WORDS[lang], grouped(found)
    headings = (words.metric, words.group, words.estimate, words.interval, words.n)
    parts = []
    for attribute in dict.fromkeys(group[0].scope["attribute"] for group in tables):
        rows = [
            _group_cells(line, lang)
            for group in tables
            for line in group
            if line.scope["attribute"] == attribute
        ]
        heading = f"## {words.groups}{words.colon} {prose(attribute)}"
        parts += [heading, table(headings, rows)]
    return parts


def _group_cells(line: Line, lang: Lang) -> list[str]:
    name = [code(line.name), prose(group_name(line.scope["group"], lang))]
    if isinstance(line.measure, Missing):
        return [*name, f"– {prose(reason(line.measure, lang)[0])}", "–", "–"]
    return name + _value_cells(line.measure, lang)


def _value_cells(value: Value, lang: Lang) -> list[str]:
    shown = show(value, lang)
    most = f"; {at_most(shown)}" if shown.most else ""
    return [figure(shown.number), figure(shown.interval) + most, count(value.n, lang)]


def _missing(found: Sequence[Line], lang: Lang) -> list[str]:
    words = WORDS[lang]
    rows = [
        f"- {code(line.address)}{words.colon} {prose(reason(line.measure, lang)[0])}"
        for line in absent(found)
        if isinstance(line.measure, Missing)
    ]
    return [f"## {words.not_measured}", words.not_measured_help, "\n".join(rows)] if rows else []
