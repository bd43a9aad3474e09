"""What a record says of GPUs: who shared them, what that does to a run, and how it is told."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from _devices import pretend
from _meters import CPU, GPU
from _nvml import Driver
from _onnx import linear
from _records import make_record

from frugalbench import bench, formats, metrics
from frugalbench.attest._issue import _runtime
from frugalbench.metrics import validity
from frugalbench.record import Gpu, Placed, Record, Run, Window
from frugalbench.report._devices import knobs
from frugalbench.report._facts import alerts, facts, notes
from frugalbench.spec import Model, Plan, Spec
from frugalbench.values import Missing, Value

PROVIDER = GPU.provider


def gpu(**more: Any) -> Gpu:
    given = {"place": 0, "name": "Example GPU", "driver": "999.1", "split": False, "others": 0}
    return Gpu(**{**given, **more})


def on_gpu(*gpus: Gpu, windows: Sequence[Window] = (), **target: Any) -> Record:
    """A record of a run on these GPUs."""
    record = make_record()
    assert record.run is not None
    first = msgspec.structs.replace(record.run.processes[0], gpus=gpus)
    rest = record.run.processes[1:]
    run = msgspec.structs.replace(
        record.run, provider=PROVIDER, processes=(first, *rest), windows=tuple(windows)
    )
    chosen = msgspec.structs.replace(record.spec.target, provider=PROVIDER, **target)
    spec = msgspec.structs.replace(record.spec, target=chosen)
    return msgspec.structs.replace(record, run=run, spec=spec)


def codes(record: Record) -> set[str]:
    return {flaw.code for flaw in validity.flaws(record)}


# ── others on the GPU ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("others", "allowed", "invalid"),
    [(0, False, False), (None, False, False), (1, False, True), (3, False, True), (3, True, False)],
)
def test_others_on_the_gpu_make_a_run_invalid_unless_they_are_allowed(
    others: int | None, allowed: bool, invalid: bool
) -> None:
    record = on_gpu(gpu(others=others), allow_shared_gpu=allowed)
    assert ("gpu_shared" in codes(record)) == invalid
    # Allowed or not, it is told.
    assert any("on the GPU" in one for one in validity.disturbances(record)) == bool(others)


def test_the_flaw_says_how_many_and_what_to_do() -> None:
    record = on_gpu(gpu(), gpu(place=1, others=2))
    (flaw,) = [one for one in validity.flaws(record) if one.code == "gpu_shared"]
    assert flaw.detail.startswith("2 other processes were on the GPU while calls were timed")
    assert "target.allow_shared_gpu=true" in flaw.detail


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"throttled": ("hw_thermal_slowdown", "sw_thermal_slowdown")}, "throttled by heat"),
        ({"throttled": ("hw_slowdown", "hw_power_brake")}, "by a power brake and by the hardware"),
        ({"uncorrected": 2}, "could not correct 2 memory errors"),
    ],
)
def test_what_a_gpu_suffered_is_a_disturbance_and_no_flaw(seen: Any, told: str) -> None:
    record = on_gpu(gpu(**seen))
    assert told in validity.disturbances(record)[0]
    assert "gpu_shared" not in codes(record)


@pytest.mark.parametrize("reason", ["sw_power_cap", "applications_clocks", "sync_boost"])
def test_what_its_owner_set_is_on_record_and_no_disturbance(reason: str) -> None:
    record = on_gpu(gpu(throttled=(reason,)))
    assert validity.disturbances(record) == ()
    assert reason in dict(facts(record, "en"))["GPU"]


# ── energy ───────────────────────────────────────────────────────────────────


def window(joules: float, meter: str = "nvml", phase: Any = "run") -> Window:
    method: Any = "hardware_counter" if meter == "nvml" else "sensor_integral"
    return Window(
        meter=meter,
        domain="gpu",
        method=method,
        calls=100 if phase == "run" else 0,
        seconds=1.0,
        joules=joules,
        phase=phase,
        aligned=True,
    )


def counted(integral: float) -> list[Window]:
    rest = [window(4.0, phase=one) for one in ("idle_before", "idle_after")]
    timed = [window(10.0) for _ in range(5)]
    return [*timed, *(window(integral, "nvml_power") for _ in range(5)), *rest]


def energy(record: Record, address: str = "energy.per_inference") -> Any:
    return metrics.find(address)(record)


def test_a_part_of_a_gpu_has_no_energy_and_the_reason_is_told() -> None:
    record = on_gpu(gpu(split=True))
    found = energy(record)
    assert isinstance(found, Missing)
    assert found.reason == "part_of_gpu"
    assert "MIG" in found.detail
    assert energy(on_gpu(gpu())).reason == "no_meter"


def test_the_machines_modelled_parts_do_not_stand_for_a_part_of_a_gpu() -> None:
    cpu = msgspec.structs.replace(window(3.0, "modelled"), domain="cpu", method="modelled")
    found = energy(on_gpu(gpu(split=True), windows=[cpu] * 5))
    assert isinstance(found, Missing)
    assert found.reason == "part_of_gpu"


@pytest.mark.parametrize(("integral", "doubted"), [(9.8, False), (9.4, True), (10.7, True)])
def test_nvmls_counter_is_checked_against_its_power(integral: float, doubted: bool) -> None:
    found = energy(on_gpu(gpu(), windows=counted(integral)))
    assert isinstance(found, Value)
    assert found.method == "hardware_counter"
    assert ("nvml and nvml_power differ by" in found.note) == doubted
    # The processor is in neither, so that no more than medium is to be had.
    assert found.grade == "medium"


def test_what_others_drew_on_an_allowed_gpu_makes_its_energy_of_low_quality() -> None:
    found = energy(on_gpu(gpu(others=1), windows=counted(10.0), allow_shared_gpu=True))
    assert isinstance(found, Value)
    assert found.grade == "low"
    assert "other processes were on the GPU" in found.note


# ── in the timed part ────────────────────────────────────────────────────────


class Looked:
    """A watch that counts when it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def begin(self) -> None:
        self.asked.append("begin")

    def look(self) -> None:
        self.asked.append("look")

    def seen(self) -> tuple[Gpu, ...]:
        self.asked.append("seen")
        return (gpu(others=1),)

    def close(self) -> None:
        self.asked.append("close")


