"""Does a cheaper model do the job? The model against each baseline, on the same samples.

Every gain is paired, row by row, so that what is hard for both models does not count as noise.
Sources: Bonett and Price (2012) and Tango (1998), intervals of paired proportions; McNemar (1947),
the exact test of them; Zou and Donner (2008), MOVER.
"""

import numpy as np

from frugalbench.metrics import latency
from frugalbench.metrics._against import (
    beside_of,
    does_the_job,
    ends_of,
    energies,
    p_words,
    paired,
    right,
    told,
)
from frugalbench.metrics._answers import misfit, regression
from frugalbench.metrics._changes import paired_change
from frugalbench.metrics._frontier import Point, Standing, frontier
from frugalbench.metrics._intervals import LEVEL, mean_t, mover_mean
from frugalbench.metrics._metric import metric, no_run
from frugalbench.metrics._proportions import mcnemar
from frugalbench.metrics._ratios import difference, ratio, worse_grade, worse_method
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "Point",
    "Standing",
    "balanced_gain",
    "energy_per_extra_correct",
    "error_reduction",
    "extra_energy",
    "frontier",
    "gain",
    "latency_ratio",
]


@metric(
    unit="1",
    lower_is_better=False,
    minimum=-1,
    maximum=1,
    title="Accuracy gained over the baseline",
    titre="Exactitude gagnée sur le modèle de référence",
)
def gain(record: Record, baseline: str) -> Measure:
    """Accuracy of the model minus that of the baseline, of the same rows.

    The interval is that of paired proportions; where rows belong together it resamples whole
    clusters. The exact p-value of McNemar's test is in the note, and where the interval reaches 0
    the note says that the baseline does the job.
    """
    seen = right(record, baseline)
    if isinstance(seen, Missing):
        return seen
    both = seen.only_model.size
    only_model, only_baseline = int(seen.only_model.sum()), int(seen.only_baseline.sum())
    estimate, low, high = map(float, paired_change(only_model, only_baseline, both, LEVEL))
    value = paired(
        record, "1", (estimate, low, high), (seen.change - estimate) / both, "paired_adjusted"
    )
    if isinstance(value, Missing) or does_the_job(value):
        return told(value, baseline, seen.shares)
    if "cluster" in record.arrays:
        # McNemar's test takes every row for independent.
        return told(value, baseline, seen.shares)
    p = p_words(mcnemar(only_model, only_baseline))
    tested = (
        f"McNemar {p} ({only_model:,} rows only the model gets right, {only_baseline:,} only "
        f"{baseline})"
    )
    return told(value, baseline, seen.shares, tested)


@metric(
    unit="1",
    lower_is_better=False,
    minimum=-1,
    maximum=1,
    title="Balanced accuracy gained over the baseline",
    titre="Exactitude équilibrée gagnée sur le modèle de référence",
    by_class=True,
)
def balanced_gain(record: Record, baseline: str) -> Measure:
    """The mean over classes of the accuracy gained on the class, each class counting alike.

    On imbalanced data a constant answer looks good and is worth nothing here. The interval is
    recovered from the paired intervals of the classes (MOVER), or resamples whole clusters.
    """
    seen = right(record, baseline)
    if isinstance(seen, Missing):
        return seen
    y = record.arrays["y_true"]
    classes = record.data.classes if record.data else ()
    rows = np.bincount(y, minlength=len(classes))
    if (rows == 0).any():
        name = classes[int((rows == 0).argmax())]
        return Missing(reason="empty_class", detail=f"no row has the label {name!r}")
    only_model, only_baseline, own, other = (
        np.bincount(y[one], minlength=len(classes))
        for one in (seen.only_model, seen.only_baseline, seen.right, seen.right_beside)
    )
    ends = mover_mean(*paired_change(only_model, only_baseline, rows, LEVEL))
    by_class = (only_model - only_baseline) / rows
    parts = (seen.change - by_class[y]) / (rows[y] * rows.size)
    shares = float((own / rows).mean()), float((other / rows).mean())
    return told(paired(record, "1", ends, parts, "mover"), baseline, shares)


