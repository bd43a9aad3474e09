"""Joules per inference from the energy windows of a record: in all, and above idle.

Where a counter was read, a model is never added to it. Parts of a machine (`cpu`, `ram`, `gpu`) are
added up, each by the most trusted method that covers it, and the sum is as good as the least
trusted of them; a whole one (`machine`, `board`) is taken alone; `psys` and single rails overlap
others and are only shown.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import hierarchical, mean_t, resampled_mean, z_value
from frugalbench.metrics._metric import no_run
from frugalbench.record import Phase, Record, Window
from frugalbench.values import GRADES, MEASURED, METHODS, Grade, Measure, Method, Missing, Value

__all__ = [
    "idle_power",
    "mean_power",
    "net_per_inference",
    "per_inference",
]

Floats = npt.NDArray[np.float64]

WHOLES = ("machine", "board")
PLATFORM, RAIL = "psys", "rail:"
GPU_PROVIDERS = ("CUDA", "Tensorrt", "NvTensorRT", "MIGraphX", "ROCM")
"""Beginnings of the providers that compute on a GPU, whose energy no other domain holds."""
DRIFT_MEDIUM, DRIFT_LOW = 0.05, 0.10
"""Relative drift of idle power past which an energy is of medium, or of low, quality."""
DISAGREEMENT = 0.05
"""Relative difference past which a counter and the integral of its power disagree."""
DETECTION = 3.0
"""Standard uncertainties below which an energy above idle is not told from none."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The windows an energy is computed from, each domain once, and the least trusted method."""

    domains: dict[str, list[Window]]
    method: Method
    failed: int
    doubts: tuple[tuple[Grade, str], ...] = ()

    def whole(self, phase: Phase = "run") -> list[tuple[Window, ...]]:
        """The windows of a phase in which every domain was read."""
        places = [_places(w for w in one if w.phase == phase) for one in self.domains.values()]
        groups = [
            tuple(one[place] for one in places)
            for place in places[0]
            if all(place in one for one in places)
        ]
        return [group for group in groups if all(map(_was_read, group))]


def per_inference(record: Record, domain: str | None = None) -> Measure:
    """Joules per inference, of one domain or of all that the most trusted method covers.

    The estimate is the median over processes of the mean over windows. The interval is Student's t
    over processes (over windows with one) plus the worst-case error of reading at the edges, and
    never narrower than its grade when that is medium or low; a modelled energy is always low. A
    domain that was never read, or never moved, makes it Missing.
    """
    chosen = _choose(record, domain)
    if isinstance(chosen, Missing):
        return chosen
    samples = record.run.samples if record.run else 1
    groups = [group for group in chosen.whole() if group[0].calls > 0]
    if len(groups) < 2:
        return Missing(reason="too_few_windows", detail="raise plan.max_seconds")
    rates = np.array([_joules(group) / (group[0].calls * samples) for group in groups])
    errors = np.array([_error(group) / (group[0].calls * samples) for group in groups])
    middle, low, high, construction = _over_processes(groups, rates)
    error = float(errors.mean())
    doubts = (*chosen.doubts, *_drift(chosen))
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
        interval="model_grade_low" if chosen.method == "modelled" else construction,
        note=_told(chosen, len(groups), doubts),
        grade=grade,
    )


def _told(chosen: _Chosen, windows: int, doubts: Iterable[tuple[Grade, str]]) -> str:
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
    chosen = _choose(record, None)
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
    rates = (np.array([_joules(group) for group in groups]) - watts * seconds) / count
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
        interval="below_detection" if below else construction,
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
    chosen = _choose(record, None)
    if isinstance(chosen, Missing):
        return chosen
    groups = [g for phase in phases for g in chosen.whole(phase) if g[0].seconds > 0]
    if not groups:
        return Missing(
            reason="no_idle", detail="no idle baseline was read: raise plan.idle_seconds"
        )
    watts = np.array([_joules(group) / group[0].seconds for group in groups])
    errors = np.array([_error(group) / group[0].seconds for group in groups])
    middle, low, high, construction = _over_processes(groups, watts)
    error = float(errors.mean())
    doubts = (*chosen.doubts, *_drift(chosen))
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
        interval=construction,
        note=_told(chosen, len(groups), doubts),
        grade=grade,
    )


