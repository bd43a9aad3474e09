"""The bill of materials is valid, says the same again, and shows nothing it should not."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from _records import HOSTILE, make_record
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugalbench import report
from frugalbench.certify import Policy, Rule, Verdict, judge
from frugalbench.metrics import energy
from frugalbench.record import Answered, Failure, Record
from frugalbench.report._disclosed import fixed, moment
from frugalbench.values import Missing, Value

VALIDATORS = {
    "1.6": JsonStrictValidator(SchemaVersion.V1_6),
    "1.7": JsonStrictValidator(SchemaVersion.V1_7),
}


def policy(name: str = "lab", **given: Any) -> Policy:
    rules = (
        Rule(id=f"fast{name}", metric="latency.p99", unit="s", at_most=0.001, why=name),
        Rule(id="small", metric="memory.peak", unit="B", at_most=2.0**20, speaks_to=(name,)),
        Rule(id="energy", metric="energy.per_inference", unit="J", at_most=0.01),
        Rule(
            id="groups",
            metric="fairness.accuracy_group_min",
            unit="1",
            at_least=0.8,
            required=False,
        ),
        Rule(id="drift", metric="drift.flips", unit="1", at_most=0.1, required=False),
    )
    return Policy(name=name, version="3", rules=rules, missing_groups="include", **given)


def bom(record: Record, verdict: Verdict | None) -> dict[str, Any]:
    """The document, once both versions of the schema accept it and every link in it holds."""
    text = report.render("cyclonedx", record, verdict)
    for version, validator in VALIDATORS.items():
        told = text.replace("bom-1.6", f"bom-{version}")
        told = told.replace('"specVersion": "1.6"', f'"specVersion": "{version}"')
        assert validator.validate_str(told) is None
    built: dict[str, Any] = json.loads(text)
    check_links(built)
    return built


def check_links(built: dict[str, Any]) -> None:
    """Names are given once, and what is pointed at is there."""
    names = list(found(built, "bom-ref"))
    assert len(names) == len(set(names))
    linked = {"ref", "target", "requirement", "assessor"}
    pointed = {one for key in linked for one in found(built, key)}
    for key in ("claims", "counterClaims", "evidence", "counterEvidence", "requirements"):
        for held in found(built, key):
            pointed |= {one for one in held if isinstance(one, str)}
    assert pointed <= set(names)


def found(built: Any, key: str) -> Iterator[Any]:
    if isinstance(built, dict):
        for name, one in built.items():
            if name == key:
                yield one
            yield from found(one, key)
    elif isinstance(built, list):
        for one in built:
            yield from found(one, key)


def metrics_of(built: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    card = built["metadata"]["component"]["modelCard"]
    rows = card.get("quantitativeAnalysis", {}).get("performanceMetrics", [])
    return {(row["type"], row.get("slice", "")): row for row in rows}


def use(built: dict[str, Any]) -> dict[str, Any]:
    card = built["metadata"]["component"]["modelCard"]
    (one,) = card["considerations"]["environmentalConsiderations"]["energyConsumptions"]
    assert isinstance(one, dict)
    return one


def told(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["name"].removeprefix("frugalbench:"): row["value"] for row in rows}


def test_numbers_are_those_of_the_record() -> None:
    record = make_record(method="hardware_counter")
    built = bom(record, judge(record, policy()))
    joules = energy.per_inference(record)
    assert isinstance(joules, Value)
    cost = use(built)
    assert cost["activity"] == "inference"
    assert cost["activityEnergyCost"]["value"] * 3.6e6 == pytest.approx(joules.estimate)
    grams = joules.estimate / 3.6e6 * 1.2 * 21.7
    assert cost["co2CostEquivalent"]["value"] * 1e6 == pytest.approx(grams)
    around = told(cost["properties"])
    assert around["pue"] == "1.2"
    assert around["carbon_intensity_g_per_kwh"] == "21.7"
    assert around["energy_method"] == "hardware_counter"
    women = metrics_of(built)["fairness.accuracy", "sex=Female"]
    sex, right = record.arrays["group:sex"] == 0, record.arrays["y_true"] == record.arrays["y_pred"]
    assert float(women["value"]) == pytest.approx(right[sex].mean())
    ends = women["confidenceInterval"]
    assert float(ends["lowerBound"]) < float(women["value"]) < float(ends["upperBound"])
    component = built["metadata"]["component"]
    assert component["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


def test_findings_are_claims_with_evidence_or_counter_evidence() -> None:
    record = make_record(method="hardware_counter")
    verdict = judge(record, policy(validity_days=31))
    built = bom(record, verdict)
    (attestation,) = built["declarations"]["attestations"]
    outcomes = [one.outcome for one in verdict.findings]
    assert {"PASS", "FAIL", "NOT_EVALUATED"} <= set(outcomes)
    assert len(attestation["map"]) == len(outcomes)
    for row, outcome in zip(attestation["map"], outcomes, strict=True):
        assert row["conformance"]["score"] == (1 if outcome == "PASS" else 0)
        assert ("claims" in row) == (outcome == "PASS")
        assert ("counterClaims" in row) == (outcome == "FAIL")
    assert [row["confidence"]["score"] for row in attestation["map"][:3]] == [0.95] * 3
    assert "confidence" not in attestation["map"][-1]
    claims = built["declarations"]["claims"]
    assert sum("counterEvidence" in one for one in claims) == outcomes.count("FAIL")
    evidence = built["declarations"]["evidence"]
    assert {one["created"] for one in evidence} == {"2026-03-01T10:00:00Z"}
    assert {one["expires"] for one in evidence} == {"2026-04-01T10:00:00Z"}
    assert "affirmation" not in built["declarations"]
    (standard,) = built["definitions"]["standards"]
    assert [one["identifier"] for one in standard["requirements"]][:2] == ["fastlab", "small"]
    assert standard["requirements"][1]["text"] == "memory.peak ≤ 1048576 B"


RECORDS: dict[str, dict[str, Any]] = {
    "whole": {},
    "crashed": {"failure": Failure(kind="crash", detail="signal 11")},
    "no data": {"data": False},
    "no site": {"site": False},
    "one call": {"calls": 1},
    "pretend": {"method": "pretend"},
    "empty group": {"groups": {"sex": ("F", "M", "X", "Y")}, "rows": 3},
}


@pytest.mark.parametrize("kind", RECORDS)
def test_every_kind_of_record_gives_a_valid_document(kind: str) -> None:
    record = make_record(**({"rows": 60, "calls": 50} | RECORDS[kind]))
    bom(record, judge(record, policy()))
    built = bom(record, None)
    assert "declarations" not in built
    assert told(built["properties"])["verdict"] == "not judged"


def test_what_is_missing_is_absent_and_never_a_zero() -> None:
    record = make_record(site=False)
    built = bom(record, None)
    assert "co2CostEquivalent" not in use(built)
    assert "water_l" not in told(use(built)["properties"])
    card = built["metadata"]["component"]["modelCard"]
    why = json.loads(told(card["properties"])["measure:carbon.per_inference"])
    assert why["missing"] == "no_site"
    assert ("carbon.per_inference", "") not in metrics_of(built)


def test_a_pretend_meter_and_an_invalid_run_give_no_energy() -> None:
    pretend = bom(make_record(method="pretend"), None)
    card = pretend["metadata"]["component"]["modelCard"]
    assert "environmentalConsiderations" not in card["considerations"]
    assert ("energy.per_inference", "") not in metrics_of(pretend)
    record = make_record(method="hardware_counter")
    assert record.run is not None
    (process,) = record.run.processes
    unlike = Answered(compared=10, differing=3, tolerance="equal")
    process = msgspec.structs.replace(process, answered=unlike)
    run = msgspec.structs.replace(record.run, processes=(process,))
    built = bom(msgspec.structs.replace(record, run=run), None)
    assert told(built["properties"])["invalid"] == "answers_differ"
    assert {
        family for (family, _) in metrics_of(built) if family.startswith(("energy", "lat"))
    } == (set())


def test_a_number_that_rests_on_a_few_people_is_withheld_and_no_pass() -> None:
    groups = {"town": tuple(f"t{i}" for i in range(40)), "sex": ("F", "M")}
    record = make_record(groups=groups, rows=300)
    asked = policy(min_group=1)
    verdict = judge(record, asked)
    built = bom(record, verdict)
    rows = metrics_of(built)
    assert ("fairness.accuracy", "sex=F") in rows
    people = np.bincount(record.arrays["group:town"][record.arrays["group:town"] >= 0])
    assert 0 < (people < 10).sum() < people.size
    for town, n in enumerate(people):
        assert (("fairness.accuracy", f"town=t{town}") in rows) == (n >= 10)
    assert ("fairness.accuracy_group_min", "town") not in rows
    by_town = next(
        row
        for row in built["declarations"]["attestations"][0]["map"]
        if "[town]" in row["conformance"]["rationale"]
    )
    assert by_town["conformance"]["score"] == 0
    assert "confidence" not in by_town
    assert not re.search(r"\bt\d+\b", json.dumps(built["declarations"]))
    # A policy whose cell is one person withholds nothing.
    seen = metrics_of(bom(record, judge(record, policy(min_group=1, min_cell=1))))
    assert all(("fairness.accuracy", f"town=t{town}") in seen for town in range(people.size))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_words(name: str) -> None:
    groups = {f"c{name}": (f"a{name}", f"b{name}")}
    record = make_record(name=name, groups=groups, notes=(name,), rows=60, calls=50)
    named = name.encode("utf-8", "replace").decode()
    text = json.dumps(bom(record, judge(record, policy(named))), ensure_ascii=False)
    assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert "x" * 1001 not in text


def test_the_same_record_and_verdict_give_the_same_bytes_and_others_another_name() -> None:
    record = make_record()
    verdict = judge(record, policy())
    once = report.render("cyclonedx", record, verdict)
    assert once == report.render("cyclonedx", make_record(), judge(make_record(), policy()))
    assert once == report.render("cyclonedx", record, verdict, lang="fr")
    other = bom(record, judge(record, policy("other")))
    assert json.loads(once)["serialNumber"] != other["serialNumber"]
    assert json.loads(once)["serialNumber"] != bom(record, None)["serialNumber"]


@pytest.mark.parametrize("created", ["", "yesterday", "9999-12-31T23:00:00Z", "2026-03-01"])
def test_a_time_that_is_none_is_left_out(created: str) -> None:
    record = msgspec.structs.replace(make_record(), created=created)
    verdict = judge(record, policy())
    for one in bom(record, verdict)["declarations"]["evidence"]:
        assert ("created" in one) == (created[:1].isdigit())


def test_an_end_that_is_not_finite_is_left_out() -> None:
    record = make_record()
    verdict = judge(record, policy())
    open_ended = Value(
        estimate=1e-4, unit="s", low=0, high=math.inf, n=9, method="timer", interval="x"
    )
    first = msgspec.structs.replace(verdict.findings[0], measure=open_ended)
    built = bom(record, msgspec.structs.replace(verdict, findings=(first, *verdict.findings[1:])))
    (held,) = built["declarations"]["evidence"][0]["data"]
    seen = json.loads(held["contents"]["attachment"]["content"])
    assert seen["estimate"] == "0.0001"
    assert "high" not in seen


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_fixed_point_reads_back_and_has_no_exponent(x: float) -> None:
    text = fixed(x)
    assert "e" not in text.lower()
    assert float(text) == pytest.approx(x, rel=1e-11, abs=0)


@given(st.text())
def test_a_moment_is_a_time_or_nothing(text: str) -> None:
    assert moment(text, 365) is None or re.fullmatch(r"\d{4}-.+Z", moment(text, 365) or "")


def fuzzed(name: str, column: str, low: float, reason: str) -> None:
    record = make_record(name=name, groups={column: ("F", name)}, rows=60, calls=50)
    verdict = judge(record, policy())
    value = Value(
        estimate=low, unit=name, low=low, high=math.inf, n=60, method="timer", interval=name
    )
    measures = (value, Missing(reason=reason, detail=name))
    found = tuple(
        msgspec.structs.replace(one, measure=measure, explanation=name)
        for one, measure in zip(verdict.findings, measures, strict=False)
    )
    bom(record, msgspec.structs.replace(verdict, findings=found))


ANY = (st.text(max_size=40), st.text(max_size=20), st.floats(allow_nan=False), st.text(max_size=20))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(*ANY)
def test_any_words_and_numbers_give_a_valid_document(
    name: str, column: str, low: float, reason: str
) -> None:
    fuzzed(name, column, low, reason)


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(*ANY)
def test_thousands_of_words_and_numbers_give_valid_documents(
    name: str, column: str, low: float, reason: str
) -> None:
    fuzzed(name, column, low, reason)
