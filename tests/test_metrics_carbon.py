"""Grams of CO2e of use, of making and of both: exact sums, their ends, and nothing hidden."""

import math
from typing import Any

import msgspec
import pytest
from _build import FAILED, PLACE, change, metered, missing, value, window
from _environment import MADE, deployed
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import factors
from frugalbench.metrics import _site
from frugalbench.spec import Embodied, Factor, Site, Target

YEAR = 365.25 * 86_400
ADDRESSES = ("carbon.per_inference", "carbon.embodied_per_inference", "carbon.sci")


def grid(worth: float = 100.0, year: int = 2024, **ends: Any) -> Factor:
    return Factor(value=worth, unit="g/kWh", year=year, source="somewhere", **ends)


# The electricity of use


def test_a_kilowatt_hour_of_100_g_is_150_g_behind_a_pue_of_one_and_a_half() -> None:
    record = metered([window(3.6e6, calls=1)] * 3)
    found = value("carbon.per_inference", record)
    assert found.estimate == pytest.approx(150.0)
    assert (found.unit, found.method) == ("g", "hardware_counter")


PLACES = st.builds(
    lambda pue, low, middle, high: change(
        PLACE,
        pue=pue,
        grid_carbon=grid(sorted((low, middle, high))[1], low=min(low, middle, high),
                         high=max(low, middle, high)),
    ),
    st.floats(1, 3),
    st.floats(0, 1500),
    st.floats(0, 1500),
    st.floats(0, 1500),
)  # fmt: skip


@given(site=PLACES, joules=st.floats(0.1, 1e6))
def test_carbon_is_energy_times_pue_times_the_grid_end_by_end(site: Site, joules: float) -> None:
    record = metered([window(joules), window(joules * 1.1), window(joules * 0.9)], site=site)
    energy, carbon = value("energy.per_inference", record), value("carbon.per_inference", record)
    factor, pue = site.grid_carbon, site.pue
    assert factor is not None
    assert pue is not None
    for end, ci in (("low", factor.low), ("estimate", factor.value), ("high", factor.high)):
        assert ci is not None
        assert getattr(carbon, end) == pytest.approx(getattr(energy, end) * pue * ci / 3.6e6)
    assert carbon.low <= carbon.estimate <= carbon.high
    assert carbon.method == energy.method


def test_pue_is_counted_once() -> None:
    """Estimators have multiplied an energy that held the facility's share by PUE again."""
    one = value("carbon.per_inference", metered([window(3.6e6, calls=1)] * 3))
    two = change(PLACE, pue=3.0)
    twice = value("carbon.per_inference", metered([window(3.6e6, calls=1)] * 3, site=two))
    assert twice.estimate == pytest.approx(2 * one.estimate)
    plain = value("energy.per_inference", metered([window(3.6e6, calls=1)] * 3, site=two))
    assert plain.estimate == pytest.approx(3.6e6)


def test_bounds_of_the_grid_widen_the_interval_and_their_absence_is_told() -> None:
    wide = change(PLACE, grid_carbon=grid(100.0, low=50.0, high=300.0))
    windows = [window(j) for j in (9.0, 10.0, 11.0)]
    energy = value("energy.per_inference", metered(windows, site=wide))
    bounded = value("carbon.per_inference", metered(windows, site=wide))
    bare = value("carbon.per_inference", metered(windows))
    assert bounded.low == pytest.approx(energy.low * 1.5 * 50 / 3.6e6)
    assert bounded.high == pytest.approx(energy.high * 1.5 * 300 / 3.6e6)
    assert bounded.interval == "product_of_ends"
    assert "50 to 300" in bounded.note
    assert bare.interval == energy.interval
    assert "its own uncertainty is not known" in bare.note


def test_one_stated_end_leaves_the_other_at_the_factor_itself() -> None:
    site = change(PLACE, grid_carbon=grid(100.0, high=200.0))
    record = metered([window(3.6e6, calls=1)] * 3, site=site)
    found, energy = value("carbon.per_inference", record), value("energy.per_inference", record)
    assert found.low == pytest.approx(150.0 * energy.low / 3.6e6)
    assert found.high == pytest.approx(300.0 * energy.high / 3.6e6)


