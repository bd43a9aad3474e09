"""RAPL on fake powercap trees: wraps, lost readings, permissions, zones that overlap."""

from pathlib import Path

import pytest
from _meters import CPU, Clock, deny, put, why
from hypothesis import given, settings
from hypothesis import strategies as st

from frugalbench.meters import rapl

TOP = 262_143_328_850
RULES = Path(__file__).parent.parent / "scripts" / "99-frugalbench-rapl.rules"


def zone(root: Path, folder: str, name: str, microjoules: int, top: int = TOP) -> Path:
    """One powercap zone; returns the file of its counter."""
    put(
        root / folder,
        {"name": name, "max_energy_range_uj": top, "energy_uj": microjoules},
    )
    return root / folder / "energy_uj"


def opened(root: Path, clock: Clock | None = None) -> rapl.Rapl:
    meter = rapl.open(CPU, root, clock=clock or Clock(), probe_seconds=0.0, watch=False)
    assert isinstance(meter, rapl.Rapl)
    return meter


def test_package_and_dram_are_two_domains(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    dram = zone(tmp_path, "intel-rapl:0:1", "dram", 5_000_000)
    meter = opened(tmp_path)
    assert meter.read() == {"cpu": 0.0, "ram": 0.0}
    package.write_text("3500000")
    dram.write_text("5250000")
    assert meter.read() == {"cpu": 2.5, "ram": 0.25}
    assert (meter.method, meter.ticks) == ("hardware_counter", True)


def test_packages_and_their_memories_add_up(tmp_path: Path) -> None:
    counters = [zone(tmp_path, f"intel-rapl:{i}", f"package-{i}", 0) for i in range(12)]
    counters += [zone(tmp_path, f"intel-rapl:{i}:0", "dram", 0) for i in range(12)]
    meter = opened(tmp_path)
    for counter in counters:
        counter.write_text("2000000")
    assert meter.read() == {"cpu": 24.0, "ram": 24.0}


def test_the_dies_of_one_package_add_up(tmp_path: Path) -> None:
    dies = [zone(tmp_path, f"intel-rapl:{i}", f"package-0-die-{i}", 0) for i in range(2)]
    meter = opened(tmp_path)
    for die in dies:
        die.write_text("1000000")
    assert meter.read() == {"cpu": 2.0}


def test_an_amd_processor_shows_a_package_and_a_core_zone(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0, top=65_532_610_987)
    core = zone(tmp_path, "intel-rapl:0:0", "core", 0, top=65_532_610_987)
    meter = opened(tmp_path)
    package.write_text("4000000")
    core.write_text("3000000")
    assert meter.read() == {"cpu": 4.0}


def test_the_platform_is_a_domain_of_its_own_and_inner_zones_are_not_read(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    platform = zone(tmp_path, "intel-rapl:1", "psys", 0)
    inner = [
        zone(tmp_path, "intel-rapl:0:0", "core", 0),
        zone(tmp_path, "intel-rapl:0:2", "uncore", 0),
    ]
    meter = opened(tmp_path)
    package.write_text("1000000")
    platform.write_text("9000000")
    for counter in inner:
        counter.write_text("500000")
    assert meter.read() == {"cpu": 1.0, "psys": 9.0}


def test_a_zone_shown_twice_is_counted_once_by_its_msr(tmp_path: Path) -> None:
    msr = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    mmio = zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    dram = zone(tmp_path, "intel-rapl:0:0", "dram", 0)
    again = zone(tmp_path, "intel-rapl-mmio:0:0", "dram", 0)
    meter = opened(tmp_path)
    msr.write_text("1000000")
    mmio.write_text("1100000")
    dram.write_text("250000")
    again.write_text("500000")
    assert meter.read() == {"cpu": 1.0, "ram": 0.25}


def test_a_machine_may_show_its_memory_alone(tmp_path: Path) -> None:
    dram = zone(tmp_path, "intel-rapl:0", "dram", 0)
    meter = opened(tmp_path)
    dram.write_text("1000000")
    assert meter.read() == {"ram": 1.0}
    assert "only the memory" in meter.note


def test_zones_of_other_kinds_are_left_alone(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    put(tmp_path / "dtpm:0", {"name": "cpu0-cpufreq"})
    assert opened(tmp_path).read() == {"cpu": 0.0}


# ── wraps ────────────────────────────────────────────────────────────────────


def test_a_counter_that_wraps_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000_000, top=10_000_000_000)
    meter = opened(tmp_path, clock)
    clock.wait(5.0)
    counter.write_text("500000000")
    assert meter.read() == {"cpu": pytest.approx(1500.0)}


def test_a_wrap_between_any_two_readings_loses_no_energy(tmp_path: Path) -> None:
    top, clock = 1_000_000_000, Clock()
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 0, top=top)
    meter = opened(tmp_path, clock)
    for k in range(1, 41):
        clock.wait(0.5)
        counter.write_text(str(k * 300_000_000 % top))
        assert meter.read() == {"cpu": pytest.approx(300.0 * k)}


@settings(max_examples=40)
@given(
    steps=st.lists(st.integers(0, 900_000_000), min_size=1, max_size=30),
    start=st.integers(0, 999_999_999),
)
def test_the_odometer_adds_up_whatever_the_counter_did(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], start: int
) -> None:
    top, clock = 1_000_000_000, Clock()
    root = tmp_path_factory.mktemp("powercap")
    counter = zone(root, "intel-rapl:0", "package-0", start, top=top)
    meter = opened(root, clock)
    total = start
    for step in steps:
        clock.wait(0.95)
        total += step
        counter.write_text(str(total % top))
        reading = meter.read()["cpu"]
    assert reading == pytest.approx(sum(steps) * 1e-6)


