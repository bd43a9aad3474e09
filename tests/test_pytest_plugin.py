"""The pytest plug-in as a lab meets it: real pytest runs on suites of their own."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _faulty import softmax
from _records import make_record

import frugalbench as fb
from frugalbench.pytest_plugin import Certifier
from frugalbench.record import Failure

QUICK = (
    *("plan.processes=1", "plan.process_seconds=0.3", "plan.idle_seconds=0.05"),
    *("plan.warmup_seconds=0.05", "plan.windows=3", "target.meters=[fake]"),
)
RULE = "rules: [{id: %s, metric: %s, %s: %s, unit: %s}]\n"
POLICIES = {
    "easy": RULE % ("slow", "latency.p50", "at_most", 10, "s"),
    "hard": RULE % ("slow", "latency.p50", "at_most", 1e-12, "s"),
    "both": (
        "rules:\n"
        "  - {id: slow, metric: latency.p50, at_most: 1.0e-12, unit: s}\n"
        "  - {id: right, metric: quality.accuracy, at_least: 0.5, unit: '1'}\n"
        "  - {id: sure, metric: quality.accuracy, at_least: 0.88, unit: '1'}\n"
        "  - {id: aside, metric: quality.accuracy, at_least: 0.99, unit: '1', required: false}\n"
    ),
    "close": RULE % ("sure", "quality.accuracy", "at_least", 0.88, "'1'"),
    "absent": RULE % ("gain", "necessity.gain", "at_least", 0.02, "'1'"),
}


BARE = ("-p", "no:benchmark", "-p", "no:hydra_pytest")
"""Hydra has a pytest plug-in of its own, which loads all of Hydra."""


class Ran(NamedTuple):
    """What a run of pytest said: its exit code and output, and each test's outcome and message."""

    code: int
    output: str
    tests: dict[str, tuple[str, str]]


def run(folder: Path, suite: str, *options: str) -> Ran:
    """Run pytest on a suite, strict and with warnings as errors, as a user would."""
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers -p no:cacheprovider\nfilterwarnings = error\n"
    )
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", f"--junit-xml={report}", *options]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    tests = {}
    for case in ET.parse(report).iter("testcase") if report.exists() else ():
        bad = [one for one in case if one.tag in ("failure", "error", "skipped")]
        said = f"{bad[0].get('message')}\n{bad[0].text}" if bad else ""
        tests[str(case.get("name"))] = (bad[0].tag if bad else "passed", said)
    return Ran(done.returncode, done.stdout + done.stderr, tests)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with a model, policies, a record, and one of a failed measurement."""
    for name, rules in POLICIES.items():
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nversion: '1'\n{rules}")
    fb.save(make_record(), tmp_path / "stored")
    softmax(tmp_path / "m.onnx")
    broken = make_record(failure=Failure(kind="crash", detail="the worker crashed (SIGSEGV)"))
    fb.save(broken, tmp_path / "broken")
    return tmp_path


JUDGED = """
import sys
import pytest

RECORD, BROKEN = "stored/01J0000000EXAMPLE", "broken/01J0000000EXAMPLE"

def test_nothing_heavy_was_loaded_yet():
    heavy = {"numpy", "onnxruntime", "onnx", "hydra", "omegaconf", "msgspec", "scipy", "rich"}
    assert not heavy & set(sys.modules)

def test_pass(frugalbench):
    frugalbench.assert_passes(frugalbench.judge(RECORD, policy="easy.yaml"))

def test_fail(frugalbench):
    frugalbench.assert_passes(frugalbench.judge(RECORD, policy="both.yaml"))

@pytest.mark.frugalbench(policy="hard.yaml", inconclusive="skip")
def test_fail_is_never_skipped(frugalbench):
    frugalbench.assert_passes(frugalbench.judge(RECORD))

@pytest.mark.frugalbench(policy="close.yaml")
def test_inconclusive(frugalbench):
    frugalbench.assert_passes(frugalbench.judge(RECORD))

def test_not_evaluated(frugalbench):
    frugalbench.assert_passes(frugalbench.judge(RECORD, policy="absent.yaml"))

@pytest.mark.frugalbench(inconclusive="skip")
@pytest.mark.parametrize("policy", ["close.yaml", "absent.yaml"])
def test_skip(frugalbench, policy):
    frugalbench.assert_passes(frugalbench.judge(RECORD, policy=policy))

def test_no_record(frugalbench):
    frugalbench.judge("nowhere", policy="easy.yaml")

