"""Processor energy from the kernel's powercap counters (Intel and AMD RAPL).

Package zones count as `cpu`, dram zones as `ram`. `psys` overlaps both and is left out, and so
are the core and uncore zones inside a package. Where the same zone shows twice, through MSR and
through MMIO, the MSR one is used.
"""

from dataclasses import dataclass, field
from pathlib import Path

from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["Rapl", "open"]

POWERCAP = Path("/sys/class/powercap")
UNLOCK = "sudo chmod -R a+r /sys/class/powercap/*/energy_uj"


@dataclass
class _Zone:
    """One counter, µJ, that wraps to 0 past `top`."""

    domain: str
    counter: Path
    top: int
    last: int | None = None
    total: int = 0
    lost: bool = False

    def advance(self) -> float | None:
        """Joules since the first reading.

        Once a reading is lost the total is unknown for good: the counter may have wrapped.
        """
        try:
            now = int(self.counter.read_text())
        except (OSError, ValueError):
            self.lost = True
        else:
            if self.last is not None:
                step = now - self.last
                self.total += step if step >= 0 else step + self.top
            self.last = now
        return None if self.lost else self.total * 1e-6


@dataclass
class Rapl:
    """An open set of RAPL zones."""

    zones: list[_Zone] = field(default_factory=list)
    method: Method = "hardware_counter"
    period: float = 0.001

    def read(self) -> Reading:
        """Joules by domain; a domain with one unreadable zone is None."""
        readings: Reading = {}
        for zone in self.zones:
            joules, before = zone.advance(), readings.get(zone.domain, 0.0)
            readings[zone.domain] = None if joules is None or before is None else before + joules
        return readings

    def close(self) -> None:
        """Nothing stays open between readings."""


def open(target: Target, root: Path = POWERCAP) -> Rapl | Unavailable:
    """Open every package and dram zone under `root`, or say why there is none."""
    zones: dict[str, _Zone] = {}
    denied: set[str] = set()
    broken: set[str] = set()
    # `intel-rapl:0` sorts before `intel-rapl-mmio:0` only by this key: MSR zones win.
    for path in sorted(root.glob("*:*"), key=lambda p: ("mmio" in p.name, p.name)):
        key = path.name
        try:
            name = (path / "name").read_text().strip()
            parent = _package_of(path, name, root)
            if parent is None:
                continue
            key = f"{parent}/{name}"
            zone = _Zone(
                "ram" if name == "dram" else "cpu",
                path / "energy_uj",
                int((path / "max_energy_range_uj").read_text()),
            )
            int(zone.counter.read_text())
        except PermissionError:
            denied.add(key)
        except (OSError, ValueError):
            broken.add(key)
        else:
            zones.setdefault(key, zone)
    # A zone that cannot be read would make the others look like the whole.
    denied, broken = denied - set(zones), broken - set(zones)
    if zones and not denied and not broken:
        meter = Rapl(list(zones.values()))
        meter.read()
        return meter
    if denied:
        return Unavailable("the RAPL counters are readable by root only", UNLOCK)
    if broken:
        return Unavailable(f"the RAPL counter of {min(broken)} cannot be read")
    return Unavailable("this machine shows no RAPL counter (usual in a virtual machine)")


def _package_of(path: Path, name: str, root: Path) -> str | None:
    """The package a zone belongs to, or None for a zone that is not counted."""
    if name.startswith("package"):
        return name
    if name != "dram":
        return None
    above = root / path.name.rpartition(":")[0] / "name"
    return above.read_text().strip()
