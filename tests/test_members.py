"""Training rows are asked about in the session that was timed, and what remembers them is seen."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from _build import change, value
from _onnx import constant, linear, node, port, save_model
from onnx import TensorProto, helper
from pyarrow import parquet
from sklearn.tree import DecisionTreeClassifier

from frugalbench import assembly, bench, jobs, store, worker
from frugalbench.bench._members import answer_members, members_seconds
from frugalbench.bench._rows import Rows
from frugalbench.errors import MeasurementError
from frugalbench.members import members
from frugalbench.record import Record
from frugalbench.spec import Data, Model, Plan, Spec, Target

Array = npt.NDArray[Any]
FAST = Plan(processes=1, process_seconds=0.1, warmup_seconds=0.02, idle_seconds=0, windows=2)
LINEAR = ((1.0, -1.0), (0.5, -0.5), (0.0, 0.0))


def noisy(path: Path, rows: int = 1600) -> tuple[Path, Array, Array]:
    """Three features, a label of which a third is chance, and a half to train on."""
    random = np.random.default_rng(1)
    x = random.normal(size=(rows, 3)).astype(np.float32)
    y = ((x[:, 0] > 0) ^ (random.random(rows) < 0.33)).astype(np.int64)
    columns = {name: x[:, i] for i, name in enumerate("abc")}
    split = np.where(np.arange(rows) % 2, "train", "test")
    parquet.write_table(pa.table({**columns, "label": y, "split": split}), path)
    return path, x, y


def asked(model: Path, table: Path, plan: Plan = FAST, **fields: Any) -> Spec:
    half = {"split_column": "split", "split": "test", "train_split": "train"}
    given = {"label": "label", "features": ("a", "b", "c"), **half, **fields}
    return Spec(
        model=Model(path=str(model)),
        data=Data(path=str(table), **given),
        plan=plan,
        target=Target(meters=("fake",)),
    )


def tree(path: Path, x: Array, y: Array) -> Path:
    """A tree that is grown until it knows every row by heart."""
    skl2onnx = pytest.importorskip("skl2onnx")
    grown = DecisionTreeClassifier(random_state=0, max_leaf_nodes=400).fit(x, y)
    options = {id(grown): {"zipmap": False}}
    proto = skl2onnx.to_onnx(grown, x[:1], options=options, target_opset=17)
    path.write_bytes(proto.SerializeToString())
    return path


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def as_answered(record: Record, x: Array, y: Array) -> None:
    """Each training row's answer is the model's own, and its label beside it."""
    score, told = record.arrays["member:score"], record.arrays["member:y_true"]
    wanted = softmax(x[1::2] @ np.array(LINEAR))
    for row, label in zip(score, told, strict=True):
        near = np.abs(wanted - row).sum(axis=1).argmin()
        assert wanted[near] == pytest.approx(row, abs=1e-5)
        assert y[1::2][near] == label
    assert len(np.unique(score, axis=0)) > 700


def test_training_rows_are_answered_as_the_model_does(tmp_path: Path) -> None:
    table, x, y = noisy(tmp_path / "t.parquet")
    record = bench.run(asked(linear(tmp_path / "m.onnx"), table))
    as_answered(record, x, y)
    assert record.arrays["member:y_true"].size == 800
    assert record.data is not None
    assert record.data.train_rows == 800
    assert record.arrays["difficulty"].size == 800
    assert record.arrays["member:difficulty"].size == 800
    assert "member:y_pred" not in record.arrays
    assert store.load(store.save(record, tmp_path / "results")) == record


def test_a_fresh_process_answers_them_too(tmp_path: Path) -> None:
    table, x, _ = noisy(tmp_path / "t.parquet", 400)
    stages: list[str] = []
    spec = asked(linear(tmp_path / "m.onnx"), table)
    record = worker.run(spec, lambda stage, share: stages.append(stage))
    score = record.arrays["member:score"]
    assert len(score) == 200
    wanted = softmax(x[1::2] @ np.array(LINEAR))
    assert sorted(score[:, 0]) == pytest.approx(sorted(wanted[:, 0]), abs=1e-5)
    assert "member" in stages
    assert stages.index("time") < stages.index("member")


def test_a_tree_that_knows_its_rows_by_heart_is_caught(tmp_path: Path) -> None:
    table, x, y = noisy(tmp_path / "t.parquet")
    record = bench.run(asked(tree(tmp_path / "m.onnx", x[1::2], y[1::2]), table))
    assert value("privacy.membership_auc", record).low > 0.55
    assert value("privacy.calibrated_auc", record).low > 0.55
    plain = bench.run(asked(linear(tmp_path / "l.onnx"), table))
    found = value("privacy.membership_auc", plain)
    assert found.low < 0.5 < found.high
    found = value("privacy.calibrated_tpr", plain)
    assert found.low < 0.01 < found.high


def test_no_more_are_asked_than_rows_are_tested(tmp_path: Path) -> None:
    table, _, _ = noisy(tmp_path / "t.parquet")
    spec = asked(linear(tmp_path / "m.onnx"), table, change(FAST, max_rows=50))
    prepared = jobs.prepare(spec)
    assert prepared.job.members == 50
    first, again = members(prepared), members(prepared)
    assert first is not None
    assert again is not None
    assert (first.feed["x"] == again.feed["x"]).all()
    assert len(np.unique(first.feed["x"], axis=0)) == 50
    assert bench.run(spec).arrays["member:score"].shape == (50, 2)


def test_a_regression_is_asked_too(tmp_path: Path) -> None:
    table, x, _ = noisy(tmp_path / "t.parquet", 200)
    graph = save_model(
        tmp_path / "m.onnx",
        [node("MatMul", "x w", "y")],
        [port("x", ("batch", 3))],
        [port("y", ("batch", 1))],
        [constant("w", [[1.0], [2.0], [0.0]])],
    )
    spec = asked(graph, table)
    spec = change(spec, model=change(spec.model, output="y", output_kind="value"))
    record = bench.run(spec)
    wanted = x[1::2] @ np.array([1.0, 2.0, 0.0])
    assert sorted(record.arrays["member:value"]) == pytest.approx(sorted(wanted), abs=1e-5)
    assert record.arrays["member:target"].size == record.arrays["member:difficulty"].size == 100
    assert value("privacy.membership_auc", record).n == 100


def test_a_graph_with_a_batch_of_its_own_is_asked_in_it(tmp_path: Path) -> None:
    table, x, y = noisy(tmp_path / "t.parquet")
    as_answered(bench.run(asked(linear(tmp_path / "m.onnx", shape=(7, 3)), table)), x, y)


def test_a_model_of_text_is_asked_and_has_no_difficulty(tmp_path: Path) -> None:
    rows = np.arange(60)
    table = {
        "x": [f"word {one}" for one in rows],
        "label": [f"word {one - one % 2}" for one in rows],
        "split": np.where(rows % 3 == 0, "train", "test"),
    }
    parquet.write_table(pa.table(table), tmp_path / "t.parquet")
    nodes = [node("Identity", "x", "y")]
    ports = [port(name, ("batch",), TensorProto.STRING) for name in "xy"]
    graph = save_model(tmp_path / "m.onnx", nodes, [ports[0]], [ports[1]])
    spec = asked(graph, tmp_path / "t.parquet", features=())
    kinds = {"output": "y", "output_kind": "label"}
    classes = tuple(f"word {one}" for one in rows)
    record = bench.run(change(spec, model=change(spec.model, classes=classes, **kinds)))
    assert record.arrays["member:y_true"].size == 20
    assert not {"difficulty", "member:difficulty"} & record.arrays.keys()
    assert "member:score" not in record.arrays


def test_without_training_rows_nothing_is_asked(tmp_path: Path) -> None:
    table, _, _ = noisy(tmp_path / "t.parquet", 100)
    spec = asked(linear(tmp_path / "m.onnx"), table, train_split=None)
    prepared = jobs.prepare(spec)
    assert prepared.job.members == 0
    assert members(prepared) is None
    assert not [name for name in bench.run(spec).arrays if "member" in name]


# When it does not go well


class Slow:
    """A session that takes its time, and refuses after so many calls."""

    def __init__(self, calls: int, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.left, self.seconds, self.error = calls, seconds, error

    def predict(self, feed: dict[str, Array], names: tuple[str, ...]) -> dict[str, Array]:
        time.sleep(self.seconds)
        if not self.left and self.error:
            raise self.error
        self.left -= 1
        return dict.fromkeys(names, feed["x"][:, :2])


def told(tmp_path: Path, session: Any, seconds: float, rows: int = 600) -> dict[str, Array]:
    table, _, _ = noisy(tmp_path / "t.parquet", 2 * rows)
    prepared = jobs.prepare(asked(linear(tmp_path / "m.onnx"), table))
    trained = members(prepared)
    assert trained is not None
    until = time.monotonic() + seconds
    return answer_members(
        prepared.job,
        trained.feed,
        session,
        lambda stage, share: None,
        until,
        call_seconds=1e-4,
        company=False,
    )


def test_as_many_are_answered_as_there_is_time_for(tmp_path: Path) -> None:
    assert told(tmp_path, Slow(9), 0.0) == {}
    found = told(tmp_path, Slow(9, 0.05), 0.07)
    assert found["member:output"].shape == (512, 2)
    assert told(tmp_path, Slow(9), 9.0)["member:output"].shape == (600, 2)


@pytest.mark.parametrize("error", [MeasurementError("no"), MemoryError()])
def test_a_model_that_refuses_them_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    assert told(tmp_path, Slow(1, error=error), 9.0) == {}


def test_the_time_that_is_kept_is_about_what_they_take(tmp_path: Path) -> None:
    table, _, _ = noisy(tmp_path / "t.parquet", 200)
    job = jobs.prepare(asked(linear(tmp_path / "m.onnx"), table)).job
    rows = Rows({"output": np.zeros((100, 2))})
    assert members_seconds(job, rows, 1.0, 100.0) == pytest.approx(1.55)
    assert members_seconds(job, rows, 60.0, 100.0) == pytest.approx(20.0)
    assert members_seconds(job, rows, 1.0, -1.0) == 0
    assert members_seconds(change(job, members=0), rows, 1.0, 100.0) == 0
    assert members_seconds(change(job, process=1), rows, 1.0, 100.0) == 0
    assert members_seconds(job, Rows({}), 1.0, 100.0) == 0


def test_fewer_answers_than_rows_asked_are_those_of_the_first(tmp_path: Path) -> None:
    table, _, _ = noisy(tmp_path / "t.parquet", 200)
    spec = asked(linear(tmp_path / "m.onnx"), table)
    prepared = jobs.prepare(spec)
    whole = bench.run(spec)
    assert whole.run is not None
    latency, output = whole.arrays["latency_ns"], whole.arrays["score"]
    arrays = {"latency_ns": latency, "output": output, "member:output": output[:30]}
    record = assembly.assemble(prepared, whole.run, arrays)
    trained = members(prepared)
    assert trained is not None
    assert record.arrays["member:y_true"].tolist() == trained.labels[:30].tolist()
    assert any("30 of 100 training rows" in one for one in record.notes)


def test_answers_that_cannot_be_read_leave_a_note_and_the_record(tmp_path: Path) -> None:
    table, _, _ = noisy(tmp_path / "t.parquet", 200)
    spec = asked(linear(tmp_path / "m.onnx"), table)
    prepared = jobs.prepare(spec)
    whole = bench.run(spec)
    assert whole.run is not None
    latency, output = whole.arrays["latency_ns"], whole.arrays["score"]
    arrays = {"latency_ns": latency, "output": output, "member:output": output * 7}
    record = assembly.assemble(prepared, whole.run, arrays)
    assert "member:score" not in record.arrays
    assert any("training rows cannot be read" in one for one in record.notes)
    assert record.arrays["score"].shape == (100, 2)


def loops(path: Path) -> Path:
    """A model that loops as often as the largest number of its first column says."""
    inside = [
        port("step", [], TensorProto.INT64),
        port("go", [], TensorProto.BOOL),
        port("value", ("batch", 3)),
    ]
    outside = [port("still", [], TensorProto.BOOL), port("next", ("batch", 3))]
    steps = [node("Identity", "go", "still"), node("Sin", "value", "next")]
    nodes = [
        node("Gather", "x first", "column", axis=1),
        node("ReduceMax", "column", "most", keepdims=0),
        node("Cast", "most", "turns", to=TensorProto.INT64),
        node("Loop", "turns yes x", "z", body=helper.make_graph(steps, "body", inside, outside)),
        node("MatMul", "z w", "scores"),
        node("Softmax", "scores", "y"),
    ]
    weights = [
        constant("first", [0], "int64"),
        constant("yes", True, "bool"),
        constant("w", np.eye(3, 2)),
    ]
    ports = [port("x", ("batch", 3))], [port("y", ("batch", 2))]
    return save_model(path, nodes, *ports, weights)


@pytest.mark.slow
def test_a_model_that_hangs_on_training_rows_keeps_what_was_measured(tmp_path: Path) -> None:
    rows = np.arange(40)
    columns = {"a": np.where(rows % 2, 1e12, 1.0), "b": rows * 0.1, "c": rows * 0.2}
    split = np.where(rows % 2, "train", "test")
    table = pa.table({**columns, "label": rows // 2 % 2, "split": split})
    parquet.write_table(table, tmp_path / "t.parquet")
    plan = change(FAST, limit_seconds=2, max_seconds=60)
    record = worker.run(asked(loops(tmp_path / "m.onnx"), tmp_path / "t.parquet", plan))
    assert record.failure is None
    assert record.run is not None
    assert record.arrays["score"].shape == (20, 2)
    assert "member:score" not in record.arrays
    assert any("extra passes" in one for one in record.run.notes)
