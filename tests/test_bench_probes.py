"""Extra passes over the rows: what they find, what they cannot do, and that they end in time."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _build import change, missing, value
from _faulty import slow
from _onnx import constant, linear, node, port, save_model
from _records import make_record
from onnx import TensorProto

from frugalbench import bench, runners, store, worker
from frugalbench.bench import _probe_plan
from frugalbench.bench._probe_ask import Asker
from frugalbench.config import load_spec
from frugalbench.errors import UsageError
from frugalbench.jobs import Job, prepare
from frugalbench.metrics import measure_all
from frugalbench.probes import Whole
from frugalbench.record import Answer, Record
from frugalbench.runners import Bound, Feed, Outputs
from frugalbench.spec import Data, Model, Perturbation, Plan, Probes, Spec, Target

QUICK = Plan(
    processes=1, process_seconds=0.05, warmup_seconds=0.02, idle_seconds=0.0, windows=2,
    limit_seconds=30,
)  # fmt: skip
TARGET = Target(meters=("fake",))
NAMES = "used,ignored,spare"
ONE = ((0.0, 4.0), (0.0, 0.0), (0.0, 0.0))
"""A model that looks at its first column only."""


def perturb(kind: str, *severities: float, inputs: tuple[str, ...] = ()) -> Perturbation:
    return Perturbation(kind=kind, severities=severities, inputs=inputs)


def table(path: Path, rows: int = 120, *, seed: int = 0, **columns: Any) -> Path:
    """Rows whose label says whether the first column is above nought."""
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    head = f"{NAMES},y" + "".join(f",{name}" for name in columns)
    lines = [head]
    for place, row in enumerate(x):
        rest = "".join(f",{values[place % len(values)]}" for values in columns.values())
        lines.append(",".join(f"{one:.6f}" for one in row) + f",{int(row[0] > 0)}{rest}")
    path.write_text("\n".join(lines) + "\n")
    return path


def spec_of(model: Path, data: Path, probes: Probes, plan: Plan = QUICK, **fields: Any) -> Spec:
    return Spec(
        model=Model(path=str(model), classes=fields.pop("classes", (0, 1))),
        data=Data(path=str(data), label="y", **fields),
        plan=plan,
        target=TARGET,
        probes=probes,
    )


def probed(tmp_path: Path, *kinds: Perturbation, rows: int = 120, **fields: Any) -> Record:
    """A linear model that is always right, on its rows, disturbed."""
    model = fields.pop("model", None) or linear(tmp_path / "m.onnx", weight=ONE)
    data = fields.pop("data", None) or table(tmp_path / "d.csv", rows)
    own = {name: fields.pop(name) for name in ("groups", "features", "classes") if name in fields}
    own.setdefault("features", ("used", "ignored", "spare"))
    plan = fields.pop("plan", QUICK)
    asked = Probes(perturb=kinds, reproduce=fields.pop("reproduce", False), **fields)
    return bench.run(spec_of(model, data, asked, plan, **own))


def reasons(record: Record) -> list[str]:
    assert record.probed is not None
    return [one.reason for one in record.probed.passes]


# What is found


def test_every_pass_is_in_the_record_with_its_rows_seed_and_answers(tmp_path: Path) -> None:
    record = probed(
        tmp_path, perturb("gaussian_noise", 0.0, 2.0), perturb("feature_shuffle", 1.0), rows=90
    )
    made = record.probed
    assert made is not None
    assert [(one.kind, one.severity, one.reason) for one in made.passes] == [
        ("gaussian_noise", 0.0, ""),
        ("gaussian_noise", 2.0, ""),
        ("feature_shuffle", 1.0, ""),
    ]
    assert len({one.seed for one in made.passes}) == 3
    assert {one.inputs for one in made.passes} == {("x",)}
    rows = record.arrays["probe:rows"]
    np.testing.assert_array_equal(rows, np.arange(90))
    np.testing.assert_array_equal(record.arrays["probe:0:y_pred"], record.arrays["y_pred"])
    assert (record.arrays["probe:1:y_pred"] != record.arrays["y_pred"]).any()
    # It fits the format: it is stored and read back the same.
    assert store.load(store.save(record, tmp_path / "results")) == record


def test_the_same_seed_probes_alike(tmp_path: Path) -> None:
    one, other = (
        probed(tmp_path, perturb("gaussian_noise", 1.0), rows=60, plan=change(QUICK, seed=3))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.arrays["probe:0:y_pred"], other.arrays["probe:0:y_pred"])


def test_at_most_as_many_rows_as_asked_are_probed(tmp_path: Path) -> None:
    kinds = perturb("gaussian_noise", 0.5)
    record = bench.run(
        spec_of(
            linear(tmp_path / "m.onnx", weight=ONE),
            table(tmp_path / "d.csv", 200),
            Probes(perturb=(kinds,), rows=37, reproduce=False),
            features=("used", "ignored", "spare"),
        )
    )
    rows = record.arrays["probe:rows"]
    assert rows.size == 37
    assert (np.diff(rows) > 0).all()
    assert value("robustness.accuracy", record, probe="gaussian_noise:0.5").n == 37
    assert record.probed is not None
    assert record.probed.notes == ()


def test_a_search_flips_what_its_ball_reaches_and_nothing_else(tmp_path: Path) -> None:
    record = probed(tmp_path, perturb("square_attack", 0.2, 1.0), queries=60, rows=150)
    x = np.loadtxt(tmp_path / "d.csv", delimiter=",", skiprows=1)[:, 0]
    spread = x.astype(np.float32).std()
    right = record.arrays["y_true"] == record.arrays["y_pred"]
    assert right.all()
    for number, radius in enumerate((0.2, 1.0)):
        reached = np.abs(x) < radius * spread
        fooled = record.arrays[f"probe:{number}:y_pred"] != record.arrays["y_true"]
        # On the edge it may fall either way.
        sure = np.abs(np.abs(x) - radius * spread) > 1e-3
        np.testing.assert_array_equal(fooled[sure], reached[sure])
    assert record.probed is not None
    assert record.probed.passes[1].queries == 60


@pytest.mark.parametrize("severity", [0.1, 0.3])
def test_a_search_finds_nearly_all_that_a_linear_model_can_lose(severity: float) -> None:
    """Of a logistic regression the worst point of the ball is known: no search passes it."""
    ends = Probes(perturb=(perturb("square_attack", severity),), queries=200, reproduce=False)
    spec = load_spec("model=german-logreg", "target.meters=[fake]")
    spec = change(spec, probes=ends, plan=QUICK)
    record = bench.run(spec)
    ready = prepare(spec)
    ((name, feed),) = ready.feed.items()
    whole, session = Whole(feed), runners.open_session(spec.model, spec.target)
    positive = ready.data.positive if ready.data else None
    assert positive is not None
    assert ready.job.answer is not None
    output = ready.job.answer.output

    def logit(rows: Any) -> Any:
        outputs = session.predict({name: rows.astype(np.float32)}, (output,))
        score = np.log(outputs[output].astype(np.float64))
        return score[:, positive] - score[:, 1 - positive]

    middle = np.median(feed, axis=0)[None].astype(np.float64)
    steps = np.maximum(whole.spread, 1e-6)
    slope = (logit(middle + np.diag(steps)) - logit(middle)) / steps
    rows = record.arrays["probe:rows"]
    is_positive = (record.arrays["y_true"][rows] == positive)[:, None]
    radius = severity * whole.spread
    radius = np.where(whole.is_coded, np.floor(radius), radius)
    push = np.where(is_positive, -1, 1) * np.sign(slope) * radius
    worst = np.clip(feed[rows] + push, whole.low, whole.high)
    right = record.arrays["y_pred"][rows] == record.arrays["y_true"][rows]
    bound = np.log(spec.model.threshold / (1 - spec.model.threshold))
    held = right & ((logit(worst) >= bound) == is_positive[:, 0])
    found = record.arrays["probe:0:y_pred"] == record.arrays["y_true"][rows]
    assert held.mean() - 0.002 <= found.mean() <= held.mean() + 0.015
    assert held.mean() < right.mean()


def test_a_model_no_search_can_flip_keeps_all_of_its_accuracy(tmp_path: Path) -> None:
    """An attack that never succeeds is the best result, not the worst one."""
    steady = linear(tmp_path / "m.onnx", weight=((0.0, 0.0),) * 3)
    lines = (f"{i},0,{i % 7},1" for i in range(60))
    data = tmp_path / "d.csv"
    data.write_text(f"{NAMES},y\n" + "\n".join(lines) + "\n")
    record = probed(tmp_path, perturb("square_attack", 1.0), model=steady, data=data, queries=10)
    kept = value("robustness.accuracy_retained", record, probe="square_attack:1")
    assert kept.estimate == 1
    assert 0.8 < kept.low < 1


def test_a_model_of_labels_only_is_searched_too(tmp_path: Path) -> None:
    labels = linear(tmp_path / "m.onnx", "ArgMax", ONE, out=("batch",), axis=1, keepdims=0)
    record = probed(tmp_path, perturb("square_attack", 1.0), model=labels, queries=60)
    assert value("robustness.accuracy", record, probe="square_attack:1").estimate < 0.7


@pytest.mark.parametrize("positive", [1, None])
@pytest.mark.parametrize("threshold", [0.5, 0.9])
def test_a_margin_sees_past_a_probability_that_has_come_to_one(
    positive: int | None, threshold: float
) -> None:
    data = change(make_record().data, classes=(0, 1), positive=positive)
    spec = Spec(model=Model(path="m", threshold=threshold if positive else 0.5))
    job = Job(
        spec=spec, ports=(), rows=3, batch=1, inputs="data", data=data,
        answer=Answer(output="y", kind="probability", how="by hand"),
    )  # fmt: skip
    asker = Asker(job, Nobody(), np.array([1, 1, 1, 1, 0]), 1, lambda stage, share: None)
    score = np.array([[1e-20, 1.0], [1e-10, 1.0], [0.3, 0.7], [np.nan, 1.0], [1.0, 1e-30]])
    margins, answers = asker.margins({"output": score}, np.arange(5))
    assert margins[0] > margins[1] > 1 > margins[2]
    assert margins[4] > margins[0]
    # It says what the answer says, whatever the threshold.
    assert answers.tolist() == [1, 1, int(spec.model.threshold <= 0.7), -1, 0]
    assert (margins[:3] > 0).tolist() == (answers[:3] == 1).tolist()
    assert not margins[3] > 0


class Nobody:
    """A session that is never asked."""

    bound, provider = False, "test"

    def predict(self, feed: Feed, outputs: tuple[str, ...]) -> Outputs:
        raise NotImplementedError

    def bind(self, feed: Feed) -> Bound:
        raise NotImplementedError


@pytest.mark.slow
def test_images_and_sounds_are_disturbed_from_a_file_of_arrays(tmp_path: Path) -> None:
    """The mean of an image over a bound, and the loudness of a sound."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 60)
    bright = rng.random((60, 3, 12, 12)).astype(np.float32) / 2 + y[:, None, None, None] / 2
    loud = (0.1 + 0.8 * y[:, None]) * np.sin(np.arange(300) / 5)[None]
    np.savez(tmp_path / "image.npz", x=bright.astype(np.float32), y=y)
    np.savez(tmp_path / "sound.npz", x=loud.astype(np.float32), y=y)
    weights = [constant("half", [[0.5]]), constant("steep", [[100.0]])]
    after = [
        node("Sub", "level half", "over"),
        node("Mul", "over steep", "z"),
        node("Sigmoid", "z", "y"),
    ]
    image = save_model(
        tmp_path / "image.onnx",
        [node("ReduceMean", "x", "mean", axes=[1, 2, 3], keepdims=0),
         node("Unsqueeze", "mean one", "level"), *after],
        [port("x", ("batch", 3, 12, 12))], [port("y", ("batch", 1))],
        [*weights, constant("one", [1], np.int64)],
    )  # fmt: skip
    sound = save_model(
        tmp_path / "sound.onnx",
        [node("ReduceMax", "x", "level", axes=[1], keepdims=1), *after],
        [port("x", ("batch", 300))], [port("y", ("batch", 1))], weights,
    )  # fmt: skip
    kinds = ("brightness", "contrast", "blur", "jpeg", "gaussian_noise", "square_attack")
    seen = probed(
        tmp_path, *map(perturb, kinds), perturb("brightness", 1.0), model=image,
        data=tmp_path / "image.npz", features=(), queries=5,
    )  # fmt: skip
    assert set(reasons(seen)) == {""}
    assert value("robustness.accuracy", seen, probe="blur:1").estimate > 0.9
    # All white: every image is bright.
    assert value("robustness.accuracy", seen, probe="brightness:1").estimate == y.mean()
    heard = probed(
        tmp_path, perturb("audio_noise"), perturb("gain", -12.0, 0.0), model=sound,
        data=tmp_path / "sound.npz", features=(),
    )  # fmt: skip
    assert set(reasons(heard)) == {""}
    assert value("robustness.accuracy", heard, probe="gain:0").estimate == 1
    assert value("robustness.accuracy", heard, probe="gain:-12").estimate == 1 - y.mean()


