"""What frugalbench itself costs, side by side with doing the same by hand, in one run.

    pytest benchmarks --benchmark-only --benchmark-group-by=group

Timings on a shared machine are noisy: read the ratios inside a group, not the seconds.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from frugalbench import bench, runners
from frugalbench.jobs import prepare
from frugalbench.settings import reference
from frugalbench.spec import Model, Plan, Spec, Target

CALLS = 2000
MODEL = reference("models/nhanes-mlp.onnx")


@pytest.fixture(scope="module")
def row() -> dict[str, Any]:
    job = prepare(Spec(model=Model(path=MODEL)))
    return {name: array[:1] for name, array in job.feed.items()}


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize(
    "words",
    [["-c", "pass"], ["-c", "import frugalbench"], ["-m", "frugalbench", "--help"]],
    ids=["python -c pass", "import frugalbench", "frugalbench --help"],
)
def test_start_up(benchmark: Any, words: list[str]) -> None:
    command = [sys.executable, *words]
    benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True), rounds=15, iterations=1
    )


@pytest.mark.benchmark(group=f"{CALLS} timed calls")
def test_a_loop_by_hand(benchmark: Any, row: dict[str, Any]) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for name, array in row.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    output = np.empty((1, 2), np.float32)
    name = session.get_outputs()[0].name
    binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(output))

    def loop() -> None:
        clock, run = time.perf_counter_ns, session.run_with_iobinding
        for _ in range(CALLS):
            start = clock()
            run(binding)
            clock() - start

    benchmark.pedantic(loop, rounds=30, warmup_rounds=3)


@pytest.mark.benchmark(group=f"{CALLS} timed calls")
def test_the_timed_loop(benchmark: Any, row: dict[str, Any]) -> None:
    session = runners.open_session(Model(path=MODEL), Target())
    calls: list[Callable[[], object]] = [session.bind(row)]
    plan = Plan(max_seconds=60, max_calls=CALLS, windows=2)
    benchmark.pedantic(
        lambda: bench.timed_loop(calls, plan, bench.Meters(), lambda stage, share: None),
        rounds=30,
        warmup_rounds=3,
    )


def test_the_model_is_there() -> None:
    assert Path(MODEL).is_file()
