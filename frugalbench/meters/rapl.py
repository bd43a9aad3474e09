"""Processor energy from the kernel's powercap counters (RAPL of Intel and AMD processors).

Package zones count as `cpu`, dram zones as `ram`. `psys` overlaps both and is shown apart; core
and uncore zones lie inside a package and are not read. Where the same zone shows twice, through
MSR and through MMIO, the MSR one is used.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from frugalbench.meters import _sysfs
from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.meters._probe import probe_period
from frugalbench.meters._sampler import Every
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["Rapl", "open"]

POWERCAP = Path("/sys/class/powercap")
UNLOCK = (
    "once: sudo chmod a+r /sys/class/powercap/*/energy_uj; for good: "
    "sudo cp scripts/99-frugalbench-rapl.rules /etc/udev/rules.d/ && "
    "sudo udevadm control --reload && sudo udevadm trigger -s powercap"
)
CONTAINER = (
    "in a container: mount /sys/class/powercap and /sys/devices/virtual/powercap of the host "
    "(Docker hides them: --security-opt systempaths=unconfined)"
)
ABSENT = f"on real hardware: sudo modprobe intel_rapl_msr; {CONTAINER}"
PERIOD = 0.001
MOST_WATTS = 1000.0
"""More than any package, memory or platform draws: what a counter can at most have gone."""
SLACK = 0.01
"""Seconds by which a counter and the clock may disagree."""


@dataclass
class _Zone:
    """One counter, µJ, that wraps to 0 past `top`."""

    domain: str
    counter: Path
    top: int
    last: int | None = None
    at: float = 0.0
    total: int = 0
    lost: str = ""

    @property
    def safe(self) -> float:
        """Seconds within which it cannot go round more than once."""
        return self.top * 1e-6 / MOST_WATTS

    def advance(self, clock: Callable[[], float]) -> float | None:
        """Joules since the first reading; once one is lost they are unknown for good."""
        if self.lost:
            return None
        try:
            value = _sysfs.number(self.counter)
        except (OSError, ValueError) as error:
            self.lost = "a counter could not be read" + (
                f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
            )
            return None
        now = clock()
        if not 0 <= value <= self.top:
            self.lost = "a counter is out of its range"
        elif self.last is not None:
            self._add(value - self.last, now - self.at)
        self.last, self.at = value, now
        return None if self.lost else self.total * 1e-6

    def _add(self, step: int, seconds: float) -> None:
        if seconds >= self.safe:
            self.lost = f"not read for {seconds:.0f} s: a counter may have gone round unseen"
            return
        back = step < 0
        if back:
            step += self.top
        # A counter that was set back (by a suspend, by firmware) looks like one that wrapped; one
        # that was set to another value may look like one that went on.
        if step * 1e-6 > MOST_WATTS * (seconds + SLACK):
            self.lost = "a counter was set back" if back else "a counter was set forward"
        self.total += step


class Rapl:
    """An open set of RAPL zones."""

    method: Method = "hardware_counter"
    ticks = True

    def __init__(
        self,
        zones: list[_Zone],
        clock: Callable[[], float] = time.monotonic,
        period: float = PERIOD,
        *,
        watch: bool = False,
    ) -> None:
        """Read every zone once; `watch` reads them now and then, so that no wrap is missed."""
        self.zones, self.period, self._clock = zones, period, clock
        parts = {zone.domain for zone in zones}
        self.note = "" if "cpu" in parts else "no package zone: only the memory is counted"
        self._lock = threading.Lock()
        self.read()
        self._every = Every(min(z.safe for z in zones) / 4, self.read) if watch else None

    def read(self) -> Reading:
        """Joules by domain; a domain with one unreadable zone is None."""
        readings: Reading = {}
        with self._lock:
            for zone in self.zones:
                joules, before = zone.advance(self._clock), readings.get(zone.domain, 0.0)
                missing = joules is None or before is None
                readings[zone.domain] = None if missing else (before or 0.0) + (joules or 0.0)
        return readings

    def reason(self, domain: str) -> str:
        """Why a domain is unknown; empty when it is known."""
        return next((z.lost for z in self.zones if z.domain == domain and z.lost), "")

    def close(self) -> None:
        """End the watch; nothing else stays open between readings."""
        if self._every is not None:
            self._every.close()


def open(
    target: Target,
    root: Path = POWERCAP,
    *,
    clock: Callable[[], float] = time.monotonic,
    probe_seconds: float = 0.05,
    watch: bool = True,
) -> Rapl | Unavailable:
    """Open every package, dram and platform zone under `root`, or say why there is none."""
    zones, denied, broken = _zones(root)
    # A zone that cannot be read would make the others look like the whole.
    if denied:
        return Unavailable("the RAPL counters are readable by root only", UNLOCK)
    if broken:
        return Unavailable(f"the RAPL counter of {min(broken)} cannot be read", CONTAINER)
    if not any(zone.domain in ("cpu", "ram") for zone in zones):
        reason = "this machine shows no RAPL counter (usual in a virtual machine or a container)"
        return Unavailable(reason, ABSENT)
    return Rapl(zones, clock, _period(zones, clock, probe_seconds), watch=watch)


def _zones(root: Path) -> tuple[list[_Zone], set[str], set[str]]:
    """The zones, and the names of those that may not and of those that cannot be read."""
    zones: dict[str, _Zone] = {}
    denied: set[str] = set()
    broken: set[str] = set()
    # MSR zones come first, so they win.
    for path in sorted(root.glob("*:*"), key=lambda p: ("mmio" in p.name, _natural(p.name))):
        name = _sysfs.maybe(path / "name")
        if name is None:
            broken.add(path.name)
            continue
        domain = _domain(name)
        if domain is None:
            continue
        above = root / path.name.rpartition(":")[0]
        key = name if domain != "ram" else f"{_sysfs.maybe(above / 'name') or above.name}/{name}"
        try:
            zone = _Zone(domain, path / "energy_uj", _sysfs.number(path / "max_energy_range_uj"))
            _sysfs.number(zone.counter)
            if zone.top <= 0:
                raise ValueError("a counter without a range")
        except PermissionError:
            denied.add(key)
        except (OSError, ValueError):
            broken.add(key)
        else:
            zones.setdefault(key, zone)
    # The platform is only shown: what it lacks is missing from no sum.
    needed = {key for key in denied | broken if key != "psys"} - set(zones)
    return list(zones.values()), denied & needed, broken & needed


def _domain(name: str) -> str | None:
    """What a zone counts as, or None for one that is not counted."""
    if name.startswith("package"):
        return "cpu"
    return {"dram": "ram", "psys": "psys"}.get(name)


def _natural(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", name))


def _period(zones: list[_Zone], clock: Callable[[], float], seconds: float) -> float:
    """The longest update period among the kinds of zones, as far as it can be seen."""
    firsts = {zone.domain: zone.counter for zone in reversed(zones)}
    share = seconds / len(firsts)
    seen = [
        probe_period(partial(_sysfs.maybe_number, file), clock, share) for file in firsts.values()
    ]
    return max((one for one in seen if one is not None), default=PERIOD)
