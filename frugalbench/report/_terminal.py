"""Sections of a report on a terminal, drawn with rich: tables that are split where they are wide.

Everything is built from `Text`, never from markup, so that a name cannot colour or hide anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from frugalbench.report._audited import SHOWN_RATES, Audited, AuditedColumn, Disparity
from frugalbench.report._format import Shown, clean, plain, show
from frugalbench.report._grids import Cell, Grid, Section
from frugalbench.report._phrases import WORDS, at_most, reason
from frugalbench.report._view import group_name
from frugalbench.values import Measure, Missing, Value

__all__ = ["audit_tables", "drawn_sections", "measure_text", "number_text", "plain_table"]

EN = WORDS["en"]
GAP, EDGES = 3, 2
NARROWEST, WIDEST = 14, 34
FIRST = 0.38
"""The share of the width that the first column may keep whole."""
STYLES = {"words": "", "name": "", "number": "", "missing": "magenta"}


def drawn_sections(made: Iterable[Section], *, whole: bool = False) -> list[RenderableType]:
    """Each section under its heading; `whole` adds what a page folds away."""
    shown = [section for section in made if whole or not section.folded]
    return [part for section in shown for part in _section(section, whole=whole)]


def _section(section: Section, *, whole: bool) -> Iterator[RenderableType]:
    grids = [one for one in section.grids if whole or not one.folded]
    heading = Text(section.title, style="bold" if section.part else "bold underline")
    yield Text("")
    yield heading
    for said, _ in section.told:
        yield Text(said)
    marked = False
    for place, grid in enumerate(grids):
        if place:
            yield Text("")
        if grid.title:
            yield Text(grid.title, style="italic")
        if grid.help:
            yield Text(grid.help, style="dim")
        yield _Fitted(grid)
        marked = marked or grid.marked
    if marked:
        yield Text(EN.one_sided, style="dim")


class _Fitted:
    """A table in as many pieces as the width asks for, each with the first column."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Draw the pieces, one under the other."""
        room = options.max_width - EDGES
        first = min(self._least(0), int(FIRST * room))
        piece: list[int] = []
        used = first
        for place in range(1, len(self.grid.headings)):
            if piece and used + GAP + self._least(place) > room:
                yield self._piece(piece, first, room)
                piece, used = [], first
            piece.append(place)
            used += GAP + self._least(place)
        yield self._piece(piece, first, room)

    def _piece(self, places: Sequence[int], first: int, room: int) -> Table:
        grid, columns = self.grid, (0, *places)
        table = plain_table(*(grid.headings[place] for place in columns))
        table.show_edge = False
        # rich gives every column that may be broken less, numbers too: the widths are set here.
        least = [first, *(min(self._least(place), room - first - GAP) for place in places)]
        spare = room - sum(least) - GAP * len(places)
        for place, column, width in zip(columns, table.columns, least, strict=True):
            more = min(max(self._whole(place) - width, 0), max(spare, 0))
            spare -= more
            column.width = max(width + more, 1)
        for row in grid.rows:
            table.add_row(*(_text(row[place]) for place in columns))
        return table

    def _least(self, place: int) -> int:
        """What a column needs so that no number and no word is broken."""
        cells = [row[place] for row in self.grid.rows]
        heading = max(map(cell_len, self.grid.headings[place].split()), default=0)
        return max(heading, *(_least(cell) for cell in cells))

    def _whole(self, place: int) -> int:
        """What a column needs so that nothing is broken."""
        lines = [
            line for row in self.grid.rows for line in (row[place].text, row[place].under) if line
        ]
        return max(map(cell_len, (self.grid.headings[place], *lines)))


def _least(cell: Cell) -> int:
    if cell.kind == "number":
        return max(cell_len(cell.text), cell_len(cell.under))
    longest = max(map(cell_len, f"{cell.text} {cell.under}".split()), default=0)
    # A long text in a narrow column is a tall one.
    return min(max(longest, min(cell_len(cell.text) // 3, NARROWEST)), WIDEST)


def _text(cell: Cell) -> Text:
    style = "bold yellow" if cell.loud else "bold" if cell.bold else STYLES[cell.kind]
    text = Text(cell.text, style=style)
    for line in (cell.under, cell.beside):
        if line:
            text.append(f"\n{line}", style="not bold dim")
    return text


def plain_table(*headings: str) -> Table:
    """A table without lines between rows; numbers and marks are never broken."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="bold")
    for heading in headings:
        whole = heading in ("n", "Bound / n", "Outcome")
        side: Literal["left", "right"] = "right" if heading == "n" else "left"
        table.add_column(heading, no_wrap=whole, overflow="fold", justify=side)
    return table


def measure_text(measure: Measure) -> Text:
    if isinstance(measure, Missing):
        return Text(f"– {reason(measure)[0]}", style="magenta")
    return number_text(measure)


def number_text(value: Value, shown: Shown | None = None) -> Text:
    """The estimate over its interval."""
    shown = shown or show(value)
    text = Text(shown.number)
    if not shown.exact:
        text.append(f"\n{shown.interval}", style="dim")
    if shown.most:
        text.append(f"\n{at_most(shown)}", style="dim")
    return text


def audit_tables(found: Audited) -> RenderableType:
    """Rates by group and how far groups lie apart, column by column."""
    parts: list[RenderableType] = []
    for column in found.columns:
        parts += [Text(f"By {clean(column.attribute)}", style="bold"), _audited_groups(column)]
        table = plain_table("Largest difference", "Estimate", "If alike", "Against the margin")
        for one in column.disparities:
            alike = "" if one.expected is None else plain(round(one.expected, 3))
            name = Text(one.name.replace("_", " "))
            table.add_row(
                name, measure_text(one.measure), Text(alike), _standing(one, found.margin)
            )
        parts.append(table)
    return Group(*parts)


def _audited_groups(column: AuditedColumn) -> Table:
    table = plain_table("Group", "Rows", *(rate.replace("_", " ") for rate in SHOWN_RATES))
    several = len({one.of for one in column.groups}) > 1
    for one in column.groups:
        name = Text(group_name(one.group, "en"))
        name.append(f"\nclass {clean(one.of)}" if several else "", style="dim")
        rows = Text(f"{one.n:,}")
        rows.append(f"\n{one.positives:,} + / {one.negatives:,} −", style="dim")
        rows.append(f"\n{one.selected:,} selected", style="dim")
        table.add_row(name, rows, *(measure_text(measure) for measure in one.rates.values()))
    return table


def _standing(one: Disparity, margin: float | None) -> Text:
    """Where a disparity stands against the margin, and who is outside or too few."""
    if not one.standing or margin is None:
        return Text("")
    words = {"within": "within", "outside": "outside", "open": "not enough rows to say: within"}
    styles = {"within": "green", "outside": "bold red", "open": "yellow"}
    text = Text(f"{words[one.standing]} {plain(margin)}", styles[one.standing])
    for pair in one.flagged[:4]:
        names = f"{group_name(pair.first, 'en')} and {group_name(pair.second, 'en')}"
        text.append(f"\n{names}: {pair.rate} {pair.difference:+.3f}", style="not bold")
    for few in sorted(one.needed, key=lambda x: x.now - x.wanted)[:4]:
        name = group_name(few.group, "en")
        text.append(f"\n{name}: about {few.wanted:,}, not {few.now:,}", style="not bold")
    return text