@pytest.mark.parametrize(
    ("year", "created", "old"),
    [
        (2021, "2025-01-01T00:00:00Z", True),
        (2021, "2024-12-31T00:00:00Z", False),
        (2024, "2026-03-01T10:00:00Z", False),
        (2020, "nonsense", False),
        (2020, "", False),
    ],
)
def test_the_age_of_a_factor_is_told_against_the_records_own_date(
    year: int, created: str, old: bool
) -> None:
    site = change(PLACE, grid_carbon=grid(year=year))
    note = value("carbon.per_inference", deployed(site=site, created=created)).note
    assert (f"factor of {year}, over three years old" in note) is old
    assert f"factor of {year}" in note


@pytest.mark.parametrize(
    ("worth", "unit"),
    [
        *((0.1, "kg/kWh"), (100.0, ""), (100.0, "L/kWh"), (-5.0, "g/kWh"), (1501.0, "g/kWh")),
        *((math.nan, "g/kWh"), (math.inf, "g/kWh")),
    ],
)
def test_kilograms_are_not_taken_for_grams_nor_nonsense_for_a_factor(
    worth: float, unit: str
) -> None:
    """Tonnes labelled kilograms have stood on a public board for years."""
    site = change(PLACE, grid_carbon=change(grid(worth), unit=unit))
    for address in ("carbon.per_inference", "carbon.sci"):
        found = missing(address, deployed(site=site))
        assert found.reason == "no_factor"
        assert "kWh" in found.detail


@pytest.mark.parametrize(
    "ends", [{"low": 101.0}, {"high": 99.0}, {"low": -1.0}, {"high": 1501.0}, {"low": math.nan}]
)
def test_a_factor_outside_its_own_bounds_is_not_used(ends: dict[str, Any]) -> None:
    site = change(PLACE, grid_carbon=grid(100.0, **ends))
    assert missing("carbon.per_inference", deployed(site=site)).reason == "no_factor"


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [({"pue": None}, "no_pue"), ({"grid_carbon": None}, "no_factor"), ({"wue": None}, None)],
)
def test_what_the_site_does_not_state_is_missing(
    lacking: dict[str, None], reason: str | None
) -> None:
    record = deployed(site=change(PLACE, **lacking))
    if reason is None:
        assert value("carbon.per_inference", record).estimate > 0
    else:
        assert missing("carbon.per_inference", record).reason == reason
        assert missing("carbon.sci", record).reason == reason


def test_without_a_site_there_is_energy_and_no_carbon_of_use() -> None:
    record = deployed(site=None)
    assert value("energy.per_inference", record).estimate == pytest.approx(0.1)
    assert missing("carbon.per_inference", record).reason == "no_site"
    assert missing("carbon.sci", record).reason == "no_site"
    assert value("carbon.embodied_per_inference", record).estimate > 0


def test_a_failed_run_has_no_carbon_of_any_kind() -> None:
    for address in ADDRESSES:
        assert missing(address, FAILED).reason == "no_run"


def test_the_bounds_of_a_stated_factor_are_those_of_the_tables() -> None:
    for name in ("grid_carbon", "grid_water"):
        unit, least, most = factors.LIMITS[name]
        assert _site.POSSIBLE[unit] == (least, most)


# The making of the hardware


def test_a_thousand_kilograms_over_four_years_at_a_millisecond_each_by_hand() -> None:
    found = value("carbon.embodied_per_inference", deployed())
    # 1e6 g over 4 · 31,557,600 s, of which an inference takes 0.001 s: 7.92 µg.
    assert found.estimate == pytest.approx(7.92e-6, rel=1e-3)
    assert found.estimate == pytest.approx(1e6 * 0.001 / (4 * YEAR))
    assert found.low == pytest.approx(0.8 * found.estimate)
    assert found.high == pytest.approx(1.5 * found.estimate)
    assert (found.unit, found.method, found.n) == ("g", "modelled", 1000)
    assert "utilisation not stated, taken as 1: a machine that never waits" in found.note