def test_what_the_model_ignores_has_no_importance(tmp_path: Path) -> None:
    record = probed(tmp_path, shuffles=3, rows=200)
    assert record.probed is not None
    assert record.probed.features == ("used", "ignored", "spare")
    assert record.probed.shuffles == 3
    assert value("explanation.importance", record, feature="used").low > 0.35
    for feature in ("ignored", "spare"):
        found = value("explanation.importance", record, feature=feature)
        assert found.estimate == 0
        assert found.low < 0 < found.high < 0.05


def test_scalar_inputs_are_features_by_their_names(tmp_path: Path) -> None:
    shape = ("batch", 1)
    nodes = [
        node("Add", "used ignored0", "z"),
        node("Mul", "ignored zero", "ignored0"),
        node("Sigmoid", "z", "y"),
    ]
    model = save_model(
        tmp_path / "m.onnx",
        [nodes[1], nodes[0], nodes[2]],
        [port("used", shape), port("ignored", shape)],
        [port("y", shape)],
        [constant("zero", [[0.0]])],
    )
    kinds = (perturb("feature_shuffle", 1.0), perturb("gaussian_noise", 1.0, inputs=("ignored",)))
    record = probed(tmp_path, *kinds, model=model, shuffles=2, features=())
    assert record.probed is not None
    assert record.probed.features == ("used", "ignored")
    assert value("explanation.importance", record, feature="used").low > 0.3
    assert value("explanation.importance", record, feature="ignored").estimate == 0
    assert record.probed.passes[1].inputs == ("ignored",)
    assert value("robustness.accuracy", record, probe="gaussian_noise:1").estimate == 1
    assert value("robustness.accuracy", record, probe="feature_shuffle:1").estimate < 0.8


