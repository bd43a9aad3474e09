"""The log of an external meter: windows looked up by the clock, and files that are hostile."""

import math
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from _meters import CPU, Clock, why
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.errors import UsageError
from frugalbench.meters import Deferred, csvlog, note
from frugalbench.meters._columns import recognise
from frugalbench.spec import Target

T = 1_800_000_000.0
"""A clock time of our days, s since 1970."""


def write(root: Path, header: str, rows: Sequence[str], name: str = "log.csv") -> Path:
    path = root / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def steady(seconds: int, watts: float = 50.0, start: float = T) -> list[str]:
    """One row a second of constant power."""
    return [f"{start + k},{watts}" for k in range(seconds + 1)]


def opened(
    path: Path,
    *,
    offset: float = 0.0,
    error: float = 0.0,
    sleep: Callable[[float], object] | None = None,
    clock: Clock | None = None,
) -> csvlog.CsvLog:
    target = Target(meter_log=str(path), meter_log_offset=offset, meter_log_error=error)
    clock = clock or Clock()
    meter = csvlog.open(target, sleep=sleep or clock.wait, clock=clock)
    assert isinstance(meter, csvlog.CsvLog), meter
    return meter


def window(path: Path, begin: float, end: float, **how: float) -> tuple[float, float]:
    """Joules and their error between two times after T."""
    meter = opened(path, offset=how.get("offset", 0.0), error=how.get("error", 0.0))
    ((domain, (joules, error, reason)),) = meter.between(T + begin, T + end).items()
    meter.close()
    assert domain == "machine"
    assert joules is not None, reason
    assert reason == ""
    return joules, error


def reason(path: Path, begin: float, end: float) -> str:
    """Why there are no joules between two times after T."""
    meter = opened(path)
    joules, error, text = meter.between(T + begin, T + end)["machine"]
    meter.close()
    assert (joules, error) == (None, 0.0)
    assert "\n" not in text
    return text


# ── windows ──────────────────────────────────────────────────────────────────


def test_constant_power_is_power_times_time_wherever_the_window_lies(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(30))
    assert window(path, 3.0, 13.0) == pytest.approx((500.0, 0.0))
    assert window(path, 3.25, 3.75) == pytest.approx((25.0, 0.0))
    assert window(path, 0.0, 30.0)[0] == pytest.approx(1500.0)


def test_power_between_two_rows_lies_on_a_line_ends_included(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", [f"{T + k},{10 * k}" for k in range(11)])
    joules, _ = window(path, 0.5, 9.5)
    assert joules == pytest.approx(10 * (9.5**2 - 0.5**2) / 2)


@given(
    st.lists(st.tuples(st.floats(0.3, 1.0), st.floats(0, 400)), min_size=3, max_size=20),
    st.floats(0.01, 0.5),
    st.floats(0.51, 0.99),
)
def test_the_energy_of_two_windows_is_that_of_both_together(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float, float]],
    a: float,
    b: float,
) -> None:
    times = [0.0]
    for step, _ in rows[1:]:
        times.append(times[-1] + step)
    text = [f"{T + at:.6f},{watts}" for at, (_, watts) in zip(times, rows, strict=True)]
    path = write(tmp_path_factory.mktemp("log"), "timestamp,power", text)
    first, second = times[-1] * a, times[-1] * b
    parts = window(path, 0.0, first)[0] + window(path, first, second)[0]
    assert parts == pytest.approx(window(path, 0.0, second)[0], rel=1e-4, abs=1e-3)


def test_the_instruments_clock_is_ahead_by_the_offset(tmp_path: Path) -> None:
    rows = [f"{T + k},{100 if 10 <= k <= 20 else 0}" for k in range(31)]
    path = write(tmp_path, "timestamp,power", rows)
    assert window(path, 10.0, 20.0)[0] == pytest.approx(1000.0)
    assert window(path, 5.0, 15.0, offset=5.0)[0] == pytest.approx(1000.0)
    assert window(path, 15.0, 25.0, offset=-5.0)[0] == pytest.approx(1000.0)


