"""Reports on a terminal, in English, drawn with rich.

Everything is built from `Text`, never from markup, so that a model's name cannot colour, link or
hide anything. Two lines to a row keep the tables whole at 80 columns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from frugalbench.certify import Verdict
from frugalbench.compare import Row, one_sided
from frugalbench.record import Record
from frugalbench.regress import Regressions
from frugalbench.report._deploy import projected
from frugalbench.report._drifted import drift
from frugalbench.report._facts import alerts, facts, notes, which
from frugalbench.report._format import clean, plain
from frugalbench.report._gated import OF_CHANGE, change_in_words
from frugalbench.report._phrases import WORDS
from frugalbench.report._sections import chosen, family, gone, sections
from frugalbench.report._terminal import (
    audit_tables,
    drawn_sections,
    measure_text,
    plain_table,
)
from frugalbench.report._verdict import verdict_line, verdict_table
from frugalbench.report._view import Line, lines, remarks

__all__ = [
    "audit_tables",
    "checks_table",
    "compared",
    "comparison_table",
    "drift_table",
    "header",
    "measures_table",
    "progress",
    "regressions_table",
    "verdict_line",
    "verdict_table",
]

EN = WORDS["en"]
STAGES = {
    "prepare": "reading the model and the data",
    "fit": "fitting baselines",
    "load": "opening the model in a fresh process",
    "answer": "answering the labelled rows",
    "idle": "reading energy at rest",
    "warm-up": "warming up",
    "check": "checking repeated and reseeded samples",
    "time": "timing calls and reading energy",
    "member": "asking about training rows",
    "context": "finding which rows are alike",
    "probe": "asking again, with disturbed inputs",
}


@contextmanager
def progress(console: Console, *, shown: bool = True) -> Iterator[Callable[[str, float], None]]:
    """A live bar, fed with a stage and the share of it that is done; nothing off a terminal."""
    if not (shown and console.is_terminal):
        yield lambda stage, share: None
        return
    columns = (TextColumn("{task.description:<38}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda stage, share: bar.update(task, description=_stage(stage), completed=share)


def _stage(stage: str) -> str:
    """A stage in words, after the name of the baseline it is of, if any."""
    name, between, known = stage.rpartition(": ")
    return f"{clean(name, 40)}{between}{STAGES.get(known, known)}"


class Check(Protocol):
    """One thing a doctor looked at: `state` is ok, missing or note."""

    @property
    def subject(self) -> str:
        """What was looked at."""

    @property
    def state(self) -> Literal["ok", "missing", "note"]:
        """Whether it can be used."""

    @property
    def detail(self) -> str:
        """What was found."""

    @property
    def unlock(self) -> str:
        """The step that would make it usable, or nothing."""


def header(record: Record) -> RenderableType:
    """What was measured, on what and where, and what a reader must know before the numbers."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text in facts(record, "en"):
        grid.add_row(Text(label), Text(text))
    for note in notes(record):
        grid.add_row(Text("Note"), Text(note))
    warnings = [Text(f"! {alert}", style="bold yellow") for alert in alerts(record, "en")]
    return Group(grid, *warnings)


def measures_table(
    record: Record, verdict: Verdict | None = None, only: Sequence[str] = ()
) -> RenderableType:
    """Every measure of a record by family, then what is missing and why.

    Args:
        record: what was observed.
        verdict: its judgement, which says what pairs of groups are too far apart.
        only: the families that are shown; empty for all of them.

    Raises:
        UsageError: the record has no such family.
    """
    known = chosen(record, only)
    found = [line for line in lines(record) if family(line) in known]
    made = sections(record, verdict, "en", only)
    parts = drawn_sections(made, whole=bool(only))
    more = dict.fromkeys(one.family for one in made if any(x.folded for x in one.grids))
    if more and not only:
        hint = EN.more_tables.format(families=",".join(more))
        parts.append(Text(f"\n{hint}", style="dim"))
    if not only:
        parts += [*_remarks(found), *_year(record)]
    return Group(*parts, *_not_measured(found, failed=record.failure is not None))


