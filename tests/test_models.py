"""A model file is data from a stranger: its facts are exact, and nothing in it is guessed."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from _onnx import constant, linear, node, port, save_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.external_data_helper import set_external_data

from frugalbench import bench, models
from frugalbench.errors import FrugalbenchError, UsageError
from frugalbench.record import Answer
from frugalbench.settings import reference
from frugalbench.spec import Data, Model, Plan, Spec, Target

FAST = Plan(processes=1, process_seconds=0.02, warmup_seconds=0.01, idle_seconds=0, windows=2)
PRETEND = Target(meters=("fake",))
REAL = Path(reference("models/german-logreg.onnx"))


def refusal(path: Path | str, **fields: Any) -> str:
    """The one line a model is refused with."""
    with pytest.raises(UsageError) as caught:
        models.inspect(Model(path=str(path), **fields))
    line = str(caught.value)
    assert line.isprintable()
    return line


def answer_of(path: Path, **fields: Any) -> Answer | None:
    return models.inspect(Model(path=str(path), **fields)).facts.answer


# What the facts say


def test_the_facts_of_a_reference_model_are_those_of_its_file() -> None:
    graph = models.inspect(Model(path=str(REAL)))
    facts, proto = graph.facts, onnx.load(REAL)
    assert facts.sha256 == hashlib.sha256(REAL.read_bytes()).hexdigest()
    assert facts.bytes == REAL.stat().st_size
    assert facts.opset == 17
    assert facts.name == "german-logreg"
    weights = [onnx.numpy_helper.to_array(one) for one in proto.graph.initializer]
    assert facts.parameters == sum(one.size for one in weights) > 0
    assert facts.inputs[0].name == "features"
    assert facts.inputs[0].shape == ("batch", len(graph.features))
    assert facts.answer == Answer(
        output="probability", kind="probability", how="made by Softmax", positions=False
    )
    assert graph.classes == (0, 1)


def test_a_weight_listed_among_the_inputs_is_not_an_input(tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "m.onnx",
        [node("MatMul", "x w", "y")],
        [port("x"), port("w", (3, 1))],
        [port("y", ("batch", 1))],
        [constant("w", [[1], [2], [3]])],
    )
    facts = models.inspect(Model(path=str(path), output="y", output_kind="value")).facts
    assert [one.name for one in facts.inputs] == ["x"]
    assert facts.parameters == 3


def test_zero_and_negative_sizes_are_dynamic_axes(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", shape=(-1, 3), out=(0, 2))
    facts = models.inspect(Model(path=str(path))).facts
    assert facts.inputs[0].shape == (None, 3)
    assert facts.outputs[0].shape == (None, 2)


@pytest.mark.parametrize("name", ["m.json", "m.textproto", "m.onnxtxt", "m", "m.ORT"])
def test_the_suffix_of_a_model_does_not_choose_another_parser(tmp_path: Path, name: str) -> None:
    real = shutil.copy(REAL, tmp_path / name)
    assert models.inspect(Model(path=str(real))).facts.bytes == REAL.stat().st_size
    Path(real).write_text("{}")
    assert "not an ONNX file" in refusal(real)


# Weights beside the graph


def outside_weights(path: Path, location: str, *, where: str = "initializer") -> Path:
    """A model whose one weight says that it lies at `location`."""
    weight = constant("w", [[1.0, -1.0], [0.5, -0.5], [0.0, 0.0]])
    set_external_data(weight, location)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    nodes = [node("MatMul", "x w", "z"), node("Softmax", "z", "y")]
    weights = [weight]
    if where == "constant":
        nodes, weights = [helper.make_node("Constant", [], ["w"], value=weight), *nodes], []
    if where == "inner graph":
        inner = helper.make_graph(
            [node("Identity", "w", "o")], "inner", [], [port("o", (3, 2))], [weight]
        )
        choice = helper.make_node("If", ["c"], ["w2"], then_branch=inner, else_branch=inner)
        nodes, weights = [choice, *nodes], [constant("c", True, np.bool_), constant("w", [[1.0]])]
    if where == "sparse":
        sparse = onnx.SparseTensorProto(values=weight, dims=[3, 2])
        nodes = [helper.make_node("Constant", [], ["w"], sparse_value=sparse), *nodes]
        weights = []
    return save_model(path, nodes, [port("x")], [port("y", ("batch", 2))], weights, check=False)


def test_weights_beside_the_model_are_part_of_its_size_and_digest(tmp_path: Path) -> None:
    path, part = outside_weights(tmp_path / "m.onnx", "w.bin"), tmp_path / "w.bin"
    part.write_bytes(np.array([1, -1, 0.5, -0.5, 0, 0], np.float32).tobytes())
    before = models.inspect(Model(path=str(path))).facts
    assert before.bytes == path.stat().st_size + 24
    assert before.parameters == 6
    part.write_bytes(np.array([2, -1, 0.5, -0.5, 0, 0], np.float32).tobytes())
    after = models.inspect(Model(path=str(path))).facts
    digests = [hashlib.sha256(one.read_bytes()).digest() for one in (path, part)]
    assert after.sha256 == hashlib.sha256(b"".join(digests)).hexdigest() != before.sha256


@pytest.mark.parametrize("where", ["initializer", "constant", "inner graph", "sparse"])
@pytest.mark.parametrize("location", ["../secret.bin", "a/../../secret.bin", "ABSOLUTE", "link"])
def test_weights_outside_the_folder_of_the_model_are_refused(
    tmp_path: Path, where: str, location: str
) -> None:
    folder, secret = tmp_path / "model", tmp_path / "secret.bin"
    folder.mkdir()
    secret.write_bytes(b"secret")
    (folder / "link").symlink_to(secret)
    location = str(secret) if location == "ABSOLUTE" else location
    path = outside_weights(folder / "m.onnx", location, where=where)
    assert "outside its folder" in refusal(path)


def test_a_folder_that_is_a_symlink_still_counts_as_the_models_own(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    outside_weights(real / "m.onnx", "w.bin")
    (real / "w.bin").write_bytes(b"\0" * 24)
    assert models.inspect(Model(path=str(link / "m.onnx"))).facts.bytes > 24


@pytest.mark.parametrize("where", ["initializer", "constant", "inner graph", "sparse"])
def test_missing_weights_are_named(tmp_path: Path, where: str) -> None:
    line = refusal(outside_weights(tmp_path / "m.onnx", "gone.bin", where=where))
    assert "gone.bin, which is not there" in line


# Files that are no model


def test_what_is_no_model_file_is_refused_in_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.onnx"
    empty.touch()
    text = tmp_path / "text.onnx"
    text.write_text("hello\nworld\n")
    assert "not an ONNX file" in refusal(empty)
    assert "not an ONNX file" in refusal(text)
    assert "is not a file" in refusal(tmp_path)
    assert "there is no model file" in refusal(tmp_path / "absent.onnx")
    assert "cannot be read" in refusal(text / "inside.onnx")
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))
    assert "not a file" in refusal("")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    assert "is not a file" in refusal(tmp_path / "m.onnx")


def test_an_unreadable_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    path = linear(tmp_path / "m.onnx")
    monkeypatch.setattr(onnx, "load", denied)
    assert refusal(path).endswith("cannot be read: Permission denied")


def test_unreadable_weights_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(part: Path) -> str:
        raise PermissionError(13, "Permission denied")

    path = linear(tmp_path / "m.onnx")
    monkeypatch.setattr(models, "file_sha256", denied)
    assert refusal(path).endswith("cannot be read: Permission denied")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=300))
def test_random_bytes_never_escape_as_another_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    refusal(path)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_model_gives_facts_or_one_line(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(linear(tmp_path / "whole.onnx", metadata={"classes": "[0, 1]"}).read_bytes())
    cut = data.draw(st.integers(1, len(whole)))
    place, value = data.draw(st.integers(0, cut - 1)), data.draw(st.integers(0, 255))
    whole[place] = value
    path = tmp_path / "m.onnx"
    path.write_bytes(bytes(whole[:cut]))
    try:
        facts = models.inspect(Model(path=str(path))).facts
    except UsageError as error:
        assert str(error).isprintable()  # noqa: PT017 - refused or read, both are right
    else:
        assert facts.bytes == cut


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_reference_model_is_refused(tmp_path: Path, share: float) -> None:
    whole = REAL.read_bytes()
    path = tmp_path / "m.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "not an ONNX file" in refusal(path)


def test_a_graph_without_inputs_is_refused(tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "m.onnx",
        [node("Softmax", "w", "y")],
        [],
        [port("y", (1, 2))],
        [constant("w", [[1, 2]])],
    )
    assert "takes no input" in refusal(path)


def test_weights_of_an_impossible_size_are_refused(tmp_path: Path) -> None:
    weight = constant("w", [[1.0]])
    del weight.dims[:]
    weight.dims.extend([2**62, 2**62])
    path = save_model(
        tmp_path / "m.onnx",
        [node("MatMul", "x w", "y")],
        [port("x")],
        [port("y")],
        [weight],
        check=False,
    )
    assert "impossible size" in refusal(path)


def test_an_unknown_tensor_type_is_a_fact_and_no_traceback(tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "m.onnx",
        [node("Identity", "x", "y")],
        [port("x", MANY, 77)],
        [port("y", MANY, 77)],
        check=False,
    )
    assert models.inspect(Model(path=str(path))).facts.inputs[0].dtype == "unknown"


MANY = ("batch",)


@pytest.mark.parametrize(
    "classes",
    ["[" * 100_000, "{}", "[NaN, 1]", "[1e999, 1]", f"[{10**30}, 1]", "[[0], [1]]", "[null]", "\0"],
)
def test_metadata_that_no_record_can_hold_names_no_classes(tmp_path: Path, classes: str) -> None:
    path = linear(tmp_path / "m.onnx", metadata={"classes": classes, "feature_names": classes})
    graph = models.inspect(Model(path=str(path)))
    assert graph.classes == ()
    assert graph.features == ()


# How the answer is recognised


def test_the_last_operator_says_how_the_answer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    one = ((1.0,), (0.5,), (0.0,))
    softmax = answer_of(linear(path, "Softmax"))
    assert softmax is not None
    assert softmax.kind == "probability"
    sigmoid = answer_of(linear(path, "Sigmoid", one))
    assert sigmoid is not None
    assert sigmoid.kind == "probability"
    logs = answer_of(linear(path, "LogSoftmax"))
    assert logs is not None
    assert logs.kind == "logit"
    best = answer_of(linear(path, "ArgMax", out=("batch", 1), axis=1))
    assert best is not None
    assert (best.kind, best.positions) == ("label", True)


@pytest.mark.parametrize("op", ["Relu", "Tanh", "Exp", "Neg"])
def test_scores_that_could_be_anything_are_not_recognised(tmp_path: Path, op: str) -> None:
    assert answer_of(linear(tmp_path / "m.onnx", op)) is None


def test_softmax_over_the_rows_is_not_recognised(tmp_path: Path) -> None:
    assert answer_of(linear(tmp_path / "m.onnx", "Softmax", axis=0)) is None


def test_a_sigmoid_of_several_columns_is_not_recognised(tmp_path: Path) -> None:
    assert answer_of(linear(tmp_path / "m.onnx", "Sigmoid")) is None
    dynamic = linear(tmp_path / "m.onnx", "Sigmoid", out=("batch", "labels"))
    assert answer_of(dynamic) is None


def gemm(path: Path) -> Path:
    return save_model(
        path,
        [node("Gemm", "x w", "y")],
        [port("x")],
        [port("y", ("batch", 2))],
        [constant("w", np.ones((3, 2)))],
    )


def test_a_bare_gemm_is_not_recognised_and_the_error_says_how_to_declare_it(
    tmp_path: Path,
) -> None:
    path, table = gemm(tmp_path / "m.onnx"), tmp_path / "d.csv"
    table.write_text("a,b,c,label\n1,2,3,0\n4,5,6,1\n")
    assert answer_of(path) is None
    spec = Spec(model=Model(path=str(path)), data=Data(path=str(table), label="label"))
    with pytest.raises(UsageError, match=r"model\.output=NAME and model\.output_kind=label, prob"):
        bench.run(spec)


def test_a_declared_output_must_exist(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx")
    assert "did you mean 'y'?" not in refusal(path, output="nothing")
    two = save_model(
        tmp_path / "two.onnx",
        [node("Softmax", "x", "probability"), node("Neg", "x", "score")],
        [port("x")],
        [port("probability"), port("score")],
    )
    assert "did you mean 'probability'?" in refusal(two, output="probabilty")
    assert "say which with model.output=…" in refusal(two, output_kind="logit")
    declared = answer_of(two, output="score", output_kind="logit")
    assert declared == Answer(output="score", kind="logit", how="declared")


def test_naming_an_output_without_its_kind_recognises_that_output_or_nothing(
    tmp_path: Path,
) -> None:
    two = save_model(
        tmp_path / "two.onnx",
        [node("Softmax", "x", "probability"), node("Neg", "x", "score")],
        [port("x")],
        [port("probability"), port("score")],
    )
    assert answer_of(two, output="score") is None
    named = answer_of(two, output="probability")
    assert named is not None
    assert named.output == "probability"


def test_a_declared_label_made_by_argmax_is_a_position(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", "ArgMax", out=("batch", 1), axis=1)
    declared = answer_of(path, output_kind="label")
    assert declared is not None
    assert (declared.how, declared.positions) == ("declared", True)


def chain(path: Path, *ops: tuple[str, dict[str, Any]], dtype: int, shape: Any = None) -> Path:
    """Softmax, then these operators one after the other."""
    nodes, name = [node("Softmax", "x", "t0")], "t0"
    weights = [
        constant("scale", 1 / 255),
        constant("zero", 0, np.uint8),
        constant("flat", [-1, 6], np.int64),
    ]
    extra = {"QuantizeLinear": " scale zero", "Reshape": " flat"}
    for number, (op, attributes) in enumerate(ops, 1):
        nodes.append(node(op, name + extra.get(op, ""), f"t{number}", **attributes))
        name = f"t{number}"
    nodes.append(node("Identity", name, "y"))
    output = port("y", shape or ("batch", 3), dtype)
    return save_model(path, nodes, [port("x")], [output], weights)


def test_probabilities_stored_as_integers_are_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    cast = ("Cast", {"to": TensorProto.DOUBLE})
    kept = answer_of(chain(path, cast, dtype=TensorProto.DOUBLE))
    assert kept is not None
    assert kept.kind == "probability"
    eight: tuple[str, dict[str, int]] = ("QuantizeLinear", {})
    assert answer_of(chain(path, eight, dtype=TensorProto.UINT8)) is None
    whole = ("Cast", {"to": TensorProto.INT64})
    assert answer_of(chain(path, whole, dtype=TensorProto.INT64)) is None


def test_a_column_picked_from_the_input_is_no_label(tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "m.onnx",
        [helper.make_node("ArrayFeatureExtractor", ["x", "i"], ["y"], domain="ai.onnx.ml")],
        [port("x")],
        [port("y", ("batch", 1))],
        [constant("i", [1], np.int64)],
    )
    assert answer_of(path) is None


def mapped(path: Path, keys: list[Any], op: str = "Softmax") -> Path:
    """Scores of two columns as maps, the way ZipMap hands them over."""
    given: dict[str, Any] = {
        "classlabels_strings" if isinstance(keys[0], str) else "classlabels_int64s": keys
    }
    kind = TensorProto.STRING if isinstance(keys[0], str) else TensorProto.INT64
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(kind, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    )
    nodes = [
        node("MatMul", "x w", "z"),
        node(op, "z", "p"),
        helper.make_node("ZipMap", ["p"], ["y"], domain="ai.onnx.ml", **given),
    ]
    output = helper.make_value_info("y", maps)
    weight = constant("w", [[1, -1], [0, 0], [0, 0]])
    return save_model(path, nodes, [port("x")], [output], [weight])


def test_a_zipmap_of_anything_but_probabilities_is_not_recognised(tmp_path: Path) -> None:
    good = answer_of(mapped(tmp_path / "m.onnx", ["a", "b"]))
    assert good is not None
    assert good.kind == "probability"
    assert answer_of(mapped(tmp_path / "m.onnx", ["a", "b"], op="Tanh")) is None


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "b"], [1, 0], [0, 1]])
@pytest.mark.parametrize("declared", [False, True])
def test_the_classes_of_a_zipmap_stay_with_their_scores(
    tmp_path: Path, keys: Any, declared: bool
) -> None:
    path, table = mapped(tmp_path / "m.onnx", keys), tmp_path / "d.csv"
    # A positive first feature speaks for the first key.
    table.write_text(f"a,b,c,label\n5,0,0,{keys[0]}\n-5,0,0,{keys[1]}\n")
    model = Model(path=str(path), classes=tuple(keys) if declared else ())
    data = Data(path=str(table), label="label")
    record = bench.run(Spec(model=model, data=data, plan=FAST, target=PRETEND))
    assert record.data is not None
    assert set(record.data.classes) == set(keys)
    assert (record.arrays["y_pred"] == record.arrays["y_true"]).all()


# What scikit-learn says and what we read are the same


def classifier(name: str) -> Any:
    ensemble = pytest.importorskip("sklearn.ensemble")
    from sklearn import linear_model, naive_bayes, neural_network, pipeline, preprocessing, svm

    made = {
        "logistic": linear_model.LogisticRegression(),
        "forest": ensemble.RandomForestClassifier(5, random_state=0),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0),
        "mlp": neural_network.MLPClassifier((4,), max_iter=40, random_state=0, tol=1),
        "svc": svm.SVC(),
        "bayes": naive_bayes.GaussianNB(),
    }[name]
    return pipeline.make_pipeline(preprocessing.StandardScaler(), made)


NAMES = {
    "int": [0, 1, 2],
    "from one": [1, 2, 3],
    "text": ["bad", "good", "soso"],
}


def fitted(name: str, classes: int, labels: str) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(1)
    x = random.normal(size=(120, 3)).astype(np.float32)
    place = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0.7) * (classes == 3)
    y = np.array(NAMES[labels])[place]
    return classifier(name).fit(x, y), x, y


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Attribute `prob._`:FutureWarning")
@pytest.mark.parametrize("labels", NAMES)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["logistic", "forest", "boosting", "mlp", "svc", "bayes"])
def test_a_scikit_learn_model_is_read_as_scikit_learn_reads_it(
    tmp_path: Path, name: str, classes: int, labels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    # Nothing here asks how much a model multiplies, and counting takes a process each time.
    monkeypatch.setattr(models, "count", lambda proto, dims: (None, ""))
    model, x, y = fitted(name, classes, labels)
    table = tmp_path / "d.npz"
    np.savez(table, a=x[:, 0], b=x[:, 1], c=x[:, 2], label=y)
    for zipmap in (True, False):
        options = {id(model): {"zipmap": zipmap}}
        proto = skl2onnx.to_onnx(model, x[:1], options=options, target_opset=17)
        path = tmp_path / "m.onnx"
        path.write_bytes(proto.SerializeToString())
        data = Data(path=str(table), label="label")
        spec = Spec(model=Model(path=str(path)), data=data, plan=FAST, target=PRETEND)
        record = bench.run(spec)
        assert record.data is not None
        said = np.array(record.data.classes)[record.arrays["y_pred"]]
        assert (said == model.predict(x)).mean() > 0.99
        assert record.model.answer is not None
        found = record.model.answer.kind
        assert found == ("label" if name in ("svc", "bayes") else "probability")
        if found == "probability":
            wanted = model.predict_proba(x)
            assert record.arrays["score"] == pytest.approx(wanted, abs=1e-4)


def test_a_forest_of_raw_scores_is_read_by_its_labels_only(tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model, x, _ = fitted("boosting", 2, "int")
    options = {id(model.steps[-1][1]): {"raw_scores": True, "zipmap": False}}
    proto = skl2onnx.to_onnx(model, x[:1], options=options, target_opset=17)
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    found = answer_of(path)
    assert found is not None
    assert found.kind == "label"


def test_every_reference_model_is_recognised() -> None:
    for path in sorted(REAL.parent.glob("*.onnx")):
        graph = models.inspect(Model(path=str(path)))
        assert graph.facts.answer is not None
        assert graph.facts.answer.kind == "probability"
        assert json.dumps(graph.classes) == "[0, 1]"


def test_only_errors_of_our_own_leave_inspect_whatever_the_path() -> None:
    for path in ("\0", "~nobody/m.onnx", "/dev/null", "/dev/zero", "/proc/self/mem"):
        with pytest.raises(FrugalbenchError):
            models.inspect(Model(path=path))


def test_two_outputs_of_one_kind_are_not_chosen_between(tmp_path: Path) -> None:
    nodes = [node("Softmax", "x", "first"), node("Neg", "x", "z"), node("Softmax", "z", "second")]
    path = save_model(tmp_path / "m.onnx", nodes, [port("x")], [port("first"), port("second")])
    assert answer_of(path) is None
    chosen = answer_of(path, output="second")
    assert chosen is not None
    assert (chosen.output, chosen.kind) == ("second", "probability")


def test_the_weights_of_classic_models_are_counted(tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn import datasets, linear_model

    x, y = datasets.load_iris(return_X_y=True)
    fitted = linear_model.LogisticRegression(max_iter=1000).fit(x, y)
    path = tmp_path / "m.onnx"
    path.write_bytes(skl2onnx.to_onnx(fitted, x[:1].astype(np.float32)).SerializeToString())
    parameters = models.inspect(Model(path=str(path))).facts.parameters
    assert parameters is not None
    assert parameters >= fitted.coef_.size + fitted.intercept_.size
