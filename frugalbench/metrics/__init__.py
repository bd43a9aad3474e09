"""Metrics: pure functions from a record to a `Value` or a `Missing`.

A name is an address: `latency.p90` is `p90` in `metrics/latency.py`. A metric narrowed to a group
column, or to one group, is written `fairness.selection_rate[gender=Female]`. Other packages add
a module of metrics under the entry point group `frugalbench.metrics`.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from frugalbench import plugins
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.metrics._lost import LOST, why_lost
from frugalbench.metrics._metric import (
    MISSING_GROUP,
    Metric,
    MissingGroups,
    Needed,
    Scope,
    Settled,
    narrowing,
)
from frugalbench.metrics._once import once
from frugalbench.metrics._views import AND, WITHIN, view
from frugalbench.metrics._withheld import ROWS_LEFT_OUT, withheld
from frugalbench.record import Record
from frugalbench.values import Measure

__all__ = [
    "AND",
    "LOST",
    "MISSING_GROUP",
    "ROWS_LEFT_OUT",
    "WITHIN",
    "Metric",
    "MissingGroups",
    "Needed",
    "Scope",
    "Settled",
    "address",
    "every",
    "find",
    "measure_all",
    "narrowing",
    "once",
    "unstated",
    "why_lost",
    "withheld",
]


@cache
def every() -> dict[str, Metric]:
    """Every metric there is, by address, in the order of modules and then of definition."""
    modules = plugins.modules(__name__, __path__)
    return {
        f"{family}.{name}": value
        for family, path in modules.items()
        for name, value in vars(import_module(path)).items()
        # One that a module takes from another family has its address there.
        if isinstance(value, Metric) and value.function.__module__.startswith(path)
    }


def find(name: str) -> Metric:
    """The metric at an address such as `latency.p90`.

    Raises:
        UsageError: there is no such metric; the message suggests the nearest one.
    """
    known = every()
    if name not in known:
        raise UsageError(f"there is no metric '{name}': {did_you_mean(name, known)}")
    return known[name]


def address(name: str, scope: Scope) -> str:
    """The full address of a metric in a scope.

    >>> address("fairness.tpr", {"attribute": "sex", "group": "F"})
    'fairness.tpr[sex=F]'
    """
    parts = [scope[key] for key in ("attribute", "probe", "feature", "baseline") if key in scope]
    if "group" in scope:
        parts[0] += f"={scope['group']}"
    return f"{name}[{', '.join(parts)}]" if parts else name


def unstated(record: Record, attribute: str | None) -> bool:
    """Whether a view is of the rows that do not say their level of a control."""
    seen = view(record, attribute) if attribute is not None else None
    return seen is not None and seen.within_unstated


def measure_all(
    record: Record, reference: Record | None = None
) -> Iterator[tuple[str, Metric, Measure]]:
    """Every metric of a record in every scope, as (address, metric, measure).

    Metrics that compare two records are among them where there is a `reference`.
    """
    for name, one in every().items():
        if one.paired and reference is None:
            continue
        compared = {"reference": reference} if one.paired else {}
        for scope in one.scopes(record):
            yield address(name, scope), one, one(record, **scope, **compared)
