"""Environmental figures: sourced, dated, possible, and never another country's or machine's."""

import csv
import io
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from frugalbench import factors
from frugalbench.errors import UsageError
from frugalbench.settings import with_factors
from frugalbench.spec import Embodied, Factor, Model, Site, Spec, Target

ROOT = Path(__file__).parent.parent
GRIDS = ("grid_carbon", "grid_water")
UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
ELSEWHERE = "CH GB NO IS US CA JP CN IN BR AU ZA KR"
EUROPE, OTHERS = set(UNION.split()), set(ELSEWHERE.split())

COLUMNS = ("country", "value", "unit", "year", "source", "url", "low", "high")
GOOD = {
    "country": "FR",
    "value": "50",
    "unit": "g/kWh",
    "year": "2024",
    "source": "somebody",
    "url": "https://example.org",
    "low": "40",
    "high": "60",
}
MADE_COLUMNS = ("hardware", "kg", "low", "high", "lifetime_years", "year", "source", "url")
MADE = {
    "hardware": "box-1",
    "kg": "1000",
    "low": "800",
    "high": "",
    "lifetime_years": "4",
    "year": "2024",
    "source": "its maker",
    "url": "https://example.org",
}


def table(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def made(*rows: dict[str, str]) -> str:
    return table(*rows, columns=MADE_COLUMNS)


def shipped(name: str) -> str:
    return (files(factors) / f"{name}.csv").read_text(encoding="utf-8")


def refused(name: str, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        factors.read_embodied(text) if name == "embodied" else factors.read(name, text)
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(f"{name}.csv")
    return line


# What is shipped


@pytest.mark.parametrize("name", GRIDS)
def test_every_shipped_factor_loads_with_its_source(name: str) -> None:
    text = shipped(name)
    found = factors.read(name, text)
    assert len(found) == len(text.splitlines()) - 1 > 0
    unit, least, most = factors.LIMITS[name]
    for country, factor in found.items():
        assert country.isupper()
        assert factor.unit == unit
        assert least < factor.value < most
        assert factor.source
        assert factor.url.startswith("https://")
        assert 2015 <= factor.year <= 2030
        if factor.low is not None or factor.high is not None:
            assert factor.low is not None
            assert factor.high is not None
            assert factor.low <= factor.value <= factor.high


def test_every_shipped_machine_loads_with_its_source() -> None:
    text = shipped("embodied")
    found = factors.read_embodied(text)
    assert len(found) == len(text.splitlines()) - 1 >= 12
    assert factors.hardware() == tuple(sorted(found))
    for one in found.values():
        assert one.source
        assert one.url.startswith("https://")
        assert 2015 <= one.year <= 2030
        assert (one.low or one.kg) <= one.kg <= (one.high or one.kg)


def test_france_and_the_rest_of_the_union_are_complete_in_carbon() -> None:
    assert len(EUROPE) == 27
    assert set(factors.countries()) >= EUROPE | OTHERS
    assert len(factors.countries()) > 140
    for country in EUROPE:
        factor = factors.grid_carbon(country)
        assert factor is not None
        assert factor.year >= 2024
        assert factor.low is not None


def test_water_is_complete_in_the_union_and_the_page_says_whose_is_computed() -> None:
    assert {country for country in EUROPE if factors.grid_water(country) is None} == set()
    computed = factors.grid_water("HR")
    assert computed is not None
    # By hand: reservoirs are 7.87 of 16.93 TWh, 4,491 gallons a MWh, the rest half a litre.
    assert computed.value == pytest.approx(7.87 / 16.93 * 4491 * 3.7854 / 1000 + 0.546, abs=0.01)
    assert computed.low == pytest.approx(0.546, abs=0.01)
    assert factors.grid_water("FR") is not None
    assert {country for country in OTHERS if factors.grid_water(country) is None} == {"ZA"}
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    assert "26 of the 27" in page
    assert "Croatia" in page


def test_the_page_names_every_machine_of_the_table() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    for name in factors.hardware():
        assert f"`{name}`" in page, name


def test_the_tables_are_in_order_so_that_changes_can_be_read() -> None:
    for name in (*GRIDS, "embodied"):
        keys = [line.split(",")[0] for line in shipped(name).splitlines()[1:]]
        assert keys == sorted(keys)


def test_a_country_is_found_in_either_case() -> None:
    found = factors.grid_carbon("FR")
    assert found is not None
    assert found.unit == "g/kWh"
    assert factors.grid_carbon("fr") == found
    assert list(factors.countries()) == sorted(factors.countries())


@pytest.mark.parametrize("country", ["ZZ", "", "FRA", "France", "F", "../FR"])
def test_an_unknown_country_has_no_factor_and_not_another_ones(country: str) -> None:
    assert factors.grid_carbon(country) is None
    assert factors.grid_water(country) is None


def test_a_machine_is_found_by_its_whole_name_in_either_case() -> None:
    assert factors.embodied("nvidia-l4") == factors.embodied("NVIDIA-L4") is not None
    for name in ("nvidia", "l4", "", "../embodied"):
        assert factors.embodied(name) is None


def test_a_server_by_component_formulas_comes_to_what_others_compute() -> None:
    """The same inputs in Boavizta's own tool: 1,200 kg, 634 to 2,102."""
    found = factors.embodied("server-1u-2cpu-384gb")
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.kg == pytest.approx(1200, rel=0.05)
    assert 634 <= found.low <= found.high <= 2102


def test_a_die_of_1600_square_millimetres_is_40_66_kilograms() -> None:
    found = factors.embodied("cpu-amd-epyc-7742")
    assert found is not None
    assert found.kg == 40.66


# What a grid table is held to


def test_a_good_row_is_read() -> None:
    found = factors.read("grid_carbon", table(GOOD))["FR"]
    assert (found.value, found.unit, found.year, found.source) == (50, "g/kWh", 2024, "somebody")
    assert (found.low, found.high) == (40, 60)
    bare = factors.read("grid_carbon", table(GOOD | {"low": "", "high": ""}))["FR"]
    assert (bare.low, bare.high) == (None, None)


@given(value=st.floats())
def test_a_value_is_read_when_it_is_possible_and_refused_when_it_is_not(value: float) -> None:
    text = table(GOOD | {"value": repr(value), "low": "", "high": ""})
    if 0 <= value <= 1500:
        assert factors.read("grid_carbon", text)["FR"].value == value
    else:
        assert "line 2" in refused("grid_carbon", text)


@given(ends=st.tuples(*[st.floats(0, 1500)] * 3))
def test_bounds_are_read_in_their_order_and_refused_in_any_other(
    ends: tuple[float, float, float],
) -> None:
    low, value, high = ends
    text = table(GOOD | {"low": repr(low), "value": repr(value), "high": repr(high)})
    if low <= value <= high:
        found = factors.read("grid_carbon", text)["FR"]
        assert (found.low, found.value, found.high) == ends
    else:
        assert "order" in refused("grid_carbon", text)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"value": "-1"}, {"value": "1501"}, {"value": "nan"}, {"value": "1e400"}),
        *({"value": "fifty"}, {"value": ""}, {"value": " 50"}, {"value": "5_0"}, {"value": "٥٠"}),
        *({"unit": "kg/kWh"}, {"unit": ""}, {"unit": "L/kWh"}),
        *({"year": "1999"}, {"year": "2024.5"}, {"year": ""}, {"year": "٢٠٢٤"}, {"year": "24"}),
        *({"year": "2101"}, {"source": ""}, {"source": "  "}),
        *({"url": ""}, {"url": "example.org"}, {"url": "ftp://example.org"}, {"url": "https://"}),
        *({"low": "51"}, {"high": "49"}, {"low": "-1"}, {"high": "1501"}, {"low": "nan"}),
        *({"low": "few"}, {"high": "inf"}),
        *({"country": ""}, {"country": "fr"}, {"country": "FRA"}, {"country": "France"}),
        *({"country": "ÉÉ"}, {"country": "F1"}, {"country": " FR"}),
    ],
)
def test_a_row_that_is_impossible_or_without_a_source_is_refused(wrong: dict[str, str]) -> None:
    line = refused("grid_carbon", table({**GOOD, "country": "DE"}, GOOD | wrong))
    assert line.startswith("grid_carbon.csv, line 3: ")


