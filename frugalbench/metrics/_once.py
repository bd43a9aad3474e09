"""Work on a record that several measures need, done once while they are asked.

A record never changes, so what was counted of it stays true; it is known by identity, because two
records that are equal are still two, and comparing millions of numbers would take longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

from frugalbench.record import Record

__all__ = ["once"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class _This:
    """A record by identity."""

    record: Record

    def __hash__(self) -> int:
        return id(self.record)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and other.record is self.record


def once(size: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the last `size` results of a pure function of records and hashable arguments."""

    def keep(function: Callable[P, R]) -> Callable[P, R]:
        def of_these(*args: Any, **kwargs: Any) -> R:
            return function(*map(_bare, args), **kwargs)

        kept: Callable[..., R] = lru_cache(maxsize=size)(of_these)

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return kept(*(_This(one) if isinstance(one, Record) else one for one in args), **kwargs)

        return called

    return keep


def _bare(argument: Any) -> Any:
    return argument.record if isinstance(argument, _This) else argument
