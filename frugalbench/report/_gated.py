"""What a gate found, one case for each rule and each comparison, before a format lays it out."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from frugalbench.certify import EXIT_CODES, SEVERITY, Finding, Outcome, Verdict
from frugalbench.record import Record
from frugalbench.regress import Change, Regressions
from frugalbench.report._disclosed import shared
from frugalbench.report._format import clean, plain
from frugalbench.report._shared import shared_changes
from frugalbench.report._view import RuleRow, rule_rows
from frugalbench.values import Value

__all__ = ["Case", "Gated", "Level", "cases", "change_in_words", "level", "worst_first"]

Level = Literal["error", "warning", "note"]
REGRESSION = "no-regression"
MAX_SENTENCE = 900
WORSE: tuple[int, ...] = (4, 2, 1, 3, 0)

OF_CHANGE: dict[str, tuple[Outcome, bool]] = {
    "REGRESSED": ("FAIL", True),
    "NOT_COMPARED": ("NOT_EVALUATED", True),
    "UNCLEAR": ("INCONCLUSIVE", False),
    "ABSENT": ("NOT_EVALUATED", False),
    "NOT_WORSE": ("PASS", False),
}
"""Each outcome of a comparison as one of a rule, and whether the gate stands or falls with it."""


@dataclass(frozen=True, slots=True)
class Gated:
    """Everything a gate has to tell. Without a verdict, `error` says why nothing was judged.

    `policy_file` is the policy's path as a pipeline knows it, `lines` the line of each rule in it,
    and `seconds` how long measuring took, where it was measured.
    """

    record: Record | None = None
    verdict: Verdict | None = None
    regressions: Regressions | None = None
    error: str = ""
    error_code: int = 4
    policy_file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    allow_uncompared: bool = False

    @property
    def why(self) -> str:
        """Why nothing was judged, on one line; empty where it was."""
        return self.error or ("nothing was judged" if self.verdict is None else "")

    @property
    def exit_code(self) -> int:
        """What the command returns: the worst of the verdict and the comparison."""
        if self.why or self.verdict is None:
            return self.error_code
        codes = [self.verdict.exit_code]
        if self.regressions is not None:
            codes.append(self.regressions.exit_code(allow_uncompared=self.allow_uncompared))
        return min(codes, key=WORSE.index)

    @property
    def word(self) -> str:
        """The gate's own word: ERROR, or an outcome."""
        if self.why:
            return "ERROR"
        held: list[Outcome] = [case.outcome for case in cases(self) if case.required]
        worst: Outcome = max(held, key=SEVERITY.index, default="NOT_EVALUATED")
        assert EXIT_CODES[worst] == self.exit_code, "the cases say what the exit code says"
        return worst.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Case:
    """One rule in one scope, or one comparison with the baseline.

    `told` is what was found on one line; `facts` are the numbers behind it, by name.
    """

    id: str
    address: str
    family: str
    title: str
    outcome: Outcome
    required: bool
    told: str
    facts: tuple[tuple[str, str], ...]
    line: int
    bound: str = ""
    number: str = ""


def cases(gated: Gated) -> tuple[Case, ...]:
    """The cases in the order of the policy, then of the comparison; none without a verdict.

    They leave the machine they were measured on, so they hold no number of a few people.
    """
    if gated.verdict is None:
        return ()
    found = [_of_rule(row, gated) for row in rule_rows(_verdict(gated), "en")]
    if not any(case.required for case in found):
        found.append(_said("policy", "no rule of the policy is required, so nothing is certified"))
    if gated.regressions is not None:
        changes = shared_changes(gated.record, gated.verdict, gated.regressions)
        found += [_of_change(one, gated) for one in changes.changes]
        if not any(one.estimate is not None for one in gated.regressions.changes):
            found.append(_said(REGRESSION, "nothing of the baseline could be compared"))
    return tuple(found)


def _verdict(gated: Gated) -> Verdict:
    assert gated.verdict is not None, "there is a verdict to tell of"
    return gated.verdict if gated.record is None else shared(gated.record, gated.verdict)


def worst_first(found: tuple[Case, ...]) -> list[Case]:
    """The cases that block first, then by outcome, each in its own order."""
    return sorted(
        found,
        key=lambda one: (
            not (one.required and one.outcome != "PASS"),
            -SEVERITY.index(one.outcome),
        ),
    )


