"""The command line as a user meets it: one line a refusal, honest exit codes, nothing left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _faulty import hang, softmax
from click.testing import CliRunner, Result

from frugalbench import commands
from frugalbench.cli import main

MODELLED = (
    *("plan.processes=1", "plan.process_seconds=0.3", "plan.idle_seconds=0.05"),
    *("plan.warmup_seconds=0.05", "plan.windows=3"),
)
# The model of power takes a second to be imported, and few tests ask for it.
QUICK = (*MODELLED, "target.meters=[fake]")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def say(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def refused(result: Result, code: int) -> str:
    """The one line of a refusal."""
    assert result.exit_code == code, result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("frugalbench: ")
    return lines[0]


def verdict_of(result: Result) -> dict[str, Any]:
    """The verdict in a JSON report."""
    found: dict[str, Any] = json.loads(result.stdout)["verdict"]
    return found


def people(path: Path, *, unfair: bool, rows: int = 4000) -> Path:
    """Labelled rows of two groups whose scores are right nine times in ten.

    The unfair twin lowers the scores of group b, so that its positives are missed.
    """
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, rows)
    group = rng.integers(0, 2, rows)
    right = rng.random(rows) < 0.9
    score = np.where(y == 1, 1.0, -1.0) * np.where(right, 1, -1)
    if unfair:
        score = np.where(group == 1, score - 1.5 * (rng.random(rows) < 0.5), score)
    x = np.stack([-score, score], axis=1).astype(np.float32)
    np.savez(path, x=x, y=y, group=np.array(["a", "b"])[group])
    return path


@pytest.mark.slow
def test_the_demonstration_states_its_site_and_the_stand_on_modelled_energy(here: Path) -> None:
    result = say("certify", *MODELLED)
    assert result.exit_code in (1, 3)
    assert "site fr (FR)" in result.stdout
    assert "modelled" in result.stdout
    record = next((here / "results").iterdir())
    names = {path.name for path in record.iterdir()}
    assert names == {"record.json", "arrays.npz", "report.html", "report.md", "report.json"}
    assert f"next    frugalbench show results/{record.name}" in result.stdout
    assert {path.name for path in here.iterdir()} == {"results"}


def test_judging_a_stored_record_again_gives_the_same_verdict_byte_for_byte(here: Path) -> None:
    fresh = say("certify", "--json", *QUICK)
    record = next((here / "results").iterdir())
    again = say("certify", str(record), "--json")
    assert again.stdout == fresh.stdout
    assert again.exit_code == fresh.exit_code
    verdict = verdict_of(again)
    assert verdict["overall"] != "PASS"


def test_a_planted_unfair_model_fails_and_its_fair_twin_does_not(
    here: Path, tmp_path: Path
) -> None:
    model = f"model={softmax(tmp_path / 'm.onnx')}"
    outcomes = {}
    for unfair in (True, False):
        data = people(here / f"{unfair}.npz", unfair=unfair)
        words = (model, f"data={data}", "data.label=y", "data.groups=[group]", "site=fr", *QUICK)
        result = say("certify", "--json", *words)
        verdict = verdict_of(result)
        outcomes[unfair] = {one["address"]: one["outcome"] for one in verdict["findings"]}
        assert result.exit_code == (1 if unfair else 3)
    address = "fairness.equal_opportunity_difference[group]"
    assert outcomes[True][address] == "FAIL"
    assert outcomes[False][address] == "PASS"


@pytest.mark.slow
def test_a_policy_that_asks_for_measured_energy_is_not_passed_by_a_modelled_one(
    here: Path,
) -> None:
    rule = "{id: e, metric: energy.per_inference, at_most: 1000, unit: J}"
    text = "name: mine\nversion: '1'\nrules: [%s]\n"
    (here / "measured.yaml").write_text(text % rule)
    (here / "modelled.yaml").write_text(text % rule + "methods: [modelled]\n")
    assert say("run", "model=nhanes-logreg", *MODELLED).exit_code == 0
    record = str(next((here / "results").iterdir()))
    assert say("certify", record, "--policy", "measured.yaml").exit_code == 3
    assert say("certify", record, "--policy", "modelled.yaml").exit_code == 0


def test_a_policy_changed_on_the_command_line_says_so(here: Path) -> None:
    rules = "policy.rules=[{id: x, metric: latency.p90, unit: s, at_most: 100}]"
    result = say("certify", "model=german-logreg", rules, *QUICK)
    assert "frugal-and-trustworthy (changed)" in result.stdout


@pytest.mark.slow
def test_without_data_a_model_is_measured_on_generated_inputs_and_it_says_so(
    tmp_path: Path,
) -> None:
    model = softmax(tmp_path / "m.onnx")
    result = say("certify", f"model={model}", *QUICK)
    assert result.exit_code == 3
    assert "no labelled data" in result.stdout
    assert "generated" in result.stdout
    assert "no site" in result.stdout


@pytest.mark.slow
def test_csv_parquet_and_npz_give_the_same_answers(here: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    model = softmax(tmp_path / "m.onnx")
    with np.load(people(here / "d.npz", unfair=False, rows=300)) as archive:
        x, y, group = archive["x"], archive["y"], archive["group"]
    table = pa.table({"n": x[:, 0], "p": x[:, 1], "y": y, "group": group})
    parquet.write_table(table, here / "d.parquet")
    csv.write_csv(table, here / "d.csv")
    found = []
    for suffix in ("npz", "parquet", "csv"):
        words = (f"model={model}", f"data=./d.{suffix}", "data.label=y", "data.groups=[group]")
        result = say("run", "--json", *words, *QUICK)
        assert result.exit_code == 0, result.output
        metrics = {one["address"]: one["measure"] for one in json.loads(result.stdout)["metrics"]}
        found.append({key: one for key, one in metrics.items() if key.startswith(("qual", "fair"))})
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["model=./absent.onnx"], 2, "there is no model file"),
        (["model=nhanes-mpl"], 2, "did you mean 'nhanes-mlp'"),
        (["modle=nhanes-mlp"], 2, "did you mean 'model'"),
        (["plan.max_secs=3"], 2, "did you mean 'plan.max_seconds'"),
        (["plan.max_seconds=abc"], 2, "plan.max_seconds"),
        (["plan.max_seconds=-1"], 2, "plan.max_seconds"),
        (["data.groups=[gendr]"], 2, "did you mean 'gender'"),
        (["data.label=diabets"], 2, "did you mean 'diabetes'"),
        (["data.label=split"], 2, "labels do not match"),
        (["data.label=gender"], 2, "named twice"),
        (["data=./absent.csv", "model=nhanes-mlp"], 2, "there is no data file"),
        (["baselines=constant,linear"], 2, "write 'baselines=[constant,linear]'"),
        (["data.groups=sex,age"], 2, "write 'data.groups=[sex,age]'"),
        (["model.classes='a','b'"], 2, "write 'model.classes=['a','b']'"),
        (["plan.batch=1,2"], 2, "'plan.batch=1,2' gives several values: choose one, or add -m"),
        (["policy=frugal-and-trust"], 2, "did you mean 'frugal-and-trustworthy'"),
        (["site=france"], 2, "there is no site 'france'"),
        (["target.provider=NoSuchProvider"], 4, "CPUExecutionProvider"),
        (["model.runner=orf", "model=nhanes-mlp"], 2, "did you mean 'ort'"),
        (["target.meters=[rapel]"], 2, "did you mean 'rapl'"),
        (["--cfg", "nonsense"], 2, "there is: all, hydra, job"),
        (["--cfg"], 2, "needs a value"),
        (["-m", "model=glob(zzz*)"], 4, "nothing was measured"),
        (["hydra.mode=MULTIRUN", "model=glob(zzz*)"], 4, "nothing was measured"),
        (["nonsense"], 2, "neither a stored record nor KEY=VALUE"),
        (["results=/proc/nowhere"], 4, "results cannot be written"),
    ],
)
def test_a_refusal_is_one_line_with_the_right_exit_code(
    words: list[str], code: int, said: str
) -> None:
    assert said in refused(say("certify", *QUICK, *words), code)


def test_a_file_that_is_not_onnx_is_refused(here: Path) -> None:
    (here / "m.onnx").write_bytes(b"\x00\x01 not a graph")
    assert "not an ONNX file" in refused(say("certify", "model=./m.onnx"), 2)


def test_a_failed_measurement_exits_4_and_keeps_the_attempt(here: Path, tmp_path: Path) -> None:
    model = softmax(tmp_path / "m.onnx", op="Frobnicate")
    line = refused(say("certify", "--quiet", f"model={model}", *QUICK), 4)
    assert "Frobnicate" in line
    record = next((here / "results").iterdir())
    assert record.name in line
    assert "Frobnicate" in refused(say("certify", str(record)), 4)
    assert say("show", str(record)).exit_code == 0


@pytest.mark.slow
def test_a_sweep_measures_each_and_reports_the_worst_exit_code(here: Path, tmp_path: Path) -> None:
    good, bad = softmax(tmp_path / "a.onnx"), softmax(tmp_path / "b.onnx", op="Frobnicate")
    result = say("run", "--quiet", f"model={good},{bad}", "-m", "target.threads=1,2", *QUICK)
    assert result.exit_code == 4
    assert len(list((here / "results").iterdir())) == 4
    assert {path.name for path in here.iterdir()} == {"results"}


def test_hydras_own_words_work(here: Path) -> None:
    for words in (
        ("--cfg", "job", "model=adult-mlp", "plan.max_seconds=2"),
        ("model=adult-mlp", "plan.max_seconds=2", "--cfg", "job"),
    ):
        shown = say("certify", *words)
        assert shown.exit_code == 0
        assert "max_seconds: 2" in shown.stdout
    for asked in (("--info", "defaults"), ("--info",), ("model=adult-mlp", "--info", "config")):
        assert say("certify", *asked).exit_code == 0
    assert not list(here.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("where", ["/dev/full", "closed", "pipe"])
def test_a_result_nobody_could_read_is_no_pass(here: Path, where: str) -> None:
    assert say("run", "--quiet", "model=german-logreg", *QUICK).exit_code == 0
    record = next((here / "results").iterdir())
    command = f"{sys.executable} -m frugalbench show {record} --json"
    ending = {"/dev/full": "> /dev/full", "closed": ">&-", "pipe": "| true; exit ${PIPESTATUS[0]}"}
    done = subprocess.run(
        ["bash", "-c", f"{command} {ending[where]}"], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if where == "closed" else 4), done.stderr


def test_a_worker_dies_with_its_parent(here: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "frugalbench", "run", f"model={hang(tmp_path / 'm.onnx')}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    worker = Path(f"/proc/{_wait_for_child(process.pid)}")
    process.kill()
    process.wait(timeout=30)
    until = time.monotonic() + 10
    while worker.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not worker.exists()


def test_being_terminated_leaves_no_file_behind(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    command = [sys.executable, "-m", "frugalbench", "run", f"model={hang(tmp_path / 'm.onnx')}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    _wait_for_child(process.pid)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said.strip() == "frugalbench: terminated; nothing was saved"
    assert not list(scratch.iterdir())


def test_show_prints_every_metric_with_its_evidence_or_the_reason_it_is_missing(here: Path) -> None:
    assert say("run", "--quiet", "model=german-logreg", *QUICK).exit_code == 0
    record = str(next((here / "results").iterdir()))
    found = json.loads(say("show", record, "--json").stdout)["metrics"]
    assert len(found) > 30
    for one in found:
        measure = one["measure"]
        if measure["type"] == "missing":
            assert measure["reason"]
        else:
            assert measure["low"] <= measure["estimate"] <= measure["high"]
            assert measure["method"]
            assert measure["n"] > 0
    assert "German" not in say("show", record).stderr
    assert say("show", record, "--format", "markdown", "--lang", "fr").exit_code == 0
    assert "did you mean 'markdown'" in refused(say("show", record, "--format", "markdwn"), 2)


@pytest.mark.slow
def test_compare_and_doctor_speak(here: Path) -> None:
    assert say("run", "--quiet", "-m", "model=german-logreg,german-mlp", *QUICK).exit_code == 0
    a, b = (str(path) for path in sorted((here / "results").iterdir()))
    compared = say("compare", a, b, "--json")
    assert any(row["address"] == "quality.accuracy" for row in json.loads(compared.stdout))
    sides = say("compare", a, b)
    assert sides.exit_code == 0
    assert "latency.p90" in sides.stdout
    only = say("compare", a, b, "--only", "quality,memory").stdout
    assert "memory.peak" in only
    assert "latency.p90" not in only
    assert "did you mean 'quality'" in refused(say("compare", a, b, "--only", "qualty"), 2)
    assert "precision as_is" in " ".join(sides.stdout.split())
    checks = {one["subject"]: one for one in json.loads(say("doctor", "--json").stdout)}
    assert checks["runner ort"]["state"] == "ok"
    assert checks["energy meter modelled"]["state"] == "note"
    assert say("doctor").exit_code == 0
    log = here / "plug.csv"
    log.write_text("timestamp,power\n1800000000,50\n1800000001,50\n")
    told = json.loads(say("doctor", "--meter-log", str(log), "--json").stdout)
    assert {one["subject"]: one for one in told}["energy meter csvlog"]["state"] == "ok"


@pytest.mark.parametrize("command", [None, *commands.names()])
def test_the_help_of_every_command_has_an_example(command: str | None) -> None:
    result = say(*([command] if command else []), "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"frugalbench {command or 'certify'}" in result.stdout


def test_help_and_import_load_nothing_heavy() -> None:
    script = (
        "import sys, frugalbench.cli\n"
        "heavy = 'torch hydra omegaconf pandas codecarbon onnxruntime onnx numpy rich scipy '\n"
        "heavy += 'cryptography mlflow'\n"
        "print([name for name in heavy.split() if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_interrupting_saves_nothing_and_leaves_no_worker(here: Path, tmp_path: Path) -> None:
    model = hang(tmp_path / "m.onnx")
    command = [sys.executable, "-m", "frugalbench", "run", f"model={model}"]
    # What is started in the background of a shell ignores interruptions, and so do its children.
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    worker = _wait_for_child(process.pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.strip() == "frugalbench: interrupted; nothing was saved"
    assert not list((here / "results").iterdir())
    # One that was just being started learns of its parent's end from the system.
    until = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


def _wait_for_child(pid: int) -> int:
    """The worker a process has started, once it runs."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = children.read_text().split()
        if found:
            time.sleep(0.5)
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no worker was started")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tiny disk needs root")
def test_a_full_disk_leaves_nothing_half_written(here: Path) -> None:
    disk = here / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        line = refused(say("certify", "--quiet", f"results={disk}/r", *QUICK), 4)
        assert "No space left" in line
        assert not list((disk / "r").iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
