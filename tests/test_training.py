"""Training rows are fed and labelled as the tested ones are, and are never the tested ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from _build import change, labels, missing, value
from _onnx import constant, linear, node, port, save_model
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from frugalbench import bench, jobs, store
from frugalbench.config import load_spec
from frugalbench.errors import UsageError
from frugalbench.metrics import find
from frugalbench.spec import Data, Model, Plan, Spec, Target
from frugalbench.training import Training, also_trained_on
from frugalbench.values import Missing

FAST = Plan(processes=1, process_seconds=0.1, warmup_seconds=0.02, idle_seconds=0, windows=2)
DECLARED: dict[str, Any] = {"split_column": "split", "split": "test", "train_split": "train"}


def columns(rows: int = 12, **more: Any) -> dict[str, Any]:
    """Three features, a label and a split that alternates in pairs."""
    x = np.arange(rows * 3, dtype=np.float64).reshape(rows, 3)
    names = np.array(["train", "train", "test", "test"])
    return {
        "a": x[:, 0],
        "b": x[:, 1],
        "c": x[:, 2],
        "label": np.arange(rows) % 2,
        "split": names[np.arange(rows) % 4],
        **more,
    }


def written(path: Path, **more: Any) -> Path:
    parquet.write_table(pa.table(columns(**more)), path)
    return path


def question(tmp_path: Path, *, table: Path | None = None, **fields: Any) -> Spec:
    model = linear(tmp_path / "m.onnx")
    path = table or written(tmp_path / "t.parquet")
    data = Data(path=str(path), **({"label": "label", "features": ("a", "b", "c")} | fields))
    return Spec(
        model=Model(path=str(model), classes=(0, 1)),
        data=data,
        plan=FAST,
        target=Target(meters=("fake",)),
    )


def trained(spec: Spec) -> Training:
    found = jobs.prepare(spec).training
    assert found is not None
    return found


def refused(spec: Spec) -> str:
    with pytest.raises(UsageError) as caught:
        jobs.prepare(spec)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_the_rows_of_the_training_split_are_fed_as_the_tested_ones(tmp_path: Path) -> None:
    spec = question(tmp_path, **DECLARED)
    prepared, found = jobs.prepare(spec), trained(spec)
    assert found.feed["x"][:, 0].tolist() == [0, 3, 12, 15, 24, 27]
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert found.feed["x"].dtype == prepared.feed["x"].dtype == np.float32
    assert prepared.data is not None
    assert prepared.data.train_rows == found.rows == 6


def test_the_order_of_columns_in_another_table_does_not_matter(tmp_path: Path) -> None:
    here = columns(4)
    other = tmp_path / "train.parquet"
    parquet.write_table(pa.table({name: here[name] for name in ("label", "c", "b", "a")}), other)
    table = tmp_path / "t.parquet"
    parquet.write_table(pa.table({n: columns()[n] for n in ("a", "b", "c", "label")}), table)
    found = trained(question(tmp_path, table=table, features=(), train_path=str(other)))
    assert found.feed["x"].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_named_classes_have_the_codes_of_the_tested_rows(tmp_path: Path) -> None:
    words = np.array(["yes", "no"])[np.arange(12) % 2]
    model = linear(tmp_path / "m.onnx", metadata={"classes": '["yes", "no"]'})
    table = written(tmp_path / "t.parquet", label=words)
    spec = question(tmp_path, table=table, positive="yes", **DECLARED)
    assert model.exists()
    named = Spec(
        model=Model(path=spec.model.path, classes=("yes", "no")),
        data=spec.data,
        plan=FAST,
        target=spec.target,
    )
    assert trained(named).labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_the_labels_of_a_regression_are_numbers(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "y")]
    path = save_model(
        tmp_path / "r.onnx",
        nodes,
        [port("x")],
        [port("y", ("batch", 1))],
        [constant("w", [[1.0], [0.0], [0.0]])],
    )
    spec = question(
        tmp_path, table=written(tmp_path / "t.parquet", label=np.arange(12) / 4), **DECLARED
    )
    asked = Spec(
        model=Model(path=str(path), output_kind="value"),
        data=spec.data,
        plan=FAST,
        target=spec.target,
    )
    assert trained(asked).labels.tolist() == [0, 0.25, 1, 1.25, 2, 2.25]


def test_several_inputs_each_have_their_column(tmp_path: Path) -> None:
    inputs = [port("a", ("batch", 1)), port("b", ("batch", 1))]
    nodes = [node("Concat", "a b", "j", axis=1), node("Softmax", "j", "y", axis=1)]
    path = save_model(tmp_path / "two.onnx", nodes, inputs, [port("y", ("batch", 2))])
    spec = question(tmp_path, features=(), **DECLARED)
    asked = Spec(model=Model(path=str(path)), data=spec.data, plan=FAST, target=spec.target)
    found = trained(asked)
    assert found.feed["a"].ravel().tolist() == [0, 3, 12, 15, 24, 27]
    assert found.feed["b"].ravel().tolist() == [1, 4, 13, 16, 25, 28]


def test_undeclared_rows_are_none(tmp_path: Path) -> None:
    prepared = jobs.prepare(question(tmp_path))
    assert prepared.training is None
    assert prepared.data is not None
    assert prepared.data.train_rows == 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"train_split": "test"}, "both 'test'"),
        ({"train_split": "tarin"}, "did you mean 'train'"),
        ({"split": None}, "needs data.split_column and data.split"),
        ({"train_path": "nowhere.csv"}, "not both"),
        ({"train_split": None, "train_path": "nowhere.csv"}, "there is no data file nowhere.csv"),
        ({"label": None}, "data.label=…"),
    ],
)
def test_rows_that_cannot_be_training_rows_are_refused(
    tmp_path: Path, fields: dict[str, Any], says: str
) -> None:
    assert says in refused(question(tmp_path, **(DECLARED | fields)))


def test_the_tested_table_under_another_name_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.parquet"
    written(copy)
    assert "the very table that is tested" in refused(question(tmp_path, train_path=str(copy)))


def test_a_label_that_is_no_class_is_refused_and_says_where(tmp_path: Path) -> None:
    label = np.arange(12) % 2
    label[0] = 7
    said = refused(
        question(tmp_path, table=written(tmp_path / "t.parquet", label=label), **DECLARED)
    )
    assert said.startswith("training rows: labels do not match: column 'label' holds 7")


@pytest.mark.parametrize("absent", [None, float("nan")])
def test_a_training_row_without_a_label_is_refused(tmp_path: Path, absent: Any) -> None:
    label = [absent, *(float(i % 2) for i in range(11))]
    said = refused(
        question(tmp_path, table=written(tmp_path / "t.parquet", label=label), **DECLARED)
    )
    assert said.startswith("training rows: 1 of 6 rows have no label")


def test_a_training_table_without_a_feature_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "train.parquet"
    parquet.write_table(pa.table({n: columns()[n] for n in ("a", "b", "label")}), other)
    assert "has no column 'c' for the training rows" in refused(
        question(tmp_path, train_path=str(other))
    )


def test_text_where_the_model_takes_numbers_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "train.parquet"
    parquet.write_table(pa.table(columns(c=["x"] * 12)), other)
    assert refused(question(tmp_path, train_path=str(other))).startswith(
        "training rows: column 'c'"
    )


@given(seed=st.integers(0, 1000), rows=st.integers(4, 40))
def test_splits_divide_the_rows_whatever_their_order(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(seed)
    split = np.array(["test", "train"])[rng.permutation(rows) % 2]
    table = written(folder / "t.parquet", rows=rows, split=split)
    prepared = jobs.prepare(question(folder, table=table, **DECLARED))
    assert prepared.training is not None
    every = np.concatenate([prepared.feed["x"][:, 0], prepared.training.feed["x"][:, 0]])
    assert sorted(every.tolist()) == [3.0 * i for i in range(rows)]


def test_the_record_says_how_many_rows_the_model_was_trained_on(tmp_path: Path) -> None:
    record = bench.run(question(tmp_path, **DECLARED))
    assert record.data is not None
    assert record.data.train_rows == 6


def measured(tmp_path: Path, again: int) -> Any:
    """The record of 20 tested rows, the first `again` of which are in the training table too."""
    here = columns(20)
    other = {name: one.copy() for name, one in here.items()}
    for name in "abc":
        other[name][again:] += 1000
    # Another label hides nobody: the model was fed the same.
    other["label"] = 1 - other["label"]
    parquet.write_table(pa.table(other), tmp_path / "train.parquet")
    table = written(tmp_path / "t.parquet", rows=20)
    spec = question(tmp_path, table=table, train_path=str(tmp_path / "train.parquet"))
    return bench.run(spec)


def test_tested_rows_that_are_training_rows_are_counted_and_told(tmp_path: Path) -> None:
    record = measured(tmp_path, 2)
    assert record.data.overlap == 2
    assert any(one.startswith("2 of 20 tested rows are also training") for one in record.notes)
    assert value("privacy.membership_auc", record).n == 20


def test_nothing_is_said_of_privacy_where_many_tested_rows_are_training_rows(
    tmp_path: Path,
) -> None:
    record = measured(tmp_path, 3)
    assert record.data.overlap == 3
    for name in ("membership_auc", "membership_tpr", "calibrated_auc", "calibrated_tpr"):
        gone = missing(f"privacy.{name}", record)
        assert gone.reason == "overlap"
        assert "3 of 20 tested rows are also training rows: declare" in gone.detail
    again = store.load(store.save(record, tmp_path / "results"))
    assert again.data == record.data


def test_without_a_common_row_nothing_is_noted(tmp_path: Path) -> None:
    record = measured(tmp_path, 0)
    assert record.data.overlap == 0
    assert not [one for one in record.notes if "training rows" in one]


def test_rows_are_the_same_whatever_their_kind_of_nought_and_nothing() -> None:
    words = np.array([["a", "b, c"], ["a, b", "c"], ["", "x"]], object)
    numbers = np.array([[0.0, np.nan], [1.0, 2.0], [3.0, 4.0]], np.float32)
    # One picture for all rows tells nothing apart.
    feed = {"w": words, "x": numbers, "shared": np.zeros((1, 2))}
    trained = {
        "w": words[[0, 0, 2]],
        "x": np.array([[-0.0, -np.nan], [1, 2], [3, 4]], np.float32),
        "shared": np.ones((1, 2)),
    }
    found, twins = also_trained_on(feed, 3, Training(trained, np.zeros(3, np.int64)))
    assert found.tolist() == [True, False, True]
    assert twins == 0


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 30), width=st.integers(1, 3))
def test_rows_in_common_are_those_of_a_plain_search(seed: int, rows: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    tested, trained = (rng.integers(0, 3, (size, width)) for size in (rows, 7))
    labels = np.zeros(7, np.int64)
    found, twins = also_trained_on({"x": tested}, rows, Training({"x": trained}, labels))
    known = trained.tolist()
    assert found.tolist() == [row in known for row in tested.tolist()]
    assert twins == sum(known.count(row) > 1 for row in known)


def test_rows_alike_by_chance_are_not_taken_for_training_rows() -> None:
    """Three columns of few values: most rows have a twin, and none is there twice."""
    rng = np.random.default_rng(3)
    y, score = rng.integers(0, 2, 1000), rng.dirichlet([1, 1], 1000)
    made = labels(y, score.argmax(axis=1), score=score)
    arrays = {**made.arrays, "member:y_true": y, "member:score": score}
    for overlap, twins, reason in (
        (300, 290, ""),
        (300, 0, "overlap"),
        (360, 290, ""),
        (365, 290, "overlap"),
        (500, 1000, ""),
        (501, 1000, "overlap"),
    ):
        facts = change(made.data, overlap=overlap, twins=twins, train_rows=1000)
        found = find("privacy.membership_auc")(change(made, arrays=arrays, data=facts))
        assert (found.reason if isinstance(found, Missing) else "") == reason


@pytest.mark.parametrize(("name", "least"), [("adult", 1000), ("german", 0), ("nhanes", 0)])
def test_the_shipped_data_have_no_more_rows_in_common_than_by_chance(name: str, least: int) -> None:
    data = jobs.prepare(load_spec(f"model={name}-logreg", f"data={name}")).data
    assert data is not None
    assert data.overlap >= least
    alike, chance = data.overlap / data.rows, data.twins / data.train_rows
    assert alike == pytest.approx(chance, abs=0.02)


@pytest.mark.parametrize(("name", "rows"), [("adult", 32561), ("german", 500), ("nhanes", 2549)])
def test_the_shipped_data_say_which_rows_the_models_learned_from(name: str, rows: int) -> None:
    prepared = jobs.prepare(load_spec(f"model={name}-logreg", f"data={name}"))
    assert prepared.training is not None
    assert prepared.training.rows == rows
