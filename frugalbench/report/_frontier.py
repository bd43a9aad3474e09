"""The model and its baselines side by side, in words."""

from dataclasses import dataclass

from frugalbench.metrics.necessity import Point, frontier
from frugalbench.record import Record
from frugalbench.report._format import Lang, Shown, clean, show
from frugalbench.report._phrases import WORDS, how
from frugalbench.values import Measure, Value

__all__ = ["Placed", "placed"]


@dataclass(frozen=True, slots=True)
class Placed:
    """One model: what it reaches, what it takes, and whether another makes it unnecessary.

    `quality` and `energy` are None where there is no number.
    """

    name: str
    own: bool
    quality: Shown | None
    energy: Shown | None
    method: str
    size: str
    standing: str


def placed(record: Record, lang: Lang) -> tuple[Placed, ...]:
    """The model first, then its baselines; those that could not be measured say why."""
    words = WORDS[lang]
    rows = [_placed(point, lang) for point in frontier(record)]
    for one in record.baselines:
        if one.failure is not None:
            why = f"{words.failed}{words.colon} {clean(one.failure.detail, 200)}"
            rows.append(Placed(clean(one.name), False, None, None, "", "–", why))
    return tuple(rows)


def _placed(point: Point, lang: Lang) -> Placed:
    words = WORDS[lang]
    energy = point.energy
    size = Value(
        estimate=point.size,
        unit="B",
        low=point.size,
        high=point.size,
        n=1,
        method="counted",
        interval="exact",
    )
    return Placed(
        name=clean(point.name) or words.no_name,
        own=point.own,
        quality=_shown(point.quality, lang),
        energy=_shown(energy, lang),
        method=how(energy, lang) if isinstance(energy, Value) else "",
        size=show(size, lang).number,
        standing=words.standings[point.standing].format(by=clean(point.by)),
    )


def _shown(measure: Measure, lang: Lang) -> Shown | None:
    return show(measure, lang) if isinstance(measure, Value) else None