@metric(
    unit="label unit",
    lower_is_better=False,
    minimum=float("-inf"),
    title="Mean absolute error saved against the baseline",
    titre="Erreur absolue moyenne évitée par rapport au modèle de référence",
)
def error_reduction(record: Record, baseline: str) -> Measure:
    """Mean absolute error of the baseline minus that of the model, of the same rows.

    The interval is the paired Student t, or resamples whole clusters.
    """
    if (gone := no_run(record)) is not None:
        return gone
    beside = beside_of(record, baseline)
    if isinstance(beside, Missing):
        return beside
    own = regression(record)
    if isinstance(own, Missing):
        return own
    other = regression(beside)
    if isinstance(other, Missing):
        return other
    errors, errors_beside = misfit(own), misfit(other)
    saved = errors_beside - errors
    mean, half = mean_t(saved)
    value = paired(
        record,
        "label unit",
        (mean, mean - half, mean + half),
        (saved - mean) / saved.size,
        "student_t",
    )
    return told(value, baseline, (float(errors.mean()), float(errors_beside.mean())))


@metric(
    unit="J",
    lower_is_better=True,
    minimum=float("-inf"),
    title="Energy per inference beyond the baseline's",
    titre="Énergie par inférence au-delà du modèle de référence",
)
def extra_energy(record: Record, baseline: str) -> Measure:
    """Joules an inference takes more than the baseline's.

    The interval is recovered from those of the two (MOVER), and the method is the less trusted.
    """
    both = energies(record, baseline)
    if isinstance(both, Missing):
        return both
    own, other = both
    d, low, high = difference(ends_of(own), ends_of(other))
    return Value(
        estimate=d,
        unit="J",
        low=low,
        high=high,
        n=min(own.n, other.n),
        method=worse_method(own, other),
        interval="mover",
        grade=worse_grade(own, other),
        note=f"{own.estimate / other.estimate:,.2f} times the energy of {baseline}"
        if other.estimate > 0
        else "",
    )


@metric(
    unit="J",
    lower_is_better=True,
    minimum=float("-inf"),
    title="Energy per extra right answer",
    titre="Énergie par réponse juste de plus",
)
def energy_per_extra_correct(record: Record, baseline: str) -> Measure:
    """Joules spent for each answer that the model gets right beyond the baseline.

    The extra energy of an inference over the accuracy gained. Missing where the gain may be
    nought; negative where the model takes less energy than the baseline.
    """
    extra, gained = extra_energy(record, baseline=baseline), gain(record, baseline=baseline)
    if isinstance(gained, Missing):
        return gained
    if isinstance(extra, Missing):
        return extra
    if gained.low <= 0:
        return Missing(
            reason="no_gain",
            detail=f"the model is not clearly right more often: {gained.note}",
        )
    estimate, low, high = ratio(ends_of(extra), ends_of(gained))
    return Value(
        estimate=estimate,
        unit="J",
        low=low,
        high=high,
        n=min(extra.n, gained.n),
        method=extra.method,
        interval="mover_ratio",
        grade=extra.grade,
        note=f"one more right answer in {1 / gained.estimate:,.0f}",
    )


@metric(
    unit="1",
    lower_is_better=True,
    title="Median latency over the baseline's",
    titre="Latence médiane rapportée à celle du modèle de référence",
)
def latency_ratio(record: Record, baseline: str) -> Measure:
    """How many times as long as the baseline the model takes, at the median (MOVER)."""
    if (gone := no_run(record)) is not None:
        return gone
    beside = beside_of(record, baseline, timed=True)
    if isinstance(beside, Missing):
        return beside
    own, other = latency.p50(record), latency.p50(beside)
    if isinstance(own, Missing):
        return own
    if isinstance(other, Missing):
        return other
    if other.low <= 0:
        return Missing(reason="too_few_calls", detail="the baseline is faster than the clock ticks")
    estimate, low, high = ratio(ends_of(own), ends_of(other))
    return Value(
        estimate=estimate,
        unit="1",
        low=max(0.0, low),
        high=high,
        n=min(own.n, other.n),
        method=worse_method(own, other),
        interval="mover_ratio",
    )
