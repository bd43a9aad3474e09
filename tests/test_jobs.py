"""From a question to a record and back: the answers are the model's own, row by row."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from _onnx import constant, linear, node, port, save_model
from onnx import TensorProto
from pyarrow import csv, parquet

from frugalbench import assembly, bench, jobs
from frugalbench.errors import UsageError
from frugalbench.record import Failure, Record
from frugalbench.spec import Data, Model, Plan, Spec, Target

Array = npt.NDArray[Any]
FAST = Plan(processes=1, process_seconds=0.1, warmup_seconds=0.02, idle_seconds=0, windows=2)
WEIGHT = ((1.0, -1.0), (0.5, -0.5), (0.0, 0.3))


def question(
    model: Path, data: Path | None = None, *, asked: dict[str, Any] | None = None, **fields: Any
) -> Spec:
    """A question about a model; `asked` holds fields of the model, `fields` those of the data."""
    plan = fields.pop("plan", FAST)
    table = Data(path=str(data), **{"label": "label", **fields}) if data else None
    about = Model(path=str(model), **(asked or {}))
    return Spec(model=about, data=table, plan=plan, target=Target(meters=("fake",)))


def refused(spec: Spec) -> str:
    with pytest.raises(UsageError) as caught:
        jobs.prepare(spec)
    assert str(caught.value).isprintable()
    return str(caught.value)


def accuracy(record: Record) -> float:
    return float((record.arrays["y_true"] == record.arrays["y_pred"]).mean())


def three_columns(path: Path, rows: int = 10, **more: Any) -> tuple[Path, Array]:
    """A table of three features and a label, with its matrix."""
    x = np.random.default_rng(3).normal(size=(rows, 3)).astype(np.float32)
    columns = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "label": np.arange(rows) % 2, **more}
    parquet.write_table(pa.table(columns), path)
    return path, x


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


# As scikit-learn answers


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_the_accuracy_on_iris_is_that_of_scikit_learn(
    tmp_path: Path, suffix: str, zipmap: bool, named: bool
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn import datasets, linear_model

    x, place = datasets.load_iris(return_X_y=True)
    x, y = x.astype(np.float32), np.array(["virginica", "setosa", "other"])[place]
    y = y if named else place + 1
    # Few steps and strong shrinkage: a model that errs proves more than one that does not.
    model = linear_model.LogisticRegression(C=0.01).fit(x, y)
    options = {id(model): {"zipmap": zipmap}}
    proto = skl2onnx.to_onnx(model, x[:1], options=options, target_opset=17)
    path, table = tmp_path / "iris.onnx", tmp_path / f"iris{suffix}"
    path.write_bytes(proto.SerializeToString())
    columns = {f"c{i}": x[:, i] for i in range(4)} | {"label": y}
    if suffix == ".npz":
        np.savez(table, **columns)
    else:
        write = csv.write_csv if suffix == ".csv" else parquet.write_table
        write(pa.table(columns), table)
    record = bench.run(question(path, table))
    assert record.data is not None
    assert accuracy(record) == pytest.approx(model.score(x, y))
    assert accuracy(record) < 1
    said = np.array(record.data.classes)[record.arrays["y_pred"]]
    assert (said == model.predict(x)).all()
    order = [list(model.classes_).index(one) for one in record.data.classes]
    assert record.arrays["score"] == pytest.approx(model.predict_proba(x)[:, order], abs=1e-5)


def test_a_pipeline_of_text_and_numbers_takes_its_columns_by_name(tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    import pandas as pd
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn import compose, linear_model, pipeline, preprocessing

    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "town": random.choice(["Orléans", "Tours", "Bourges"], 80),
            "pay": random.normal(size=80).astype(np.float32),
        }
    )
    y = np.where((frame["town"] == "Tours") ^ (random.random(80) < 0.2), "yes", "no")
    encode = compose.ColumnTransformer(
        [("town", preprocessing.OneHotEncoder(), ["town"])], remainder="passthrough"
    )
    model = pipeline.make_pipeline(encode, linear_model.LogisticRegression()).fit(frame, y)
    kinds = [("town", StringTensorType([None, 1])), ("pay", FloatTensorType([None, 1]))]
    path, table = tmp_path / "m.onnx", tmp_path / "t.csv"
    proto = skl2onnx.to_onnx(model, initial_types=kinds, target_opset=17)
    path.write_bytes(proto.SerializeToString())
    frame.assign(label=y)[["pay", "label", "town"]].to_csv(table, index=False)
    record = bench.run(question(path, table, positive="yes", groups=("town",)))
    assert record.data is not None
    assert record.data.features == ("town", "pay")
    assert record.data.groups == {"town": ("Bourges", "Orléans", "Tours")}
    assert accuracy(record) == pytest.approx(model.score(frame, y))
    assert 0.5 < accuracy(record) < 1


# As the graph answers


def test_a_bare_product_read_as_logits_is_its_softmax_twin(tmp_path: Path) -> None:
    weights = [constant("w", WEIGHT), constant("b", [0.1, -0.1])]
    ports = [port("x")], [port("y", ("batch", 2))]
    gemm = node("Gemm", "x w b", "y")
    bare = save_model(tmp_path / "bare.onnx", [gemm], *ports, weights)
    nodes = [node("Gemm", "x w b", "z"), node("Softmax", "z", "y")]
    twin = save_model(tmp_path / "twin.onnx", nodes, *ports, weights)
    table, _ = three_columns(tmp_path / "t.parquet", 50)
    assert "model.output_kind=label, probability, logit or value" in refused(question(bare, table))
    read = bench.run(question(bare, table, asked={"output_kind": "logit"}))
    known = bench.run(question(twin, table))
    assert read.arrays["score"] == pytest.approx(known.arrays["score"], abs=1e-6)
    assert read.arrays["y_pred"].tolist() == known.arrays["y_pred"].tolist()


def test_logits_read_as_shares_are_refused(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "y")]
    ports = [port("x")], [port("y", ("batch", 2))]
    path = save_model(tmp_path / "m.onnx", nodes, *ports, [constant("w", WEIGHT)])
    table, _ = three_columns(tmp_path / "t.parquet")
    with pytest.raises(UsageError, match="not shares of one"):
        bench.run(question(path, table, asked={"output_kind": "probability"}))


@pytest.mark.parametrize("batch", [4, 3, 10, 16])
def test_a_fixed_batch_answers_every_row_once(tmp_path: Path, batch: int) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT, shape=(batch, 3))
    table, x = three_columns(tmp_path / "t.parquet", 10)
    record = bench.run(question(path, table))
    assert record.run is not None
    assert record.run.batch == batch
    assert record.arrays["score"] == pytest.approx(softmax(x @ np.array(WEIGHT)), abs=1e-6)
    assert record.arrays["y_true"].tolist() == [0, 1] * 5


def test_a_row_may_be_a_whole_input_of_the_graph(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT, shape=(1, 3))
    _, x = three_columns(tmp_path / "t.parquet", 6)
    table = tmp_path / "t.npz"
    np.savez(table, x=x[:, None, :], label=np.arange(6) % 2)
    record = bench.run(question(path, table))
    assert record.arrays["score"] == pytest.approx(softmax(x @ np.array(WEIGHT)), abs=1e-6)


def test_a_regression_keeps_numbers_and_targets(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "y")]
    ports = [port("x")], [port("y", ("batch", 1))]
    path = save_model(tmp_path / "m.onnx", nodes, *ports, [constant("w", [[1], [2], [3]])])
    table, x = three_columns(tmp_path / "t.parquet")
    record = bench.run(question(path, table, asked={"output_kind": "value"}))
    assert record.arrays["value"] == pytest.approx(x @ [1, 2, 3], abs=1e-5)
    assert record.arrays["target"].tolist() == [0, 1] * 5
    assert not {"y_pred", "y_true", "score"} & set(record.arrays)


# Which rows


def test_a_split_column_chooses_rows_and_is_no_feature(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT)
    parts = ["train", "test", "test", "train", "train"] * 2
    table, x = three_columns(tmp_path / "t.parquet", part=parts, sex=["m", "f"] * 5)
    chosen: dict[str, Any] = {"split_column": "part", "split": "test", "groups": ("sex",)}
    record = bench.run(question(path, table, **chosen))
    assert record.data is not None
    assert (record.data.rows, record.data.rows_in_file) == (4, 10)
    assert record.data.features == ("a", "b", "c")
    assert record.arrays["group:sex"].tolist() == [0, 1, 1, 0]
    expected = softmax(x[[1, 2, 6, 7]] @ np.array(WEIGHT))
    assert record.arrays["score"] == pytest.approx(expected, abs=1e-6)
    line = refused(question(path, table, split_column="part", split="tset"))
    assert "never says 'tset': did you mean 'test'?" in line
    assert "needs data.split_column" in refused(question(path, table, split="test"))


def test_max_rows_draws_the_same_rows_for_the_same_seed(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT)
    table, x = three_columns(tmp_path / "t.parquet", 100)
    taken = []
    for seed in (1, 1, 2):
        plan = msgspec.structs.replace(FAST, max_rows=20, seed=seed)
        prepared = jobs.prepare(question(path, table, plan=plan))
        assert prepared.data is not None
        assert (prepared.data.rows, prepared.data.rows_in_file, prepared.job.rows) == (20, 100, 20)
        taken.append(prepared.feed["x"].tolist())
    assert taken[0] == taken[1] != taken[2]
    places = [x.tolist().index(row) for row in taken[0]]
    assert places == sorted(set(places))
    plan = msgspec.structs.replace(FAST, max_rows=1000)
    assert len(jobs.prepare(question(path, table, plan=plan)).feed["x"]) == 100


# What is kept


def test_the_record_keeps_file_names_and_no_path(tmp_path: Path) -> None:
    folder = tmp_path / "someone"
    folder.mkdir()
    path = linear(folder / "m.onnx", weight=WEIGHT)
    table, _ = three_columns(folder / "t.parquet")
    record = bench.run(question(path, table))
    assert record.spec.data is not None
    assert (record.spec.model.path, record.spec.data.path) == ("m.onnx", "t.parquet")
    words = msgspec.json.encode(msgspec.structs.replace(record, arrays={})).decode()
    assert "someone" not in words
    assert str(Path.home()) not in words
    assert record.id.split("-")[1:3] == ["m", "cpu"]
    assert record.arrays["latency_ns"].size >= 2


def test_a_failure_keeps_the_question_and_the_likeliest_reason(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT, shape=("batch", "n"))
    prepared = jobs.prepare(question(path))
    assert (prepared.job.inputs, prepared.job.rows, prepared.data) == ("generated", 0, None)
    failure = Failure(kind="error", detail="it broke")
    record = assembly.failed(prepared, failure)
    assert record.failure is not None
    assert record.failure.detail.startswith("it broke; axis n of input 'x' was set to 1")
    assert (record.run, record.arrays, record.spec.model.path) == (None, {}, "m.onnx")


def test_data_without_a_label_are_inputs_only(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT)
    table, _ = three_columns(tmp_path / "t.parquet")
    features = ("c", "b", "a")
    record = bench.run(question(path, table, label=None, features=features))
    assert record.data is not None
    assert record.data.features == features
    assert not {"y_true", "y_pred", "score"} & record.arrays.keys()
    line = refused(question(path, table, label=None, features=features, groups=("label",)))
    assert "name the label with data.label=…" in line


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"label": "lable"}, "no column 'lable' for data.label: did you mean 'label'?"),
        ({"groups": ("sexe",)}, "no column 'sexe' for data.groups"),
        ({"features": ("a", "b", "z")}, "no column 'z' for "),
        ({"features": ("a", "b")}, "takes 3 a row and the data give 2"),
        ({"split_column": "part", "split": "x"}, "no column 'part' for data.split_column"),
    ],
)
def test_a_column_that_is_not_there_is_asked_for(
    tmp_path: Path, fields: dict[str, Any], says: str
) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT)
    table, _ = three_columns(tmp_path / "t.parquet")
    assert says in refused(question(path, table, **fields))


def test_text_labels_of_unnamed_scores_are_refused_until_the_classes_are_named(
    tmp_path: Path,
) -> None:
    path = linear(tmp_path / "m.onnx", weight=WEIGHT)
    table, x = three_columns(tmp_path / "t.parquet", label=["no", "yes"] * 5)
    assert "model.classes=[…]" in refused(question(path, table))
    record = bench.run(question(path, table, asked={"classes": ("yes", "no")}))
    assert record.arrays["y_true"].tolist() == [1, 0] * 5
    best = (x @ np.array(WEIGHT)).argmax(axis=1)
    assert record.arrays["y_pred"].tolist() == best.tolist()


def test_labels_of_an_argmax_are_positions(tmp_path: Path) -> None:
    path = linear(tmp_path / "m.onnx", "ArgMax", WEIGHT, out=("batch",), axis=1, keepdims=0)
    table, x = three_columns(tmp_path / "t.parquet")
    record = bench.run(question(path, table))
    best = (x @ np.array(WEIGHT)).argmax(axis=1)
    assert record.arrays["y_pred"].tolist() == best.tolist()
    assert record.model.outputs[0].dtype == TensorProto.DataType.Name(TensorProto.INT64).lower()


def test_rows_are_answered_in_the_batch_that_is_timed_where_the_batch_matters(
    tmp_path: Path,
) -> None:
    """A graph that subtracts the mean of its batch answers single rows all alike."""
    nodes = [
        node("ReduceMean", "x", "mean", axes=[0], keepdims=1),
        node("Sub", "x mean", "z"),
        node("MatMul", "z w", "s"),
        node("Softmax", "s", "y"),
    ]
    ports = [port("x")], [port("y", ("batch", 2))]
    model = save_model(tmp_path / "m.onnx", nodes, *ports, [constant("w", WEIGHT)])
    table, _ = three_columns(tmp_path / "d.parquet", rows=40)
    record = bench.run(question(model, table))
    assert record.run is not None
    assert any("1 at a time, as timed" in one for one in record.run.notes)
    assert (record.arrays["score"] == 0.5).all()


def test_outputs_that_were_not_read_are_named(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "s"), node("Softmax", "s", "y"), node("Abs", "s", "other")]
    ports = [port("x")], [port("y", ("batch", 2)), port("other", ("batch", 2))]
    model = save_model(tmp_path / "m.onnx", nodes, *ports, [constant("w", WEIGHT)])
    table, _ = three_columns(tmp_path / "d.parquet")
    record = bench.run(question(model, table))
    assert any("not read: other (float)" in one for one in record.notes)


def test_a_feature_listed_twice_is_refused(tmp_path: Path) -> None:
    table, _ = three_columns(tmp_path / "d.parquet")
    spec = question(linear(tmp_path / "m.onnx", weight=WEIGHT), table, features=("a", "a", "b"))
    assert "lists 'a' twice" in refused(spec)