def test_the_error_holds_what_a_clock_that_is_off_would_have_missed(tmp_path: Path) -> None:
    rows = [f"{T + k},{100 if k >= 10 else 20}" for k in range(31)]
    path = write(tmp_path, "timestamp,power", rows)
    right = window(path, 9.5, 20.0)[0]
    for off in (-0.3, 0.3):
        joules, error = window(path, 9.5, 20.0, offset=off, error=0.3)
        assert abs(joules - right) <= error
    # Power swings by 80 W, at both ends, and half of it within the second the window begins in.
    assert window(path, 9.5, 20.0, error=0.3)[1] == pytest.approx(2 * 80 * 0.3 + 80 / 2)


def test_constant_power_has_no_error_however_wrong_the_clock(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(30))
    assert window(path, 3.0, 13.0, error=2.0)[1] == 0.0


def test_an_energy_column_is_read_as_a_counter(tmp_path: Path) -> None:
    path = write(tmp_path, "time;energy_wh", [f"{T + k};{k / 100}" for k in range(21)])
    joules, error = window(path, 5.0, 15.0)
    assert joules == pytest.approx(0.1 * 3600)
    # One step of the last digit is hidden.
    assert error == pytest.approx(36.0, rel=0.05)


def test_where_there_are_both_the_power_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power_w,energy_kwh", [f"{T + k},50,{k}" for k in range(11)])
    assert window(path, 1.0, 9.0)[0] == pytest.approx(400.0)


def test_an_energy_that_goes_back_is_refused(tmp_path: Path) -> None:
    rows = [f"{T + k},{k if k < 5 else k - 5}" for k in range(11)]
    path = write(tmp_path, "timestamp,joules", rows)
    assert "goes back" in reason(path, 1.0, 9.0)
    assert window(path, 6.0, 9.0)[0] == pytest.approx(3.0)


# ── holes, ends and clocks ───────────────────────────────────────────────────


def test_a_log_that_begins_late_or_ends_early_has_no_energy_of_the_window(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(20))
    assert "begins after" in reason(path, -1.0, 5.0)
    assert "ends 3.0 s before" in reason(path, 15.0, 23.0)


def test_a_hole_in_the_window_is_no_power_of_its_neighbours(tmp_path: Path) -> None:
    rows = [one for k, one in enumerate(steady(40)) if not 10 < k < 16]
    path = write(tmp_path, "timestamp,power", rows)
    assert "hole of 6.0 s" in reason(path, 5.0, 35.0)
    assert window(path, 17.0, 35.0)[0] == pytest.approx(900.0)
    # Two rows that are missing are less than a hole.
    rows = [one for k, one in enumerate(steady(40)) if not 10 < k < 13]
    assert window(write(tmp_path, "timestamp,power", rows), 5.0, 35.0)[0] == pytest.approx(1500)


@pytest.mark.parametrize("bad", ["nan", "NaN", "inf", "-5", "", "n/a", "1e999", "0x10", "1_0", "٣"])
def test_rows_without_a_power_are_a_hole_and_never_nothing(tmp_path: Path, bad: str) -> None:
    rows = [f"{T + k},{bad if 10 <= k <= 20 else 50}" for k in range(41)]
    path = write(tmp_path, "timestamp,power", rows)
    assert "hole of 12.0 s" in reason(path, 5.0, 35.0)
    single = [f"{T + k},{bad if k == 10 else 50}" for k in range(41)]
    path = write(tmp_path, "timestamp,power", single)
    assert window(path, 5.0, 35.0)[0] == pytest.approx(1500.0)


def test_rows_of_the_same_second_are_a_step(tmp_path: Path) -> None:
    rows = [f"{int(T + k / 2)},{10 if k < 20 else 30}" for k in range(41)]
    path = write(tmp_path, "timestamp,power", rows)
    assert window(path, 2.0, 8.0)[0] == pytest.approx(60.0)
    assert window(path, 8.0, 12.0)[0] == pytest.approx(20.0 + 60.0, abs=20.0)