def test_a_counter_not_read_for_longer_than_a_round_is_unknown_for_good(tmp_path: Path) -> None:
    clock = Clock()
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 0, top=65_000_000_000)
    meter = opened(tmp_path, clock)
    clock.wait(64.9)
    counter.write_text("1000000")
    assert meter.read() == {"cpu": 1.0}
    clock.wait(65.1)
    counter.write_text("2000000")
    assert meter.read() == {"cpu": None}
    clock.wait(1.0)
    assert meter.read() == {"cpu": None}
    assert "gone round" in meter.reason("cpu")


def test_a_counter_that_is_set_back_is_no_wrap_and_makes_no_spike(tmp_path: Path) -> None:
    clock = Clock()
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 90_000_000_000)
    meter = opened(tmp_path, clock)
    clock.wait(1.0)
    counter.write_text("10")
    assert meter.read() == {"cpu": None}
    assert "set back" in meter.reason("cpu")


def test_a_step_forward_that_no_machine_draws_is_unknown_for_good(tmp_path: Path) -> None:
    clock = Clock()
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = opened(tmp_path, clock)
    clock.wait(1.0)
    counter.write_text("999000000")
    assert meter.read() == {"cpu": 999.0}
    clock.wait(1.0)
    counter.write_text("90000000000")
    assert meter.read() == {"cpu": None}
    clock.wait(1.0)
    assert meter.read() == {"cpu": None}
    assert "set forward" in meter.reason("cpu")


def test_a_watch_reads_often_enough_for_the_smallest_counter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intervals = []

    class Watch:
        def __init__(self, interval: float, function: object) -> None:
            intervals.append(interval)

        def close(self) -> None:
            intervals.append(0.0)

    monkeypatch.setattr(rapl, "Every", Watch)
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    zone(tmp_path, "intel-rapl:0:0", "dram", 0, top=60_000_000_000)
    meter = rapl.open(CPU, tmp_path, probe_seconds=0.0)
    assert isinstance(meter, rapl.Rapl)
    meter.close()
    assert intervals == [pytest.approx(15.0), 0.0]


# ── readings that are lost ───────────────────────────────────────────────────


@pytest.mark.parametrize("garbage", ["not a number", "", "-5", "1e9", str(TOP + 1)])
def test_a_lost_reading_is_unknown_for_good_and_never_a_zero_or_a_spike(
    tmp_path: Path, garbage: str
) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    meter = opened(tmp_path)
    counter.write_text(garbage)
    assert meter.read() == {"cpu": None}
    counter.write_text("900000000")
    assert meter.read() == {"cpu": None}
    assert meter.reason("cpu")
    assert meter.reason("ram") == ""


def test_a_zone_that_vanishes_takes_only_its_domain_along(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    dram = zone(tmp_path, "intel-rapl:0:0", "dram", 0)
    meter = opened(tmp_path)
    first.write_text("1000000")
    dram.write_text("2000000")
    second.unlink()
    assert meter.read() == {"cpu": None, "ram": 2.0}
    zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000)
    assert meter.read() == {"cpu": None, "ram": 2.0}


# ── what keeps it from opening ───────────────────────────────────────────────


def test_counters_only_root_may_read_say_how_to_unlock_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    deny(monkeypatch, ["energy_uj"])
    found = why(rapl.open(CPU, tmp_path))
    assert "root only" in found.reason
    assert "sudo chmod a+r /sys/class/powercap/*/energy_uj" in found.unlock
    assert "scripts/99-frugalbench-rapl.rules" in found.unlock


def test_the_rule_it_names_is_there_and_opens_the_counter() -> None:
    lines = [one for one in RULES.read_text().splitlines() if not one.startswith("#")]
    assert len(lines) == 1
    assert 'SUBSYSTEM=="powercap"' in lines[0]
    assert 'RUN+="/bin/chmod a+r /sys%p/energy_uj"' in lines[0]


def test_a_platform_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    platform = zone(tmp_path, "intel-rapl:1", "psys", 0)
    platform.unlink()
    assert opened(tmp_path).read() == {"cpu": 0.0}


@pytest.mark.parametrize("missing", ["energy_uj", "max_energy_range_uj"])
def test_a_package_that_cannot_be_read_does_not_leave_the_others_as_the_whole(
    tmp_path: Path, missing: str
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    zone(tmp_path, "intel-rapl:1", "package-1", 0)
    (tmp_path / "intel-rapl:1" / missing).unlink()
    found = why(rapl.open(CPU, tmp_path))
    assert "package-1" in found.reason


def test_a_zone_that_only_mmio_shows_readable_is_read_there(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0).unlink()
    mmio = zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    meter = opened(tmp_path)
    mmio.write_text("1000000")
    assert meter.read() == {"cpu": 1.0}


def test_a_machine_without_counters_says_so_and_what_a_container_needs(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "not mounted"):
        found = why(rapl.open(CPU, root))
        assert "no RAPL counter" in found.reason
        assert "mount /sys/class/powercap" in found.unlock


def test_links_that_lead_nowhere_in_a_container_are_explained(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").symlink_to(tmp_path / "hidden")
    assert "container" in why(rapl.open(CPU, tmp_path)).unlock


# ── the update period ────────────────────────────────────────────────────────


def test_the_period_is_probed_and_the_slowest_kind_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    zone(tmp_path, "intel-rapl:0:0", "dram", 0)
    found = iter([0.0012, 0.0031])
    monkeypatch.setattr(rapl, "probe_period", lambda *args: next(found))
    assert opened(tmp_path).period == 0.0031


def test_a_counter_that_does_not_move_keeps_the_usual_period(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = rapl.open(CPU, tmp_path, clock=Clock(step=0.01), watch=False)
    assert isinstance(meter, rapl.Rapl)
    assert meter.period == 0.001
