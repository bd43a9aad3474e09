"""Dated, sourced figures: the carbon and water of a country's grid, and the making of hardware.

Each table is a CSV beside this file. `grid_carbon` and `grid_water` are by country (ISO 3166-1
alpha-2), `embodied` by a name of hardware. Every row has its year, source and address; `low` and
`high` bound it where a rule that is written down in docs/environment.md gives bounds, and are
empty where nothing is known. What is not in a table has no figure, and no other row's is used in
its place. `scripts/make_factors.py` writes the tables.
"""

from functools import cache
from importlib.resources import files

import msgspec

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.factors._read import LIMITS, check_embodied, check_factor, read, read_embodied
from frugalbench.spec import Embodied, Factor, Site, Target

__all__ = [
    "LIMITS",
    "check_embodied",
    "check_factor",
    "check_site",
    "countries",
    "embodied",
    "grid_carbon",
    "grid_water",
    "hardware",
    "read",
    "read_embodied",
    "with_embodied",
]


def grid_carbon(country: str) -> Factor | None:
    """Grams of CO2e per kWh of the country's grid, location-based yearly average, or None."""
    return _grid("grid_carbon").get(country.upper())


def grid_water(country: str) -> Factor | None:
    """Litres of water consumed to make a kWh of the country's grid, or None."""
    return _grid("grid_water").get(country.upper())


def embodied(name: str) -> Embodied | None:
    """What it took to make this hardware, or None: kg of CO2e over its life."""
    return _made().get(name.lower())


def countries() -> tuple[str, ...]:
    """The countries with a grid carbon factor."""
    return tuple(sorted(_grid("grid_carbon")))


def hardware() -> tuple[str, ...]:
    """The names in the embodied table."""
    return tuple(sorted(_made()))


def check_site(site: Site) -> None:
    """Hold the factors that a site states to what a row of a table is held to.

    Raises:
        UsageError: a factor that is not possible or does not say where it comes from.
    """
    if site.grid_carbon is not None:
        check_factor("grid_carbon", site.grid_carbon, "site.grid_carbon")
    if site.grid_water is not None:
        check_factor("grid_water", site.grid_water, "site.grid_water")


def with_embodied(target: Target) -> Target:
    """The target with the row of its hardware, where it states no figure itself.

    Raises:
        UsageError: the hardware is in no row, or the stated figure does not hold up.
    """
    if target.embodied is not None:
        check_embodied(target.embodied, "target.embodied")
        return target
    if target.hardware is None:
        return target
    found = embodied(target.hardware)
    if found is None:
        raise UsageError(
            f"target.hardware={target.hardware} is in no row of the embodied table "
            f"(state target.embodied yourself, or {did_you_mean(target.hardware, hardware())})"
        )
    return msgspec.structs.replace(target, embodied=found)


@cache
def _grid(name: str) -> dict[str, Factor]:
    return read(name, _text(name))


@cache
def _made() -> dict[str, Embodied]:
    return read_embodied(_text("embodied"))


def _text(name: str) -> str:
    return (files(__name__) / f"{name}.csv").read_text(encoding="utf-8")
