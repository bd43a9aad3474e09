"""Which rows are alike and how difficult they are: scikit-learn's answers."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from _onnx import linear
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from frugalbench import bench, difficulty, neighbours, tabular
from frugalbench.spec import Data, Model, Plan, Spec, Target

Array = npt.NDArray[Any]
FAST = Plan(processes=1, process_seconds=0.1, warmup_seconds=0.02, idle_seconds=0, windows=2)
EDGES = st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, 1e-300, np.nan, np.inf, -np.inf, 3.5])


# One matrix


def test_columns_are_standardised_as_scikit_learn_does() -> None:
    random = np.random.default_rng(1)
    feed = {
        "a": random.normal(5, 3, 50).astype(np.float32),
        "b": random.integers(0, 9, (50, 2)),
        "c": random.random((50, 1)) > 0.5,
    }
    columns = np.column_stack([feed["a"], feed["b"], feed["c"]]).astype(float)
    wanted = StandardScaler().fit_transform(columns)
    assert tabular.standardised(feed, 50) == pytest.approx(wanted)


def test_what_is_not_finite_is_at_the_mean_and_constants_are_left_out() -> None:
    feed = {"x": np.array([[1.0, 7.0], [np.nan, 7.0], [3.0, 7.0], [np.inf, 7.0]])}
    found = tabular.standardised(feed, 4)
    assert found is not None
    assert found[:, 0].tolist() == pytest.approx([-1, 0, 1, 0])
    assert found.shape == (4, 1)


@pytest.mark.parametrize(
    "feed",
    [
        {"x": np.array([["a"], ["b"]], object)},
        {"x": np.zeros((2, 3, 3))},
        {"x": np.zeros((1, 3))},
        {"x": np.zeros((2, 501))},
        {"x": np.zeros((2, 2)), "t": np.array(["a", "b"])},
        {},
    ],
)
def test_what_is_no_table_of_numbers_has_no_matrix(feed: dict[str, Array]) -> None:
    assert tabular.standardised(feed, 2) is None


@given(st.lists(st.tuples(EDGES, EDGES), min_size=1, max_size=30))
def test_a_matrix_is_finite_whatever_the_numbers(cells: list[tuple[float, float]]) -> None:
    found = tabular.standardised({"x": np.array(cells)}, len(cells))
    assert found is not None
    assert np.isfinite(found).all()
    assert np.abs(found.mean(axis=0)).max(initial=0) < 1e-6


# Neighbours


@pytest.mark.parametrize(("rows", "width"), [(40, 3), (3000, 8)])
def test_neighbours_are_scikit_learns(rows: int, width: int) -> None:
    matrix = np.random.default_rng(2).normal(size=(rows, width))
    found = neighbours.nearest(matrix, seed=5)
    assert found is not None
    of, near = found
    assert of.size == min(rows, 2000)
    assert (np.diff(of) > 0).all()
    wanted = NearestNeighbors(n_neighbors=6).fit(matrix).kneighbors(matrix[of])[1][:, 1:]
    assert (near == wanted).all()


def test_a_row_is_not_its_own_neighbour_even_among_twins() -> None:
    matrix = np.repeat(np.eye(3), 8, axis=0)
    found = neighbours.nearest(matrix, seed=0)
    assert found is not None
    of, near = found
    assert (near != of[:, None]).all()
    assert (near // 8 == of[:, None] // 8).all()


def test_of_very_many_rows_fewer_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST_PAIRS", 30_000)
    monkeypatch.setattr(neighbours, "PAIRS_AT_ONCE", 2000)
    matrix = np.random.default_rng(3).normal(size=(1000, 2))
    found = neighbours.nearest(matrix, seed=1)
    assert found is not None
    assert found[0].size == 30
    again = neighbours.nearest(matrix, seed=1)
    assert again is not None
    assert (found[0] == again[0]).all()


@given(st.integers(0, 8), st.integers(0, 2))
def test_too_few_rows_or_columns_have_no_neighbours(rows: int, width: int) -> None:
    found = neighbours.nearest(np.zeros((rows, width)), seed=0)
    assert (found is None) == (rows <= 5 or width == 0)
    if found is not None:
        assert (np.sort(found[1], axis=1)[:, 1:] != np.sort(found[1], axis=1)[:, :-1]).all()


# Difficulty


def folds(rows: int, seed: int) -> PredefinedSplit:
    return PredefinedSplit(np.random.default_rng(seed).permutation(rows) % 5)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_loss_is_that_of_scikit_learn_out_of_fold(classes: int) -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=(400, 5))
    y = np.argmax(x[:, :classes] + random.gumbel(size=(400, classes)), axis=1)
    found = difficulty.out_of_fold(x, y, classes, seed=9)
    model = LogisticRegression(max_iter=200)
    score = cross_val_predict(model, x, y, cv=folds(400, 9), method="predict_proba")
    assert found == pytest.approx(-np.log(score[np.arange(400), y]), rel=1e-3, abs=1e-4)


def test_the_error_of_a_regression_is_that_of_scikit_learn_out_of_fold() -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=(300, 4))
    y = x @ [1.0, -2.0, 0.0, 0.5] + random.normal(size=300)
    found = difficulty.out_of_fold(x, y, 0, seed=9)
    wanted = (cross_val_predict(Ridge(), x, y, cv=folds(300, 9)) - y) ** 2
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_a_class_that_a_fold_never_saw_costs_a_finite_loss() -> None:
    x = np.random.default_rng(6).normal(size=(50, 2))
    y = np.zeros(50, np.int64)
    y[:20], y[3] = 1, 2
    found = difficulty.out_of_fold(x, y, 3, seed=0)
    assert found is not None
    assert found[3] == pytest.approx(-np.log(np.finfo(float).eps))


def test_of_very_many_rows_each_model_is_fitted_to_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difficulty, "MOST_FITTED", 150)
    x = np.random.default_rng(7).normal(size=(2000, 2))
    found = difficulty.out_of_fold(x, (x[:, 0] > 0).astype(int), 2, seed=0)
    assert found is not None
    assert 0 < found.mean() < 0.4


@pytest.mark.parametrize(
    ("rows", "width", "classes", "labels"),
    [(9, 2, 2, "alternate"), (50, 0, 2, "alternate"), (50, 2, 101, "alternate"), (50, 2, 2, "one")],
)
def test_where_there_is_nothing_to_fit_there_is_no_difficulty(
    rows: int, width: int, classes: int, labels: str
) -> None:
    y = np.arange(rows) % 2 if labels == "alternate" else np.zeros(rows, np.int64)
    x = np.random.default_rng(8).normal(size=(rows, width))
    assert difficulty.out_of_fold(x, y, classes, seed=0) is None


def test_without_scikit_learn_there_is_no_difficulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    x = np.random.default_rng(9).normal(size=(50, 2))
    assert difficulty.out_of_fold(x, np.arange(50) % 2, 2, seed=0) is None


@given(st.lists(st.tuples(EDGES, EDGES, st.integers(0, 2)), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_losses_are_finite_or_absent_whatever_the_table(
    rows: list[tuple[float, float, int]],
) -> None:
    matrix = tabular.standardised({"x": np.array([one[:2] for one in rows])}, len(rows))
    assert matrix is not None
    found = difficulty.out_of_fold(matrix, np.array([one[2] for one in rows]), 3, seed=0)
    assert found is None or (np.isfinite(found).all() and (found >= -1e-9).all())


# In a record


def test_neighbours_are_in_a_record_with_groups_only(tmp_path: Path) -> None:
    place = np.arange(60)
    random = np.random.default_rng(10)
    columns = {one: random.normal(size=60).astype(np.float32) for one in "abc"}
    table = {**columns, "label": place % 2, "sex": np.where(place % 3 == 0, "F", "M")}
    parquet.write_table(pa.table(table), tmp_path / "t.parquet")
    about = Data(path=str(tmp_path / "t.parquet"), label="label", features=("a", "b", "c"))
    spec = Spec(
        model=Model(path=str(linear(tmp_path / "m.onnx"))),
        data=about,
        plan=FAST,
        target=Target(meters=("fake",)),
    )
    assert "neighbours" not in bench.run(spec).arrays
    data = Data(path=about.path, label="label", features=about.features, groups=("sex",))
    record = bench.run(Spec(model=spec.model, data=data, plan=FAST, target=spec.target))
    matrix = StandardScaler().fit_transform(np.column_stack([columns[one] for one in "abc"]))
    wanted = NearestNeighbors(n_neighbors=6).fit(matrix).kneighbors(matrix)[1][:, 1:]
    assert record.arrays["neighbours:of"].tolist() == list(range(60))
    assert (record.arrays["neighbours"] == wanted).all()
    assert "difficulty" not in record.arrays
