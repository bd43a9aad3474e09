"""What else went on in the machine, from trees like the kernel's."""

import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from _meters import put
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import noise
from frugalbench.record import Noise

CPUS = "devices/system/cpu"
FLAGS = "devices/platform/soc/soc:firmware/get_throttled"

QUIET = noise.Snapshot(
    seconds=100.0,
    own=5.0,
    total=10_000,
    idle=8_000,
    stolen=50,
    frequency=3e9,
    nominal=4e9,
    throttled=None,
    raised=0,
    governor="performance",
    temperature=40.0,
)


def seen(tmp_path: Path, stat: str = "", **sys: object) -> noise.Snapshot:
    """What is seen in a tree of these files; the names of those in /sys use `__` for `/`."""
    put(tmp_path / "proc", {"stat": stat} if stat else {})
    put(tmp_path / "sys", {name.replace("__", "/"): text for name, text in sys.items()})
    return noise.look(tmp_path / "proc", tmp_path / "sys")


def tree(tmp_path: Path, files: dict[str, object]) -> noise.Snapshot:
    """What is seen in a /sys of these files."""
    return noise.look(tmp_path / "no-proc", put(tmp_path / "sys", files))


def after(first: noise.Snapshot = QUIET, **changed: object) -> Noise:
    """What happened on two processors until a snapshot with these changes."""
    return noise.between([first, replace(first, **changed)], cores=2)  # type: ignore[arg-type]


# Shares of the processors


def test_shares_of_the_processors_add_up_to_one() -> None:
    # In one second two processors have 200 ticks: 40 idle, 20 stolen; we took 0.6 s of 2.
    found = after(seconds=101.0, own=5.6, total=10_200, idle=8_040, stolen=70)
    assert (found.seconds, found.own) == pytest.approx((1.0, 0.3))
    assert found.steal == pytest.approx(0.1)
    assert found.others == pytest.approx(1 - 0.2 - 0.1 - 0.3)


def test_a_process_alone_is_not_disturbed_by_itself() -> None:
    found = after(seconds=101.0, own=7.0, total=10_200, idle=8_000, stolen=50)
    assert (found.own, found.others, found.steal) == pytest.approx((1.0, 0.0, 0.0))


@given(
    elapsed=st.floats(1e-3, 1e5),
    own=st.floats(0, 1e6),
    ticks=st.tuples(*[st.integers(0, 10**9)] * 3),
    cores=st.integers(1, 512),
)
def test_every_share_is_one_whatever_the_counters_say(
    elapsed: float, own: float, ticks: tuple[int, int, int], cores: int
) -> None:
    assert QUIET.total is not None
    assert QUIET.idle is not None
    assert QUIET.stolen is not None
    last = replace(
        QUIET,
        seconds=QUIET.seconds + elapsed,
        own=QUIET.own + own,
        total=QUIET.total + ticks[0],
        idle=QUIET.idle + ticks[1],
        stolen=QUIET.stolen + ticks[2] - 5,
    )
    found = noise.between([QUIET, last], cores)
    for share in (found.own, found.others, found.steal):
        assert share is None or 0 <= share <= 1
    assert found.own is not None
    # Counters that stood still say nothing of the others.
    assert (found.others is None) == (found.steal is None) == (ticks[0] == 0)


def test_no_time_at_all_has_no_shares() -> None:
    found = noise.between([QUIET])
    assert (found.seconds, found.own, found.others, found.steal) == (0.0, None, None, None)


def test_the_kernels_counters_are_read_and_guests_are_not_counted_twice(tmp_path: Path) -> None:
    # user nice system idle iowait irq softirq steal guest guest_nice; guests are in user.
    stat = "cpu  100 20 30 400 50 6 7 80 90 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5"
    found = seen(tmp_path, stat)
    assert found.total == 100 + 20 + 30 + 400 + 50 + 6 + 7 + 80
    # Waiting for a disk is idle too.
    assert (found.idle, found.stolen) == (450, 80)


