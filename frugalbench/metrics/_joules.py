"""Joules per inference from the energy windows of a record: in all, and above idle."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import Draw, hierarchical, mean_t, z_value
from frugalbench.metrics._windows import Chosen, Doubt, choose, drift, joules_of
from frugalbench.record import Phase, Record, Window
from frugalbench.values import GRADES, MEASURED, Grade, Measure, Method, Missing, Value

__all__ = [
    "idle_power",
    "mean_power",
    "net_per_inference",
    "per_inference",
]

Floats = npt.NDArray[np.float64]

DETECTION = 3.0
"""Standard uncertainties below which an energy above idle is not told from none."""


def per_inference(record: Record, domain: str | None = None) -> Measure:
    """Joules per inference, of one domain or of all that the most trusted method covers.

    The estimate is the median over processes of all joules over all inferences. The interval is a
    hierarchical bootstrap (Student's t over windows with one process) plus the worst-case error of
    reading at the edges, and never narrower than its grade when that is medium or low; a modelled
    energy is always low. A domain that was never read, or never moved, makes it Missing.
    """
    chosen = choose(record, domain)
    if isinstance(chosen, Missing):
        return chosen
    samples = record.run.samples if record.run else 1
    groups = chosen.whole()
    if sum(group[0].calls > 0 for group in groups) < 2:
        detail = "raise plan.process_seconds, or plan.processes"
        return Missing(reason="too_few_windows", detail=detail)
    count = _of(groups, lambda group: group[0].calls * samples)
    middle, low, high, construction = _over_processes(groups, _of(groups, joules_of), count)
    error = float(_of(groups, _error).sum() / count.sum())
    doubts = (*chosen.doubts, *drift(chosen))
    half = max(middle - low, high - middle) + error
    grade = _grade(chosen.method, half / middle if middle else math.inf, doubts)
    floor = GRADES[grade] * middle if grade in ("medium", "low") else 0.0
    return Value(
        estimate=middle,
        unit="J",
        low=max(0.0, min(low - error, middle - floor)),
        high=max(high + error, middle + floor),
        n=sum(group[0].calls for group in groups) * samples,
        method=chosen.method,
        interval=_construction(chosen, construction),
        note=_told(chosen, len(groups), doubts),
        grade=grade,
    )


def _told(chosen: Chosen, windows: int, doubts: Iterable[Doubt]) -> str:
    parts = [f"{' + '.join(chosen.domains)}, {windows} windows"]
    if chosen.failed:
        parts.append(f"{chosen.failed} readings failed")
    return ", ".join([*parts, *(words for _, words in doubts)])


def net_per_inference(record: Record) -> Measure:
    """Joules per inference above idle: E - P_idle · T over the number of inferences.

    P_idle is the mean of the idle windows before and after, process by process. The variance is
    that of E plus T² times that of P_idle. The result may be negative, as a difference of two
    noisy numbers may; below three standard uncertainties it is under the detection limit, and
    `bound` is what it is at most.
    """
    chosen = choose(record, None)
    if isinstance(chosen, Missing):
        return chosen
    total = per_inference(record)
    if isinstance(total, Missing):
        return total
    idle = _idle_by_process(chosen)
    samples = record.run.samples if record.run else 1
    groups = [group for group in chosen.whole() if group[0].process in idle]
    if sum(group[0].calls > 0 for group in groups) < 2:
        return Missing(
            reason="no_idle", detail="no idle baseline was read: raise plan.idle_seconds"
        )
    count = _of(groups, lambda group: group[0].calls * samples)
    seconds = _of(groups, lambda group: group[0].seconds)
    rest = _of(groups, lambda group: idle[group[0].process][0] * group[0].seconds)
    middle, low, high, construction = _over_processes(groups, _of(groups, joules_of) - rest, count)
    spread = _of(groups, lambda group: idle[group[0].process][1])
    u_idle = float((spread * seconds).sum() / count.sum())
    error = float(_of(groups, _error).sum() / count.sum())
    # What the total may be off by beyond repetition, the difference is off by too.
    floor = max(total.high - total.estimate, total.estimate - total.low)
    floor = floor if total.grade in ("medium", "low") else 0.0
    half = math.hypot(max(high - middle, middle - low), z_value() * u_idle)
    half = max(half + error, floor)
    most = max(0.0, middle + half)
    below = middle < DETECTION * half / z_value()
    note = total.note
    if below:
        note += f", below the detection limit: at most {most:.3g} J"
    return Value(
        estimate=middle,
        unit="J",
        low=middle - half,
        high=middle + half,
        n=int(count.sum()),
        method=chosen.method,
        interval="below_detection" if below else _construction(chosen, construction),
        note=note,
        bound=most if below else None,
        grade=total.grade,
    )


def mean_power(record: Record) -> Measure:
    """Watts while queries were timed, over all domains that are added up."""
    return _power(record, ("run",))


def idle_power(record: Record) -> Measure:
    """Watts while the model was loaded and nothing was asked."""
    return _power(record, ("idle_before", "idle_after"))


def _power(record: Record, phases: Sequence[Phase]) -> Measure:
    chosen = choose(record, None)
    if isinstance(chosen, Missing):
        return chosen
    groups = [g for phase in phases for g in chosen.whole(phase) if g[0].seconds > 0]
    if not groups:
        return Missing(
            reason="no_idle", detail="no idle baseline was read: raise plan.idle_seconds"
        )
    seconds = _of(groups, lambda group: group[0].seconds)
    middle, low, high, construction = _over_processes(groups, _of(groups, joules_of), seconds)
    error = float(_of(groups, _error).sum() / seconds.sum())
    doubts = (*chosen.doubts, *drift(chosen))
    half = max(middle - low, high - middle) + error
    grade = _grade(chosen.method, half / middle if middle > 0 else math.inf, doubts)
    floor = GRADES[grade] * middle if grade in ("medium", "low") else 0.0
    return Value(
        estimate=middle,
        unit="W",
        low=max(0.0, min(low - error, middle - floor)),
        high=max(high + error, middle + floor),
        n=len(groups),
        method=chosen.method,
        interval=_construction(chosen, construction),
        note=_told(chosen, len(groups), doubts),
        grade=grade,
    )


def _construction(chosen: Chosen, found: str) -> str:
    """What the interval is, which for a model is its grade and no spread of runs."""
    return "model_grade_low" if chosen.method == "modelled" else found


def _error(group: Iterable[Window]) -> float:
    return sum(window.error for window in group)


def _of(
    groups: Sequence[tuple[Window, ...]], what: Callable[[tuple[Window, ...]], float]
) -> Floats:
    return np.array([what(group) for group in groups], np.float64)


def _over_processes(
    groups: Sequence[tuple[Window, ...]], amounts: Floats, bases: Floats
) -> tuple[float, float, float, str]:
    """Median over processes of all amounts over all bases, its interval and its construction.

    A ratio of sums, and no mean of ratios: a window with few inferences counts for little, and one
    with none still drew its energy.
    """
    numbers = np.array([group[0].process for group in groups])
    parts = [(amounts[numbers == one], bases[numbers == one]) for one in np.unique(numbers)]
    parts = [(part, base) for part, base in parts if base.sum() > 0]
    ratios = [float(part.sum() / base.sum()) for part, base in parts]
    if len(parts) > 1:
        draws = [_resampled_ratio(part, base) for part, base in parts]
        return (*hierarchical(ratios, draws), "hierarchical_bootstrap")
    ((part, base),) = parts
    if part.size < 2:
        return ratios[0], ratios[0], ratios[0], "single_observation"
    # Linearised: what each window adds to the ratio of sums, which of equal bases is its own ratio.
    _, half = mean_t((part - ratios[0] * base) / base.mean() + ratios[0])
    return ratios[0], ratios[0] - half, ratios[0] + half, "windows_t"


def _resampled_ratio(amounts: Floats, bases: Floats) -> Draw:
    """Ratios of sums over windows drawn with replacement; the whole one where none has a base."""

    def draw(rng: np.random.Generator, size: int) -> Floats:
        picks = rng.integers(0, amounts.size, (size, amounts.size))
        under = bases[picks].sum(axis=1)
        whole = amounts.sum() / bases.sum()
        safe = np.where(under > 0, under, 1.0)
        ratios: Floats = np.where(under > 0, amounts[picks].sum(axis=1) / safe, whole)
        return ratios

    return draw


def _idle_by_process(chosen: Chosen) -> dict[int, tuple[float, float]]:
    """Idle watts and their standard uncertainty, by process."""
    watts: dict[int, list[float]] = {}
    errors: dict[int, list[float]] = {}
    for phase in ("idle_before", "idle_after"):
        for group in chosen.whole(phase):
            if group[0].seconds > 0:
                watts.setdefault(group[0].process, []).append(joules_of(group) / group[0].seconds)
                errors.setdefault(group[0].process, []).append(_error(group) / group[0].seconds)
    return {
        number: (
            float(np.mean(seen)),
            # Half the drift, and the edges' worst case as a uniform distribution's.
            math.hypot((max(seen) - min(seen)) / 2, float(np.mean(errors[number])) / math.sqrt(3)),
        )
        for number, seen in watts.items()
    }


def _grade(method: Method, relative: float, doubts: Iterable[Doubt]) -> Grade:
    """The best grade whose width holds the interval, lowered by every doubt."""
    if method not in MEASURED:
        return "low"
    order: tuple[Grade, ...] = ("high", "medium", "low")
    fitting: Grade = next((grade for grade in order if relative <= GRADES[grade]), "low")
    return max([fitting, *(grade for grade, _ in doubts)], key=order.index)
