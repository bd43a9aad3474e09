"""JUnit XML: one test case for each finding, so that every pipeline's test tab shows a verdict.

Pipelines take a skipped test for green, so a required rule that is inconclusive or was not
evaluated is a failure of that type; only advice is skipped. What could not be measured is an error.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

from frugalbench.certify import Verdict
from frugalbench.record import Record
from frugalbench.report._format import Lang, clean
from frugalbench.report._gated import Case, Gated, cases

__all__ = ["render", "whole"]

MAX_TEXT = 1000


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The verdict as JUnit XML; `lang` changes nothing. Without one, a test case that says so."""
    return whole(judged(record, verdict))


def judged(record: Record, verdict: Verdict | None) -> Gated:
    """A record and its verdict as what a gate tells, where there was no gate."""
    error = ""
    if record.failure is not None:
        error = f"the measurement did not finish: {record.failure.detail or record.failure.kind}"
    elif verdict is None:
        error = "no policy was applied: add --policy"
    return Gated(record=record, verdict=verdict, error=error)


def whole(gated: Gated) -> str:
    """Everything a gate found as JUnit XML.

    `time` is that of the measuring, on the suite, and absent where nothing was measured now.
    """
    found = cases(gated)
    failures = sum(one.required and one.outcome != "PASS" for one in found)
    skipped = sum(not one.required and one.outcome != "PASS" for one in found)
    errors = int(bool(gated.why))
    counts = {
        "tests": str(len(found) + errors),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": str(skipped),
    }
    if gated.seconds is not None:
        counts["time"] = f"{gated.seconds:.3f}"
    suite = {"name": _suite_name(gated), **counts}
    if gated.record is not None:
        suite["timestamp"] = clean(gated.record.created).removesuffix("Z")
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(_open("testsuites", {"name": "frugalbench", **counts}))
    lines.append(_open("testsuite", suite))
    lines += _properties(_about(gated))
    if gated.why:
        lines += _error(gated)
    for one in found:
        lines += _case(one)
    lines += ["</testsuite>", "</testsuites>"]
    return "\n".join(lines) + "\n"


def _suite_name(gated: Gated) -> str:
    if gated.verdict is None:
        return "frugalbench"
    return f"frugalbench: {gated.verdict.policy} {gated.verdict.policy_version}"


def _about(gated: Gated) -> Iterable[tuple[str, str]]:
    if gated.record is not None:
        yield "record", gated.record.id
        yield "model", gated.record.model.name
        yield "model_sha256", gated.record.model.sha256
    if gated.verdict is not None:
        yield "policy", gated.verdict.policy
        yield "policy_sha256", gated.verdict.policy_sha256
        yield "verdict", gated.verdict.overall
    if gated.regressions is not None:
        yield "baseline", gated.regressions.baseline


def _error(gated: Gated) -> Iterable[str]:
    kind = "usage" if gated.error_code == 2 else "measurement"
    yield _open("testcase", {"classname": "gate", "name": "measurement"})
    yield _open("error", {"message": gated.why, "type": kind}, closed=True)
    yield "</testcase>"


def _case(one: Case) -> Iterable[str]:
    yield _open("testcase", {"classname": one.family, "name": f"{one.id} {one.address}"})
    yield from _properties(one.facts)
    if one.outcome != "PASS":
        about = {"message": one.told, "type": one.outcome.lower()}
        yield _open("failure" if one.required else "skipped", about, closed=True)
    yield "</testcase>"


def _properties(facts: Iterable[tuple[str, str]]) -> Iterable[str]:
    found = [_open("property", {"name": k, "value": v}, closed=True) for k, v in facts]
    return ["<properties>", *found, "</properties>"] if found else []


def _open(tag: str, attributes: dict[str, str], *, closed: bool = False) -> str:
    # XML has no way at all to write a control character or a lone surrogate: they go.
    written = "".join(
        f' {key}="{escape(clean(value, MAX_TEXT), {chr(34): "&quot;"})}"'
        for key, value in attributes.items()
    )
    return f"<{tag}{written}{'/' if closed else ''}>"