def test_a_planted_fragile_group_is_seen(tmp_path: Path) -> None:
    """One group sits next to the boundary, where a little noise decides."""
    rng = np.random.default_rng(1)
    lines = [f"{NAMES},y,where"]
    for place in range(400):
        near = place % 2
        x = rng.choice([-1, 1]) * (0.05 if near else 5.0)
        lines.append(f"{x},0,0,{int(x > 0)},{'near' if near else 'far'}")
    data = tmp_path / "d.csv"
    data.write_text("\n".join(lines) + "\n")
    record = probed(
        tmp_path, perturb("gaussian_noise", 0.0, 0.3), data=data, rows=400, groups=("where",)
    )
    calm, shaken = (
        value("robustness.accuracy_group_min", record, attribute="where", probe=probe)
        for probe in ("gaussian_noise:0", "gaussian_noise:0.3")
    )
    assert calm.estimate == 1
    assert shaken.high < 0.7
    assert "near" in shaken.note
    assert value("robustness.accuracy", record, probe="gaussian_noise:0.3").low > shaken.high


def test_a_regression_has_an_error_that_grows(tmp_path: Path) -> None:
    lines = [f"{one},0,0,{one}" for one in range(80)]
    data = tmp_path / "d.csv"
    data.write_text(f"{NAMES},y\n" + "\n".join(lines) + "\n")
    nodes = [node("MatMul", "x w", "y")]
    model = save_model(
        tmp_path / "m.onnx", nodes, [port("x", ("batch", 3))], [port("y", ("batch", 1))],
        [constant("w", [[1.0], [0.0], [0.0]])],
    )  # fmt: skip
    asked = Probes(
        perturb=(perturb("gaussian_noise", 0.0, 1.0), perturb("square_attack", 0.5)),
        shuffles=1,
        queries=20,
    )
    spec = spec_of(model, data, asked, features=("used", "ignored", "spare"), classes=())
    spec = change(spec, model=change(spec.model, output_kind="value"))
    record = bench.run(spec)
    still = missing("robustness.error_increase", record, probe="gaussian_noise:0")
    assert still.reason == "same_error"
    assert np.array_equal(record.arrays["probe:0:value"], record.arrays["value"])
    assert value("robustness.error_increase", record, probe="gaussian_noise:1").low > 5
    # Whole numbers move by whole numbers: the largest that fits the ball of half a spread.
    grown = np.abs(record.arrays["probe:2:value"] - record.arrays["value"])
    assert grown.max() <= np.floor(0.5 * np.arange(80).std())
    assert grown.mean() > 9
    attacked = missing("robustness.error_increase", record, probe="square_attack:0.5")
    assert (attacked.reason, np.ptp(grown)) == ("same_error", 0)
    assert value("explanation.importance", record, feature="used").low > 0.5
    unused = missing("explanation.importance", record, feature="ignored")
    assert unused.reason == "same_error"
    assert missing("robustness.accuracy", record, probe="gaussian_noise:1")
    assert missing("reproducibility.flips_again", record).reason == "not_classification"
    assert value("reproducibility.beyond_again", record).estimate == 0


