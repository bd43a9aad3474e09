"""Numbers and names as reports show them."""

import math
import re
import unicodedata
from typing import get_args

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from frugalbench.report._draw import span
from frugalbench.report._format import Lang, clean, count, number, plain, show
from frugalbench.values import Value

LANGS: tuple[Lang, ...] = get_args(Lang)
UNITS = ("s", "J", "B", "g", "L", "W", "1", "1/s", "label unit")


def value(low: float, estimate: float, high: float, unit: str = "s") -> Value:
    return Value(
        estimate=estimate,
        unit=unit,
        low=low,
        high=high,
        n=10,
        method="timer",
        interval="wilson",
    )


def read(text: str) -> float:
    """What a person reads, as a number."""
    if "∞" in text:
        return -math.inf if text.startswith("-") else math.inf
    if "10¹⁵" in text:
        return 1e15 if text.startswith(">") else -1e15
    return 0.0 if text.startswith("<") else float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("low", "estimate", "high", "unit", "shown", "interval"),
    [
        (1.2e-9, 1.3e-9, 1.4e-9, "s", "1.30 ns", "[1.20, 1.40] ns"),
        (70.61e-6, 71.8e-6, 74.64e-6, "s", "71.8 µs", "[70.6, 74.6] µs"),
        (0.0019, 0.002, 0.0021, "s", "2.00 ms", "[1.90, 2.10] ms"),
        (80.0, 90.0, 100.0, "s", "90.0 s", "[80.0, 100.0] s"),
        (0.0004, 0.0008, 0.0012, "J", "800 µJ", "[400, 1,200] µJ"),
        (2e3, 3e3, 4e3, "J", "3.00 kJ", "[2.00, 4.00] kJ"),
        (0.843, 0.872, 0.896, "1", "0.872", "[0.843, 0.896]"),
        (0.0001, 0.0004, 0.0016, "1", "0.0004", "[0.0001, 0.0016]"),
        (0.0, 0.0, 0.434, "1", "0.000", "[0.000, 0.434]"),
        (18794.0, 18967.0, 19143.0, "1/s", "18,967 /s", "[18,794, 19,143] /s"),
        (2e-9, 6e-9, 9e-9, "g", "6.00 ng", "[2.00, 9.00] ng"),
        (1e-4, 2e-4, 3e-4, "L", "200 µL", "[100, 300] µL"),
        (3 * 2.0**19, 2.0**20, 5 * 2.0**20, "B", "1.00 MiB", "[0.50, 5.00] MiB"),
    ],
)
def test_a_number_has_a_readable_unit_and_a_visible_interval(
    low: float, estimate: float, high: float, unit: str, shown: str, interval: str
) -> None:
    if unit == "B":
        low = 2.0**19
    made = show(value(low, estimate, high, unit))
    assert (made.number, made.interval) == (shown, interval)


def test_a_tally_has_no_decimals_and_no_interval() -> None:
    made = show(value(12034, 12034, 12034, "1"))
    assert (made.number, made.interval) == ("12,034", "–")


def test_a_value_made_of_integers_is_shown() -> None:
    assert show(value(512, 512, 512, "B")).number == "512 B"


def test_french_has_decimal_commas_and_narrow_spaces() -> None:
    made = show(value(1234.5, 1235.5, 1236.5, "1/s"), "fr")
    assert made.estimate == "1\u202f235,5"
    assert made.interval == "[1\u202f234,5\u00a0; 1\u202f236,5]\u00a0/s"
    assert show(value(0.1, 0.2, 0.3, "1"), "fr").number == "0,200"
    assert count(1_234_567, "fr") == "1\u202f234\u202f567"


def test_a_bound_is_in_the_unit_of_its_value_and_as_it_was_written() -> None:
    made = show(value(70e-6, 71.8e-6, 74e-6), bound=0.005)
    assert (made.unit, made.limit) == ("µs", "5,000 µs")
    assert show(value(0.8, 0.85, 0.9, "1"), bound=0.87).limit == "0.87"


def test_rounding_never_puts_an_end_on_the_bound_or_across_it() -> None:
    made = show(value(0.5, 0.7, 0.80004, "1"), bound=0.8)
    assert read(made.high) > 0.8
    assert read(show(value(0.5, 0.7, 0.79996, "1"), bound=0.8).high) < 0.8


def test_the_same_number_per_thousand_and_in_percent() -> None:
    assert show(value(1e-3, 2e-3, 3e-3, "J"), times=1000).number == "2.00 J"
    assert show(value(0.843, 0.872, 0.896, "1"), times=100).number == "87.2 %"


def test_an_open_end_is_shown_as_infinity() -> None:
    assert show(value(0.1, 0.2, math.inf)).interval == "[100, ∞] ms"


def test_what_is_too_small_to_show_is_not_shown_as_zero() -> None:
    assert show(value(1e-17, 1e-17, 1e-17)).number == "< 0.000001 ns"


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(numbers=st.tuples(FINITE, FINITE, FINITE), unit=st.sampled_from(UNITS))
def test_order_is_kept_and_no_notation_is_scientific(
    numbers: tuple[float, float, float], unit: str
) -> None:
    low, estimate, high = sorted(numbers)
    made = show(value(low, estimate, high, unit), bound=estimate)
    assert read(made.low) <= read(made.estimate) <= read(made.high)
    for text in (made.low, made.estimate, made.high, made.bound):
        assert not re.search(r"\de|nan|inf", text, re.IGNORECASE)


@given(x=st.floats(min_value=1e-12, max_value=1e9), unit=st.sampled_from(UNITS))
def test_three_digits_of_the_estimate_are_right(x: float, unit: str) -> None:
    assume(unit not in ("B", "1"))
    made = show(value(x, x, x, unit))
    assume(not made.estimate.startswith("<"))
    assert read(made.estimate) == pytest.approx(x * made.factor, rel=5e-3, abs=1e-6)


@given(x=FINITE, decimals=st.integers(0, 6), lang=st.sampled_from(LANGS))
def test_a_plain_number_is_never_scientific(x: float, decimals: int, lang: Lang) -> None:
    assert "e" not in number(x, decimals, lang)
    assert "e" not in plain(x, lang).lower()


@given(text=st.text())
def test_a_clean_name_is_one_short_line_without_control(text: str) -> None:
    made = clean(text)
    assert len(made) <= 120
    kinds = {unicodedata.category(char) for char in made}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert clean(made) == made


def test_a_clean_name_keeps_letters_of_every_script() -> None:
    assert clean("Élodie ذكر 女性") == "Élodie ذكر 女性"


@pytest.mark.parametrize("lang", LANGS)
def test_the_ends_of_an_axis_in_bytes_have_four_digits_at_most(lang: Lang) -> None:
    size = value(700.0 * 2**10, 800.0 * 2**10, 900.0 * 2**10, "B")
    limit = 130.0e6
    drawn = span(size, show(size, lang, bound=limit), None, limit, at_most=True)
    assert drawn is not None
    number_, _, unit = drawn.right.replace("\u00a0", " ").rpartition(" ")
    assert unit == {"en": "MiB", "fr": "Mio"}[lang]
    assert 1 <= sum(char.isdigit() for char in number_) <= 4


def test_an_exact_number_that_is_not_zero_does_not_read_as_zero() -> None:
    tiny = Value(
        estimate=4.2e-7, unit="1", low=4.2e-7, high=4.2e-7, n=9, method="counted", interval="exact"
    )
    assert show(tiny).estimate == "< 0.000001"
    none = msgspec.structs.replace(tiny, estimate=0.0, low=0.0, high=0.0)
    assert show(none).estimate == "0.000"
