"""A year of a deployment: the measured rate times a stated demand, and never more than said."""

import math
from typing import Any

import pytest
from _build import FAILED, PLACE, change, missing, value, window
from _environment import deployed
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.metrics import every
from frugalbench.metrics.projection import equivalents
from frugalbench.values import GRADES, Value

ADDRESSES = ("projection.energy", "projection.carbon", "projection.water")
DEMAND = change(PLACE, daily_inferences=1000.0)


def test_a_thousand_a_day_of_a_tenth_of_a_joule_by_hand() -> None:
    record = deployed(site=DEMAND)
    energy = value("projection.energy", record)
    # 0.1 J · 1.5 · 1000 · 365.25 = 54,787.5 J.
    assert energy.estimate == pytest.approx(54_787.5 / 3.6e6)
    carbon = value("projection.carbon", record)
    use, made = 54_787.5 / 3.6e6 * 100 / 1000, 365_250 * 1e3 * 0.001 / (4 * 365.25 * 86_400)
    assert carbon.estimate == pytest.approx(use + made)
    water = value("projection.water", record)
    assert water.estimate == pytest.approx(36_525 / 3.6e6 * (2 + 1.5 * 4))
    assert (energy.unit, carbon.unit, water.unit) == ("kWh", "kg", "L")


@given(daily=st.floats(1e-3, 1e9), pue=st.floats(1, 3), joules=st.floats(0.1, 1e4))
def test_a_projection_is_the_measured_rate_times_the_demand_end_by_end(
    daily: float, pue: float, joules: float
) -> None:
    site = change(PLACE, pue=pue, daily_inferences=daily)
    windows = [window(joules), window(1.1 * joules), window(0.9 * joules)]
    record = deployed(windows, site=site)
    year = daily * 365.25
    parts = (
        ("projection.energy", "energy.per_inference", pue * year / 3.6e6),
        ("projection.water", "water.per_inference", year),
    )
    for projected, measured, times in parts:
        found, one = value(projected, record), value(measured, record)
        for end in ("low", "estimate", "high"):
            assert getattr(found, end) == pytest.approx(getattr(one, end) * times)
        assert (found.n, found.method) == (one.n, one.method)
    carbon = value("projection.carbon", record)
    use = value("carbon.per_inference", record)
    made = value("carbon.embodied_per_inference", record)
    for end in ("low", "estimate", "high"):
        both = (getattr(use, end) + getattr(made, end)) * year / 1000
        assert getattr(carbon, end) == pytest.approx(both)


def test_kilograms_are_a_thousand_grams() -> None:
    record = deployed(site=DEMAND, target={"embodied": None})
    grams = value("carbon.per_inference", record).estimate * 365_250
    assert value("projection.carbon", record).estimate == pytest.approx(grams / 1000)


def test_every_note_says_that_it_is_a_projection_and_by_what() -> None:
    for address in ADDRESSES:
        note = value(address, deployed(site=DEMAND)).note
        assert note.startswith("projection: 1,000 inferences a day as measured, 365.25 days")
        assert "PUE 1.5" in note


def test_carbon_says_whether_the_making_is_in_it() -> None:
    known = value("projection.carbon", deployed(site=DEMAND))
    bare = value("projection.carbon", deployed(site=DEMAND, target={"embodied": None}))
    assert "with embodied carbon" in known.note
    assert "box, 1000 kg" in known.note
    assert "without embodied carbon (no_hardware)" in bare.note
    assert bare.estimate < known.estimate
    assert (known.method, bare.method) == ("modelled", "hardware_counter")


def test_utilisation_makes_a_year_cost_more_hardware() -> None:
    waiting = change(DEMAND, utilisation=0.1)
    busy = value("projection.carbon", deployed(site=DEMAND))
    idle = value("projection.carbon", deployed(site=waiting))
    use = value("carbon.per_inference", deployed(site=DEMAND)).estimate * 365.25
    assert idle.estimate - use == pytest.approx(10 * (busy.estimate - use))