# Once more, the same


def test_a_model_that_is_a_function_answers_alike(tmp_path: Path) -> None:
    record = probed(tmp_path, reproduce=True)
    assert record.probed is not None
    assert [one.how for one in record.probed.repeats] == ["again", "batch", "threads"]
    assert "batches of 1, before of" in record.probed.repeats[1].setting
    assert record.probed.repeats[2].setting == "threads 2, before 1"
    for how in ("again", "batch", "threads"):
        flips = value(f"reproducibility.flips_{how}", record)
        assert flips.estimate == 0
        assert 0 < flips.high < 0.1
        assert value(f"reproducibility.beyond_{how}", record).estimate == 0
        assert value(f"reproducibility.difference_{how}", record).estimate < 1e-6


def noisy(path: Path, scale: float) -> Path:
    """A model that adds a fresh random number to every score."""
    nodes = [
        node("MatMul", "x w", "z"),
        node("RandomNormalLike", "z", "noise", scale=scale),
        node("Add", "z noise", "sum"),
        node("Softmax", "sum", "y"),
    ]
    return save_model(path, nodes, [port("x")], [port("y", ("batch", 2))], [constant("w", ONE)])


def test_a_model_that_draws_at_random_is_found_out(tmp_path: Path) -> None:
    record = probed(tmp_path, model=noisy(tmp_path / "m.onnx", 5.0), reproduce=True, rows=300)
    assert value("reproducibility.flips_again", record).low > 0.05
    assert value("reproducibility.beyond_again", record).low > 0.9
    assert value("reproducibility.difference_again", record).estimate > 0.1


