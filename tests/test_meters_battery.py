"""Batteries as fake trees: discharging or not, and what they show."""

from pathlib import Path

import pytest
from _meters import CPU, Clock, put, why

from frugalbench.meters import battery
from frugalbench.meters._sampler import Sampler


def cell(root: Path, name: str = "BAT0", **files: object) -> Path:
    shown = {"type": "Battery", "status": "Discharging", "power_now": 9_000_000} | files
    return put(root / name, shown)


def opened(root: Path, clock: Clock) -> Sampler:
    meter = battery.open(CPU, root, clock=clock, thread=False)
    assert isinstance(meter, Sampler), meter
    return meter


@pytest.mark.parametrize(
    "files",
    [
        {"power_now": 9_000_000},
        {"power_now": -9_000_000},
        {"current_now": 750_000, "voltage_now": 12_000_000},
        {"current_now": -750_000, "voltage_now": 12_000_000},
        {"power_now": "", "current_now": 750_000, "voltage_now": 12_000_000},
    ],
)
def test_a_battery_that_feeds_the_machine_is_the_machine(
    tmp_path: Path, files: dict[str, object]
) -> None:
    clock = Clock()
    put(cell(tmp_path, power_now=""), files)
    meter = opened(tmp_path, clock)
    clock.wait(2.0)
    assert meter.read() == {"machine": pytest.approx(18.0)}
    assert (meter.method, meter.ticks, meter.period) == ("sensor_integral", False, 5.0)


def test_two_batteries_feed_together_or_in_turn(tmp_path: Path) -> None:
    clock = Clock()
    cell(tmp_path, "BAT0", power_now=6_000_000)
    cell(tmp_path, "BAT1", status="Not charging", power_now=0)
    cell(tmp_path, "BAT2", power_now=3_000_000)
    meter = opened(tmp_path, clock)
    clock.wait(1.0)
    assert meter.read() == {"machine": pytest.approx(9.0)}


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown"])
def test_on_mains_nothing_can_be_said(tmp_path: Path, status: str) -> None:
    cell(tmp_path, status=status)
    found = why(battery.open(CPU, tmp_path))
    assert "on mains" in found.reason
    assert status.lower() in found.reason
    assert found.unlock == "unplug the charger"


def test_a_charger_that_helps_a_draining_battery_hides_what_is_drawn(tmp_path: Path) -> None:
    cell(tmp_path)
    put(tmp_path / "AC", {"type": "Mains", "online": 1})
    assert "on mains" in why(battery.open(CPU, tmp_path)).reason
    put(tmp_path / "AC", {"type": "Mains", "online": 0})
    opened(tmp_path, Clock())


def test_once_the_charger_is_plugged_in_the_reading_is_unknown_for_good(tmp_path: Path) -> None:
    for file, plugged, free in (("BAT0/status", "Charging", "Discharging"), ("AC/online", 1, 0)):
        clock = Clock()
        cell(tmp_path)
        put(tmp_path / "AC", {"type": "Mains", "online": 0})
        meter = opened(tmp_path, clock)
        for value in (plugged, free):
            put(tmp_path, {file: value})
            clock.wait(1.0)
            meter.sample()
        assert meter.read() == {"machine": None}
        assert "state changed" in meter.reason("machine")


def test_a_battery_that_begins_to_charge_beside_another_is_unknown(tmp_path: Path) -> None:
    clock = Clock()
    cell(tmp_path, "BAT0")
    other = cell(tmp_path, "BAT1", status="Not charging", power_now=0)
    meter = opened(tmp_path, clock)
    put(other, {"status": "Charging", "power_now": 20_000_000})
    clock.wait(1.0)
    meter.sample()
    assert meter.read() == {"machine": None}


def test_one_battery_that_shows_nothing_does_not_leave_the_other_as_the_whole(
    tmp_path: Path,
) -> None:
    cell(tmp_path, "BAT0")
    cell(tmp_path, "BAT1", power_now=0)
    assert "no power" in why(battery.open(CPU, tmp_path)).reason


@pytest.mark.parametrize("garbage", ["", "unknown", "0"])
def test_a_running_machine_never_draws_nothing(tmp_path: Path, garbage: str) -> None:
    clock = Clock()
    folder = cell(tmp_path)
    meter = opened(tmp_path, clock)
    put(folder, {"power_now": garbage})
    clock.wait(1.0)
    meter.sample()
    assert meter.read() == {"machine": None}
    assert "no power" in why(battery.open(CPU, tmp_path)).reason


def test_a_battery_that_is_taken_out_is_unknown(tmp_path: Path) -> None:
    clock = Clock()
    folder = cell(tmp_path)
    meter = opened(tmp_path, clock)
    for file in folder.iterdir():
        file.unlink()
    clock.wait(1.0)
    meter.sample()
    assert meter.read() == {"machine": None}


def test_the_battery_of_a_mouse_feeds_no_machine(tmp_path: Path) -> None:
    cell(tmp_path, "hidpp_battery_0", scope="Device", power_now=1000)
    assert "no battery" in why(battery.open(CPU, tmp_path)).reason
    assert "no battery" in why(battery.open(CPU, tmp_path / "absent")).reason
