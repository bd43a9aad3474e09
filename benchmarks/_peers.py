"""The same model called in four ways, each giving its latencies and its wall time a query."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from frugalbench import inputs, runners
from frugalbench.bench import Tape, closed_loop, draw_order
from frugalbench.bench._checks import Watch
from frugalbench.bench._queries import bind, draw
from frugalbench.jobs import prepare
from frugalbench.spec import Model, Spec, Target

__all__ = ["PEERS", "Bench", "Taken", "codecarbon_tracker"]

EXPECTED = 1_000_000


@dataclass(frozen=True)
class Taken:
    """Median of the timed spans, and wall time a query, both ns."""

    span: float
    turn: float


class Bench:
    """One open session and everything the peers need, ready before anything is timed."""

    def __init__(self, model: Path) -> None:
        """Open the model as frugalbench does, and once more by hand."""
        spec = Spec(model=Model(path=str(model)), target=Target(meters=()))
        prepared = prepare(spec)
        session = runners.open_session(spec.model, spec.target)
        job, feed = prepared.job, prepared.feed
        first = session.bind(inputs.rows_of(job.ports, feed, 0, job.batch))
        queries = draw(job, feed, bind(job, feed, session, first), 1)
        known = queries.answers(
            lambda start: session.predict(
                inputs.rows_of(job.ports, feed, start, queries.batch), job.watched
            ),
            1.0,
        )
        self._queries = queries.only(len(known))
        self._watch = Watch(queries.last, job.watched, known.__getitem__)
        self.run = _by_hand(model, feed)

    def bare(self, count: int) -> Taken:
        """A loop as anyone would write it: IOBinding, a clock before and after, a list."""
        clock, run, latencies = time.perf_counter_ns, self.run, list[int]()
        add, begin = latencies.append, clock()
        for _ in range(count):
            start = clock()
            run()
            end = clock()
            add(end - start)
        return Taken(float(np.median(latencies)), (clock() - begin) / count)

    def frugalbench(self, count: int) -> Taken:
        """The single stream of frugalbench: drawn samples, answers looked at, latencies kept."""
        order = draw_order(self._queries.run, self._queries.places, 1, EXPECTED)
        tape = Tape(count)
        begin = time.perf_counter_ns()
        closed_loop(order, tape, 1 << 62, self._watch.look, count)
        turn = (time.perf_counter_ns() - begin) / count
        return Taken(float(np.median(tape.array())), turn)

    def codecarbon(self, count: int) -> Taken:
        """The bare loop while a CodeCarbon tracker samples once a second."""
        with codecarbon_tracker():
            return self.bare(count)

    def loadgen(self, count: int) -> Taken:
        """MLPerf's LoadGen with a SUT in Python, SingleStream, PerformanceOnly."""
        import mlperf_loadgen as lg

        issued, run = list[int](), self.run

        def issue(samples: list[Any]) -> None:
            issued.append(time.perf_counter_ns())
            run()
            lg.QuerySamplesComplete([lg.QuerySampleResponse(one.id, 0, 0) for one in samples])

        settings = lg.TestSettings()
        settings.scenario = lg.TestScenario.SingleStream
        settings.mode = lg.TestMode.PerformanceOnly
        settings.min_duration_ms = 0
        settings.min_query_count = settings.max_query_count = count
        with tempfile.TemporaryDirectory() as folder:
            output = lg.LogOutputSettings()
            output.outdir, output.copy_summary_to_stdout = folder, False
            logs = lg.LogSettings()
            logs.log_output, logs.enable_trace = output, False
            sut, qsl = lg.ConstructSUT(issue, _nothing), lg.ConstructQSL(64, 64, _ignore, _ignore)
            lg.StartTestWithLogSettings(sut, qsl, settings, logs, "")
            lg.DestroyQSL(qsl)
            lg.DestroySUT(sut)
            span = _median_of(Path(folder))
        return Taken(span, float(np.diff(issued).mean()))


PEERS: dict[str, Callable[[Bench, int], Taken]] = {
    "bare loop": Bench.bare,
    "frugalbench": Bench.frugalbench,
    "LoadGen": Bench.loadgen,
    "inside CodeCarbon": Bench.codecarbon,
}


@contextmanager
def codecarbon_tracker() -> Iterator[None]:
    """A running tracker that writes no file and calls nobody."""
    from codecarbon import OfflineEmissionsTracker

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA",
        measure_power_secs=1,
        output_methods=[],
        allow_multiple_runs=True,
        log_level="critical",
    )
    tracker.start()
    try:
        yield
    finally:
        tracker.stop()


def _by_hand(model: Path, feed: dict[str, npt.NDArray[Any]]) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for port in session.get_inputs():
        array = np.ascontiguousarray(feed[port.name][: port.shape[0]])
        binding.bind_ortvalue_input(port.name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for port in session.get_outputs():
        output = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty(port.shape, np.float32))
        binding.bind_ortvalue_output(port.name, output)
    return partial(session.run_with_iobinding, binding)


def _median_of(folder: Path) -> float:
    """The median latency that LoadGen wrote down, ns."""
    text = (folder / "mlperf_log_summary.txt").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("50.00 percentile latency"))
    return float(line.rpartition(":")[2])


def _nothing() -> None:
    """LoadGen asks to flush what is under way: nothing is."""


def _ignore(samples: object) -> None:
    """The samples are in memory already."""
