"""Which columns of a power log hold its time and its power or energy, and in which unit."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from frugalbench.errors import UsageError
from frugalbench.meters._sysfs import word

__all__ = ["Columns", "recognise"]

NEEDS = (
    "a header with a column timestamp (ISO 8601 with a zone, or seconds since 1970) and a column "
    "power (in W, or with its unit: power_mw) or energy_j, energy_wh"
)
TIMES = ("timestamp", "ts", "epoch", "unix", "horodatage", "datetime", "time", "t", "temps", "date")
"""Words that name a time, the surest first."""
FRACTIONS = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def _units(spellings: Mapping[float, str]) -> dict[str, float]:
    return {one: factor for factor, names in spellings.items() for one in names.split()}


POWERS = ("power", "puissance")
WATTS = _units({1.0: "W w watt watts", 1e3: "kW kw KW", 1e-3: "mW mw milliwatts", 1e-6: "µW uW uw"})
NO_POWERS = {
    *("apparent", "reactive", "factor", "va", "var", "max", "min", "peak", "limit", "cap"),
    *("apparente", "réactive", "facteur", "h", "hour", "hours", "heures"),
}
JOULES = _units(
    {
        1.0: "J j joule joules",
        1e3: "kJ kj KJ",
        1e-3: "mJ mj",
        1e-6: "µJ uJ uj",
        3600.0: "Wh wh WH",
        3.6: "mWh mwh",
        3.6e6: "kWh kwh KWh KWH",
    }
)
EARLIEST, LATEST = 1e8, 4.2e9
"""Clock times of 1973 and of 2103, s since 1970."""
UNCLEAR = {"MW", "MJ", "MWh", "MWH"}
"""In capitals they are millions, or else thousandths in a header all of capitals."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the values are; `unit` is the watts or joules of 1, `fraction` the seconds of 1."""

    delimiter: str
    width: int
    time: int
    value: int
    unit: float
    energy: bool
    fraction: float | None

    def row(self, line: str) -> tuple[float, float]:
        """Seconds since 1970, and W or J, of one line.

        Raises:
            ValueError: it is none; the text says why.
        """
        fields = _fields(line, self.delimiter)
        if len(fields) > self.width:
            raise ValueError(
                f"it has {len(fields)} fields where the header has {self.width} "
                "(decimal commas need semicolons between the fields)"
            )
        if len(fields) <= max(self.time, self.value):
            raise ValueError("it is too short")
        value = _number(fields[self.value], comma=self.delimiter != ",") * self.unit
        if not 0 <= value < math.inf:
            raise ValueError("its value is no number of 0 or more")
        return self._seconds(fields[self.time]), value

    def _seconds(self, text: str) -> float:
        try:
            number = _number(text, comma=self.delimiter != ",")
        except ValueError:
            seconds = _iso(text)
        else:
            # Clock times of our days in s, ms, µs and ns lie thousands apart.
            power = sum(number >= least for least in (1e11, 1e14, 1e17))
            seconds = number * (1e3**-power if self.fraction is None else self.fraction)
        if not EARLIEST <= seconds < LATEST:
            raise ValueError("its time is no clock time: it must count from 1970, not from a start")
        return seconds


def _iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("its time is neither a number nor ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError("its time has no zone: write it as 2026-01-31T12:00:00+01:00")
    return moment.timestamp()


def _number(text: str, *, comma: bool) -> float:
    plain = text.strip().replace("\u00a0", "").replace("\u202f", "")
    if comma and plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", plain, re.ASCII):
        raise ValueError("its value is no number of 0 or more")
    return float(plain)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        raise ValueError("it cannot be split into fields") from None
    while fields and not fields[-1].strip():
        fields.pop()
    return fields


def recognise(header: str, path: object) -> Columns:
    """The columns of a log by its header.

    Raises:
        UsageError: there is no time, or neither power nor energy, or more than one of them.
    """
    for delimiter in (";", "\t", ","):
        try:
            names = _fields(header, delimiter)
        except ValueError:
            continue
        # Unicode's own case rules would turn µ into another letter.
        words = [re.findall(r"[A-Za-zµéè]+", name) for name in names]
        time = _time(words)
        if time is None or len(names) < 2:
            continue
        power = _only(names, [k for k in range(len(names)) if _watts(words[k])], words, path)
        energy = None
        if power is None:
            energy = _only(names, [k for k in range(len(names)) if _joules(words[k])], words, path)
        value = energy if power is None else power
        if value is None or value == time:
            continue
        unit = _watts(words[value]) if energy is None else _joules(words[value])
        fraction = next((FRACTIONS[w] for w in words[time] if w in FRACTIONS), None)
        return Columns(
            delimiter, len(names), time, value, unit or 1.0, energy is not None, fraction
        )
    raise UsageError(f"{path} is no power log: it needs {NEEDS}")


def _time(words: Sequence[Sequence[str]]) -> int | None:
    """The column of the time, by the surest word."""
    for name in TIMES:
        for index, each in enumerate(words):
            lower = [one.lower() for one in each]
            if name in lower and "elapsed" not in lower:
                return index
    return None


def _watts(words: Sequence[str]) -> float | None:
    """The watts of 1 in a column of these words, or None when it is no power."""
    lower = {one.lower() for one in words}
    if lower & NO_POWERS or _unit(words, JOULES) or UNCLEAR & set(words):
        return None
    return _unit(words, WATTS) or (1.0 if lower & set(POWERS) else None)


def _joules(words: Sequence[str]) -> float | None:
    """The joules of 1 in a column of these words, or None when it is no energy."""
    return None if UNCLEAR & set(words) else _unit(words, JOULES)


def _unit(words: Sequence[str], units: Mapping[str, float]) -> float | None:
    """The unit that is among the words; the case of a short one matters."""
    known = (units.get(one, units.get(one.lower()) if len(one) > 3 else None) for one in words)
    return next((one for one in known if one is not None), None)


def _only(
    names: Sequence[str], found: Sequence[int], words: Sequence[Sequence[str]], path: object
) -> int | None:
    """The one column of a kind; of several the active power."""
    if len(found) > 1:
        active = [k for k in found if {one.lower() for one in words[k]} & {"active", "real"}]
        if len(active) != 1:
            shown = ", ".join(word(names[k]) for k in found[:4])
            raise UsageError(f"{path} has several columns of power or energy ({shown}): keep one")
        return active[0]
    return found[0] if found else None
