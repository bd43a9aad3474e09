"""Does the model answer alike when it is asked again, in another batch, or with other threads?

Flips are rows that get another class; a difference is between outputs as the model gives them.
"""

import math

from frugalbench.metrics._intervals import wilson
from frugalbench.metrics._metric import Metric, metric, no_run
from frugalbench.record import Record, Repeat
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "beyond_again",
    "beyond_batch",
    "beyond_threads",
    "difference_again",
    "difference_batch",
    "difference_threads",
    "flips_again",
    "flips_batch",
    "flips_threads",
]

ENGLISH = {
    "again": "asked again",
    "batch": "in another batch",
    "threads": "with other threads",
}
FRENCH = {
    "again": "à une seconde demande",
    "batch": "dans un autre lot",
    "threads": "avec un autre nombre de fils",
}


def _repeat(record: Record, how: str) -> Repeat | Missing:
    if (gone := no_run(record)) is not None:
        return gone
    repeats = record.probed.repeats if record.probed else ()
    found = next((one for one in repeats if one.how == how), None)
    if found is not None and found.rows:
        return found
    told = "; ".join(record.probed.notes) if record.probed else ""
    return Missing(
        reason="not_repeated",
        detail=f"no row was {ENGLISH[how]}{': ' + told if told else ', or the batch is fixed'}",
    )


def _share(count: int, found: Repeat) -> Value:
    low, high = wilson(count, found.rows)
    return Value(
        estimate=count / found.rows,
        unit="1",
        low=float(low),
        high=float(high),
        n=found.rows,
        method="counted",
        interval="wilson",
        note=f"{count} of {found.rows}, {found.setting}",
    )


def _flips(how: str) -> Metric:
    """The metric of the rows that get another class."""

    def measure(record: Record) -> Measure:
        """The share of rows that get another class, with Wilson's interval."""
        found = _repeat(record, how)
        if isinstance(found, Missing):
            return found
        if "y_pred" not in record.arrays:
            return Missing(
                reason="not_classification", detail="the model answers numbers, not classes"
            )
        return _share(found.flips, found)

    return metric(
        unit="1",
        lower_is_better=True,
        maximum=1,
        title=f"Answers that flip {ENGLISH[how]}",
        titre=f"Réponses qui changent {FRENCH[how]}",
    )(measure)


def _beyond(how: str) -> Metric:
    """The metric of the rows whose outputs are no longer the same."""

    def measure(record: Record) -> Measure:
        """The share of rows whose output differs by more than its type explains (Wilson)."""
        found = _repeat(record, how)
        return found if isinstance(found, Missing) else _share(found.beyond, found)

    return metric(
        unit="1",
        lower_is_better=True,
        maximum=1,
        title=f"Outputs beyond the precision of their type {ENGLISH[how]}",
        titre=f"Sorties au-delà de la précision de leur type {FRENCH[how]}",
    )(measure)


def _difference(how: str) -> Metric:
    """The metric of the largest difference."""

    def measure(record: Record) -> Measure:
        """The largest absolute difference of two outputs: what was seen, and no interval."""
        found = _repeat(record, how)
        if isinstance(found, Missing):
            return found
        if not found.dtype.startswith(("float", "bfloat")):
            return Missing(reason="no_scores", detail="the model gives labels only, no scores")
        if not math.isfinite(found.largest):
            return Missing(reason="not_finite", detail="an output is no number, or infinite")
        return Value(
            estimate=found.largest,
            unit="1",
            low=found.largest,
            high=found.largest,
            n=found.rows,
            method="counted",
            interval="exact",
            note=f"{found.dtype}, {found.setting}; the same within {found.tolerance}",
        )

    return metric(
        unit="1",
        lower_is_better=True,
        title=f"Largest difference of an output {ENGLISH[how]}",
        titre=f"Plus grand écart d'une sortie {FRENCH[how]}",
    )(measure)


flips_again, flips_batch, flips_threads = (_flips(how) for how in ENGLISH)
beyond_again, beyond_batch, beyond_threads = (_beyond(how) for how in ENGLISH)
difference_again, difference_batch, difference_threads = (_difference(how) for how in ENGLISH)
