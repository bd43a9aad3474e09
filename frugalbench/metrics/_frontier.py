"""A model and its baselines by quality and energy: which of them another one makes unnecessary."""

from dataclasses import dataclass
from typing import Literal

from frugalbench.metrics.energy import per_inference
from frugalbench.metrics.quality import balanced_accuracy, mean_absolute_error
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["Point", "Standing", "frontier"]

Standing = Literal["frontier", "dominated", "unclear", "unknown"]


@dataclass(frozen=True, slots=True)
class Point:
    """One model of a comparison; `own` is the one the record is about.

    `quality` is the balanced accuracy, or the mean absolute error of a regression (`lower` says
    that less is better), `energy` joules an inference and `size` bytes. It is `dominated` where
    another, `by`, is better in both and its intervals lie apart in both; on the `frontier` where
    every other one is clearly worse in one of the two; else `unclear`, or `unknown` where a number
    is missing.
    """

    name: str
    own: bool
    quality: Measure
    lower: bool
    energy: Measure
    size: int
    standing: Standing
    by: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    name: str
    record: Record
    quality: Measure
    lower: bool
    energy: Measure

    def clearly_better(self, other: "_Seen") -> bool | None:
        """Whether the quality's intervals lie apart, this one's on the better side."""
        if isinstance(self.quality, Missing) or isinstance(other.quality, Missing):
            return None
        if self.lower:
            return self.quality.high < other.quality.low
        return self.quality.low > other.quality.high

    def clearly_cheaper(self, other: "_Seen") -> bool | None:
        """The same of the energy."""
        if isinstance(self.energy, Missing) or isinstance(other.energy, Missing):
            return None
        return self.energy.high < other.energy.low


def frontier(record: Record) -> tuple[Point, ...]:
    """The model first, then every baseline that was measured; empty where there is none."""
    beside = [(one.name, record.baseline(one.name)) for one in record.baselines]
    held = [(record.model.name, record)]
    held += [(name, other) for name, other in beside if other is not None]
    if record.run is None or len(held) < 2:
        return ()
    seen = [_seen(name, one) for name, one in held]
    return tuple(_point(one, seen, own=one is seen[0]) for one in seen)


def _seen(name: str, record: Record) -> _Seen:
    error = mean_absolute_error(record)
    lower = isinstance(error, Value)
    quality = error if lower else balanced_accuracy(record)
    return _Seen(name, record, quality, lower, per_inference(record))


def _point(one: _Seen, seen: list[_Seen], *, own: bool) -> Point:
    standing, by = _standing(one, [other for other in seen if other is not one])
    return Point(
        name=one.name,
        own=own,
        quality=one.quality,
        lower=one.lower,
        energy=one.energy,
        size=one.record.model.bytes,
        standing=standing,
        by=by,
    )


def _standing(one: _Seen, others: list[_Seen]) -> tuple[Standing, str]:
    for other in others:
        if other.clearly_better(one) and other.clearly_cheaper(one):
            return "dominated", other.name
    if isinstance(one.quality, Missing) or isinstance(one.energy, Missing):
        return "unknown", ""
    kept = all(one.clearly_better(other) or one.clearly_cheaper(other) for other in others)
    return ("frontier" if kept else "unclear"), ""
