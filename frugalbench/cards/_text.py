"""What a piece of a card holds once marks, comments and empty templates are taken away."""

import re
import unicodedata

from frugalbench.cards._fields import PLACEHOLDERS, TO_DO

__all__ = ["says_something", "uncommented", "unnumbered", "words"]

# Bounded, so that hostile text is read in time that grows with its length only.
TEMPLATE = re.compile(r"\{\{[^{}\n]{0,500}\}\}|\{%[^{}\n]{0,500}%\}")
TAG = re.compile(r"<(?![a-zA-Z][a-zA-Z+.-]{1,20}:|[\w.+-]{1,64}@)[^<>\n]{0,500}>")
"""A tag of HTML; an address in angle brackets is none."""
LINK = re.compile(r"\]\([^()\n]{0,500}\)")
LABEL = re.compile(r"[^:：\n]{1,80}[:：]")
NUMBER = re.compile(r"[\s*_#]*(?:(?:\d{1,3}|[ivx]{1,5}|[a-z])[.)]\s{0,9}){0,4}(?:\d{1,3}\s)?", re.I)


def words(text: str) -> str:
    """Lower-case words without accents and marks, one space between them.

    >>> words("**Données d'évaluation** :")
    'donnees d evaluation'
    """
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(one for one in plain if not unicodedata.combining(one)).lower()
    return " ".join("".join(one if one.isalnum() else " " for one in letters).split())


def unnumbered(heading: str) -> str:
    """A heading without the number before it.

    >>> unnumbered("3.1 Results"), unnumbered("a) Limits"), unnumbered("Limits")
    ('Results', 'Limits', 'Limits')
    """
    found = NUMBER.match(heading)
    return heading[found.end() :] if found else heading


def uncommented(text: str) -> str:
    """The text without HTML comments; one that never ends hides the rest, as in a browser."""
    kept, place = [], 0
    while (begin := text.find("<!--", place)) >= 0:
        kept.append(text[place:begin])
        end = text.find("-->", begin + 4)
        if end < 0:
            return "".join(kept)
        # Lines stay lines: a heading after a comment is still at the start of one.
        kept.append("\n" * text.count("\n", begin, end))
        place = end + 3
    return "".join([*kept, text[place:]])


def says_something(line: str) -> bool:
    """Whether a line holds text of its own: no placeholder, no bare label, no empty template."""
    plain = LINK.sub("]", TAG.sub(" ", TEMPLATE.sub(" ", line)))
    if plain.lstrip().startswith("|"):
        # The first cell of a row names what the others are to say.
        cells = plain.strip().strip("|").split("|")
        return not all(map(_is_empty, cells[1:] or cells))
    if _is_empty(plain):
        return False
    label = LABEL.match(plain)
    # "Developed by:" and "Developed by: TBD" say as little as "TBD".
    return not label or "://" in plain[: label.end() + 2] or not _is_empty(plain[label.end() :])


def _is_empty(text: str) -> bool:
    said = words(text)
    mark = len(said) < 2 and not said.isdecimal()
    return mark or said in PLACEHOLDERS or said.partition(" ")[0] in TO_DO
