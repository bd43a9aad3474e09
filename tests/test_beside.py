"""Baselines are measured beside the model: same rows, same classes, and never at its expense."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from _onnx import constant, linear, node, port, save_model
from pyarrow import parquet

import frugalbench
from frugalbench import bench, beside, jobs, store
from frugalbench.certify import Policy, Rule, judge
from frugalbench.config import load_spec
from frugalbench.errors import UsageError
from frugalbench.record import Compared, Failure, Record
from frugalbench.spec import Baseline, Data, Model, Plan, Spec, Target

Array = npt.NDArray[Any]
FAST = Plan(
    processes=1,
    process_seconds=0.1,
    warmup_seconds=0.02,
    idle_seconds=0,
    windows=2,
    max_seconds=20,
)
CHEAP = (Baseline(kind="constant"), Baseline(kind="linear"), Baseline(kind="tree"))
TRAINED: dict[str, Any] = {"split_column": "split", "split": "test", "train_split": "train"}


def table(path: Path, rows: int = 400, **more: Any) -> Path:
    """Labels that a line tells apart, seven in ten of them 1."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    label = (x[:, 0] + 0.3 * rng.normal(size=rows) > -0.5).astype(np.int64)
    split = np.array(["train", "test"])[np.arange(rows) % 2]
    columns = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "label": label, "split": split}
    parquet.write_table(pa.table(columns | more), path)
    return path


def question(
    tmp_path: Path, *cheap: Baseline, data: Path | None = None, plan: Plan = FAST, **fields: Any
) -> Spec:
    model = linear(tmp_path / "m.onnx", weight=((-1.0, 1.0), (0.0, 0.0), (0.0, 0.0)))
    path = data or table(tmp_path / "t.parquet")
    about = Data(
        path=str(path), label="label", features=("a", "b", "c"), groups=(), **(TRAINED | fields)
    )
    return Spec(
        model=Model(path=str(model), classes=(0, 1)),
        data=about,
        plan=plan,
        target=Target(meters=("fake",)),
        baselines=cheap,
    )


