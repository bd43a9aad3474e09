"""Numbers and names as people read them: one scaled unit, visible digits, nothing hostile."""

import math
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from frugalbench.values import Value

__all__ = ["Lang", "Shown", "clean", "count", "number", "plain", "show"]

Lang = Literal["en", "fr"]

Scale = tuple[float, str]

SECONDS: tuple[Scale, ...] = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
JOULES: tuple[Scale, ...] = (
    (1e-9, "nJ"),
    (1e-6, "µJ"),
    (1e-3, "mJ"),
    (1.0, "J"),
    (1e3, "kJ"),
    (1e6, "MJ"),
)
BYTES: tuple[Scale, ...] = ((1.0, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB"))
WATTS: tuple[Scale, ...] = ((1e-6, "µW"), (1e-3, "mW"), (1.0, "W"), (1e3, "kW"))
LITRES: tuple[Scale, ...] = ((1e-9, "nL"), (1e-6, "µL"), (1e-3, "mL"), (1.0, "L"))
GRAMS: tuple[Scale, ...] = (
    (1e-9, "ng"),
    (1e-6, "µg"),
    (1e-3, "mg"),
    (1.0, "g"),
    (1e3, "kg"),
)
KILOWATT_HOURS: tuple[Scale, ...] = (
    *((1e-9, "µWh"), (1e-6, "mWh"), (1e-3, "Wh"), (1.0, "kWh"), (1e3, "MWh")),
)
KILOGRAMS: tuple[Scale, ...] = ((1e-6, "mg"), (1e-3, "g"), (1.0, "kg"), (1e3, "t"))
SCALES: dict[str, tuple[Scale, ...]] = {
    "kWh": KILOWATT_HOURS,
    "kg": KILOGRAMS,
    "s": SECONDS,
    "J": JOULES,
    "B": BYTES,
    "W": WATTS,
    "L": LITRES,
    "g": GRAMS,
    "1": ((1.0, ""),),
    "1/s": ((1.0, "/s"),),
    "%": ((1.0, "%"),),
}

HUGE = 1e15
MARK = "†"
ONE_SIDED = 0.9
"""The level of two ends that each err one time in twenty: no 95 % interval, and marked as such."""
MAX_DECIMALS = 6
MAX_NAME = 120
FRENCH_UNITS = {
    "B": "o",
    "KiB": "Kio",
    "MiB": "Mio",
    "GiB": "Gio",
    "label unit": "unité de l’étiquette",
}
NARROW_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in words: every part is in the same scaled `unit` (empty for a plain ratio).

    `factor` turns a number in the value's own unit into one in `unit`, for the ends of an axis.
    `most` is the value's one-sided bound with its unit, where it has one; `stopping` says that it
    is MLPerf's, of a percentile.
    """

    estimate: str
    low: str
    high: str
    unit: str
    bound: str
    lang: Lang
    exact: bool
    factor: float
    most: str = ""
    stopping: bool = False
    mark: str = ""

    @property
    def number(self) -> str:
        """The estimate with its unit, such as `1.23 ms`."""
        return self._with_unit(self.estimate)

    @property
    def interval(self) -> str:
        """Both ends and the unit, such as `[1.20, 1.31] ms`; a dash where there is one reading."""
        if self.exact:
            return "–"
        comma = f"{NO_BREAK_SPACE}; " if self.lang == "fr" else ", "
        return self._with_unit(f"[{self.low}{comma}{self.high}]") + self.mark

    @property
    def limit(self) -> str:
        """The bound with its unit, or nothing when none was given."""
        return self._with_unit(self.bound) if self.bound else ""

    def _with_unit(self, text: str) -> str:
        space = NO_BREAK_SPACE if self.lang == "fr" else " "
        return f"{text}{space}{self.unit}" if self.unit else text


def show(value: Value, lang: Lang = "en", *, bound: float | None = None, times: float = 1) -> Shown:
    """Put a value, its interval and its bound in one readable unit.

    There are at least three digits of the estimate, and enough for the interval, and for which
    side of the bound each end is on, to be visible.

    Args:
        value: what to show.
        lang: the language of the decimal mark and the thousands.
        bound: a rule's bound, in the value's own unit.
        times: multiply everything first, as in "per 1,000 inferences" or "in percent".
    """
    unit = "%" if value.unit == "1" and times == 100 else value.unit
    low, middle, high = (x * times for x in (value.low, value.estimate, value.high))
    factor, symbol = _scale(unit, (middle, high, low))
    scaled = (low / factor, middle / factor, high / factor)
    limit = None if bound is None else bound * times / factor
    decimals = _decimals(scaled, limit, whole=symbol == "B", least=3 if unit == "1" else 0)
    shown = tuple(number(x, decimals, lang) for x in scaled)
    return Shown(
        estimate=shown[1],
        low=shown[0],
        high=shown[2],
        unit=FRENCH_UNITS.get(symbol, symbol) if lang == "fr" else symbol,
        bound="" if limit is None else plain(limit, lang),
        lang=lang,
        exact=value.low == value.high,
        factor=times / factor,
        stopping=value.unit == "s",
        mark=MARK if math.isclose(value.level, ONE_SIDED) else "",
        most=""
        if value.bound is None
        else _most(value.bound * times / factor, symbol, lang, decimals),
    )


def _most(bound: float, symbol: str, lang: Lang, decimals: int) -> str:
    space = NO_BREAK_SPACE if lang == "fr" else " "
    unit = FRENCH_UNITS.get(symbol, symbol) if lang == "fr" else symbol
    return f"{number(bound, decimals, lang)}{space}{unit}".rstrip()


def number(x: float, decimals: int, lang: Lang = "en") -> str:
    """A plain decimal number with thousands separated; never in scientific notation.

    >>> number(12345.678, 1)
    '12,345.7'
    >>> number(12345.678, 1, "fr")
    '12\u202f345,7'
    """
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    if abs(x) >= HUGE:
        return "> 10¹⁵" if x > 0 else "< -10¹⁵"
    text = f"{x:,.{decimals}f}"
    if x != 0 and abs(x) < 10.0**-MAX_DECIMALS and decimals >= MAX_DECIMALS:
        text = f"< {10.0**-MAX_DECIMALS:.{MAX_DECIMALS}f}" if x > 0 else f"-{0:.{MAX_DECIMALS}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.removeprefix("-")
    return _local(text, lang)


def count(n: int, lang: Lang = "en") -> str:
    """A whole number with thousands separated."""
    return _local(f"{n:,}", lang)


def clean(text: str, limit: int = MAX_NAME) -> str:
    """A hostile name on one line: no control, no text-direction override, not too long.

    Letters of every script stay. Format characters go, because they let a name reorder or hide
    what stands beside it.
    """
    kept = "".join(
        " "
        if (kind := unicodedata.category(char)) in ("Zl", "Zp", "Zs") or char in "\t\r\n"
        else ""
        if kind in ("Cc", "Cf", "Cs", "Co", "Cn")
        else char
        for char in text[: 8 * limit]
    )
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else f"{kept[: limit - 1]}…"


def _scale(unit: str, by_weight: tuple[float, ...]) -> Scale:
    """The largest scale the estimate reaches; where it is 0, the first number that is not."""
    scales = SCALES.get(unit)
    if scales is None:
        return 1.0, clean(unit, 24)
    size = next((abs(x) for x in by_weight if x != 0 and math.isfinite(x)), 0.0)
    if size == 0:
        return next(scale for scale in scales if scale[0] == 1.0)
    # A hair under the next scale is in the next scale, so that 999.96 µs does not read 1,000 µs.
    return next((s for s in reversed(scales) if size >= s[0] * 0.9995), scales[0])


def _decimals(
    scaled: tuple[float, float, float], bound: float | None, *, whole: bool, least: int
) -> int:
    if whole:
        return 0
    low, middle, high = scaled
    wanted = least
    if low == high and middle.is_integer() and abs(middle) > 1:
        return 0  # a tally, not a rate
    if middle != 0 and math.isfinite(middle) and not least:
        wanted = max(wanted, 2 - math.floor(math.log10(abs(middle))))
    if low == high and 0 < abs(middle) < 10.0**-wanted:
        # What is exact and not zero does not read as zero.
        wanted = max(wanted, 1 - math.floor(math.log10(abs(middle))))
    width = high - low
    if 0 < width < math.inf:
        wanted = max(wanted, 1 - math.floor(math.log10(width)))
    wanted = min(wanted, MAX_DECIMALS)
    while wanted < MAX_DECIMALS and bound is not None and _hides(scaled, bound, wanted):
        wanted += 1
    return wanted


def _hides(scaled: tuple[float, float, float], bound: float, decimals: int) -> bool:
    """Whether rounding puts an end on the bound, or across it, that is not there."""
    return any(
        math.isfinite(x) and x != bound and (round(x, decimals) - bound) * (x - bound) <= 0
        for x in scaled
    )


def plain(x: float, lang: Lang = "en") -> str:
    """A number as it was written: up to twelve digits, without padding.

    >>> plain(0.05)
    '0.05'
    """
    if not math.isfinite(x) or abs(x) >= HUGE:
        return number(x, 0, lang)
    text = f"{Decimal(f'{x:.12g}'):,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return _local(text if len(text) <= 24 else f"{x:,.{MAX_DECIMALS}f}", lang)


def _local(text: str, lang: Lang) -> str:
    if lang == "en":
        return text
    return text.replace(",", NARROW_SPACE).replace(".", ",")