@pytest.mark.parametrize("method", ["external_meter", "hardware_counter", "modelled", "pretend"])
def test_how_the_energy_was_got_stays_with_it_and_its_quality_too(method: Any) -> None:
    record = deployed([window(10.0, method=method)] * 5, site=DEMAND)
    energy = value("energy.per_inference", record)
    found = value("projection.energy", record)
    assert found.method == energy.method == method
    assert found.grade == energy.grade
    assert found.grade in GRADES
    assert value("projection.water", record).method == method


def test_without_a_stated_demand_nothing_is_projected() -> None:
    for record in (deployed(), deployed(site=None), FAILED):
        for address in ADDRESSES:
            found = missing(address, record)
            assert found.reason == "no_projection"
            assert "site.daily_inferences=" in found.detail


@pytest.mark.parametrize(
    ("lacking", "reasons"),
    [
        ({"pue": None}, ("no_pue", "no_pue", "no_pue")),
        ({"grid_carbon": None}, (None, "no_factor", None)),
        ({"wue": None}, (None, None, "no_wue")),
        ({"grid_water": None}, (None, None, "no_factor")),
    ],
)
def test_what_is_missing_for_one_inference_is_missing_for_a_year(
    lacking: dict[str, None], reasons: tuple[str | None, ...]
) -> None:
    record = deployed(site=change(DEMAND, **lacking))
    for address, reason in zip(ADDRESSES, reasons, strict=True):
        if reason is None:
            assert value(address, record).estimate > 0
        else:
            assert missing(address, record).reason == reason


@given(daily=st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_no_demand_breaks_the_sums(daily: float) -> None:
    record = deployed(site=change(PLACE, daily_inferences=daily, wue=0.0))
    for address in ADDRESSES:
        found = value(address, record)
        assert 0 <= found.low <= found.estimate <= found.high


def test_a_projection_is_found_at_its_address_once() -> None:
    assert {name for name in every() if name.startswith("projection.")} == set(ADDRESSES)
    for name in ADDRESSES:
        assert every()[name].title != every()[name].titre


# Everyday terms


def amount(estimate: float, unit: str) -> Value:
    return Value(
        estimate=estimate,
        unit=unit,
        low=estimate / 2,
        high=2 * estimate,
        n=1,
        method="modelled",
        interval="sum_of_ends",
    )


@pytest.mark.parametrize(
    ("unit", "key", "each"),
    [
        ("kWh", "led_lamp_hours", 0.01),
        ("kWh", "electric_car_km", 0.21),
        ("kWh", "french_household_years", 5032.258),
        ("kg", "petrol_car_km", 0.1697),
        ("kg", "tgv_km", 0.00293),
        ("L", "short_showers", 35.0),
        ("L", "small_baths", 150.0),
    ],
)
def test_an_amount_in_everyday_terms(unit: str, key: str, each: float) -> None:
    (found,) = (one for one in equivalents(amount(100.0, unit)) if one.key == key)
    assert found.amount == pytest.approx(100.0 / each, rel=1e-6)
    assert found.low == pytest.approx(found.amount / 2)
    assert found.high == pytest.approx(found.amount * 2)
    assert found.unit == unit
    assert found.each == pytest.approx(each, rel=1e-6)


def test_every_equivalence_has_its_source_and_all_but_a_definition_an_address() -> None:
    for unit in ("kWh", "kg", "L"):
        found = equivalents(amount(1.0, unit))
        assert len({one.key for one in found}) == len(found) >= 2
        for one in found:
            assert one.source
            if one.key == "led_lamp_hours":
                assert (one.year, one.url) == (0, "")
            else:
                assert one.url.startswith("https://")
                assert 2015 <= one.year <= 2030


@pytest.mark.parametrize("unit", ["J", "g", "s", "1", "", "mL"])
def test_other_units_have_no_everyday_terms(unit: str) -> None:
    assert equivalents(amount(1.0, unit)) == ()


def test_nothing_amounts_to_nothing() -> None:
    assert [one.amount for one in equivalents(amount(0.0, "kWh"))] == [0.0, 0.0, 0.0]
    assert math.isinf(equivalents(amount(math.inf, "L"))[0].amount)