def refused(spec: Spec, folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        beside.contenders(jobs.prepare(spec), folder)
    assert str(caught.value).isprintable()
    return str(caught.value)


def the(record: Record, name: str) -> Record:
    found = record.baseline(name)
    assert found is not None, record.baselines
    return found


def file(path: Path, **fields: Any) -> Baseline:
    return Baseline(kind="model", model=Model(path=str(path), **fields))


@pytest.mark.slow
def test_the_constant_is_right_as_often_as_the_commonest_label(tmp_path: Path) -> None:
    record = bench.run(question(tmp_path, *CHEAP))
    assert [one.name for one in record.baselines] == ["constant", "linear", "tree"]
    y = record.arrays["y_true"]
    right = {
        one.name: float((the(record, one.name).arrays["y_pred"] == y).mean())
        for one in record.baselines
    }
    assert right["constant"] == max(y.mean(), 1 - y.mean())
    assert right["linear"] > right["constant"] + 0.1
    assert right["tree"] > right["constant"] + 0.1


def test_fresh_processes_measure_each_baseline_and_the_record_keeps_it(tmp_path: Path) -> None:
    stages: list[str] = []
    spec = question(tmp_path, Baseline(kind="linear"), Baseline(kind="linear"))
    record = frugalbench.run(spec, lambda stage, share: stages.append(stage))
    assert [one.name for one in record.baselines] == ["linear", "linear-2"]
    assert {"time", "linear: time", "linear-2: time"} <= set(stages)
    assert stages.index("fit") < stages.index("time") < stages.index("linear: time")
    measured = the(record, "linear")
    assert measured.run is not None
    assert measured.latency_ns.size == measured.run.processes[0].kept > 10
    assert measured.run.windows
    again = store.load(store.save(record, tmp_path / "results"))
    assert again == record


def test_paths_of_baselines_and_training_rows_do_not_leave_this_machine(tmp_path: Path) -> None:
    train = table(tmp_path / "train.parquet", rows=60)
    model = linear(tmp_path / "other.onnx")
    spec = question(tmp_path, file(model), train_split=None, train_path=str(train))
    record = bench.run(spec)
    assert str(tmp_path) not in msgspec.json.encode(record.spec).decode()
    assert record.spec.data is not None
    assert record.spec.data.train_path == "train.parquet"


@pytest.mark.slow
def test_a_model_is_a_baseline_under_its_name(tmp_path: Path) -> None:
    flat = linear(tmp_path / "flat.onnx", weight=((0.0, 0.0),) * 3)
    record = bench.run(question(tmp_path, file(flat), file(flat), file(flat, name="a:b[c],d")))
    assert [one.name for one in record.baselines] == ["flat", "flat-2", "a-b-c--d"]
    assert the(record, "flat").model.macs == record.model.macs
    assert the(record, "a-b-c--d").arrays["score"].tolist() == [[0.5, 0.5]] * 200


def test_a_model_with_other_columns_reads_its_own(tmp_path: Path) -> None:
    narrow = save_model(
        tmp_path / "narrow.onnx",
        [node("MatMul", "x w", "z"), node("Softmax", "z", "y")],
        [port("x", ("batch", 1))],
        [port("y", ("batch", 2))],
        [constant("w", [[-1.0, 1.0]])],
        {"feature_names": '["a"]'},
    )
    record = bench.run(question(tmp_path, file(narrow)))
    own = the(record, "narrow").arrays["y_pred"]
    assert np.array_equal(own, record.arrays["y_pred"])


@pytest.mark.slow
def test_a_regression_is_compared_with_numbers(tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "r.onnx",
        [node("MatMul", "x w", "y")],
        [port("x")],
        [port("y", ("batch", 1))],
        [constant("w", [[1.0], [0.0], [0.0]])],
    )
    spec = question(tmp_path, *CHEAP, data=table(tmp_path / "t.parquet", label=np.arange(400) / 9))
    model = Model(path=str(path), output_kind="value")
    record = bench.run(msgspec.structs.replace(spec, model=model))
    trained = np.arange(0, 400, 2) / 9
    values = the(record, "constant").arrays["value"]
    np.testing.assert_allclose(values, trained.mean(), rtol=1e-6)
    assert the(record, "tree").arrays["value"].shape == (200,)


def plain_product(path: Path, weight: float, output: str = "y", wide: int = 1) -> Path:
    """A graph whose operators do not say what it answers."""
    columns = [[weight, -weight][:wide], [0.0] * wide, [0.0] * wide]
    return save_model(
        path,
        [node("MatMul", "x w", output)],
        [port("x")],
        [port(output, ("batch", wide))],
        [constant("w", columns)],
    )


def test_a_file_is_read_as_is_declared_of_the_model(tmp_path: Path) -> None:
    near, far = (plain_product(tmp_path / f"{w}.onnx", w) for w in (1.0, 2.0))
    data = table(tmp_path / "t.parquet", label=np.arange(400) / 9)
    spec = msgspec.structs.replace(
        question(tmp_path, file(far), data=data), model=Model(path=str(near), output_kind="value")
    )
    record = bench.run(spec)
    own = the(record, record.baselines[0].name)
    np.testing.assert_allclose(own.arrays["value"], 2 * record.arrays["value"], rtol=1e-6)


def test_classes_kind_and_threshold_of_a_file_are_those_declared_of_the_model(
    tmp_path: Path,
) -> None:
    near, far = (plain_product(tmp_path / f"{w}.onnx", w, wide=2) for w in (1.0, 2.0))
    model = Model(path=str(near), output_kind="logit", classes=("no", "yes"), threshold=0.8)
    words = np.array(["no", "yes"])[np.arange(400) // 2 % 2]
    data = table(tmp_path / "t.parquet", label=words)
    spec = question(tmp_path, file(far), file(far, threshold=0.3), data=data, positive="yes")
    record = bench.run(msgspec.structs.replace(spec, model=model))
    for one, threshold in zip(record.baselines, (0.8, 0.3), strict=True):
        arrays = the(record, one.name).arrays
        assert one.model is not None
        assert one.model.answer is not None
        assert one.model.answer.kind == "logit"
        assert np.array_equal(arrays["y_pred"] == 1, arrays["score"][:, 1] >= threshold)
        assert len(np.unique(arrays["y_pred"])) == 2


def test_an_output_of_another_name_is_not_taken_for_the_answer(tmp_path: Path) -> None:
    near = plain_product(tmp_path / "near.onnx", 1.0)
    other = plain_product(tmp_path / "other.onnx", 2.0, output="z")
    data = table(tmp_path / "t.parquet", label=np.arange(400) / 9)
    spec = question(tmp_path, file(other), data=data)
    model = Model(path=str(near), output_kind="value")
    assert "other" in refused(msgspec.structs.replace(spec, model=model), tmp_path)
    said = question(tmp_path, file(other, output="z", output_kind="value"), data=data)
    assert bench.run(msgspec.structs.replace(said, model=model)).baselines[0].failure is None


def test_what_the_graph_of_a_file_says_is_not_overruled(tmp_path: Path) -> None:
    near = plain_product(tmp_path / "near.onnx", 1.0, wide=2)
    softmax = linear(tmp_path / "soft.onnx")
    spec = question(tmp_path, file(softmax))
    model = Model(path=str(near), output_kind="logit", classes=(0, 1))
    (one,) = bench.run(msgspec.structs.replace(spec, model=model)).baselines
    assert one.model is not None
    assert one.model.answer is not None
    assert one.model.answer.kind == "probability"


@pytest.mark.slow
def test_named_classes_and_a_threshold_are_those_of_the_model(tmp_path: Path) -> None:
    words = np.array(["no", "yes"])[(np.arange(400) // 2 % 4 == 0).astype(int)]
    spec = question(
        tmp_path,
        Baseline(kind="constant"),
        data=table(tmp_path / "t.parquet", label=words),
        positive="yes",
    )
    model = msgspec.structs.replace(spec.model, classes=("yes", "no"), threshold=0.2)
    record = bench.run(msgspec.structs.replace(spec, model=model))
    constant_one = the(record, "constant")
    np.testing.assert_allclose(constant_one.arrays["score"][0], [0.25, 0.75])
    assert (constant_one.arrays["y_pred"] == 0).all()


@pytest.mark.slow
def test_a_baseline_that_fails_leaves_the_record_of_the_model(tmp_path: Path) -> None:
    broken = save_model(
        tmp_path / "broken.onnx",
        [node("Softmax", "x", "z"), node("Reshape", "z s", "y")],
        [port("x")],
        [port("y", ("batch", 2))],
        [constant("s", [7, -1], np.int64)],
    )
    spec = question(tmp_path, file(broken, output_kind="probability"), Baseline(kind="constant"))
    record = frugalbench.run(spec)
    assert record.failure is None
    assert record.run is not None
    failed, constant_one = record.baselines
    assert failed.failure is not None
    assert failed.run is None
    assert failed.model is not None
    assert record.baseline("broken") is None
    assert not any(name.startswith("baseline:broken:") for name in record.arrays)
    assert constant_one.failure is None
    assert store.load(store.save(record, tmp_path / "results")) == record


@pytest.mark.slow
def test_a_baseline_answers_the_rows_that_the_model_answered(tmp_path: Path) -> None:
    prepared = jobs.prepare(question(tmp_path, Baseline(kind="linear")))
    found = beside.contenders(prepared, tmp_path)
    chosen = np.array([3, 5, 8], np.int64)
    record = bench.run(question(tmp_path))
    assert record.data is not None
    few = msgspec.structs.replace(
        record,
        data=msgspec.structs.replace(record.data, rows=3),
        arrays={n: a[chosen] if len(a) == 200 else a for n, a in record.arrays.items()},
    )

    def measure(one: beside.Contender, ready: jobs.Prepared) -> Any:
        assert ready.job.rows == len(ready.feed["x"]) == 3
        return bench.measure(ready.job, ready.feed, lambda stage, share: None)

    joined = beside.with_baselines(few, found, chosen, measure)
    assert the(joined, "linear").arrays["y_pred"].size == 3


@pytest.mark.slow
def test_a_baseline_that_answers_fewer_rows_is_no_comparison(tmp_path: Path) -> None:
    spec = question(tmp_path, Baseline(kind="linear"))
    prepared = jobs.prepare(spec)
    found = beside.contenders(prepared, tmp_path)

    def measure(one: beside.Contender, ready: jobs.Prepared) -> Any:
        run, arrays = bench.measure(ready.job, ready.feed, lambda stage, share: None)
        chosen = np.arange(50)
        return run, {**arrays, "output": arrays["output"][chosen], "chosen": chosen}

    joined = beside.with_baselines(bench.run(question(tmp_path)), found, None, measure)
    (compared,) = joined.baselines
    assert isinstance(compared, Compared)
    assert compared.failure == Failure(
        kind="time_limit",
        detail="it answered 50 of the model's 200 rows in the time there was; raise "
        "plan.max_seconds",
    )


def test_what_cannot_be_compared_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    three = linear(tmp_path / "three.onnx", weight=np.zeros((3, 3)))
    assert "3 scores a row" in refused(question(tmp_path, file(three)), fresh(tmp_path))
    turned = linear(tmp_path / "turned.onnx", metadata={"classes": "[1, 0]"})
    said = refused(question(tmp_path, file(turned)), fresh(tmp_path))
    assert said == (
        "baseline turned answers [1, 0] and the model [0, 1]: compare models that answer the same "
        "classes in the same order"
    )
    absent = refused(question(tmp_path, file(tmp_path / "no.onnx")), fresh(tmp_path))
    assert absent.startswith("baseline no.onnx: there is no model file")
    assert "needs its file" in refused(question(tmp_path, Baseline(kind="model")), fresh(tmp_path))


def fresh(tmp_path: Path) -> Path:
    folder = tmp_path / f"fitted{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("one", CHEAP)
def test_without_training_rows_nothing_is_fitted(tmp_path: Path, one: Baseline) -> None:
    said = refused(question(tmp_path, one, train_split=None), tmp_path)
    assert f"the {one.kind} baseline is fitted to labelled training rows" in said
    assert "data.train_split=…" in said
    bare = msgspec.structs.replace(question(tmp_path, one), data=None)
    assert "data.train_split=…" in refused(bare, fresh(tmp_path))


def test_without_data_a_model_is_still_timed(tmp_path: Path) -> None:
    other = linear(tmp_path / "other.onnx")
    spec = msgspec.structs.replace(question(tmp_path, file(other)), data=None)
    record = bench.run(spec)
    assert the(record, "other").latency_ns.size > 0


def test_baselines_are_named_on_the_command_line() -> None:
    words = ("model=nhanes-mlp", "data=nhanes", "baselines=[constant,linear,nhanes-logreg]")
    spec = load_spec(*words)
    assert [one.kind for one in spec.baselines] == ["constant", "linear", "model"]
    assert load_spec(*words[:2], "baselines=linear").baselines == (Baseline(kind="linear"),)


@pytest.mark.slow
def test_shipped_models_are_compared_with_each_other(tmp_path: Path) -> None:
    spec = load_spec(
        *("model=nhanes-mlp", "data=nhanes", "target.meters=fake", "plan.processes=1"),
        *("plan.process_seconds=0.5", "baselines=[constant,linear,tree,nhanes-logreg]"),
    )
    record = frugalbench.run(spec)
    assert [one.failure for one in record.baselines] == [None] * 4
    y = record.arrays["y_true"]
    fitted, shipped = (the(record, n).arrays["y_pred"] for n in ("linear", "nhanes-logreg"))
    assert (fitted == shipped).mean() > 0.9
    assert (the(record, "constant").arrays["y_pred"] == y).mean() == max(y.mean(), 1 - y.mean())


def outcomes(record: Record, at_least: float, metric: str = "necessity.gain") -> dict[str, str]:
    rule = Rule(id="need", metric=metric, unit="1", at_least=at_least)
    verdict = judge(record, Policy(name="p", version="1", rules=(rule,)))
    return {one.address: f"{one.outcome}: {one.explanation}" for one in verdict.findings}


@pytest.mark.slow
def test_a_model_no_better_than_a_line_is_not_needed(tmp_path: Path) -> None:
    record = bench.run(
        question(tmp_path, *CHEAP[:2], data=table(tmp_path / "t.parquet", rows=2000))
    )
    found = outcomes(record, 0.01)
    assert found["necessity.gain[constant]"].startswith("PASS")
    line = found["necessity.gain[linear]"]
    assert not line.startswith("PASS")
    assert "linear does the job as far as can be told: " in line


@pytest.mark.slow
def test_a_model_that_sees_what_no_line_can_is_needed(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(2000, 3)).astype(np.float32)
    label = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    names = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]}
    data = table(tmp_path / "t.parquet", rows=2000, label=label, **names)
    product = save_model(
        tmp_path / "product.onnx",
        [
            node("Gather", "x first", "a", axis=1),
            node("Gather", "x second", "b", axis=1),
            node("Mul", "a b", "p"),
            node("MatMul", "p w", "z"),
            node("Softmax", "z", "y"),
        ],
        [port("x")],
        [port("y", ("batch", 2))],
        [
            constant("first", [0], np.int64),
            constant("second", [1], np.int64),
            constant("w", [[-9.0, 9.0]]),
        ],
    )
    spec = question(tmp_path, Baseline(kind="constant"), Baseline(kind="linear"), data=data)
    model = Model(path=str(product), classes=(0, 1))
    record = bench.run(msgspec.structs.replace(spec, model=model))
    for metric in ("necessity.gain", "necessity.balanced_gain"):
        found = outcomes(record, 0.3, metric)
        assert len(found) == 2
        assert all(one.startswith("PASS") for one in found.values()), found


@pytest.mark.parametrize("word", ["baselines=3", "baselines=[3]", "baselines=[[linear]]"])
def test_what_is_no_baseline_is_refused_in_one_line(word: str) -> None:
    with pytest.raises(UsageError, match="baselines"):
        load_spec("model=nhanes-mlp", "data=nhanes", word)
