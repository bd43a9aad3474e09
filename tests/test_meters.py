"""What all meters have in common, the model of power, and the pretend meter."""

import builtins
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _meters import CPU, Clock, put, why
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import meters
from frugalbench.errors import UsageError
from frugalbench.meters import _sysfs, modelled
from frugalbench.meters._counters import Counter, Counters
from frugalbench.meters._probe import probe_period
from frugalbench.meters.fake import Constant
from frugalbench.spec import Target


def test_an_unknown_meter_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'rapl'"):
        meters.open_meter("rapel", CPU)
    assert {"rapl", "nvml", "modelled", "fake"} <= set(meters.names())


def test_the_meters_a_target_reads_by_default_all_exist() -> None:
    assert set(Target().meters) == set(meters.names()) - {"fake"}
    meters.check(Target().meters)


def test_a_meter_may_say_more_than_the_protocol_asks_and_need_not() -> None:
    plain = Constant()
    assert (meters.note(plain), meters.reason(plain, "cpu")) == ("", "")
    fuller: Any = SimpleNamespace(note="of the whole", reason=lambda domain: f"no {domain}")
    assert (meters.note(fuller), meters.reason(fuller, "cpu")) == ("of the whole", "no cpu")


# ── the kernel's small files ─────────────────────────────────────────────────


@given(st.integers(-(10**18), 10**18))
def test_a_number_in_a_file_comes_back(tmp_path_factory: pytest.TempPathFactory, n: int) -> None:
    file = put(tmp_path_factory.mktemp("sys"), {"energy_uj": n}) / "energy_uj"
    assert _sysfs.number(file) == n


@pytest.mark.parametrize("text", ["", "1_000", "٣", "1.5", "0x10", "nan", "1 2", "9" * 21])
def test_what_is_no_whole_number_is_never_taken_for_one(tmp_path: Path, text: str) -> None:
    file = put(tmp_path, {"energy_uj": text}) / "energy_uj"
    with pytest.raises(ValueError, match="no whole number"):
        _sysfs.number(file)
    assert _sysfs.maybe_number(file) is None


def test_a_file_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    assert _sysfs.maybe(tmp_path / "gone") is None
    assert _sysfs.maybe_number(tmp_path / "gone") is None


def test_names_that_firmware_chose_stay_short_and_on_one_line() -> None:
    assert _sysfs.word("VDD\n\x1b[31m" + "x" * 100) == "VDD  [31m" + "x" * 31


# ── the update period of a counter ───────────────────────────────────────────


def test_the_period_of_a_counter_is_found_by_watching_it() -> None:
    clock = Clock(step=0.001)
    found = probe_period(lambda: int(clock.now * 50), clock, 1.0)
    assert found == pytest.approx(0.02, abs=0.002)


def test_one_late_update_does_not_change_the_period() -> None:
    clock = Clock(step=0.001)
    late = {3}

    def read() -> int:
        return sum(1 for k in range(1000) if clock.now >= 100 + k * 0.01 + (k in late) * 0.005)

    assert probe_period(read, clock, 0.5) == pytest.approx(0.01, abs=0.0015)


def test_fewer_than_three_updates_say_nothing_about_a_period() -> None:
    clock = Clock(step=0.01)
    assert probe_period(lambda: int(clock.now / 10), clock, 25.0) is None
    assert probe_period(lambda: 7, clock, 1.0) is None
    assert probe_period(lambda: 7, clock, 0.0) is None


def test_a_failed_reading_ends_the_watch() -> None:
    clock = Clock(step=0.01)
    values = iter([1, 2, 3, 4, None])
    assert probe_period(lambda: next(values), clock, 10.0) is None
    assert probe_period(lambda: None, clock, 10.0) is None


def test_a_counter_that_moves_fast_is_not_watched_for_long() -> None:
    clock = Clock(step=0.001)
    probe_period(lambda: clock.now, clock, 10.0, enough=5)
    assert clock.now == pytest.approx(100.0 + 6 * 0.001)


# ── counters that do not wrap ────────────────────────────────────────────────


def test_counters_of_one_domain_add_up_from_their_start(tmp_path: Path) -> None:
    put(tmp_path, {"a": 1_000_000, "b": 5_000_000})
    meter = Counters([Counter("cpu", tmp_path / "a"), Counter("cpu", tmp_path / "b")], 1e-6)
    assert meter.read() == {"cpu": 0.0}
    put(tmp_path, {"a": 1_500_000, "b": 7_000_000})
    assert meter.read() == {"cpu": 2.5}


