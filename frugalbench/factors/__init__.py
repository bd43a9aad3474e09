"""Dated, sourced factors: grams of CO2e and litres of water per kWh of a country's grid.

Each table is a CSV beside this file with the columns country (ISO 3166-1 alpha-2), value, unit,
year, source and url. The loader refuses a row that is physically impossible or without a source;
a country that is not in a table has no factor, and no other country's is used in its place.
"""

import csv
from functools import cache
from importlib.resources import files

from frugalbench.errors import UsageError
from frugalbench.spec import Factor

__all__ = ["countries", "grid_carbon", "grid_water"]

LIMITS = {"grid_carbon": ("g/kWh", 0.0, 1500.0), "grid_water": ("L/kWh", 0.0, 100.0)}
FIRST_YEAR = 2000


def grid_carbon(country: str) -> Factor | None:
    """Grams of CO2e per kWh of the country's grid, location-based yearly average, or None."""
    return _table("grid_carbon").get(country.upper())


def grid_water(country: str) -> Factor | None:
    """Litres of water consumed to make a kWh of the country's grid, or None."""
    return _table("grid_water").get(country.upper())


def countries() -> tuple[str, ...]:
    """The countries with a grid carbon factor."""
    return tuple(sorted(_table("grid_carbon")))


@cache
def _table(name: str) -> dict[str, Factor]:
    text = (files(__name__) / f"{name}.csv").read_text(encoding="utf-8")
    return read(name, text)


def read(name: str, text: str) -> dict[str, Factor]:
    """Parse a table and refuse impossible rows.

    Raises:
        UsageError: a unit that is not the table's, a value out of the possible range, a row
            without a year, source or address, or a country given twice or not by its code.
    """
    unit, low, high = LIMITS[name]
    table: dict[str, Factor] = {}
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        where = f"factor table {name}, line {number}"
        try:
            value, year = float(row["value"]), int(row["year"])
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{where}: value and year must be numbers") from None
        country = row.get("country") or ""
        if not (len(country) == 2 and country.isascii() and country.isupper()):
            raise UsageError(f"{where}: {country!r} is not a two-letter code such as FR")
        if row.get("unit") != unit or not low <= value <= high or year < FIRST_YEAR:
            raise UsageError(f"{where}: {value:g} {row.get('unit')} of {year} is not possible")
        if not (row.get("source") and row.get("url")):
            raise UsageError(f"{where}: a factor needs its source and url")
        if country in table:
            raise UsageError(f"{where}: {country} is given twice")
        table[country] = Factor(
            value=value, unit=unit, year=year, source=row["source"], url=row["url"]
        )
    return table
