"""Whatever a second gate ends with, no report it was asked for holds what the first one found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _build import FAILED, change, from_table
from _certified import say as run

from frugalbench import gate, store
from frugalbench.record import Record

KINDS = ("junit", "sarif", "summary", "markdown", "json")
POLICY = """\
name: mine
version: "1"
missing_groups: include
rules:
  - {id: right, metric: quality.accuracy, unit: "1", at_least: 0.8}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy and two records, outside any GitHub job, as the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in (gate.ACTIONS, gate.STEP_SUMMARY):
        monkeypatch.delenv(name, raising=False)
    Path("mine.yaml").write_text(POLICY)
    kept(from_table((95, 5, 5, 95), (95, 5, 5, 95)), "good")
    kept(FAILED, "failed")
    return tmp_path


def kept(record: Record, name: str) -> Path:
    return store.save(change(record, id=name), Path())


def green(*places: str) -> dict[str, bytes]:
    """Run a gate that passes, with every report; returns what each file holds."""
    files = places or tuple(f"{kind}.out" for kind in KINDS)
    words = [f"--{kind}={file}" for kind, file in zip(KINDS, files, strict=False)]
    assert run("gate", "good", "--policy=mine.yaml", "--quiet", *words).exit_code == 0
    return {file: Path(file).read_bytes() for file in files}


def said(file: str) -> str:
    return Path(file).read_text() if Path(file).exists() else ""


def nothing_old(before: dict[str, bytes], code: int) -> None:
    """Every report is gone or says that nothing was judged, and with which code."""
    for file, held in before.items():
        assert not Path(file).exists() or Path(file).read_bytes() != held, file
        assert not Path(file).exists() or "PASS" not in said(file), file
    if text := said("junit.out"):
        assert "<error" in text
        assert 'errors="1"' in text
    if text := said("sarif.out"):
        (one,) = json.loads(text)["runs"][0]["invocations"]
        assert (one["exitCode"], one["executionSuccessful"]) == (code, False)


ALL = [f"--{kind}={kind}.out" for kind in KINDS]
APART = [word for kind in KINDS for word in (f"--{kind}", f"{kind}.out")]
WRONG: dict[str, tuple[int, list[str]]] = {
    "no such option": (2, ["good", "--nosuch=1", *ALL]),
    "an option of another command": (2, ["good", "--sign", "key", *ALL]),
    "an option without its value": (2, ["good", *ALL, "--policy"]),
    "a flag with a value": (2, ["good", "--quiet=yes", *ALL]),
    "an empty policy": (2, ["good", "--policy", "", *APART]),
    "an empty policy, joined": (2, ["good", "--policy=", *APART]),
    "a policy that takes the next option": (2, ["good", "--policy", *APART]),
    "a policy that takes the next option, joined": (2, ["good", "--policy", *ALL]),
    "an empty baseline": (2, ["good", "--baseline", "", *ALL]),
    "a smallest change that takes the next option": (2, ["good", "--smallest", *ALL]),
    "a report given twice": (2, ["good", "--policy=mine.yaml", *ALL, "--junit=junit.out"]),
    "a report given twice in two places": (2, ["good", *ALL, "--sarif=other.out"]),
    "reports after --": (2, ["good", "--policy=mine.yaml", "--", *ALL]),
    "no such policy": (2, ["good", "--policy=no-such", *ALL]),
    "no such record": (2, ["nowhere", *ALL]),
    "a name too long": (2, ["x" * 5000, *ALL]),
    "no such baseline": (2, ["good", "--baseline=nowhere", *ALL]),
    "no such reference": (2, ["good", "--reference=nowhere", *ALL]),
    "settings beside a record": (2, ["good", "plan=quick", *ALL]),
    "a smallest change of nothing": (2, ["good", "--smallest=latency=0.1", *ALL]),
    "no such setting": (2, ["model.nosuch=1", *ALL]),
    "several models": (2, ["-m", "model=a,b", *ALL]),
    "a question about settings": (2, ["--cfg", "job", *ALL]),
    "help": (0, ["--help", *ALL]),
    "help after all": (0, ["good", *APART, "-h"]),
    "a failed measurement": (4, ["failed", *ALL]),
    "a failed baseline": (4, ["good", "--baseline=failed", *ALL]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_second_gate_that_ends_in_an_error_leaves_no_report_of_the_first(name: str) -> None:
    code, words = WRONG[name]
    before = green()
    result = run("gate", *words)
    assert result.exit_code == code, result.output
    nothing_old(before, code or 2)
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("share", "code"), [(50, 1), (80, 3)])
def test_a_second_gate_that_judges_otherwise_replaces_every_report(share: int, code: int) -> None:
    before = green()
    rest = 100 - share
    kept(from_table((share, rest, rest, share), (share, rest, rest, share)), "other")
    assert run("gate", "other", "--policy=mine.yaml", "--quiet", *ALL).exit_code == code
    for file, held in before.items():
        assert Path(file).read_bytes() != held


def broken(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


def stopped(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("ending", "code"), [(broken, 4), (stopped, 130)])
def test_a_second_gate_that_is_cut_short_leaves_no_report_of_the_first(
    ending: Callable[..., None], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = green()
    monkeypatch.setattr(gate, "judged", ending)
    assert run("gate", "good", "--policy=mine.yaml", *ALL).exit_code == code
    nothing_old(before, 4)


@pytest.mark.parametrize("again", ["same.out", "./same.out"])
def test_two_reports_in_one_place_leave_nothing_old_in_any(again: str) -> None:
    before = green("same.out", "sarif.out", "summary.out", "markdown.out", "json.out")
    words = ["--junit=same.out", f"--sarif={again}", *ALL[2:]]
    result = run("gate", "good", "--policy=mine.yaml", *words)
    assert result.exit_code == 2
    assert "name one file" in result.stderr
    # This command line does not name it.
    del before["sarif.out"]
    Path("sarif.out").unlink()
    nothing_old(before, 2)
    assert "<error" in said("same.out")


def test_reports_beside_a_record_are_written_and_the_record_never_is() -> None:
    places = [f"good/{kind}.out" for kind in KINDS]
    before = green(*places)
    held = [Path("good", name).read_bytes() for name in (store.RECORD, store.ARRAYS)]
    words = ["good", "--policy=mine.yaml", f"--junit={places[0]}"]
    for other in ("good/record.json", "./good/../good/arrays.npz"):
        result = run("gate", *words, f"--sarif={other}")
        assert result.exit_code == 2
        assert "choose another file" in result.stderr
        nothing_old({places[0]: before[places[0]]}, 2)
    assert held == [Path("good", name).read_bytes() for name in (store.RECORD, store.ARRAYS)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mistake", [[], ["--nosuch"], ["--policy"]])
@pytest.mark.parametrize("target", ["mine.yaml", "good/record.json", "model.onnx"])
def test_no_mistake_makes_a_report_replace_what_the_command_line_reads(
    kind: str, mistake: list[str], target: str
) -> None:
    Path("model.onnx").write_bytes(b"weights")
    held = Path(target).read_bytes()
    words = ["model=./model.onnx", "--baseline=good", "--policy=mine.yaml", f"--{kind}={target}"]
    assert run("gate", *words, *mistake).exit_code == 2
    assert Path(target).read_bytes() == held


def test_options_that_cannot_be_read_are_told_to_a_github_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(gate.STEP_SUMMARY, "step.md")
    monkeypatch.setenv(gate.ACTIONS, "true")
    result = run("gate", "good", "--policy", "--junit=junit.out")
    assert "--policy has no value" in said("step.md")
    assert "::error" in result.stdout
