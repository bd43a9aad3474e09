"""Fitted baselines answer as scikit-learn does, row by row, from the inputs of another model."""

import builtins
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from frugalbench import baselines
from frugalbench.baselines import ANSWER, Rows
from frugalbench.errors import UsageError
from frugalbench.record import Port

Array = npt.NDArray[Any]
KINDS = ("constant", "linear", "tree")
ROWS = 400


def data(columns: int = 4, *, rows: int = ROWS, seed: int = 1) -> tuple[Array, Array]:
    """Features of very different scales, and the score that the labels are made from."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns)) * 10.0 ** np.arange(columns) + 5
    score = x[:, 0] + 0.1 * x[:, 1] + rng.normal(0, 0.5, rows)
    return x.astype(np.float32), score


def answers(made: bytes, feed: dict[str, Array]) -> Array:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    (found,) = session.run([ANSWER], feed)
    return np.asarray(found)


def rows_of(x: Array, labels: Array, classes: tuple[Any, ...] = (0, 1), **more: Any) -> Rows:
    port = Port(name="x", dtype="float", shape=("batch", x.shape[1]))
    return Rows((port,), {"x": x}, labels, classes, **more)


def pipeline(model: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), model)


def reference(kind: str, x: Array, y: Array, *, regression: bool = False) -> Array:
    """What scikit-learn answers on the training rows themselves."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    x = x.astype(np.float32).astype(np.float64)
    if regression:
        tree, line = DecisionTreeRegressor, Ridge()
    else:
        tree, line = DecisionTreeClassifier, LogisticRegression(max_iter=500)
    model = pipeline(line) if kind == "linear" else tree(max_depth=5, random_state=0)
    model.fit(x, y)
    return np.asarray(model.predict(x) if regression else model.predict_proba(x))


@pytest.mark.parametrize("kind", ["linear", "tree"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("empty", [False, True])
def test_probabilities_are_those_of_scikit_learn(kind: str, classes: int, empty: bool) -> None:
    x, score = data()
    y = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    if empty:
        x[np.random.default_rng(2).random(x.shape) < 0.1] = np.nan
    made = baselines.fit(kind, rows_of(x, y, tuple(range(classes)), empty=empty))
    found, wanted = answers(made, {"x": x}), reference(kind, x, y)
    assert found.shape == (ROWS, classes)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert (found.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.99


@pytest.mark.parametrize("kind", ["linear", "tree"])
@pytest.mark.parametrize("empty", [False, True])
def test_numbers_are_those_of_scikit_learn(kind: str, empty: bool) -> None:
    x, score = data()
    if empty:
        x[np.random.default_rng(2).random(x.shape) < 0.1] = np.nan
    found = answers(baselines.fit(kind, rows_of(x, score, ())), {"x": x})
    assert found.shape == (ROWS, 1)
    wanted = reference(kind, x, score, regression=True)
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("regression", [True, False])
def test_small_differences_of_large_numbers_are_kept(regression: bool) -> None:
    x, score = data()
    x = (x + 1e6 * np.array([1, 0, 0, 0])).astype(np.float32)
    y = score if regression else (score > np.median(score)).astype(np.int64)
    found = answers(baselines.fit("linear", rows_of(x, y, () if regression else (0, 1))), {"x": x})
    wanted = reference("linear", x, y, regression=regression)
    np.testing.assert_allclose(found[:, 0] if regression else found, wanted, atol=1e-3)


@pytest.mark.parametrize("kind", ["linear", "tree"])
@pytest.mark.parametrize(
    ("dtype", "name"),
    [(np.float32, "float"), (np.float64, "double"), (np.int64, "int64"), (np.bool_, "bool")],
)
def test_inputs_of_every_type_are_taken_as_they_are(kind: str, dtype: Any, name: str) -> None:
    x, score = data()
    x = (x > 5 if dtype is np.bool_ else x * 10).astype(dtype)
    y = (score > np.median(score)).astype(np.int64)
    port = Port(name="x", dtype=name, shape=(None, 4))
    made = baselines.fit(kind, Rows((port,), {"x": x}, y, (0, 1)))
    np.testing.assert_allclose(answers(made, {"x": x}), reference(kind, x, y), atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_several_inputs_are_joined_and_hostile_names_are_kept(kind: str) -> None:
    x, score = data()
    y = (score > np.median(score)).astype(np.int64)
    ports = (
        Port(name=ANSWER[:-1], dtype="float", shape=("n", 1)),
        Port(name="weight_3", dtype="double", shape=("n",)),
        Port(name="a b/ü", dtype="float", shape=("n", 2, 1)),
    )
    parts = x[:, :1], x[:, 1].astype(np.float64), x[:, 2:, np.newaxis]
    feed = {port.name: part for port, part in zip(ports, parts, strict=True)}
    found = answers(baselines.fit(kind, Rows(ports, feed, y, (0, 1))), feed)
    wanted = np.full((ROWS, 2), 0.5) if kind == "constant" else reference(kind, x, y)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_a_whole_input_is_answered_alone(kind: str) -> None:
    x, score = data()
    y = (score > np.median(score)).astype(np.int64)
    port = Port(name="state", dtype="float", shape=(4,))
    made = baselines.fit(kind, Rows((port,), {"state": x}, y, (0, 1)))
    found = np.vstack([answers(made, {"state": row}) for row in x[:20]])
    wanted = np.full((20, 2), 0.5) if kind == "constant" else reference(kind, x, y)[:20]
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_flattened_and_a_fixed_batch_stays(kind: str) -> None:
    rng = np.random.default_rng(3)
    x = rng.random((40, 3, 4, 4)).astype(np.float32)
    y = (x[:, 0].mean(axis=(1, 2)) > 0.5).astype(np.int64)
    made = baselines.fit(
        kind, Rows((Port(name="x", dtype="float", shape=(8, 3, 4, 4)),), {"x": x}, y, (0, 1))
    )
    found = answers(made, {"x": x[:8]})
    assert found.shape == (8, 2)
    if kind != "constant":
        np.testing.assert_allclose(found, reference(kind, x.reshape(40, -1), y)[:8], atol=2e-5)


def test_the_constant_is_how_common_each_class_is() -> None:
    x, _ = data(rows=10)
    y = np.array([0, 2, 2, 2, 0, 2, 2, 0, 2, 2])
    found = answers(baselines.fit("constant", rows_of(x, y, ("a", "b", "c"))), {"x": x})
    np.testing.assert_allclose(found, np.tile([0.3, 0.0, 0.7], (10, 1)), rtol=1e-6)


def test_the_constant_of_numbers_is_their_mean() -> None:
    x, _ = data(rows=4)
    found = answers(baselines.fit("constant", rows_of(x, np.array([1.0, 2, 3, 6]), ())), {"x": x})
    assert found.ravel().tolist() == [3.0] * 4


def test_the_constant_takes_text() -> None:
    port = Port(name="words", dtype="string", shape=("n", 1))
    feed = {"words": np.array([["a"], ["b"], ["c"]], object)}
    made = baselines.fit("constant", Rows((port,), feed, np.array([1, 1, 0]), (0, 1)))
    np.testing.assert_allclose(answers(made, feed), [[1 / 3, 2 / 3]] * 3, rtol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "tree"])
def test_a_class_that_no_training_row_has_is_never_answered(kind: str) -> None:
    x, score = data()
    y = np.where(score > np.median(score), 2, 0)
    found = answers(baselines.fit(kind, rows_of(x, y, ("a", "b", "c"))), {"x": x})
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found[:, [0, 2]], reference(kind, x, y), atol=2e-5)


@pytest.mark.parametrize("kind", ["constant", "tree"])
def test_one_class_is_answered_always(kind: str) -> None:
    x, _ = data(rows=20)
    found = answers(baselines.fit(kind, rows_of(x, np.ones(20, np.int64))), {"x": x})
    assert found.tolist() == [[0.0, 1.0]] * 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("regression", [True, False])
def test_two_rows_are_enough(kind: str, regression: bool) -> None:
    x = np.array([[0.0, 1.0], [1.0, 1.0]], np.float32)
    y = np.array([1.5, 2.5]) if regression else np.array([0, 1])
    found = answers(baselines.fit(kind, rows_of(x, y, () if regression else (0, 1))), {"x": x})
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", KINDS)
def test_features_that_never_change_or_are_always_empty_say_nothing(kind: str) -> None:
    x, score = data()
    x[:, 1], x[:, 3] = 7.0, np.nan
    y = (score > np.median(score)).astype(np.int64)
    found = answers(baselines.fit(kind, rows_of(x, y)), {"x": x})
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "tree"])
def test_empty_values_that_training_never_saw_are_still_answered(kind: str) -> None:
    x, score = data()
    y = (score > np.median(score)).astype(np.int64)
    made = baselines.fit(kind, rows_of(x, y))
    assert np.isfinite(answers(made, {"x": np.full((3, 4), np.nan, np.float32)})).all()


