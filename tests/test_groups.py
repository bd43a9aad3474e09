"""What is compared, and which rows belong together: read from columns, refused in one line."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from _onnx import linear
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from frugalbench import assembly, bench, data, jobs, store
from frugalbench.errors import UsageError
from frugalbench.groups import divide
from frugalbench.metrics._views import views
from frugalbench.spec import Data, Model, Plan, Spec, Target

FAST = Plan(processes=1, process_seconds=0.1, warmup_seconds=0.02, idle_seconds=0, windows=2)


def table(path: Path, rows: int = 40, **more: Any) -> Path:
    """Three features, a label, two groups, a region, a person and a split."""
    x = np.random.default_rng(3).normal(size=(rows, 3)).astype(np.float32)
    place = np.arange(rows)
    columns = {
        **{name: x[:, i] for i, name in enumerate("abc")},
        "label": place % 2,
        "sex": np.where(place % 3 == 0, "F", "M"),
        "age": np.where(place % 5 < 2, "young", "old"),
        "region": np.where(place % 7 < 3, "north", "south"),
        "person": [f"p{one // 2}" for one in place],
        "split": np.where(place % 4 == 0, "train", "test"),
    }
    parquet.write_table(pa.table({**columns, **more}), path)
    return path


def asked(tmp_path: Path, path: Path, plan: Plan = FAST, **fields: Any) -> Spec:
    model = linear(tmp_path / "m.onnx")
    fields = {"label": "label", "features": ("a", "b", "c"), **fields}
    about = Data(path=str(path), **fields)
    return Spec(
        model=Model(path=str(model)), data=about, plan=plan, target=Target(meters=("fake",))
    )


def refused(spec: Spec) -> str:
    with pytest.raises(UsageError) as caught:
        jobs.prepare(spec)
    assert str(caught.value).isprintable()
    return str(caught.value)


EVERYTHING: dict[str, Any] = {
    "groups": ("sex", "age", "region"),
    "intersections": (("sex", "age"),),
    "controls": ("region",),
    "cluster": "person",
}


def test_what_is_declared_is_in_the_record_and_survives_storing(tmp_path: Path) -> None:
    record = bench.run(asked(tmp_path, table(tmp_path / "t.parquet"), **EVERYTHING))
    assert record.data is not None
    assert record.data.intersections == (("sex", "age"),)
    assert record.data.controls == ("region",)
    assert (record.data.cluster, record.data.clusters) == ("person", 20)
    codes = record.arrays["cluster"]
    assert codes.dtype == np.int64
    assert (codes[::2] == codes[1::2]).all()
    assert np.unique(codes).size == 20
    assert {"sex & age", "sex | region=north", "sex & age | region=south"} <= set(views(record))
    again = store.load(str(store.save(record, tmp_path / "results")))
    assert again == record


def test_the_cluster_column_is_no_feature(tmp_path: Path) -> None:
    place = np.arange(40)
    columns = {"a": place * 0.1, "b": place * 0.2, "c": place * 0.3, "label": place % 2}
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({**columns, "person": place // 2}), path)
    prepared = jobs.prepare(asked(tmp_path, path, features=(), cluster="person"))
    assert prepared.data is not None
    assert prepared.data.features == ("a", "b", "c")


def test_the_rows_are_told_by_their_places_in_the_file(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet")
    spec = asked(tmp_path, path, split_column="split", split="test", groups=("sex",))
    prepared = jobs.prepare(spec)
    assert prepared.data is not None
    wanted = np.array([one for one in range(40) if one % 4], "<i8")
    assert prepared.numbers.tolist() == wanted.tolist()
    assert prepared.data.rows_sha256 == hashlib.sha256(wanted.tobytes()).hexdigest()


def test_the_rows_that_were_answered_are_told_by_their_places_too(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet")
    spec = asked(tmp_path, path, split_column="split", split="test", **EVERYTHING)
    prepared = jobs.prepare(spec)
    whole = bench.run(spec)
    assert whole.run is not None
    chosen = np.array([0, 2, 3, 10], np.int64)
    output = np.tile([0.25, 0.75], (4, 1))
    arrays = {"chosen": chosen, "output": output, "latency_ns": whole.arrays["latency_ns"]}
    record = assembly.assemble(prepared, whole.run, arrays)
    assert record.data is not None
    assert record.data.rows == 4
    wanted = prepared.numbers[chosen].astype("<i8")
    assert record.data.rows_sha256 == hashlib.sha256(wanted.tobytes()).hexdigest()
    assert record.arrays["cluster"].tolist() == whole.arrays["cluster"][chosen].tolist()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_rows_taken_twice_keep_their_places(first: list[int], draw: st.DataObject) -> None:
    whole = data.Table(Path("t.csv"), {"a": pa.array(range(10))}, 10, 10)
    once = whole.take(np.array(first))
    second = draw.draw(st.lists(st.integers(0, len(first) - 1), max_size=8))
    twice = once.take(np.array(second, np.int64))
    wanted = [first[one] for one in second]
    assert twice.row_numbers().tolist() == wanted
    assert twice.columns["a"].to_pylist() == wanted


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"groups": ("sex",), "intersections": (("sex",),)}, "two different columns"),
        ({"groups": ("sex",), "intersections": ((),)}, "two different columns"),
        ({"groups": ("sex",), "intersections": (("sex", "sex"),)}, "two different columns"),
        ({"groups": ("sex",), "intersections": (("sex", "agee"),)}, "not one of data.groups"),
        ({"intersections": (("sex", "age"),)}, "not one of data.groups"),
        (
            {"groups": ("sex", "age"), "intersections": (("sex", "age"), ("age", "sex"))},
            "twice",
        ),
        ({"groups": ("sex",), "controls": ("region",)}, "not one of data.groups"),
        ({"groups": ("sex",), "controls": ("sex", "sex")}, "twice"),
        ({"groups": ("sex", "person"), "controls": ("person",)}, "wide"),
        ({"cluster": "persn"}, "did you mean 'person'?"),
        ({"cluster": "label"}, "name two columns"),
        ({"cluster": "gaps"}, "2 of 40 rows say nothing in 'gaps'"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    gaps = ["", None, *(f"p{one}" for one in range(38))]
    path = table(tmp_path / "t.parquet", gaps=gaps)
    if words == "wide":
        path = table(tmp_path / "t.parquet", 60, person=[f"p{one}" for one in range(60)])
        words = "60 levels, over 20"
    assert words in refused(asked(tmp_path, path, **fields))


def test_an_intersection_of_too_many_groups_is_refused(tmp_path: Path) -> None:
    place = np.arange(80)
    path = table(tmp_path / "t.parquet", 80, a1=place % 40, b1=place % 26)
    fields = {"groups": ("a1", "b1"), "intersections": (("a1", "b1"),)}
    assert "1,040 combinations, over 1,000" in refused(asked(tmp_path, path, **fields))


def test_there_may_be_many_clusters() -> None:
    people = pa.array([f"p{one}" for one in range(3000)])
    whole = data.Table(Path("t.csv"), {"person": people}, 3000, 3000)
    divided = divide(Data(path="t.csv", cluster="person"), whole)
    assert divided.clusters == 3000
    assert sorted(divided.arrays["cluster"].tolist()) == list(range(3000))


def test_names_that_would_stand_for_two_things_are_refused(tmp_path: Path) -> None:
    """A column `a & b` must not hide the intersection of a and b."""
    columns = {
        "a": pa.array(["x", "y"] * 4),
        "b": pa.array(["u", "v"] * 4),
        "a & b": pa.array(["1", "2"] * 4),
        "odd": pa.array(["p & q", "p"] * 4),
        "more": pa.array(["r", "q & r"] * 4),
        "a | b=u": pa.array(["1", "2"] * 4),
    }
    whole = data.Table(Path("t.csv"), columns, 8, 8)
    both = Data(path="t.csv", groups=("a", "b", "a & b"), intersections=(("a", "b"),))
    with pytest.raises(UsageError, match="'a & b' is a column of"):
        divide(both, whole)
    joined = Data(path="t.csv", groups=("odd", "more"), intersections=(("odd", "more"),))
    with pytest.raises(UsageError, match="would both be called 'p & q & r'"):
        divide(joined, whole)
    within = Data(path="t.csv", groups=("a", "b", "a | b=u"), controls=("b",))
    with pytest.raises(UsageError, match="is a column of"):
        divide(within, whole)
    assert divide(Data(path="t.csv", groups=("a", "a & b")), whole)