def level(case: Case) -> Level | None:
    """How loudly a case is told: an error blocks, a warning is advice; None for a pass."""
    if case.outcome == "PASS":
        return None
    if case.required:
        return "error"
    return "warning" if case.outcome == "FAIL" else "note"


def _of_rule(row: RuleRow, gated: Gated) -> Case:
    finding = row.finding
    number = f"{row.shown.number} {row.shown.interval}" if row.shown else ""
    told = row.explanation[0]
    if number:
        told = f"{number} against {row.bound}: {told}"
    return Case(
        id=row.id,
        address=row.address,
        family=finding.rule.metric.partition(".")[0],
        title=row.title,
        outcome=row.outcome,
        required=finding.rule.required,
        told=clean(told, MAX_SENTENCE),
        facts=tuple(_facts_of(finding)),
        line=gated.lines.get(finding.rule.id, 1),
        bound=row.bound,
        number=number,
    )


def _facts_of(finding: Finding) -> Iterator[tuple[str, str]]:
    rule, measure = finding.rule, finding.measure
    yield "outcome", finding.outcome
    yield "required", "true" if rule.required else "false"
    yield (
        ("at_most", exact(rule.at_most))
        if rule.at_most is not None
        else (
            "at_least",
            exact(rule.at_least),
        )
    )
    yield "unit", clean(rule.unit)
    if isinstance(measure, Value):
        yield from (
            ("estimate", exact(measure.estimate)),
            ("low", exact(measure.low)),
            ("high", exact(measure.high)),
            ("level", exact(measure.level)),
            ("n", str(measure.n)),
            ("method", measure.method),
            ("interval", clean(measure.interval)),
        )
    else:
        yield "reason", clean(measure.reason)
    if finding.needed is not None:
        yield "needed", str(finding.needed)


def _of_change(one: Change, gated: Gated) -> Case:
    outcome, required = OF_CHANGE[one.outcome]
    if one.outcome == "NOT_COMPARED" and gated.allow_uncompared:
        required = False
    numbers: dict[str, Any] = {
        name: getattr(one, name)
        for name in ("estimate", "low", "high", "level", "p", "p_adjusted", "smallest")
    }
    facts: list[tuple[str, str]] = [("outcome", one.outcome), ("family", one.family)]
    facts += [(name, exact(number)) for name, number in numbers.items() if number is not None]
    return Case(
        id=REGRESSION,
        address=clean(one.address),
        family="regression",
        title=f"{one.outcome.replace('_', ' ').lower()} since the baseline",
        outcome=outcome,
        required=required,
        told=clean(f"{one.outcome.replace('_', ' ').lower()}: {change_in_words(one)}", 900),
        facts=tuple(facts),
        line=1,
        bound=f"≤ {_share(one.smallest, relative=one.estimate is None or one.relative)}",
        number="" if one.estimate is None else _share(one.estimate, relative=one.relative),
    )


def change_in_words(one: Change) -> str:
    """A change with its interval, its p-value where it was tested, and what it was of."""
    if one.estimate is None or one.low is None or one.high is None:
        return clean(one.detail, 400)
    ends = [_share(x, relative=one.relative) for x in (one.estimate, one.low, one.high)]
    least = _share(one.smallest, relative=one.relative)
    told = f"{ends[0]} [{ends[1]}, {ends[2]}], where above {least} matters"
    if one.p is not None:
        adjusted = one.p if one.p_adjusted is None else one.p_adjusted
        told += f", p = {plain(float(f'{one.p:.2g}'))} ({plain(float(f'{adjusted:.2g}'))} by Holm)"
    return f"{told}; {clean(one.how)}"


def _share(x: float, *, relative: bool) -> str:
    """A change for people: in percent of the earlier value, or a difference of shares."""
    if not math.isfinite(x):
        return "∞" if x > 0 else "-∞"
    return f"{x:+.1%}" if relative else f"{x:+.4f}"


def _said(id: str, told: str) -> Case:
    return Case(
        id=id,
        address=id,
        family="gate",
        title=told,
        outcome="NOT_EVALUATED",
        required=True,
        told=told,
        facts=(("outcome", "NOT_EVALUATED"),),
        line=1,
    )


def exact(x: float | None) -> str:
    """A number as text for programs: every digit, and an open end as ∞."""
    if x is None or math.isnan(x):
        return ""
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    return repr(float(x))
