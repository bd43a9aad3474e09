"""The short of a certificate names failing rules in words, and counts what it does not name."""

from typing import Any

import pytest

from frugalbench.attest._page_brief import MOST, brief
from frugalbench.attest._page_claims import Claimed
from frugalbench.certify import Finding, Rule, Verdict
from frugalbench.report._view import rule_rows
from frugalbench.values import Missing, Value


def _claims(lang: Any, *findings: Finding) -> list[Claimed]:
    verdict = Verdict(
        record="r",
        policy="p",
        policy_version="1",
        policy_sha256="0",
        overall="FAIL",
        findings=findings,
    )
    return [Claimed(row, "", "", (), ()) for row in rule_rows(verdict, lang)]


def _finding(outcome: Any, measure: Value | Missing) -> Finding:
    rule = Rule(
        id="r", metric="quality.accuracy", unit="1", at_most=None, at_least=0.9, required=True
    )
    return Finding(
        rule=rule, address="quality.accuracy", measure=measure, outcome=outcome, explanation=""
    )


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_failing_rule_has_its_number_and_bound_and_the_rest_is_counted(lang: Any) -> None:
    value = Value(
        estimate=0.625, unit="1", low=0.5, high=0.7, n=80, method="counted", interval="wilson"
    )
    left = [_finding("NOT_EVALUATED", Missing(reason="no_data"))] * (MOST + 3)
    told, listed = brief(_claims(lang, _finding("FAIL", value), *left), lang)
    assert f"{MOST + 3}" in told[0]
    assert len(listed) == 1 + MOST + 1
    point = "," if lang == "fr" else "."
    assert f"0{point}6" in listed[0]
    assert f"0{point}9" in listed[0]
    assert "≥" not in listed[0]
    assert " 3 " in listed[-1]
