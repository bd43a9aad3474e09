"""What the doctor says of meters and of disturbances."""

from pathlib import Path
from typing import Any

import pytest

from frugalbench import doctor, meters, noise
from frugalbench.errors import UsageError
from frugalbench.meters import Unavailable
from frugalbench.meters.fake import Constant
from frugalbench.spec import Target


class Told(Constant):
    """A meter with a note and a reason."""

    note = "of the whole"

    def reason(self, domain: str) -> str:
        return f"the {domain} is gone"


def meter(monkeypatch: pytest.MonkeyPatch, opened: object) -> doctor.Check:
    """What is said of one meter, which opens as given."""

    def open_meter(name: str, target: Target) -> object:
        if isinstance(opened, Exception):
            raise opened
        return opened

    monkeypatch.setattr(meters, "names", lambda: ("fake", "mine"))
    monkeypatch.setattr(meters, "open_meter", open_meter)
    (check,) = doctor._meters()
    assert check.subject == "energy meter mine"
    return check


def test_a_counter_is_told_with_its_domains_period_grade_and_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = meter(monkeypatch, Told(method="hardware_counter", period=0.05, domain="gpu"))
    assert check.state == "ok"
    for word in (
        "hardware counter",
        "domains: gpu",
        "50 ms",
        "high (±10%)",
        "0.5 s",
        "of the whole",
    ):
        assert word in check.detail


def test_a_slow_sensor_needs_longer_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    check = meter(monkeypatch, Constant(method="sensor_integral", period=5.0, domain="machine"))
    assert "updated every 5 s" in check.detail
    assert "windows of 50 s" in check.detail


def test_a_model_is_a_note_and_low_at_best(monkeypatch: pytest.MonkeyPatch) -> None:
    check = meter(monkeypatch, Constant(method="modelled"))
    assert check.state == "note"
    assert "low (±50%) at best" in check.detail


@pytest.mark.parametrize("domain", ["psys", "rail:VDD_IN"])
def test_single_rails_are_a_note(monkeypatch: pytest.MonkeyPatch, domain: str) -> None:
    check = meter(monkeypatch, Constant(method="board_rail", domain=domain))
    assert check.state == "note"
    assert "not counted" in check.detail


def test_a_meter_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost(Told):
        closed = False

        def read(self) -> meters.Reading:
            return {"cpu": 1.0, "gpu": None}

        def close(self) -> None:
            self.closed = True

    lost = Lost(method="hardware_counter")
    check = meter(monkeypatch, lost)
    assert check.state == "missing"
    assert "gpu cannot be read: the gpu is gone" in check.detail
    assert lost.closed


def test_what_would_unlock_a_meter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    check = meter(monkeypatch, Unavailable("for root only", "sudo chmod"))
    assert (check.state, check.detail, check.unlock) == ("missing", "for root only", "sudo chmod")


def test_a_meter_that_refuses_its_target_does_not_end_the_doctor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = meter(monkeypatch, UsageError("no such log"))
    assert (check.state, check.detail) == ("missing", "no such log")


# ── the runtime's packages, and GPUs ─────────────────────────────────────────


def test_one_package_that_holds_the_runtime_is_fine() -> None:
    (check,) = doctor._packages({"onnxruntime-gpu": "1.2"})
    assert (check.state, check.detail) == ("ok", "onnxruntime-gpu 1.2")


def test_packages_over_each_other_are_named_with_the_clean_way_out() -> None:
    (check,) = doctor._packages({"onnxruntime": "1.3", "onnxruntime-gpu": "1.2"})
    assert check.state == "missing"
    assert "onnxruntime 1.3, onnxruntime-gpu 1.2 are installed over each other" in check.detail
    assert check.unlock.startswith("pip uninstall -y onnxruntime onnxruntime-gpu && pip install")


def test_a_runtime_that_no_package_holds_is_missing() -> None:
    (check,) = doctor._packages({})
    assert check.state == "missing"
    assert "docs/gpu.md" in check.unlock


def present(**seen: Any) -> meters.Present:
    given: dict[str, Any] = {"place": 1, "name": "Example GPU", "driver": "999.1", "split": False}
    return meters.Present(**{**given, "ecc": True, "processes": (), **seen})


