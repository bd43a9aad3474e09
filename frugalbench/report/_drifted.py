"""Drift in a report: overall, then one row for each way to divide people, then the groups."""

from collections.abc import Sequence

from frugalbench.record import Record
from frugalbench.report._fair import level_of
from frugalbench.report._format import Lang, clean, count
from frugalbench.report._grids import Cell, Grid, Section, marked, measured, plain_grid, title
from frugalbench.report._phrases import WORDS
from frugalbench.report._view import Line, drifted, group_name
from frugalbench.values import Measure, Value

__all__ = ["drift"]

FIRST = (
    *("accuracy_drop_group_max", "tpr_drop_group_max", "unequal_accuracy_drop"),
    *("equal_opportunity_rise", "error_rise_group_max"),
)


def drift(record: Record, reference: Record, lang: Lang) -> tuple[tuple[Line, ...], list[Section]]:
    """Every measure of drift, and the sections that show those with a number."""
    heads, found = WORDS[lang], drifted(record, reference)
    by_view = [x for x in found if "attribute" in x.scope and "group" not in x.scope]
    first = [x for x in by_view if _short(x) in FIRST]
    rest = [x for x in by_view if _short(x) not in FIRST]
    grids = [
        plain_grid([x for x in found if "attribute" not in x.scope], lang),
        _views(first, lang, heads.disparities),
        _views(rest, lang, ""),
        _groups(record, [x for x in found if "group" in x.scope], lang),
    ]
    held = tuple(grid for grid in grids if grid is not None)
    return found, [Section("drift", heads.families["drift"], held)] if held else []


def _short(line: Line) -> str:
    return line.name.partition(".")[2]


def _columns(found: Sequence[Line]) -> list[str]:
    """The measures that have a number anywhere."""
    held = dict.fromkeys(x.name for x in found if isinstance(x.measure, Value))
    return [name for name in dict.fromkeys(x.name for x in found) if name in held]


def _heading(found: Sequence[Line], name: str, lang: Lang) -> str:
    line = next(x for x in found if x.name == name)
    return WORDS[lang].short.get(_short(line)) or title(line, lang)


def _views(found: Sequence[Line], lang: Lang, heading: str) -> Grid | None:
    heads, names = WORDS[lang], _columns(found)
    if not names:
        return None
    by_place = {(x.scope["attribute"], x.name): x.measure for x in found}
    rows = []
    for view in dict.fromkeys(x.scope["attribute"] for x in found):
        values = [by_place.get((view, name)) for name in names]
        n = min((x.n for x in values if isinstance(x, Value)), default=0)
        under = f"n ≥ {count(n, lang)}" if n else ""
        name = Cell(clean(view), under, "name", lang)
        rows.append((name, *(_named(x, lang) for x in values)))
    headings = (heads.group, *(_heading(found, name, lang) for name in names))
    return Grid(heading, headings, tuple(rows), marked=marked(by_place.values()))


def _named(measure: Measure | None, lang: Lang) -> Cell:
    cell = measured(measure, lang)
    if not isinstance(measure, Value) or not measure.note.startswith("worst: "):
        return cell
    worst = measure.note.removeprefix("worst: ").rpartition(" (n=")[0]
    return Cell(cell.text, cell.under, "number", lang, beside=group_name(worst, lang))


def _groups(record: Record, found: Sequence[Line], lang: Lang) -> Grid | None:
    """The groups of columns and intersections; those within levels are in the JSON report."""
    heads, names = WORDS[lang], _columns(found)
    whole = [x for x in found if level_of(record, x.scope["attribute"]) is None]
    by_place: dict[tuple[str, str], dict[str, Measure]] = {}
    for line in whole:
        where = line.scope["attribute"], line.scope["group"]
        by_place.setdefault(where, {})[line.name] = line.measure
    rows = []
    for (view, group), measures in by_place.items():
        n = max((x.n for x in measures.values() if isinstance(x, Value)), default=0)
        label = f"{clean(view)}{heads.colon} {group_name(group, lang)}"
        name = Cell(label, f"n = {count(n, lang)}", "name", lang)
        rows.append((name, *(measured(measures.get(key), lang) for key in names)))
    if not rows or not names:
        return None
    headings = (heads.group, *(_heading(found, name, lang) for name in names))
    values = [x for held in by_place.values() for x in held.values()]
    return Grid("", headings, tuple(rows), marked=marked(values))
