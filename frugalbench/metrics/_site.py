"""What a site and its hardware add to joules: the facility, the grid's factors, the making.

The ends of a result are products of ends: the low one of all that is lowest at once, the high one
of all that is highest at once. Intervals of energy and time come from a sample, bounds of factors
are ranges over sources with no distribution behind them, so there are no standard deviations to
add in quadrature; a product of ends holds whenever each of its parts does, whether they depend on
each other or not, and is never narrower than the root of the sum of squares.
"""

import math
from dataclasses import dataclass

from frugalbench.metrics._joules import per_inference
from frugalbench.record import Record
from frugalbench.spec import Embodied, Factor, Site
from frugalbench.values import Method, Missing, Value

__all__ = [
    "JOULES_PER_KWH",
    "POSSIBLE",
    "SECONDS_PER_YEAR",
    "Span",
    "at_site",
    "facility",
    "impossible",
    "least_trusted",
    "scaled",
    "span_of",
    "summed",
    "told",
    "unusable",
]

JOULES_PER_KWH = 3.6e6
SECONDS_PER_YEAR = 365.25 * 86_400.0

POSSIBLE = {"g/kWh": (0.0, 1500.0), "L/kWh": (0.0, 100.0)}
"""The range of each kind of factor outside which it is a mistake, as in the tables."""

THREE = 3
"""Years between the year of a figure and that of the record past which its age is told."""


@dataclass(frozen=True, slots=True)
class Span:
    """A quantity that is not negative, between two ends."""

    low: float
    estimate: float
    high: float

    def __mul__(self, other: "Span | float") -> "Span":
        """End by end: both are ordered and not negative, so the product is ordered too."""
        if not isinstance(other, Span):
            other = Span(other, other, other)
        return Span(
            _times(self.low, other.low),
            _times(self.estimate, other.estimate),
            _times(self.high, other.high),
        )

    def __truediv__(self, other: float) -> "Span":
        """By a number above 0."""
        return Span(self.low / other, self.estimate / other, self.high / other)

    def __add__(self, other: "Span") -> "Span":
        """End by end."""
        return Span(self.low + other.low, self.estimate + other.estimate, self.high + other.high)

    @property
    def exact(self) -> bool:
        """Whether nothing is known of how far it may be off."""
        return self.low == self.high


def _times(one: float, other: float) -> float:
    """A product in which nothing of something without end is nothing."""
    return one * other if one and other else 0.0


def span_of(one: Value | Factor | Embodied) -> Span:
    """A value, a factor or a footprint with its ends; an end that is not stated is the middle."""
    if isinstance(one, Value):
        return Span(one.low, one.estimate, one.high)
    middle = one.value if isinstance(one, Factor) else one.kg
    return Span(
        middle if one.low is None else one.low, middle, middle if one.high is None else one.high
    )


def at_site(record: Record) -> tuple[Value, Site] | Missing:
    """Energy per inference, J, and the site it was drawn at."""
    joules = per_inference(record)
    if isinstance(joules, Missing):
        return joules
    site = record.spec.site
    if site is None:
        return Missing(reason="no_site", detail="no site was stated: add site=fr, for example")
    return joules, site


def facility(record: Record) -> tuple[Value, float] | Missing:
    """Energy per inference, J, and the site's PUE, or why a site figure cannot be given."""
    found = at_site(record)
    if isinstance(found, Missing):
        return found
    joules, site = found
    if site.pue is None:
        return Missing(reason="no_pue", detail=f"site '{site.name}' states no pue: add site.pue=…")
    return joules, site.pue


def impossible(factor: Factor, unit: str) -> Missing | None:
    """Why a factor that someone stated cannot be used, or None: kg taken for g is off by 1000."""
    least, most = POSSIBLE[unit]
    ends = span_of(factor)
    if factor.unit == unit and least <= ends.low <= ends.estimate <= ends.high <= most:
        return None
    between = "" if ends.exact else f" ({ends.low:g} to {ends.high:g})"
    detail = (
        f"the site's factor of {factor.value:g}{between} {factor.unit} must be a number of {unit} "
        f"from {least:g} to {most:g}, between its own bounds"
    )
    return Missing(reason="no_factor", detail=detail)


def unusable(made: Embodied) -> Missing | None:
    """Why a stated footprint of hardware cannot be used, or None."""
    ends = span_of(made)
    ordered = 0 <= ends.low <= ends.estimate <= ends.high < math.inf
    if ordered and ends.estimate > 0 and 0 < made.lifetime_years < math.inf:
        return None
    detail = (
        f"the footprint of {made.hardware} must be kg above 0 between its own bounds, over years"
    )
    return Missing(reason="no_hardware", detail=detail)


def told(figure: Factor | Embodied, record: Record) -> str:
    """A figure with its year, its age where that is a warning, and its bounds, in words."""
    kind, unit = ("factor", figure.unit) if isinstance(figure, Factor) else ("figure", "kg")
    age = ", over three years old" if _years(figure.year, record) > THREE else ""
    ends = span_of(figure)
    within = (
        "its own uncertainty is not known"
        if figure.low is None and figure.high is None
        else f"{ends.low:g} to {ends.high:g}"
    )
    return f"{ends.estimate:g} {unit} ({kind} of {figure.year}{age}; {within})"


def _years(year: int, record: Record) -> int:
    """Years from a figure's to the record's own, so that judging it again says the same."""
    made = record.created[:4]
    return int(made) - year if made.isascii() and made.isdigit() else 0


def scaled(value: Value, by: Span | float, unit: str, note: str) -> Value:
    """A value times a factor, in another unit; the interval follows, the method stays."""
    ends = span_of(value) * by
    exact = not isinstance(by, Span) or by.exact
    return Value(
        estimate=ends.estimate,
        unit=unit,
        low=ends.low,
        high=ends.high,
        n=value.n,
        method=value.method,
        interval=value.interval if exact else "product_of_ends",
        level=value.level,
        note=note,
    )


def least_trusted(*methods: Method) -> Method:
    """How a number was got that others went into: as the least trusted of them."""
    for doubtful in ("pretend", "modelled"):
        if doubtful in methods:
            return doubtful
    return methods[0]


def summed(use: Value, made: Value, factor: float, unit: str, note: str) -> Value:
    """Use and making together, times a factor; as good as the less trusted of the two."""
    ends = (span_of(use) + span_of(made)) * factor
    return Value(
        estimate=ends.estimate,
        unit=unit,
        low=ends.low,
        high=ends.high,
        n=min(use.n, made.n),
        method=least_trusted(use.method, made.method),
        interval="sum_of_ends",
        level=min(use.level, made.level),
        note=note,
    )
