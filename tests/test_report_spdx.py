"""The SPDX document is read, and written again, by the model's own bindings."""

import io
import json
import re
from typing import Any

import msgspec
import pytest
from _records import HOSTILE, make_record
from spdx_python_model import v3_0_1 as spdx

from frugalbench import report
from frugalbench.certify import Policy, Rule, Verdict, judge
from frugalbench.errors import UsageError
from frugalbench.metrics import energy
from frugalbench.record import Failure, Record
from frugalbench.values import Value


def policy(name: str = "lab") -> Policy:
    rule = Rule(id="right", metric="quality.accuracy", unit="1", at_least=0.5)
    return Policy(name=name, version="3", rules=(rule,))


def graph(record: Record, verdict: Verdict | None) -> dict[str, dict[str, Any]]:
    """The elements by type, once the bindings have read them and found every field they ask for."""
    return read(report.render("spdx", record, verdict))


def read(text: str) -> dict[str, dict[str, Any]]:
    held = spdx.SHACLObjectSet()
    spdx.JSONLDDeserializer().read(io.BytesIO(text.encode()), held)
    assert not held.link()
    again = io.BytesIO()
    # Writing refuses a field that lacks or has too many values.
    spdx.JSONLDSerializer().write(held, again)
    built = json.loads(text)["@graph"]
    written = json.loads(again.getvalue())["@graph"]
    assert {one["type"] for one in built} == {one["type"] for one in written}
    return {one["type"]: one for one in built}


def test_the_energy_of_an_inference_and_the_digest_are_those_of_the_record() -> None:
    record = make_record(method="hardware_counter")
    found = graph(record, judge(record, policy()))
    model = found["ai_AIPackage"]
    (use,) = model["ai_energyConsumption"]["ai_inferenceEnergyConsumption"]
    joules = energy.per_inference(record)
    assert isinstance(joules, Value)
    assert use["ai_energyUnit"] == "kilowattHour"
    assert float(use["ai_energyQuantity"]) * 3.6e6 == pytest.approx(joules.estimate)
    assert re.fullmatch(r"0\.\d+", use["ai_energyQuantity"])
    assert model["verifiedUsing"][0]["hashValue"] == "a" * 64
    metrics = {one["key"]: one["value"] for one in model["ai_metric"]}
    right = (record.arrays["y_true"] == record.arrays["y_pred"]).mean()
    assert float(metrics["quality.accuracy"]) == pytest.approx(right)
    assert float(metrics["quality.accuracy/low"]) < right < float(metrics["quality.accuracy/high"])
    assert metrics["latency.p90/method"] == "timer"
    assert "latency.p90 (s)" in metrics
    assert "not a product certification" in model["ai_limitation"]
    assert "PASS by policy lab 3" in model["comment"]
    tested = found["Relationship"]
    assert tested["from"] == model["spdxId"]
    assert tested["to"] == [found["dataset_DatasetPackage"]["spdxId"]]


def test_what_is_not_known_is_not_said() -> None:
    model = graph(make_record(method="pretend"), None)["ai_AIPackage"]
    assert "ai_energyConsumption" not in model
    assert not {"ai_safetyRiskAssessment", "suppliedBy", "releaseTime"} & model.keys()
    whole = graph(make_record(method="pretend"), None)["SpdxDocument"]
    assert whole["profileConformance"] == ["core", "software"]
    assert "dataset_DatasetPackage" not in graph(make_record(data=False), None)
    failed = graph(make_record(failure=Failure(kind="crash", detail="signal 11")), None)
    keys = {one["key"] for one in failed["ai_AIPackage"]["ai_metric"]}
    assert not any(key.startswith(("latency", "quality", "energy")) for key in keys)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_words(name: str) -> None:
    groups = {f"c{name}": (f"a{name}", f"b{name}")}
    record = make_record(name=name, groups=groups, notes=(name,), rows=60, calls=50)
    named = name.encode("utf-8", "replace").decode()
    text = json.dumps(graph(record, judge(record, policy(named))), ensure_ascii=False)
    assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)


def test_the_same_record_and_verdict_give_the_same_bytes() -> None:
    record = make_record()
    once = report.render("spdx", record, judge(record, policy()))
    assert once == report.render("spdx", make_record(), judge(make_record(), policy()), lang="fr")


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ('"created": "', '"created_at": "'),
        ('"ai_energyUnit": "kilowattHour"', '"ai_energyUnit": "joule"'),
        ('"hashValue"', '"hash"'),
        ('"software_primaryPurpose": "model"', '"software_primaryPurpose": "brain"'),
    ],
)
def test_the_bindings_refuse_a_document_that_is_wrong(field: str, other: str) -> None:
    text = report.render("spdx", make_record(method="hardware_counter"), None)
    read(text)
    assert field in text
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        read(text.replace(field, other))


def test_a_record_without_a_date_is_refused_in_one_line() -> None:
    record = msgspec.structs.replace(make_record(), created="yesterday")
    with pytest.raises(UsageError, match="no time"):
        report.render("spdx", record, None)