def _choose(record: Record, domain: str | None) -> _Chosen | Missing:
    """The windows of the most trusted method that read something that can be added up."""
    if (gone := no_run(record)) is not None:
        return gone
    windows = record.run.windows if record.run else ()
    asked = [w for w in windows if _wanted(w.domain, domain)]
    if not asked and domain is None:
        asked = [w for w in windows if w.domain == PLATFORM]
    if not asked:
        return _no_meter(windows, domain)
    ran = [w for w in asked if w.phase == "run"]
    methods = [w.method for w in ran if _was_read(w)]
    if not methods:
        return Missing(reason="meter_failed", detail=asked[0].reason or "the meter gave nothing")
    best = min(methods, key=METHODS.index)
    domains = _by_domain(w for w in asked if w.method == best)
    if domain is None:
        whole = next((one for one in WHOLES if one in domains), None)
        domains = {whole: domains[whole]} if whole else domains | _elsewhere(asked, domains)
        on_gpu = record.run is not None and record.run.provider.startswith(GPU_PROVIDERS)
        if on_gpu and not whole and "gpu" not in domains:
            detail = "the model ran on a GPU that no meter read: run frugalbench doctor"
            return Missing(reason="no_meter", detail=detail)
    for name, series in domains.items():
        if not any(_was_read(w) and w.joules for w in series if w.phase == "run"):
            detail = series[0].reason or f"the counter of the {name} did not move"
            return Missing(reason="meter_failed", detail=detail)
    doubts = (*_disagreement(windows, domains), *_uncovered(domains, domain))
    method = max((series[0].method for series in domains.values()), key=METHODS.index)
    return _Chosen(domains, method, len(ran) - len(methods), doubts)


def _wanted(name: str, domain: str | None) -> bool:
    if domain is not None:
        return name == domain
    return name != PLATFORM and not name.startswith(RAIL)


def _no_meter(windows: Iterable[Window], domain: str | None) -> Missing:
    if domain is None and any(window.domain.startswith(RAIL) for window in windows):
        detail = "only single rails were read, which are not the whole: add an external meter"
        return Missing(reason="partial_rails", detail=detail)
    where = f" of the {domain}" if domain else ""
    return Missing(
        reason="no_meter", detail=f"no energy meter{where} was read: run frugalbench doctor"
    )


def _was_read(window: Window) -> bool:
    """A counter that went backwards, or gave no number, was not read."""
    joules = window.joules
    return joules is not None and 0 <= joules < math.inf and 0 <= window.error < math.inf


def _by_domain(windows: Iterable[Window]) -> dict[str, list[Window]]:
    """The windows of each domain in order; of two meters of one domain the first one counts."""
    domains: dict[str, list[Window]] = {}
    for window in windows:
        series = domains.setdefault(window.domain, [])
        if not series or series[0].meter == window.meter:
            series.append(window)
    return dict(sorted(domains.items()))


def _places(windows: Iterable[Window]) -> dict[tuple[int, int], Window]:
    """The windows of one domain and phase, by process and place in it."""
    found: dict[tuple[int, int], Window] = {}
    seen: Counter[int] = Counter()
    for window in windows:
        found[window.process, seen[window.process]] = window
        seen[window.process] += 1
    return found


def _elsewhere(
    asked: Iterable[Window], domains: dict[str, list[Window]]
) -> dict[str, list[Window]]:
    """Parts that another measured method covers, such as a GPU's sensor beside RAPL's counters."""
    if any(series[0].method not in MEASURED for series in domains.values()):
        return {}
    others = [
        w
        for w in asked
        if w.method in MEASURED and w.domain not in domains and w.domain not in WHOLES
    ]
    read = {(w.meter, w.domain) for w in others if w.phase == "run" and _was_read(w)}
    others.sort(key=lambda w: ((w.meter, w.domain) not in read, METHODS.index(w.method)))
    return _by_domain(others)


