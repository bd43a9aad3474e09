"""What frugalbench itself costs, side by side with its peers, in one run.

    pytest benchmarks --benchmark-only --benchmark-group-by=group

Timings on a shared machine are noisy: read the ratios inside a group, not the seconds. The table
in results/harness comes from harness.py, which compares round by round.
"""

import subprocess
import sys
from typing import Any

import pytest
from _models import MODELS, build
from _peers import PEERS, Bench
from start_up import COMMANDS

COUNTS = {"trivial": 2000, "100 µs": 200, "5 ms": 10}


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    folder = tmp_path_factory.mktemp("models")
    return {name: Bench(build(name, folder)) for name in MODELS}


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize("name", COMMANDS)
def test_start_up(benchmark: Any, name: str) -> None:
    command = [sys.executable, *COMMANDS[name]]
    benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True), rounds=15, iterations=1
    )


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("model", MODELS)
def test_queries(benchmark: Any, benches: dict[str, Bench], model: str, peer: str) -> None:
    if peer == "LoadGen":
        pytest.importorskip("mlperf_loadgen", reason="pip install mlcommons-loadgen")
    benchmark.group = f"{COUNTS[model]} queries, model: {model}"
    taken = benchmark.pedantic(
        PEERS[peer], args=(benches[model], COUNTS[model]), rounds=10, warmup_rounds=1
    )
    benchmark.extra_info |= {"p50_ns": taken.span, "turn_ns": taken.turn}
