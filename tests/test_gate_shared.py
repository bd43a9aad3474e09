"""What a gate writes goes to others and shows no number of a few people; own reports do."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from _build import change, labels
from click.testing import CliRunner, Result

from frugalbench import gate, report, store
from frugalbench.cli import main
from frugalbench.record import Record
from frugalbench.report import json as json_report

POLICY = """\
name: mine
version: "1"
missing_groups: include
rules:
  - {id: right, metric: quality.accuracy, unit: "1", at_least: 0.5}
  - {id: worst, metric: fairness.accuracy_group_min, unit: "1", at_least: 0.99}
  - {id: apart, metric: fairness.accuracy_difference, unit: "1", at_most: 0.001}
"""
REPORTS = ("junit", "sarif", "summary", "markdown", "json")


def _people(few: int, wrong: int = 0) -> Record:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 600)
    answer = np.where(rng.random(600) < 0.9, truth, 1 - truth)
    answer[:wrong] = 1 - truth[:wrong]
    codes = np.r_[np.zeros(600 - few, int), np.ones(few, int)]
    return labels(truth, answer, {"sex": codes}, names={"sex": ["Many", "Zorblaxes"]})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, in a GitHub job without a summary file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(gate.STEP_SUMMARY, raising=False)
    monkeypatch.setenv(gate.ACTIONS, "true")
    Path("mine.yaml").write_text(POLICY)
    return tmp_path


def _say(few: int, *more: str) -> Result:
    folder = store.save(change(_people(few), id=f"few{few}"), "results")
    words = [f"--{kind}={kind}.out" for kind in REPORTS]
    return CliRunner().invoke(main, ["gate", str(folder), "--policy=mine.yaml", *words, *more])


def _written(result: Result) -> dict[str, str]:
    files = {kind: Path(f"{kind}.out").read_text() for kind in REPORTS}
    return files | {"annotations": "\n".join(x for x in result.output.splitlines() if "::" in x)}


def test_a_group_of_two_is_in_no_report_of_the_gate(here: Path) -> None:
    result = _say(2)
    assert result.exit_code == 1
    for kind, text in _written(result).items():
        assert "n=2" not in text, kind
        assert "2 rows" not in text, kind
        if kind != "json":  # It names the groups there are, and says nothing of how many.
            assert "Zorblaxes" not in text, kind
    built = json.loads(Path("json.out").read_text())
    jsonschema.validate(built, json_report.schema())
    hidden = [one for one in built["metrics"] if one["measure"].get("reason") == "small_cell"]
    assert {"fairness.accuracy[sex=Many]", "fairness.accuracy[sex=Zorblaxes]"} <= {
        one["address"] for one in hidden
    }
    assert not [one for one in built["metrics"] if one["measure"].get("n") in (2, 598)]
    assert not built["pairs"]
    told = {one["rule"]: one for one in built["verdict"]["findings"]}
    assert told["worst"]["measure"]["reason"] == "small_cell"
    assert told["worst"]["needed"] is None
    assert told["right"]["outcome"] == "PASS"


def test_a_large_group_is_named_in_all_of_them(here: Path) -> None:
    for kind, text in _written(_say(60)).items():
        assert "Zorblaxes" in text, kind


def test_the_verdict_is_as_the_judge_gave_it(here: Path) -> None:
    codes = {few: _say(few).exit_code for few in (2, 60)}
    certified = {
        few: CliRunner().invoke(main, ["certify", f"results/few{few}", "--policy=mine.yaml"])
        for few in codes
    }
    assert codes == {few: one.exit_code for few, one in certified.items()}


def test_the_reports_of_the_lab_show_every_group() -> None:
    record = _people(2)
    for kind in ("markdown", "html", "json"):
        assert "Zorblaxes" in report.render(kind, record, None), kind


def test_a_regression_of_a_few_people_is_told_without_its_size(here: Path) -> None:
    before, after = _people(2), _people(2, wrong=300)
    earlier = store.save(change(before, id="before"), "results")
    folder = store.save(change(after, id="after"), "results")
    words = [f"--{kind}={kind}.out" for kind in REPORTS]
    asked: list[Any] = ["gate", folder, "--baseline", earlier, "--policy=mine.yaml", *words]
    result = CliRunner().invoke(main, [str(one) for one in asked])
    assert result.exit_code == 1
    changes = json.loads(Path("json.out").read_text())["regressions"]["changes"]
    of_groups = [one for one in changes if "[sex]" in one["address"]]
    assert of_groups
    assert all(one["estimate"] is None and one["p"] is None for one in of_groups)
    drop = next(one for one in changes if one["address"] == "drift.accuracy_drop")
    assert drop["outcome"] == "REGRESSED"
    assert drop["estimate"] > 0.3
    assert "Zorblaxes" not in Path("junit.out").read_text()


def test_nothing_but_annotations_is_a_command_to_github(here: Path) -> None:
    hostile = {"a": "x\n::add-mask::FAIL", "b": "::stop-commands::tok", "c": "##[error]x"}
    record = labels(
        np.tile([0, 1], 90),
        np.tile([0, 1, 1], 60),
        {"sex": np.repeat(np.arange(3), 60)},
        names={"sex": list(hostile.values())},
    )
    folder = store.save(record, "results")
    output = CliRunner().invoke(main, ["gate", str(folder), "--policy=mine.yaml"]).output
    lines = output.splitlines()
    stop, token = lines[0].rpartition("::")[::2]
    assert stop == "::stop-commands"
    assert len(token) == 32
    heard = lines[lines.index(f"::{token}::") + 1 :]
    assert heard
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in heard)
    assert not any(f"::{token}::" in name for name in hostile.values())
