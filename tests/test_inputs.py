"""Columns become a model's inputs exactly, or not at all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugalbench import inputs
from frugalbench.errors import UsageError
from frugalbench.record import Port

Array = npt.NDArray[Any]
Shape = tuple[int | str | None, ...] | None
COLUMNS: dict[str, Array] = {
    "a": np.array([1, 2]),
    "b": np.array([0.5, 1.5]),
    "y": np.array([0, 1]),
    "sex": np.array([1, 0]),
    "text": np.array(["m", "f"]),
    "image": np.zeros((2, 3)),
}
NUMBERS = [name for name in inputs.DTYPES if name not in ("bool", "string")]


def port(dtype: str = "float", shape: Shape = ("batch",), name: str = "x") -> Port:
    return Port(name=name, dtype=dtype, shape=shape)


def fetch(name: str, what: str) -> Array:
    return COLUMNS[name]


def feed(one: Port, values: Any) -> Array:
    """What one input is fed from a column of its own name."""
    found, used = inputs.map_columns(
        (one,), (one.name,), lambda name, what: np.asarray(values), features=(), others=frozenset()
    )
    assert used == (one.name,)
    return found[one.name]


def matrix(
    width: int | str | None, columns: str, *, dtype: str = "float", **fields: Any
) -> tuple[Array, tuple[str, ...]]:
    """A one-matrix model's input from columns whose names are not its own."""
    one = port(dtype, ("batch", width))
    fields = {"features": (), "others": frozenset("y"), **fields}
    found, used = inputs.map_columns((one,), tuple(columns.split()), fetch, **fields)
    return found["x"], used


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(UsageError) as caught:
        call()
    assert str(caught.value).isprintable()
    return str(caught.value)


# By name


def test_inputs_take_the_columns_of_their_names_in_any_order() -> None:
    ports = (port("float", ("batch", 1), "b"), port("int64", ("batch",), "a"))
    found, used = inputs.map_columns(
        ports, ("a", "y", "b"), fetch, features=(), others=frozenset("y")
    )
    assert used == ("b", "a")
    assert found["b"].tolist() == [[0.5], [1.5]]
    assert found["a"].tolist() == [1, 2]
    assert (found["b"].dtype, found["a"].dtype) == (np.float32, np.int64)


def test_several_inputs_without_their_columns_are_refused() -> None:
    ports = (port(name="a"), port(name="mask"), port(name="bias"))
    line = refused(
        lambda: inputs.map_columns(ports, ("a", "b"), fetch, features=(), others=frozenset())
    )
    assert "3 inputs and the data no column for: mask, bias; rename the columns" in line


# As one matrix


def test_declared_features_are_stacked_in_their_order() -> None:
    found, used = matrix(None, "a b y", features=("b", "a"))
    assert used == ("b", "a")
    assert found.tolist() == [[0.5, 1.0], [1.5, 2.0]]
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_every_column_but_the_label_is_a_feature_when_their_number_fits() -> None:
    assert matrix(2, "a y b")[1] == ("a", "b")


@pytest.mark.parametrize(("width", "used"), [(2, ("a", "b")), (3, ("a", "b", "sex"))])
def test_the_width_says_whether_a_group_is_a_feature(width: int, used: tuple[str, ...]) -> None:
    assert matrix(width, "a b sex y", groups=frozenset({"sex"}))[1] == used


@pytest.mark.parametrize("width", [None, "n", 1, 3])
def test_columns_whose_number_does_not_fit_are_refused(width: int | str | None) -> None:
    line = refused(lambda: matrix(width, "a b y"))
    takes = width if isinstance(width, int) else "an unstated number of"
    assert f"takes {takes} columns and the data have 2" in line
    assert "data.features=[…]" in line


def test_no_column_at_all_is_refused() -> None:
    assert "the data have 0" in refused(lambda: matrix(2, "y"))


def test_the_only_array_of_several_dimensions_is_the_matrix() -> None:
    found, used = matrix(3, "a image y")
    assert (found.shape, used) == ((2, 3), ("image",))


@pytest.mark.parametrize("name", ["text", "image"])
def test_text_or_arrays_among_the_features_are_refused_by_name(name: str) -> None:
    line = refused(lambda: matrix(2, f"a {name}", features=("a", name)))
    assert f"column '{name}' holds text or arrays" in line


def test_a_matrix_of_text_takes_numbers_as_they_are_written() -> None:
    found, _ = matrix(3, "", dtype="string", features=("a", "b", "text"))
    assert found.tolist() == [["1", "0.5", "m"], ["2", "1.5", "f"]]


