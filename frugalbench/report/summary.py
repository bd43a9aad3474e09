"""A step summary for GitHub: the verdict, what did not pass worst first, the rest folded away."""

from collections.abc import Sequence

from frugalbench.certify import Verdict
from frugalbench.record import Record
from frugalbench.regress import Regressions
from frugalbench.report._format import Lang, clean
from frugalbench.report._gated import OF_CHANGE, Case, Gated, cases, change_in_words, worst_first
from frugalbench.report._gated_line import said_otherwise
from frugalbench.report._phrases import SYMBOLS, WORDS
from frugalbench.report._view import headline, tally
from frugalbench.report.junit import judged
from frugalbench.report.markdown import code, figure, prose, table

__all__ = ["LIMIT", "compared", "gate_word", "render", "whole"]

LIMIT = 1024 * 1024
"""Bytes that GitHub takes of a step's summary; past them it shows nothing at all."""
ROOM = 4096
"""Bytes kept for what is said after a cut."""
HEADINGS = ("", "rule", "measure", "what was found")


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The verdict as a step summary; the table is in English, the headline in `lang`."""
    return whole(judged(record, verdict), lang=lang)


def whole(gated: Gated, *, lang: Lang = "en", limit: int = LIMIT) -> str:
    """Everything a gate found as Markdown of at most `limit` bytes."""
    head = _head(gated, lang)
    found = worst_first(cases(gated))
    bad = [one for one in found if one.outcome != "PASS"]
    good = [one for one in found if one.outcome == "PASS"]
    text = _laid_out(head, bad, good)
    if _size(text) <= limit:
        return text
    # Rows are dropped from the least bad on, until what is left fits.
    room = limit - _size(head) - ROOM
    kept = []
    for one in bad:
        room -= _size("| " + " | ".join(_cells(one)) + " |\n")
        if room < 0:
            break
        kept.append(one)
    left = len(found) - len(kept)
    said = f"\n{left:,} more rows are left out: a step summary holds 1 MiB. --json has them all.\n"
    return _laid_out(head, kept, []) + said


def _head(gated: Gated, lang: Lang) -> str:
    record = gated.record
    name = clean(record.spec.model.name or record.model.name) if record else ""
    parts = [f"## frugalbench{': ' if name else ''}{prose(name)}"]
    if gated.why:
        parts.append(f"**✗ ERROR.** {prose(gated.why)}")
    elif gated.verdict is not None:
        verdict, word = gated.verdict, gated.word
        said = headline(verdict, lang)
        symbol = SYMBOLS[verdict.overall]
        if said_otherwise(gated):
            # A policy that passes is no green word where the baseline closes the gate.
            parts.append(gate_word(gated))
            symbol = "The policy alone:"
        parts.append(f"**{symbol} {said[0]}.** {said[1]}")
        policy = WORDS[lang].judged_by.format(
            policy=prose(verdict.policy), version=prose(verdict.policy_version)
        )
        parts.append(f"{policy} {tally(verdict, lang)}.")
        if gated.regressions is not None:
            parts.append(_compared_in_words(gated.regressions, word))
    return "\n\n".join(parts) + "\n"


def gate_word(gated: Gated) -> str:
    """The gate's own word, as the first thing that is said where the policy says another."""
    symbol = next(SYMBOLS[one] for one in SYMBOLS if one.replace("_", " ") == gated.word)
    return f"**{symbol} The gate: {gated.word}.** The policy alone does not say so: see below."


def _compared_in_words(found: Regressions, word: str) -> str:
    counts = [
        f"{len(found.of(outcome))} {outcome.replace('_', ' ').lower()}"
        for outcome in ("REGRESSED", "NOT_COMPARED", "UNCLEAR", "NOT_WORSE", "ABSENT")
    ]
    return f"Against {code(found.baseline)}: {', '.join(counts)}. **The gate: {word}.**"


def _laid_out(head: str, bad: Sequence[Case], good: Sequence[Case]) -> str:
    parts = [head]
    if bad:
        parts.append(table(HEADINGS, map(_cells, bad)) + "\n")
    if good:
        inner = table(HEADINGS, map(_cells, good))
        parts.append(f"<details><summary>{len(good):,} passed</summary>\n\n{inner}\n\n</details>\n")
    return "\n".join(parts)


def _cells(one: Case) -> tuple[str, str, str, str]:
    outcome = one.outcome.replace("_", " ")
    weight = "" if one.required or one.outcome == "PASS" else " (advisory)"
    return (
        f"{SYMBOLS[one.outcome]} {outcome}{weight}",
        code(one.id),
        code(one.address),
        prose(one.told),
    )


def compared(found: Regressions) -> str:
    """The comparison with the baseline as a section of a merge request, the worst first."""
    order = list(OF_CHANGE)
    rows = sorted(found.changes, key=lambda one: order.index(one.outcome))
    cells = [
        (
            f"{SYMBOLS[OF_CHANGE[one.outcome][0]]} {one.outcome.replace('_', ' ').lower()}",
            code(one.address),
            figure(change_in_words(one)) if one.estimate is not None else prose(one.detail),
        )
        for one in rows
    ]
    heading = f"## Since the baseline {code(found.baseline)}"
    return f"{heading}\n\n{table(('', 'measure', 'change, above 0 is worse'), cells)}\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
