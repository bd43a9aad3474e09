"""Wrong answers that other tools have given, one test each. They must not be given here.

Each is small, and says which answer was wrong. The modules' own tests go further.
"""

import ast
import builtins
import json
import math
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from _build import PLACE, at_rest, change, metered, missing, value, window
from _clock import MS, Odometer, Time, in_turn
from _meters import CPU, Clock, put
from _onnx import linear

import frugalbench
from frugalbench import attend, factors, meters, report, runners, worker
from frugalbench.bench import Meters, timed_run
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.meters import jetson, rapl
from frugalbench.meters._nvidia import Chosen, choose
from frugalbench.meters._sampler import Sampler
from frugalbench.metrics import _intervals, every
from frugalbench.report._format import show
from frugalbench.spec import Factor, Model, Plan, Target
from frugalbench.values import Method, Value

PACKAGE = Path(frugalbench.__file__).parent
TOP = 262_143_328_850


def package_zone(root: Path, microjoules: int) -> Path:
    """A tree of the kernel with one RAPL counter; returns its file."""
    zone = root / "intel-rapl:0"
    put(zone, {"name": "package-0", "max_energy_range_uj": TOP, "energy_uj": microjoules})
    return zone / "energy_uj"


def counters(root: Path, clock: Clock) -> rapl.Rapl:
    meter = rapl.open(CPU, root, clock=clock, probe_seconds=0.0, watch=False)
    assert isinstance(meter, rapl.Rapl)
    return meter


def test_01_a_counter_that_wraps_while_it_is_read_again_counts_once(tmp_path: Path) -> None:
    """A reading that was repeated after a wrap counted a whole round, or the wrap not at all."""
    clock = Clock()
    counter = package_zone(tmp_path, TOP - 1_000_000)
    meter = counters(tmp_path, clock)
    clock.wait(1.0)
    counter.write_text("2000000")
    for _ in range(3):
        assert meter.read() == {"cpu": 3.0}
        clock.wait(0.1)
    counter.write_text("2500000")
    assert meter.read() == {"cpu": 3.5}


def test_02_a_reading_that_fails_is_no_zero_and_makes_no_spike(tmp_path: Path) -> None:
    """An error was read as 0, and the next reading as all that was ever counted."""
    clock = Clock()
    counter = package_zone(tmp_path, 5_000_000_000)
    meter = counters(tmp_path, clock)
    seen = Meters({"rapl": meter}, clock=clock, wall=clock)
    tick = partial(clock.wait, 0.001)
    edges = [seen.edge(tick)]
    for text in ("5001000000", "garbage", "5003000000"):
        clock.wait(1.0)
        counter.write_text(text)
        edges.append(seen.edge(tick))
    windows = [one for pair in pairwise(edges) for one in seen.windows(*pair, 100)]
    assert [one.joules for one in windows] == [1.0, None, None]
    assert all(one.reason for one in windows[1:])
    assert missing("energy.per_inference", metered(windows)).reason == "too_few_windows"
    assert missing("energy.per_inference", metered(windows[1:])).reason == "meter_failed"


def test_03_constant_power_is_not_nothing() -> None:
    """A sampler that skipped equal samples integrated a steady machine to 0 J."""
    clock = Clock()
    meter = Sampler(
        lambda: {"gpu": 50.0}, method="sensor_integral", interval=0.1, clock=clock, thread=False
    )
    for _ in range(100):
        clock.wait(0.1)
        meter.sample()
    assert meter.read() == {"gpu": pytest.approx(500.0)}


def test_04_what_is_steady_is_judged_relatively() -> None:
    """A threshold in joules called every small model steady, and no large one."""
    joules = (9.9, 10.0, 10.1, 10.3)
    found = [
        value(
            "energy.per_inference",
            metered([*(window(scale * one) for one in joules), *at_rest(4 * scale)]),
        )
        for scale in (1e-6, 1.0, 1e6)
    ]
    assert {one.grade for one in found} == {"high"}
    for one in found:
        assert one.high / one.estimate == pytest.approx(found[0].high / found[0].estimate)
    drifting = metered([window(1e-5)] * 5 + at_rest(4e-6, 4.3e-6))
    assert value("energy.per_inference", drifting).grade == "medium"


def test_05_the_total_holds_the_processor_the_memory_and_the_gpu() -> None:
    """A total was printed that held the GPU alone, or everything but the memory."""
    parts = {"cpu": 10.0, "ram": 2.0, "gpu": 30.0}
    windows = [window(joules, domain=domain) for domain, joules in parts.items()] * 5
    assert value("energy.per_inference", metered(windows)).estimate == pytest.approx(0.42)
    for domain in parts:
        series = [change(one, method="board_rail") if one.domain == domain else one
                  for one in windows]  # fmt: skip
        found = value("energy.per_inference", metered(series))
        assert found.estimate == pytest.approx(0.42)
        assert found.method == "board_rail"