def test_a_gpu_that_is_free_and_whole_is_fine() -> None:
    (check,) = doctor._gpus((present(),))
    assert (check.subject, check.state, check.unlock) == ("GPU 1", "ok", "")
    for word in ("Example GPU", "driver 999.1", "not divided by MIG", "ECC on", "nobody on it"):
        assert word in check.detail


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"split": True}, "divided by MIG: no energy of a part"),
        ({"processes": (7, 9)}, "2 processes on it (7, 9)"),
        ({"processes": tuple(range(20))}, "20 processes on it (0, 1, 2, 3, 4, 5, 6, 7)"),
    ],
)
def test_a_gpu_that_is_divided_or_shared_is_a_note(seen: Any, told: str) -> None:
    (check,) = doctor._gpus((present(**seen),))
    assert check.state == "note"
    assert told in check.detail
    assert ("allow_shared_gpu" in check.unlock) == ("processes" in seen)


def test_what_a_gpu_does_not_show_is_said_so() -> None:
    (check,) = doctor._gpus((present(ecc=None, processes=None),))
    assert "who is on it is not shown" in check.detail
    assert "ECC" not in check.detail


def test_without_gpus_the_doctor_says_why() -> None:
    (check,) = doctor._gpus(Unavailable("NVML does not start", "install the NVIDIA driver"))
    assert (check.state, check.unlock) == ("note", "install the NVIDIA driver")
    (check,) = doctor._gpus(())
    assert "no GPU" in check.detail


# ── disturbances ─────────────────────────────────────────────────────────────


def seen(**shown: Any) -> noise.Snapshot:
    nothing: dict[str, Any] = dict.fromkeys(
        ("total", "idle", "stolen", "frequency", "nominal", "throttled", "temperature")
    )
    return noise.Snapshot(
        **{"seconds": 0.0, "own": 0.0, "raised": 0, "governor": "", **nothing, **shown}
    )


def test_what_the_system_hides_is_a_note() -> None:
    (check,) = doctor._noise(seen(total=1))
    assert check.state == "note"
    assert "recorded: processor time of others and steal" in check.detail
    assert "not shown by this system: clock frequency, throttling, temperature" in check.detail


def test_a_system_that_shows_everything_is_fine() -> None:
    shown = {"total": 1, "frequency": 2e9, "throttled": 0, "temperature": 40.0}
    (check,) = doctor._noise(seen(**shown, governor="performance"))
    assert check.state == "ok"
    assert "not shown" not in check.detail


def test_a_clock_that_follows_the_load_is_pointed_out() -> None:
    checks = doctor._noise(seen(governor="powersave"))
    assert "powersave" in checks[-1].detail
    assert "cpupower" in checks[-1].unlock


def test_the_doctor_looks_at_everything_here(tmp_path: Path) -> None:
    checks = {one.subject: one for one in doctor.examine(tmp_path)}
    assert {f"energy meter {name}" for name in meters.names() if name != "fake"} <= set(checks)
    assert "--meter-log LOG.csv" in checks["energy meter csvlog"].unlock
    assert checks["energy meter modelled"].state == "note"
    assert checks["results folder"].state == "ok"
    assert {"disturbances", "onnxruntime packages"} <= set(checks)
    assert any(name.startswith("GPU") for name in checks)
    assert all(one.detail and "\n" not in one.detail for one in checks.values())


def test_a_log_of_an_external_meter_is_checked_where_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plug.csv"
    rows = [f"{1_800_000_000 + 2 * k},50" for k in range(5)]
    path.write_text("\n".join(["timestamp,power_w", *rows]) + "\n")
    checks = {one.subject: one for one in doctor.examine(tmp_path, path)}
    check = checks["energy meter csvlog"]
    assert check.state == "ok"
    for part in ("external meter", "domains: machine", "a row every 2 s", "read from plug.csv"):
        assert part in check.detail
    path.write_text("a,b\n1,2\n")
    checks = {one.subject: one for one in doctor.examine(tmp_path, path)}
    assert checks["energy meter csvlog"].state == "missing"
    assert "no power log" in checks["energy meter csvlog"].detail
