"""SARIF 2.1.0 (OASIS, 2020): what did not pass, on the line of the policy that asked for it.

A model has no source line; the rule it does not meet has one. Code scanning shows each result
there, and follows it from run to run by its fingerprint.
"""

import hashlib
from typing import Any
from urllib.parse import quote

import msgspec

from frugalbench.certify import Verdict
from frugalbench.record import Record
from frugalbench.report._format import Lang, clean
from frugalbench.report._gated import Case, Gated, cases, level, worst_first
from frugalbench.report.junit import judged

__all__ = ["render", "whole"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5000
"""What GitHub keeps of one run."""
NOT_MEASURED = "gate-not-finished"


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """What did not pass as SARIF; `lang` changes nothing. Only a gate knows the policy's lines."""
    return whole(judged(record, verdict))


def whole(gated: Gated) -> str:
    """Everything a gate found that is no pass, the worst first, as SARIF."""
    found = [one for one in worst_first(cases(gated)) if level(one) is not None]
    results = [_result(one, gated) for one in found[:MOST_RESULTS]]
    if gated.why:
        results.insert(0, _unfinished(gated))
    run: dict[str, Any] = {
        "tool": {"driver": _driver(gated, found)},
        "invocations": [_invocation(gated)],
        "columnKind": "unicodeCodePoints",
        "results": results[:MOST_RESULTS],
    }
    if len(found) > MOST_RESULTS:
        run["properties"] = {"leftOut": len(found) - MOST_RESULTS}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _driver(gated: Gated, found: list[Case]) -> dict[str, Any]:
    rules: dict[str, dict[str, Any]] = {}
    if gated.why:
        rules[NOT_MEASURED] = _rule(NOT_MEASURED, "The gate could not judge", "error")
    for one in found:
        rules.setdefault(one.id, _rule(one.id, one.title, level(one) or "none"))
    driver: dict[str, Any] = {"name": "frugalbench", "rules": list(rules.values())}
    if gated.record is not None and (version := clean(gated.record.version)):
        driver["version"] = version
    return driver


def _rule(id: str, title: str, loud: str) -> dict[str, Any]:
    return {
        "id": id,
        "shortDescription": {"text": title or id},
        "defaultConfiguration": {"level": loud},
    }


def _invocation(gated: Gated) -> dict[str, Any]:
    done: dict[str, Any] = {
        "executionSuccessful": not gated.why,
        "exitCode": gated.exit_code,
    }
    if gated.why:
        message = _said(clean(gated.why, 1000))
        done["toolExecutionNotifications"] = [{"level": "error", "message": message}]
    return done


def _said(text: str) -> dict[str, str]:
    """A message. In SARIF `[words](address)` is a link, also in plain text: a name makes none."""
    return {"text": text.replace("](", "] (")}


def _result(one: Case, gated: Gated) -> dict[str, Any]:
    outcome = one.outcome.replace("_", " ")
    result: dict[str, Any] = {
        "ruleId": one.id,
        "level": level(one) or "none",
        "message": _said(f"{outcome} {one.address}: {one.told}"),
        "partialFingerprints": _fingerprints(one.id, one.address),
        "properties": dict(one.facts),
    }
    return result | _locations(gated, one.line)


def _unfinished(gated: Gated) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": NOT_MEASURED,
        "level": "error",
        "message": _said(clean(gated.why, 1000)),
        "partialFingerprints": _fingerprints(NOT_MEASURED, ""),
    }
    return result | _locations(gated, 1)


def _fingerprints(rule: str, address: str) -> dict[str, str]:
    """The same for the same rule and scope, wherever the rule stands in the file."""
    told = hashlib.sha256(f"{rule}\n{address}".encode()).hexdigest()[:32]
    return {"primaryLocationLineHash": f"{told[:16]}:1", "frugalbench/v1": told}


def _locations(gated: Gated, line: int) -> dict[str, Any]:
    if not gated.policy_file:
        return {}
    where = {
        "artifactLocation": {"uri": quote(gated.policy_file), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": line},
    }
    return {"locations": [{"physicalLocation": where}]}
