"""The power a battery gives while it alone feeds the machine, domain `machine`.

On mains the battery is charged or idle, and what it shows is not what the machine draws. Once the
charger is plugged in, the reading is unknown.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from frugalbench.meters import _sysfs
from frugalbench.meters._meter import Unavailable
from frugalbench.meters._sampler import Sampler
from frugalbench.spec import Target

__all__ = ["open"]

SUPPLIES = Path("/sys/class/power_supply")
INTERVAL = 1.0
PERIOD = 5.0
"""Seconds between two updates of a gauge. None states its own: they refresh every few seconds."""
SOURCES = ("Mains", "USB", "Wireless")


def open(
    target: Target,
    root: Path = SUPPLIES,
    *,
    clock: Callable[[], float] = time.monotonic,
    thread: bool = True,
) -> Sampler | Unavailable:
    """Sample the batteries of the machine while they discharge."""
    batteries, sources = _supplies(root)
    if not batteries:
        return Unavailable("this machine shows no battery")
    states = _states(batteries)
    if "Discharging" not in states or "Charging" in states or _plugged(sources):
        return Unavailable(
            f"on mains: the battery is {', '.join(states).lower()}", "unplug the charger"
        )
    if _watts(batteries) is None:
        return Unavailable("the battery shows no power and no current")

    def watts() -> dict[str, float | None]:
        same = _states(batteries) == states and not _plugged(sources)
        return {"machine": _watts(batteries) if same else None}

    return Sampler(
        watts,
        method="sensor_integral",
        interval=INTERVAL,
        period=PERIOD,
        clock=clock,
        note="the gauge of the battery, which refreshes every few seconds",
        lost="the battery's state changed, or it could not be read",
        thread=thread,
    )


def _supplies(root: Path) -> tuple[list[Path], list[Path]]:
    """The machine's own batteries, and what may feed it instead."""
    batteries, sources = [], []
    for supply in sorted(root.glob("*")):
        kind = _sysfs.maybe(supply / "type") or ""
        # A mouse has a battery too.
        if kind == "Battery" and _sysfs.maybe(supply / "scope") != "Device":
            batteries.append(supply)
        elif kind in SOURCES:
            sources.append(supply)
    return batteries, sources


def _states(batteries: Iterable[Path]) -> list[str]:
    return [_sysfs.word(_sysfs.maybe(one / "status") or "unknown") for one in batteries]


def _plugged(sources: Iterable[Path]) -> bool:
    return any(_sysfs.maybe(one / "online") == "1" for one in sources)


def _watts(batteries: Iterable[Path]) -> float | None:
    """The power of all that discharge, W. A running machine draws more than nothing."""
    total = 0.0
    for one in batteries:
        if _sysfs.maybe(one / "status") != "Discharging":
            continue
        power = _power(one)
        if not power:
            return None
        total += power
    return total or None


def _power(battery: Path) -> float | None:
    """Watts of one battery; some drivers count what flows out as negative."""
    microwatts = _sysfs.maybe_number(battery / "power_now")
    if microwatts is not None:
        return abs(microwatts) * 1e-6
    microamps = _sysfs.maybe_number(battery / "current_now")
    microvolts = _sysfs.maybe_number(battery / "voltage_now")
    if microamps is None or microvolts is None:
        return None
    return abs(microamps * microvolts) * 1e-12
