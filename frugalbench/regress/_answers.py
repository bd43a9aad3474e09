"""Quality and fairness of two records: row by row, or each by itself where the rows differ."""

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from frugalbench import metrics
from frugalbench.metrics import Metric, Scope, validity
from frugalbench.metrics._paired import same_samples
from frugalbench.metrics._ratios import difference, ratio
from frugalbench.record import Record
from frugalbench.regress._seen import Seen, value_test
from frugalbench.values import Missing, Value

__all__ = ["fairness", "quality"]

Kind = Literal["classes", "errors"]

# Accuracy alone rises when a rare class is given up, so each class counts alike too; no paired
# interval is known for that, and one that takes the rows for others is wider.
PAIRED_QUALITY: dict[Kind, tuple[str, ...]] = {
    "classes": ("drift.accuracy_drop", "quality.balanced_accuracy"),
    "errors": ("drift.error_rise",),
}
QUALITY: dict[Kind, tuple[str, ...]] = {
    "classes": ("quality.accuracy", "quality.balanced_accuracy"),
    "errors": ("quality.mean_absolute_error",),
}
PAIRED_FAIRNESS: dict[Kind, tuple[str, ...]] = {
    "classes": (
        *("drift.accuracy_drop_group_max", "drift.tpr_drop_group_max"),
        *("drift.fpr_rise_group_max", "drift.equal_opportunity_rise"),
    ),
    "errors": ("drift.error_rise_group_max",),
}
FAIRNESS: dict[Kind, tuple[str, ...]] = {
    "classes": ("fairness.accuracy_group_min", "fairness.equal_opportunity_difference"),
    "errors": ("fairness.mean_absolute_error",),
}
DRAWN = ("label", "positive", "split_column", "split")


def quality(after: Record, before: Record) -> Iterator[Seen]:
    """How rightly all rows are answered."""
    return _answers(after, before, "quality", PAIRED_QUALITY, QUALITY)


def fairness(after: Record, before: Record) -> Iterator[Seen]:
    """How rightly each group is answered, and how far groups lie apart."""
    return _answers(after, before, "fairness", PAIRED_FAIRNESS, FAIRNESS)


def _answers(
    after: Record,
    before: Record,
    family: str,
    paired: dict[Kind, tuple[str, ...]],
    alone: dict[Kind, tuple[str, ...]],
) -> Iterator[Seen]:
    data = before.data
    if before.run is None or data is None or data.label is None:
        yield Seen(family, "the baseline has no labelled data", absent=True)
        return
    if family == "fairness" and not data.groups:
        yield Seen(family, "the baseline declares no groups", absent=True)
        return
    for which, one in (("this record", after), ("the baseline", before)):
        if any(flaw.code == "answers_differ" for flaw in validity.flaws(one)):
            yield Seen(family, f"{which} does not answer alike from call to call")
            return
    other = same_samples(after, before)
    if other is not None and not _drawn_alike(after, before):
        yield Seen(family, f"{other.detail}: answer the same rows with both")
        return
    names = (paired if other is None else alone)["classes" if data.classes else "errors"]
    for name in names:
        found = metrics.find(name)
        own = list(found.scopes(after))
        for scope in found.scopes(before):
            address = metrics.address(name, scope)
            if scope not in own:
                yield Seen(address, "this record has no such groups: declare them again")
            elif found.paired:
                yield _row_by_row(after, before, found, address, scope)
            else:
                yield _by_itself(after, before, found, address, scope)


def _drawn_alike(after: Record, before: Record) -> bool:
    """Whether both answer rows drawn in the same way from the same file."""
    asked, earlier = after.spec.data, before.spec.data
    if after.data is None or before.data is None or asked is None or earlier is None:
        return False
    return after.data.sha256 == before.data.sha256 and all(
        getattr(asked, what) == getattr(earlier, what) for what in DRAWN
    )


def _row_by_row(after: Record, before: Record, found: Metric, address: str, scope: Scope) -> Seen:
    relative = found.unit != "1"
    if relative and np.array_equal(after.arrays.get("value", ()), before.arrays.get("value", ())):
        return Seen(address, ends=(0.0, 0.0, 0.0), level=1.0, relative=True, how="equal answers")
    # What the baseline cannot show of itself, it cannot show of a later version.
    itself = found(before, **scope, reference=before)
    if isinstance(itself, Missing) and itself.reason != "same_error":
        return Seen(address, f"the baseline has none: {itself.detail}", absent=True)
    measure = found(after, **scope, reference=before)
    if isinstance(measure, Missing):
        return Seen(address, measure.detail or measure.reason)
    scale = _error(before) if relative else 1.0
    if scale <= 0:
        return Seen(address, "the baseline makes no error that one could be a share of")
    change = msgspec.structs.replace(
        measure,
        estimate=measure.estimate / scale,
        low=measure.low / scale,
        high=measure.high / scale,
    )
    return _seen(address, change, "the same rows, each with both its answers", relative=relative)


def _error(record: Record) -> float:
    error = metrics.find("quality.mean_absolute_error")(record)
    return error.estimate if isinstance(error, Value) else 0.0


def _by_itself(after: Record, before: Record, found: Metric, address: str, scope: Scope) -> Seen:
    """Two values, each with its own interval, as those of other rows."""
    earlier, own = found(before, **scope), found(after, **scope)
    if isinstance(earlier, Missing):
        return Seen(address, f"the baseline has none: {earlier.detail}", absent=True)
    if isinstance(own, Missing):
        return Seen(address, own.detail or own.reason)
    relative = found.unit != "1"
    if relative and earlier.low <= 0:
        return Seen(address, "the baseline may make no error that one could be a share of")
    first, second = (own, earlier) if found.lower_is_better else (earlier, own)
    sides = [(one.estimate, one.low, one.high) for one in (first, second)]
    middle, low, high = ratio(*sides) if relative else difference(*sides)
    shift = 1.0 if relative else 0.0
    change = msgspec.structs.replace(
        own, estimate=middle - shift, low=low - shift, high=high - shift
    )
    return _seen(address, change, "each record by itself", relative=relative)


def _seen(address: str, change: Value, how: str, *, relative: bool) -> Seen:
    return Seen(
        address,
        ends=(change.estimate, change.low, change.high),
        level=change.level,
        relative=relative,
        how=how,
        test=value_test(change),
    )