@pytest.mark.parametrize("lacking", COLUMNS)
def test_a_table_without_a_column_is_refused(lacking: str) -> None:
    columns = tuple(name for name in COLUMNS if name != lacking)
    assert "columns" in refused("grid_carbon", table(GOOD, columns=columns))


def test_a_table_with_a_column_of_its_own_is_refused() -> None:
    assert "columns" in refused("grid_carbon", table(GOOD, columns=(*COLUMNS, "more")))
    longer = table(GOOD).rstrip() + ",more\n"
    assert "9 cells instead of 8" in refused("grid_carbon", longer)


def test_a_row_that_was_cut_short_is_refused() -> None:
    text = table(GOOD)
    for end in range(text.index("FR") + 1, text.rindex("40")):
        refused("grid_carbon", text[:end])


def test_a_country_given_twice_is_refused() -> None:
    assert "FR is given twice" in refused("grid_carbon", table(GOOD, GOOD | {"value": "55"}))


@given(text=st.text(max_size=200))
def test_no_text_is_a_table_by_chance_or_a_traceback(text: str) -> None:
    for name in (*GRIDS, "embodied"):
        refused(name, text)


def test_a_table_of_nothing_is_refused() -> None:
    refused("grid_carbon", table())
    refused("grid_carbon", "")