@given(
    kg=st.floats(1, 1e5),
    years=st.floats(1, 30),
    share=st.floats(0.001, 1),
    used=st.floats(0.001, 1),
    milliseconds=st.floats(0.01, 1e4),
)
def test_embodied_carbon_is_the_formula_of_the_specification(
    kg: float, years: float, share: float, used: float, milliseconds: float
) -> None:
    made = change(MADE, kg=kg, lifetime_years=years, low=kg / 2, high=2 * kg)
    record = deployed(
        milliseconds=milliseconds,
        site=change(PLACE, utilisation=used),
        target={"embodied": made, "reserved_share": share},
    )
    found = value("carbon.embodied_per_inference", record)
    rate = value("latency.throughput", record)
    middle = 1000 * kg / rate.estimate / (years * YEAR) * share / used
    assert found.estimate == pytest.approx(middle)
    assert found.low == pytest.approx(middle / 2 * rate.estimate / rate.high)
    assert found.high == pytest.approx(middle * 2 * rate.estimate / rate.low)
    assert found.low <= found.estimate <= found.high


def test_the_spread_of_the_time_is_in_the_interval() -> None:
    made = change(MADE, low=None, high=None)
    record = deployed(milliseconds=[1.0] * 300 + [2.0] * 200, target={"embodied": made})
    rate = value("latency.throughput", record)
    found = value("carbon.embodied_per_inference", record)
    assert rate.low < rate.estimate < rate.high
    assert found.low / found.estimate == pytest.approx(rate.estimate / rate.high)
    assert found.high / found.estimate == pytest.approx(rate.estimate / rate.low)
    assert "its own uncertainty is not known" in found.note


def test_utilisation_divides_and_the_reserved_share_multiplies() -> None:
    whole = value("carbon.embodied_per_inference", deployed())
    waiting = deployed(site=change(PLACE, utilisation=0.1))
    part = deployed(target={"reserved_share": 0.125})
    found = value("carbon.embodied_per_inference", waiting)
    assert found.estimate == pytest.approx(10 * whole.estimate)
    assert "utilisation 0.1" in found.note
    eighth = value("carbon.embodied_per_inference", part)
    assert eighth.estimate == pytest.approx(whole.estimate / 8)
    assert "0.125 of the machine reserved" in eighth.note


def test_in_the_server_scenario_waiting_is_in_the_time_and_not_counted_twice() -> None:
    plan = {"scenario": "server", "target_qps": 100.0}
    site = change(PLACE, utilisation=0.1)
    record = deployed(site=site, plan=plan, seconds=10.0)
    assert value("latency.throughput", record).estimate == pytest.approx(100.0)
    found = value("carbon.embodied_per_inference", record)
    assert found.estimate == pytest.approx(1e6 * 0.01 / (4 * YEAR))
    assert "wait between queries" in found.note


def test_an_old_footprint_says_how_old_it_is() -> None:
    old = deployed(target={"embodied": change(MADE, year=2019)})
    assert "figure of 2019, over three years old" in value("carbon.sci", old).note


def test_without_hardware_there_is_no_embodied_carbon_and_no_score() -> None:
    record = deployed(target={"embodied": None})
    for address in ("carbon.embodied_per_inference", "carbon.sci"):
        found = missing(address, record)
        assert found.reason == "no_hardware"
        assert "target.hardware" in found.detail
    assert value("carbon.per_inference", record).estimate > 0


@pytest.mark.parametrize(
    "wrong",
    [
        *({"kg": 0.0}, {"kg": -1.0}, {"kg": math.nan}, {"kg": math.inf, "high": None}),
        *({"low": 1001.0}, {"high": 999.0}, {"low": math.nan}, {"high": math.inf}),
        *({"lifetime_years": 0.0}, {"lifetime_years": math.inf}),
    ],
)
def test_an_impossible_footprint_is_missing_and_not_an_error(wrong: dict[str, Any]) -> None:
    record = deployed(target={"embodied": change(MADE, **wrong)})
    assert missing("carbon.embodied_per_inference", record).reason == "no_hardware"