def test_a_fixed_batch_is_not_asked_in_another_one(tmp_path: Path) -> None:
    model = linear(tmp_path / "m.onnx", weight=ONE, shape=(4, 3))
    record = probed(tmp_path, perturb("gaussian_noise", 0.0), model=model, reproduce=True, rows=50)
    assert record.probed is not None
    assert [one.how for one in record.probed.repeats] == ["again", "threads"]
    assert missing("reproducibility.flips_batch", record).reason == "not_repeated"
    np.testing.assert_array_equal(record.arrays["probe:0:y_pred"], record.arrays["y_pred"])


# What cannot be done


def test_a_probe_that_does_not_fit_leaves_its_reason(tmp_path: Path) -> None:
    record = probed(
        tmp_path, perturb("blur", 1.0), perturb("typos", 0.1), perturb("gaussian_noise", 0.1)
    )
    no_image, no_text, fine = reasons(record)
    assert "no batch of images" in no_image
    assert "'x'" in no_text
    assert fine == ""
    gone = missing("robustness.accuracy_retained", record, probe="blur:1")
    assert (gone.reason, gone.detail) == ("not_probed", no_image)
    # What was not tried is no proof that the model held.
    assert missing("robustness.accuracy_retained_min", record).reason == "not_probed"


def test_a_model_that_refuses_a_disturbed_input_keeps_its_record(tmp_path: Path) -> None:
    """An empty value becomes an index far out of the table, which the runtime refuses."""
    nodes = [
        node("IsNaN", "x", "empty"),
        node("Cast", "empty", "place", to=TensorProto.INT64),
        node("Gather", "one place", "w", axis=0),
        node("Mul", "x w", "kept"),
        node("MatMul", "kept m", "z"),
        node("Softmax", "z", "y"),
    ]
    weights = [constant("one", [1.0]), constant("m", ONE)]
    model = save_model(tmp_path / "m.onnx", nodes, [port("x")], [port("y", ("batch", 2))], weights)
    record = probed(
        tmp_path, perturb("missing_values", 0.3), perturb("gaussian_noise", 0.1), model=model
    )
    broken, fine = reasons(record)
    assert "cannot run" in broken
    assert fine == ""
    assert "probe:0:y_pred" not in record.arrays
    assert value("quality.accuracy", record).estimate == 1


