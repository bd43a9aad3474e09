"""What a metric is: a pure function of a record, with its unit and its range."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from frugalbench.metrics._lost import LOST
from frugalbench.metrics._views import MISSING_GROUP, view, views
from frugalbench.metrics._withheld import withheld
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = [
    "MISSING_GROUP",
    "Metric",
    "MissingGroups",
    "Scope",
    "Settle",
    "Settled",
    "metric",
    "no_run",
]

MissingGroups = Literal["include", "exclude", "fail"]
Scope = dict[str, str]
"""What a metric is narrowed to: nothing; `attribute`, or `attribute` and `group`; `probe`;
`feature`; `baseline`. An attribute is the name of a view: a column, an intersection such as
`sex & age`, or either of them within a level of a control, such as `sex | region=north`."""


@dataclass(frozen=True, slots=True)
class Needed:
    """How many to count in a group instead of how many there are would settle a bound."""

    group: str
    now: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known, group by group, of a bound on a measure over groups.

    `needed` are the groups that are too small; `flagged` are the groups, or pairs of them, known
    to be outside the bound, in words.
    """

    needed: tuple[Needed, ...] = ()
    flagged: tuple[str, ...] = ()


Settle = Callable[..., Settled]
"""`f(record, bound, **scope)`: what is known of a bound, group by group."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A function `f(record, **scope) -> Value | Missing` and the facts about its result.

    Calling the metric calls the function. `unit` is the unit of every `Value` it returns;
    `minimum` and `maximum` are the ends of its range, so that a rule that cannot fail is refused;
    `title` and `titre` name it for English and French readers. `settle` is there for a measure
    over groups. `by_class` says that it rests on the rows of each class, though `n` counts all.
    """

    function: Callable[..., Measure]
    unit: str
    lower_is_better: bool | None
    title: str
    titre: str
    minimum: float = 0.0
    maximum: float = float("inf")
    settle: Settle | None = None
    by_class: bool = False

    def __call__(self, record: Record, **scope: Any) -> Measure:
        """Compute the metric.

        `scope` holds what `parameters` names of `attribute`, `group`, `missing` (the policy's stand
        on rows without a group), `reference` (the record to compare with), `probe`, `feature` and
        `baseline`.
        """
        found = self.function(record, **scope)
        return withheld(record, found) if isinstance(found, Missing) else found

    @property
    def parameters(self) -> tuple[str, ...]:
        """The scope parameters of the function, in order."""
        return tuple(inspect.signature(self.function).parameters)[1:]

    @property
    def paired(self) -> bool:
        """Whether the metric compares a record with a reference, such as an earlier one."""
        return "reference" in self.parameters

    def scopes(self, record: Record, *, lost: bool = False) -> Iterator[Scope]:
        """Every scope the metric has on this record; none at all when it needs what is absent.

        With `lost` also those that were declared and that the record does not hold; the metric is
        not to be asked in them.
        """
        narrowed: list[Scope] = [{}]
        for name in self.parameters:
            if name in NARROWING:
                narrowed = [
                    {**scope, name: one}
                    for scope in narrowed
                    for one in (*NARROWING[name](record, scope), *_lost(name, record, lost))
                ]
        yield from narrowed


def _lost(name: str, record: Record, wanted: bool) -> tuple[str, ...]:
    return LOST[name](record) if wanted and name in LOST else ()


def _attributes(record: Record, scope: Scope) -> tuple[str, ...]:
    return views(record)


def _groups(record: Record, scope: Scope) -> tuple[str, ...]:
    seen = view(record, scope["attribute"])
    assert seen is not None, "the attribute is one of the views"
    return seen.names


def _probes(record: Record, scope: Scope) -> tuple[str, ...]:
    passes = record.probed.passes if record.probed else ()
    return tuple(f"{one.kind}:{one.severity:g}" for one in passes)


def _features(record: Record, scope: Scope) -> tuple[str, ...]:
    return record.probed.features if record.probed else ()


def _baselines(record: Record, scope: Scope) -> tuple[str, ...]:
    return tuple(one.name for one in record.baselines)


NARROWING: dict[str, Callable[[Record, Scope], tuple[str, ...]]] = {
    "attribute": _attributes,
    "group": _groups,
    "probe": _probes,
    "feature": _features,
    "baseline": _baselines,
}
"""What each scope parameter of a metric can be on a record, given those before it."""


def narrowing(name: str, record: Record) -> tuple[str, ...]:
    """What a scope parameter can be on a record, whatever the others are (`group`: see views)."""
    return NARROWING[name](record, {})


def metric(
    *,
    unit: str,
    lower_is_better: bool | None,
    title: str,
    titre: str,
    minimum: float = 0.0,
    maximum: float = float("inf"),
    settle: Settle | None = None,
    by_class: bool = False,
) -> Callable[[Callable[..., Measure]], Metric]:
    """State the unit, direction, names and range of a metric function."""

    def state(function: Callable[..., Measure]) -> Metric:
        return Metric(
            function, unit, lower_is_better, title, titre, minimum, maximum, settle, by_class
        )

    return state


def no_run(record: Record) -> Missing | None:
    """The reason why a record has no run to compute from, or None when it has one."""
    if record.run is not None:
        return None
    detail = record.failure.detail if record.failure else "the record holds no run"
    return Missing(reason="no_run", detail=f"nothing was measured: {detail}")