def _remarks(found: Sequence[Line]) -> list[RenderableType]:
    """What the measures say of themselves, such as the boundary of a score."""
    said = [Text(f"{address}: {told}") for address, (told, _) in remarks(found, "en")]
    return [Text(f"\n{EN.remarks}", style="bold"), *said] if said else []


def _year(record: Record) -> list[RenderableType]:
    """Everyday equivalents of the projection, whose numbers are in the table already."""
    told = [
        Text(f"{row.title}: {EN.alike} {', '.join(row.alike)}")
        for row in projected(record, "en")
        if row.alike
    ]
    return [Text(f"\n{EN.year}", style="bold"), *told] if told else []


def _not_measured(found: Sequence[Line], *, failed: bool) -> list[RenderableType]:
    """What is missing, each reason once; of a failed record what all the rest shares at the end."""
    told: list[RenderableType] = []
    for (why, _), names in gone(found, "en", failed=failed):
        told += [Text(f"\n{why}"), Text("\n".join(f"– {name}" for name in names), style="dim")]
    heading = Text(f"\n{EN.not_measured}", style="bold underline")
    return [heading, *told] if told else []


def compared(a: Record, b: Record) -> RenderableType:
    """What A and what B is, one line each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for letter, record in (("A", a), ("B", b)):
        grid.add_row(Text(letter), Text(which(record)))
    return grid


def comparison_table(rows: Sequence[Row]) -> RenderableType:
    """Two records side by side: a winner is named only where the intervals are apart.

    What only one of them was asked for is counted, and not shown.
    """
    table = plain_table("Measure", "A", "B", "B / A")
    shown = [row for row in rows if not one_sided(row)]
    for row in shown:
        table.add_row(
            Text(clean(row.address)), measure_text(row.a), measure_text(row.b), _difference(row)
        )
    left = len(rows) - len(shown)
    if not left:
        return table
    said = f"{left:,} measures of only one record (its probes, baselines or groups) are left out"
    return Group(table, Text(f"\n{said}; --json has them", style="dim"))


def drift_table(before: Record, after: Record) -> RenderableType:
    """How the answers of two versions to the same samples differ, over all and by group."""
    found, made = drift(after, before, "en")
    return Group(*drawn_sections(made), *_not_measured(found, failed=False))


def regressions_table(found: Regressions) -> RenderableType:
    """What a record was compared with an earlier one in, the worst first."""
    table = plain_table("Since", "Measure", "Change, above 0 is worse")
    order = list(OF_CHANGE)
    for one in sorted(found.changes, key=lambda one: order.index(one.outcome)):
        word = one.outcome.replace("_", " ").lower()
        told = change_in_words(one)
        table.add_row(Text(word), Text(clean(one.address)), Text(told))
    return Group(Text(f"\nsince the baseline {clean(found.baseline)}"), table)


def checks_table(checks: Iterable[Check]) -> RenderableType:
    """What can be measured on a machine, and the step that would unlock the rest."""
    styles = {"ok": "green", "missing": "magenta", "note": "yellow"}
    marks = {"ok": "✓ yes", "missing": "– no", "note": "! note"}
    table = plain_table("", "Subject", "What was found")
    for check in checks:
        found = Text(clean(check.detail, 300))
        if check.unlock:
            found.append(f"\nto unlock: {clean(check.unlock, 300)}", style="bold")
        table.add_row(Text(marks[check.state], styles[check.state]), Text(check.subject), found)
    return table


def _difference(row: Row) -> Text:
    if row.comparable:
        return Text(f"not comparable:\n{clean(row.comparable, 200)}", style="yellow")
    # Three digits, as plain decimals: a ratio of a millionth is not "0.000 ×".
    ratio = "" if row.ratio is None else f"{plain(float(f'{row.ratio:.3g}'))} ×\n"
    if row.separated is None:
        return Text(f"{ratio}not known", style="dim")
    if not row.separated:
        return Text(f"{ratio}no clear gap", style="dim")
    return Text(f"{ratio}{row.better.upper()} is better" if row.better else f"{ratio}they differ")
