"""A worker may crash, hang or starve; the parent lives and keeps a record of it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from _faulty import hang, hog, sized, slow, softmax

from frugalbench import metrics, worker
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.spec import Data, Model, Plan, Spec, Target
from frugalbench.values import Missing, Value

QUICK = Plan(
    processes=1, process_seconds=0.3, warmup_seconds=0.05, idle_seconds=0.05, windows=3,
    limit_seconds=30,
)  # fmt: skip
change = msgspec.structs.replace
PRETEND = Target(meters=("fake",))


def measured(path: Path, **parts: object) -> Record:
    whole = {"plan": QUICK, "target": PRETEND, **parts}
    return worker.run(Spec(model=Model(path=str(path)), **whole))  # type: ignore[arg-type]


def children() -> set[str]:
    """Live processes this one has started."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for one in lists for pid in one.read_text().split()}


def test_a_fresh_process_measures_speed_memory_cold_start_and_energy(tmp_path: Path) -> None:
    record = measured(softmax(tmp_path / "m.onnx"))
    assert record.failure is None
    run = record.run
    assert run is not None
    assert run.io_binding
    assert run.inputs == "generated"
    assert record.latency_ns.size >= 3
    assert (record.latency_ns > 0).all()
    (only,) = run.processes
    assert only.memory is not None
    assert 0 < only.memory.after_import <= only.memory.after_load <= only.memory.after_run
    assert only.cold_start_seconds is not None
    assert only.cold_start_seconds > only.load_seconds
    assert only.queries >= only.kept == record.latency_ns.size
    assert only.warmup.calls > 0
    assert only.noise is not None
    assert only.answered is not None
    assert only.answered.differing == 0 < only.answered.compared
    assert {window.phase for window in run.windows} == {"idle_before", "run", "idle_after"}
    energy = metrics.find("energy.per_inference")(record)
    assert isinstance(energy, Value)
    assert energy.method == "pretend"


def test_the_parent_is_not_in_the_figures(tmp_path: Path) -> None:
    ballast = np.ones(64 * 1024**2)  # half a GiB in this process
    record = measured(softmax(tmp_path / "m.onnx"))
    assert record.run is not None
    (only,) = record.run.processes
    assert only.memory is not None
    assert only.memory.after_run < ballast.nbytes


def test_progress_goes_from_preparing_to_timing(tmp_path: Path) -> None:
    stages: list[str] = []
    worker.run(
        Spec(model=Model(path=str(softmax(tmp_path / "m.onnx"))), plan=QUICK, target=PRETEND),
        lambda stage, share: stages.append(stage),
    )
    assert list(dict.fromkeys(stages)) == ["prepare", "load", "idle", "warm-up", "time", "check"]


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_and_leaves_a_failure(tmp_path: Path) -> None:
    before = children()
    plan = Plan(max_seconds=60, limit_seconds=3)
    record = measured(hang(tmp_path / "m.onnx"), plan=plan)
    assert record.failure is not None
    assert record.failure.kind == "hang"
    assert "plan.limit_seconds" in record.failure.detail
    assert children() <= before


@pytest.mark.parametrize("limit", [None, 400_000_000])
def test_a_model_that_starves_leaves_a_failure(tmp_path: Path, limit: int | None) -> None:
    target = Target(meters=("fake",), memory_limit=limit)
    record = measured(hog(tmp_path / "m.onnx"), target=target)
    assert record.failure is not None
    assert record.failure.kind == "out_of_memory"
    assert "\n" not in record.failure.detail


def test_a_worker_that_is_killed_leaves_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A native crash, as a broken runtime would give."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "if 'frugalbench.worker' in ' '.join(sys.orig_argv):\n"
        "    os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    record = measured(softmax(tmp_path / "m.onnx"))
    assert record.failure is not None
    assert record.failure.kind == "crash"
    assert "SIGSEGV" in record.failure.detail


