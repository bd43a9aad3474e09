"""Both languages side by side, and the sentences of a verdict in either.

The judge explains itself in English. The French reading is made here from the same sentence, and
where there is none the English one is given and marked as English.
"""

import re

from frugalbench.certify import Finding, Outcome
from frugalbench.metrics import MISSING_GROUP
from frugalbench.report._devices import DEVICES
from frugalbench.report._english import EN
from frugalbench.report._format import NARROW_SPACE, Lang, Shown, clean
from frugalbench.report._french import FR
from frugalbench.report._readings import FRENCH, NOTES, NUMBER, WORDED
from frugalbench.report._remarks import REMARKS
from frugalbench.report._words import Words
from frugalbench.values import Measure, Method, Missing, Value

__all__ = ["SYMBOLS", "WORDS", "Sentence", "at_most", "explanation", "how", "note", "reason"]

WORDS: dict[Lang, Words] = {"en": EN, "fr": FR}

SYMBOLS: dict[Outcome, str] = {
    "PASS": "✓",
    "FAIL": "✗",
    "INCONCLUSIVE": "?",
    "NOT_EVALUATED": "–",
}
"""The mark beside each verdict's word, so that colour never stands alone."""

Sentence = tuple[str, Lang]
"""A text and the language it is in, which is not always the one asked for."""

MAX_SENTENCE, MAX_EXPLANATION = 400, 800


def at_most(shown: Shown) -> str:
    """A one-sided bound in words; empty where there is none."""
    words = WORDS[shown.lang]
    if not shown.most:
        return ""
    return (words.stopping if shown.stopping else words.most).format(bound=shown.most)


def how(value: Value, lang: Lang = "en") -> str:
    """How a number was got, and the quality of an energy."""
    words = WORDS[lang]
    return ", ".join(filter(None, (words.methods[value.method], words.grades.get(value.grade))))


def note(text: str, lang: Lang = "en") -> Sentence:
    """A metric's or a measurement's own remark, in French where there is a reading of it."""
    text = text.replace(MISSING_GROUP, WORDS[lang].no_group)
    if lang == "fr" and (french := _read(text)) is not None:
        return french, "fr"
    return text, lang if not text else "en"


def _read(text: str) -> str | None:
    """A remark in French, whole or part by part; None where a part has no reading."""
    for pattern, french in (*NOTES, *REMARKS, *DEVICES):
        if (found := re.fullmatch(pattern, text)) is not None:
            # What a pattern catches whole is a name, and has no reading of its own.
            caught = [one if one == text else _french_note(one) for one in found.groups()]
            return SIZE.sub(_french_size, french.format(*caught))
    for mark, french_mark in (("; ", " ; "), (", ", ", ")):
        parts = _parts(text, mark)
        if len(parts) > 1:
            read = [_read(part) for part in parts]
            known = [part for part in read if part is not None]
            if len(known) == len(parts):
                return french_mark.join(known)
    return None


SIZE = re.compile(r"(?<=\(n = )\d{4,}(?=\))")
"""How many are in a group, as metrics write it: without a mark between thousands."""


def _french_size(found: re.Match[str]) -> str:
    return f"{int(found[0]):,}".replace(",", NARROW_SPACE)


def _parts(text: str, mark: str) -> list[str]:
    """A text at each mark that is not in brackets."""
    parts, start, depth = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(mark, place):
            parts.append(text[start:place])
            start = place + len(mark)
    return [*parts, text[start:]]


def _french_note(part: str) -> str:
    if re.fullmatch(r"-?[\d.,]+(?:e[+-]?\d+)?", part):
        return part.replace(",", NARROW_SPACE).replace(".", ",")
    if part in FR.probes:
        return FR.probes[part]
    if all(field in FR.fields for field in part.split(", ")):
        return ", ".join(FR.fields[field] for field in part.split(", "))
    for english, french in WORDED:
        if (found := re.fullmatch(english, part)) is not None:
            return french.format(*map(_french_note, found.groups()))
    return _read(part) or part


def reason(missing: Missing, lang: Lang = "en") -> Sentence:
    """Why a number is missing, as a sentence for people.

    English keeps the metric's own detail, which says what would give the number.
    """
    known = WORDS[lang].reasons.get(missing.reason)
    if lang == "fr" and known:
        return known, "fr"
    detail = clean(missing.detail, MAX_SENTENCE).replace(MISSING_GROUP, WORDS[lang].no_group)
    return detail or EN.reasons.get(missing.reason) or clean(missing.reason), "en"


def explanation(finding: Finding, lang: Lang = "en") -> Sentence:
    """What a finding says, and what would change it, in `lang` where there is a reading of it."""
    measure: Measure = finding.measure
    if isinstance(measure, Missing) and lang == "fr":
        return reason(measure, lang)
    told = finding.explanation.replace(MISSING_GROUP, WORDS[lang].no_group)
    english = clean(told, MAX_EXPLANATION).rstrip("; ")
    if lang == "fr":
        for pattern, french in FRENCH:
            if (found := re.fullmatch(f"{pattern}(; .*)?", english)) is not None:
                *parts, extra = found.groups(default="")
                aside = f" ; {note(extra[2:], lang)[0]}" if extra else ""
                return french.format(*map(_french_part, parts)) + aside, "fr"
    return english, "en"


PAIR = re.compile(r"([^,()]+?) and ([^,()]+?) \(([^,()]+), ([+-])([\d.]+)\)")
FLOOR = re.compile(r"\(([^,()]+?) ([\d.]+)\)")
"""How the judge names two groups that are apart, and one that is below."""


def _french_pair(found: re.Match[str]) -> str:
    first, second, rate, sign, size = found.groups()
    return f"{first} et {second} ({_french_note(rate)} {sign}{_french_note(size)})"


def _french_part(text: str) -> str:
    names: dict[Method, str] = FR.methods
    if " instead of " in text:
        text = re.sub(rf"{NUMBER} instead of {NUMBER}", r"\1 au lieu de \2", text)
        return re.sub(rf" and {NUMBER} more$", r" et \1 autres", text)
    text = PAIR.sub(_french_pair, text)
    text = FLOOR.sub(lambda found: f"({_french_note(found[1])} {_french_note(found[2])})", text)
    text = re.sub(rf" and {NUMBER} more$", r" et \1 autres", text)
    if text[0].isdigit() and " " not in text:
        return text.replace(",", NARROW_SPACE)
    if (known := note(text, "fr"))[1] == "fr":
        return known[0]
    return ", ".join(
        next((words for key, words in names.items() if key == part), part)
        for part in text.split(", ")
    )
