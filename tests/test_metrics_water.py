"""Litres of water on site and off site: each multiplied by what it is defined on, no more."""

import math
from typing import Any

import pytest
from _build import FAILED, PLACE, change, metered, missing, value, window
from _environment import deployed
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.spec import Factor, Site

ADDRESSES = ("water.per_inference", "water.on_site_per_inference", "water.off_site_per_inference")

KWH = [window(3.6e6, calls=1)] * 3


def grid(worth: float = 4.0, year: int = 2024, **ends: Any) -> Factor:
    return Factor(value=worth, unit="L/kWh", year=year, source="somewhere", **ends)


def test_a_kilowatt_hour_by_hand() -> None:
    record = metered(KWH)
    # 2 L on site, which PUE does not multiply, and 1.5 kWh of 4 L elsewhere.
    assert value("water.per_inference", record).estimate == pytest.approx(2 + 1.5 * 4)
    assert value("water.on_site_per_inference", record).estimate == pytest.approx(2.0)
    assert value("water.off_site_per_inference", record).estimate == pytest.approx(6.0)


PLACES = st.builds(
    lambda pue, wue, low, more, most: change(
        PLACE,
        pue=pue,
        wue=wue,
        grid_water=grid(low + more, low=low, high=low + more + most),
    ),
    st.floats(1, 3),
    st.floats(0, 20),
    st.floats(0, 30),
    st.floats(0, 30),
    st.floats(0, 30),
)


@given(site=PLACES, joules=st.floats(0.1, 1e6))
def test_water_is_its_formula_end_by_end_and_its_two_parts(site: Site, joules: float) -> None:
    record = metered([window(joules), window(joules * 1.1), window(joules * 0.9)], site=site)
    energy = value("energy.per_inference", record)
    whole, on, off = (value(address, record) for address in ADDRESSES)
    factor, pue, wue = site.grid_water, site.pue, site.wue
    assert factor is not None
    assert pue is not None
    assert wue is not None
    for end, litres in (("low", factor.low), ("estimate", factor.value), ("high", factor.high)):
        assert litres is not None
        e = getattr(energy, end) / 3.6e6
        assert getattr(on, end) == pytest.approx(e * wue)
        assert getattr(off, end) == pytest.approx(e * pue * litres)
        assert getattr(whole, end) == pytest.approx(e * (wue + pue * litres))
    assert whole.unit == on.unit == off.unit == "L"
    assert whole.method == on.method == off.method == energy.method


@given(pue=st.floats(1, 3))
def test_pue_never_multiplies_what_evaporates_on_site(pue: float) -> None:
    """WUE is defined per kWh of IT energy; a tracker has multiplied it after PUE."""
    site = change(PLACE, pue=pue, grid_water=grid(0.0))
    assert value("water.per_inference", metered(KWH, site=site)).estimate == pytest.approx(2.0)
    assert value("water.on_site_per_inference", metered(KWH, site=site)).estimate == pytest.approx(
        2
    )


def test_an_unknown_wue_is_missing_and_a_stated_zero_is_zero() -> None:
    unknown, none = change(PLACE, wue=None), change(PLACE, wue=0.0)
    for address in ADDRESSES[:2]:
        assert missing(address, metered(KWH, site=unknown)).reason == "no_wue"
    assert value("water.on_site_per_inference", metered(KWH, site=none)).estimate == 0
    assert value("water.per_inference", metered(KWH, site=none)).estimate == pytest.approx(6.0)
    # What is consumed elsewhere needs no WUE.
    assert value("water.off_site_per_inference", metered(KWH, site=unknown)).estimate > 0


@pytest.mark.parametrize(
    ("lacking", "whole", "on", "off"),
    [
        ({"pue": None}, "no_pue", None, "no_pue"),
        ({"grid_water": None}, "no_factor", None, "no_factor"),
        ({"grid_carbon": None}, None, None, None),
    ],
)
def test_what_the_site_does_not_state_is_missing_where_it_is_needed(
    lacking: dict[str, None], whole: str | None, on: str | None, off: str | None
) -> None:
    record = metered(KWH, site=change(PLACE, **lacking))
    for address, reason in zip(ADDRESSES, (whole, on, off), strict=True):
        if reason is None:
            assert value(address, record).estimate > 0
        else:
            assert missing(address, record).reason == reason


def test_without_a_site_or_a_run_there_is_no_water() -> None:
    for address in ADDRESSES:
        assert missing(address, metered(KWH, site=None)).reason == "no_site"
        assert missing(address, FAILED).reason == "no_run"


@pytest.mark.parametrize(
    ("worth", "unit"),
    [
        *((4.0, "g/kWh"), (4.0, "m3/kWh"), (4.0, ""), (-1.0, "L/kWh"), (101.0, "L/kWh")),
        *((math.nan, "L/kWh"), (math.inf, "L/kWh")),
    ],
)
def test_cubic_metres_are_not_taken_for_litres_nor_nonsense_for_a_factor(
    worth: float, unit: str
) -> None:
    site = change(PLACE, grid_water=change(grid(worth), unit=unit))
    for address in (ADDRESSES[0], ADDRESSES[2]):
        found = missing(address, metered(KWH, site=site))
        assert found.reason == "no_factor"
        assert "kWh" in found.detail


def test_notes_say_the_years_the_bounds_and_the_age() -> None:
    site = change(PLACE, grid_water=grid(4.0, year=2020, low=3.0, high=6.0))
    for address in (ADDRESSES[0], ADDRESSES[2]):
        note = value(address, deployed(site=site)).note
        assert "4 L/kWh (factor of 2020, over three years old; 3 to 6), PUE 1.5" in note
    bare = value("water.per_inference", deployed()).note
    assert "its own uncertainty is not known" in bare
    assert "on site 2 L/kWh" in bare


def test_a_pretend_meter_stays_pretend_in_litres() -> None:
    record = metered([window(10.0, method="pretend", meter="fake")] * 5)
    for address in ADDRESSES:
        assert value(address, record).method == "pretend"