WALL_CLOCKS = {"time", "time_ns", "now", "utcnow", "today"}
OF_THE_DAY = {("bench/_meters.py", "time.time"), ("meters/_gpus.py", "time.time")}
"""Who asks for the time of day: the log of an instrument and NVML's samples are looked up by it."""


def wall_clocks(path: Path) -> Iterator[str]:
    """Where a file asks for the time of day."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{one.name}" for one in node.names if one.name in WALL_CLOCKS)
        if isinstance(node, ast.Attribute) and node.attr in WALL_CLOCKS:
            owner = ast.unparse(node.value)
            if owner.rpartition(".")[2] in ("time", "datetime", "date"):
                yield f"{owner}.{node.attr}"


def test_06_durations_are_measured_on_a_clock_that_never_goes_back(tmp_path: Path) -> None:
    """A clock that was set while measuring gave negative times and powers."""
    sources = [*(PACKAGE / "meters").glob("*.py"), *(PACKAGE / "bench").glob("*.py")]
    sources += [PACKAGE / name for name in ("worker.py", "noise.py", "host.py", "gather.py")]
    found = {(path.relative_to(PACKAGE).as_posix(), name)
             for path in sources for name in wall_clocks(path)}  # fmt: skip
    assert len(sources) > 20
    assert found == OF_THE_DAY
    bad = tmp_path / "bad.py"
    bad.write_text("import time, datetime\nfrom time import time_ns\na = time.time()\n"
                   "b = datetime.datetime.now()\n")  # fmt: skip
    assert set(wall_clocks(bad)) == {"time.time", "time.time_ns", "datetime.datetime.now"}


def test_06_a_wall_clock_that_is_set_back_changes_no_window() -> None:
    clock = Time()
    wall = iter(range(10_000, 0, -1))
    seen = Meters({"fake": Odometer(clock)}, clock=clock.seconds, wall=lambda: float(next(wall)))
    begin = seen.edge(lambda: None)
    clock.sleep(2.0)
    (found,) = seen.windows(begin, seen.edge(lambda: None), 10)
    assert found.seconds == pytest.approx(2.0)
    assert found.joules == pytest.approx(20.0)


class Accelerator:
    """A device that draws power while it computes, and a meter of it; `log` is what happened."""

    period, ticks = 0.0, False

    def __init__(self) -> None:
        self.method: Method = "pretend"
        self.log: list[str] = []
        self.joules = 0.0

    def run(self, clock: Time) -> None:
        self.log.append("asked")
        clock.now += 10 * MS
        self.joules += 0.5
        self.log.append("answered")

    def read(self) -> meters.Reading:
        self.log.append("read")
        return {"gpu": self.joules}

    def close(self) -> None:
        """Nothing is held."""


def test_07_a_window_closes_when_its_last_answer_is_there() -> None:
    """The energy of a GPU that was still at work fell into the next window, or into none."""
    device, clock = Accelerator(), Time()
    seen = timed_run(
        in_turn(partial(device.run, clock), [lambda: None]),
        Plan(windows=4),
        Meters({"gpu": device}, clock=clock.seconds, wall=clock.seconds),
        lambda *_: None,
        lambda *_: None,
        1.0,
        0.0,
        clock,
    )
    assert [one.joules for one in seen.windows] == pytest.approx([12.5] * 4)
    for before, after in pairwise(device.log):
        assert (before, after) != ("asked", "read")
    assert device.log.count("answered") == 100


def test_07_a_bound_call_waits_for_the_device(tmp_path: Path) -> None:
    """ONNX Runtime waits unless a run is told not to; ours is told nothing."""
    session = runners.open_session(Model(path=str(linear(tmp_path / "m.onnx"))), Target())
    bound = session.bind({"x": np.ones((2, 3), np.float32)})
    assert isinstance(bound.run, partial)
    assert bound.run.func.__name__ == "run_with_iobinding"
    assert len(bound.run.args) == 1
    assert bound.run.keywords == {}
    source = (PACKAGE / "runners" / "ort.py").read_text(encoding="utf-8")
    for asynchronous in ("disable_synchronize", "run_async", "user_compute_stream"):
        assert asynchronous not in source


def test_08_the_rails_of_a_jetson_are_added_where_they_are_parts_and_only_there(
    tmp_path: Path,
) -> None:
    """One of several supplies was taken for the whole; an integer average lost the fractions."""
    put(tmp_path / "proc/device-tree", {"compatible": "nvidia,p3701-0005\0nvidia,tegra234"})
    for number, rails in enumerate(
        (
            {"VDD_GPU_SOC": (20_000, 333), "VDD_CPU_CV": (20_000, 77), "VIN_SYS_5V0": (5000, 801)},
            {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 200)},
        )
    ):
        files: dict[str, object] = {"name": "ina3221"}
        for channel, (label, (volts, amps)) in enumerate(rails.items(), start=1):
            files |= {
                f"in{channel}_label": label,
                f"in{channel}_input": volts,
                f"curr{channel}_input": amps,
            }
        put(tmp_path / f"sys/class/hwmon/hwmon{number}", files)
    clock = Clock()
    meter = jetson.open(CPU, tmp_path, clock=clock, thread=False)
    assert isinstance(meter, Sampler)
    clock.wait(0.5)
    reading = meter.read()
    # The memory's supply lies behind the system's.
    assert reading["board"] == pytest.approx((6.66 + 1.54 + 4.005) / 2)
    windows = [
        window(joules, domain=domain, meter="jetson", method="board_rail")
        for domain, joules in reading.items()
    ] * 5
    found = value("energy.per_inference", metered(windows))
    assert found.estimate == pytest.approx((6.66 + 1.54 + 4.005) / 2 / 100)


def test_09_the_facility_is_counted_once_and_not_on_water_that_cools_it() -> None:
    """PUE was multiplied in twice, and into WUE, which is by IT energy already."""
    record = metered([window(3.6e6, calls=1)] * 3)
    assert (PLACE.pue, PLACE.wue) == (1.5, 2.0)
    assert value("energy.per_inference", record).estimate == pytest.approx(3.6e6)
    assert value("carbon.per_inference", record).estimate == pytest.approx(1.5 * 100)
    assert value("water.on_site_per_inference", record).estimate == pytest.approx(2)
    assert value("water.off_site_per_inference", record).estimate == pytest.approx(1.5 * 4)
    assert value("water.per_inference", record).estimate == pytest.approx(2 + 1.5 * 4)


@pytest.mark.parametrize(
    ("table", "figure"),
    [("grid_carbon", -1.0), ("grid_carbon", 1501.0), ("grid_water", 101.0), ("grid_water", -0.1)],
)
def test_10_a_factor_that_physics_does_not_allow_is_refused(table: str, figure: float) -> None:
    """A table said that a kWh takes less than the 3.6 MJ it holds."""
    unit = {"grid_carbon": "g/kWh", "grid_water": "L/kWh"}[table]
    factor = Factor(value=figure, unit=unit, year=2024, source="x", url="https://example.org")
    with pytest.raises(UsageError):
        factors.check_factor(table, factor, "here")
    site = change(PLACE, **{table: factor})
    address = {"grid_carbon": "carbon", "grid_water": "water"}[table]
    record = metered([window(3.6e6, calls=1)] * 3, site=site)
    assert missing(f"{address}.per_inference", record).reason == "no_factor"
    # A kWh is 3.6 MJ, and there is no table of primary energy to get wrong.
    assert not [name for name in every() if "primary" in name]


@pytest.mark.parametrize("off", [0.06, 0.2, 0.49])
def test_11_two_meters_that_differ_by_a_twentieth_are_doubted_and_not_by_a_half(off: float) -> None:
    """A threshold of 5 % had been written as 0.5, and let 49 % pass."""
    other = [window(10.0 * (1 - off), meter="hwmon", method="sensor_integral")] * 5
    found = value("energy.per_inference", metered([window(10.0)] * 5 + other + at_rest(4)))
    assert found.grade == "medium"
    assert f"rapl and hwmon differ by {off:.0%}" in found.note


def test_12_queries_that_may_be_late_grow_with_the_tail_and_not_with_its_inverse() -> None:
    """A slope was multiplied where it had to divide: far too few queries were asked for."""
    for p in (0.5, 0.9, 0.99):
        aside = _intervals.early_stopping(1_000_000, p)
        assert aside is not None
        # 1 % of a margin of a few standard deviations below the tail's share, and no more.
        share, deviation = (1 - p) * 1e6, math.sqrt(p * (1 - p) * 1e6)
        assert share - 2.4 * deviation - 2 < aside < share - 2.3 * deviation


def test_13_small_figures_are_not_rounded_away_and_no_unit_is_guessed() -> None:
    """A microjoule was shown as 0.00, and a figure in an unknown unit was taken for kWh."""
    small = metered([window(1.234e-6)] * 5 + at_rest(1e-7))
    found = value("energy.per_inference", small)
    shown = show(found)
    assert "12.3" in shown.estimate
    assert shown.unit == "nJ"
    measures = json.loads(report.render("json", small, None))["metrics"]
    (told,) = [one for one in measures if one["address"] == "energy.per_inference"]
    assert told["measure"]["estimate"] == found.estimate
    odd = Value(
        estimate=1.5, unit="furlong", low=1.5, high=1.5, n=1, method="counted", interval="exact"
    )
    assert show(odd).unit == "furlong"
    for unit in ("kg/kWh", "", "g/MWh"):
        grid = Factor(value=0.1, unit=unit, year=2024, source="x")
        record = metered([window(10.0)] * 5, site=change(PLACE, grid_carbon=grid))
        assert missing("carbon.per_inference", record).reason == "no_factor"


class Nvml:
    """GPUs that NVML enumerates in another order than they sit on the bus."""

    class NVMLError(Exception):
        """What NVML raises."""

    def __init__(self, *buses: int) -> None:
        self.buses = buses

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlDeviceGetCount": lambda: len(self.buses),
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetPciInfo": lambda index: SimpleNamespace(
                domain=0, bus=self.buses[index], device=0
            ),
            "nvmlDeviceGetUUID": lambda index: f"GPU-{self.buses[index]}",
            "nvmlDeviceGetMigMode": lambda index: (0, 0),
        }
        return answers[name]


def test_14_the_number_cuda_gives_a_gpu_is_not_the_one_nvml_gives_it() -> None:
    """The energy of a neighbour was read, and one GPU's was multiplied by their number."""
    library = Nvml(9, 3, 6)
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    for listed, bus in (("0", 3), ("1", 6), ("2", 9), ("2,0", 9)):
        found = choose(library, {"CUDA_VISIBLE_DEVICES": listed, **order})
        assert isinstance(found, Chosen)
        assert [gpu.uuid for gpu in found.used] == [f"GPU-{bus}"]
    # Sorted by speed, which NVML does not show: no GPU is guessed.
    assert not isinstance(choose(library, {"CUDA_VISIBLE_DEVICES": "1"}), Chosen)
    shown = [window(30.0, domain=f"rail:gpu{place}", meter="nvml") for place in range(3)]
    windows = [window(10.0), window(30.0, domain="gpu", meter="nvml"), *shown] * 5
    assert value("energy.per_inference", metered(windows)).estimate == pytest.approx(0.4)


