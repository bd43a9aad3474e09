"""What a gate tells beside the verdict as others may read it, without numbers of a few people."""

import msgspec

from frugalbench import metrics
from frugalbench.certify import Verdict
from frugalbench.metrics._views import views
from frugalbench.record import Record
from frugalbench.regress import Change, Regressions
from frugalbench.report._disclosed import SMALL, shareable, shared
from frugalbench.report._flags import Flagged, flagged
from frugalbench.values import Missing, Value

__all__ = ["shared_changes", "shared_pairs"]

FEW = "its numbers rest on too few people to be shown"


def shared_changes(
    record: Record | None, verdict: Verdict | None, found: Regressions
) -> Regressions:
    """The same changes and outcomes; of those that rest on a few people no number.

    A change over groups is hidden where a rate over the same groups is, and one of all rows where
    the accuracy of all rows is, or what it is a change of.
    """
    if record is None:
        return found
    hidden = {
        (line.name, line.scope.get("attribute", ""))
        for line in shareable(record, verdict)
        if isinstance(line.measure, Missing) and line.measure.reason == SMALL
    }
    held = tuple(_redacted(one) if _few(record, one, hidden) else one for one in found.changes)
    return msgspec.structs.replace(found, changes=held)


def _few(record: Record, one: Change, hidden: set[tuple[str, str]]) -> bool:
    if one.estimate is None or one.family not in ("quality", "fairness"):
        return False
    name = one.address.partition("[")[0]
    for view in views(record):
        if one.address == metrics.address(name, {"attribute": view}):
            return any(of == view for _, of in hidden)
    whole = {(name, ""), ("quality.accuracy", ""), ("quality.mean_absolute_error", "")}
    return bool(whole & hidden)


def _redacted(one: Change) -> Change:
    return msgspec.structs.replace(
        one, estimate=None, low=None, high=None, p=None, p_adjusted=None, detail=FEW
    )


def shared_pairs(record: Record, verdict: Verdict | None) -> tuple[Flagged, ...]:
    """The pairs of groups that are too far apart, of findings whose number may be shown."""
    if verdict is None:
        return ()
    held = {
        one.address for one in shared(record, verdict).findings if isinstance(one.measure, Value)
    }
    return tuple(
        one
        for one in flagged(record, verdict)
        if metrics.address(one.metric, {"attribute": one.attribute}) in held
    )