def test_litres_and_grams_are_not_taken_for_each_other() -> None:
    assert "not possible" in refused("grid_water", table(GOOD))
    litres = GOOD | {"unit": "L/kWh"}
    assert "not possible" in refused("grid_carbon", table(litres))
    assert factors.read("grid_water", table(litres))["FR"].value == 50


@given(unit=st.text(st.characters(exclude_categories=("C", "Z")), max_size=8))
def test_only_the_tables_own_unit_is_read(unit: str) -> None:
    assume(unit != "g/kWh")
    refused("grid_carbon", table(GOOD | {"unit": unit}))


@pytest.mark.parametrize(("megajoules", "possible"), [("2.587", False), ("3.59", False),
                                                      ("3.6", True), ("11.3", True)])  # fmt: skip
def test_no_kilowatt_hour_is_made_of_less_primary_energy_than_it_holds(
    megajoules: str, possible: bool
) -> None:
    """A shipped table elsewhere gave 2.587 MJ for the world."""
    row = GOOD | {"value": megajoules, "unit": "MJ/kWh", "low": "", "high": ""}
    if possible:
        assert factors.read("grid_primary_energy", table(row))
    else:
        assert "3.6" in refused("grid_primary_energy", table(row))


# What the table of hardware is held to


def test_a_good_machine_is_read() -> None:
    found = factors.read_embodied(made(MADE))["box-1"]
    assert (found.kg, found.low, found.high, found.lifetime_years) == (1000, 800, None, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"kg": "0"}, {"kg": "-1"}, {"kg": "nan"}, {"kg": ""}, {"kg": "100001"}, {"kg": "1 t"}),
        *({"low": "1001"}, {"high": "999"}, {"low": "-1"}, {"high": "100001"}),
        *({"lifetime_years": "0.9"}, {"lifetime_years": "31"}, {"lifetime_years": ""}),
        *({"year": "1999"}, {"year": ""}, {"source": ""}, {"url": ""}, {"url": "example.org"}),
        *({"hardware": ""}, {"hardware": "Box"}, {"hardware": "a box"}, {"hardware": "-box"}),
    ],
)
def test_an_impossible_machine_is_refused(wrong: dict[str, str]) -> None:
    line = refused("embodied", made(MADE | {"hardware": "other"}, MADE | wrong))
    assert line.startswith("embodied.csv, line 3: ")


