"""GitHub workflow commands: at most ten errors and ten warnings a step, the worst first.

They are read off the step's output, so every name in them is escaped: a new line or a `::` in one
would be a command of its own.
"""

import secrets
from collections.abc import Callable, Sequence

from frugalbench.certify import Verdict
from frugalbench.record import Record
from frugalbench.report._format import Lang
from frugalbench.report._gated import Case, Gated, cases, level, worst_first
from frugalbench.report.junit import judged

__all__ = ["render", "unheard", "whole"]

MOST = 10
"""Annotations of one kind that GitHub keeps of a step."""


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The verdict as workflow commands; `lang` changes nothing."""
    return whole(judged(record, verdict))


def whole(gated: Gated) -> str:
    """Everything a gate found that blocks or warns, one command a line; one notice for a pass."""
    if gated.why:
        return _command("error", gated.policy_file, 1, "frugalbench", gated.why) + "\n"
    found = worst_first(cases(gated))
    lines = [
        *_commands(gated, "error", [one for one in found if level(one) == "error"]),
        *_commands(gated, "warning", [one for one in found if level(one) == "warning"]),
    ]
    if not any(level(one) == "error" for one in found):
        told = "every required rule passed"
        lines.append(_command("notice", gated.policy_file, 1, "frugalbench", told))
    return "\n".join(lines) + "\n"


def unheard(say: Callable[[str], None]) -> Callable[[str], None]:
    """Let GitHub take nothing that is printed from now on for a command, until annotations are.

    Elsewhere names are printed as they are, and one from the data could begin a line with a
    command. The token that ends it is random, so that no name holds it.

    Args:
        say: prints to the step's output.

    Returns:
        What says annotations, and lets GitHub listen from the first of them on.
    """
    token = secrets.token_hex(16)
    ends = [f"::{token}::\n"]
    say(f"::stop-commands::{token}\n")

    def told(text: str) -> None:
        say((ends.pop() if ends else "") + text)

    return told


def _commands(gated: Gated, kind: str, found: Sequence[Case]) -> list[str]:
    kept = found if len(found) <= MOST else found[: MOST - 1]
    lines = [
        _command(
            kind,
            gated.policy_file,
            one.line,
            f"{one.outcome.replace('_', ' ')} {one.id}",
            f"{one.address}: {one.told}",
        )
        for one in kept
    ]
    if len(kept) < len(found):
        more = f"{len(found) - len(kept)} more like these are in the step summary"
        lines.append(_command(kind, gated.policy_file, 1, "frugalbench", more))
    return lines


def _command(kind: str, file: str, line: int, title: str, message: str) -> str:
    where = f"file={_property(file)},line={line}," if file else ""
    return f"::{kind} {where}title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
