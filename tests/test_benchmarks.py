"""The benchmarks of the harness run, compare like with like, and write their page."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
STORED = BENCHMARKS.parent / "results" / "harness"


def in_benchmarks(script: str) -> str:
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r})\n{script}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_of_a_benchmark_is_the_same_each_time(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from _models import MODELS, build\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "for name in MODELS:\n"
        "    first = build(name, folder).read_bytes()\n"
        "    assert build(name, folder).read_bytes() == first\n"
    )
    in_benchmarks(script)


def test_the_stored_page_is_made_of_the_stored_figures() -> None:
    measured = STORED / "measured.json"
    script = (
        "import json; from pathlib import Path; from table import page\n"
        f"print(page(json.loads(Path({str(measured)!r}).read_text())), end='')\n"
    )
    assert in_benchmarks(script) == (STORED / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_peer_is_measured_on_every_model(tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="no wheel of mlcommons-loadgen for this Python")
    words = [str(BENCHMARKS / "harness.py"), str(tmp_path), "--rounds", "4", "--scale", "0.01"]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=300)
    measured = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))
    for found in measured["models"].values():
        assert found["peers"].keys() == {
            "bare loop", "frugalbench", "LoadGen", "inside CodeCarbon"
        }  # fmt: skip
        assert all(seen["p50_ns"][0] > 0 for seen in found["peers"].values())
    assert "Against what was aimed for" in (tmp_path / "README.md").read_text(encoding="utf-8")
