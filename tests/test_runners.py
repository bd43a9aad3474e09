"""Runners give a call that does nothing but the call, and refuse in one line."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _faulty import softmax
from _onnx import constant, linear, node, port, save_model
from onnx import TensorProto, helper

from frugalbench import runners
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.runners._session import as_array
from frugalbench.spec import Model, Target

ROWS = {"x": np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]], np.float32)}


def opened(path: Path, **target: Any) -> runners.Session:
    return runners.open_session(Model(path=str(path)), Target(**target))


def test_a_bound_call_gives_what_a_plain_run_gives(tmp_path: Path) -> None:
    session = opened(linear(tmp_path / "m.onnx"))
    bound = session.bind(ROWS)
    assert session.bound
    bound.run()
    answer = bound.read(bound.run(), ("y",))["y"]
    np.testing.assert_array_equal(answer, session.predict(ROWS, ("y",))["y"])


def test_an_answer_that_was_read_outlives_the_next_run(tmp_path: Path) -> None:
    session = opened(linear(tmp_path / "m.onnx"))
    bound = session.bind(ROWS)
    before = bound.read(bound.run(), ("y",))["y"]
    kept = before.copy()
    bound.writer({"x": ROWS["x"] + 1})()
    bound.run()
    np.testing.assert_array_equal(before, kept)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, np.int64, np.int8, np.bool_])
def test_a_written_input_is_the_one_that_is_answered(tmp_path: Path, kind: type) -> None:
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    ports = [port("x", ("n", 2), element)], [port("y", ("n", 2), element)]
    session = opened(save_model(tmp_path / "m.onnx", [node("Identity", "x", "y")], *ports))
    first: Any = np.array([[0, 1], [1, 0]]).astype(kind)
    # Every second column of a larger array: not contiguous.
    second: Any = np.array([[1, 7, 1, 7], [0, 7, 1, 7]]).astype(kind)[:, ::2]
    bound = session.bind({"x": first})
    assert session.bound
    for array in (second, first, second):
        bound.writer({"x": array})()
        np.testing.assert_array_equal(bound.read(bound.run(), ("y",))["y"], array)


def test_every_input_of_several_is_written(tmp_path: Path) -> None:
    ports = [port("a", ()), port("b", ())], [port("y", ())]
    session = opened(save_model(tmp_path / "m.onnx", [node("Sub", "a b", "y")], *ports))
    bound = session.bind({"a": np.array(5, np.float32), "b": np.array(3, np.float32)})
    bound.writer({"a": np.array(9, np.float32), "b": np.array(2, np.float32)})()
    assert float(bound.read(bound.run(), ("y",))["y"]) == 7


def test_an_input_of_another_shape_has_no_place(tmp_path: Path) -> None:
    bound = opened(linear(tmp_path / "m.onnx")).bind(ROWS)
    with pytest.raises(ValueError, match="has no place"):
        bound.writer({"x": ROWS["x"][:1]})


def test_an_output_whose_shape_follows_the_values_is_not_cut_to_the_first_one(
    tmp_path: Path,
) -> None:
    """The places of what is not zero are as many as there are."""
    ports = [port("x", ("n",))], [port("y", (1, "found"), TensorProto.INT64)]
    session = opened(save_model(tmp_path / "m.onnx", [node("NonZero", "x", "y")], *ports))
    bound = session.bind({"x": np.array([1, 0, 0, 0], np.float32)})
    for values, found in (([0, 1, 1, 1], [1, 2, 3]), ([0, 0, 1, 0], [2]), ([0, 0, 0, 0], [])):
        bound.writer({"x": np.array(values, np.float32)})()
        assert bound.read(bound.run(), ("y",))["y"].reshape(-1).tolist() == found


def test_text_cannot_be_bound_and_is_run_plainly(tmp_path: Path) -> None:
    ports = [port("x", ("n",), TensorProto.STRING)], [port("y", ("n",), TensorProto.STRING)]
    path = save_model(tmp_path / "m.onnx", [node("Identity", "x", "y")], *ports)
    session = opened(path)
    bound = session.bind({"x": np.array(["a", "é"], object)})
    assert not session.bound
    answer = bound.read(bound.run(), ("y",))["y"]
    assert answer.tolist() == ["a", "é"]
    assert answer.dtype.kind == "U"
    bound.writer({"x": np.array(["b", "c"], object)})()
    assert bound.read(bound.run(), ("y",))["y"].tolist() == ["b", "c"]


def classifier(path: Path, *, maps: bool, classes: tuple[str, ...] | tuple[int, ...]) -> Path:
    """A linear classifier, as exporters write one: labels, and scores as a matrix or as maps."""
    text = isinstance(classes[0], str)
    kind = TensorProto.STRING if text else TensorProto.INT64
    names: Any = {"classlabels_strings" if text else "classlabels_ints": classes}
    told: Any = {"classlabels_strings" if text else "classlabels_int64s": classes}
    learnt = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "p"],
        domain="ai.onnx.ml",
        coefficients=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        intercepts=[0.0, 0.0],
        post_transform="SOFTMAX",
        **names,
    )
    label, scores = port("label", ("batch",), kind), port("p", ("batch", 2))
    if not maps:
        return save_model(path, [learnt], [port("x")], [label, scores])
    number = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    row = helper.make_map_type_proto(kind, number)
    several = helper.make_value_info("maps", helper.make_sequence_type_proto(row))
    zipped = helper.make_node("ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", **told)
    return save_model(path, [learnt, zipped], [port("x")], [label, several])


@pytest.mark.parametrize("classes", [("lo", "hi"), (3, 5)], ids=["text", "numbers"])
@pytest.mark.parametrize("maps", [False, True], ids=["matrix", "maps"])
def test_labels_and_scores_of_every_kind_follow_what_is_written(
    tmp_path: Path, maps: bool, classes: Any
) -> None:
    path = classifier(tmp_path / "m.onnx", maps=maps, classes=classes)
    session, scores = opened(path), "maps" if maps else "p"
    bound = session.bind({"x": ROWS["x"][:1]})
    # Text beside maps is the one thing that the runtime cannot give from its buffers.
    assert session.bound == (not (maps and classes == ("lo", "hi")))
    for turn in range(3):
        row = np.array([[turn % 2, 0.5, 0.0]], np.float32)
        bound.writer({"x": row})()
        found = bound.read(bound.run(), ("label", scores))
        alone = session.predict({"x": row}, ("label", scores))
        assert found["label"].tolist() == alone["label"].tolist() == [classes[(turn + 1) % 2]]
        np.testing.assert_array_equal(found[scores], alone[scores])
        assert found["label"].dtype == alone["label"].dtype


def test_a_text_that_was_read_outlives_the_next_run(tmp_path: Path) -> None:
    path = classifier(tmp_path / "m.onnx", maps=False, classes=("lo", "hi"))
    bound = opened(path).bind({"x": np.array([[1, 0, 0]], np.float32)})
    before = bound.read(bound.run(), ("label",))["label"]
    bound.writer({"x": np.array([[0, 1, 0]], np.float32)})()
    bound.run()
    assert before.tolist() == ["lo"]


def test_a_scalar_that_is_written_is_the_one_that_is_answered(tmp_path: Path) -> None:
    ports = [port("a", ()), port("x", ("n",))], [port("y", ("n",))]
    session = opened(save_model(tmp_path / "m.onnx", [node("Mul", "a x", "y")], *ports))
    bound = session.bind({"a": np.array(1, np.float32), "x": np.ones(3, np.float32)})
    assert session.bound
    bound.writer({"a": np.array(4, np.float32), "x": np.arange(3, dtype=np.float32)})()
    assert bound.read(bound.run(), ("y",))["y"].tolist() == [0, 4, 8]


@pytest.mark.parametrize(
    ("shape", "bound"),
    [(("batch", 3), True), ((None, 3), True), ((2, 3), True), (("other", 3), False)],
)
def test_outputs_whose_shape_the_inputs_decide_have_buffers(
    tmp_path: Path, shape: tuple[int | str | None, ...], bound: bool
) -> None:
    taken = ("batch", 3) if shape[0] == "other" else shape
    nodes = [node("Compress", "x keep", "y", axis=0)] if shape[0] == "other" else []
    nodes = nodes or [node("Relu", "x", "y")]
    weights = [constant("keep", [True, False], np.bool_)] if shape[0] == "other" else []
    path = save_model(tmp_path / "m.onnx", nodes, [port("x", taken)], [port("y", shape)], weights)
    session = opened(path)
    session.bind(ROWS)
    assert session.bound == bound


def test_a_plain_session_writes_every_input(tmp_path: Path) -> None:
    text = TensorProto.STRING
    ports = (
        [port("a", ("n",), text), port("x", ("n",))],
        [
            port("y", ("n",), text),
            port("z", ("n",)),
        ],
    )
    nodes = [node("Identity", "a", "y"), node("Neg", "x", "z")]
    session = opened(save_model(tmp_path / "m.onnx", nodes, *ports))
    bound = session.bind({"a": np.array(["p"], object), "x": np.ones(1, np.float32)})
    assert not session.bound
    bound.writer({"a": np.array(["q"], object), "x": np.full(1, 5, np.float32)})()
    found = bound.read(bound.run(), ("y", "z"))
    assert (found["y"].tolist(), found["z"].tolist()) == (["q"], [-5.0])


def test_the_pretend_runner_takes_any_input_and_answers_zeros() -> None:
    session = runners.open_session(Model(path="", runner="fake"), Target())
    bound = session.bind(ROWS)
    bound.writer({"x": ROWS["x"] + 1})()
    assert bound.read(bound.run(), ("y",))["y"].tolist() == [0, 0]


@pytest.mark.parametrize("level", ["disabled", "basic", "extended", "all"])
def test_the_level_of_graph_optimisation_reaches_the_runtime(tmp_path: Path, level: str) -> None:
    session = opened(linear(tmp_path / "m.onnx"), optimisation=level)
    options = session._session.get_session_options()  # type: ignore[attr-defined]
    name = options.graph_optimization_level.name
    assert name.lower() == f"ort_{'disable' if level == 'disabled' else 'enable'}_" + (
        "all" if level == "disabled" else level
    )


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


def test_maps_of_32_bit_floats_are_as_precise_as_these() -> None:
    given = np.array([[0.1, 0.9], [np.nan, 1 / 3]], np.float32)
    maps = [{1: float(b), 0: float(a)} for a, b in given]
    assert as_array(maps).dtype == np.float32
    np.testing.assert_array_equal(as_array(maps), given)
    # Python's own floats, which no 32-bit one is.
    assert as_array([{0: 0.1, 1: 0.9}]).dtype == np.float64