def test_a_clock_of_this_machine_that_was_set_back_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(20))
    assert "set back" in reason(path, 10.0, 10.0)
    assert "set back" in reason(path, 10.0, 4.0)


def test_times_that_go_back_while_measuring_leave_no_energy_of_a_window_across(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "timestamp,power", steady(20))
    meter = opened(path)
    with path.open("a") as log:
        log.write("\n".join(steady(40, start=T + 10.0)) + "\n")
    assert "go back" in meter.between(T + 5.0, T + 30.0)["machine"][2]
    joules, _, _ = meter.between(T + 15.0, T + 30.0)["machine"]
    assert joules == pytest.approx(750.0)
    meter.close()


# ── a logger that is still writing ───────────────────────────────────────────


def test_a_logger_that_is_a_little_late_is_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(10))
    clock = Clock()
    # It writes what it has, whether that is a whole row or not.
    late = "".join(f"{row}\n" for row in steady(15)[11:])
    pieces = [late[k : k + 7] for k in range(0, len(late), 7)]

    def sleep(seconds: float) -> None:
        clock.wait(seconds)
        if pieces:
            with path.open("a") as log:
                log.write(pieces.pop(0))

    meter = opened(path, sleep=sleep, clock=clock)
    joules, _, text = meter.between(T + 2.0, T + 12.5)["machine"]
    meter.close()
    assert joules == pytest.approx(525.0), text


@pytest.mark.parametrize(("interval", "patience"), [(1, 3.0), (10, 5.0)])
def test_the_wait_for_a_logger_ends(tmp_path: Path, interval: int, patience: float) -> None:
    rows = [f"{T + k * interval},50" for k in range(5)]
    clock = Clock()
    meter = opened(write(tmp_path, "timestamp,power", rows), clock=clock)
    assert meter.between(T, T + 1000.0)["machine"][0] is None
    assert clock.now - 100.0 == pytest.approx(patience, abs=0.1)
    meter.close()


def test_a_logger_that_stopped_is_waited_for_once_until_it_writes_again(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(10))
    clock = Clock()
    meter = opened(path, clock=clock)
    assert "the log ends" in meter.between(T + 5.0, T + 12.0)["machine"][2]
    stopped = clock.now
    assert stopped > 100.0
    for _ in range(3):
        assert "the log ends" in meter.between(T + 5.0, T + 12.0)["machine"][2]
    assert meter.between(T + 1.0, T + 9.0)["machine"][0] == pytest.approx(400.0)
    assert clock.now == stopped
    with path.open("a") as log:
        log.write(f"{T + 11},50\n")
    assert meter.between(T + 5.0, T + 12.0)["machine"][0] is None
    assert clock.now > stopped
    meter.close()


def test_a_log_is_named_by_its_file_alone_with_what_was_said_of_its_clock(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(5))
    meter = opened(path, offset=0.5, error=0.1)
    meter.close()
    assert note(meter) == "read from log.csv, clock +0.5 s ± 0.1 s"


def test_nothing_is_waited_for_when_the_log_is_there(tmp_path: Path) -> None:
    clock = Clock()
    meter = opened(write(tmp_path, "timestamp,power", steady(10)), clock=clock)
    meter.between(T + 1.0, T + 9.0)
    assert clock.now == 100.0
    meter.close()


def test_a_log_with_a_header_only_may_still_fill(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", [])
    meter = opened(path)
    assert meter.period == 1.0
    assert "is its logger running" in meter.between(T, T + 1.0)["machine"][2]
    with path.open("a") as log:
        log.write("\n".join(f"{T + k / 2},50" for k in range(20)) + "\n")
    assert meter.between(T + 1.0, T + 5.0)["machine"][0] == pytest.approx(200.0)
    assert meter.period == 0.5
    meter.close()


def test_a_log_that_is_cut_short_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(20))
    meter = opened(path)
    os.truncate(path, 30)
    assert "cut short" in meter.between(T, T + 10.0)["machine"][2]
    meter.close()


