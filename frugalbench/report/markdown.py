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
from frugalbench.report._format import Lang, clean, plain
from frugalbench.report._grids import Cell, Section
from frugalbench.report._phrases import SYMBOLS, WORDS
from frugalbench.report._sections import gone, sections
from frugalbench.report._view import RuleRow, headline, lines, remarks, rule_rows, tally

__all__ = ["code", "prose", "render"]

BREAK = "&#8203;"
HARMLESS = re.compile(r"[\w .,;:/%+∞≤≥×†\[\]\u00a0\u202f-]*")
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
    parts += _sections(record, verdict, lang)
    if held := remarks(found, lang):
        listed = [f"- {code(where)}{words.colon} {prose(one)}" for where, (one, _) in held]
        parts += [f"### {words.remarks}", "\n".join(listed)]
    parts += _year(record, lang)
    parts += _missing(record, lang)
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
    if any(row.shown and row.shown.mark for row in rows):
        parts.append(words.one_sided)
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


def _sections(record: Record, verdict: Verdict | None, lang: Lang) -> list[str]:
    """Every family of measures; the groups of people and the like inside theirs."""
    return [part for one in sections(record, verdict, lang) for part in _section(one, lang)]


def _section(section: Section, lang: Lang) -> list[str]:
    parts = [f"{'###' if section.part else '##'} {prose(section.title)}"]
    parts += [prose(said) for said, _ in section.told]
    for grid in section.grids:
        if grid.title:
            parts.append(f"**{prose(grid.title)}**")
        if grid.help:
            parts.append(prose(grid.help))
        headings = [prose(heading) or " " for heading in grid.headings]
        parts.append(table(headings, [[_cell(cell) for cell in row] for row in grid.rows]))
    if any(grid.marked for grid in section.grids):
        parts.append(WORDS[lang].one_sided)
    return parts


def _cell(cell: Cell) -> str:
    """A cell on one line: a table of Markdown has no second one."""
    if cell.kind == "number":
        shown = f"{figure(cell.text)} {figure(cell.under)}".strip()
        return ", ".join(filter(None, (shown, prose(cell.beside))))
    text = f"**{prose(cell.text)}**" if cell.bold else prose(cell.text)
    # An address is what a program calls the measure of the row.
    if "." in cell.under and " " not in cell.under.partition("[")[0]:
        return f"{text} {code(cell.under)}"
    return ", ".join(filter(None, (text, prose(cell.under), prose(cell.beside))))


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


def _missing(record: Record, lang: Lang) -> list[str]:
    words, failed = WORDS[lang], record.failure is not None
    rows = [
        f"- {prose(why)}{words.colon} {', '.join(map(_named, names))}"
        for (why, _), names in gone(lines(record), lang, failed=failed)
    ]
    return [f"## {words.not_measured}", words.not_measured_help, "\n".join(rows)] if rows else []


def _named(name: str) -> str:
    """An address as code, and as words what is none."""
    return code(name) if "." in name and not name.endswith(")") else prose(name)