def test_every_metric_of_a_failed_record_is_missing_with_its_reason(tmp_path: Path) -> None:
    plan = Plan(max_seconds=60, limit_seconds=2)
    record = measured(hang(tmp_path / "m.onnx"), plan=plan)
    found = {address: one for address, _, one in metrics.measure_all(record)}
    known = {address for address, one in found.items() if isinstance(one, Value)}
    assert known == {"memory.model_size", "memory.multiply_adds", "memory.parameters"} - (
        set() if record.model.macs is not None else {"memory.multiply_adds"}
    )
    latency = found["latency.p50"]
    assert isinstance(latency, Missing)
    assert "no sign of life" in latency.detail


def test_an_unknown_op_is_a_failure_in_one_line(tmp_path: Path) -> None:
    record = measured(softmax(tmp_path / "m.onnx", op="Frobnicate"))
    assert record.failure is not None
    assert record.failure.kind == "error"
    assert "Frobnicate" in record.failure.detail
    assert "\n" not in record.failure.detail


def test_the_worker_needs_only_numpy_msgspec_and_the_runtime(tmp_path: Path) -> None:
    """A board has nothing else: what else the measuring side imports would be missing there."""
    script = (
        "import sys\n"
        "from frugalbench import bench, worker, runners\n"
        "runners.load('ort')\n"
        "own = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names\n"
        "print(' '.join(sorted(own)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"pyarrow", "onnx", "scipy", "pandas", "hydra", "rich", "click", "torch", "codecarbon"}
    assert not heavy & set(done.stdout.split())


def test_data_reach_the_worker_and_answers_come_back(tmp_path: Path) -> None:
    x = np.array([[3.0, 0.0], [0.0, 3.0], [0.0, 1.0], [2.0, 1.0]], np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=np.array([0, 1, 0, 0]), g=np.array(["a", "b", "a", "b"]))
    data = Data(path=str(tmp_path / "d.npz"), label="y", positive=1, groups=("g",))
    record = measured(softmax(tmp_path / "m.onnx"), data=data)
    assert record.arrays["y_pred"].tolist() == [0, 1, 1, 0]
    assert record.arrays["group:g"].tolist() == [0, 1, 0, 1]
    accuracy = metrics.find("quality.accuracy")(record)
    assert isinstance(accuracy, Value)
    assert accuracy.estimate == 0.75


def test_a_record_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    record = measured(softmax(tmp_path / "m.onnx"))
    assert record.spec.model.path == "m.onnx"
    assert os.sep not in record.id


# Several processes, and one deadline


def test_fresh_processes_have_their_own_order_and_lie_one_after_the_other(tmp_path: Path) -> None:
    plan = change(QUICK, processes=3, process_seconds=0.1)
    record = measured(softmax(tmp_path / "m.onnx"), plan=plan)
    assert record.run is not None
    assert [one.order for one in record.run.processes] == [plan.seed + n for n in range(3)]
    assert sum(one.kept for one in record.run.processes) == record.latency_ns.size
    assert [one.process for one in record.run.windows] == sorted(
        one.process for one in record.run.windows
    )
    assert {one.process for one in record.run.windows} == {0, 1, 2}
    cold = metrics.find("latency.cold_start")(record)
    assert isinstance(cold, Value)
    assert cold.n == 3


def test_a_measurement_that_is_late_is_ended_and_says_so(tmp_path: Path) -> None:
    before = children()
    record = measured(hang(tmp_path / "m.onnx"), plan=change(QUICK, max_seconds=1))
    assert record.failure is not None
    assert record.failure.kind == "time_limit"
    assert "plan.max_seconds=1" in record.failure.detail
    assert children() <= before


def test_hierarchical_bootstraphere_is_no_time_for_are_not_started_and_it_is_said(
    tmp_path: Path,
) -> None:
    plan = change(QUICK, processes=50, max_seconds=2.5, process_seconds=1)
    record = measured(softmax(tmp_path / "m.onnx"), plan=plan)
    assert record.run is not None
    made = len(record.run.processes)
    assert 1 <= made < 50
    assert any(f"{made} of 50 processes" in note for note in record.run.notes)


@pytest.mark.slow
def test_processes_are_added_until_a_wanted_half_width_is_reached(tmp_path: Path) -> None:
    model = softmax(tmp_path / "m.onnx")
    easy = change(QUICK, processes=2, max_processes=4, process_seconds=0.05, half_width_p50=1e9)
    hard = change(easy, half_width_p50=1e-9)
    few, many = measured(model, plan=easy), measured(model, plan=hard)
    assert few.run is not None
    assert many.run is not None
    assert (len(few.run.processes), len(many.run.processes)) == (2, 4)


def test_a_disturbed_process_is_measured_again_and_never_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["another process took 99%", "", ""])
    monkeypatch.setattr(validity, "disturbed", lambda process, plan, **_: next(said))
    plan = change(QUICK, processes=2, process_seconds=0.05, retries=2)
    record = measured(softmax(tmp_path / "m.onnx"), plan=plan)
    assert record.run is not None
    assert (len(record.run.processes), len(record.run.discarded)) == (2, 1)
    assert any("measured again: another process took 99%" in one for one in record.run.notes)


