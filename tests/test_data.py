"""A table from a stranger reads the same in three formats, or is refused in one line."""

import contextlib
import datetime
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from frugalbench import data
from frugalbench.errors import FrugalbenchError, UsageError

FORMATS = [".csv", ".parquet", ".npz"]
COLUMNS: dict[str, list[Any]] = {
    "age": [31, 45, 62],
    "pay": [0.5, 2.25, -1.0],
    "town": ["Orléans", "京都", "e\u0301"],
    "kept": [True, False, True],
}


def write(path: Path, columns: dict[str, Any]) -> str:
    """The same columns in the format of the suffix."""
    if path.suffix == ".npz":
        np.savez(path, **{name: np.asarray(values) for name, values in columns.items()})
    elif path.suffix == ".csv":
        csv.write_csv(pa.table(columns), path)
    else:
        parquet.write_table(pa.table(columns), path)
    return str(path)


def one_column(tmp_path: Path, column: Any) -> data.Table:
    return data.load(write(tmp_path / "t.parquet", {"c": column}))


def refusal(path: Path | str, content: bytes | None = None) -> str:
    """The one line a file is refused with."""
    if content is not None:
        Path(path).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        data.load(str(path))
    assert str(caught.value).isprintable()
    return str(caught.value)


# One table, three formats


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_table(tmp_path: Path, suffix: str) -> None:
    table = data.load(write(tmp_path / f"t{suffix}", COLUMNS))
    assert (table.rows, table.rows_in_file) == (3, 3)
    assert list(table.columns) == list(COLUMNS)
    for name, values in COLUMNS.items():
        assert table.labels(name) == values
        assert [type(one) for one in table.labels(name)] == [type(one) for one in values]
        assert table.numbers(name, "x").tolist() == values
    assert table.codes("kept", "x")[1] == ("false", "true")


def test_an_npz_keeps_its_arrays_of_several_dimensions(tmp_path: Path) -> None:
    image = np.arange(24.0).reshape(2, 3, 4)
    table = data.load(write(tmp_path / "t.npz", {"image": image, "label": [0, 1]}))
    assert np.array_equal(table.numbers("image", "x"), image)
    assert np.array_equal(table.take(np.array([1])).numbers("image", "x"), image[1:])
    for wanted in (lambda: table.codes("image", "data.groups"), lambda: table.labels("image")):
        with pytest.raises(UsageError, match=r"has 3 dimensions; data\.\w+ needs one value a row"):
            wanted()


def test_rows_are_taken_and_counted(tmp_path: Path) -> None:
    table = data.load(write(tmp_path / "t.csv", COLUMNS))
    some = table.take(np.array([2, 0]))
    assert (some.rows, some.rows_in_file) == (2, 3)
    assert some.labels("age") == [62, 31]
    assert table.where("kept", "true").labels("age") == [31, 62]
    with pytest.raises(UsageError, match="never says 'True': did you mean 'true'"):
        table.where("kept", "True")


# Groups


def test_empty_group_cells_are_missing_in_every_format(tmp_path: Path) -> None:
    text, number = ["b", "", "a", "b"], [1.0, float("nan"), 2.0, 1.0]
    for suffix in FORMATS:
        table = data.load(write(tmp_path / f"t{suffix}", {"text": text, "number": number}))
        for name, names in (("text", ("a", "b")), ("number", ("1", "2"))):
            codes, found = table.codes(name, "data.groups")
            assert found == names
            expected = [1, -1, 0, 1] if name == "text" else [0, -1, 1, 0]
            assert codes.tolist() == expected
            assert codes.dtype == np.int32


@pytest.mark.parametrize(
    ("column", "codes", "names"),
    [
        ([None, "x", "", "x"], [-1, 0, -1, 0], ("x",)),
        (pa.array([1.0, None, 10.0]), [0, -1, 1], ("1", "10")),
        ([1.0, 0.5], [1, 0], ("0.5", "1")),
        (pa.array([1.0, 2.0], pa.float32()), [0, 1], ("1", "2")),
        ([-0.0, 0.0], [0, 0], ("0",)),
        ([float("inf"), 1.0], [1, 0], ("1", "inf")),
        ([True, None, False], [1, -1, 0], ("false", "true")),
        (pa.array(["b", None, "a"]).dictionary_encode(), [1, -1, 0], ("a", "b")),
        (pa.array([3.0, float("nan")]).dictionary_encode(), [0, -1], ("3",)),
        (pa.nulls(2), [-1, -1], ()),
        (["é", "e\u0301"], [1, 0], ("e\u0301", "é")),
        ([datetime.date(2020, 1, 2), None], [0, -1], ("2020-01-02",)),
        ([Decimal("1.50"), None], [0, -1], ("1.50",)),
        (pa.array([b"b", b"a"]), [1, 0], ("a", "b")),
    ],
)
def test_groups_are_named_as_they_are_written(
    tmp_path: Path, column: Any, codes: list[int], names: tuple[str, ...]
) -> None:
    found = one_column(tmp_path, column).codes("c", "data.groups")
    assert (found[0].tolist(), found[1]) == (codes, names)


