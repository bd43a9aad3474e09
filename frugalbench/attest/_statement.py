"""in-toto Statements v1: ours, and the two vetted ones that follow from it.

Sources: https://github.com/in-toto/attestation, `spec/v1/statement.md`,
`spec/predicates/test-result.md` (v0.1) and `spec/predicates/svr.md` (v0.2).
"""

import re
from collections import defaultdict
from typing import Any

import msgspec

from frugalbench.attest._predicate import EVALUATION, Evaluation, Measured
from frugalbench.certify import Outcome

__all__ = ["STATEMENT", "SVR", "TEST_RESULT", "Statement", "derived", "statement", "subject_of"]

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SVR = "https://in-toto.io/attestation/svr/v0.2"

ENDINGS: dict[Outcome, str] = {
    "FAIL": "",
    "INCONCLUSIVE": "#inconclusive",
    "NOT_EVALUATED": "#not_evaluated",
}
"""What a test's name ends with among the failed ones: a warning would be read as a pass."""

Subject = tuple[dict[str, Any], ...]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A predicate about subjects, which are known by their digests alone."""

    type: str = msgspec.field(name="_type")
    subject: tuple[dict[str, Any], ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: dict[str, Any]


def subject_of(model: Measured) -> Subject:
    """The subjects of a model: its file, and the root digest where it has several."""
    files = model.files or (None,)
    first = files[0]
    digest = model.digest if first is None or model.root is None else first.digest
    found: list[dict[str, Any]] = [{"name": model.name, "digest": dict(digest)}]
    if model.root is not None:
        found.append({"name": f"{model.name} with its weights", "digest": {"sha256": model.root}})
    return tuple(found)


def statement(evaluation: Evaluation) -> Statement:
    """The statement of a certificate."""
    return _about(evaluation, EVALUATION, msgspec.to_builtins(evaluation))


def derived(evaluation: Evaluation) -> tuple[Statement, ...]:
    """The statements that say less, for programs that know in-toto's vetted predicates only."""
    return (
        _about(evaluation, TEST_RESULT, _test_result(evaluation)),
        _about(evaluation, SVR, _svr(evaluation)),
    )


def _about(evaluation: Evaluation, kind: str, predicate: dict[str, Any]) -> Statement:
    return Statement(
        type=STATEMENT,
        subject=subject_of(evaluation.model),
        predicate_type=kind,
        predicate=predicate,
    )


def _test_result(evaluation: Evaluation) -> dict[str, Any]:
    """Required rules only: readers take a failed test for a refusal, and advisory ones are none."""
    required = [one for one in evaluation.claims if one.required]
    return {
        "result": "PASSED" if evaluation.verdict == "PASS" else "FAILED",
        "configuration": [_policy(evaluation)],
        "passedTests": [one.id for one in required if one.verdict == "PASS"],
        "warnedTests": [],
        "failedTests": [one.id + ENDINGS[one.verdict] for one in required if one.verdict != "PASS"],
    }


def _svr(evaluation: Evaluation) -> dict[str, Any]:
    """What passes, rule by rule; a rule over several groups only where it passes for all."""
    passed: dict[str, bool] = defaultdict(lambda: True)
    for claim in evaluation.claims:
        passed[_property(evaluation, claim.rule)] &= claim.verdict == "PASS"
    # A rule could be named like the whole.
    passed[_property(evaluation)] &= evaluation.verdict == "PASS"
    return {
        "verifier": {"id": evaluation.verifier.id, "policies": [_policy(evaluation)]},
        "timeCreated": evaluation.issued_at,
        "properties": sorted(name for name, holds in passed.items() if holds),
    }


def _property(evaluation: Evaluation, *parts: str) -> str:
    policy = evaluation.policy
    words = ("frugalbench", policy.name, f"v{policy.version}", *parts)
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper()).strip("_")


def _policy(evaluation: Evaluation) -> dict[str, Any]:
    return {"name": evaluation.policy.name, "digest": dict(evaluation.policy.digest)}
