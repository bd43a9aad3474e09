"""The gate as a pipeline meets it: honest codes, every report in one run, no old one left green."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from _build import FAILED, change, from_table
from _faulty import softmax
from click.testing import CliRunner, Result
from junitparser import JUnitXml
from test_cli import QUICK
from test_metrics_validity import planned
from test_regress import run as timed_run

from frugalbench import gate, store
from frugalbench.cli import main
from frugalbench.errors import MeasurementError
from frugalbench.record import Record
from frugalbench.report import json as json_report

REPORTS = ("junit", "sarif", "summary", "markdown", "json")
POLICY = """\
name: mine
version: "1"
missing_groups: include
rules:
  - id: right
    metric: quality.accuracy
    unit: "1"
    at_least: 0.8
"""
GREEN = '<testsuites name="frugalbench" tests="9" failures="0" errors="0" skipped="0"/>'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, outside any GitHub job."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in (gate.ACTIONS, gate.STEP_SUMMARY):
        monkeypatch.delenv(name, raising=False)
    (folder / "mine.yaml").write_text(POLICY)
    return folder


def say(*words: Any) -> Result:
    return CliRunner().invoke(main, ["gate", *map(str, words)])


def kept(record: Record, name: str) -> Path:
    return store.save(change(record, id=name), Path("results"))


def right(share: float, rows: int = 2000) -> Record:
    k = round(share * rows)
    return from_table((k, rows - k, rows - k, k), (k, rows - k, rows - k, k))


def asked(*kinds: str) -> list[str]:
    return [f"--{kind}={kind}.out" for kind in kinds or REPORTS]


def stale(*kinds: str) -> None:
    for kind in kinds or REPORTS:
        Path(f"{kind}.out").write_text(GREEN)


def junit(path: str = "junit.out") -> JUnitXml:
    return JUnitXml.fromstring(Path(path).read_bytes())


@pytest.mark.parametrize(
    ("share", "code", "word"), [(0.95, 0, "PASS"), (0.5, 1, "FAIL"), (0.8, 3, "INCONCLUSIVE")]
)
def test_a_stored_record_is_judged_and_every_report_says_the_same(
    share: float, code: int, word: str
) -> None:
    record = kept(right(share), "this")
    stale()
    result = say(record, "--policy", "mine.yaml", "--quiet", *asked())
    assert (result.exit_code, result.stderr) == (code, "")
    assert result.stdout.startswith(word)
    assert result.stdout.count(word) == 1
    assert junit().failures == (code != 0)
    sarif = json.loads(Path("sarif.out").read_text())
    (run,) = sarif["runs"]
    assert len(run["results"]) == (code != 0)
    assert run["invocations"][0]["exitCode"] == code
    assert word in Path("summary.out").read_text()
    assert word in Path("markdown.out").read_text()
    built = json.loads(Path("json.out").read_text())
    jsonschema.validate(built, json_report.schema())
    assert built["verdict"]["exit_code"] == code
    assert built["regressions"] is None


@pytest.mark.parametrize("command", ["gate", "certify"])
def test_a_quiet_line_says_why_a_run_is_invalid(command: str) -> None:
    few = planned(right(0.95), min_queries=10**9)
    for name, record, invalid in (("few", few, True), ("enough", right(0.95), False)):
        words = [command, str(kept(record, name)), "--policy=mine.yaml", "--quiet"]
        (line,) = CliRunner().invoke(main, words).stdout.splitlines()
        assert ("; the run is INVALID: " in line) == invalid
        assert line.endswith(name)


def test_the_gate_and_certify_say_the_same_of_a_record() -> None:
    record = kept(right(0.5), "this")
    certified = CliRunner().invoke(main, ["certify", str(record), "--policy=mine.yaml", "--json"])
    assert say(record, "--policy=mine.yaml", "--json=json.out").exit_code == certified.exit_code
    told = json.loads(Path("json.out").read_text())
    assert told == json.loads(certified.stdout)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nothing"], 2, "neither a stored record"),
        (["model=no-such-model"], 2, "no-such-model"),
        (["{record}", "--policy=no-such"], 2, "no-such"),
        (["{record}", "plan=quick"], 2, "nothing else"),
        (["{record}", "--baseline=nowhere"], 2, "nowhere"),
        (["{record}", "--baseline={failed}"], 4, "crashed"),
        (["{record}", "--reference={failed}"], 4, "crashed"),
        (["{failed}"], 4, "crashed"),
        (["{record}", "--smallest=latency=0.1"], 2, "--baseline"),
        (["{record}", "--allow-uncompared"], 2, "--baseline"),
        (["{record}", "--baseline={record}", "--smallest=speed=1"], 2, "--smallest"),
        (["-m", "model=nhanes-mlp,adult-mlp"], 2, "one at a time"),
        (["model=nhanes-mlp", "--cfg", "job"], 2, "judges nothing"),
        (["{damaged}"], 4, "changed"),
    ],
)
def test_a_refusal_is_told_in_every_report_and_no_old_one_stays(
    words: list[str], code: int, says: str
) -> None:
    damaged = kept(right(0.9), "damaged")
    text = (damaged / "record.json").read_text()
    (damaged / "record.json").write_text(text.replace('"adult-tree"', '"other"'))
    places = {
        "record": kept(right(0.9), "this"),
        "failed": kept(FAILED, "failed"),
        "damaged": damaged,
    }
    stale()
    filled = [word.format(**places) for word in words]
    result = say(*filled, *asked())
    assert result.exit_code == code
    (line,) = result.stderr.strip().splitlines()
    assert says in line
    assert junit().errors == 1
    (suite,) = junit()
    (case,) = suite
    assert says in case.result[0].message
    (run,) = json.loads(Path("sarif.out").read_text())["runs"]
    assert says in run["results"][0]["message"]["text"]
    assert "ERROR" in Path("summary.out").read_text()
    assert "ERROR" in Path("markdown.out").read_text()
    assert not Path("json.out").exists()


@pytest.mark.parametrize("words", [["--baseline"], ["--nosuch"], ["--policy"]])
def test_options_that_cannot_be_read_leave_no_old_report(words: list[str]) -> None:
    record = kept(right(0.9), "this")
    stale("junit")
    result = say(record, "--junit=junit.out", *words)
    assert result.exit_code == 2
    assert junit().errors == 1


def test_a_gate_that_is_stopped_leaves_no_old_report(monkeypatch: pytest.MonkeyPatch) -> None:
    record = kept(right(0.95), "this")
    stale()

    def stopped(*given: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, "judged", stopped)
    assert say(record, "--policy=mine.yaml", *asked()).exit_code == 130
    assert junit().errors == 1
    assert "has not finished" in Path("summary.out").read_text()
    assert not Path("json.out").exists()


def test_a_fault_of_our_own_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    record = kept(right(0.95), "this")
    stale("junit")

    def broken(*given: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gate, "judged", broken)
    assert say(record, "--policy=mine.yaml", "--junit=junit.out").exit_code == 4
    assert junit().errors == 1


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_that_cannot_be_written_is_an_error_and_the_others_say_so(kind: str) -> None:
    record = kept(right(0.95), "this")
    Path("folder").mkdir()
    (Path("folder") / "held").touch()
    other = "sarif" if kind == "junit" else "junit"
    stale(other)
    words = (f"--{kind}=folder", f"--{other}={other}.out")
    result = say(record, "--policy=mine.yaml", *words)
    assert result.exit_code == 4
    assert len(result.stderr.strip().splitlines()) == 1
    assert "folder cannot be" in Path(f"{other}.out").read_text()
    assert Path("folder", "held").exists()


def test_a_report_never_replaces_what_is_judged_or_another_report() -> None:
    record = kept(right(0.95), "this")
    before = (record / "record.json").read_bytes()
    for words in (
        ["--json", record / "record.json"],
        ["--junit", record / "arrays.npz"],
        ["--sarif", "mine.yaml"],
        ["--junit", "same", "--sarif", "./same"],
        ["--baseline", kept(right(0.9), "last"), "--json", "results/last/record.json"],
    ):
        result = say(record, "--policy=mine.yaml", *words)
        assert result.exit_code == 2, words
    assert (record / "record.json").read_bytes() == before
    assert Path("mine.yaml").read_text() == POLICY
    assert say(record, "--policy=mine.yaml").exit_code == 0
    assert store.load("results/last").id == "last"


def test_a_regression_closes_the_gate_that_the_policy_leaves_open() -> None:
    last, this = kept(right(0.95), "last"), kept(right(0.85), "this")
    alone = say(this, "--policy=mine.yaml", "--quiet")
    assert alone.exit_code == 0
    words = (this, "--policy=mine.yaml", "--baseline", last, "--allow-uncompared")
    result = say(*words, "--quiet", *asked())
    assert result.exit_code == 1
    assert "regressed: drift.accuracy_drop" in result.stdout
    assert junit().failures >= 1
    built = json.loads(Path("json.out").read_text())
    jsonschema.validate(built, json_report.schema())
    assert (built["regressions"]["exit_code"], built["regressions"]["baseline"]) == (1, "last")
    assert "regressed" in Path("markdown.out").read_text()
    shown = say(*words)
    assert "regressed" in shown.stdout
    better = say(last, "--policy=mine.yaml", "--baseline", this, "--allow-uncompared")
    assert better.exit_code == 0


def test_what_is_not_compared_holds_the_gate_unless_it_is_allowed() -> None:
    last, this = kept(right(0.95), "last"), kept(right(0.95), "this")
    words = (this, "--policy=mine.yaml", "--baseline", last, "--junit=junit.out", "--quiet")
    # Both were timed in one process, of which the next may differ.
    held = say(*words)
    assert held.exit_code == 3
    assert held.stdout.startswith(
        "NOT EVALUATED: the policy passes, but 3 measures were not compared with the baseline "
        "(latency.p50, latency.p90, latency.p99: seen in one process"
    )
    (line,) = held.stdout.splitlines()
    assert line.endswith(f": {this}")
    assert junit().failures == 3
    assert say(*words, "--allow-uncompared").exit_code == 0
    assert junit().failures == 0
    assert say(*words, "--smallest=latency=none").exit_code == 0
    # A policy that fails by itself does not hide it.
    fails = say(kept(right(0.5), "fails"), *words[1:])
    assert fails.exit_code == 1
    assert fails.stdout.startswith("FAIL (quality.accuracy); regressed: ")
    assert "; 3 measures were not compared with the baseline (latency.p50, " in fails.stdout


def test_the_gates_own_word_comes_first_in_every_text_where_the_policy_passes() -> None:
    last, this = kept(right(0.95), "last"), kept(right(0.95), "this")
    result = say(this, "--policy=mine.yaml", "--baseline", last, "--quiet", *asked())
    assert result.exit_code == 3
    for name in ("summary.out", "markdown.out"):
        text = Path(name).read_text()
        assert "**– The gate: NOT EVALUATED.**" in text, name
        assert text.index("The gate: NOT EVALUATED") < text.index("PASS"), name


def test_a_slower_model_is_stopped_and_the_smallest_change_is_the_users() -> None:
    Path("fast.yaml").write_text(
        "name: f\nversion: '1'\nrules: [{id: r, metric: latency.p90, unit: s, at_most: 1}]\n"
    )
    last = kept(timed_run(100, 101, 99), "last")
    this = kept(timed_run(130, 131, 129, seed=1), "this")
    words = (this, "--policy=fast.yaml", "--baseline", last)
    assert say(*words).exit_code == 1
    assert say(*words, "--smallest=latency=0.6").exit_code == 0


def test_in_a_github_job_the_summary_is_added_to_and_annotations_are_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = kept(right(0.5), "this")
    Path("step.md").write_text("before\n")
    monkeypatch.setenv(gate.STEP_SUMMARY, "step.md")
    monkeypatch.setenv(gate.ACTIONS, "true")
    result = say(record, "--policy=mine.yaml", "--quiet")
    assert "::error file=mine.yaml,line=5,title=FAIL right::" in result.stdout
    text = Path("step.md").read_text()
    assert text.startswith("before\n")
    assert text.count("## frugalbench") == 1
    say(record, "--policy=nowhere.yaml")
    assert "ERROR" in Path("step.md").read_text()
    assert "::error file=nowhere.yaml" in say(record, "--policy=nowhere.yaml").stdout
    size = Path("step.md").stat().st_size
    say(record, "--policy=mine.yaml", "--summary=own.md")
    assert Path("own.md").exists()
    assert Path("step.md").stat().st_size == size


def test_a_step_summary_is_never_filled_past_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    record = kept(right(0.5), "this")
    monkeypatch.setenv(gate.STEP_SUMMARY, "step.md")
    Path("step.md").write_bytes(b"x" * (1024 * 1024 - 100))
    assert say(record, "--policy=mine.yaml").exit_code == 1
    assert Path("step.md").stat().st_size <= 1024 * 1024


def test_a_step_summary_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    record = kept(right(0.95), "this")
    monkeypatch.setenv(gate.STEP_SUMMARY, "/nowhere/at/all/step.md")
    result = say(record, "--policy=mine.yaml", "--junit=junit.out")
    assert result.exit_code == 4
    assert "step summary" in result.stderr
    assert junit().errors == 1


def test_a_model_is_measured_judged_and_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    score = np.where(y == 1, 1.0, -1.0)
    np.savez("d.npz", x=np.stack([-score, score], 1).astype(np.float32), y=y)
    model = softmax(tmp_path / "m.onnx")
    words = (f"model={model}", "data=d.npz", "data.label=y", "policy=mine.yaml", *QUICK)
    result = say(*words, "--junit=junit.out", "--quiet")
    assert result.exit_code == 0, result.stderr
    (folder,) = Path("results").iterdir()
    assert {one.name for one in folder.iterdir()} >= {"record.json", "report.html", "report.json"}
    assert junit().time > 0


@pytest.mark.slow
def test_a_model_that_cannot_be_measured_is_an_error(tmp_path: Path) -> None:
    stale("junit")
    wrong = say(f"model={softmax(tmp_path / 'w.onnx', 'NoSuch')}", *QUICK, "--junit=junit.out")
    assert wrong.exit_code == 4
    assert junit().errors == 1


def test_a_record_of_a_failed_measurement_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(MeasurementError, match="crashed"):
        gate.stored(kept(FAILED, "failed"))
    assert gate.stored(None) is None
