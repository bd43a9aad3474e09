"""Reading the tables: what a row must hold, and what no figure can be."""

import csv
import io
import math
import re

from frugalbench.errors import UsageError
from frugalbench.spec import Embodied, Factor

__all__ = ["LIMITS", "check_embodied", "check_factor", "read", "read_embodied"]

LIMITS: dict[str, tuple[str, float, float]] = {
    "grid_carbon": ("g/kWh", 0.0, 1500.0),
    "grid_water": ("L/kWh", 0.0, 100.0),
    # A kWh holds 3.6 MJ, so less primary energy than that went into none.
    "grid_primary_energy": ("MJ/kWh", 3.6, 100.0),
}
"""The unit of each kind of factor and the range outside which it is a mistake."""

FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_KG = 100_000.0
LIFETIMES = (1.0, 30.0)

GRID = ("country", "value", "unit", "year", "source", "url", "low", "high")
MADE = ("hardware", "kg", "low", "high", "lifetime_years", "year", "source", "url")

COUNTRY = re.compile(r"[A-Z]{2}")
HARDWARE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
YEAR = re.compile(r"\d{4}", re.ASCII)
ADDRESS = re.compile(r"https?://\S+")


def read(name: str, text: str) -> dict[str, Factor]:
    """Parse a table of grid factors by country and refuse impossible rows.

    Args:
        name: a key of `LIMITS`.
        text: CSV with the columns country, value, unit, year, source, url, low, high; the last
            two may be empty.

    Raises:
        UsageError: other columns, a cell that is not a number, a figure that is not possible, no
            source or address, or a country given twice or not by its code; with file and line.
    """
    table: dict[str, Factor] = {}
    for where, row in _rows(name, text, GRID):
        factor = Factor(
            value=_number(where, row, "value"),
            unit=row["unit"],
            year=_year(where, row),
            source=row["source"],
            url=row["url"],
            low=_optional(where, row, "low"),
            high=_optional(where, row, "high"),
        )
        country = row["country"]
        if not COUNTRY.fullmatch(country):
            raise UsageError(f"{where}: {country!r} is not a two-letter code such as FR")
        check_factor(name, factor, where)
        if country in table:
            raise UsageError(f"{where}: {country} is given twice")
        table[country] = factor
    return table


def read_embodied(text: str) -> dict[str, Embodied]:
    """Parse the table of what it took to make machines, and refuse impossible rows.

    Raises:
        UsageError: as `read`; also a lifetime outside 1 to 30 years.
    """
    table: dict[str, Embodied] = {}
    for where, row in _rows("embodied", text, MADE):
        made = Embodied(
            hardware=row["hardware"],
            kg=_number(where, row, "kg"),
            low=_optional(where, row, "low"),
            high=_optional(where, row, "high"),
            lifetime_years=_number(where, row, "lifetime_years"),
            year=_year(where, row),
            source=row["source"],
            url=row["url"],
        )
        if not HARDWARE.fullmatch(made.hardware):
            raise UsageError(f"{where}: {made.hardware!r} is not a name such as nvidia-l4")
        check_embodied(made, where)
        if made.hardware in table:
            raise UsageError(f"{where}: {made.hardware} is given twice")
        table[made.hardware] = made
    return table


def check_factor(name: str, factor: Factor, where: str) -> None:
    """Refuse a factor that cannot be right, or that does not say where it comes from.

    Raises:
        UsageError: in one line that begins with `where`.
    """
    unit, least, most = LIMITS[name]
    if factor.unit != unit or not least <= factor.value <= most:
        raise UsageError(
            f"{where}: {factor.value:g} {factor.unit} is not possible: "
            f"it must be a number of {unit} from {least:g} to {most:g}"
        )
    _check_ends(where, factor.low, factor.value, factor.high, least, most)
    _check_origin(where, factor.year, factor.source, factor.url)


def check_embodied(made: Embodied, where: str) -> None:
    """Refuse a footprint that cannot be right, or that does not say where it comes from.

    Raises:
        UsageError: in one line that begins with `where`.
    """
    if not 0 < made.kg <= MOST_KG:
        raise UsageError(f"{where}: {made.kg:g} kg is not possible: above 0, up to {MOST_KG:g}")
    if not LIFETIMES[0] <= made.lifetime_years <= LIFETIMES[1]:
        raise UsageError(f"{where}: a life of {made.lifetime_years:g} years is not 1 to 30")
    _check_ends(where, made.low, made.kg, made.high, 0.0, MOST_KG)
    _check_origin(where, made.year, made.source, made.url)


def _check_ends(
    where: str, low: float | None, value: float, high: float | None, least: float, most: float
) -> None:
    bottom, top = value if low is None else low, value if high is None else high
    if not least <= bottom <= value <= top <= most:
        raise UsageError(
            f"{where}: low {bottom:g}, value {value:g}, high {top:g} are not in this order "
            f"between {least:g} and {most:g}"
        )


def _check_origin(where: str, year: int, source: str, url: str) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UsageError(f"{where}: {year} is not the year of a figure that can be used")
    if not source.strip() or not ADDRESS.fullmatch(url):
        raise UsageError(f"{where}: a figure needs its source and an http(s) address (url)")


def _rows(name: str, text: str, columns: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
    """Every row with where it stands; cells are stripped of nothing."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, dict[str, str]]] = []
    try:
        for cells in reader:
            where = f"{name}.csv, line {reader.line_num}"
            if reader.line_num == 1:
                if tuple(cells) != columns:
                    raise UsageError(f"{where}: the columns must be {','.join(columns)}")
                continue
            if len(cells) != len(columns):
                raise UsageError(f"{where}: {len(cells)} cells instead of {len(columns)}")
            rows.append((where, dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        raise UsageError(f"{name}.csv, line {reader.line_num}: {error}") from None
    if not rows:
        raise UsageError(f"{name}.csv holds no row")
    return rows


def _number(where: str, row: dict[str, str], column: str) -> float:
    cell = row[column]
    value = float(cell) if NUMBER.fullmatch(cell) else math.nan
    if not math.isfinite(value):
        raise UsageError(f"{where}: {column} must be a plain number, not {cell[:40]!r}")
    return value


def _optional(where: str, row: dict[str, str], column: str) -> float | None:
    return _number(where, row, column) if row[column] else None


def _year(where: str, row: dict[str, str]) -> int:
    if not YEAR.fullmatch(row["year"]):
        raise UsageError(f"{where}: year must be four digits, not {row['year'][:40]!r}")
    return int(row["year"])