def test_the_gpu_is_looked_at_between_stretches_of_calls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looked = Looked()
    monkeypatch.setattr("frugalbench.meters.watch", lambda target: looked)
    plan = Plan(max_seconds=3, process_seconds=0.2, windows=4, warmup_seconds=0.05, idle_seconds=0)
    path = str(linear(tmp_path / "m.onnx"))
    target = msgspec.structs.replace(CPU, meters=())
    record = bench.run(Spec(model=Model(path=path), target=target, plan=plan))
    assert record.run is not None
    assert record.run.processes[0].gpus == (gpu(others=1),)
    assert looked.asked[0] == "begin"
    assert looked.asked[-2:] == ["seen", "close"]
    assert looked.asked.count("look") == 4
    assert "gpu_shared" in codes(record)


def on_a_pretended_gpu(monkeypatch: pytest.MonkeyPatch, path: Path, **seen: Any) -> Record:
    """Measure on a runtime and a driver that pretend to have a GPU."""
    told = pretend(monkeypatch, in_force={"use_tf32": "1"})
    driver = Driver(**{"compute": [(os.getpid(), 0)], **seen})
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    plan = Plan(max_seconds=8, process_seconds=1.2, windows=3, warmup_seconds=0.05)
    target = msgspec.structs.replace(GPU, meters=("nvml", "nvml_power"))
    record = bench.run(Spec(model=Model(path=str(linear(path))), target=target, plan=plan))
    assert driver.inits == 0
    assert told.opened[0]["strict"]
    return record


def test_a_whole_run_on_a_gpu_is_bound_watched_and_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = on_a_pretended_gpu(monkeypatch, tmp_path / "m.onnx")
    assert record.run is not None
    assert (record.run.provider, record.run.io_binding) == (PROVIDER, True)
    assert record.run.placement == (Placed(provider=PROVIDER, ops={"Gemm": 1, "Softmax": 1}),)
    assert record.run.provider_options == {"use_tf32": "1"}
    (seen,) = record.run.processes[0].gpus
    assert (seen.name, seen.others, seen.temperature) == ("Example GPU", 0, 61)
    assert "gpu_shared" not in codes(record)
    found = energy(record)
    assert isinstance(found, Value)
    assert found.method == "hardware_counter"
    assert energy(record, "energy.power").estimate == pytest.approx(100, rel=0.05)
    read = {w.meter: w.joules for w in record.run.windows if w.phase == "run"}
    assert read.keys() == {"nvml", "nvml_power"}


def test_a_whole_run_on_a_part_of_a_gpu_has_no_energy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = on_a_pretended_gpu(monkeypatch, tmp_path / "m.onnx", split=True)
    assert record.run is not None
    assert record.run.windows == ()
    assert energy(record).reason == "part_of_gpu"
    assert any("counts the energy of the whole GPU" in one for one in record.run.notes)
    french = notes(record, "fr")
    assert any("NVML compte l’énergie du GPU entier GPU-aaaa1111" in one for one in french)


def test_a_run_on_the_processor_has_no_gpu_and_no_placement(tmp_path: Path) -> None:
    plan = Plan(max_seconds=3, process_seconds=0.1, warmup_seconds=0.05, idle_seconds=0)
    target = msgspec.structs.replace(CPU, meters=())
    path = str(linear(tmp_path / "m.onnx"))
    run = bench.run(Spec(model=Model(path=path), target=target, plan=plan)).run
    assert run is not None
    assert (run.processes[0].gpus, run.placement, run.provider_options) == ((), (), {})