def _joules(group: Iterable[Window]) -> float:
    return sum(window.joules or 0.0 for window in group)


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
        return (*found, "processes_t")
    if rates.size < 2:
        only = float(rates[0])
        return only, only, only, "single_observation"
    mean, half = mean_t(rates)
    return mean, mean - half, mean + half, "windows_t"


def _idle_by_process(chosen: _Chosen) -> dict[int, tuple[float, float]]:
    """Idle watts and their standard uncertainty, by process."""
    watts: dict[int, list[float]] = {}
    errors: dict[int, list[float]] = {}
    for phase in ("idle_before", "idle_after"):
        for group in chosen.whole(phase):
            if group[0].seconds > 0:
                watts.setdefault(group[0].process, []).append(_joules(group) / group[0].seconds)
                errors.setdefault(group[0].process, []).append(_error(group) / group[0].seconds)
    return {
        number: (
            float(np.mean(seen)),
            # Half the drift, and the edges' worst case as a uniform distribution's.
            math.hypot((max(seen) - min(seen)) / 2, float(np.mean(errors[number])) / math.sqrt(3)),
        )
        for number, seen in watts.items()
    }


def _drift(chosen: _Chosen) -> tuple[tuple[Grade, str], ...]:
    """How far idle power moved from before to after, where that is doubtful."""
    if chosen.method not in MEASURED:
        return ()
    drifts = []
    before = {g[0].process: g for g in chosen.whole("idle_before") if g[0].seconds > 0}
    for after in chosen.whole("idle_after"):
        if after[0].process in before and after[0].seconds > 0:
            then = _joules(before[after[0].process]) / before[after[0].process][0].seconds
            now = _joules(after) / after[0].seconds
            if then + now > 0:
                drifts.append(2 * abs(now - then) / (now + then))
    if not drifts:
        return (("medium", "no idle baseline"),)
    worst = max(drifts)
    if worst <= DRIFT_MEDIUM:
        return ()
    grade: Grade = "low" if worst > DRIFT_LOW else "medium"
    return ((grade, f"idle power drifted by {worst:.0%}"),)


def _disagreement(
    windows: Iterable[Window], domains: dict[str, list[Window]]
) -> tuple[tuple[Grade, str], ...]:
    """Where another measured meter of a domain says something else over the same windows."""
    doubts: list[tuple[Grade, str]] = []
    for name, series in domains.items():
        others = [
            w for w in windows if w.domain == name and w.meter != series[0].meter
            and w.method in MEASURED
        ]  # fmt: skip
        for meter in dict.fromkeys(w.meter for w in others):
            mine = _places(w for w in series if w.phase == "run")
            theirs = _places(w for w in others if w.meter == meter and w.phase == "run")
            pairs = [
                (one.joules or 0.0, theirs[place].joules or 0.0)
                for place, one in mine.items()
                if place in theirs and _was_read(one) and _was_read(theirs[place])
            ]
            one, other = (sum(column) for column in zip(*pairs, strict=True)) if pairs else (0, 0)
            if max(one, other) > 0 and abs(one - other) > DISAGREEMENT * max(one, other):
                off = abs(one - other) / max(one, other)
                doubts.append(("medium", f"{series[0].meter} and {meter} differ by {off:.0%}"))
    return tuple(doubts)


def _uncovered(
    domains: dict[str, list[Window]], asked: str | None
) -> tuple[tuple[Grade, str], ...]:
    """What drew power for the model and is in no domain that was read."""
    if asked is not None or "cpu" in domains or not {"gpu", "ram"} & domains.keys():
        return ()
    return (("medium", "the processor is not in it"),)


def _grade(method: Method, relative: float, doubts: Iterable[tuple[Grade, str]]) -> Grade:
    """The best grade whose width holds the interval, lowered by every doubt."""
    if method not in MEASURED:
        return "low"
    order: tuple[Grade, ...] = ("high", "medium", "low")
    fitting: Grade = next((grade for grade in order if relative <= GRADES[grade]), "low")
    return max([fitting, *(grade for grade, _ in doubts)], key=order.index)
