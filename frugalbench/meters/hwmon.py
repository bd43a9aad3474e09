"""Power sensors and energy counters of the kernel's hardware monitoring (hwmon).

Few of them say what they measure, so each is shown as `rail:CHIP/LABEL` and only these count:

- the machine's ACPI power meter (`power_meter`), and the input power (`pin`) of power supplies
  with a driver of their own, redundant ones added up: `machine`. A regulator on the board can show
  a `pin` too, so the generic driver `pmbus` does not count.
- the output of a `corsairpsu`, which is all that the machine draws less the supply's own loss:
  `machine`
- the board power of an AMD GPU that the target uses, when it is the only one: `gpu`. In an APU the
  same sensor is of the processor too, which shows by the missing power limit.
- `amd_energy`, a counter of the processor's sockets: `cpu`, unless RAPL shows the same.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from frugalbench.meters import _sysfs
from frugalbench.meters._counters import Counter, Counters
from frugalbench.meters._meter import Unavailable
from frugalbench.meters._sampler import Sampler
from frugalbench.spec import AMD_PROVIDERS, Target

__all__ = ["open"]

INTERVAL = 0.1
AVERAGED = 1.0
SLOWEST = 3600.0
ELSEWHERE = ("ina3221", "ina3221x")
"""Chips of the meter `jetson`."""
SUPPLIES = (
    *("acbel_fsg032", "dps460", "dps650ab", "dps800", "dps920ab", "ibm_cffps1", "ibm_cffps2"),
    *("ipsps1", "pfe1100", "pfe3000", "ym2151e", "yh5151e"),
)
"""Power supplies that Linux has a driver for, by the name each shows (drivers/hwmon/pmbus)."""
HIDES = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
UNLOCK = "once: sudo chmod a+r /sys/class/hwmon/hwmon*/{power,energy}?_{input,average}"


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One file: µW, or µJ in a counter; `domain` is what it counts as."""

    chip: str
    label: str
    file: Path
    period: float
    counter: bool = False
    domain: str = ""

    @property
    def rail(self) -> str:
        """The domain it is shown in when it counts as nothing."""
        return f"rail:{self.chip}/{self.label}"


def open(
    target: Target,
    root: Path = Path("/sys"),
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    thread: bool = True,
) -> Sampler | Counters | Unavailable:
    """Open every power sensor and energy counter, or say why there is none."""
    found = list(_sensors(root / "class/hwmon"))
    denied = [one for one in found if _state(one.file) == "denied"]
    sensors = [one for one in found if _state(one.file) == "ok"]
    if not sensors:
        if denied:
            return Unavailable("the power sensors are readable by root only", UNLOCK)
        return Unavailable("no hardware monitor shows a power or an energy")
    powercap = any((root / "class/powercap").glob("*:*/name"))
    uses = _uses_amd(target, os.environ if environ is None else environ)
    sensors = _choose(sensors, {one.chip for one in denied}, powercap=powercap, amd=uses)
    counters = [one for one in sensors if one.counter]
    powers = [one for one in sensors if not one.counter]
    # A meter has one method. Counters are the better evidence, unless only power shows a whole.
    if any(one.domain for one in counters) and not any(one.domain for one in powers):
        return Counters([Counter(one.domain, one.file) for one in counters if one.domain], 1e-6)
    if not powers:
        return Unavailable("the energy counters shown here are RAPL's own: see the meter rapl")
    periods = [one.period for one in powers if one.domain] or [one.period for one in powers]
    return Sampler(
        partial(_watts, _named(powers)),
        method="sensor_integral",
        interval=INTERVAL,
        period=max(periods),
        clock=clock,
        note=_note(powers),
        lost="a power sensor could not be read",
        thread=thread,
    )


