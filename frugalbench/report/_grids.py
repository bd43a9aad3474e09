"""Sections and tables of a report before any format lays them out, every name cleaned already."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from frugalbench.report._draw import Bar
from frugalbench.report._format import Lang, clean, count, show
from frugalbench.report._phrases import WORDS, Sentence, at_most, how, note, reason
from frugalbench.report._plots import Plot
from frugalbench.report._view import Line
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "Cell",
    "Grid",
    "Section",
    "absence",
    "marked",
    "measured",
    "number",
    "plain_grid",
    "remark",
    "title",
    "words",
]

Kind = Literal["words", "number", "name", "missing"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `text` and, less loud, `under` it. A `name` came from outside.

    `lang` is the language of the text; `beside` is what else belongs to it, such as n where
    it is not that of the row; `bold` and `loud` mark the model itself, and an
    energy that was not measured.
    """

    text: str
    under: str = ""
    kind: Kind = "words"
    lang: Lang = "en"
    beside: str = ""
    bold: bool = False
    loud: bool = False
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: the first cell of a row names it.

    `folded` says that a page need not show it at once, `marked` that an interval is one of two
    one-sided bounds.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False
    marked: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What is known of one family of measures, or of one way to divide people into groups.

    `family` is the one it belongs to; `part` says that it is inside the one before, `folded` that
    a page need not show it at once. What `plots` draw is in the tables too.
    """

    family: str
    title: str
    grids: tuple[Grid, ...]
    told: tuple[Sentence, ...] = ()
    plots: tuple[Plot, ...] = ()
    part: bool = False
    folded: bool = False


def title(line: Line, lang: Lang) -> str:
    """The name of a metric in words."""
    return clean(line.metric.titre if lang == "fr" else line.metric.title)


def words(text: str, lang: Lang, *, under: str = "", bold: bool = False) -> Cell:
    """A cell of words of this page's language."""
    return Cell(text, under, lang=lang, bold=bold)


def number(value: Value, lang: Lang, *, bar: Bar | None = None) -> Cell:
    """The estimate, and under it the interval and a one-sided bound where there is one."""
    shown = show(value, lang)
    under = "" if shown.exact else shown.interval
    return Cell(shown.number, under, "number", lang, beside=at_most(shown), bar=bar)


def measured(measure: Measure | None, lang: Lang, *, bar: Bar | None = None) -> Cell:
    """The number, or why there is none; a dash where the measure does not exist."""
    if measure is None:
        return words("–", lang)
    return (
        absence(measure, lang) if isinstance(measure, Missing) else number(measure, lang, bar=bar)
    )


def absence(measure: Missing, lang: Lang) -> Cell:
    """Why there is no number, in short."""
    known = WORDS[lang].reasons.get(measure.reason)
    said, spoken = (known, lang) if known else reason(measure, lang)
    return Cell(f"– {said}", "", "missing", spoken)


def remark(value: Value, lang: Lang, *, limit: int = 400) -> Cell:
    """What a measure says of itself."""
    said, spoken = note(clean(value.note, limit), lang)
    return Cell(said or "–", "", "name", spoken)


def plain_grid(found: Iterable[Line], lang: Lang, heading: str = "") -> Grid | None:
    """One row for each number: its title over its address, the estimate, n and how it was got."""
    held = [(line, line.measure) for line in found if isinstance(line.measure, Value)]
    heads = WORDS[lang]
    rows = tuple(
        (
            Cell(title(line, lang), line.address, "name", lang),
            number(value, lang),
            Cell(count(value.n, lang), "", "number", lang),
            Cell(how(value, lang), "", "words", lang, loud=value.method in ("modelled", "pretend")),
        )
        for line, value in held
    )
    if not rows:
        return None
    headings = (heads.measure, heads.estimate, heads.n, heads.method)
    return Grid(heading, headings, rows, marked=marked(value for _, value in held))


def marked(values: Iterable[Measure | None]) -> bool:
    """Whether an interval is marked as two bounds of one side each."""
    return any(isinstance(one, Value) and show(one).mark != "" for one in values)
