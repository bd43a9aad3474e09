"""A model in another precision answers the same question, and nothing is left beside the first."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from _onnx import constant, node, port, save_model
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data

from frugalbench import models, runners
from frugalbench.errors import FrugalbenchError, MeasurementError, UsageError
from frugalbench.models import _child, _convert
from frugalbench.models._convert import convert
from frugalbench.models._weights import weights
from frugalbench.settings import reference
from frugalbench.spec import Model, Precision, Target

PRECISIONS: tuple[Precision, ...] = ("fp16", "int8")
KINDS = {"fp16": {"float16"}, "int8": {"int8", "uint8"}}
FLOATS = np.random.default_rng(7)


def random(name: str, *shape: int) -> Any:
    return constant(name, FLOATS.standard_normal(shape) / 3)


def answers(path: Path | str, feed: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    model = Model(path=str(path))
    names = tuple(one.name for one in models.inspect(model).facts.outputs)
    return runners.open_session(model, Target()).predict(feed, names)


def image_net(path: Path) -> Path:
    """A convolution, a recurrent cell and a dense layer, with a probability at the end."""
    nodes = [
        node("Conv", "x w b", "c", pads=[1, 1]),
        node("Relu", "c", "r"),
        node("Transpose", "r", "t", perm=[2, 0, 1]),
        node("LSTM", "t i h", "steps last", hidden_size=6),
        node("Squeeze", "last zero", "s"),
        node("Gemm", "s d e", "z", transB=1),
        node("Softmax", "z", "probability", axis=-1),
    ]
    held = [
        *(random("w", 8, 3, 3), random("b", 8), random("i", 1, 24, 8), random("h", 1, 24, 6)),
        *(random("d", 4, 6), random("e", 4), constant("zero", [0], np.int64)),
    ]
    inputs, outputs = [port("x", ("n", 3, 20))], [port("probability", ("n", 4))]
    return save_model(path, nodes, inputs, outputs, held, {"classes": '["a", "b", "c", "d"]'})


def words_net(path: Path) -> Path:
    """An embedding of words and one probability with its complement."""
    nodes = [
        node("Gather", "table words", "g"),
        node("ReduceMean", "g", "m", axes=[1], keepdims=0),
        node("MatMul", "m d", "z"),
        node("Sigmoid", "z", "p"),
        node("Sub", "one p", "q"),
        node("Concat", "q p", "both", axis=1),
    ]
    held = [random("table", 40, 12), random("d", 12, 1), constant("one", [1.0])]
    inputs = [port("words", ("n", 6), TensorProto.INT64)]
    return save_model(path, nodes, inputs, [port("both", ("n", 2))], held)


FEEDS: dict[str, dict[str, npt.NDArray[Any]]] = {
    "image": {"x": FLOATS.standard_normal((5, 3, 20)).astype(np.float32)},
    "words": {"words": FLOATS.integers(0, 40, (5, 6))},
}
NETS = {"image": image_net, "words": words_net}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["image", "words"])
def test_a_converted_network_answers_about_the_same(
    tmp_path: Path, name: str, precision: Precision
) -> None:
    path, folder = NETS[name](tmp_path / "m.onnx"), tmp_path / "new"
    folder.mkdir()
    made, graph = models.converted(Model(path=str(path), precision=precision), folder)
    before = models.inspect(Model(path=str(path)))
    assert graph.facts.inputs == before.facts.inputs
    assert graph.facts.outputs == before.facts.outputs
    assert graph.facts.answer == before.facts.answer is not None
    assert graph.classes == before.classes
    assert graph.facts.macs == before.facts.macs
    assert KINDS[precision] & set(graph.facts.weights)
    first, second = answers(path, FEEDS[name]), answers(made.path, FEEDS[name])
    assert list(first) == list(second)
    for output, found in first.items():
        assert second[output].dtype == found.dtype
        assert np.allclose(second[output], found, atol=0.02)
        # A conversion that changed nothing would be no conversion.
        assert not np.array_equal(second[output], found)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["image", "words"])
def test_the_answer_of_a_converted_file_is_recognised_in_itself(
    tmp_path: Path, name: str, precision: Precision
) -> None:
    path, folder = NETS[name](tmp_path / "m.onnx"), tmp_path / "new"
    folder.mkdir()
    alone = models.inspect(Model(path=str(convert(path, precision, folder))))
    before = models.inspect(Model(path=str(path)))
    assert alone.facts.answer == before.facts.answer
    assert alone.classes == before.classes


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["nhanes-logreg", "german-mlp"])
def test_a_reference_model_keeps_its_names_and_says_what_it_was_made_of(
    tmp_path: Path, name: str, precision: Precision
) -> None:
    model = Model(path=reference(f"models/{name}.onnx"), precision=precision)
    made, graph = models.converted(model, tmp_path)
    before = models.inspect(model)
    assert graph.facts.name == made.name == f"{name}-{precision}"
    assert graph.facts.converted_from == before.facts.sha256
    assert graph.facts.sha256 == models.file_sha256(Path(made.path)) != before.facts.sha256
    assert graph.facts.answer == before.facts.answer is not None
    assert (graph.features, graph.classes) == (before.features, before.classes)
    assert graph.facts.producer == before.facts.producer
    old, new = onnx.load(model.path), onnx.load(made.path)
    assert list(new.metadata_props) == list(old.metadata_props)
    assert new.doc_string == old.doc_string


def test_a_model_that_stays_as_it_is_comes_back_as_it_is(tmp_path: Path) -> None:
    model = Model(path=reference("models/nhanes-mlp.onnx"))
    made, graph = models.converted(model, tmp_path)
    assert made is model
    assert graph.facts.converted_from is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_file_gives_the_same_bytes(tmp_path: Path, precision: Precision) -> None:
    path = image_net(tmp_path / "m.onnx")
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append(convert(path, precision, tmp_path / name).read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nothing_is_left_but_the_model_and_nothing_is_said(
    tmp_path: Path, precision: Precision, capfd: pytest.CaptureFixture[str]
) -> None:
    own, folder = tmp_path / "own", tmp_path / "new"
    own.mkdir()
    folder.mkdir()
    path = image_net(own / "m.onnx")
    own.chmod(0o500)
    try:
        made = convert(path, precision, folder)
    finally:
        own.chmod(0o700)
    assert [one.name for one in folder.iterdir()] == [made.name]
    assert [one.name for one in own.iterdir()] == ["m.onnx"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nodes_of_a_converted_graph_find_their_inputs_made(
    tmp_path: Path, precision: Precision
) -> None:
    path, folder = image_net(tmp_path / "m.onnx"), tmp_path / "new"
    folder.mkdir()
    proto = onnx.load(convert(path, precision, folder))
    made = {one.name for one in (*proto.graph.input, *proto.graph.initializer)} | {""}
    for one in proto.graph.node:
        assert made.issuperset(one.input)
        made.update(one.output)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_beside_the_model_are_converted_too(tmp_path: Path, precision: Precision) -> None:
    path, folder = image_net(tmp_path / "m.onnx"), tmp_path / "new"
    folder.mkdir()
    proto = onnx.load(path)
    (tmp_path / "beside").mkdir()
    outside = tmp_path / "beside" / "m.onnx"
    convert_model_to_external_data(proto, location="m.bin", size_threshold=0)
    onnx.save(proto, outside)
    before = {one.name: one.read_bytes() for one in outside.parent.iterdir()}
    assert set(before) == {"m.onnx", "m.bin"}
    _, graph = models.converted(Model(path=str(outside), precision=precision), folder)
    assert [one.name for one in folder.iterdir()] == ["model.onnx"]
    assert {one.name: one.read_bytes() for one in outside.parent.iterdir()} == before
    feed = FEEDS["image"]
    first, second = answers(path, feed), answers(folder / "model.onnx", feed)
    assert np.allclose(first["probability"], second["probability"], atol=0.02)
    assert graph.facts.converted_from == models.inspect(Model(path=str(outside))).facts.sha256


def test_weights_too_large_for_one_file_lie_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_convert, "LARGEST", 100)
    path, target = words_net(tmp_path / "m.onnx"), tmp_path / "new" / "model.onnx"
    target.parent.mkdir()
    _convert.save(onnx.load(path), target)
    assert {one.name for one in target.parent.iterdir()} == {"model.onnx", "weights.bin"}
    first, second = (models.inspect(Model(path=str(one))).facts for one in (path, target))
    assert first.weights == second.weights
    feed = FEEDS["words"]
    assert np.array_equal(answers(path, feed)["both"], answers(target, feed)["both"])


def test_large_models_and_unsigned_weights_are_converted_like_others(tmp_path: Path) -> None:
    proto = onnx.load(image_net(tmp_path / "m.onnx"))
    proto.graph.name = "g"
    large = _convert.LARGEST + 1
    half = _convert._to_fp16(onnx.load(tmp_path / "m.onnx"), tmp_path, large)
    assert weights(half)["float16"] > 100
    unsigned = _convert._to_int8(proto, tmp_path, large, signed=False)
    assert weights(unsigned)["uint8"] > 100
    _convert.save(unsigned, tmp_path / "u.onnx")
    assert _convert.refusal(str(tmp_path / "u.onnx")) == ""


def test_constants_serve_as_weights_and_computed_ones_stay(tmp_path: Path) -> None:
    weight = random("", 3, 16)
    nodes = [
        helper.make_node("Constant", [], ["w"], value=weight),
        node("MatMul", "x w", "h"),
        node("Unsqueeze", "h one", "row"),
        node("Unsqueeze", "h zero", "whole"),
        node("Slice", "whole zero one zero", "first"),
        node("Transpose", "first", "kernel", perm=[1, 0, 2]),
        node("Conv", "row kernel", "y"),
    ]
    held = [constant("zero", [0], np.int64), constant("one", [1], np.int64)]
    path = save_model(
        tmp_path / "m.onnx", nodes, [port("x", (1, 3))], [port("y", None)], held, check=False
    )
    (tmp_path / "new").mkdir()
    found = weights(onnx.load(convert(path, "int8", tmp_path / "new")))
    assert found["int8"] >= 48


# What cannot be converted


def refusal(path: Path, precision: Precision, folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        convert(path, precision, folder)
    line = str(caught.value)
    assert line.isprintable()
    assert "model.precision=as_is" in line
    assert list(folder.iterdir()) == []
    return line


def tree(path: Path) -> Path:
    attributes: dict[str, Sequence[Any]] = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    }
    one = node("TreeEnsembleRegressor", "x", "y", domain="ai.onnx.ml", n_targets=1, **attributes)
    return save_model(path, [one], [port("x")], [port("y", ("batch", 1))])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_tree_has_nothing_to_convert(tmp_path: Path, precision: Precision) -> None:
    (tmp_path / "new").mkdir()
    path = tree(tmp_path / "m.onnx")
    # As skl2onnx writes it.
    twice = onnx.load(path)
    twice.opset_import.append(onnx.helper.make_opsetid("", 17))
    onnx.save(twice, path)
    line = refusal(path, precision, tmp_path / "new")
    assert f"has no weights that {precision} can convert" in line
    assert "trees or linear models of ai.onnx.ml" in line


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_quantised_model_is_not_called_converted_for_a_few_numbers(
    tmp_path: Path, precision: Precision
) -> None:
    path = Path(reference("models/german-mlp-int8.onnx"))
    assert "or too few" in refusal(path, precision, tmp_path)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_broken_graph_is_refused_in_one_line(tmp_path: Path, precision: Precision) -> None:
    (tmp_path / "new").mkdir()
    held = [random("w", 3, 4)]
    nodes = [node("MatMul", "x w", "t"), node("Nonsense", "t", "y", domain="nowhere")]
    path = save_model(tmp_path / "m.onnx", nodes, [port("x")], [port("y", None)], held, check=False)
    assert "could not be converted" in refusal(path, precision, tmp_path / "new")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (_child.Ended(-11, b"", ""), "signal 11"),
        (_child.Ended(None, b"", ""), "it took too long"),
        (_child.Ended(1, b"", "MemoryError"), "it needs more memory"),
        (_child.Ended(0, b"", ""), "exit code 0"),
    ],
)
def test_a_converter_that_dies_leaves_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: _child.Ended, words: str
) -> None:
    monkeypatch.setattr(_child, "run", lambda *args, **more: ended)
    assert words in refusal(Path(reference("models/german-mlp.onnx")), "int8", tmp_path)


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    path = Path(reference("models/german-mlp.onnx"))
    with pytest.raises(MeasurementError, match="cannot be written"):
        convert(path, "int8", tmp_path / "absent")


def test_errors_of_the_original_come_first(tmp_path: Path) -> None:
    with pytest.raises(FrugalbenchError, match="there is no model file"):
        models.converted(Model(path=str(tmp_path / "absent.onnx"), precision="int8"), tmp_path)
    assert list(tmp_path.iterdir()) == []


# The process that converts


def test_the_runtime_is_loaded_by_the_child_alone_and_does_not_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def look(*args: Any, **more: Any) -> _child.Ended:
        seen.update(more)
        return _child.Ended(_convert.NOTHING, b"", "")

    monkeypatch.setattr(_child, "run", look)
    refusal(Path(reference("models/german-mlp.onnx")), "int8", tmp_path)
    assert seen["environment"]["ORT_DISABLE_TELEMETRY"] == "1"
    assert seen["environment"]["ORT_TELEMETRY_DISABLED"] == "1"
    assert seen["environment"]["TMPDIR"].startswith(str(tmp_path))
    code = (
        "import sys, pathlib; from frugalbench.models import convert; "
        "convert(pathlib.Path(sys.argv[1]), 'int8', pathlib.Path(sys.argv[2])); "
        "assert not {'onnxruntime', 'onnx'} & set(sys.modules)"
    )
    model = reference("models/german-mlp.onnx")
    command = [sys.executable, "-c", code, model, str(tmp_path)]
    subprocess.run(command, check=True, env=os.environ)
    assert (tmp_path / "model.onnx").is_file()
