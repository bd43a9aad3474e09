"""Joules per inference from the energy windows of a record: in all, and above idle."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import hierarchical, mean_t, resampled_mean, z_value
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

    The estimate is the median over processes of the mean over windows. The interval is Student's t
    over processes (over windows with one) plus the worst-case error of reading at the edges, and
    never narrower than its grade when that is medium or low; a modelled energy is always low. A
    domain that was never read, or never moved, makes it Missing.
    """
    chosen = choose(record, domain)
    if isinstance(chosen, Missing):
        return chosen
    samples = record.run.samples if record.run else 1
    groups = [group for group in chosen.whole() if group[0].calls > 0]
    if len(groups) < 2:
        return Missing(reason="too_few_windows", detail="raise plan.max_seconds")
    rates = np.array([joules_of(group) / (group[0].calls * samples) for group in groups])
    errors = np.array([_error(group) / (group[0].calls * samples) for group in groups])
    middle, low, high, construction = _over_processes(groups, rates)
    error = float(errors.mean())
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
    groups = [g for g in chosen.whole() if g[0].calls > 0 and g[0].process in idle]
    if len(groups) < 2:
        return Missing(
            reason="no_idle", detail="no idle baseline was read: raise plan.idle_seconds"
        )
    count = np.array([group[0].calls * samples for group in groups])
    seconds = np.array([group[0].seconds for group in groups])
    watts = np.array([idle[group[0].process][0] for group in groups])
    spread = np.array([idle[group[0].process][1] for group in groups])
    rates = (np.array([joules_of(group) for group in groups]) - watts * seconds) / count
    errors = np.array([_error(group) for group in groups]) / count
    middle, low, high, construction = _over_processes(groups, rates)
    u_idle = float((spread * seconds / count).mean())
    # What the total may be off by beyond repetition, the difference is off by too.
    floor = max(total.high - total.estimate, total.estimate - total.low)
    floor = floor if total.grade in ("medium", "low") else 0.0
    half = math.hypot(max(high - middle, middle - low), z_value() * u_idle)
    half = max(half + float(errors.mean()), floor)
    below = middle < DETECTION * half / z_value()
    note = total.note
    if below:
        note += f", below the detection limit: at most {middle + half:.3g} J"
    return Value(
        estimate=middle,
        unit="J",
        low=middle - half,
        high=middle + half,
        n=int(count.sum()),
        method=chosen.method,
        interval="below_detection" if below else _construction(chosen, construction),
        note=note,
        bound=middle + half if below else None,
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
    watts = np.array([joules_of(group) / group[0].seconds for group in groups])
    errors = np.array([_error(group) / group[0].seconds for group in groups])
    middle, low, high, construction = _over_processes(groups, watts)
    error = float(errors.mean())
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


def _over_processes(
    groups: Sequence[tuple[Window, ...]], rates: Floats
) -> tuple[float, float, float, str]:
    """Median over processes of the mean over windows, with its interval and its construction."""
    numbers = np.array([group[0].process for group in groups])
    parts = [rates[numbers == number] for number in np.unique(numbers)]
    if len(parts) > 1:
        means = [float(part.mean()) for part in parts]
        found = hierarchical(means, [resampled_mean(part) for part in parts])
        return (*found, "hierarchical_bootstrap")
    if rates.size < 2:
        only = float(rates[0])
        return only, only, only, "single_observation"
    mean, half = mean_t(rates)
    return mean, mean - half, mean + half, "windows_t"


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
