"""JUnit as pipelines read it: what is not a pass is not green, and no name breaks the XML."""

from xml.etree import ElementTree

import msgspec
import pytest
from _build import FAILED, change, from_table, labels
from _lab import hostile_record as hostile
from _lab import lab_policy
from _records import HOSTILE, make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from frugalbench import report
from frugalbench.anchors import Anchors
from frugalbench.certify import Policy, Rule, judge
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.gate import Gated, judged, refused
from frugalbench.report import junit


def policy(name: str = "lab") -> Policy:
    return lab_policy(name, right=0.85, parity=0.01)


def read(text: str) -> JUnitXml:
    return JUnitXml.fromstring(text.encode())


def test_each_finding_is_a_case_with_its_family_its_numbers_and_its_outcome() -> None:
    record = make_record()
    verdict = judge(record, policy())
    (suite,) = read(report.render("junit", record, verdict))
    cases = {case.name: case for case in suite}
    assert len(cases) == len(verdict.findings) == suite.tests
    for finding in verdict.findings:
        case = cases[f"{finding.rule.id} {finding.address}"]
        assert case.classname == finding.rule.metric.partition(".")[0]
        held = case._elem.iter("property")  # the parser shows those of suites only
        facts = {one.attrib["name"]: one.attrib["value"] for one in held}
        assert facts["outcome"] == finding.outcome
        if isinstance(finding.measure, msgspec.Struct) and "estimate" in facts:
            assert float(facts["estimate"]) == finding.measure.estimate  # type: ignore[union-attr]
        assert case.time is None
        if finding.outcome == "PASS":
            assert not case.result
            continue
        (result,) = case.result
        assert isinstance(result, Failure if finding.rule.required else Skipped)
        assert result.type == finding.outcome.lower()
        assert result.message


def test_the_counts_are_those_of_the_elements() -> None:
    record = make_record()
    xml = read(report.render("junit", record, judge(record, policy())))
    told = (xml.tests, xml.failures, xml.skipped, xml.errors)
    xml.update_statistics()
    assert (xml.tests, xml.failures, xml.skipped, xml.errors) == told
    assert told[1] >= 2


@pytest.mark.parametrize("outcome", ["INCONCLUSIVE", "NOT_EVALUATED"])
def test_not_enough_evidence_is_a_failure_and_not_a_skipped_test(outcome: str) -> None:
    record = labels([0, 1] * 20, [0, 1] * 20)
    asked = {
        "INCONCLUSIVE": Rule(id="r", metric="quality.accuracy", unit="1", at_least=0.95),
        "NOT_EVALUATED": Rule(
            id="r", metric="robustness.accuracy_retained_min", unit="1", at_least=0.5
        ),
    }[outcome]
    verdict = judge(record, change(policy(), rules=(asked,)))
    (suite,) = read(report.render("junit", record, verdict))
    (case,) = suite
    (result,) = case.result
    assert isinstance(result, Failure)
    assert result.type == outcome.lower()
    advice = judge(record, change(policy(), rules=(change(asked, required=False),)))
    (suite,) = read(report.render("junit", record, advice))
    assert isinstance(next(iter(suite)).result[0], Skipped)
    # A policy that requires nothing certifies nothing, and a pipeline sees that too.
    assert suite.failures == 1


@pytest.mark.parametrize("error", [UsageError("no such file"), MeasurementError("it crashed")])
def test_what_could_not_be_judged_is_an_error(error: UsageError | MeasurementError) -> None:
    (suite,) = read(junit.whole(refused(error, Anchors())))
    (case,) = suite
    (result,) = case.result
    assert isinstance(result, Error)
    assert (result.message, suite.errors) == (str(error), 1)


def test_nothing_at_all_is_an_error_too() -> None:
    (suite,) = read(junit.whole(Gated()))
    assert (suite.errors, Gated().exit_code, Gated().word) == (1, 4, "ERROR")


def test_a_record_that_nothing_judged_is_an_error_and_so_is_a_failed_one() -> None:
    for record in (make_record(), FAILED):
        (suite,) = read(report.render("junit", record, None))
        assert suite.errors == 1


def test_the_time_is_that_of_the_measuring_or_absent() -> None:
    record = make_record()
    found = judged(record, policy(), anchors=Anchors(), seconds=12.5)
    assert read(junit.whole(found)).time == 12.5
    assert "time=" not in junit.whole(judged(record, policy(), anchors=Anchors()))


def test_a_regression_is_a_failure_and_what_is_unclear_is_not() -> None:
    before = from_table((900, 100, 100, 900))
    after = from_table((700, 300, 300, 700))
    rules = (Rule(id="r", metric="quality.accuracy", unit="1", at_least=0.6),)
    asked = change(policy(), rules=rules)
    found = judged(after, asked, anchors=Anchors(), baseline=before)
    assert found.exit_code == 1
    assert found.verdict is not None
    assert found.verdict.exit_code == 0
    (suite,) = read(junit.whole(found))
    regressed = [case for case in suite if case.name.endswith(" drift.accuracy_drop")]
    assert [case.result[0].type for case in regressed] == ["fail"]
    assert "p = " in regressed[0].result[0].message


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_leaves_the_xml_whole(name: str) -> None:
    record = hostile(name)
    text = report.render("junit", record, judge(record, policy(name)))
    root = ElementTree.fromstring(text.encode())
    calm = hostile("calm")
    plain = ElementTree.fromstring(
        report.render("junit", calm, judge(calm, policy("calm"))).encode()
    )
    assert [one.tag for one in root.iter()] == [one.tag for one in plain.iter()] or not name


def _any_name_survives(name: str) -> None:
    name = f"E {name}"
    found = Gated(error=name)
    root = ElementTree.fromstring(junit.whole(found).encode())
    (element,) = root.iter("error")
    kept = element.attrib["message"]
    assert kept
    assert kept == " ".join(kept.split())


@given(st.text(alphabet=st.characters(), max_size=60))
@settings(max_examples=100)
def test_any_text_is_written_as_xml(name: str) -> None:
    _any_name_survives(name)


@pytest.mark.slow
@given(st.text(alphabet=st.characters(), max_size=300))
@settings(max_examples=3000)
def test_any_text_is_written_as_xml_long(name: str) -> None:
    _any_name_survives(name)
