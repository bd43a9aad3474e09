"""Jetson boards as fake trees: rails of every kernel layout, and which of them are the whole."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from _meters import CPU, Clock, deny, put, why

from frugalbench.meters import jetson
from frugalbench.meters._jetson import MODULES, module_of
from frugalbench.meters._sampler import Sampler

ORIN = "nvidia,p3737-0000+p3701-0005\0nvidia,p3701-0005\0nvidia,tegra234"
ORIN_NX = "nvidia,p3768-0000+p3767-0000\0nvidia,p3767-0000\0nvidia,tegra234"
XAVIER = "nvidia,p2822-0000+p2888-0004\0nvidia,tegra194"
NANO = "nvidia,p3449-0000-b00+p3448-0000-b00\0nvidia,jetson-nano\0nvidia,tegra210"
THOR = "nvidia,p4071-0000+p3834-0008\0nvidia,p3834-0008\0nvidia,tegra264"


def board(root: Path, compatible: str, model: str = "") -> None:
    folder = root / "proc/device-tree"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compatible").write_bytes(compatible.encode() + b"\0")
    if model:
        (folder / "model").write_bytes(model.encode() + b"\0")


def monitor(root: Path, number: int, rails: Mapping[str, tuple[int, int]]) -> Path:
    """One INA3221: millivolts and milliamps of up to three channels, by label."""
    files: dict[str, object] = {"name": "ina3221", "in7_label": "sum of shunt voltages"}
    files |= {"in4_input": 999, "in7_input": 99_999, "curr4_input": 99_999}
    for channel, (label, (volts, amps)) in enumerate(rails.items(), start=1):
        files[f"in{channel}_label"] = label
        files[f"in{channel}_input"] = volts
        files[f"curr{channel}_input"] = amps
    return put(root / f"sys/class/hwmon/hwmon{number}", files)


def opened(root: Path, clock: Clock | None = None) -> Sampler:
    meter = jetson.open(CPU, root, clock=clock or Clock(), thread=False)
    assert isinstance(meter, Sampler), meter
    return meter


def after(root: Path, seconds: float) -> dict[str, float | None]:
    """The reading after a while of constant power."""
    clock = Clock()
    meter = opened(root, clock)
    clock.wait(seconds)
    return meter.read()


# ── which rails are the whole ────────────────────────────────────────────────


def test_an_agx_orin_is_the_sum_of_its_supplies_and_memory_is_not_counted_twice(
    tmp_path: Path,
) -> None:
    board(tmp_path, ORIN)
    monitor(
        tmp_path,
        3,
        {"VDD_GPU_SOC": (20_000, 500), "VDD_CPU_CV": (20_000, 100), "VIN_SYS_5V0": (5000, 800)},
    )
    monitor(tmp_path, 4, {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 200)})
    assert after(tmp_path, 0.5) == {
        "rail:VDD_GPU_SOC": pytest.approx(5.0),
        "rail:VDD_CPU_CV": pytest.approx(1.0),
        "rail:VIN_SYS_5V0": pytest.approx(2.0),
        "rail:VDDQ_VDD2_1V8AO": pytest.approx(0.5),
        "board": pytest.approx(8.0),
    }
    meter = opened(tmp_path)
    assert "VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0" in meter.note
    assert "without its carrier board" in meter.note
    assert (meter.method, meter.ticks) == ("board_rail", False)


def test_an_input_rail_is_the_whole_and_the_others_lie_inside_it(tmp_path: Path) -> None:
    board(tmp_path, ORIN_NX)
    rails = {"VDD_IN": (5000, 1000), "VDD_CPU_GPU_CV": (5000, 400), "VDD_SOC": (5000, 200)}
    monitor(tmp_path, 1, rails)
    found = after(tmp_path, 1.0)
    assert found["board"] == pytest.approx(5.0)
    assert found["rail:VDD_CPU_GPU_CV"] == pytest.approx(2.0)


def test_an_agx_xavier_is_the_sum_of_six_supplies(tmp_path: Path) -> None:
    board(tmp_path, XAVIER)
    monitor(tmp_path, 1, {"GPU": (10_000, 100), "CPU": (10_000, 200), "SOC": (10_000, 300)})
    monitor(tmp_path, 2, {"CV": (10_000, 10), "VDDRQ": (10_000, 20), "SYS5V": (5000, 100)})
    assert after(tmp_path, 1.0)["board"] == pytest.approx(1 + 2 + 3 + 0.1 + 0.2 + 0.5)


def test_a_thor_is_what_its_carrier_board_takes_in(tmp_path: Path) -> None:
    board(tmp_path, THOR)
    monitor(tmp_path, 1, {"VDD_GPU": (12_000, 100), "VDD_CPU_SOC_MSS": (12_000, 200)})
    put(tmp_path / "sys/class/hwmon/hwmon2", {"name": "ina238", "power1_input": 23_000_000})
    found = after(tmp_path, 1.0)
    assert found["board"] == found["rail:VIN"] == pytest.approx(23.0)
    assert "carrier board" in opened(tmp_path).note


def test_rails_whose_names_end_alike_stay_apart(tmp_path: Path) -> None:
    board(tmp_path, "nvidia,quill\0nvidia,p2597-0000+p3310-1000\0nvidia,tegra186")
    monitor(tmp_path, 1, {"VDD_IN": (5000, 100), "VDD_M2_IN": (5000, 200), "VDD_MUX": (5000, 300)})
    monitor(tmp_path, 2, {"VDD_IN": (5000, 400)})
    assert after(tmp_path, 1.0) == {
        "rail:VDD_IN": pytest.approx(0.5),
        "rail:VDD_M2_IN": pytest.approx(1.0),
        "rail:VDD_MUX": pytest.approx(1.5),
        "rail:VDD_IN#2": pytest.approx(2.0),
        "board": pytest.approx(0.5),
    }


def test_a_module_that_is_not_known_has_rails_and_no_whole(tmp_path: Path) -> None:
    board(tmp_path, "acme,devkit\0acme,soc")
    monitor(tmp_path, 1, {"VDD_IN": (5000, 1000)})
    assert after(tmp_path, 1.0) == {"rail:VDD_IN": pytest.approx(5.0)}
    assert "not in the table" in opened(tmp_path).note


def test_a_module_with_a_supply_missing_has_no_whole(tmp_path: Path) -> None:
    board(tmp_path, ORIN)
    monitor(tmp_path, 1, {"VDD_GPU_SOC": (20_000, 500), "VDD_CPU_CV": (20_000, 100)})
    assert "board" not in after(tmp_path, 0.1)
    assert "not all shown" in opened(tmp_path).note


# ── which module it is ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("compatible", "model", "number"),
    [
        (ORIN, "", "p3701"),
        (NANO, "", "p3448"),
        ("", "NVIDIA Jetson AGX Orin Developer Kit", "p3701"),
        ("nvidia,tegra234", "NVIDIA Jetson Orin Nano Developer Kit", "p3767"),
        ("nvidia,tegra234", "NVIDIA Orin NX Developer Kit", "p3767"),
        ("", "NVIDIA Jetson Xavier NX Developer Kit", "p3668"),
        ("", "NVIDIA Jetson AGX Thor Developer Kit", "p3834"),
    ],
)
def test_a_module_is_known_by_its_number_or_its_name(
    compatible: str, model: str, number: str
) -> None:
    module = module_of(compatible, model)
    assert module is not None
    assert module.number == number


@pytest.mark.parametrize(
    ("compatible", "model"),
    [("", ""), ("raspberrypi,5-model-b", "Raspberry Pi 5"), ("nvidia,p37010", "Tegra")],
)
def test_other_boards_are_no_module(compatible: str, model: str) -> None:
    assert module_of(compatible, model) is None


def test_the_table_has_no_module_twice_and_no_empty_set() -> None:
    assert len({module.number for module in MODULES}) == len(MODULES)
    assert all(whole and len(set(whole)) == len(whole) for m in MODULES for whole in m.wholes)


# ── the layout of older systems ──────────────────────────────────────────────


def old_monitor(root: Path, address: str, files: Mapping[str, object]) -> None:
    chip = root / "sys/bus/i2c/drivers/ina3221x" / address
    put(chip / "iio:device0", files)
    (chip / "iio_device").symlink_to(chip / "iio:device0")


def test_rails_of_an_older_system_are_read_once(tmp_path: Path) -> None:
    board(tmp_path, NANO)
    old_monitor(
        tmp_path,
        "6-0040",
        {
            "rail_name_0": "POM_5V_IN",
            "in_power0_input": 2500,
            "rail_name_1": "POM_5V_GPU",
            "in_voltage1_input": 5000,
            "in_current1_input": 100,
            "rail_name_2": "NC",
            "in_power2_input": 9999,
        },
    )
    put(tmp_path / "sys/bus/i2c/drivers/ina3221x", {"bind": ""})
    assert after(tmp_path, 1.0) == {
        "rail:POM_5V_IN": pytest.approx(2.5),
        "rail:POM_5V_GPU": pytest.approx(0.5),
        "board": pytest.approx(2.5),
    }


# ── readings that fail ───────────────────────────────────────────────────────


def test_a_rail_that_vanishes_takes_the_sum_it_is_in_along(tmp_path: Path) -> None:
    clock = Clock()
    board(tmp_path, ORIN)
    rails = {"VDD_GPU_SOC": (20_000, 50), "VDD_CPU_CV": (20_000, 50), "VIN_SYS_5V0": (5000, 200)}
    chip = monitor(tmp_path, 1, rails)
    meter = opened(tmp_path, clock)
    (chip / "curr2_input").unlink()
    clock.wait(0.1)
    meter.sample()
    found = meter.read()
    assert found["board"] is None
    assert found["rail:VDD_CPU_CV"] is None
    assert found["rail:VDD_GPU_SOC"] == pytest.approx(0.1)
    assert "power monitor" in meter.reason("board")


@pytest.mark.parametrize("garbage", ["", "abc", "1.5e3"])
def test_garbage_is_never_taken_for_power(tmp_path: Path, garbage: str) -> None:
    clock = Clock()
    board(tmp_path, ORIN_NX)
    chip = monitor(tmp_path, 1, {"VDD_IN": (5000, 1000)})
    meter = opened(tmp_path, clock)
    put(chip, {"in1_input": garbage})
    clock.wait(0.1)
    meter.sample()
    assert meter.read() == {"rail:VDD_IN": None, "board": None}


def test_a_channel_that_is_switched_off_is_left_out(tmp_path: Path) -> None:
    board(tmp_path, ORIN_NX)
    chip = monitor(tmp_path, 1, {"VDD_IN": (5000, 1000), "VDD_SOC": (5000, 100)})
    (chip / "curr2_input").unlink()
    assert set(after(tmp_path, 0.1)) == {"rail:VDD_IN", "board"}


def test_monitors_only_root_may_read_say_how_to_unlock_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board(tmp_path, ORIN_NX)
    monitor(tmp_path, 1, {"VDD_IN": (5000, 1000)})
    deny(monkeypatch, ["curr1_input"])
    assert "sudo chmod" in why(jetson.open(CPU, tmp_path)).unlock


def test_a_board_that_is_no_jetson_says_so(tmp_path: Path) -> None:
    assert "no Jetson" in why(jetson.open(CPU, tmp_path)).reason
    put(tmp_path / "sys/class/hwmon/hwmon0", {"name": "ina238", "power1_input": 1})
    assert "no Jetson" in why(jetson.open(CPU, tmp_path)).reason


def test_a_jetson_without_a_monitor_needs_an_external_meter(tmp_path: Path) -> None:
    board(tmp_path, "nvidia,p3542-0000+p3448-0003\0nvidia,jetson-nano-2gb\0nvidia,tegra210")
    found = why(jetson.open(CPU, tmp_path))
    assert "Jetson Nano" in found.reason
    assert "target.meter_log" in found.unlock