def test_a_column_of_too_many_values_is_no_group(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has 1,001 different values.*put its values in bands"):
        one_column(tmp_path, list(range(1001))).codes("c", "data.groups")


# Labels and features of unusual types


@pytest.mark.parametrize(
    ("column", "count"),
    [([1, None, None], 2), ([1.0, float("nan")], 1), (["a", ""], 1), (pa.nulls(3), 3)],
)
def test_rows_without_a_label_are_refused_with_their_number(
    tmp_path: Path, column: Any, count: int
) -> None:
    with pytest.raises(UsageError, match=rf"^{count} of {len(column)} rows have no label in 'c'"):
        one_column(tmp_path, column).labels("c")


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        ([datetime.date(2020, 1, 2)], ["2020-01-02"]),
        ([Decimal("1.50")], ["1.50"]),
        (pa.array([b"yes", b"no"]), ["yes", "no"]),
        (pa.array(["b", "a"]).dictionary_encode(), ["b", "a"]),
    ],
)
def test_labels_of_other_types_are_read_as_they_are_written(
    tmp_path: Path, column: Any, labels: list[Any]
) -> None:
    assert one_column(tmp_path, column).labels("c") == labels


def test_a_null_number_is_not_a_number_and_a_null_text_is_empty(tmp_path: Path) -> None:
    for column in ([1.0, None], [1, None], [True, None]):
        found = one_column(tmp_path, column).numbers("c", "x")
        assert found == pytest.approx([1, np.nan], nan_ok=True)
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        table = data.Table(tmp_path, {"c": pa.array(["a", None], kind)}, 2, 2)
        assert table.numbers("c", "x").tolist() == ["a", ""]


@pytest.mark.parametrize(
    "column",
    [
        [datetime.date(2020, 1, 2)],
        [Decimal("1.50")],
        [[1, 2]],
        [{"a": 1}],
        pa.array([b"\xff"]),
        pa.nulls(1),
    ],
)
def test_a_column_no_model_takes_is_refused_as_an_input(tmp_path: Path, column: Any) -> None:
    with pytest.raises(UsageError, match="convert it to numbers or text first"):
        one_column(tmp_path, column).numbers("c", "x")


@pytest.mark.parametrize("column", [[[1, 2]], [{"a": 1}], pa.array([b"\xff"])])
def test_lists_records_and_bytes_are_neither_groups_nor_labels(tmp_path: Path, column: Any) -> None:
    table = one_column(tmp_path, column)
    for read in (lambda: table.codes("c", "data.groups"), lambda: table.labels("c")):
        with pytest.raises(UsageError, match=r"column 'c' (holds lists or records|cannot be read)"):
            read()


def test_numbers_of_a_csv_are_groups_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("zip,age\n01,1.50\n1,1.5\n,nan\n 1,NA\n2,3\n")
    table = data.load(str(path))
    codes, names = table.codes("zip", "data.groups")
    assert (codes.tolist(), names) == ([0, 1, -1, 1, 2], ("01", "1", "2"))
    codes, names = table.codes("age", "data.groups")
    assert (codes.tolist(), names) == ([1, 0, -1, -1, 2], ("1.5", "1.50", "3"))
    some = table.take(np.array([4, 1])).codes("zip", "data.groups")
    assert (some[0].tolist(), some[1]) == ([1, 0], ("1", "2"))
    # A feature stays a number.
    assert table.numbers("zip", "x")[[0, 1, 4]].tolist() == [1, 1, 2]
    path.unlink()
    with pytest.raises(UsageError, match="column 'zip' cannot be read"):
        table.codes("zip", "data.groups")