def test_a_counter_that_cannot_be_read_at_first_never_counts_from_zero(tmp_path: Path) -> None:
    meter = Counters([Counter("cpu", tmp_path / "a")], 1e-6)
    put(tmp_path, {"a": 900_000_000})
    assert meter.read() == {"cpu": None}
    assert "could not be read" in meter.reason("cpu")


def test_a_counter_that_goes_back_is_unknown_for_good(tmp_path: Path) -> None:
    put(tmp_path, {"a": 1_000_000})
    meter = Counters([Counter("cpu", tmp_path / "a")], 1e-6)
    put(tmp_path, {"a": 10})
    assert meter.read() == {"cpu": None}
    put(tmp_path, {"a": 2_000_000})
    assert meter.read() == {"cpu": None}
    assert "set back" in meter.reason("cpu")


# ── the pretend meter ────────────────────────────────────────────────────────


def test_constant_power_is_never_nothing() -> None:
    now = iter([0.0, 1.0, 3.0])
    meter = Constant(watts=10.0, clock=lambda: next(now))
    assert meter.read() == {"cpu": 10.0}
    assert meter.read() == {"cpu": 30.0}
    assert meter.method == "pretend"


def test_a_pretend_counter_stands_still_between_its_ticks() -> None:
    clock = Clock()
    meter = Constant(watts=10.0, clock=clock, period=0.1, ticks=True)
    seen = []
    for _ in range(6):
        seen.append(meter.read()["cpu"])
        clock.wait(0.05)
    assert seen == pytest.approx([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])


def test_a_period_alone_makes_no_pretend_counter() -> None:
    clock = Clock()
    meter = Constant(watts=10.0, clock=clock, period=0.1)
    clock.wait(0.05)
    assert not meter.ticks
    assert meter.read() == {"cpu": pytest.approx(0.5)}


# ── the model ────────────────────────────────────────────────────────────────


def test_the_model_gives_growing_joules_in_two_domains_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    meter = modelled.open(CPU)
    assert isinstance(meter, modelled.Modelled)
    before = meter.read()
    sum(i * i for i in range(300_000))
    after = meter.read()
    meter.close()
    assert set(after) == {"cpu", "ram"}
    for domain, joules in after.items():
        then = before[domain]
        assert joules is not None
        assert then is not None
        assert joules > then
    assert meter.method == "modelled"
    assert not meter.ticks
    assert not list(tmp_path.iterdir())


def test_nothing_of_the_model_runs_between_two_readings() -> None:
    before = set(threading.enumerate())
    meter = modelled.open(CPU)
    assert isinstance(meter, modelled.Modelled)
    meter.read()
    new = [one for one in threading.enumerate() if one not in before]
    # A timer that was called off may need a moment to end.
    running = [
        one for one in new if not (isinstance(one, threading.Timer) and one.finished.is_set())
    ]
    meter.close()
    assert not running


class Tracker:
    """A CodeCarbon that gives what it is told to."""

    def __init__(self, *deltas: object) -> None:
        self.deltas = list(deltas)

    def start_task(self, name: str) -> None:
        """Nothing to do."""

    def stop_task(self, name: str) -> object:
        delta = self.deltas.pop(0)
        if isinstance(delta, Exception):
            raise delta
        return delta


def joules(cpu: float, ram: float) -> SimpleNamespace:
    return SimpleNamespace(cpu_energy=cpu / 3.6e6, ram_energy=ram / 3.6e6)


@pytest.mark.parametrize(
    "lost", [None, RuntimeError("no load"), joules(float("nan"), 1), joules(-1, 1), object()]
)
def test_a_figure_the_model_did_not_give_makes_it_unknown_for_good(lost: object) -> None:
    meter = modelled.Modelled(Tracker(joules(2, 1), lost, joules(2, 1)))
    assert meter.read() == {"cpu": pytest.approx(2.0), "ram": pytest.approx(1.0)}
    assert meter.read() == {"cpu": None, "ram": None}
    assert meter.read() == {"cpu": None, "ram": None}
    assert "CodeCarbon" in meter.reason("cpu")
    meter.close()


def test_the_models_energy_adds_up_over_readings() -> None:
    meter = modelled.Modelled(Tracker(joules(2, 1), joules(3, 1), None))
    meter.read()
    assert meter.read() == {"cpu": pytest.approx(5.0), "ram": pytest.approx(2.0)}
    assert meter.reason("cpu") == ""
    meter.close()


def test_without_codecarbon_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("codecarbon"):
            raise ImportError(name)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", absent)
    assert "pip install" in why(modelled.open(CPU)).unlock


def test_a_model_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import codecarbon

    def broken(**settings: object) -> None:
        raise ValueError("no processor")

    monkeypatch.setattr(codecarbon, "OfflineEmissionsTracker", broken)
    assert "no processor" in why(modelled.open(CPU)).reason