def test_broken_record(frugalbench):
    frugalbench.judge(BROKEN, policy="easy.yaml")

def test_an_error_can_be_caught(frugalbench):
    import frugalbench as fb
    with pytest.raises(fb.UsageError, match="there is no policy 'eazy'"):
        frugalbench.judge(RECORD, policy="eazy")

def test_wrong_word(frugalbench):
    frugalbench.certify("modle=x")

def test_results_go_elsewhere(frugalbench):
    frugalbench.certify("model=nhanes-mlp", "results=here")

@pytest.mark.frugalbench(inconclusive="maybe")
def test_wrong_mark(frugalbench):
    frugalbench.assert_passes(frugalbench.judge(RECORD, policy="easy.yaml"))

@pytest.mark.frugalbench(model="nhanes-mlp", inconclusive="maybe")
def test_wrong_mark_alone():
    raise RuntimeError("the body ran")

@pytest.mark.frugalbench(model="nhanes-mlp")
def test_never_certified(frugalbench):
    pass

@pytest.mark.frugalbench(model="nhanes-mlp", polycy="easy.yaml")
@pytest.mark.parametrize("turn", [1, 2])
def test_marked_alone(turn):
    raise RuntimeError("the body ran")
"""


def assert_one_line(said: str) -> None:
    """The report of a test is one line of ours, which JUnit gives twice."""
    message, *text = [line for line in said.splitlines() if line]
    assert [message] == [f"Failed: {line}" for line in text]
    assert text[0].startswith("frugalbench: ")


def check_judged(ran: Ran) -> None:
    assert ran.code == 1, ran.output
    outcome = {name: one for name, (one, _) in ran.tests.items()}
    said = {name: text for name, (_, text) in ran.tests.items()}
    passed = {name for name, one in outcome.items() if one == "passed"}
    assert passed == {
        "test_nothing_heavy_was_loaded_yet",
        "test_pass",
        "test_an_error_can_be_caught",
    }
    assert {name for name, one in outcome.items() if one == "skipped"} == {
        "test_skip[close.yaml]",
        "test_skip[absent.yaml]",
    }
    assert "not enough evidence" in said["test_skip[close.yaml]"]
    # A fault is a failed test, never an error of a fixture.
    assert "error" not in outcome.values()
    fail = said["test_fail"].splitlines()
    assert "FAIL by policy both 1" in said["test_fail"]
    rules = [line.split()[:2] for line in fail if line.startswith("  ")]
    assert rules[:2] == [["FAIL", "latency.p50:"], ["INCONCLUSIVE", "quality.accuracy:"]]
    assert "≤ " in said["test_fail"]
    assert "0.99" not in said["test_fail"]
    assert "hard" in said["test_fail_is_never_skipped"]
    for name in ("test_inconclusive", "test_not_evaluated"):
        assert "not enough evidence" in said[name]
    assert "would settle it" in said["test_inconclusive"]
    assert "baselines=[constant,linear,tree]" in said["test_not_evaluated"]
    assert "there is no record at nowhere" in said["test_no_record"]
    assert "SIGSEGV" in said["test_broken_record"]
    assert "did you mean 'model'" in said["test_wrong_word"]
    assert "--frugalbench-results=DIR" in said["test_results_go_elsewhere"]
    assert "say 'fail' or 'skip'" in said["test_wrong_mark"]
    assert "nothing was certified" in said["test_never_certified"]
    # One line, once: without our frames, the test's own, or the error before the error.
    for name in ("test_no_record", "test_broken_record", "test_wrong_word", "test_wrong_mark"):
        assert_one_line(said[name])
    assert_one_line(said["test_wrong_mark_alone"])
    assert "say 'fail' or 'skip'" in said["test_wrong_mark_alone"]
    for turn in (1, 2):
        assert_one_line(said[f"test_marked_alone[{turn}]"])
        assert "did you mean 'policy'" in said[f"test_marked_alone[{turn}]"]
    for name, text in said.items():
        assert "the body ran" not in text
        # What a test shows is a line of ours, not our frames.
        assert "site-packages" not in text, name
        assert "frugalbench/" not in text.replace("frugalbench/01J", ""), name


def test_judging_in_a_suite_without_pytest_benchmark(lab: Path) -> None:
    check_judged(run(lab, JUDGED, *BARE, "-p", "no:xdist"))


@pytest.mark.slow
def test_judging_in_a_suite_spread_over_processes(lab: Path) -> None:
    check_judged(run(lab, JUDGED, "-n", "2", *BARE))


MEASURED = f"""
import unittest
import pytest

