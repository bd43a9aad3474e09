"""A certificate's page as plain text and as Markdown; every name in it is harmless in either."""

import textwrap
from collections.abc import Iterator
from itertools import groupby

from frugalbench.attest._page import Answered, Page, Part
from frugalbench.attest._page_claims import Claimed
from frugalbench.attest._page_words import PAGE
from frugalbench.report._phrases import SYMBOLS, WORDS
from frugalbench.report.markdown import code, figure, prose, table

__all__ = ["markdown", "text"]

WIDTH = 96
LABEL = 26
PIECE = 900


def text(page: Page) -> str:
    """The page as plain text, without colour, of at most 96 columns where names allow."""
    lines = [*_wrapped(page.warning), "", f"  {page.command}", ""]
    lines += [line for hint in page.hints for line in _wrapped(hint, "  ")]
    lines += ["", page.title, f"{SYMBOLS[page.outcome]} {page.verdict}", *_wrapped(page.sentence)]
    lines += [line for one in page.told for line in _wrapped(one)]
    for part in page.parts:
        lines += ["", part.title.upper()]
        lines += _text_part(part, page)
    return "\n".join(lines) + "\n"


def _text_part(part: Part, page: Page) -> Iterator[str]:
    for one in part.told:
        yield from _wrapped(one, "  ")
    for label, said in part.facts:
        yield from _wrapped(said, f"  {label:<{LABEL}}", " " * (LABEL + 2))
    for claim in part.claims:
        yield ""
        row = claim.row
        yield from _wrapped(f"{row.symbol} {row.word}  {row.title} ({row.address})", "  ", "    ")
        for label, said in _claim(claim, page):
            yield from _wrapped(said, f"    {label:<{LABEL - 2}}", " " * (LABEL + 2))
    for one in part.listed:
        yield from _wrapped(one, "  - ", "    ")
    for topic, answers in _by_topic(part.answers):
        yield ""
        yield from _wrapped(topic, "  ")
        for answer in answers:
            yield from _wrapped(answer.question, "    ")
            yield from _wrapped(answer.answer, "      > ")


def _claim(claim: Claimed, page: Page) -> Iterator[tuple[str, str]]:
    """What there is to say of a claim, in order: a label and a text of one line each."""
    words, shared, row = PAGE[page.lang], WORDS[page.lang], claim.row
    yield shared.rule.lower(), f"{row.id} ({row.weight})"
    if row.why[0]:
        yield words["purpose"], row.why[0]
    yield words["asks"], row.bound
    if row.shown is not None:
        yield shared.estimate.lower(), f"{row.shown.number}  {claim.interval}"
        yield shared.method.lower(), claim.got
    for one in claim.told:
        yield "", one
    if claim.speaks_to:
        yield words["speaks"], ", ".join(claim.speaks_to)


def _by_topic(answers: tuple[Answered, ...]) -> Iterator[tuple[str, tuple[Answered, ...]]]:
    for topic, together in groupby(answers, key=lambda one: one.topic):
        yield topic, tuple(together)


def _wrapped(said: str, first: str = "", later: str | None = None) -> list[str]:
    """Lines of a text; a word that is too long for one, such as a digest, keeps its letters."""
    indent = first if later is None else later
    found = textwrap.wrap(
        said,
        WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return found or [first.rstrip()]


def markdown(page: Page) -> str:
    """The page in GitHub-flavoured Markdown."""
    parts = [f"# {prose(page.title)}", f"> **{prose(page.warning)}**"]
    parts += [f"```sh\n{page.command}\n```", " ".join(map(prose, page.hints))]
    verdict = f"{SYMBOLS[page.outcome]} {prose(page.verdict)}"
    parts += [f"**{verdict}.** {prose(page.sentence)}", *map(prose, page.told)]
    for part in page.parts:
        parts += [f"## {prose(part.title)}", *_markdown_part(part, page)]
    return "\n\n".join(parts) + "\n"


def _markdown_part(part: Part, page: Page) -> Iterator[str]:
    colon = WORDS[page.lang].colon
    yield from map(prose, part.told)
    if part.facts:
        yield "\n".join(
            f"- **{prose(label)}**{colon} {prose(said) if ' ' in said else code(said)}"
            for label, said in part.facts
        )
    if part.claims:
        yield from _markdown_claims(part.claims, page)
    if part.listed:
        yield "\n".join(f"- {prose(one)}" for one in part.listed)
    for topic, answers in _by_topic(part.answers):
        yield f"### {prose(topic)}"
        for answer in answers:
            yield f"**{prose(answer.question)}**"
            yield f"> {_long(answer.answer)}"


def _markdown_claims(claims: tuple[Claimed, ...], page: Page) -> Iterator[str]:
    words, colon = WORDS[page.lang], WORDS[page.lang].colon
    headings = (
        *(words.outcome, words.rule, words.metric, words.estimate, words.interval, words.bound),
        *(words.n, words.method, words.weight),
    )
    yield table(headings, map(_cells, claims))
    mark = "; " if page.lang == "en" else " ; "
    yield "\n".join(
        f"- {claim.row.symbol} {code(claim.row.address)}{colon} "
        + mark.join(map(prose, _reasons(claim, PAGE[page.lang])))
        for claim in claims
    )


def _cells(claim: Claimed) -> tuple[str, ...]:
    row = claim.row
    return (
        f"{row.symbol} {row.word}",
        prose(row.id),
        f"{prose(row.title)} {code(row.address)}",
        figure(row.shown.number) if row.shown else "–",
        figure(claim.interval) or "–",
        figure(row.bound),
        row.n or "–",
        row.method or "–",
        row.weight,
    )


def _reasons(claim: Claimed, words: dict[str, str]) -> Iterator[str]:
    yield from claim.told
    if claim.speaks_to:
        yield f"{words['speaks']} {', '.join(claim.speaks_to)}"


def _long(answer: str) -> str:
    """A long text in pieces, as `prose` cuts what is longer."""
    return " ".join(prose(one) for one in textwrap.wrap(answer, PIECE, break_on_hyphens=False))