def test_probes_without_labels_or_with_a_wrong_name_are_refused(tmp_path: Path) -> None:
    model, data = linear(tmp_path / "m.onnx", weight=ONE), table(tmp_path / "d.csv")
    noise = Probes(perturb=(perturb("gaussian_noise"),))
    with pytest.raises(UsageError, match="labelled rows"):
        bench.run(Spec(model=Model(path=str(model)), probes=noise, plan=QUICK, target=TARGET))
    for kind, words in (
        (perturb("gausian_noise"), "did you mean 'gaussian_noise'"),
        (perturb("gaussian_noise", inputs=("z",)), "no input 'z'"),
    ):
        with pytest.raises(UsageError, match=words):
            worker.run(spec_of(model, data, Probes(perturb=(kind,))))


@pytest.mark.parametrize("rows", [1, 2])
def test_a_row_or_two_can_be_probed(tmp_path: Path, rows: int) -> None:
    record = probed(
        tmp_path, *map(perturb, ("gaussian_noise", "missing_values", "square_attack")),
        rows=rows, shuffles=1, reproduce=True,
    )  # fmt: skip
    assert record.probed is not None
    assert record.probed.rows == rows
    assert set(reasons(record)) == {""}
    for _, _, one in measure_all(record):
        assert one


def test_constant_columns_and_empty_values_are_no_trouble(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    rows = (f"{'' if i % 5 == 0 else i % 3},7,{i % 2 * 2 - 1},{i % 2}" for i in range(50))
    data.write_text(f"{NAMES},y\n" + "\n".join(rows) + "\n")
    nodes = [
        node("IsNaN", "x", "empty"),
        node("Where", "empty zero x", "filled"),
        node("MatMul", "filled w", "z"),
        node("Softmax", "z", "y"),
    ]
    weights = [constant("zero", 0.0), constant("w", ((0.0, 0.0), (0.0, 0.0), (-2.0, 2.0)))]
    model = save_model(tmp_path / "m.onnx", nodes, [port("x")], [port("y", ("batch", 2))], weights)
    kinds = [perturb(kind) for kind in ("gaussian_noise", "missing_values", "square_attack")]
    record = probed(tmp_path, *kinds, model=model, data=data, shuffles=2, queries=10)
    assert set(reasons(record)) == {""}
    assert value("robustness.accuracy", record, probe="missing_values:0.05").estimate > 0.7


def test_texts_are_mistyped(tmp_path: Path) -> None:
    """A model that knows two words by heart."""
    nodes = [
        node(
            "LabelEncoder", "word", "code", domain="ai.onnx.ml",
            keys_strings=["good", "poor"], values_int64s=[1, 0], default_int64=0,
        ),
        node("Identity", "code", "y"),
    ]  # fmt: skip
    model = save_model(
        tmp_path / "m.onnx",
        nodes,
        [port("word", ("batch",), TensorProto.STRING)],
        [port("y", ("batch",), TensorProto.INT64)],
    )
    data = tmp_path / "d.csv"
    data.write_text("word,y\n" + "good,1\npoor,0\n" * 40)
    asked = Probes(perturb=(perturb("typos", 0.5), perturb("gaussian_noise", 0.5)), shuffles=1)
    spec = spec_of(model, data, asked)
    spec = change(spec, model=change(spec.model, output="y", output_kind="label"))
    record = worker.run(spec)
    assert record.failure is None
    typed, noise = reasons(record)
    assert (typed, "text" in noise) == ("", True)
    under = value("robustness.accuracy", record, probe="typos:0.5")
    assert 0.4 < under.estimate < 0.8
    assert value("explanation.importance", record, feature="word").estimate > 0.3


# In time


@pytest.mark.slow
def test_a_slow_model_is_probed_on_fewer_rows_and_in_time(tmp_path: Path) -> None:
    model = slow(tmp_path / "m.onnx", 5000)
    rng = np.random.default_rng(0)
    lines = [f"{one:.3f},{other:.3f},0" for one, other in rng.normal(size=(3000, 2))]
    data = tmp_path / "d.csv"
    data.write_text("a,b,y\n" + "\n".join(lines) + "\n")
    plan = change(QUICK, max_seconds=6.0, process_seconds=0.2)
    asked = Probes(perturb=(perturb("gaussian_noise", 0.1), perturb("square_attack", 0.1)))
    spec = spec_of(model, data, asked, plan, features=("a", "b"))
    spec = change(spec, model=change(spec.model, output="y", output_kind="logit"))
    begun = time.monotonic()
    record = bench.run(spec)
    assert time.monotonic() - begun < 7.5
    made = record.probed
    assert made is not None
    assert 1 <= made.rows < 2000
    assert made.passes[0].reason == ""
    assert record.data is not None
    # Not every row was answered: the places are those of the rows that were.
    assert record.arrays["probe:rows"].max() < record.data.rows


def test_no_time_at_all_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_probe_plan, "SHARE", 0.0)
    record = probed(tmp_path, perturb("gaussian_noise", 0.1), shuffles=1, reproduce=True)
    assert record.probed is not None
    assert record.probed.rows == 0
    assert "probes.seconds" in reasons(record)[0]
    assert missing("robustness.accuracy", record, probe="gaussian_noise:0.1").reason == "not_probed"
    assert missing("reproducibility.flips_again", record).reason == "not_repeated"
    assert store.load(store.save(record, tmp_path / "results")) == record