def refused(kind: str, rows: Rows) -> str:
    with pytest.raises(UsageError) as caught:
        baselines.fit(kind, rows)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_one_class_has_no_line() -> None:
    x, _ = data(rows=20)
    assert "cannot be fitted to the training rows" in refused(
        "linear", rows_of(x, np.zeros(20, np.int64))
    )


@pytest.mark.parametrize("kind", ["linear", "tree"])
def test_text_infinite_and_endless_features_are_refused(kind: str) -> None:
    y = np.array([0, 1])
    text = Port(name="words", dtype="string", shape=("n", 1))
    words = {"words": np.array([["a"], ["b"]], object)}
    assert "takes text" in refused(kind, Rows((text,), words, y, (0, 1)))
    x = np.array([[np.inf], [1.0]], np.float32)
    assert "infinite" in refused(kind, rows_of(x, y))
    assert "too many" in refused(kind, rows_of(np.zeros((2, 5000), np.float32), y))


def test_an_unknown_kind_is_refused_with_a_suggestion() -> None:
    x, _ = data(rows=4)
    assert "did you mean 'linear'" in refused("liner", rows_of(x, np.array([0, 1, 0, 1])))
    assert baselines.names() == KINDS


@pytest.mark.parametrize("kind", ["linear", "tree"])
def test_without_scikit_learn_it_says_what_to_install(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "sklearn":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return own(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    x, _ = data(rows=4)
    said = refused(kind, rows_of(x, np.array([0, 1, 0, 1])))
    assert said.endswith("pip install scikit-learn")


def test_more_rows_than_a_small_model_needs_are_drawn_with_the_seed() -> None:
    x = np.arange(150_000, dtype=np.float32)[:, np.newaxis]
    y = (np.arange(150_000) % 2).astype(np.int64)
    matrix, labels = rows_of(x, y, seed=5).matrix()
    again, _ = rows_of(x, y, seed=5).matrix()
    assert matrix.shape == (100_000, 1)
    assert np.array_equal(matrix, again)
    assert np.array_equal(labels, matrix[:, 0].astype(np.int64) % 2)