def test_of_a_long_log_only_the_end_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvlog, "TAIL_BYTES", 200)
    path = write(tmp_path, "timestamp,power", steady(1000))
    assert window(path, 995.0, 999.0)[0] == pytest.approx(200.0)
    assert "begins after" in reason(path, 5.0, 10.0)


def test_a_log_that_grows_without_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvlog, "MOST_BYTES", 2000)
    path = write(tmp_path, "timestamp,power", steady(20))
    meter = opened(path)
    with path.open("a") as log:
        log.write("x" * 10_000)
    assert "grew by more than" in meter.between(T, T + 10.0)["machine"][2]
    meter.close()


# ── columns ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("header", "row", "watts"),
    [
        ("timestamp,power", f"{T},50", 50.0),
        ("\ufefftime,watts", f"{T},50", 50.0),
        ("unix_time,W", f"{T},50", 50.0),
        ("Time (ms),Power (mW)", f"{T * 1000:.0f},50000", 50.0),
        ("timestamp_ns;power_uw", f"{T * 1e9:.0f};50000000", 50.0),
        ("epoch\tactive_power\tapparent_power\tpower_factor", f"{T}\t50\t60\t0.8", 50.0),
        ("id,Timestamp,Voltage (V),Current (A),Power [W]", f"7,{T},230,0.2,50.0", 50.0),
        ("Horodatage;Puissance (W);Tension (V)", f"{T};50,25;230,1", 50.25),
        ("timestamp,Power (kW)", f"{T},0.05", 50.0),
        ('"timestamp","power"', f'"{T}","5e1"', 50.0),
        ("power_w,time", f"50,{T}", 50.0),
        ("timestamp, power, ", f"{T}, 50, ", 50.0),
        ("timestamp;power", f"{T};1\u00a0250,5", 1250.5),
    ],
)
def test_columns_are_known_by_their_header(header: str, row: str, watts: float) -> None:
    columns = recognise(header.lstrip("\ufeff"), "log.csv")
    assert columns.row(row) == pytest.approx((T, watts))
    assert not columns.energy


@pytest.mark.parametrize(
    ("name", "joules"),
    [
        ("joules", 1.0),
        ("energy_j", 1.0),
        ("Energy (Wh)", 3600.0),
        ("total kWh", 3.6e6),
        ("energy_mwh", 3.6),
        ("Énergie (kJ)", 1000.0),
        ("energy_uj", 1e-6),
    ],
)
def test_energies_are_known_by_their_unit(name: str, joules: float) -> None:
    columns = recognise(f"timestamp,{name}", "log.csv")
    assert columns.row(f"{T},2") == pytest.approx((T, 2 * joules))
    assert columns.energy


@pytest.mark.parametrize(
    "header",
    [
        "",
        "hello",
        "1,2,3",
        "timestamp,voltage",
        "power,current",
        "timestamp,apparent_power",
        "timestamp,energy",
        "timestamp,Power (MW)",
        "timestamp,Energy (MWh)",
        "timestamp,watt hours",
        "elapsed time,power",
        "timestamp",
    ],
)
def test_a_header_without_a_time_and_a_power_says_what_is_needed(
    tmp_path: Path, header: str
) -> None:
    path = write(tmp_path, header, [f"{T},50,1"])
    with pytest.raises(UsageError, match="needs a header with a column timestamp"):
        csvlog.open(Target(meter_log=str(path)))


def test_two_powers_are_one_too_many(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power_cpu,power_gpu", [f"{T},1,2"])
    with pytest.raises(UsageError, match=r"power_cpu, power_gpu\): keep one"):
        csvlog.open(Target(meter_log=str(path)))


def test_lines_of_explanation_before_the_header_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, "# meter 7", ["", "# calibrated", "timestamp,power", *steady(10)])
    assert window(path, 1.0, 9.0)[0] == pytest.approx(400.0)