def test_where_every_try_is_disturbed_the_last_one_counts_and_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validity, "disturbed", lambda process, plan, **_: "all is noise")
    plan = change(QUICK, process_seconds=0.05, retries=1)
    record = measured(softmax(tmp_path / "m.onnx"), plan=plan)
    assert record.run is not None
    assert (len(record.run.processes), len(record.run.discarded)) == (1, 1)
    assert record.latency_ns.size == record.run.processes[0].kept
    assert validity.disturbances(record) == ("process 0: all is noise",)


def test_a_later_process_that_ends_badly_leaves_a_note_and_the_record_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, pathlib, signal, sys\n"
        f"seen = pathlib.Path({str(tmp_path / 'seen')!r})\n"
        "if 'frugalbench.worker' in ' '.join(sys.orig_argv):\n"
        "    seen.exists() and os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    seen.touch()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    plan = change(QUICK, processes=3, process_seconds=0.05)
    record = measured(softmax(tmp_path / "m.onnx"), plan=plan)
    assert record.failure is None
    assert record.run is not None
    assert len(record.run.processes) == 1
    assert any("process 1 gave nothing (crash)" in one for one in record.run.notes)


@pytest.mark.parametrize(
    "asked",
    [
        {"scenario": "server", "target_qps": 400.0},
        {"scenario": "multi_stream", "samples_per_query": 4},
        {"scenario": "offline"},
    ],
    ids=lambda asked: str(asked["scenario"]),
)
def test_every_scenario_is_measured(tmp_path: Path, asked: dict[str, Any]) -> None:
    record = measured(softmax(tmp_path / "m.onnx"), plan=change(QUICK, **asked))
    assert record.run is not None
    throughput = metrics.find("latency.throughput")(record)
    assert isinstance(throughput, Value)
    assert throughput.estimate > 0
    assert validity.flaws(record) == ()
    samples = {"server": 1, "multi_stream": 4, "offline": 256}[asked["scenario"]]
    assert record.run.samples == samples
    # Cores and seeds differ from one another; what is asked twice with one seed does not.
    again = measured(softmax(tmp_path / "m.onnx"), plan=change(QUICK, **asked))
    assert again.run is not None
    if asked["scenario"] == "server":
        assert again.run.processes[0].queries == record.run.processes[0].queries


@pytest.mark.slow
def test_a_slow_model_in_offline_keeps_to_the_time(tmp_path: Path) -> None:
    """Some 256 samples of a twentieth of a second each would take ten seconds a pass."""
    plan = change(QUICK, scenario="offline", max_seconds=8, processes=1)
    record = measured(slow(tmp_path / "m.onnx", 60_000), plan=plan)
    assert record.failure is None
    assert record.run is not None
    assert any("left out of each pass" in note for note in record.run.notes)


def test_memory_that_a_later_sample_takes_is_in_the_peak(tmp_path: Path) -> None:
    """The first rows ask for a little, a later one for 200 MB."""
    sizes = np.full(300, 10, np.int64)
    sizes[150:] = 50_000_000
    np.savez(tmp_path / "d.npz", x=sizes[:, None])
    data = Data(path=str(tmp_path / "d.npz"))
    record = measured(sized(tmp_path / "m.onnx"), data=data)
    peak = metrics.find("memory.peak")(record)
    assert isinstance(peak, Value)
    assert peak.estimate > 200_000_000
