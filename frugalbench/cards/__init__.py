"""Read a model card or a data statement, and tell which of its fields are filled in.

A field is filled in when its heading, or its key, is followed by text of its own: "TODO", "n/a",
"[More Information Needed]" or an empty template is none. Whether the text is true is for a reader.
"""

import hashlib
from pathlib import Path
from typing import Literal

from frugalbench.cards._fields import DATA, MODEL, TITLE
from frugalbench.cards._markdown import front_matter, sections
from frugalbench.cards._text import says_something, unnumbered, words
from frugalbench.cards._yaml import pairs
from frugalbench.errors import UsageError
from frugalbench.record import Card

__all__ = ["Kind", "read"]

Kind = Literal["model", "data"]
MAX_BYTES = 256 * 1024
MARKDOWN, YAML = (".md", ".markdown", ".txt"), (".yaml", ".yml")
FIELDS = {"model": MODEL, "data": DATA}
KEY = {"model": "model.card", "data": "data.card"}


def read(path: str, kind: Kind) -> Card:
    """Which fields of a card are filled in; headings may be English or French.

    Args:
        path: a Markdown file, with or without YAML between lines of `---` at its top, or a YAML
            file.
        kind: the fields to look for: of a model card, or of a data statement.

    Raises:
        UsageError: the file is absent, too large, of another kind, or unreadable.
    """
    content = _content(path, KEY[kind])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"the card {path} is not UTF-8 text: save it as UTF-8") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if Path(path).suffix.lower() in YAML:
        found = _in_yaml(text, kind, path)
    else:
        above, body = front_matter(text)
        found = _in_yaml(above, kind, path) | _in_markdown(body, kind)
    return Card(
        sha256=hashlib.sha256(content).hexdigest(),
        present=tuple(name for name in FIELDS[kind] if name in found),
        absent=tuple(name for name in FIELDS[kind] if name not in found),
    )


def _content(path: str, key: str) -> bytes:
    file = Path(path)
    if file.suffix.lower() not in (*MARKDOWN, *YAML):
        raise UsageError(f"{key}={path} must be a Markdown (.md) or a YAML file (.yaml)")
    try:
        if not file.is_file():
            raise UsageError(f"there is no card {path}: check {key}=…")
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"the card {path} cannot be read: {why}; check {key}=…") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"the card {path} is over 256 KiB: give the card alone")
    return content


def _in_yaml(text: str, kind: Kind, path: str) -> set[str]:
    """The fields that the keys of a YAML text fill in."""
    return {
        field
        for key, values in pairs(text, path)
        if any(map(says_something, values))
        for field in _fields(key, kind)
    }


def _in_markdown(text: str, kind: Kind) -> set[str]:
    """The fields that the sections of a Markdown text fill in.

    A section inside another counts for it, unless it is of a field itself: text about the test
    data says nothing of the metrics beside it.
    """
    found = set[str]()
    above: list[tuple[int, frozenset[str]]] = []
    for section in sections(text):
        above = [one for one in above if one[0] < section.level]
        above.append((section.level, _fields(section.heading, kind)))
        owners = next((fields for _, fields in reversed(above) if fields), frozenset[str]())
        if section.level == 1 and TITLE[kind] and not owners:
            owners = frozenset({TITLE[kind]})
        if any(map(says_something, section.lines)):
            found |= owners
        for label, rest in section.labels:
            if says_something(rest):
                found |= _fields(label, kind, whole=True)
    return found


def _fields(heading: str, kind: Kind, *, whole: bool = False) -> frozenset[str]:
    """The fields that a heading or a key names; with `whole`, only as all of it."""
    said = words(unnumbered(heading))
    return frozenset(
        field
        for field, phrases in FIELDS[kind].items()
        if any(_names(p, said, whole) for p in phrases)
    )


def _names(phrase: str, said: str, whole: bool) -> bool:
    if whole or phrase.startswith("="):
        return phrase.removeprefix("=") == said
    return f" {phrase} " in f" {said} "
