"""Hardware monitors as fake trees: what counts as what, and what is only shown."""

from pathlib import Path

import pytest
from _meters import CPU, GPU, Clock, deny, put, why

from frugalbench.meters import hwmon, note
from frugalbench.meters._counters import Counters
from frugalbench.meters._sampler import Sampler
from frugalbench.spec import Target

AMD = Target(provider="ROCMExecutionProvider")


def chip(root: Path, number: int, name: str, **files: object) -> Path:
    return put(root / f"class/hwmon/hwmon{number}", {"name": name, **files})


def opened(
    root: Path, target: Target = CPU, clock: Clock | None = None, **environ: str
) -> Sampler | Counters:
    meter = hwmon.open(target, root, environ=environ, clock=clock or Clock(), thread=False)
    assert isinstance(meter, Sampler | Counters), meter
    return meter


def after(root: Path, target: Target = CPU, **environ: str) -> dict[str, float | None]:
    """The reading after a second of constant power."""
    clock = Clock()
    meter = opened(root, target, clock, **environ)
    clock.wait(1.0)
    return meter.read()


# ── the whole machine ────────────────────────────────────────────────────────


def test_the_acpi_power_meter_is_the_machine(tmp_path: Path) -> None:
    chip(tmp_path, 0, "power_meter", power1_average=180_000_000, power1_average_interval=300)
    assert after(tmp_path) == {"machine": pytest.approx(180.0)}
    meter = opened(tmp_path)
    assert (meter.method, meter.ticks, meter.period) == ("sensor_integral", False, 0.3)
    assert "machine is power_meter" in note(meter)


def test_an_average_over_an_unknown_time_is_taken_for_one_of_a_second(tmp_path: Path) -> None:
    chip(tmp_path, 0, "power_meter", power1_average=180_000_000)
    assert opened(tmp_path).period == 1.0


def test_several_power_meters_may_measure_parts_of_each_other(tmp_path: Path) -> None:
    chip(tmp_path, 0, "power_meter", power1_average=180_000_000)
    chip(tmp_path, 1, "power_meter", power1_average=90_000_000)
    assert after(tmp_path) == {
        "rail:power_meter/power1": pytest.approx(180.0),
        "rail:power_meter/power1#2": pytest.approx(90.0),
    }


def test_redundant_supplies_add_up_and_their_outputs_do_not_count(tmp_path: Path) -> None:
    for number in range(2):
        chip(
            tmp_path,
            number,
            "ibm_cffps2",
            power1_input=100_000_000,
            power1_label="pin",
            power2_input=90_000_000,
            power2_label="pout1",
        )
    found = after(tmp_path)
    assert found["machine"] == pytest.approx(200.0)
    assert set(found) == {"machine", "rail:ibm_cffps2/pout1", "rail:ibm_cffps2/pout1#2"}


def test_a_power_meter_is_preferred_to_the_supplies(tmp_path: Path) -> None:
    chip(tmp_path, 0, "power_meter", power1_average=180_000_000)
    chip(tmp_path, 1, "pfe1100", power1_input=170_000_000, power1_label="pin")
    assert after(tmp_path)["machine"] == pytest.approx(180.0)


def test_one_of_two_supplies_that_may_not_be_read_leaves_no_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip(tmp_path, 0, "pfe1100", power1_input=170_000_000, power1_label="pin")
    chip(tmp_path, 1, "pfe1100", power3_input=170_000_000, power3_label="pin")
    deny(monkeypatch, ["power3_input"])
    assert "machine" not in after(tmp_path)


def test_a_regulator_behind_the_generic_driver_is_no_machine(tmp_path: Path) -> None:
    chip(tmp_path, 0, "pmbus", power1_input=12_000_000, power1_label="pin")
    assert after(tmp_path) == {"rail:pmbus/pin": pytest.approx(12.0)}
    assert "single rails only" in note(opened(tmp_path))


def test_a_desktop_supply_gives_the_machine_less_its_own_loss(tmp_path: Path) -> None:
    chip(
        tmp_path,
        0,
        "corsairpsu",
        power1_input=70_000_000,
        power1_label="power total",
        power2_input=50_000_000,
        power2_label="power +12v",
    )
    found = after(tmp_path)
    assert found == {
        "machine": pytest.approx(70.0),
        "rail:corsairpsu/power +12v": pytest.approx(50.0),
    }
    assert "without the supply's own loss" in note(opened(tmp_path))


# ── GPUs ─────────────────────────────────────────────────────────────────────


def radeon(root: Path, number: int, *, discrete: bool = True, watts: int = 90) -> None:
    files: dict[str, object] = {"power1_average": watts * 10**6, "power1_label": "PPT"}
    chip(root, number, "amdgpu", **files | ({"power1_cap": 300_000_000} if discrete else {}))


def test_the_only_amd_gpu_counts_when_the_target_uses_it(tmp_path: Path) -> None:
    radeon(tmp_path, 0)
    assert after(tmp_path, AMD) == {"gpu": pytest.approx(90.0)}
    assert after(tmp_path, CPU) == {"rail:amdgpu/PPT": pytest.approx(90.0)}
    assert after(tmp_path, GPU) == {"rail:amdgpu/PPT": pytest.approx(90.0)}


