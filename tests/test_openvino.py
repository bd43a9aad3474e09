"""OpenVINO for real, in an environment of its own: its package cannot stand beside onnxruntime."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from _onnx import node, port, save_model
from onnx import helper

import frugalbench
from frugalbench import worker
from frugalbench.config import load_spec
from frugalbench.record import Placed, Record

ROOT = Path(frugalbench.__file__).parent.parent
NEEDED = ("onnxruntime-openvino", "numpy", "msgspec")
SECONDS = 100
PLAN = (
    *("plan.max_seconds=15", "plan.processes=1", "plan.process_seconds=0.3"),
    *("plan.warmup_seconds=0.1", "plan.idle_seconds=0", "target.meters=[]"),
)
LINUX = sys.platform == "linux" and platform.machine() == "x86_64"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LINUX, reason="its package is there for Linux on x86-64"),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with OpenVINO's package, this one's source and what a worker needs."""
    folder = tmp_path_factory.mktemp("openvino")
    own = str(folder / "bin" / "python")
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=SECONDS)
        install = [own, "-m", "pip", "install", "-q", "--only-binary=:all:", *NEEDED]
        subprocess.run(install, check=True, timeout=SECONDS, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()
        pytest.skip(f"pip cannot install it here: {said[-1] if said else error}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip did not install it in {SECONDS} s")
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "source.pth").write_text(str(ROOT))
    return own


def measured(*words: str) -> Record:
    return worker.run(load_spec(*PLAN, *words))


# int8 rounds to steps of its own on either side; what was seen is 6e-5.
@pytest.mark.parametrize(("model", "apart"), [("german-mlp", 1e-5), ("german-mlp-int8", 2e-3)])
def test_a_reference_model_answers_as_on_the_processor(
    monkeypatch: pytest.MonkeyPatch, python: str, model: str, apart: float
) -> None:
    here = measured(f"model={model}", "data=german")
    monkeypatch.setattr(sys, "executable", python)
    there = measured(f"model={model}", "data=german", "target=openvino")
    assert there.failure is None, there.failure
    assert here.run is not None
    assert there.run is not None
    assert there.run.provider == "OpenVINOExecutionProvider"
    assert [one.provider for one in there.run.placement] == ["OpenVINOExecutionProvider"]
    assert there.run.provider_options == {"device_type": "CPU"}
    np.testing.assert_allclose(there.arrays["score"], here.arrays["score"], rtol=0, atol=apart)
    np.testing.assert_array_equal(there.arrays["y_pred"], here.arrays["y_pred"])


def test_a_node_it_cannot_run_is_refused_and_on_record_where_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch, python: str, tmp_path: Path
) -> None:
    regressor = helper.make_node(
        "LinearRegressor",
        ["z"],
        ["y"],
        domain="ai.onnx.ml",
        coefficients=[1.0, 2.0, 3.0],
        intercepts=[0.0],
    )
    nodes = [node("Relu", "x", "z"), regressor]
    path = save_model(tmp_path / "m.onnx", nodes, [port("x")], [port("y", ("batch", 1))])
    monkeypatch.setattr(sys, "executable", python)
    refused = measured(f"model={path}", "target=openvino")
    assert refused.failure is not None
    assert "1 of 2 nodes run on the CPU (ai.onnx.ml.LinearRegressor 1)" in refused.failure.detail
    allowed = measured(f"model={path}", "target=openvino", "target.strict=false")
    assert allowed.run is not None
    assert allowed.run.placement == (
        Placed(provider="CPUExecutionProvider", ops={"ai.onnx.ml.LinearRegressor": 1}),
        Placed(provider="OpenVINOExecutionProvider", ops={"Relu": 1}),
    )
    assert any("target.strict=false allows" in one for one in allowed.run.notes)


def test_an_option_that_it_does_not_know_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    words = ("model=german-mlp", "target=openvino", "+target.provider_options.no_such=1")
    refused = measured(*words)
    assert refused.failure is not None
    assert "onnxruntime cannot open the model: Invalid OpenVINO EP option" in refused.failure.detail
