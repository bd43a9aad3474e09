"""A certificate in short: how many rules came out which way, and which required ones fail."""

from collections.abc import Iterable

from frugalbench.attest._page_claims import Claimed
from frugalbench.attest._page_words import PAGE
from frugalbench.report._format import Lang, count

__all__ = ["brief"]

MOST = 12
"""More rules without evidence than these are counted and not named."""


def brief(rows: Iterable[Claimed], lang: Lang) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sentences that count the rules, then one of each required rule that fails or lacks evidence.

    Returns:
        How many came out which way; then the failing required rules, then those not evaluated, of
        which at most `MOST` are named and the others are counted.
    """
    words, rows = PAGE[lang], tuple(rows)
    outcomes = [one.row.outcome for one in rows]
    told = words["tally"].format(
        passed=count(outcomes.count("PASS"), lang),
        failed=count(outcomes.count("FAIL"), lang),
        unclear=count(outcomes.count("INCONCLUSIVE"), lang),
        left=count(outcomes.count("NOT_EVALUATED"), lang),
    )
    required = [one for one in rows if one.row.finding.rule.required]
    failed = [_failed(one, lang) for one in required if one.row.outcome == "FAIL"]
    open_ = [one for one in required if one.row.outcome == "NOT_EVALUATED"]
    named = [words["brief_open"].format(rule=_name(one)) for one in open_[:MOST]]
    if len(open_) > MOST:
        named.append(words["brief_more"].format(n=count(len(open_) - MOST, lang)))
    return (told,), (*failed, *named)


def _name(one: Claimed) -> str:
    """The metric's title, and where it was looked at."""
    view = one.row.address.partition("[")[2].removesuffix("]")
    return f"{one.row.title} ({view})" if view else one.row.title


def _failed(one: Claimed, lang: Lang) -> str:
    words, shown = PAGE[lang], one.row.shown
    rule = one.row.finding.rule
    limit = one.row.bound.removeprefix("≤ ").removeprefix("≥ ")
    must = words["must_most" if rule.at_least is None else "must_least"].format(bound=limit)
    number = words["suppressed"] if shown is None else shown.number
    return words["brief_failed"].format(rule=_name(one), number=number, must=must)
