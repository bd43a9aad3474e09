"""Whole certifications on an emulated 64-bit ARM board, over a real ssh server."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from frugalbench import board, metrics, store
from frugalbench.record import Record
from frugalbench.spec import Target
from frugalbench.values import Value

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("arm")]

SCRIPT = Path(__file__).parent.parent / "scripts/board"
WORDS = ("plan.processes=1", "plan.process_seconds=1", "plan.max_seconds=120")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration of ssh that knows the running board, with all it needs installed."""
    if shutil.which("ssh") is None or shutil.which("unshare") is None:
        pytest.skip("there is no ssh or no unshare here")
    folder = tmp_path_factory.mktemp("board")
    made = subprocess.run([SCRIPT, "make", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no board can be built here: {made.stderr.strip()}")
    server = subprocess.Popen(
        [SCRIPT, "serve", folder, str(free_port())], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 30
        ssh = ["ssh", "-F", str(folder / "ssh_config"), "board", "uname -m"]
        while True:
            if server.poll() is not None:
                assert server.stderr is not None
                pytest.skip(f"no board runs here: {server.stderr.read().decode()[-200:]}")
            asked = subprocess.run(ssh, capture_output=True, text=True, check=False)
            if asked.returncode == 0:
                break
            assert time.monotonic() < until, asked.stderr
            time.sleep(0.2)
        assert asked.stdout.strip() == "aarch64"
        target = Target(host="board", ssh_config=str(folder / "ssh_config"))
        states = {one.subject: one.state for one in board.examine(target)}
        assert states["numpy"] == states["onnxruntime"] == "missing"
        states = {one.subject: one.state for one in board.examine(target, bring=True)}
        assert states["numpy"] == states["onnxruntime"] == "ok"
        yield folder / "ssh_config"
    finally:
        server.terminate()
        server.wait()
        if server.stderr is not None:
            server.stderr.close()


def frugalbench(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "frugalbench", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def certified(config: Path, results: Path, *words: str) -> Record:
    there = ("target=ssh", "host=board", f"target.ssh_config={config}", *WORDS)
    code, said = frugalbench("certify", *words, *there, f"results={results}", "site=fr", "--quiet")
    assert code in (0, 1, 3), said
    (folder,) = results.iterdir()
    return store.load(folder)


@pytest.mark.parametrize("model", ["nhanes-mlp", "german-mlp"])
def test_a_model_and_its_8_bit_twin_are_certified_on_the_board(
    config: Path, tmp_path: Path, model: str
) -> None:
    whole = certified(config, tmp_path / "fp32", f"model={model}")
    assert whole.host.machine == "aarch64"
    assert whole.host.cpu == "Emulated 64-bit ARM board"
    assert whole.run is not None
    assert isinstance(metrics.find("latency.p50")(whole), Value)
    assert isinstance(metrics.find("memory.peak")(whole), Value)
    small = certified(config, tmp_path / "int8", f"model={model}", "model.precision=int8")
    assert small.host.machine == "aarch64"
    # The same question on this machine: what a processor of another kind answers otherwise.
    code, said = frugalbench(
        "certify", f"model={model}", *WORDS, f"results={tmp_path / 'here'}", "--quiet"
    )
    assert code in (0, 1, 3), said
    (here,) = [store.load(one) for one in (tmp_path / "here").iterdir()]
    np.testing.assert_allclose(whole.arrays["score"], here.arrays["score"], atol=1e-5)
    (first,), (second,) = ((tmp_path / one).iterdir() for one in ("fp32", "int8"))
    code, said = frugalbench(
        "certify", str(second), "--policy", "drift", "--reference", str(first), "--quiet"
    )
    assert code in (0, 1, 3), said


def test_nothing_stays_on_the_board_that_runs_or_holds_rows(config: Path, tmp_path: Path) -> None:
    certified(config, tmp_path / "one", "model=nhanes-logreg")
    ssh = ["ssh", "-F", str(config), "board"]
    jobs = subprocess.run(
        [*ssh, "ls .cache/frugalbench/jobs"], capture_output=True, text=True, check=True
    )
    assert jobs.stdout.split() == ["lock"]
    held = subprocess.run(
        [*ssh, "cat .cache/frugalbench/blobs/* | wc -c"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert held.returncode in (0, 127)
