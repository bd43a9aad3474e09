"""Fairness in a report: one part for each way to divide people into groups, disparities first."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from frugalbench.metrics._views import AND, WITHIN
from frugalbench.record import Record
from frugalbench.report._draw import Bar, share
from frugalbench.report._flags import Flagged
from frugalbench.report._format import Lang, clean, count, plain
from frugalbench.report._format import number as fixed
from frugalbench.report._grids import (
    Cell,
    Grid,
    Section,
    absence,
    marked,
    number,
    plain_grid,
    title,
    words,
)
from frugalbench.report._phrases import WORDS, Sentence, note
from frugalbench.report._view import Line, group_name
from frugalbench.values import Missing, Value

__all__ = ["fairness", "level_of"]

FAMILY = "fairness"
SHOWN = (
    "accuracy",
    "selection_rate",
    "tpr",
    "fpr",
    "mean_absolute_error",
    "mean_residual_in_group",
)
MOST_PAIRS = 4
MOST_GROUPS = 60
EXPECTED = re.compile(r"(.*?)(?:; )?([\d.]+) would be expected if all groups were alike", re.DOTALL)

SUPERLATIVE = re.compile(r"^(widest:? |worst: |plus grand écart(?:, | : )|le moins bon : )")
"""What the heading of the column says already, in either language."""


@dataclass(frozen=True, slots=True)
class Level:
    """A view within one level of a control."""

    view: str
    control: str
    level: str


def level_of(record: Record, view: str) -> Level | None:
    """Which level of a control a view is within; None where it is of all rows."""
    data = record.data
    if data is None or view in (*data.groups, *map(AND.join, data.intersections)):
        return None
    for control in data.controls:
        for level in data.groups.get(control, ()):
            end = f"{WITHIN}{control}={level}"
            if view.endswith(end):
                return Level(view.removesuffix(end), control, level)
    return None


def fairness(
    record: Record, found: Iterable[Line], flagged: Sequence[Flagged], lang: Lang
) -> list[Section]:
    """What holds of all rows, then each column, intersection, and level of a control."""
    found = list(found)
    whole = plain_grid([x for x in found if "attribute" not in x.scope], lang)
    by_view: dict[str, list[Line]] = {}
    for line in found:
        if "attribute" in line.scope:
            by_view.setdefault(line.scope["attribute"], []).append(line)
    parts = [_part(record, view, held, flagged, lang) for view, held in by_view.items()]
    held = [part for part in parts if part.grids]
    if whole is None and not held:
        return []
    heading = WORDS[lang].families[FAMILY]
    top = Section(FAMILY, heading, () if whole is None else (whole,))
    return [top, *held]


def _part(
    record: Record, view: str, found: list[Line], flagged: Sequence[Flagged], lang: Lang
) -> Section:
    heads, level = WORDS[lang], level_of(record, view)
    name = heads.by_group.format(view=clean(view))
    if level is not None:
        within = clean(f"{level.control}={level.level}")
        name = heads.by_view.format(view=clean(level.view), control=within)
    gaps = [x for x in found if "group" not in x.scope]
    rates: dict[str, list[Line]] = {}
    for line in found:
        if "group" in line.scope:
            rates.setdefault(line.name.partition(".")[2], []).append(line)
    known = {key: held for key, held in rates.items() if _any(held)}
    main = [key for key in SHOWN if key in known] or list(known)[:4]
    rest = [key for key in known if key not in main] if level is None else []
    grids = [_disparities(gaps, lang)]
    grids.append(_rates(main, known, lang, heads.rates))
    grids.append(_rates(rest, known, lang, heads.more_rates, folded=True))
    return Section(
        family=FAMILY,
        title=name,
        grids=tuple(grid for grid in grids if grid is not None),
        told=tuple(_outside(one, gaps, lang) for one in flagged if one.attribute == view),
        part=True,
        folded=level is not None,
    )


def _any(found: Iterable[Line]) -> bool:
    return any(isinstance(line.measure, Value) for line in found)


def _disparities(found: Sequence[Line], lang: Lang) -> Grid | None:
    """One row for each largest difference, what chance alone would give, and where it is."""
    heads = WORDS[lang]
    rows, values = [], []
    for line in found:
        value = line.measure
        if not isinstance(value, Value):
            continue
        where, expected, spoken = _where(value, lang)
        bar = _gap_bar(value, expected) if line.metric.maximum <= 1 else None
        alike = "" if expected is None else fixed(expected, 3, lang)
        values.append(value)
        rows.append(
            (
                words(title(line, lang), lang, under=f"n ≥ {count(value.n, lang)}"),
                number(value, lang, bar=bar),
                Cell(alike or "–", "", "number", lang),
                Cell(where or "–", "", "name", spoken),
            )
        )
    if not rows:
        return None
    headings = (heads.measure, heads.estimate, heads.if_alike, heads.largest)
    return Grid(heads.disparities, headings, tuple(rows), marked=marked(values))


def _where(value: Value, lang: Lang) -> tuple[str, float | None, Lang]:
    """Between whom a disparity is largest, and how large it would be if all were alike."""
    # What is expected stands at the end, which cleaning a long name would cut off.
    told, expected = value.note, None
    if (match := EXPECTED.fullmatch(told)) is not None:
        told, expected = match[1], float(match[2])
    said, spoken = note(clean(told, 400), lang)
    return SUPERLATIVE.sub("", said), expected, spoken


def _gap_bar(value: Value, expected: float | None) -> Bar | None:
    bar = share(value)
    if bar is None or expected is None:
        return bar
    return Bar(bar.x, bar.width, bar.y, bar.height, tick=round(100 * min(expected, 1.0), 2))


def _rates(
    names: Sequence[str],
    known: dict[str, list[Line]],
    lang: Lang,
    heading: str,
    *,
    folded: bool = False,
) -> Grid | None:
    """A row for each group, a column for each rate."""
    if not names:
        return None
    heads = WORDS[lang]
    groups = list(dict.fromkeys(x.scope["group"] for key in names for x in known[key]))
    cells = {(key, x.scope["group"]): x for key in names for x in known[key]}
    rows = tuple(
        _group(group, [cells.get((key, group)) for key in names], known, lang)
        for group in groups[:MOST_GROUPS]
    )
    columns = [heads.short.get(key) or title(known[key][0], lang) for key in names]
    left = len(groups) - MOST_GROUPS
    return Grid(
        heading,
        (heads.group, *columns),
        rows,
        folded=folded,
        marked=marked(x.measure for x in cells.values()),
        help=heads.more.format(n=count(left, lang)) if left > 0 else "",
    )


def _group(
    group: str, found: Sequence[Line | None], known: dict[str, list[Line]], lang: Lang
) -> tuple[Cell, ...]:
    sizes = [
        line.measure.n
        for held in known.values()
        for line in held
        if line.scope["group"] == group and isinstance(line.measure, Value)
    ]
    most = max(sizes, default=0)
    name = Cell(group_name(group, lang), f"n = {count(most, lang)}", "name", lang)
    return name, *(_rate(line, most, lang) for line in found)


def _rate(line: Line | None, rows: int, lang: Lang) -> Cell:
    if line is None:
        return words("–", lang)
    measure = line.measure
    if isinstance(measure, Missing):
        return absence(measure, lang)
    cell = number(measure, lang, bar=share(measure) if line.metric.maximum <= 1 else None)
    n = "" if measure.n == rows else f"n = {count(measure.n, lang)}"
    return Cell(cell.text, cell.under, cell.kind, lang, beside=n, bar=cell.bar)


def _outside(one: Flagged, gaps: Sequence[Line], lang: Lang) -> Sentence:
    """Which pairs are outside the bound of a rule, in one sentence."""
    heads = WORDS[lang]
    shown = []
    for pair in one.pairs[:MOST_PAIRS]:
        names = group_name(pair.first, lang), group_name(pair.second, lang)
        both = heads.flagged_pair.format(first=names[0], second=names[1])
        said = f"{note(pair.title, lang)[0]} {_signed(pair.difference, lang)}"
        shown.append(f"{both} ({said})")
    left = len(one.pairs) - MOST_PAIRS
    more = f" … + {count(left, lang)}" if left > 0 else ""
    named = next((title(x, lang) for x in gaps if x.name == one.metric), one.metric)
    gap = " ; " if lang == "fr" else "; "
    told = (
        f"{named} ≤ {plain(one.bound, lang)}. {heads.flagged}{heads.colon} {gap.join(shown)}{more}"
    )
    return told, lang


def _signed(x: float, lang: Lang) -> str:
    return ("+" if x > 0 else "") + fixed(x, 3, lang)