def test_large_integers_keep_their_value_beside_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMNS, "a", np.array([2**53 + 1, 1]))
    monkeypatch.setitem(COLUMNS, "b", np.array([1.0, 2.0]))
    found, _ = matrix(2, "", dtype="int64", features=("a", "b"))
    assert found.tolist() == [[2**53 + 1, 1], [1, 2]]


# Types


@pytest.mark.parametrize("dtype", inputs.DTYPES)
def test_every_type_takes_the_values_it_can_hold(dtype: str) -> None:
    for values in ([0, 1], [0.0, 1.0], [False, True], np.array([0, 1], ">i2")):
        found = feed(port(dtype), values)
        assert found.dtype == inputs.DTYPES[dtype]
        wanted = list(map(str, np.asarray(values))) if dtype == "string" else [0, 1]
        assert found.tolist() == wanted


@pytest.mark.parametrize("dtype", NUMBERS)
@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(width=64)), min_size=1)
)
def test_a_number_is_fed_as_it_is_or_refused(dtype: str, values: list[int | float]) -> None:
    given_ = np.array(values)
    try:
        found = feed(port(dtype), given_)
    except UsageError:
        return
    if found.dtype.kind in "iu":
        assert [int(one) for one in found] == [int(one) for one in given_]
    else:
        limit = np.finfo(found.dtype)
        near = np.allclose(found, given_, rtol=limit.eps, atol=limit.tiny, equal_nan=True)
        assert near


INTEGERS = [name for name, dtype in inputs.DTYPES.items() if dtype.kind in "iub"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_empty_value_is_no_integer(dtype: str, value: float) -> None:
    assert "have empty values: fill them in" in refused(lambda: feed(port(dtype), [1.0, value]))


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int8", 128),
        ("uint8", -1),
        ("int16", 0.5),
        ("int32", 1e300),
        ("int64", 2.0**63),
        ("int64", np.uint64(2**64 - 1)),
        ("int64", np.longdouble("1e4000")),
        ("uint64", -1),
        ("bool", 2),
        ("float16", 70_000),
        ("float", 1e39),
        ("double", np.longdouble("1e4000")),
    ],
)
def test_a_value_that_does_not_fit_is_refused(dtype: str, value: Any) -> None:
    assert f"takes {dtype}, which cannot hold its data" in refused(
        lambda: feed(port(dtype), np.array([value]))
    )


@pytest.mark.parametrize("dtype", ["float", "int64", "bool"])
def test_text_is_never_read_as_a_number(dtype: str) -> None:
    assert "its column holds text" in refused(lambda: feed(port(dtype), ["1", "2"]))


@pytest.mark.parametrize("dtype", ["bfloat16", "complex64", "sequence_type", "unknown"])
def test_a_type_no_array_has_is_refused(dtype: str) -> None:
    line = refused(lambda: feed(port(dtype), [1.0]))
    assert line == refused(lambda: inputs.generate((port(dtype),), {}, 1, 0))
    assert f"is of type {dtype}, which frugalbench cannot feed" in line


# Shapes


@pytest.mark.parametrize(
    ("shape", "given_", "fed"),
    [
        (("batch",), (5,), (5,)),
        (("batch", 1), (5,), (5, 1)),
        (("batch", "n"), (5, 7), (5, 7)),
        ((1, 3), (5, 3), (5, 3)),
        (None, (5, 2), (5, 2)),
        ((), (5,), (5,)),
        ((2, 3), (5, 2, 3), (5, 2, 3)),
        (("batch", 3, "n"), (5, 3, 4), (5, 3, 4)),
    ],
)
def test_rows_come_first(shape: Shape, given_: tuple[int, ...], fed: tuple[int, ...]) -> None:
    assert feed(port(shape=shape), np.zeros(given_)).shape == fed


@pytest.mark.parametrize(
    ("shape", "given_", "says"),
    [
        (("batch", 3), (5, 4), "takes 3 a row and the data give 4: reshape"),
        (("batch", 3), (5,), "takes 3 a row and the data give 1: reshape"),
        (("batch", 2, 3), (5, 3, 2), "takes 2×3 a row and the data give 3×2: reshape"),
        (("batch", 2, 3), (5,), "has 3 axes and the data give 1: reshape"),
        ((2, 3), (5, 3, 2), "takes 2×3 a row and the data give 3×2: reshape"),
        ((), (5, 2, 2), "has 0 axes and the data give 3: reshape"),
    ],
)
def test_a_row_of_another_shape_is_refused(
    shape: Shape, given_: tuple[int, ...], says: str
) -> None:
    assert says in refused(lambda: feed(port(shape=shape), np.zeros(given_)))