def test_too_few_calls_have_no_embodied_carbon() -> None:
    record = deployed()
    assert record.run is not None
    process = change(record.run.processes[0], kept=3, queries=3)
    few = change(
        record,
        run=change(record.run, processes=(process,)),
        arrays={"latency_ns": record.latency_ns[:3]},
    )
    assert missing("carbon.embodied_per_inference", few).reason == "too_few_calls"
    assert missing("carbon.sci", few).reason == "too_few_calls"


# Both


def test_the_score_is_the_sum_per_functional_unit() -> None:
    record = deployed(model={"functional_unit": "10 s of audio", "units_per_inference": 3.0})
    use = value("carbon.per_inference", record)
    made = value("carbon.embodied_per_inference", record)
    score = value("carbon.sci", record)
    for end in ("low", "estimate", "high"):
        assert getattr(score, end) == pytest.approx((getattr(use, end) + getattr(made, end)) / 3)
    assert score.unit == "g"
    assert score.n == min(use.n, made.n)


def test_the_score_states_its_boundary() -> None:
    site = change(PLACE, utilisation=0.25)
    target = {"reserved_share": 0.5}
    model = {"functional_unit": "10 s of audio", "units_per_inference": 3.0}
    note = value("carbon.sci", deployed(site=site, target=target, model=model)).note
    for told in (
        *("per 10 s of audio", "an inference is 3", "energy of cpu, 5 windows"),
        *("100 g/kWh (factor of 2024", "PUE 1.5", "embodied: box, 1000 kg", "800 to 1500"),
        *("over 4 years", "utilisation 0.25", "0.5 of the machine reserved"),
        "energy while it waits is not in it",
    ):
        assert told in note, told


def test_in_france_making_weighs_as_much_as_use_on_a_large_accelerator() -> None:
    """A GPU-second of 700 W on a share of an eight-GPU server."""
    made = factors.embodied("server-8x-h100")
    assert made is not None
    site = change(PLACE, pue=1.0, grid_carbon=factors.grid_carbon("FR"))
    record = deployed(
        [window(700.0, calls=1000, seconds=1.0)] * 5,
        site=site,
        target={"embodied": made, "reserved_share": 1 / 8},
    )
    use = value("carbon.per_inference", record)
    making = value("carbon.embodied_per_inference", record)
    # A thousand inferences in a second: 0.194 Wh at 44 g/kWh, and 9.26 mg a second.
    assert 1000 * use.estimate == pytest.approx(8.6e-3, rel=0.01)
    assert 1000 * making.estimate == pytest.approx(9.26e-3, rel=0.01)


@pytest.mark.parametrize("method", ["hardware_counter", "modelled"])
def test_a_score_is_modelled_because_the_making_is(method: Any) -> None:
    record = deployed([window(10.0, method=method)] * 5)
    assert value("carbon.sci", record).method == "modelled"
    assert value("carbon.per_inference", record).method == method


def test_what_is_pretended_stays_pretended() -> None:
    meter = deployed([window(10.0, method="pretend", meter="fake")] * 5)
    assert value("carbon.per_inference", meter).method == "pretend"
    assert value("carbon.sci", meter).method == "pretend"
    clock = deployed(provider="fake")
    assert value("carbon.embodied_per_inference", clock).method == "pretend"
    assert value("carbon.sci", clock).method == "pretend"


@given(
    units=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    used=st.floats(0, 1, exclude_min=True),
    share=st.floats(0, 1, exclude_min=True),
)
def test_no_stated_number_breaks_the_sums(units: float, used: float, share: float) -> None:
    record = deployed(
        site=change(PLACE, utilisation=used, grid_carbon=grid(0.0)),
        target={"reserved_share": share, "embodied": change(MADE, low=0.0)},
        model={"units_per_inference": units},
    )
    score = value("carbon.sci", record)
    assert 0 <= score.low <= score.estimate <= score.high


def test_a_footprint_survives_the_record_as_it_was() -> None:
    target = Target(hardware="nvidia-l4", embodied=factors.embodied("nvidia-l4"))
    assert msgspec.json.decode(msgspec.json.encode(target), type=Target) == target
    assert isinstance(target.embodied, Embodied)
