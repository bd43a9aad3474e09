"""Energy windows: what each meter read at two edges, and how far off that may be."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from frugalbench import meters
from frugalbench.record import Phase, Window
from frugalbench.spec import Target
from frugalbench.values import MEASURED

__all__ = ["Edge", "Meters", "open_meters"]

Seconds = Callable[[], float]
PATIENCE = 3
"""How many update periods to wait for a counter to move: one that stands still is read as it is."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One reading of every meter. `gap` is how finely a tick was caught, s; None if none was."""

    at: float
    wall: float
    readings: dict[str, meters.Reading]
    gap: float | None = None


@dataclass(slots=True)
class Meters:
    """The meters that opened. One of them, the leader, is a counter to whose ticks edges align.

    `clock` is monotonic, in seconds; `wall` is the clock that the log of an instrument is read by.
    `gpus` looks at what else there is to see of the GPUs.
    """

    opened: dict[str, meters.Meter] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    clock: Seconds = time.perf_counter
    wall: Seconds = time.time
    awaited: list[tuple[str, Edge, Edge, int, Phase]] = field(default_factory=list)
    gpus: meters.Watch = field(default_factory=meters.Watch)

    @property
    def leader(self) -> meters.Meter | None:
        """The measured counter with the longest update period, or None."""
        ticking = [m for m in self.opened.values() if m.ticks and m.period > 0]
        # A pretend meter ticks too, for tests and examples.
        measured = [m for m in ticking if m.method in MEASURED] or ticking
        return max(measured, key=lambda m: m.period, default=None)

    @property
    def needed_seconds(self) -> float:
        """How long a process should be timed for edges to matter little: 20 update periods."""
        return 20 * max((m.period for m in self.opened.values()), default=0.0)

    def edge(self, step: Callable[[], object]) -> Edge:
        """Read every meter at a tick of the leader, doing `step` while waiting for it."""
        gap = self._await_tick(step)
        at, wall = self.clock(), self.wall()
        return Edge(at, wall, {name: one.read() for name, one in self.opened.items()}, gap)

    def _await_tick(self, step: Callable[[], object]) -> float | None:
        leader = self.leader
        if leader is None:
            return None
        before, last = leader.read(), self.clock()
        until = last + PATIENCE * leader.period
        while last < until:
            step()
            now, found = self.clock(), leader.read()
            if _moved(before, found):
                return self.clock() - last
            last = now
        return None

    def windows(self, begin: Edge, end: Edge, calls: int, *, phase: Phase = "run") -> list[Window]:
        """The energy between two edges, one window for each meter and domain.

        What a deferred meter read is known later, and comes with `late_windows`.
        """
        found = []
        for name, meter in self.opened.items():
            if isinstance(meter, meters.Deferred):
                self.awaited.append((name, begin, end, calls, phase))
                continue
            aligned = meter is self.leader and None not in (begin.gap, end.gap)
            for domain, now in end.readings[name].items():
                then = begin.readings[name].get(domain)
                joules = None if now is None or then is None else now - then
                why = "" if joules is not None else _why(name, meter, domain)
                if joules is not None and _too_short(meter, begin, end, aligned=aligned):
                    joules = None
                    why = (
                        f"a window is shorter than the {meter.period:g} s between two updates of "
                        f"{name}: raise plan.process_seconds"
                    )
                found.append(
                    Window(
                        meter=name,
                        domain=domain,
                        method=meter.method,
                        calls=calls,
                        seconds=end.at - begin.at,
                        joules=joules,
                        error=_edge_error(meter, joules, begin, end, aligned=aligned),
                        reason=why,
                        phase=phase,
                        period=meter.period,
                        aligned=aligned,
                    )
                )
        return found

    def late_windows(self) -> list[Window]:
        """The windows of deferred meters, once all is timed: reading a log may take its time."""
        found, self.awaited = self.awaited, []
        return [window for one in found for window in self._late(*one)]

    def _late(self, name: str, begin: Edge, end: Edge, calls: int, phase: Phase) -> list[Window]:
        meter = self.opened[name]
        if not isinstance(meter, meters.Deferred):
            return []
        return [
            Window(
                meter=name,
                domain=domain,
                method=meter.method,
                calls=calls,
                seconds=end.at - begin.at,
                joules=joules,
                error=error,
                reason=reason,
                phase=phase,
                period=meter.period,
            )
            for domain, (joules, error, reason) in meter.between(begin.wall, end.wall).items()
        ]

    def close(self) -> None:
        """Close every meter."""
        for meter in self.opened.values():
            meter.close()
        self.gpus.close()


def _moved(before: meters.Reading, now: meters.Reading) -> bool:
    """Whether a counter jumped; a reading that is lost, or found again, is no jump.

    Domains that are only shown do not count: another GPU's tick is not ours.
    """
    return any(
        then is not None and joules is not None and joules != then
        for domain, joules in now.items()
        if domain != "psys" and not domain.startswith("rail:")
        for then in (before.get(domain),)
    )


def _why(name: str, meter: meters.Meter, domain: str) -> str:
    return meters.reason(meter, domain) or f"{name} could not be read"


def _edge_error(
    meter: meters.Meter, joules: float | None, begin: Edge, end: Edge, *, aligned: bool
) -> float:
    """The worst case: each edge is as stale as the source's period, or as the tick was caught.

    A reading stale by s at the start and by S at the end misses P·(s - S), at most P times one
    period, and the power P may have been as much as the joules over the window less that period. A
    caught tick is late by the gap between two looks, at each end.
    """
    seconds = end.at - begin.at
    if joules is None or seconds <= 0:
        return 0.0
    if aligned:
        return abs(joules) / seconds * min((begin.gap or 0.0) + (end.gap or 0.0), seconds)
    return abs(joules) * meter.period / (seconds - meter.period) if meter.period else 0.0


def _too_short(meter: meters.Meter, begin: Edge, end: Edge, *, aligned: bool) -> bool:
    """Whether the source may not have been updated at all between two edges."""
    return not aligned and 0 < end.at - begin.at <= meter.period


def open_meters(target: Target) -> Meters:
    """Open the meters a target names; those that cannot be opened leave a note.

    Of the default list most are never there: one note names them all. Of meters that somebody
    asked for, each says why it cannot be read.
    """
    opened, notes, absent = {}, list[str](), dict[str, str]()
    for name in target.meters:
        meter = meters.open_meter(name, target)
        if isinstance(meter, meters.Unavailable):
            absent[name] = meter.reason
            continue
        opened[name] = meter
        if told := meters.note(meter):
            notes.append(f"meter {name}: {told}")
    if target.meters != Target().meters:
        notes += [f"meter {name}: {why}" for name, why in absent.items()]
    elif absent and not any(one.method in MEASURED for one in opened.values()):
        notes.append(
            f"no power meter can be read here (tried: {', '.join(absent)}); frugalbench doctor "
            "says what would unlock one"
        )
    return Meters(opened, notes, gpus=meters.watch(target))
