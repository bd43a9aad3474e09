"""A verdict on a terminal: every rule with its evidence, the whole in words, what would change it.

Everything is built from `Text`, never from markup, so that a name cannot colour or hide anything.
"""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from frugalbench.certify import Outcome, Verdict
from frugalbench.record import Record
from frugalbench.report._format import clean
from frugalbench.report._phrases import SYMBOLS, WORDS, how
from frugalbench.report._terminal import number_text, plain_table
from frugalbench.report._view import RuleRow, check_same, headline, rule_rows, tally
from frugalbench.values import Value

__all__ = ["verdict_line", "verdict_table"]

STYLES: dict[Outcome, str] = {
    "PASS": "green",
    "FAIL": "bold red",
    "INCONCLUSIVE": "yellow",
    "NOT_EVALUATED": "magenta",
}
EN = WORDS["en"]
MOST_VIEWS = 3
"""A rule over more views than these shows those that pass in one row."""


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


def _method(value: Value) -> Text:
    loud = value.method in ("modelled", "pretend")
    return Text(how(value), style="bold yellow" if loud else "dim")


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


def verdict_line(verdict: Verdict) -> str:
    """The verdict and the required rules that decide it, on one line for a log."""
    open_ones = [
        clean(one.address)
        for one in verdict.findings
        if one.rule.required and one.outcome == verdict.overall != "PASS"
    ]
    shown = ", ".join(open_ones[:4]) + (f" and {len(open_ones) - 4} more" * (len(open_ones) > 4))
    return f"{EN.outcomes[verdict.overall]}{f' ({shown})' if shown else ''}"