# In a process of its own


ENDS = {
    "crash": ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    "hang": ("time.sleep(1000)", "plan.limit_seconds"),
    "error": ("1 / 0", "ZeroDivisionError"),
    "memory": ("sys.modules['numpy'].ones(10**14)", ""),
}


def test_a_worker_makes_the_passes(tmp_path: Path) -> None:
    model, data = linear(tmp_path / "m.onnx", weight=ONE), table(tmp_path / "d.csv")
    asked = Probes(perturb=(perturb("gaussian_noise", 0.1),), shuffles=1)
    spec = spec_of(model, data, asked, features=("used", "ignored", "spare"))
    stages: list[str] = []
    record = worker.run(spec, lambda stage, share: stages.append(stage))
    assert "probe" in stages
    assert stages.index("probe") > stages.index("time")
    assert reasons(record) == [""]
    assert record.arrays["importance"].shape == (3, 120)
    assert record.run is not None
    assert not any("extra passes" in note for note in record.run.notes)


@pytest.mark.parametrize("end", ENDS)
def test_what_was_measured_outlives_the_end_of_the_worker_in_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    what, words = ENDS[end]
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys, time\n"
        "if 'frugalbench.worker' in ' '.join(sys.orig_argv):\n"
        "    import frugalbench.probes.gaussian_noise as probe\n"
        f"    probe.disturb = lambda *a: {what}\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(__file__).parent.parent}")
    model, data = linear(tmp_path / "m.onnx", weight=ONE), table(tmp_path / "d.csv")
    asked = Probes(perturb=(perturb("gaussian_noise", 0.1),))
    record = worker.run(
        spec_of(
            model, data, asked, change(QUICK, limit_seconds=1.5),
            features=("used", "ignored", "spare"),
        )
    )  # fmt: skip
    assert record.failure is None
    assert record.run is not None
    assert value("quality.accuracy", record).estimate == 1
    gone = missing("robustness.accuracy_retained_min", record)
    assert gone.reason == "not_probed"
    assert store.load(store.save(record, tmp_path / "results")) == record
    if end == "memory":
        assert "allocate" in reasons(record)[0]
        return
    assert reasons(record) == ["the model did not come back from the extra passes"]
    assert any(words in note for note in record.run.notes)
