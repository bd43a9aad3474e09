"""Runners give a call that does nothing but the call, and refuse in one line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from _faulty import softmax
from _onnx import linear, node, port, save_model
from onnx import TensorProto

from frugalbench import runners
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.spec import Model, Target

ROWS = {"x": np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]], np.float32)}


def opened(path: Path, **target: str) -> runners.Session:
    return runners.open_session(Model(path=str(path)), Target(**target))


def test_a_bound_call_gives_what_a_plain_run_gives(tmp_path: Path) -> None:
    session = opened(linear(tmp_path / "m.onnx"))
    call = session.bind(ROWS)
    assert session.bound
    call()
    call()
    (answer,) = call.args[0].copy_outputs_to_cpu()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(answer, session.predict(ROWS, ("y",))["y"])


def test_text_cannot_be_bound_and_is_run_plainly(tmp_path: Path) -> None:
    ports = [port("x", ("n",), TensorProto.STRING)], [port("y", ("n",), TensorProto.STRING)]
    path = save_model(tmp_path / "m.onnx", [node("Identity", "x", "y")], *ports)
    session = opened(path)
    call = session.bind({"x": np.array(["a", "é"], object)})
    assert not session.bound
    call()
    answer = session.predict({"x": np.array(["a", "é"], object)}, ("y",))["y"]
    assert answer.tolist() == ["a", "é"]
    assert answer.dtype.kind == "U"


def test_only_the_outputs_asked_for_come_back(tmp_path: Path) -> None:
    nodes = [node("Softmax", "x", "p"), node("ArgMax", "x", "label", axis=1, keepdims=0)]
    outputs = [port("p"), port("label", ("batch",), TensorProto.INT64)]
    session = opened(save_model(tmp_path / "m.onnx", nodes, [port("x")], outputs))
    assert list(session.predict(ROWS, ("label",))) == ["label"]
    assert session.predict(ROWS, ()) == {}


def test_a_provider_that_is_not_installed_is_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"it has .*CPUExecutionProvider"):
        opened(linear(tmp_path / "m.onnx"), provider="CUDAExecutionProvider")


def test_an_unknown_op_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="Frobnicate") as refusal:
        opened(softmax(tmp_path / "m.onnx", op="Frobnicate"))
    assert "\n" not in str(refusal.value)


def test_inputs_the_graph_cannot_take_are_refused_in_one_line(tmp_path: Path) -> None:
    session = opened(linear(tmp_path / "m.onnx"))
    with pytest.raises(MeasurementError, match="cannot run on its inputs") as refusal:
        session.predict({"x": np.zeros((1, 7), np.float32)}, ("y",))
    assert "\n" not in str(refusal.value)


def test_an_unknown_runner_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'ort'"):
        runners.load("orrt")
    assert {"ort", "fake"} <= set(runners.names())


def test_the_number_of_threads_reaches_the_runtime(tmp_path: Path) -> None:
    path = str(linear(tmp_path / "m.onnx"))
    session = runners.open_session(Model(path=path), Target(threads=2))
    options = session._session.get_session_options()  # type: ignore[attr-defined]
    assert options.intra_op_num_threads == 2
    assert options.inter_op_num_threads == 1


def test_the_runtime_reports_nothing_to_its_maker(tmp_path: Path) -> None:
    """Its telemetry leaves a session file in the temporary folder and a device id in the cache."""
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    script = (
        "from frugalbench import runners; from frugalbench.spec import Model, Target\n"
        f"runners.open_session(Model(path={str(linear(tmp_path / 'm.onnx'))!r}), Target())\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(scratch)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)
    assert not list(scratch.iterdir())
    assert not list(home.rglob("*"))
