"""The sections of a Markdown text: their headings, lines and labels."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from frugalbench.cards._text import uncommented

__all__ = ["Section", "front_matter", "sections"]

HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
TAGGED = re.compile(r"\s{0,3}<h([1-6])[^<>]{0,200}>([^<>]{0,300})</h\1>", re.IGNORECASE)
BOLD = re.compile(r"\s{0,3}(?:\*\*|__)([^*_\n]{1,200})(?:\*\*|__)\s*[:：]?\s*$")
LABEL = re.compile(
    r"\s{0,8}(?:[-*+] )?\s{0,4}(?:\*\*|__)?([^:：*|\n]{1,60}?)(?:\*\*|__)?\s?[:：](?:\*\*|__)?(.*)$"
)
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
RULE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$")
LEVEL_OF_BOLD = 7
MAX_LINE = 2000
"""What comes after so many characters of a line makes no heading or label."""


@dataclass(slots=True)
class Section:
    """A heading with the lines under it, up to the next one; and those that read `label: text`."""

    level: int
    heading: str
    lines: list[str] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)


def front_matter(text: str) -> tuple[str, str]:
    """The YAML between lines of `---` at the top of a text, and the rest of it."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() in ("---", "..."):
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :])
    return "", text


def sections(text: str) -> Iterator[Section]:
    """The sections in order; what stands above the first heading has level 0 and no name."""
    section, fence = Section(0, ""), ""
    for line in _table_heads_out(uncommented(text).split("\n")):
        mark = FENCE.match(line)
        if mark and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else mark[1]
            continue
        heading = None if fence else _heading(line, section)
        if heading is None:
            section.lines.append(line)
            if not fence and (label := LABEL.match(line[:MAX_LINE])):
                section.labels.append((label[1], label[2]))
            continue
        yield section
        section = Section(*heading)
    yield section


def _heading(line: str, section: Section) -> tuple[int, str] | None:
    """The level and the text of a heading; an underlined one is the last line of the section."""
    short = line[:MAX_LINE]
    if found := HEADING.match(short):
        return len(found[1]), (found[2] or "").strip().rstrip("#")
    if found := TAGGED.match(short):
        return int(found[1]), found[2]
    if found := BOLD.match(short):
        return LEVEL_OF_BOLD, found[1]
    if (found := UNDERLINE.match(short)) and section.lines and section.lines[-1].strip():
        return 1 if found[1][0] == "=" else 2, section.lines.pop()
    return None


def _table_heads_out(lines: list[str]) -> list[str]:
    """The lines without the heads of tables: a table that has no other row is an empty template."""
    heads = {
        number
        for number in range(1, len(lines))
        if "|" in lines[number]
        and RULE.match(lines[number][:MAX_LINE])
        and "|" in lines[number - 1]
    }
    return [
        "" if number in heads or number + 1 in heads else line for number, line in enumerate(lines)
    ]
