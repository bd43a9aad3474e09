"""The fewest people that a number rests on: not always as many as its `n` counts.

Rows of one cluster are one person. A rate by class, such as balanced accuracy or the area under
the ROC curve, rests on the rows of its smallest class, however many rows there are.
"""

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._metric import Metric, Scope
from frugalbench.metrics._once import once
from frugalbench.metrics._views import view
from frugalbench.record import Record
from frugalbench.values import Value

__all__ = ["fewest"]


def fewest(record: Record, metric: Metric, scope: Scope, value: Value) -> int:
    """The fewest people that a number of a record rests on, at most its `n`.

    Args:
        record: what was observed.
        metric: what the number is.
        scope: what it is narrowed to.
        value: the number.
    """
    attribute, group = scope.get("attribute"), scope.get("group")
    counts = [value.n]
    if group is not None or attribute is None:
        counts += _people(record, attribute, group, by_class=metric.by_class)
    elif metric.by_class and (seen := view(record, attribute)) is not None:
        counts += [
            n for name in seen.names for n in _people(record, attribute, name, by_class=True)
        ]
    return min(counts)


@once(256)
def _people(
    record: Record, attribute: str | None, group: str | None, *, by_class: bool
) -> tuple[int, ...]:
    """Distinct clusters in a part of the rows; with `by_class` people of each class there too."""
    clusters, labels = record.arrays.get("cluster"), record.arrays.get("y_true")
    inside = _rows(record, attribute, group)
    found = []
    if clusters is not None:
        found.append(np.unique(clusters[inside]).size)
    if by_class and labels is not None:
        who = np.arange(labels.size) if clusters is None else clusters
        mine, of = who[inside], labels[inside]
        found += [np.unique(mine[of == one]).size for one in np.unique(of)]
    return tuple(n for n in found if n)


def _rows(
    record: Record, attribute: str | None, group: str | None
) -> npt.NDArray[np.bool_] | slice:
    seen = view(record, attribute) if attribute is not None else None
    if seen is None or group not in seen.names:
        return slice(None)
    inside: npt.NDArray[np.bool_] = seen.codes == seen.names.index(group or "")
    return inside if seen.rows is None else inside & seen.rows