@pytest.mark.parametrize("name", ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
def test_a_gpu_that_is_hidden_from_the_target_does_not_count(tmp_path: Path, name: str) -> None:
    radeon(tmp_path, 0)
    assert "gpu" not in after(tmp_path, AMD, **{name: ""})
    assert "gpu" not in after(tmp_path, AMD, **{name: "-1"})
    assert "gpu" in after(tmp_path, AMD, **{name: "0"})


def test_which_of_several_gpus_is_used_is_not_known(tmp_path: Path) -> None:
    radeon(tmp_path, 0, watts=90)
    radeon(tmp_path, 1, watts=30)
    assert set(after(tmp_path, AMD)) == {"rail:amdgpu/PPT", "rail:amdgpu/PPT#2"}


def test_the_package_power_of_an_apu_is_not_the_gpus(tmp_path: Path) -> None:
    radeon(tmp_path, 0, discrete=False)
    assert set(after(tmp_path, AMD)) == {"rail:amdgpu/PPT"}


# ── counters ─────────────────────────────────────────────────────────────────


def amd_energy(root: Path) -> Path:
    return chip(
        root,
        0,
        "amd_energy",
        energy1_input=1_000_000,
        energy1_label="Ecore000",
        energy2_input=5_000_000,
        energy2_label="Esocket0",
        energy3_input=7_000_000,
        energy3_label="Esocket1",
    )


def test_the_sockets_of_amd_energy_are_the_processor(tmp_path: Path) -> None:
    folder = amd_energy(tmp_path)
    meter = opened(tmp_path)
    put(folder, {"energy1_input": 2_000_000, "energy2_input": 8_000_000})
    assert meter.read() == {"cpu": pytest.approx(3.0)}
    assert (meter.method, meter.ticks) == ("hardware_counter", True)
    meter.close()


def test_where_rapl_shows_the_same_amd_energy_is_left_to_it(tmp_path: Path) -> None:
    amd_energy(tmp_path)
    put(tmp_path / "class/powercap/intel-rapl:0", {"name": "package-0"})
    assert "RAPL" in why(hwmon.open(CPU, tmp_path)).reason


def test_beside_a_meter_of_the_whole_a_counter_of_a_part_is_left_out(tmp_path: Path) -> None:
    amd_energy(tmp_path)
    chip(tmp_path, 1, "power_meter", power1_average=180_000_000)
    assert after(tmp_path) == {"machine": pytest.approx(180.0)}


def test_beside_single_rails_a_counter_is_the_better_evidence(tmp_path: Path) -> None:
    amd_energy(tmp_path)
    chip(tmp_path, 1, "nvme", power1_input=3_000_000)
    assert opened(tmp_path).read() == {"cpu": 0.0}


def test_a_counter_that_is_lost_is_unknown(tmp_path: Path) -> None:
    folder = amd_energy(tmp_path)
    meter = opened(tmp_path)
    (folder / "energy3_input").unlink()
    assert meter.read() == {"cpu": None}
    assert meter.reason("cpu")


# ── the rest ─────────────────────────────────────────────────────────────────


def test_monitors_of_a_jetson_are_left_to_their_meter(tmp_path: Path) -> None:
    chip(tmp_path, 0, "ina3221", power1_input=1_000_000)
    assert "no hardware monitor" in why(hwmon.open(CPU, tmp_path)).reason


def test_a_sensor_that_vanishes_is_unknown_for_good(tmp_path: Path) -> None:
    clock = Clock()
    folder = chip(tmp_path, 0, "power_meter", power1_average=180_000_000)
    meter = opened(tmp_path, clock=clock)
    assert isinstance(meter, Sampler)
    (folder / "power1_average").unlink()
    clock.wait(0.1)
    meter.sample()
    put(folder, {"power1_average": 180_000_000})
    clock.wait(0.1)
    meter.sample()
    assert meter.read() == {"machine": None}


def test_one_supply_that_vanishes_does_not_leave_the_other_as_the_whole(tmp_path: Path) -> None:
    clock = Clock()
    folders = [
        chip(tmp_path, n, "pfe1100", power1_input=100_000_000, power1_label="pin") for n in range(2)
    ]
    meter = opened(tmp_path, clock=clock)
    assert isinstance(meter, Sampler)
    (folders[1] / "power1_input").unlink()
    clock.wait(0.1)
    meter.sample()
    assert meter.read() == {"machine": None}


def test_sensors_with_garbage_are_not_read(tmp_path: Path) -> None:
    chip(tmp_path, 0, "power_meter", power1_average="N/A")
    assert "no hardware monitor" in why(hwmon.open(CPU, tmp_path)).reason


def test_sensors_only_root_may_read_say_how_to_unlock_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip(tmp_path, 0, "power_meter", power1_average=180_000_000)
    deny(monkeypatch, ["power1_average"])
    assert "sudo chmod" in why(hwmon.open(CPU, tmp_path)).unlock


def test_names_of_chips_are_made_harmless(tmp_path: Path) -> None:
    chip(tmp_path, 0, "x" * 200, power1_input=1_000_000, power1_label="a\tb")
    (domain,) = after(tmp_path)
    assert domain == f"rail:{'x' * 40}/a b"
