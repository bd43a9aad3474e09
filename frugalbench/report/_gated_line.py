"""What a gate found, on one line for a log."""

from collections.abc import Sequence

from frugalbench.regress import Change, Regressions
from frugalbench.report._format import clean
from frugalbench.report._gated import Gated
from frugalbench.report._shared import shared_changes
from frugalbench.report._verdict import verdict_line

__all__ = ["gate_line", "said_otherwise"]

NAMED = 3


def said_otherwise(found: Gated) -> bool:
    """Whether the gate's own word is another one than the policy's."""
    return found.verdict is not None and found.word != found.verdict.overall.replace("_", " ")


def gate_line(found: Gated) -> str:
    """The gate's own word first, then what the policy says, and what the baseline adds to it."""
    verdict = found.verdict
    assert verdict is not None, "there is a verdict to tell of"
    since = ""
    if found.regressions is not None:
        since = "; ".join(_since(shared_changes(found.record, verdict, found.regressions)))
    judged = verdict_line(verdict)
    if not said_otherwise(found):
        return f"{judged}; {since}" if since else judged
    if verdict.overall == "PASS":
        return f"{found.word}: the policy passes, but {since}"
    return f"{found.word}: the policy says {judged}; {since}"


def _since(compared: Regressions) -> list[str]:
    """What has regressed and what was not compared, where there is any."""
    said = []
    if worse := compared.of("REGRESSED"):
        said.append(f"regressed: {', '.join(clean(one.address) for one in worse)}")
    if left := compared.of("NOT_COMPARED"):
        said.append(_not_compared(left))
    elif not any(one.estimate is not None for one in compared.changes):
        said.append("nothing of the baseline could be compared")
    return said


def _not_compared(left: Sequence[Change]) -> str:
    reasons = list(dict.fromkeys(clean(one.detail) for one in left))
    names = ", ".join(clean(one.address) for one in left[:NAMED]) + ", …" * (len(left) > NAMED)
    counted = f"{len(left)} measures were" if len(left) > 1 else "1 measure was"
    more = f"; {len(reasons) - 1} other reasons" * (len(reasons) > 1)
    return f"{counted} not compared with the baseline ({names}: {reasons[0]}{more})"