def test_15_a_difference_of_two_noisy_phases_may_be_negative_and_has_an_interval() -> None:
    """A negative difference was an assertion, which ended the run, or was cut to 0."""
    joules = (9.7, 10.1, 9.9, 10.2, 9.9)
    record = metered([*(window(one) for one in joules), *at_rest(10.0, 10.1)])
    found = value("energy.net_per_inference", record)
    assert found.low < found.estimate < 0 < found.high
    assert found.bound == pytest.approx(found.high)


def raised(path: Path) -> Iterator[str]:
    """The names in every `raise` and every `except` of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        about = node.exc if isinstance(node, ast.Raise) else None
        about = node.type if isinstance(node, ast.ExceptHandler) else about
        if isinstance(about, ast.Call):
            about = about.func
        for one in about.elts if isinstance(about, ast.Tuple) else [about]:
            if isinstance(one, ast.Name):
                yield one.id


ELSEWHERE = ("error", "library", "SafetensorError", "UnpicklingError")
"""Names of errors that a function has or imports by itself."""


def test_16_every_error_that_is_raised_or_caught_has_a_name_that_exists() -> None:
    """The branch that reports an error raised another one: a name that nobody had defined."""
    sources = [*(PACKAGE / "meters").glob("*.py"), *(PACKAGE / "bench").glob("*.py")]
    sources += [*(PACKAGE / "jobs").glob("*.py"), *(PACKAGE / "runners").glob("*.py")]
    sources += [PACKAGE / "worker.py"]
    looked = 0
    for path in sources:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        module = import_module(name.removesuffix(".__init__"))
        for error in raised(path):
            looked += 1
            # An error that was caught a few lines before is raised again by its own name.
            known = getattr(module, error, getattr(builtins, error, None))
            assert known is not None or error in ELSEWHERE, f"{path.name}: {error}"
    assert looked > 30


def test_16_the_branches_that_report_an_error_report_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="there is no meter 'raple': did you mean 'rapl'"):
        meters.open_meter("raple", CPU)
    with pytest.raises(UsageError, match="meter log"):
        meters.open_meter("csvlog", Target(meter_log=str(tmp_path / "none.csv")))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(MeasurementError, match="No space left on device; free some space"):
        worker._write_feed(SimpleNamespace(feed={"x": np.ones(3)}), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "code", "kind"),
    [
        ("", -11, "crash"),
        ("what(): std::bad_alloc", 1, "out_of_memory"),
        ("", -9, "out_of_memory"),
        ("NameError: name 'undefined' is not defined", 1, "crash"),
    ],
)
def test_16_whatever_ends_a_worker_is_a_failure_in_one_line(
    tmp_path: Path, said: str, code: int, kind: str
) -> None:
    (tmp_path / attend.ERRORS).write_text(said)
    found = attend.outcome(tmp_path, code)
    assert found is not None
    assert found.kind == kind
    assert "\n" not in found.detail
    assert said in found.detail
