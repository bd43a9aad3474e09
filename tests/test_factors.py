"""Environmental factors: sourced, possible, and never another country's."""

import csv
import io
from importlib.resources import files

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from frugalbench import factors
from frugalbench.errors import UsageError

COLUMNS = ("country", "value", "unit", "year", "source", "url")
GOOD = {
    "country": "FR",
    "value": "50",
    "unit": "g/kWh",
    "year": "2024",
    "source": "somebody",
    "url": "https://example.org",
}


def table(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("name", factors.LIMITS)
def test_every_shipped_row_loads_with_its_source(name: str) -> None:
    text = (files(factors) / f"{name}.csv").read_text(encoding="utf-8")
    found = factors.read(name, text)
    assert len(found) == len(text.splitlines()) - 1 > 0
    unit, low, high = factors.LIMITS[name]
    for country, factor in found.items():
        assert country.isupper()
        assert factor.unit == unit
        assert low < factor.value < high
        assert factor.source
        assert factor.url.startswith("https://")
        assert 2015 <= factor.year <= 2030


def test_a_country_is_found_in_either_case() -> None:
    found = factors.grid_carbon("FR")
    assert found is not None
    assert found.unit == "g/kWh"
    assert factors.grid_carbon("fr") == found
    assert "FR" in factors.countries()
    assert list(factors.countries()) == sorted(factors.countries())


@pytest.mark.parametrize("country", ["ZZ", "", "FRA", "France", "F", "../FR"])
def test_an_unknown_country_has_no_factor_and_not_another_ones(country: str) -> None:
    assert factors.grid_carbon(country) is None
    assert factors.grid_water(country) is None


def test_carbon_and_water_know_their_own_countries_only() -> None:
    assert factors.grid_water("US") is not None
    assert factors.grid_carbon("US") is None


def test_a_good_row_is_read() -> None:
    found = factors.read("grid_carbon", table(GOOD))["FR"]
    assert (found.value, found.unit, found.year, found.source) == (50, "g/kWh", 2024, "somebody")


@given(value=st.floats())
def test_a_value_is_read_when_it_is_possible_and_refused_when_it_is_not(value: float) -> None:
    text = table(GOOD | {"value": repr(value)})
    if 0 <= value <= 1500:
        assert factors.read("grid_carbon", text)["FR"].value == value
    else:
        with pytest.raises(UsageError, match="line 2"):
            factors.read("grid_carbon", text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "-1"},
        {"value": "1501"},
        {"value": "nan"},
        {"value": "1e400"},
        {"value": "fifty"},
        {"value": ""},
        {"unit": "kg/kWh"},
        {"unit": ""},
        {"year": "1999"},
        {"year": "2024.5"},
        {"year": ""},
        {"source": ""},
        {"url": ""},
        {"country": ""},
        {"country": "fr"},
        {"country": "FRA"},
        {"country": "France"},
        {"country": "ÉÉ"},
    ],
)
def test_a_row_that_is_impossible_or_without_a_source_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        factors.read("grid_carbon", table({**GOOD, "country": "DE"}, GOOD | wrong))
    assert "grid_carbon, line 3" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lacking", COLUMNS)
def test_a_table_without_a_column_is_refused(lacking: str) -> None:
    columns = tuple(name for name in COLUMNS if name != lacking)
    with pytest.raises(UsageError):
        factors.read("grid_carbon", table(GOOD, columns=columns))


def test_a_row_that_was_cut_short_is_refused() -> None:
    text = table(GOOD)
    for end in range(text.index("FR") + 1, text.rindex("http")):
        with pytest.raises(UsageError):
            factors.read("grid_carbon", text[:end])


def test_a_country_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="FR is given twice"):
        factors.read("grid_carbon", table(GOOD, GOOD | {"value": "60"}))


def test_water_in_grams_is_refused() -> None:
    with pytest.raises(UsageError, match="not possible"):
        factors.read("grid_water", table(GOOD))


@given(unit=st.text(max_size=8))
def test_only_the_tables_own_unit_is_read(unit: str) -> None:
    assume(unit != "g/kWh")
    assume(unit.isprintable())
    with pytest.raises(UsageError):
        factors.read("grid_carbon", table(GOOD | {"unit": unit}))
