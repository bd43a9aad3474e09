"""A year of a deployment in words: a projection, and what it amounts to in everyday things."""

from dataclasses import dataclass

from frugalbench.metrics import find
from frugalbench.metrics.projection import equivalents
from frugalbench.record import Record
from frugalbench.report._format import Lang, Shown, number, show
from frugalbench.report._phrases import WORDS, Sentence, how, reason
from frugalbench.values import Missing, Value

__all__ = ["Projected", "projected"]

ADDRESSES = ("projection.energy", "projection.carbon", "projection.water")
FEW = 0.1
"""Less than a tenth of an everyday thing is no picture of anything."""


@dataclass(frozen=True, slots=True)
class Projected:
    """One quantity of a year; `shown` is None where `missing` says why."""

    title: str
    address: str
    shown: Shown | None
    method: str
    alike: tuple[str, ...]
    missing: Sentence | None


def projected(record: Record, lang: Lang) -> tuple[Projected, ...]:
    """Energy, carbon and water of a year; empty where no demand was stated."""
    if record.spec.site is None or record.spec.site.daily_inferences is None:
        return ()
    return tuple(_projected(record, address, lang) for address in ADDRESSES)


def _projected(record: Record, address: str, lang: Lang) -> Projected:
    metric = find(address)
    measure = metric(record)
    title = metric.titre if lang == "fr" else metric.title
    if isinstance(measure, Missing):
        return Projected(title, address, None, "", (), reason(measure, lang))
    return Projected(
        title, address, show(measure, lang), how(measure, lang), _alike(measure, lang), None
    )


def _alike(value: Value, lang: Lang) -> tuple[str, ...]:
    """What the estimate amounts to, in two digits: the interval stands beside it already."""
    words = WORDS[lang].equivalents
    return tuple(
        words[one.key].format(n=_two_digits(one.amount, lang))
        for one in equivalents(value)
        if one.amount >= FEW and one.key in words
    )


def _two_digits(x: float, lang: Lang) -> str:
    rounded = float(f"{x:.2g}")
    decimals = 0 if rounded >= 10 else 1 if rounded >= 1 else 2
    return number(rounded, decimals, lang)
