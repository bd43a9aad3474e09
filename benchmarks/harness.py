"""What a harness costs, side by side in one run: a bare loop, frugalbench, LoadGen, CodeCarbon.

Usage: python benchmarks/harness.py [FOLDER]   (default: results/harness)

Rounds are interleaved and their order drawn, so that a machine that drifts drifts for all; what is
compared is the difference of each round. Writes measured.json and README.md into the folder.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from _models import MODELS, build
from _peers import PEERS, Bench, Taken
from start_up import start_up
from table import page

from frugalbench import host
from frugalbench.meters._sampler import Sampler

COUNTS = {"trivial": 20_000, "100 µs": 2_000, "5 ms": 100}
ROUNDS = 30
FEWEST_ROUNDS = 6
SAMPLED_SECONDS = 0.1
ROOT = Path(__file__).parent.parent


def middle(values: Any) -> tuple[float, float, float]:
    """The median of rounds, with the order statistics that hold it with 95 % confidence.

    Of fewer than six rounds no order statistics do: then the least and the most.
    """
    from scipy.stats import binom

    ordered = np.sort(np.asarray(values, np.float64))
    n = ordered.size
    if n < FEWEST_ROUNDS:
        return float(np.median(ordered)), float(ordered[0]), float(ordered[-1])
    low = int(binom.ppf(0.025, n, 0.5))
    return (
        float(np.median(ordered)),
        float(ordered[max(low - 1, 0)]),
        float(ordered[n - max(low, 1)]),
    )


def rounds(bench: Bench, count: int, number: int) -> dict[str, list[Taken]]:
    """Every peer once a round, in a drawn order."""
    rng, taken = np.random.default_rng(1), {name: list[Taken]() for name in PEERS}
    names = list(PEERS)
    for _ in range(number):
        for name in (names[i] for i in rng.permutation(len(names))):
            taken[name].append(PEERS[name](bench, count))
    return taken


def differences(taken: dict[str, list[Taken]]) -> dict[str, dict[str, Any]]:
    """Of each peer the medians, and what it adds to the bare loop round by round, ns."""
    bare, found = taken["bare loop"], {}
    for name, seen in taken.items():
        spans = [one.span - base.span for one, base in zip(seen, bare, strict=True)]
        turns = [one.turn - base.turn for one, base in zip(seen, bare, strict=True)]
        ratios = [one.span / base.span for one, base in zip(seen, bare, strict=True)]
        found[name] = {
            "p50_ns": middle([one.span for one in seen]),
            "turn_ns": middle([one.turn for one in seen]),
            "span_added_ns": middle(spans),
            "turn_added_ns": middle(turns),
            "p50_ratio": middle(ratios),
        }
    return found


def sampling(bench: Bench, count: int, number: int) -> tuple[float, float, float]:
    """Throughput with a power sensor sampled ten times a second, over that without."""
    ratios = []
    for turn in range(number):
        pair = {}
        for sampled in (turn % 2 == 0, turn % 2 == 1):
            pair[sampled] = _with_sampler(lambda: bench.frugalbench(count).turn, sampled=sampled)
        ratios.append(pair[False] / pair[True])
    return middle(ratios)


def _with_sampler(measure: Callable[[], float], *, sampled: bool) -> float:
    if not sampled:
        return measure()
    # A file stands for the sensor: what is timed is the sampling, not the watts.
    with tempfile.NamedTemporaryFile("w", suffix="_input") as sensor:
        sensor.write("10000000")
        sensor.flush()
        path = Path(sensor.name)
        meter = Sampler(
            lambda: {"cpu": int(path.read_text()) * 1e-6},
            method="sensor_integral",
            interval=SAMPLED_SECONDS,
        )
        try:
            return measure()
        finally:
            meter.close()


def measure(number: int, scale: float) -> dict[str, Any]:
    """Everything, for each model."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            bench, count = Bench(build(name, Path(folder))), max(10, int(COUNTS[name] * scale))
            rounds(bench, count, 1)
            taken = rounds(bench, count, number)
            # Long enough for the sampler to be in it several times.
            long = max(count, int(1.0 * scale / (taken["bare loop"][0].turn * 1e-9)))
            found[name] = {
                "queries_a_round": count,
                "peers": differences(taken),
                "throughput_with_sampling": sampling(bench, long, max(4, number // 2)),
            }
    return found


def main() -> None:
    """Measure, and write the figures and their table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "results" / "harness")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--scale", type=float, default=1.0, help="fewer queries a round")
    words = parser.parse_args()
    seen = host.describe()
    packages = ("frugalbench", "onnxruntime", "numpy", "mlcommons-loadgen", "codecarbon")
    measured = {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": seen.cpu,
        "logical_cores": seen.logical_cores,
        "virtual_machine": bool(seen.virtualised),
        "python": seen.python,
        "packages": {name: version(name) for name in packages},
        "rounds": words.rounds,
        "models": measure(words.rounds, words.scale),
        "start_up_ms": start_up(max(5, words.rounds // 2)),
    }
    words.folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
    (words.folder / "measured.json").write_text(text, encoding="utf-8")
    (words.folder / "README.md").write_text(page(measured), encoding="utf-8")


if __name__ == "__main__":
    begun = time.monotonic()
    main()
    assert threading.active_count() == 1, "a sampler was left running"
    print(f"measured in {time.monotonic() - begun:.0f} s")
