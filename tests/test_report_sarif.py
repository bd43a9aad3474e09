"""SARIF 2.1.0 as code scanning takes it: a result for each rule not met, on the line of the rule.

The schema here is the part of the standard that is written, with everything else refused; the whole
one is not under a licence to copy.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from _build import FAILED, change
from _lab import hostile_record as hostile
from _records import HOSTILE, make_record
from test_report_junit import policy

from frugalbench import report
from frugalbench.anchors import Anchors, anchors
from frugalbench.certify import Rule, judge
from frugalbench.errors import MeasurementError
from frugalbench.gate import judged, refused
from frugalbench.report import annotations, sarif
from frugalbench.settings import config_folder, load_policy, options

LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}},
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "additionalProperties": False,
                    "properties": {
                        "uri": {"type": "string", "pattern": r"^(?!/)[A-Za-z0-9%._~/()+-]+$"},
                        "uriBaseId": {"const": "%SRCROOT%"},
                    },
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "additionalProperties": False,
                    "properties": {"startLine": {"type": "integer", "minimum": 1}},
                },
            },
        }
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "level", "message", "partialFingerprints"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "level": LEVEL,
        "message": TEXT,
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "properties": {"type": "object"},
        "locations": {"type": "array", "items": LOCATION, "minItems": 1, "maxItems": 100},
    },
}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "defaultConfiguration"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "shortDescription": TEXT,
        "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
    },
}
NOTIFICATION = {
    "type": "object",
    "required": ["message"],
    "additionalProperties": False,
    "properties": {"level": LEVEL, "message": TEXT},
}
RUN = {
    "type": "object",
    "required": ["tool", "results"],
    "additionalProperties": False,
    "properties": {
        "tool": {
            "type": "object",
            "required": ["driver"],
            "additionalProperties": False,
            "properties": {
                "driver": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {
                        "name": {"type": "string", "minLength": 1},
                        "version": {"type": "string"},
                        "rules": {"type": "array", "items": RULE},
                    },
                }
            },
        },
        "invocations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["executionSuccessful"],
                "additionalProperties": False,
                "properties": {
                    "executionSuccessful": {"type": "boolean"},
                    "exitCode": {"type": "integer"},
                    "toolExecutionNotifications": {"type": "array", "items": NOTIFICATION},
                },
            },
        },
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT, "maxItems": 5000},
        "properties": {"type": "object"},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": RUN, "maxItems": 20},
    },
}


def read(text: str) -> dict[str, Any]:
    built = json.loads(text)
    jsonschema.validate(built, SCHEMA)
    (run,) = built["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    known = set(ids)
    assert len(known) == len(ids)
    assert {one["ruleId"] for one in run["results"]} <= known
    found: dict[str, Any] = run
    return found


def test_what_did_not_pass_is_a_result_and_what_did_is_not() -> None:
    record = make_record()
    verdict = judge(record, policy())
    run = read(report.render("sarif", record, verdict))
    levels = {
        (one["ruleId"], one["message"]["text"].split(":")[0].rpartition(" ")[2]): one["level"]
        for one in run["results"]
    }
    for finding in verdict.findings:
        if finding.outcome == "PASS":
            assert not any(rule == finding.rule.id for rule, _ in levels)
        elif finding.rule.required:
            assert "error" in [
                level for (rule, _), level in levels.items() if rule == finding.rule.id
            ]
        else:
            wanted = "warning" if finding.outcome == "FAIL" else "note"
            assert levels[finding.rule.id, finding.address] == wanted


@pytest.mark.parametrize("name", options("policy"))
def test_each_rule_of_a_shipped_policy_is_found_on_its_line(name: str) -> None:
    where = anchors(name)
    assert where.file == f"configs/policy/{name}.yaml"
    lines = (config_folder() / "policy" / f"{name}.yaml").read_text().splitlines()
    for rule in load_policy(name).rules:
        assert re.search(rf"\bid: {re.escape(rule.id)}$", lines[where.lines[rule.id] - 1])


def test_a_result_stands_on_the_line_of_its_rule_in_a_file_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my policies"
    folder.mkdir()
    text = (
        "# mine\nname: mine\nversion: '1'\nrules:\n"
        "  - id: a\n    metric: latency.p90\n    unit: s\n    at_most: 100\n"
        "  - metric: memory.peak\n    unit: B\n    at_most: 1\n    id: b\n"
    )
    (folder / "p.yaml").write_text(text)
    name = "my policies/p.yaml"
    found = judged(make_record(), load_policy(name), anchors=anchors(name))
    (result,) = read(sarif.whole(found))["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20policies/p.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 9},
    }
    assert "::error file=my policies/p.yaml,line=9,title=FAIL b::" in annotations.whole(found)
    assert anchors(str(folder / "p.yaml")).file == name
    monkeypatch.chdir(folder)
    (tmp_path / "q.yaml").write_text(text)
    assert anchors(str(tmp_path / "q.yaml")).file == "q.yaml"


@pytest.mark.parametrize("text", ["", "[", "rules: 3", "rules: [3]", "a: &a [*a]", "\x00"])
def test_a_policy_that_cannot_be_read_has_no_lines(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    assert anchors(str(tmp_path / "p.yaml")).lines == {}
    assert anchors("no such policy").lines == {}


def test_a_fingerprint_stays_when_the_line_moves_and_differs_from_rule_to_rule() -> None:
    record = make_record()
    one = read(sarif.whole(judged(record, policy(), anchors=Anchors("p.yaml", {"small": 4}))))
    other = read(sarif.whole(judged(record, policy(), anchors=Anchors("p.yaml", {"small": 9}))))
    prints = [
        [r["partialFingerprints"]["frugalbench/v1"] for r in run["results"]] for run in (one, other)
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(prints[0])
    assert one["results"] != other["results"]


def test_an_error_is_a_result_and_a_notification() -> None:
    run = read(sarif.whole(refused(MeasurementError("it crashed"), Anchors("p.yaml"))))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (result,) = run["results"]
    assert (result["level"], result["message"]["text"]) == ("error", "it crashed")
    assert read(report.render("sarif", FAILED, None))["results"]


def test_no_more_results_than_are_kept_and_the_worst_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sarif.MOST_RESULTS == 5000
    monkeypatch.setattr(sarif, "MOST_RESULTS", 50)
    record = make_record()
    rules = tuple(
        Rule(id=f"r{i}", metric="memory.peak", unit="B", at_most=1, required=i % 2 == 1)
        for i in range(60)
    )
    run = read(sarif.whole(judged(record, change(policy(), rules=rules), anchors=Anchors())))
    assert len(run["results"]) == 50
    assert run["properties"] == {"leftOut": 10}
    assert [one["level"] for one in run["results"][:30]] == ["error"] * 30


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str) -> None:
    record = hostile(name)
    read(report.render("sarif", record, judge(record, policy(name))))


def test_a_name_makes_no_link() -> None:
    error = MeasurementError("see [here](http://evil.example)")
    assert "](" not in sarif.whole(refused(error, Anchors("p.yaml")))
