"""A copy of a record without its rows: what would need them says so, and not that nobody asked."""

from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["ROWS_LEFT_OUT", "withheld"]

ROWS_LEFT_OUT = "the rows are not in this copy of the record"
"""The note of a record that tells that labels, answers, groups and scores were left out of it."""
OF_ROWS = ("no_labels", "no_scores", "other_samples", "no_difficulty")
OF_TASK = {True: ("not_classification",), False: ("not_regression",)}
"""What a record without labels is taken for, by whether its task has classes."""
OF_GROUPS = ("missing_attribute", "empty_group", "one_group", "no_neighbours")
OF_PROBES = ("no_probes", "not_probed", "not_shuffled")


def withheld(record: Record, found: Missing) -> Missing:
    """Why there is no number: that the rows were not shared, where they would have given one."""
    data, asked = record.data, record.spec.probes
    if ROWS_LEFT_OUT not in record.notes or data is None:
        return found
    labels = (*OF_ROWS, *OF_TASK[bool(data.classes)])
    lacking: tuple[str, ...] = labels if data.label is not None else ()
    lacking += OF_GROUPS if data.groups else ()
    lacking += OF_PROBES if asked.perturb or asked.shuffles else ()
    lacking += ("no_members",) if data.train_rows else ()
    if found.reason not in lacking:
        return found
    return Missing(
        reason="rows_not_shared", detail=f"{ROWS_LEFT_OUT}: ask whoever holds it to judge it"
    )
