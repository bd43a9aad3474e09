"""What a record declares and does not hold: it is never taken for something nobody asked for."""

from collections import Counter
from collections.abc import Callable
from pathlib import PurePath

from frugalbench.metrics._once import once
from frugalbench.metrics._views import AND, WITHIN, views
from frugalbench.record import Record
from frugalbench.spec import Baseline
from frugalbench.values import Missing

__all__ = ["LOST", "lost_baselines", "lost_probes", "lost_views", "why_lost"]


@once(8)
def lost_views(record: Record) -> tuple[str, ...]:
    """The views that the data or the question declare, and whose columns the record lacks."""
    data, asked = record.data, record.spec.data
    if record.run is None or data is None:
        return ()
    every = (data, asked) if asked is not None else (data,)
    made: dict[str, tuple[str, ...]] = {name: (name,) for one in every for name in one.groups}
    for names in (names for one in every for names in one.intersections):
        made.setdefault(AND.join(names), names)
    controls = dict.fromkeys(name for one in every for name in one.controls)
    plain = {name: columns for name, columns in made.items() if not set(columns) & set(controls)}
    within = [
        f"{name}{WITHIN}{control}={level}"
        for control in controls
        for name in plain
        for level in data.groups.get(control, ())
    ]
    held = views(record)
    return tuple(name for name in dict.fromkeys((*made, *within, *controls)) if name not in held)


@once(8)
def lost_probes(record: Record) -> tuple[str, ...]:
    """The disturbances that were asked for and that the record has no pass of.

    One that leaves its severities to the probe is named by its kind, and lost with its last pass.
    """
    if record.probed is None:
        return ()
    kinds = {one.kind for one in record.probed.passes}
    held = {f"{one.kind}:{one.severity:g}" for one in record.probed.passes} | kinds
    asked = [
        name
        for one in record.spec.probes.perturb
        for name in ([f"{one.kind}:{at:g}" for at in one.severities] or [one.kind])
    ]
    return tuple(name for name in dict.fromkeys(asked) if name not in held)


@once(8)
def lost_baselines(record: Record) -> tuple[str, ...]:
    """The baselines that were asked for and that the record does not hold."""
    if record.run is None:
        return ()
    held = [one.name for one in record.baselines]
    left = Counter(one.kind for one in record.baselines)
    asked = [(_plain(one), one.kind) for one in record.spec.baselines]
    # Those that bear the name they were asked for by come first: of two models one may be lost.
    named = Counter(one for one in asked if one[0] in held)
    lost = []
    for name, kind in sorted(asked, key=lambda one: one not in named):
        if left[kind]:
            left[kind] -= 1
            continue
        free, number = name, 2
        while free in held or free in lost:
            free, number = f"{name}-{number}", number + 1
        lost.append(free)
    return tuple(lost)


def _plain(asked: Baseline) -> str:
    """About what a baseline is called."""
    if asked.model is None:
        return asked.kind
    return asked.model.name or PurePath(asked.model.path).stem or asked.kind


LOST: dict[str, Callable[[Record], tuple[str, ...]]] = {
    "attribute": lost_views,
    "probe": lost_probes,
    "baseline": lost_baselines,
}
"""What a scope parameter of a metric was declared to be, and is not on the record."""


def why_lost(name: str, one: str) -> Missing:
    """Why there is nothing for a scope parameter that was declared to be this."""
    reason, what = {
        "attribute": ("missing_attribute", f"the record lacks a column of '{one}'"),
        "probe": ("not_probed", f"the record lacks the pass under '{one}'"),
        "baseline": ("no_baseline", f"the record lacks the baseline '{one}'"),
    }[name]
    return Missing(reason=reason, detail=f"{what}, which was asked for: measure it again")
