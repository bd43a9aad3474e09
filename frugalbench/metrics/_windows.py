"""Which energy windows a figure is computed from, and what makes one doubt them.

Where a counter was read, a model is never added to it. Parts of a machine (`cpu`, `ram`, `gpu`) are
added up, each by the most trusted method that covers it, and the sum is as good as the least
trusted of them; a whole one (`machine`, `board`) is taken alone; `psys` and single rails overlap
others and are only shown. One pretend window makes all of it pretend.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from frugalbench.metrics._metric import no_run
from frugalbench.record import Phase, Record, Window
from frugalbench.spec import AMD_PROVIDERS, NVIDIA_PROVIDERS
from frugalbench.values import MEASURED, METHODS, Grade, Method, Missing

__all__ = ["Chosen", "Doubt", "choose", "drift", "joules_of", "was_read"]

Doubt = tuple[Grade, str]
"""The best grade that is left, and why."""

WHOLES = ("machine", "board")
PLATFORM, RAIL = "psys", "rail:"
GPU_PROVIDERS = (*NVIDIA_PROVIDERS, *AMD_PROVIDERS)
DRIFT_MEDIUM, DRIFT_LOW = 0.05, 0.10
"""Relative drift of idle power past which an energy is of medium, or of low, quality."""
DISAGREEMENT = 0.05
"""Relative difference past which a counter and the integral of its power disagree."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The windows an energy is computed from, each domain once, and the least trusted method."""

    domains: dict[str, list[Window]]
    method: Method
    failed: int
    doubts: tuple[Doubt, ...] = ()

    def whole(self, phase: Phase = "run") -> list[tuple[Window, ...]]:
        """The windows of a phase in which every domain was read."""
        places = [_places(w for w in one if w.phase == phase) for one in self.domains.values()]
        groups = [
            tuple(one[place] for one in places)
            for place in places[0]
            if all(place in one for one in places)
        ]
        return [group for group in groups if all(map(was_read, group))]


def choose(record: Record, domain: str | None) -> Chosen | Missing:
    """The windows of the most trusted method that read something that can be added up."""
    if (gone := no_run(record)) is not None:
        return gone
    windows = record.run.windows if record.run else ()
    asked = [w for w in windows if _wanted(w.domain, domain)]
    if not asked and domain is None:
        asked = [w for w in windows if w.domain == PLATFORM]
    if not asked:
        return _of_a_part(record, domain) or _no_meter(windows, domain)
    ran = [w for w in asked if w.phase == "run"]
    methods = [w.method for w in ran if was_read(w)]
    if not methods:
        return Missing(reason="meter_failed", detail=asked[0].reason or "the meter gave nothing")
    best = min(methods, key=METHODS.index)
    domains = _by_domain(w for w in asked if w.method == best)
    if domain is None:
        whole = next((one for one in WHOLES if one in domains), None)
        domains = {whole: domains[whole]} if whole else domains | _elsewhere(asked, domains)
        on_gpu = record.run is not None and record.run.provider.startswith(
            (*NVIDIA_PROVIDERS, *AMD_PROVIDERS)
        )
        if on_gpu and not whole and "gpu" not in domains:
            detail = "the model ran on a GPU that no meter read: run frugalbench doctor"
            return _of_a_part(record, None) or Missing(reason="no_meter", detail=detail)
    for name, series in domains.items():
        if not any(was_read(w) and w.joules for w in series if w.phase == "run"):
            detail = series[0].reason or f"the counter of the {name} did not move"
            return Missing(reason="meter_failed", detail=detail)
    doubts = (*_disagreement(windows, domains), *_uncovered(domains, domain), *_shared(record))
    method = max((series[0].method for series in domains.values()), key=METHODS.index)
    # A pretend meter is in no sum beside a real one, and what it stands for was not measured.
    if any(w.method == "pretend" for w in (windows if domain is None else asked)):
        method = "pretend"
    return Chosen(domains, method, len(ran) - len(methods), doubts)


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


def _of_a_part(record: Record, domain: str | None) -> Missing | None:
    """Why a GPU that MIG divides has no energy; None for one it does not, or for another domain."""
    processes = record.run.processes if record.run else ()
    divided = any(gpu.split for process in processes for gpu in process.gpus)
    if not divided or domain not in (None, "gpu"):
        return None
    detail = (
        "the GPU is divided by MIG and its energy is counted as a whole: measure on one that is "
        "not divided, or with an external meter"
    )
    return Missing(reason="part_of_gpu", detail=detail)


def _shared(record: Record) -> tuple[Doubt, ...]:
    """What others drew on the same GPU is in its counter too."""
    processes = record.run.processes if record.run else ()
    if any(gpu.others for process in processes for gpu in process.gpus):
        return (("low", "other processes were on the GPU"),)
    return ()


def was_read(window: Window) -> bool:
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
    read = {(w.meter, w.domain) for w in others if w.phase == "run" and was_read(w)}
    others.sort(key=lambda w: ((w.meter, w.domain) not in read, METHODS.index(w.method)))
    return _by_domain(others)


def joules_of(group: Iterable[Window]) -> float:
    """The energy of one window over its domains."""
    return sum(window.joules or 0.0 for window in group)


def drift(chosen: Chosen) -> tuple[Doubt, ...]:
    """How far idle power moved from before to after, where that is doubtful."""
    if chosen.method not in MEASURED:
        return ()
    drifts = []
    before = {g[0].process: g for g in chosen.whole("idle_before") if g[0].seconds > 0}
    for after in chosen.whole("idle_after"):
        if after[0].process in before and after[0].seconds > 0:
            then = joules_of(before[after[0].process]) / before[after[0].process][0].seconds
            now = joules_of(after) / after[0].seconds
            if then + now > 0:
                drifts.append(2 * abs(now - then) / (now + then))
    if not drifts:
        return (("medium", "no idle baseline"),)
    worst = max(drifts)
    if worst <= DRIFT_MEDIUM:
        return ()
    grade: Grade = "low" if worst > DRIFT_LOW else "medium"
    return ((grade, f"idle power drifted by {worst:.0%}"),)


def _disagreement(windows: Iterable[Window], domains: dict[str, list[Window]]) -> tuple[Doubt, ...]:
    """Where another measured meter of a domain says something else over the same windows."""
    doubts: list[Doubt] = []
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
                if place in theirs and was_read(one) and was_read(theirs[place])
            ]
            one, other = (sum(column) for column in zip(*pairs, strict=True)) if pairs else (0, 0)
            if max(one, other) > 0 and abs(one - other) > DISAGREEMENT * max(one, other):
                off = abs(one - other) / max(one, other)
                doubts.append(("medium", f"{series[0].meter} and {meter} differ by {off:.0%}"))
    return tuple(doubts)


def _uncovered(domains: dict[str, list[Window]], asked: str | None) -> tuple[Doubt, ...]:
    """What drew power for the model and is in no domain that was read."""
    if asked is not None or "cpu" in domains or not {"gpu", "ram"} & domains.keys():
        return ()
    return (("medium", "the processor is not in it"),)