def test_a_run_that_was_stored_before_there_were_gpus_is_read() -> None:
    raw = msgspec.to_builtins(make_record().run)
    for key in ("placement", "provider_options"):
        del raw[key]
    for process in raw["processes"]:
        del process["gpus"]
    read = msgspec.convert(raw, Run)
    assert read == make_record().run
    assert formats.upgraded({"format": 99}) == {"format": 99}


def test_a_record_has_no_folder_of_an_option(tmp_path: Path) -> None:
    plan = Plan(max_seconds=3, process_seconds=0.1, warmup_seconds=0.05, idle_seconds=0)
    options = {"cache": "/home/me/secret/cache", "level": 3}
    target = msgspec.structs.replace(CPU, meters=(), provider_options=options)
    path = str(linear(tmp_path / "m.onnx"))
    record = bench.run(Spec(model=Model(path=path, runner="fake"), target=target, plan=plan))
    assert record.spec.target.provider_options == {"cache": "cache", "level": 3}


@pytest.mark.parametrize(
    ("packages", "told"),
    [
        ({"onnxruntime": "1.3", "numpy": "2"}, "onnxruntime 1.3"),
        ({"onnxruntime-gpu": "1.2"}, "onnxruntime-gpu 1.2"),
        ({}, "onnxruntime"),
    ],
)
def test_a_certificate_names_the_runtimes_package_for_the_device(
    packages: dict[str, str], told: str
) -> None:
    assert _runtime("ort", packages) == told


# ── how it is told ───────────────────────────────────────────────────────────

FULL = gpu(
    clock_low=1.5e9,
    clock_high=1.98e9,
    temperature=61.0,
    power_limit=700.0,
    ecc=True,
    throttled=("sw_power_cap",),
    others=2,
)


def test_a_gpu_is_told_in_both_languages() -> None:
    record = on_gpu(FULL)
    english, french = (dict(facts(record, lang))["GPU"] for lang in ("en", "fr"))
    for word in ("Example GPU", "driver 999.1", "1,500 – 1,980 MHz", "61 °C", "ECC on"):
        assert word in english
    for word in ("pilote 999.1", "61 °C", "limite 700 W", "ECC actif", "sw_power_cap"):
        assert word in french
    assert "GPU" not in dict(facts(make_record(), "en"))


def test_a_shared_gpu_is_told_before_any_number_in_both_languages() -> None:
    english = "\n".join(alerts(on_gpu(FULL), "en"))
    french = "\n".join(alerts(on_gpu(FULL), "fr"))
    assert "INVALID: 2 other processes were on the GPU while calls were timed" in english
    assert "2 autres processus étaient sur le GPU pendant le chronométrage" in french
    allowed = "\n".join(alerts(on_gpu(FULL, allow_shared_gpu=True), "fr"))
    assert "2 autres processus étaient sur le GPU" in allowed
    assert "pendant le chronométrage" not in allowed
    assert "allow_shared_gpu=true" in knobs(on_gpu(FULL, allow_shared_gpu=True))


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"others": 1}, "un autre processus était sur le GPU"),
        ({"throttled": ("hw_slowdown", "hw_power_brake")}, "par un frein de puissance et par le"),
        ({"throttled": ("sw_thermal_slowdown",)}, "le GPU a été bridé par la chaleur"),
        ({"uncorrected": 2}, "le GPU n’a pas pu corriger 2 erreurs de mémoire"),
    ],
)
def test_disturbances_of_a_gpu_read_in_french(seen: Any, told: str) -> None:
    assert told in "\n".join(alerts(on_gpu(gpu(**seen), allow_shared_gpu=True), "fr"))


def test_nodes_on_the_processor_and_the_leave_they_had_are_told() -> None:
    record = on_gpu(gpu(), strict=False, provider_options={"use_tf32": 0})
    assert record.run is not None
    told = "2 of 5 nodes run on the CPU (Shape 2), as target.strict=false allows"
    placement = (Placed(provider="CPUExecutionProvider", ops={"Shape": 2}),)
    run = msgspec.structs.replace(
        record.run, notes=(told,), placement=placement, provider_options={"use_tf32": "0"}
    )
    record = msgspec.structs.replace(record, run=run)
    assert notes(record, "en") == (told,)
    assert notes(record, "fr")[0].startswith(
        "nœuds exécutés sur le processeur : 2 sur 5 (Shape 2), comme"
    )
    target = next(row for name, row in facts(record, "en") if name == "Target")
    assert "use_tf32=0" in target
    assert "strict=false" in target