# ── times ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
@pytest.mark.parametrize("separator", ["T", " "])
def test_times_of_the_calendar_need_their_zone(
    tmp_path: Path, zone: timezone, separator: str
) -> None:
    moments = [datetime.fromtimestamp(T + k, zone).isoformat(separator) for k in range(11)]
    path = write(tmp_path, "datetime,power", [f"{one},50" for one in moments])
    assert window(path, 1.0, 9.0)[0] == pytest.approx(400.0)
    zulu = [one.replace("+00:00", "Z") for one in moments]
    path = write(tmp_path, "datetime,power", [f"{one},50" for one in zulu])
    assert window(path, 1.0, 9.0)[0] == pytest.approx(400.0)
    bare = [one[:19] for one in moments]
    path = write(tmp_path, "datetime,power", [f"{one},50" for one in bare])
    with pytest.raises(UsageError, match="has no zone"):
        opened(path)


@given(st.floats(1e9, 4e9), st.sampled_from([(1, ""), (1e3, "ms"), (1e6, "us"), (1e9, "ns")]))
def test_a_clock_time_is_read_in_any_unit_said_or_not(
    seconds: float, unit: tuple[float, str]
) -> None:
    scale, name = unit
    row = f"{seconds * scale:.0f},1"
    for header in (f"timestamp_{name},power", "timestamp,power"):
        assert recognise(header, "log.csv").row(row)[0] == pytest.approx(seconds, abs=1.0)


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("12.5", "must count from 1970"),
        ("20260131120000", "must count from 1970"),
        ("noon", "neither a number nor ISO 8601"),
        ("12:00:01", "neither a number nor ISO 8601"),
        ("-1800000000", "must count from 1970"),
    ],
)
def test_a_time_that_is_no_clock_time_says_so(tmp_path: Path, time: str, told: str) -> None:
    path = write(tmp_path, "timestamp,power", [f"{time},50"])
    with pytest.raises(UsageError, match=told):
        opened(path)


def test_a_log_whose_rows_are_not_in_order_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", steady(10)[::-1])
    with pytest.raises(UsageError, match="go back: sort the log"):
        opened(path)


# ── files that are hostile ───────────────────────────────────────────────────


def test_decimal_commas_between_commas_are_explained(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", [f"{T:.0f},50,25"])
    with pytest.raises(UsageError, match=r"3 fields where the header has 2.*semicolons"):
        opened(path)


def test_a_comma_that_may_be_of_decimals_or_of_thousands_is_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,power", [f'{T},"1,250"'])
    with pytest.raises(UsageError, match="no number"):
        opened(path)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no header yet"),
        (b"timestamp,power", "no header yet"),
        (b"\xff\xfet\x00i\x00", "UTF-16"),
        (b"\x00" * 1000 + b"\n", "no power log"),
        (b"a" * 100_000 + b"\n", "no header yet"),
        (b"\x80\x81,\x82\n", "no power log"),
    ],
)
def test_files_that_are_no_log_are_refused_in_one_line(
    tmp_path: Path, data: bytes, told: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=told) as caught:
        opened(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_line_without_end_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    rows = steady(10)
    path = write(tmp_path, "timestamp,power", [*rows[:5], "1" * 300_000, '"' * 99, *rows[5:]])
    assert window(path, 1.0, 9.0)[0] == pytest.approx(400.0)


@given(st.binary(max_size=300))
def test_no_bytes_bring_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_bytes(b"timestamp,power\n" + data)
    try:
        meter = opened(path)
    except UsageError:
        return
    found = meter.between(T, T + 1.0)["machine"]
    meter.close()
    assert found[0] is None or math.isfinite(found[0])


def test_a_log_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(UsageError, match=r"meter log|no file"):
            opened(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is no file"):
        opened(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot read the meter log"):
        opened(Path("a\0b"))


def test_without_a_log_there_is_no_external_meter() -> None:
    found = why(csvlog.open(CPU))
    assert "doctor --meter-log LOG.csv" in found.unlock
    assert "target.meter_log=LOG.csv" in found.unlock


def test_an_external_meter_is_deferred_and_no_counter(tmp_path: Path) -> None:
    meter = opened(write(tmp_path, "timestamp,power", steady(5)))
    assert isinstance(meter, Deferred)
    assert (meter.method, meter.ticks, meter.period) == ("external_meter", False, 1.0)
    assert meter.read() == {}
    meter.close()