@pytest.mark.parametrize(
    "stat",
    [
        "cpu",
        "cpu 1 2 3 4 5 6 7",
        "cpu0 1 2 3 4 5 6 7 8",
        "cpu 1 2 3 x 5 6 7 8",
        "cpu 1 2 3 -4 5 6 7 8",
        "cpu 1 2 3 ² 5 6 7 8",
        "cpu 1 2 3 " + "9" * 5000 + " 5 6 7 8",
        "\x00\xff",
    ],
)
def test_counters_that_are_garbage_are_none(tmp_path: Path, stat: str) -> None:
    found = seen(tmp_path, stat)
    assert (found.total, found.idle, found.stolen) == (None, None, None)
    noticed = noise.between([found, replace(found, seconds=found.seconds + 1)])
    assert (noticed.others, noticed.steal) == (None, None)
    assert noticed.own == 0


# Frequencies


def test_the_fastest_processor_is_the_one_that_works(tmp_path: Path) -> None:
    found = tree(
        tmp_path,
        {
            f"{CPUS}/cpu0/cpufreq/scaling_cur_freq": 800_000,
            f"{CPUS}/cpu1/cpufreq/scaling_cur_freq": 3_400_000,
            f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq": 4_200_000,
            f"{CPUS}/cpu1/cpufreq/cpuinfo_max_freq": 4_000_000,
            f"{CPUS}/cpu0/cpufreq/scaling_governor": "powersave",
            f"{CPUS}/cpufreq/boost": 1,
        },
    )
    assert (found.frequency, found.nominal) == (3.4e9, 4.2e9)
    assert found.governor == "powersave"


def test_the_lowest_and_the_highest_of_all_looks_are_kept() -> None:
    looks = [replace(QUIET, frequency=hertz) for hertz in (3e9, 1e9, None, 2.5e9)]
    found = noise.between(looks)
    assert (found.frequency_low, found.frequency_high) == (1e9, 3e9)
    assert (found.frequency_nominal, found.governor) == (4e9, "performance")


def test_the_hottest_zone_at_its_hottest_is_kept(tmp_path: Path) -> None:
    found = tree(
        tmp_path,
        {
            "class/thermal/thermal_zone0/temp": 41_500,
            "class/thermal/thermal_zone1/temp": 68_250,
            "class/thermal/thermal_zone2/temp": -274_000,
            "class/thermal/cooling_device0/temp": 99_000,
        },
    )
    assert found.temperature == 68.25
    looks = [replace(QUIET, temperature=degrees) for degrees in (40.0, None, 71.0, 65.0)]
    assert noise.between(looks).temperature == 71.0


# Throttling


def intel(tmp_path: Path, *counts: int) -> noise.Snapshot:
    """The throttle counts of as many processors, and of their package."""
    files: dict[str, object] = {}
    for cpu, count in enumerate(counts):
        folder = f"{CPUS}/cpu{cpu}/thermal_throttle"
        files |= {f"{folder}/core_throttle_count": count, f"{folder}/package_throttle_count": 1}
        # How long is no count.
        files |= {f"{folder}/core_throttle_total_time_ms": 5000}
    return tree(tmp_path, files)


def test_intels_counts_are_those_that_grew_meanwhile(tmp_path: Path) -> None:
    before, same, hot = (
        intel(tmp_path / name, *counts)
        for name, counts in (("a", (7, 9)), ("b", (7, 9)), ("c", (8, 13)))
    )
    assert (before.throttled, before.raised) == (18, 0)
    assert noise.between([before, same]).throttled == 0
    assert noise.between([before, same, hot]).throttled == 5


def test_counts_that_began_anew_are_not_negative(tmp_path: Path) -> None:
    before, off = intel(tmp_path / "a", 900), intel(tmp_path / "b", 0)
    assert noise.between([before, off]).throttled == 0