@given(kg=st.floats())
def test_a_footprint_is_above_nothing_and_below_a_hundred_tonnes(kg: float) -> None:
    text = made(MADE | {"kg": repr(kg), "low": ""})
    if 0 < kg <= 100_000:
        assert factors.read_embodied(text)["box-1"].kg == kg
    else:
        refused("embodied", text)


def test_a_machine_given_twice_is_refused() -> None:
    assert "box-1 is given twice" in refused("embodied", made(MADE, MADE))


# What a site and a target state


def spec(site: Site | None = None, **target: Any) -> Spec:
    return with_factors(Spec(model=Model(path="m"), target=Target(**target), site=site))


def stated_refused(site: Site | None = None, **target: Any) -> str:
    with pytest.raises(UsageError) as caught:
        spec(site, **target)
    line = str(caught.value)
    assert line.isprintable()
    return line


def stated(value: float = 50.0, **fields: Any) -> Factor:
    given: dict[str, Any] = {
        "unit": "g/kWh",
        "year": 2024,
        "source": "my supplier",
        "url": "https://example.org",
    }
    return Factor(value=value, **(given | fields))


def test_hardware_brings_its_row_with_and_without_a_site() -> None:
    for site in (None, Site(country="fr")):
        filled = spec(site, hardware="Nvidia-L4").target
        assert filled.embodied == factors.embodied("nvidia-l4")
        assert filled.hardware == "Nvidia-L4"
    assert spec().target.embodied is None


def test_a_stated_footprint_is_kept_and_checked() -> None:
    own = Embodied(
        hardware="mine", kg=10, lifetime_years=5, year=2024, source="me", url="https://example.org"
    )
    assert spec(hardware="nvidia-l4", embodied=own).target.embodied == own
    for wrong in (
        {"url": ""},
        {"source": ""},
        {"low": 11.0},
        {"year": 1999},
        {"lifetime_years": 0.5},
        {"kg": 1e9},
    ):
        line = stated_refused(embodied=msgspec.structs.replace(own, **wrong))
        assert line.startswith("target.embodied: ")


def test_unknown_hardware_is_refused_with_the_nearest_name() -> None:
    line = stated_refused(hardware="nvidia-l44")
    assert "target.hardware=nvidia-l44" in line
    assert "nvidia-l4" in line.split("did you mean")[1]
    stated_refused(hardware="\x1b[31m" + "x" * 500)


def test_a_stated_factor_is_kept_and_held_to_what_a_row_is() -> None:
    own = stated()
    site = spec(Site(country="fr", grid_carbon=own)).site
    assert site is not None
    assert site.grid_carbon == own
    assert site.grid_water == factors.grid_water("FR")
    for wrong in (
        stated(0.05, unit="kg/kWh"),
        stated(-1.0),
        stated(1501.0),
        stated(float("nan")),
        stated(url=""),
        stated(source=""),
        stated(year=1999),
        stated(low=51.0),
        stated(high=49.0),
    ):
        line = stated_refused(Site(country="FR", grid_carbon=wrong))
        assert line.startswith("site.grid_carbon: ")
    litres = stated(4.0)
    assert stated_refused(Site(country="FR", grid_water=litres)).startswith("site.grid_water: ")


@pytest.mark.parametrize("wrong", [{"pue": 0.99}, {"pue": 3.01}, {"wue": -0.1}, {"wue": 21.0},
                                   {"utilisation": 0.0}, {"utilisation": 1.1},
                                   {"daily_inferences": 0.0}])  # fmt: skip
def test_a_site_states_nothing_impossible(wrong: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"country": "FR", **wrong}, Site)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "site").glob("*.yaml")), ids=str)
def test_every_shipped_site_is_a_desk_without_a_cooling_plant(path: Path) -> None:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    if raw is None:
        assert path.stem == "none"
        return
    site = spec(msgspec.convert(raw, Site)).site
    assert site is not None
    assert (site.pue, site.wue) == (1.0, 0.0)
    assert site.grid_carbon is not None
    assert site.setting
