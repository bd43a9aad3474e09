"""An output is read as classes, shares or numbers for certain, or asked about in one line."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import answers
from frugalbench.errors import UsageError
from frugalbench.record import Answer, DataFacts, ModelFacts, Port
from frugalbench.spec import Data, OutputKind

Array = npt.NDArray[Any]
Label = answers.Label


def answer(kind: OutputKind, *, positions: bool = False) -> Answer:
    return Answer(output="y", kind=kind, how="declared", positions=positions)


def model(
    kind: OutputKind | None,
    shape: tuple[int | str | None, ...] | None = None,
    dtype: str = "float",
    **fields: Any,
) -> ModelFacts:
    read = answer(kind, **fields) if kind else None
    out = (Port(name="y", dtype=dtype, shape=shape),)
    return ModelFacts(name="m", sha256="", bytes=1, inputs=(), outputs=out, answer=read)


def facts(classes: tuple[Label, ...], positive: int | None = None) -> DataFacts:
    return DataFacts(
        name="d",
        sha256="",
        bytes=1,
        rows_in_file=1,
        rows=1,
        label="label",
        classes=classes,
        positive=positive,
        groups={},
    )


def decoded(
    kind: OutputKind,
    output: Any,
    classes: tuple[Label, ...] = (0, 1),
    *,
    positive: int | None = None,
    threshold: float = 0.5,
    positions: bool = False,
) -> dict[str, Array]:
    read = answer(kind, positions=positions)
    return answers.decode(np.asarray(output), read, facts(classes, positive), threshold)


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(UsageError) as caught:
        call()
    assert str(caught.value).isprintable()
    return str(caught.value)


# Labels


@pytest.mark.parametrize(
    ("output", "classes", "codes"),
    [
        ([3, 1, 3], (1, 3), [1, 0, 1]),
        ([[3], [1]], (1, 3), [1, 0]),
        ([3.0, 1.0], (1, 3), [1, 0]),
        ([True, False], (0, 1), [1, 0]),
        ([True, False], (False, True), [1, 0]),
        (["no", "yes"], ("yes", "no"), [1, 0]),
        (np.array(["no", "yes"], object), ("yes", "no"), [1, 0]),
        ([1, 0], ("yes", "no"), [1, 0]),
        ([1, -7, -1], ("yes", "no"), [1, -1, -1]),
        ([1, 9], (1, 3), [0, -1]),
        ([1.0, 0.5, np.nan], ("yes", "no"), [1, -1, -1]),
        (["no", "maybe"], ("yes", "no"), [1, -1]),
    ],
)
def test_label_answers_become_codes(
    output: Any, classes: tuple[Label, ...], codes: list[int]
) -> None:
    found = decoded("label", output, classes)
    assert list(found) == ["y_pred"]
    assert found["y_pred"].tolist() == codes
    assert found["y_pred"].dtype == np.int64


def test_positions_are_places_in_the_list_of_classes() -> None:
    assert decoded("label", [1, 0, -2], (3, 1), positions=True)["y_pred"].tolist() == [1, 0, -1]
    with pytest.raises(UsageError, match="no place in the 2 classes"):
        decoded("label", [1, 0, 2], (3, 1), positions=True)


@pytest.mark.parametrize(
    ("output", "classes"),
    [(["a", "b"], (0, 1)), ([5, 6], (0, 1)), ([-5, -6], ("x", "y")), (["1"], (0, 1))],
)
def test_labels_that_never_match_are_refused(output: Any, classes: tuple[Label, ...]) -> None:
    line = refused(lambda: decoded("label", output, classes))
    assert "labels do not match: the model answers [" in line
    assert "set model.classes=[…]" in line


@pytest.mark.parametrize("kind", ["label", "value"])
def test_several_numbers_a_row_are_not_one_answer(kind: OutputKind) -> None:
    for output in (np.zeros((3, 2)), np.zeros((3, 1, 1))):
        line = refused(lambda output=output: decoded(kind, output))
        assert f"numbers a row, not one {kind}: check model.output_kind" in line


# Numbers


def test_numbers_are_kept_as_they_are() -> None:
    found = decoded("value", np.array([[1.5], [np.nan]], np.float32), ())
    assert found["value"] == pytest.approx([1.5, np.nan], nan_ok=True)
    assert found["value"].dtype == np.float64
    assert "holds text, not numbers" in refused(lambda: decoded("value", ["1.5"]))


def test_the_labels_of_a_regression_are_numbers() -> None:
    assert answers.numbers([1, 2.5, True], "c").tolist() == [1, 2.5, 1]
    line = refused(lambda: answers.numbers(["high"], "c"))
    assert "label column 'c' is text: convert it to numbers" in line


# Scores


@pytest.mark.parametrize("output", [[0.2, 0.7], [[0.2], [0.7]], [[0.8, 0.2], [0.3, 0.7]]])
def test_one_column_is_the_share_of_the_second_class(output: Any) -> None:
    found = decoded("probability", output)
    assert found["score"] == pytest.approx(np.array([[0.8, 0.2], [0.3, 0.7]]))
    assert found["y_pred"].tolist() == [0, 1]


def test_the_largest_of_several_shares_wins() -> None:
    found = decoded("probability", [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]], ("a", "b", "c"))
    assert found["y_pred"].tolist() == [1, 0]
    assert found["score"].shape == (2, 3)


@given(
    rows=st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1,
    )
)
def test_logits_become_the_shares_of_one(rows: list[list[float]]) -> None:
    found = decoded("logit", rows, (0, 1, 2))
    assert found["score"].sum(axis=1) == pytest.approx(1)
    assert (found["score"] >= 0).all()
    best = found["score"].max(axis=1)
    assert found["score"][np.arange(len(rows)), found["y_pred"]] == pytest.approx(best)


def test_one_logit_is_the_sigmoid_of_the_second_class() -> None:
    found = decoded("logit", [0.0, np.log(3), 1e6, -1e6])
    assert found["score"][:, 1] == pytest.approx([0.5, 0.75, 1, 0])


@pytest.mark.parametrize(
    ("positive", "threshold", "codes"),
    [
        (None, 0.5, [0, 0, 1]),
        (1, 0.5, [0, 1, 1]),
        (0, 0.5, [0, 0, 1]),
        (1, 0.75, [0, 0, 1]),
        (1, 0.25, [1, 1, 1]),
        (0, 0.75, [0, 1, 1]),
    ],
)
def test_the_threshold_decides_and_a_tie_is_positive(
    positive: int | None, threshold: float, codes: list[int]
) -> None:
    scores = [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]
    found = decoded("probability", scores, positive=positive, threshold=threshold)
    assert found["y_pred"].tolist() == codes


@pytest.mark.parametrize("kind", ["probability", "logit"])
@pytest.mark.parametrize("positive", [None, 1])
def test_a_row_whose_score_is_no_number_has_no_answer(
    kind: OutputKind, positive: int | None
) -> None:
    for bad in ([np.nan, 1.0], [np.inf, np.inf], [np.nan, np.nan]):
        found = decoded(kind, [bad, [0.0, 1.0]], positive=positive)
        assert found["y_pred"].tolist() == [-1, 1]


def test_a_single_nan_column_has_no_answer() -> None:
    for kind in ("probability", "logit"):
        assert decoded(kind, [np.nan, 0.9], positive=1)["y_pred"].tolist() == [-1, 1]


@pytest.mark.parametrize(
    "output", [[[2.0, -1.0]], [[0.9, 0.9]], [[0.2, 0.2]], [3.0], [[1e308, 1e308]]]
)
def test_scores_that_are_no_shares_are_refused(output: Any) -> None:
    line = refused(lambda: decoded("probability", output))
    assert "its rows are not shares of one: set model.output_kind=logit" in line


def test_eight_bit_rounding_is_no_reason_to_refuse() -> None:
    assert decoded("probability", [[0.5, 0.5039], [-0.004, 1.0]])["y_pred"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("shape", "classes"), [((3, 3), (0, 1)), ((3, 2, 2), (0, 1)), ((3,), (0,)), ((3, 0), (0, 1))]
)
def test_another_number_of_scores_than_classes_is_refused(
    shape: tuple[int, ...], classes: tuple[Label, ...]
) -> None:
    for kind in ("probability", "logit"):
        line = refused(lambda kind=kind: decoded(kind, np.full(shape, 0.5), classes))
        assert f"for {len(classes)} classes: check model.output and model.classes" in line


def test_scores_are_no_text() -> None:
    assert "set model.output_kind=label" in refused(lambda: decoded("probability", ["a", "b"]))


# Which class is which


def test_integers_are_not_matched_to_text_by_the_alphabet() -> None:
    """A model that answers 0 for good and 1 for bad would be wrong on every row."""
    facts_of = model("label", ("batch",), dtype="int64")
    assert "name the classes of 0, 1" in refused(
        lambda: answers.classes_of(facts_of, (), ["good", "bad"], "c")
    )
    assert answers.classes_of(facts_of, ("good", "bad"), ["bad"], "c") == ("good", "bad")


@pytest.mark.parametrize(
    ("facts", "named", "labels", "classes"),
    [
        (model("probability", ("batch", 2)), (), [1, 0], (0, 1)),
        (model("probability", ("batch", 3)), (), [1, 0], (0, 1, 2)),
        (model("probability", ("batch", 1)), (), [0, 0], (0, 1)),
        (model("probability", ("batch",)), (), [0, 1], (0, 1)),
        (model("probability", ("batch", "n")), (), [0, 2, 1], (0, 1, 2)),
        (model("probability", None), (), [0, 1], (0, 1)),
        (model("logit", ("batch", 2)), ("no", "yes"), ["yes"], ("no", "yes")),
        (model("label", dtype="string"), (), ["b", "a", "b"], ("a", "b")),
        (model("label"), (), [7, 3], (3, 7)),
        (model("label"), (3, 7), [7], (3, 7)),
        (model("label", positions=True), (), [2, 0, 1], (0, 1, 2)),
    ],
)
def test_the_classes_are_named_or_count_from_nought(
    facts: ModelFacts, named: tuple[Label, ...], labels: list[Label], classes: tuple[Label, ...]
) -> None:
    assert answers.classes_of(facts, named, labels, "c") == classes


@pytest.mark.parametrize(
    ("facts", "named", "labels", "says"),
    [
        (model("probability", ("batch", 2)), (), ["a", "b"], "holds the labels 'a', 'b' and the"),
        (model("probability", ("batch", 2)), (), [1, 2], "list them in the order of its score"),
        (model("probability", ("batch", 2)), (), [0, 1, 2], "model.classes=[…]"),
        (model("label", positions=True), (), ["a"], "the model does not name its classes"),
        (model("probability", ("batch", 3)), ("a", "b"), ["a"], "gives 3 scores a row for 2 named"),
        (model("probability", ("batch", 1)), ("a",), ["a"], "gives 2 scores a row for 1 named"),
        (model("label"), ("a", "b", "a"), ["a"], "names a class twice: a, b, a"),
        (model("label"), (1, True), [1], "names a class twice"),
        (model(None), (), [1], "add model.output=NAME and model.output_kind="),
    ],
)
def test_classes_nothing_names_are_asked_for(
    facts: ModelFacts, named: tuple[Label, ...], labels: list[Label], says: str
) -> None:
    assert says in refused(lambda: answers.classes_of(facts, named, labels, "c"))


def test_labels_are_places_in_the_classes() -> None:
    assert answers.codes(["b", "a", "b"], ("a", "b"), "c").tolist() == [1, 0, 1]
    assert answers.codes([1.0, False], (0, 1), "c").tolist() == [1, 0]
    line = refused(lambda: answers.codes(["a", "z"], ("a", "b"), "c"))
    assert line.startswith("labels do not match: column 'c' holds z and the model answers a, b")


@pytest.mark.parametrize(
    ("data", "classes", "positive"),
    [
        (Data(path="d"), (0, 1), 1),
        (Data(path="d"), (1, 0), 0),
        (Data(path="d"), (False, True), 1),
        (Data(path="d"), ("no", "yes"), None),
        (Data(path="d", positive="no"), ("no", "yes"), 0),
        (Data(path="d", positive=0), (0, 1), 0),
        (Data(path="d"), (0, 1, 2), None),
        (Data(path="d", groups=("g",)), (0, 1, 2), None),
    ],
)
def test_the_positive_class_is_declared_or_one(
    data: Data, classes: tuple[Label, ...], positive: int | None
) -> None:
    assert answers.positive_of(data, classes) == positive


@pytest.mark.parametrize(
    ("data", "classes", "says"),
    [
        (Data(path="d", positive="maybe"), ("no", "yes"), "positive=maybe is not one of"),
        (Data(path="d", positive=1), (0, 1, 2), "needs two classes; the model has 3"),
        (Data(path="d", groups=("g",)), ("no", "yes"), "add data.positive=no or yes"),
    ],
)
def test_an_unclear_positive_class_is_asked_for(
    data: Data, classes: tuple[Label, ...], says: str
) -> None:
    assert says in refused(lambda: answers.positive_of(data, classes))


def test_a_threshold_without_effect_is_refused() -> None:
    answers.check_threshold(0.5, answer("label"), None)
    answers.check_threshold(0.7, answer("probability"), 1)
    line = refused(lambda: answers.check_threshold(0.7, answer("label"), 1))
    assert "the model answers labels" in line
    line = refused(lambda: answers.check_threshold(0.7, answer("probability"), None))
    assert "data.positive=…" in line
