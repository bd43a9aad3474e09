"""What else goes on in the machine while calls are timed. Standard library only.

Other processes' share of the processors, time stolen by a hypervisor, clock frequencies and
throttling, each read from the kernel where it shows them and None where it does not.
"""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from frugalbench import cgroup
from frugalbench.record import Noise

__all__ = ["Snapshot", "between", "look"]

PROC, SYS = Path("/proc"), Path("/sys")
CPUS = "devices/system/cpu"
PI_FLAGS = "devices/platform/soc/soc:firmware/get_throttled"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counters at one moment: seconds of a monotonic clock, ticks since boot, Hz."""

    seconds: float
    own: float
    total: int | None
    idle: int | None
    stolen: int | None
    frequency: float | None
    nominal: float | None
    throttled: int | None
    raised: int
    governor: str
    temperature: float | None
    held_back: int | None = None


def look(proc: Path = PROC, sys: Path = SYS) -> Snapshot:
    """Read what the kernel shows now."""
    times = _times(proc / "stat")
    cpus = sys / CPUS
    throttled, raised = _throttled(cpus, sys / PI_FLAGS)
    return Snapshot(
        seconds=time.monotonic(),
        own=time.process_time(),
        total=sum(times[:8]) if times else None,
        # Waiting for a disk is idle time too.
        idle=times[3] + times[4] if times else None,
        stolen=times[7] if times else None,
        # The others may rest: the one that works is the fastest.
        frequency=max(_kilohertz(cpus.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")), default=None),
        nominal=max(_kilohertz(cpus.glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq")), default=None),
        throttled=throttled,
        raised=raised,
        governor=_read(cpus / "cpu0/cpufreq/scaling_governor"),
        temperature=_temperature(sys / "class/thermal"),
        held_back=cgroup.held_back(proc / "self"),
    )


def between(snapshots: Iterable[Snapshot], cores: int | None = None) -> Noise:
    """What happened from the first snapshot to the last one."""
    seen = tuple(snapshots)
    first, last = seen[0], seen[-1]
    seconds = last.seconds - first.seconds
    own, others, steal = _shares(first, last, cores or os.cpu_count() or 1)
    frequencies = [one.frequency for one in seen if one.frequency is not None]
    throttled = None
    if first.throttled is not None and last.throttled is not None:
        # Counts of a processor that was switched off begin anew.
        more = max(0, last.throttled - first.throttled)
        throttled = more + max(one.raised for one in seen)
    temperatures = [one.temperature for one in seen if one.temperature is not None]
    return Noise(
        seconds=seconds,
        own=own,
        others=others,
        steal=steal,
        frequency_low=min(frequencies, default=None),
        frequency_high=max(frequencies, default=None),
        frequency_nominal=last.nominal,
        throttled=throttled,
        governor=last.governor,
        temperature=max(temperatures, default=None),
        held_back=_more(first.held_back, last.held_back),
    )


def _more(before: int | None, after: int | None) -> int | None:
    """By how much a count has grown; None where it was not shown."""
    return None if before is None or after is None else max(0, after - before)


def _shares(
    first: Snapshot, last: Snapshot, cores: int
) -> tuple[float | None, float | None, float | None]:
    """Own, others' and stolen share of all processors' time."""
    elapsed = last.seconds - first.seconds
    own = min(1.0, (last.own - first.own) / (elapsed * cores)) if elapsed > 0 else None
    if None in (first.total, last.total, first.idle, last.idle, first.stolen, last.stolen):
        return own, None, None
    assert first.total is not None
    assert last.total is not None
    ticks = last.total - first.total
    if ticks <= 0 or own is None:
        return own, None, None
    steal = ((last.stolen or 0) - (first.stolen or 0)) / ticks
    idle = ((last.idle or 0) - (first.idle or 0)) / ticks
    return own, min(1.0, max(0.0, 1 - idle - steal - own)), min(1.0, max(0.0, steal))


def _times(file: Path) -> list[int]:
    """Ticks of all processors: user, nice, system, idle, iowait, irq, softirq, steal."""
    words = _read(file).partition("\n")[0].split()
    found = [one for word in words[1:9] if (one := _whole(word)) is not None and one >= 0]
    return found if len(found) == 8 and words[0] == "cpu" else []


def _kilohertz(files: Iterable[Path]) -> tuple[float, ...]:
    return tuple(one * 1e3 for one in _wholes(files) if one > 0)


def _throttled(cpus: Path, flags: Path) -> tuple[int | None, int]:
    """Throttle events so far, and how many flags are up now.

    Intel counts events; a Raspberry Pi raises flags, and remembers them in their upper half.
    """
    counts = list(_wholes(cpus.glob("cpu[0-9]*/thermal_throttle/*_throttle_count")))
    shown, raised = _read(flags), 0
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{1,8}", shown):
        value = int(shown, 16)
        raised = (value & 0xFFFF).bit_count()
        counts.append((value >> 16).bit_count())
    return (sum(counts) if counts else None), raised


def _temperature(zones: Path) -> float | None:
    """The hottest zone, degrees Celsius."""
    degrees = (one / 1000 for one in _wholes(zones.glob("thermal_zone*/temp")))
    return max(degrees, default=None)


def _wholes(files: Iterable[Path]) -> list[int]:
    """The whole numbers in these files; what is none is left out."""
    return [one for file in files if (one := _whole(_read(file))) is not None]


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