QUICK = {QUICK!r}
BODIES = []

@pytest.mark.frugalbench(*QUICK, model="./m.onnx", policy="easy.yaml")
def test_marked_alone():
    BODIES.append("alone")

class TestOfUnittest(unittest.TestCase):
    @pytest.mark.frugalbench(*QUICK, model="./m.onnx", policy="hard.yaml",
                             **{{"target.meters": ["fake"], "target.spinning": False}})
    def test_marked(self):
        BODIES.append("unittest")

def test_bodies_run_where_the_model_passes():
    assert BODIES == ["alone"]

def test_beside_a_benchmark(frugalbench, benchmark):
    benchmark(int, 1)
    verdict = frugalbench.certify(*QUICK, "model=./m.onnx", policy="easy.yaml")
    assert (frugalbench.results / verdict.record / "record.json").is_file()

def test_no_such_model(frugalbench):
    frugalbench.certify(*QUICK, "model=./none.onnx", policy="easy.yaml")
"""


@pytest.mark.slow
def test_measuring_in_a_suite_keeps_records_and_tells_pytest_benchmark(lab: Path) -> None:
    options = ("--frugalbench-results=kept", "--benchmark-json=bench.json", "-p", "no:xdist")
    ran = run(lab, MEASURED, *options)
    outcome = {name: one for name, (one, _) in ran.tests.items()}
    assert outcome == {
        "test_marked_alone": "passed",
        "test_marked": "failure",
        "test_bodies_run_where_the_model_passes": "passed",
        "test_beside_a_benchmark": "passed",
        "test_no_such_model": "failure",
    }, ran.output
    assert "FAIL latency.p50" in ran.tests["test_marked"][1]
    assert "none.onnx" in ran.tests["test_no_such_model"][1]
    records = {path.name for path in (lab / "kept").iterdir()}
    assert len(records) == 3
    (bench,) = json.loads((lab / "bench.json").read_text())["benchmarks"]
    told = bench["extra_info"]["frugalbench"]
    assert told["record"] in records
    assert (told["energy.per_inference"]["method"], told["latency.p50"]["unit"]) == ("pretend", "s")


def test_a_benchmark_is_told_how_energy_was_got_and_why_a_figure_is_missing(lab: Path) -> None:
    told: dict[str, Any] = {}
    Certifier(lab, None, told).judge(make_record(calls=100), lab / "easy.yaml")
    energy, tail = (told["frugalbench"][name] for name in ("energy.per_inference", "latency.p99"))
    assert (energy["type"], energy["method"], energy["unit"]) == ("value", "modelled", "J")
    assert 0 < energy["low"] <= energy["estimate"] <= energy["high"]
    assert tail["type"] == "missing"
    assert "queries" in tail["detail"]


def test_the_plug_in_is_found_and_costs_little_to_load() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import frugalbench.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {"frugalbench", "frugalbench.errors", "frugalbench.pytest_plugin"}
    assert set(done.stdout.split()) - set(sys.stdlib_module_names) == ours


def test_a_policy_given_as_an_object_is_the_one_judged_by(tmp_path: Path) -> None:
    rule = fb.Rule(id="slow", metric="latency.p50", unit="s", at_most=10.0)
    mine = fb.Policy(name="mine", version="1", rules=(rule,))
    taken = fb.Policy(name="drift", version="1", rules=(rule,))
    one = Certifier(tmp_path)
    record = make_record()
    assert one.judge(record, mine) == fb.judge(record, mine)
    # Bearing a shipped policy's name does not make it that policy.
    assert one.judge(record, taken).policy == "drift (changed)"


def test_words_of_the_call_come_after_those_of_the_marker(tmp_path: Path) -> None:
    mark = pytest.mark.frugalbench("model=nowhere", policy="nothing").mark
    one = Certifier(tmp_path, mark)
    with pytest.raises(fb.UsageError, match="there is no policy 'nothing'"):
        one.certify("model=nhanes-mlp")
    with pytest.raises(fb.UsageError, match="there is no model 'nowhere'"):
        one.certify("policy=drift")
    with pytest.raises(fb.UsageError, match="there is no policy 'other'"):
        one.certify("model=nhanes-mlp", "policy=drift", policy="other")


def test_an_unmarked_option_keeps_its_name(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getoption("--frugalbench-results") is None
    assert pytestconfig.pluginmanager.hasplugin("frugalbench")