# Calls


def test_the_last_call_is_filled_up_with_the_last_row() -> None:
    one = port(shape=("batch",))
    rows = {"x": np.arange(10.0)}
    assert inputs.rows_of((one,), rows, 0, 4)["x"].tolist() == [0, 1, 2, 3]
    assert inputs.rows_of((one,), rows, 8, 4)["x"].tolist() == [8, 9, 9, 9]


def test_a_row_may_be_a_whole_input() -> None:
    one, rows = port(shape=(2, 3)), {"x": np.arange(30.0).reshape(5, 2, 3)}
    assert inputs.is_whole(one, rows["x"])
    assert np.array_equal(inputs.rows_of((one,), rows, 4, 1)["x"], rows["x"][4])
    scalar = inputs.rows_of((port(shape=()),), {"x": np.arange(3.0)}, 2, 1)["x"]
    assert (scalar.shape, float(scalar)) == ((), 2.0)


@pytest.mark.parametrize(
    ("shapes", "asked", "rows"),
    [
        ([("batch", 3)], 7, 7),
        ([None], 7, 7),
        ([(4, 3)], 1, 4),
        ([(4, 3)], 4, 4),
        ([(4, 3), ("batch", 3)], 1, 4),
        ([(4, 3), (2, 3)], 1, 1),
        ([()], 1, 1),
    ],
)
def test_a_call_takes_the_rows_the_graph_fixes_else_those_asked(
    shapes: list[Shape], asked: int, rows: int
) -> None:
    ports = tuple(port(shape=shape, name=f"x{i}") for i, shape in enumerate(shapes))
    given_ = {one.name: np.zeros((8, 3) if one.shape != () else 8) for one in ports}
    assert inputs.batch_size(ports, given_, asked) == rows


@pytest.mark.parametrize(("shape", "size"), [((4, 3), (8, 3)), ((2, 3), (8, 2, 3)), ((), (8,))])
def test_another_batch_than_the_graph_fixes_is_refused(shape: Shape, size: tuple[int, ...]) -> None:
    line = refused(lambda: inputs.batch_size((port(shape=shape),), {"x": np.zeros(size)}, 3))
    assert "rows a call, not 3: leave plan.batch out" in line


# Generated inputs


def test_generated_inputs_are_seeded_and_repeatable() -> None:
    ports = (port("float", ("batch", 3)), port("int64", ("batch",), "i"))
    once, again, other = (inputs.generate(ports, {}, 64, seed)[0] for seed in (1, 1, 2))
    assert all(np.array_equal(once[name], again[name]) for name in once)
    assert not np.array_equal(once["x"], other["x"])
    assert set(once["i"].tolist()) == {0, 1}
    assert abs(once["x"].mean()) < 0.5


@pytest.mark.parametrize("dtype", inputs.DTYPES)
def test_every_type_can_be_generated(dtype: str) -> None:
    found = inputs.generate((port(dtype, ("batch", 2)),), {}, 3, 0)[0]["x"]
    assert (found.dtype, found.shape) == (inputs.DTYPES[dtype], (3, 2))


def test_declared_sizes_are_respected_and_the_others_noted() -> None:
    ports = (port(shape=("batch", "length", "width", None)),)
    found, notes = inputs.generate(ports, {"length": 5}, 2, 0)
    assert found["x"].shape == (2, 5, 1, 1)
    assert [note.split(" of ")[0] for note in notes] == ["axis width", "axis 3"]
    assert "+model.dims.width=N" in notes[0]
    assert "data=./inputs.npz" in notes[1]
    assert inputs.generate(ports, {"length": 5, "width": 2}, 2, 0)[0]["x"].shape == (2, 5, 2, 1)


@pytest.mark.parametrize(
    ("shapes", "dims", "sizes"),
    [
        ([(4, 3)], {}, [(8, 3)]),
        ([(4, 3), (4, 2)], {}, [(8, 3), (8, 2)]),
        ([("batch", 3), (2, 3)], {}, [(8, 3), (8, 2, 3)]),
        ([("steps", 3)], {"steps": 5}, [(8, 5, 3)]),
        ([()], {}, [(8,)]),
        ([None], {}, [(8,)]),
    ],
)
def test_generated_rows_come_first(
    shapes: list[Shape], dims: dict[str, int], sizes: list[tuple[int, ...]]
) -> None:
    ports = tuple(port(shape=shape, name=f"x{i}") for i, shape in enumerate(shapes))
    found, notes = inputs.generate(ports, dims, 8, 0)
    assert [found[one.name].shape for one in ports] == sizes
    assert notes == ()
