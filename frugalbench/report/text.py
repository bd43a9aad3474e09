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

from frugalbench.certify import Outcome, Verdict
from frugalbench.compare import Row, one_sided
from frugalbench.record import Record
from frugalbench.report._deploy import projected
from frugalbench.report._drifted import drift
from frugalbench.report._facts import alerts, facts, notes, which
from frugalbench.report._format import clean, plain
from frugalbench.report._phrases import SYMBOLS, WORDS, how
from frugalbench.report._sections import chosen, family, gone, sections
from frugalbench.report._terminal import (
    audit_tables,
    drawn_sections,
    measure_text,
    number_text,
    plain_table,
)
from frugalbench.report._view import (
    Line,
    RuleRow,
    check_same,
    headline,
    lines,
    remarks,
    rule_rows,
    tally,
)
from frugalbench.values import Value

__all__ = [
    "audit_tables",
    "checks_table",
    "compared",
    "comparison_table",
    "drift_table",
    "header",
    "measures_table",
    "progress",
    "verdict_line",
    "verdict_table",
]

STYLES: dict[Outcome, str] = {
    "PASS": "green",
    "FAIL": "bold red",
    "INCONCLUSIVE": "yellow",
    "NOT_EVALUATED": "magenta",
}
EN = WORDS["en"]
MOST_VIEWS = 3
"""A rule over more views than these shows those that pass in one row."""


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


def verdict_table(record: Record, verdict: Verdict) -> RenderableType:
    """Every rule with its evidence, the overall verdict in words, and what would change it."""
    check_same(record, verdict)
    rows = rule_rows(verdict, "en")
    table = plain_table("Outcome", "Rule", "Estimate", "Bound / n")
    for held in _folded(rows):
        table.add_row(*(_rule_cells(held[0]) if len(held) == 1 else _passes(held, rows)))
    word, sentence = headline(verdict, "en")
    judged = EN.judged_by.format(
        policy=clean(verdict.policy), version=clean(verdict.policy_version)
    )
    overall = Text.assemble(
        (f"{SYMBOLS[verdict.overall]} {word}", STYLES[verdict.overall]),
        f": {sentence}\n{judged} {tally(verdict, 'en')}.",
    )
    marked = any(row.shown and row.shown.mark for row in rows)
    mark = [Text(EN.one_sided, style="dim")] if marked else []
    return Group(table, *mark, overall, *_changes(rows))


def _folded(rows: Sequence[RuleRow]) -> list[tuple[RuleRow, ...]]:
    """Rows one by one in order; those of a rule over many views that pass, together."""
    by_rule: dict[str, list[RuleRow]] = {}
    for row in rows:
        by_rule.setdefault(row.id, []).append(row)
    told: list[tuple[RuleRow, ...]] = []
    folded: set[str] = set()
    for row in rows:
        passed = [one for one in by_rule[row.id] if one.outcome == "PASS"]
        if row.outcome != "PASS" or len(by_rule[row.id]) <= MOST_VIEWS or len(passed) < 2:
            told.append((row,))
        elif row.id not in folded:
            folded.add(row.id)
            told.append(tuple(passed))
    return told


def _passes(held: Sequence[RuleRow], rows: Sequence[RuleRow]) -> tuple[Text, ...]:
    """What passes of one rule over many views, in one row."""
    first, total = held[0], sum(row.id == held[0].id for row in rows)
    outcome = Text(f"{first.symbol} {first.word}", style=STYLES[first.outcome])
    outcome.append(f"\n{first.weight}", style="dim")
    name = clean(first.finding.rule.metric)
    views = "; ".join(row.address.removeprefix(f"{name}[").removesuffix("]") for row in held)
    rule = Text(name)
    rule.append(f"\n{first.id} · {EN.folded.format(n=len(held), total=total)}", style="dim")
    rule.append(f"\n{clean(views, 400)}", style="dim")
    return outcome, rule, Text("–"), Text(first.bound)


def verdict_line(verdict: Verdict) -> str:
    """The verdict and the required rules that decide it, on one line for a log."""
    open_ones = [
        clean(one.address)
        for one in verdict.findings
        if one.rule.required and one.outcome == verdict.overall != "PASS"
    ]
    shown = ", ".join(open_ones[:4]) + (f" and {len(open_ones) - 4} more" * (len(open_ones) > 4))
    return f"{EN.outcomes[verdict.overall]}{f' ({shown})' if shown else ''}"


def _rule_cells(row: RuleRow) -> tuple[Text, ...]:
    outcome = Text(f"{row.symbol} {row.word}", style=STYLES[row.outcome])
    outcome.append(f"\n{row.weight}", style="dim")
    rule = Text(row.address)
    rule.append(f"\n{row.id}", style="dim")
    measure = row.finding.measure
    if isinstance(measure, Value):
        rule.append(" · ").append_text(_method(measure))
    bound = Text(row.bound)
    equals = "" if row.n.startswith("≥") else "= "
    bound.append(f"\nn {equals}{row.n}" if row.n else "", style="dim")
    estimate = number_text(measure, row.shown) if isinstance(measure, Value) else Text("–")
    return outcome, rule, estimate, bound


def _changes(rows: Iterable[RuleRow]) -> list[RenderableType]:
    open_rows = [row for row in rows if row.outcome != "PASS"]
    if not open_rows:
        return []
    grid = Table.grid(padding=(0, 1))
    for row in open_rows:
        mark = Text(row.symbol, style=STYLES[row.outcome])
        said = row.explanation[0]
        if sum(one.id == row.id for one in open_rows) > MOST_VIEWS:
            said = said.partition("; ")[0]
        grid.add_row(mark, Text(f"{row.address}: {said}"))
    return [Text(f"\n{EN.change}"), grid]


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


def _method(value: Value) -> Text:
    loud = value.method in ("modelled", "pretend")
    return Text(how(value), style="bold yellow" if loud else "dim")
