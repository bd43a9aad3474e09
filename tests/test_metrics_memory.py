"""Bytes, as they were counted."""

from pathlib import Path

import numpy
import pytest
from _build import FAILED, change, missing, value
from _onnx import linear
from _records import make_record

from frugalbench import host, worker
from frugalbench.certify import judge
from frugalbench.record import Record
from frugalbench.report._phrases import note
from frugalbench.settings import load_policy
from frugalbench.spec import Model, Plan, Spec, Target


def test_memory_is_the_peaks_the_worker_saw() -> None:
    record = make_record()
    assert value("memory.peak", record).estimate == 70 * 2**20
    assert value("memory.for_model", record).estimate == 10 * 2**20
    assert value("memory.peak", record).unit == "B"


def test_the_peak_is_split_into_import_model_and_run() -> None:
    record = make_record()
    parts = [
        value(f"memory.{part}", record).estimate for part in ("importing", "loading", "running")
    ]
    assert parts == [60 * 2**20, 4 * 2**20, 6 * 2**20]
    assert sum(parts) == value("memory.peak", record).estimate


def test_of_several_hierarchical_bootstraphe_largest_counts_and_the_smallest_is_told() -> None:
    record = make_record()
    assert record.run is not None
    (one,) = record.run.processes
    assert one.memory is not None
    heavier = change(one, memory=change(one.memory, after_run=80 * 2**20))
    both = change(record, run=change(record.run, processes=(one, heavier)))
    found = value("memory.peak", both)
    assert (found.low, found.estimate, found.high) == (70 * 2**20, 80 * 2**20, 80 * 2**20)
    assert found.n == 2


def test_a_system_without_the_counter_has_no_memory_of_zero() -> None:
    record = make_record()
    assert record.run is not None
    shut = change(record.run.processes[0], memory=None)
    blind = change(record, run=change(record.run, processes=(shut,)))
    assert missing("memory.peak", blind).reason == "no_counter"
    assert missing("memory.for_model", blind).reason == "no_counter"


def test_the_file_has_a_size_even_when_the_model_does_not_run() -> None:
    assert value("memory.model_size", FAILED).estimate == 48_213
    assert value("memory.parameters", FAILED).estimate == 12_034
    assert missing("memory.peak", FAILED).reason == "no_run"


def test_a_format_that_shows_no_weights_has_no_count_of_them() -> None:
    record = make_record()
    opaque = change(record, model=change(record.model, parameters=None))
    assert missing("memory.parameters", opaque).reason == "unknown_format"


def budgeted(**target: int) -> Record:
    record = make_record()
    assert record.run is not None
    run = change(record.run, installed={"numpy": 30 * 2**20, "onnxruntime": 60 * 2**20})
    spec = change(record.spec, target=change(record.spec.target, **target))
    return change(record, run=run, spec=spec)


def test_storage_is_the_model_with_the_packages_that_run_it() -> None:
    found = value("memory.flash", budgeted())
    assert found.estimate == found.low == found.high == 48_213 + 90 * 2**20
    assert found.note == "model 0.0 MiB, numpy 30.0 MiB, onnxruntime 60.0 MiB"
    assert note(found.note, "fr") == ("modèle 0,0 Mio, numpy 30,0 Mio, onnxruntime 60,0 Mio", "fr")
    assert missing("memory.flash", make_record()).reason == "not_observed"
    assert missing("memory.flash", FAILED).reason == "no_run"


def test_a_budget_is_what_they_are_divided_by() -> None:
    record = budgeted(memory=140 * 2**20, flash=2**40)
    assert value("memory.of_budget", record).estimate == 0.5
    assert value("memory.of_budget", record).unit == "1"
    expected = (48_213 + 90 * 2**20) / 2**40
    assert value("memory.flash_of_budget", record).estimate == expected


def test_without_a_budget_there_is_no_share_of_it() -> None:
    for name, setting in (("of_budget", "target.memory"), ("flash_of_budget", "target.flash")):
        found = missing(f"memory.{name}", budgeted())
        assert found.reason == "no_budget"
        assert setting in found.detail
    assert missing("memory.of_budget", change(FAILED, spec=budgeted(memory=1).spec)).reason == (
        "no_run"
    )


@pytest.mark.parametrize(("memory", "outcome"), [(80 * 2**20, "PASS"), (60 * 2**20, "FAIL")])
def test_a_budget_that_is_required_decides(memory: int, outcome: str) -> None:
    policy = load_policy("embedded")
    asked = next(one for one in policy.rules if one.id == "memory-budget")
    strict = change(policy, rules=(change(asked, required=True),))
    assert judge(budgeted(memory=memory), strict).overall == outcome
    assert judge(budgeted(), strict).overall == "NOT_EVALUATED"
    assert judge(budgeted(memory=memory), change(policy, rules=(asked,))).findings[0].outcome == (
        outcome
    )


def test_a_worker_says_how_large_what_it_loaded_is(tmp_path: Path) -> None:
    plan = Plan(max_seconds=5, processes=1, process_seconds=0.2, warmup_seconds=0.1)
    spec = Spec(
        model=Model(path=str(linear(tmp_path / "m.onnx"))), target=Target(meters=()), plan=plan
    )
    record = worker.run(spec)
    assert record.run is not None
    held = record.run.installed
    assert held.keys() == {"numpy", "msgspec", "onnxruntime"}
    package = Path(numpy.__file__).parent
    beside = package.with_name("numpy.libs")
    files = [one for folder in (package, beside) for one in folder.rglob("*") if one.is_file()]
    assert held["numpy"] == pytest.approx(sum(one.lstat().st_size for one in files), rel=0.01)
    assert held["onnxruntime"] > 10 * 2**20


def test_a_package_is_its_files_and_the_libraries_beside_it(tmp_path: Path) -> None:
    for place, size in (("p/a.py", 10), ("p/deep/b.so", 200), ("p.libs/c.so", 3000), ("q/d", 9)):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"x" * size)
    (tmp_path / "p" / "out").symlink_to(tmp_path / "q")
    assert 3210 <= host.installed_bytes(tmp_path / "p") < 3400
    assert host.installed_bytes(tmp_path / "absent") == 0