def _sensors(folder: Path) -> Iterable[_Sensor]:
    """Every power and energy file, an average only where there is no reading of now."""
    for chip in sorted(folder.glob("hwmon*"), key=lambda path: (len(path.name), path.name)):
        name = _sysfs.word(_sysfs.maybe(chip / "name") or "")
        if not name or name in ELSEWHERE:
            continue
        for number in range(1, 65):
            power = chip / f"power{number}_input"
            average = chip / f"power{number}_average"
            label = _sysfs.word(_sysfs.maybe(chip / f"power{number}_label") or f"power{number}")
            if power.exists():
                yield _Sensor(name, label, power, INTERVAL)
            elif average.exists():
                interval = _sysfs.maybe_number(chip / f"power{number}_average_interval")
                seconds = AVERAGED if interval is None else interval * 1e-3
                yield _Sensor(name, label, average, min(SLOWEST, max(INTERVAL, seconds)))
        for number in range(1, 1025):
            energy = chip / f"energy{number}_input"
            if not energy.exists():
                break
            label = _sysfs.word(_sysfs.maybe(chip / f"energy{number}_label") or f"energy{number}")
            yield _Sensor(name, label, energy, INTERVAL, counter=True)


def _state(file: Path) -> str:
    try:
        _sysfs.number(file)
    except PermissionError:
        return "denied"
    except (OSError, ValueError):
        return "broken"
    return "ok"


def _choose(
    sensors: Iterable[_Sensor], denied: set[str], *, powercap: bool, amd: bool
) -> list[_Sensor]:
    """Say what each sensor counts as."""
    every = list(sensors)
    machine = _machine(every, denied)
    gpus = [one for one in every if one.chip == "amdgpu" and one.label == "PPT"]
    discrete = [one for one in gpus if (one.file.parent / "power1_cap").exists()]
    gpu = discrete if amd and len(gpus) == len(discrete) == 1 else []
    named = []
    for one in every:
        domain = ""
        if one in machine:
            domain = "machine"
        elif one in gpu:
            domain = "gpu"
        elif one.counter and one.chip == "amd_energy" and one.label.startswith("Esocket"):
            domain = "" if powercap else "cpu"
        named.append(replace(one, domain=domain))
    return named


def _machine(sensors: list[_Sensor], denied: set[str]) -> list[_Sensor]:
    """The sensors that add up to the machine: its power meter, or its supplies."""
    meters = [one for one in sensors if one.chip == "power_meter" and not one.counter]
    if meters:
        # Several meters may measure parts of each other.
        return meters if len(meters) == 1 else []
    supplies = [one for one in sensors if one.chip in SUPPLIES and one.label.startswith("pin")]
    # Of two supplies one that cannot be read would make the other look like the whole.
    if supplies and not denied & set(SUPPLIES):
        return supplies
    return [one for one in sensors if (one.chip, one.label) == ("corsairpsu", "power total")]


def _uses_amd(target: Target, environ: Mapping[str, str]) -> bool:
    """Whether the target computes on an AMD GPU."""
    hidden = any(environ.get(name, "0").strip() in ("", "-1") for name in HIDES)
    return target.provider.startswith(AMD_PROVIDERS) and not hidden


def _named(sensors: Iterable[_Sensor]) -> dict[str, list[Path]]:
    """The files of each domain; what counts as nothing has a name of its own."""
    found: dict[str, list[Path]] = {}
    for one in sensors:
        if one.domain:
            found.setdefault(one.domain, []).append(one.file)
            continue
        rail, count = one.rail, 2
        while rail in found:
            rail, count = f"{one.rail}#{count}", count + 1
        found[rail] = [one.file]
    return found


def _watts(files: Mapping[str, list[Path]]) -> dict[str, float | None]:
    """The power of each domain now, W; files are read once each."""
    seen = {file: _sysfs.maybe_number(file) for each in files.values() for file in each}
    found: dict[str, float | None] = {}
    for domain, each in files.items():
        known = [value for file in each if (value := seen[file]) is not None]
        found[domain] = sum(known) * 1e-6 if len(known) == len(each) else None
    return found


def _note(sensors: Iterable[_Sensor]) -> str:
    counted = [one for one in sensors if one.domain]
    if not counted:
        return "no sensor is known to be of the whole: single rails only"
    words = ", ".join(f"{one.domain} is {one.chip} {one.label}" for one in counted)
    loss = " (without the supply's own loss)" if counted[0].chip == "corsairpsu" else ""
    return words + loss
