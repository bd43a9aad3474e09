"""Which numbers may not be shown to others: those of too few people, and those that give one away.

A number of few people is hidden. Where the people of a table come to a known total, one hidden
number is the total less the others: the smallest of the others is hidden with it, until at least
two are and together they rest on enough people (secondary cell suppression, as statistical offices
do it; Hundepool et al. 2012, Statistical Disclosure Control, chapter 4).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from frugalbench import metrics
from frugalbench.certify._decide import RUN_TOO
from frugalbench.metrics import AND, WITHIN, Scope
from frugalbench.metrics._fewest import fewest
from frugalbench.metrics._views import conditions, control_of
from frugalbench.record import Record
from frugalbench.values import Measure, Value

__all__ = ["Asked", "counts_people", "hidden_findings", "level_of", "suppressed", "too_few"]

NOT_PEOPLE = (
    *("latency", "memory", "energy", "carbon", "water", "projection"),
    *("transparency", "validity"),
)
"""Families whose `n` counts calls, windows, bytes or fields. Of others it counts people, if only
because it might."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One number: what it is, in which scope, and its value."""

    name: str
    scope: Scope
    measure: Measure


@dataclass(slots=True)
class _Cell:
    """How many people a number rests on, and the tables it is in."""

    n: int
    tables: tuple[Hashable, ...]


def counts_people(metric: str) -> bool:
    """Whether the `n` of a metric counts people, or rows that may be people."""
    return metric.partition(".")[0] not in NOT_PEOPLE and metric not in RUN_TOO


def too_few(record: Record, asked: Sequence[Asked], least: int) -> tuple[bool, ...]:
    """Whether each of some numbers of a record may not be shown where `least` people must be.

    Those of groups are hidden in each metric by itself. Tables are the groups of a column; each
    row and column of an intersection, or of a column within the levels of a control; and, of a
    measure over groups, its values within the levels of a control. What has no number is no cell.
    """
    cells: dict[Hashable, _Cell] = {}
    keys = [_enter(cells, record, one) for one in asked]
    hidden = suppressed({key: (cell.n, cell.tables) for key, cell in cells.items()}, least)
    return tuple(key in hidden for key in keys)


def suppressed(
    cells: dict[Hashable, tuple[int, tuple[Hashable, ...]]], least: int
) -> frozenset[Hashable]:
    """The keys of the cells to hide, each given as its count and the tables it is in."""
    hidden = {key for key, (n, _) in cells.items() if n < least}
    tables: dict[Hashable, list[Hashable]] = {}
    for key, (_, every) in cells.items():
        for table in every:
            tables.setdefault(table, []).append(key)
    more = True
    while more:
        more = False
        for members in tables.values():
            gone = [key for key in members if key in hidden]
            kept = [key for key in members if key not in hidden]
            alone = len(gone) == 1 or sum(cells[key][0] for key in gone) < least
            if gone and kept and alone:
                hidden.add(min(kept, key=lambda key: cells[key][0]))
                more = True
    return frozenset(hidden)


def _enter(cells: dict[Hashable, _Cell], record: Record, one: Asked) -> Hashable:
    """Put a number among the cells; its key, which two views of the same people share."""
    value, scope = one.measure, one.scope
    rest = (one.name, *sorted((k, v) for k, v in scope.items() if k not in ("attribute", "group")))
    attribute, group = scope.get("attribute", ""), scope.get("group")
    same = conditions(record, attribute).get(group) if group is not None else None
    key: Hashable = (rest, same) if same is not None else (rest, attribute, group)
    if not isinstance(value, Value) or not counts_people(one.name):
        return key
    n = fewest(record, metrics.find(one.name), scope, value)
    if same is not None:
        tables: tuple[Hashable, ...] = tuple(
            (rest, column, same - {(column, level)}) for column, level in same
        )
    else:
        control = control_of(record, attribute) if attribute and group is None else None
        tables = () if control is None else ((rest, *control),)
    held = cells.setdefault(key, _Cell(n, tables))
    held.n = min(held.n, n)
    return key


def hidden_findings(
    record: Record, found: Sequence[tuple[str, str, Measure]], least: int
) -> tuple[bool, ...]:
    """The same for metrics by their names and addresses, as the findings of a verdict have them.

    Of one metric two rules can ask: what is hidden for one is hidden for the other.
    """
    scopes = {
        metrics.address(name, scope): scope
        for name in dict.fromkeys(name for name, _, _ in found)
        for scope in metrics.find(name).scopes(record)
    }
    asked = [Asked(name, scopes.get(address, {}), measure) for name, address, measure in found]
    return too_few(record, asked, least)


def level_of(name: str, columns: Sequence[str]) -> tuple[str, str] | None:
    """The columns and the control that the name of a view is made of, by its words alone.

    >>> level_of("sex | region=north", ("sex", "region"))
    ('sex', 'region')
    """
    place = -1 if name in columns else name.find(WITHIN)
    while place >= 0:
        before, after = name[:place], name[place + len(WITHIN) :]
        control = next((one for one in columns if after.startswith(f"{one}=")), None)
        if control is not None and (before in columns or AND in before):
            return before, control
        place = name.find(WITHIN, place + 1)
    return None
