"""Power rails of a Jetson board, from its own power monitors (INA3221, and INA238 on Thor).

Every rail is shown as `rail:LABEL`. The domain `board` is the rail at the module's input, or the
documented sum where there is none; on a module that is not in the table no rail is called the
whole.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from frugalbench.meters import _sysfs
from frugalbench.meters._jetson import Module, module_of
from frugalbench.meters._meter import Unavailable
from frugalbench.meters._sampler import Sampler
from frugalbench.spec import Target

__all__ = ["open"]

INTERVAL = 0.1
CHANNELS = (1, 2, 3)
"""Channels of an INA3221; `in4` to `in7` are shunt voltages and their sum."""
UNUSED = ("", "NC")


@dataclass(frozen=True, slots=True)
class _Rail:
    """One rail: its label and where its power is, W."""

    label: str
    watts: Callable[[], float]


def open(
    target: Target,
    root: Path = Path("/"),
    *,
    clock: Callable[[], float] = time.monotonic,
    thread: bool = True,
) -> Sampler | Unavailable:
    """Sample every rail that the power monitors under `root` show."""
    compatible = _sysfs.maybe(root / "proc/device-tree/compatible") or ""
    model = _sysfs.maybe(root / "proc/device-tree/model") or ""
    module = module_of(compatible, model)
    on_jetson = module is not None or "tegra" in compatible
    monitors = (*_ina3221(root), *_ina3221x(root), *(_ina238(root) if on_jetson else ()))
    try:
        rails = {name: watts for name, watts in _by_domain(monitors).items() if _shows(watts)}
    except PermissionError:
        return Unavailable(
            "the power monitors are readable by root only",
            "once: sudo chmod a+r /sys/class/hwmon/hwmon*/{in,curr,power}?_input",
        )
    if not rails:
        return _none(module)
    board = _whole(module, rails)
    return Sampler(
        partial(_watts, rails, board),
        method="board_rail",
        interval=INTERVAL,
        clock=clock,
        note=_note(module, board),
        lost="a power monitor could not be read",
        thread=thread,
    )


def _shows(watts: Callable[[], float]) -> bool:
    """Whether a rail can be read: a channel that is switched off cannot.

    Raises:
        PermissionError: this user may not read it.
    """
    try:
        watts()
    except PermissionError:
        raise
    except (OSError, ValueError):
        return False
    return True


def _none(module: Module | None) -> Unavailable:
    if module is None:
        return Unavailable("this is no Jetson board: no INA3221 power monitor is shown")
    return Unavailable(
        f"this {module.name} shows no power monitor",
        "use an external meter and name its log: target.meter_log=…",
    )


def _note(module: Module | None, board: tuple[str, ...]) -> str:
    if module is None:
        return "the module is not in the table of Jetson modules: single rails only, no whole"
    if not board:
        return f"the rails that make up a {module.name} are not all shown: single rails only"
    return f"{' + '.join(one.removeprefix('rail:') for one in board)}: {module.note}"


def _watts(
    rails: Mapping[str, Callable[[], float]], board: tuple[str, ...]
) -> dict[str, float | None]:
    """The power of each domain now, W."""
    found: dict[str, float | None] = {}
    for domain, watts in rails.items():
        try:
            found[domain] = watts()
        except (OSError, ValueError):
            found[domain] = None
    if board:
        parts = [found[domain] for domain in board]
        known = [part for part in parts if part is not None]
        found["board"] = sum(known) if len(known) == len(parts) else None
    return found


def _whole(module: Module | None, rails: Mapping[str, object]) -> tuple[str, ...]:
    """The domains that add up to the module, or none."""
    for labels in module.wholes if module else ():
        domains = tuple(f"rail:{label}" for label in labels)
        if all(domain in rails for domain in domains):
            return domains
    return ()


def _by_domain(rails: Iterable[_Rail]) -> dict[str, Callable[[], float]]:
    """Every rail under a name of its own: two monitors may use a label twice."""
    found: dict[str, Callable[[], float]] = {}
    for rail in rails:
        domain, count = f"rail:{rail.label}", 2
        while domain in found:
            domain, count = f"rail:{rail.label}#{count}", count + 1
        found[domain] = rail.watts
    return found


def _ina3221(root: Path) -> list[_Rail]:
    """Rails that the kernel's hwmon driver shows: mV and mA of each channel."""
    rails = []
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _sysfs.maybe(chip / "name") not in ("ina3221", "ina3221x"):
            continue
        for channel in CHANNELS:
            label = _sysfs.word(_sysfs.maybe(chip / f"in{channel}_label") or "")
            if label not in UNUSED:
                volts, amps = chip / f"in{channel}_input", chip / f"curr{channel}_input"
                rails.append(_Rail(label, partial(_product, volts, amps)))
    return rails


def _ina3221x(root: Path) -> list[_Rail]:
    """Rails that the driver of Jetson Linux before release 34 shows, as an iio device."""
    rails = []
    for chip in sorted((root / "sys/bus/i2c/drivers/ina3221x").glob("*")):
        # The same device also shows under a second name.
        device = next(iter(sorted(chip.glob("iio*"))), None)
        for number in range(3) if device else ():
            assert device is not None
            label = _sysfs.word(_sysfs.maybe(device / f"rail_name_{number}") or "")
            if label in UNUSED:
                continue
            power = device / f"in_power{number}_input"
            if _sysfs.maybe(power) is not None:
                rails.append(_Rail(label, partial(_scaled, power, 1e-3)))
                continue
            volts = device / f"in_voltage{number}_input"
            amps = device / f"in_current{number}_input"
            rails.append(_Rail(label, partial(_product, volts, amps)))
    return rails


def _ina238(root: Path) -> list[_Rail]:
    """The input of a Thor carrier board: µW, as the kernel's driver shows it."""
    rails = []
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _sysfs.maybe(chip / "name") == "ina238":
            label = _sysfs.word(_sysfs.maybe(chip / "label") or "") or "VIN"
            rails.append(_Rail(label, partial(_scaled, chip / "power1_input", 1e-6)))
    return rails


def _scaled(file: Path, unit: float) -> float:
    return _sysfs.number(file) * unit


def _product(millivolts: Path, milliamps: Path) -> float:
    return _sysfs.number(millivolts) * _sysfs.number(milliamps) * 1e-6