def test_a_wrong_column_gets_a_suggestion(tmp_path: Path) -> None:
    table = data.load(write(tmp_path / "t.csv", COLUMNS))
    with pytest.raises(UsageError, match=r"no column 'twon' for data\.label: did you mean 'town'"):
        table.labels("twon")
    with pytest.raises(UsageError, match="there is: age, kept, pay, town"):
        table.numbers("zz", "x")


# Files that are no table


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "Empty CSV"),
        ("t.csv", b"a,b\n", "holds no rows"),
        ("t.csv", b"a,b\n1,2\n3\n", "save it again"),
        ("t.csv", b"a,b,a\n1,2,3\n", "two columns named 'a': rename one"),
        ("t.csv", b"\xff\xfe\0\n\x80,\x81\n", "save it again"),
        ("t.parquet", b"", "save it again"),
        ("t.parquet", b"PAR1PAR1", "save it again"),
        ("t.npz", b"", "save it again"),
        ("t.npz", b"PK\x05\x06" + bytes(18), "holds no rows"),
        ("t.xlsx", b"a", "must end in .csv, .parquet or .npz"),
        ("t", b"a", "must end in .csv, .parquet or .npz"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    line = refusal(tmp_path / name, content)
    assert says in line
    assert name in line


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    assert "is not a file" in refusal(tmp_path / "d.csv")
    assert "there is no data file" in refusal(tmp_path / "absent.npz")
    assert "cannot be read" in refusal("a\0.csv")


def test_bytes_in_a_csv_are_refused_when_they_are_used(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"c\n\x80\x81\n")
    with pytest.raises(UsageError, match="save it as UTF-8"):
        data.load(str(tmp_path / "t.csv")).codes("c", "data.groups")


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.array([{"a": 1}], object), "pickle"),
        (np.array([1j]), "no array of numbers or text"),
        (np.array([b"a"]), "no array of numbers or text"),
        (np.array(["2020-01-01"], "M8[D]"), "no array of numbers or text"),
        (np.array([(1, 2.0)], "i4,f8"), "no array of numbers or text"),
        (np.array(3), "one value a row"),
        (np.array([1.0], np.longdouble), "save it again"),
        (np.zeros((0, 3)), "holds no rows"),
    ],
)
def test_an_npz_holds_plain_arrays_only(tmp_path: Path, array: Any, says: str) -> None:
    np.savez(tmp_path / "t.npz", a=array)
    assert says in refusal(tmp_path / "t.npz")


def test_arrays_of_different_lengths_are_no_table(tmp_path: Path) -> None:
    path = write(tmp_path / "t.npz", {"a": [1, 2], "b": [1, 2, 3]})
    assert "differ in length: [2, 3]" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_an_npz_of_twice_the_same_name_is_refused(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.arange(3))
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        for _ in range(2):
            archive.writestr("a.npy", array.getvalue())
    assert "two columns named 'a'" in refusal(tmp_path / "t.npz")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_table_that_unpacks_to_too_much_is_not_read(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / f"t{suffix}", {"a": np.zeros(1000)})
    assert data.load(path).rows == 1000
    monkeypatch.setattr(data, "MAX_BYTES", 999)
    assert "unpacks to over 4 GiB" in refusal(path)


def written(suffix: str) -> bytes:
    """A sound file, for the fuzzer to damage."""
    file, columns = io.BytesIO(), {"a": [1, 2, 3], "b": ["x", "é", ""], "c": [0.5, 1.0, 2.0]}
    if suffix == ".npz":
        np.savez_compressed(file, **{name: np.array(values) for name, values in columns.items()})
    elif suffix == ".csv":
        csv.write_csv(pa.table(columns), file)
    else:
        parquet.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fuzz=st.data())
def test_only_errors_of_our_own_leave_a_damaged_file(
    tmp_path: Path, suffix: str, fuzz: st.DataObject
) -> None:
    sound = written(suffix)
    content = bytearray(sound if fuzz.draw(st.booleans()) else fuzz.draw(st.binary(max_size=200)))
    place = st.integers(0, max(0, len(content) - 1))
    for where, byte in fuzz.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=8)):
        content[where : where + 1] = bytes([byte])
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content[: fuzz.draw(st.integers(len(content) // 2, len(content)))])
    with contextlib.suppress(FrugalbenchError):
        table = data.load(str(path))
        for name in table.columns:
            with contextlib.suppress(FrugalbenchError):
                table.labels(name)
            with contextlib.suppress(FrugalbenchError):
                table.codes(name, "data.groups")
            with contextlib.suppress(FrugalbenchError):
                table.numbers(name, "an input")