@pytest.mark.parametrize(
    ("text", "remembered", "raised"),
    [
        ("0", 0, 0),
        ("0x0", 0, 0),
        ("50005", 2, 2),
        ("0x50000", 2, 0),
        ("4", 0, 1),
        ("FFFFFFFF", 16, 16),
    ],
)
def test_a_raspberry_pis_flags_are_those_up_now_and_those_it_remembers(
    tmp_path: Path, text: str, remembered: int, raised: int
) -> None:
    found = tree(tmp_path, {FLAGS: text})
    assert (found.throttled, found.raised) == (remembered, raised)


def test_a_flag_that_was_up_at_any_look_is_throttling(tmp_path: Path) -> None:
    cool, hot, past = (
        tree(tmp_path / name, {FLAGS: text})
        for name, text in (("a", "0"), ("b", "0x40004"), ("c", "0x40000"))
    )
    assert noise.between([cool, cool]).throttled == 0
    # One flag up at the second look, and one more remembered at the end.
    assert noise.between([cool, hot, past]).throttled == 2
    # What was remembered from before is no news.
    assert noise.between([past, past]).throttled == 0


@pytest.mark.parametrize("text", ["", "yes", "-1", "0x", "123456789", "5000５"])
def test_flags_that_are_garbage_are_none(tmp_path: Path, text: str) -> None:
    found = tree(tmp_path, {FLAGS: text})
    assert (found.throttled, found.raised) == (None, 0)
    assert noise.between([found, found]).throttled is None


# What is not there


def test_what_the_kernel_does_not_show_is_none_and_never_zero(tmp_path: Path) -> None:
    empty = noise.look(tmp_path, tmp_path)
    found = noise.between([empty, replace(empty, seconds=empty.seconds + 1)])
    shown = {
        name: value
        for name, value in msgspec.structs.asdict(found).items()
        if value is not None and value != ""
    }
    # The clock and the process's own time need no files.
    assert shown.keys() == {"seconds", "own"}


@pytest.mark.parametrize(
    "text", ["", "garbage", "1.5", "--5", "²", "٣٤", "0x10", "9" * 5000, "1 2", "\x00"]
)
def test_files_that_hold_no_number_are_none(tmp_path: Path, text: str) -> None:
    found = tree(
        tmp_path,
        {
            f"{CPUS}/cpu0/cpufreq/scaling_cur_freq": text,
            f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq": text,
            f"{CPUS}/cpu0/thermal_throttle/core_throttle_count": text,
            "class/thermal/thermal_zone0/temp": text,
        },
    )
    assert (found.frequency, found.nominal, found.throttled, found.temperature) == (None,) * 4


def test_a_folder_in_place_of_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "stat").mkdir()
    (tmp_path / CPUS / "cpu0/cpufreq/scaling_cur_freq").mkdir(parents=True)
    found = noise.look(tmp_path, tmp_path)
    assert (found.total, found.frequency) == (None, None)


@given(st.binary(max_size=200))
def test_no_bytes_in_the_kernels_files_raise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    root = tmp_path_factory.mktemp("tree")
    names = (
        "stat",
        FLAGS,
        f"{CPUS}/cpu0/cpufreq/scaling_cur_freq",
        f"{CPUS}/cpu0/thermal_throttle/core_throttle_count",
        "class/thermal/thermal_zone0/temp",
    )
    put(root, dict.fromkeys(names, ""))
    for name in names:
        (root / name).write_bytes(content)
    found = noise.between([noise.look(root, root), noise.look(root, root)])
    assert found.throttled is None or found.throttled >= 0


def test_this_machine_can_be_looked_at() -> None:
    begin = time.process_time()
    first = noise.look()
    assert first.own >= begin
    last = noise.look()
    assert last.seconds >= first.seconds
    assert last.total is None or (first.total is not None and last.total >= first.total > 0)
