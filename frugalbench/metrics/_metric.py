"""What a metric is: a pure function of a record, with its unit and its range."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = ["MISSING_GROUP", "Metric", "MissingGroups", "Scope", "metric", "no_run"]

MissingGroups = Literal["include", "exclude", "fail"]
MISSING_GROUP = "__missing__"
"""The group of the rows that do not say which group they are in."""

Scope = dict[str, str]
"""What a metric is narrowed to: nothing, `attribute`, or `attribute` and `group`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A function `f(record, **scope) -> Value | Missing` and the facts about its result.

    Calling the metric calls the function. `unit` is the unit of every `Value` it returns;
    `minimum` and `maximum` are the ends of its range, so that a rule that cannot fail is refused;
    `title` and `titre` name it for English and French readers.
    """

    function: Callable[..., Measure]
    unit: str
    lower_is_better: bool | None
    title: str
    titre: str
    minimum: float = 0.0
    maximum: float = float("inf")

    def __call__(self, record: Record, **scope: str) -> Measure:
        """Compute the metric; `scope` holds `attribute`, `group`, `missing` where it has them."""
        return self.function(record, **scope)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The scope parameters of the function, in order."""
        return tuple(inspect.signature(self.function).parameters)[1:]

    def scopes(self, record: Record) -> Iterator[Scope]:
        """Every scope the metric has on this record; none at all when it needs absent groups."""
        if "attribute" not in self.parameters:
            yield {}
            return
        groups = record.data.groups if record.data else {}
        for attribute, names in groups.items():
            if "group" not in self.parameters:
                yield {"attribute": attribute}
                continue
            codes = record.arrays.get(f"group:{attribute}")
            has_missing = codes is not None and bool((codes < 0).any())
            for name in (*names, MISSING_GROUP) if has_missing else names:
                yield {"attribute": attribute, "group": name}


def metric(
    *,
    unit: str,
    lower_is_better: bool | None,
    title: str,
    titre: str,
    minimum: float = 0.0,
    maximum: float = float("inf"),
) -> Callable[[Callable[..., Measure]], Metric]:
    """State the unit, direction, names and range of a metric function."""

    def state(function: Callable[..., Measure]) -> Metric:
        return Metric(function, unit, lower_is_better, title, titre, minimum, maximum)

    return state


def no_run(record: Record) -> Missing | None:
    """The reason why a record has no run to compute from, or None when it has one."""
    if record.run is not None:
        return None
    detail = record.failure.detail if record.failure else "the record holds no run"
    return Missing(reason="no_run", detail=f"nothing was measured: {detail}")
