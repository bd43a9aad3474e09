"""A table of answers is counted as it streams by, like a record, or is refused in one line."""

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from _build import labels
from _records import HOSTILE
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from frugalbench import audit as audit_module
from frugalbench.audit import audit
from frugalbench.cli import main
from frugalbench.errors import FrugalbenchError, UsageError
from frugalbench.metrics import MISSING_GROUP, find
from frugalbench.metrics._counts import Counts, counts_by_group
from frugalbench.metrics.fairness import disparity
from frugalbench.values import Missing, Value

IN_ONE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
DISPARITIES = ("demographic_parity_difference", "equalized_odds_difference", "accuracy_difference")


def write(path: Path, columns: dict[str, Any]) -> Path:
    table = pa.table(columns)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
    return path


def counted(path: Path, columns: dict[str, Any] | None = None, **asked: Any) -> Counts:
    """The counts by `sex`."""
    if columns is not None:
        write(path, columns)
    found = audit(path, **{"label": "y", "answer": "p", "groups": ["sex"], **asked})
    return found[asked.get("groups", ["sex"])[0]]


def refusal(path: Path, columns: dict[str, Any] | bytes | None = None, **asked: Any) -> str:
    """The one line a table is refused with."""
    if isinstance(columns, bytes):
        path.write_bytes(columns)
        columns = None
    with pytest.raises(UsageError) as caught:
        counted(path, columns, **asked)
    assert str(caught.value).isprintable()
    return str(caught.value)


def by_name(counts: Counts) -> dict[tuple[str, Any, Any], int]:
    """The rows of each group, label and answer that has any; an answer of no class is None."""
    answers = (*counts.classes, None)
    return {
        (group, label, answer): int(counts.table[g, y, a])
        for g, group in enumerate(counts.names)
        for y, label in enumerate(counts.classes)
        for a, answer in enumerate(answers)
        if counts.table[g, y, a]
    }


PEOPLE = {
    "y": [0, 1, 1, 0, 1, 0],
    "p": [0, 1, 0, 1, 1, 0],
    "sex": ["f", "f", "m", "m", "m", "f"],
}


# The same as a record


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@IN_ONE
@given(data=st.data())
def test_a_table_is_counted_like_a_record_whatever_the_batches(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    rows = data.draw(st.integers(2, 60))
    classes = data.draw(st.integers(2, 4))
    y = data.draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    p = data.draw(st.lists(st.sampled_from(y), min_size=rows, max_size=rows))
    g = data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    positive = data.draw(st.sampled_from(sorted(set(y))))
    names = [f"g{code}" for code in range(4)]
    columns = {"y": y, "p": p, "sex": [names[code] for code in g]}
    path = write(tmp_path / f"t{suffix}", columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_module, "BATCH_ROWS", data.draw(st.integers(1, 70)))
        found = counted(path, positive=positive)
    record = labels(
        y, p, {"sex": g}, names={"sex": names}, classes=tuple(range(classes)), positive=positive
    )
    expected = counts_by_group(record, "sex", "include")
    assert isinstance(expected, Counts)
    assert by_name(found) == by_name(expected)
    assert found.names == tuple(sorted({names[code] for code in g}))
    assert found.classes == tuple(sorted(set(y)))
    assert found.positive is not None
    assert found.classes[found.positive] == positive


def test_disparities_of_a_table_are_those_of_a_record(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    y, g = rng.integers(0, 2, 500), rng.integers(0, 3, 500)
    p = np.where(rng.random(500) < 0.8 - 0.2 * (g == 1), y, 1 - y)
    names = ["a", "b", "c"]
    found = counted(tmp_path / "t.parquet", {"y": y, "p": p, "sex": np.array(names)[g]})
    record = labels(y, p, {"sex": g}, names={"sex": names})
    for name in DISPARITIES:
        seed = record.spec.plan.seed
        expected = find(f"fairness.{name}")(record, attribute="sex")
        assert disparity(found, name, "sex", seed) == expected


def test_classes_that_come_in_a_late_batch_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "BATCH_ROWS", 4)
    columns = {
        "y": ["b"] * 8 + ["a", "c"],
        "p": ["b"] * 4 + ["c", "c", "a", "b"] + ["a", "b"],
        "sex": ["m"] * 9 + ["f"],
    }
    found = counted(tmp_path / "t.parquet", columns)
    assert found.classes == ("a", "b", "c")
    assert found.names == ("f", "m")
    assert by_name(found) == {
        ("m", "b", "b"): 5,
        ("m", "b", "c"): 2,
        ("m", "b", "a"): 1,
        ("m", "a", "a"): 1,
        ("f", "c", "b"): 1,
    }


@pytest.mark.parametrize(
    ("y", "p", "classes", "positive"),
    [
        ([0, 1, 1, 0], [0, 1, 0, 1], (0, 1), 1),
        ([0.0, 1.0, 1.0, 0.0], [0, 1, 0, 1], (0, 1), 1),
        ([False, True, True, False], [0, 1, 0, 1], (0, 1), 1),
        (["no", "yes", "yes", "no"], ["no", "yes", "no", "yes"], ("no", "yes"), "yes"),
    ],
    ids=["int", "float", "bool", "text"],
)
def test_labels_of_any_type_are_classes(
    tmp_path: Path, y: Any, p: Any, classes: Any, positive: Any
) -> None:
    columns = {"y": y, "p": p, "sex": [1.0, 1.0, 2.0, 2.0]}
    found = counted(tmp_path / "t.parquet", columns, positive=positive)
    assert (found.names, found.classes, found.positive) == (("1", "2"), classes, 1)
    assert by_name(found) == {
        (group, classes[label], classes[answer]): 1
        for group, label, answer in (("1", 0, 0), ("1", 1, 1), ("2", 1, 0), ("2", 0, 1))
    }


def test_the_positive_label_may_be_given_as_it_reads(tmp_path: Path) -> None:
    for positive in (1, "1"):
        assert counted(tmp_path / "t.parquet", PEOPLE, positive=positive).positive == 1
    assert counted(tmp_path / "t.parquet", PEOPLE).positive == 1


def test_groups_are_sorted_as_numbers_where_they_are(tmp_path: Path) -> None:
    columns = {"y": [0, 1, 1], "p": [0, 1, 1], "sex": [10, 9, 100]}
    assert counted(tmp_path / "t.parquet", columns).names == ("9", "10", "100")


def test_several_columns_are_counted_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", {**PEOPLE, "age": [1, 1, 1, 2, 2, 2]})
    found = audit(path, label="y", answer="p", groups=("sex", "age"))
    assert [counts.names for counts in found.values()] == [("f", "m"), ("1", "2")]
    assert [int(counts.table.sum()) for counts in found.values()] == [6, 6]


# Rows without a group


@pytest.mark.parametrize("gap", [None, "", math.nan], ids=["null", "empty", "NaN"])
def test_rows_without_a_group_are_refused_included_or_left_out(tmp_path: Path, gap: Any) -> None:
    known: list[Any] = [1.0, 1.0, 2.0, 2.0] if gap != gap else ["1", "1", "2", "2"]
    columns = {"y": [0, 1, 1, 0, 1], "p": [0, 1, 1, 0, 0], "sex": [*known, gap]}
    path = tmp_path / "t.parquet"
    said = refusal(path, columns)
    assert "1 rows have no 'sex'" in said
    assert "--missing include" in said
    assert "--missing exclude" in said
    included = counted(path, missing="include")
    assert included.names == ("1", "2", MISSING_GROUP)
    assert included.rows.tolist() == [2, 2, 1]
    left_out = counted(path, missing="exclude")
    assert left_out.names == ("1", "2")
    assert left_out.rows.tolist() == [2, 2]


def test_a_group_that_calls_itself_missing_is_not_mixed_up_with_rows_that_say_nothing(
    tmp_path: Path,
) -> None:
    columns = {"y": [0, 1, 1], "p": [0, 1, 1], "sex": ["a", MISSING_GROUP, None]}
    said = refusal(tmp_path / "t.parquet", columns, missing="include")
    assert MISSING_GROUP in said


# What is refused


def test_columns_that_are_not_there_are_named_with_the_nearest(tmp_path: Path) -> None:
    for suffix in (".csv", ".parquet"):
        path = write(tmp_path / f"t{suffix}", PEOPLE)
        assert "did you mean 'sex'" in refusal(path, groups=["sexe"])
        assert "no column 'truth'" in refusal(path, label="truth")


def test_labels_must_be_there(tmp_path: Path) -> None:
    for gap in (None, math.nan):
        columns = {"y": [0.0, 1.0, gap], "p": [0, 1, 1], "sex": ["a", "b", "b"]}
        assert "no label in 'y'" in refusal(tmp_path / "t.parquet", columns)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_answer_that_is_not_there_is_no_wrong_one(tmp_path: Path, suffix: str) -> None:
    columns = {"y": [1, 1, 0, 0], "p": [1, None, 0, 0], "sex": ["a", "a", "b", "b"]}
    assert "1 rows have no answer in 'p'" in refusal(tmp_path / f"t{suffix}", columns)


def test_answers_that_are_no_label_are_named_and_counted(tmp_path: Path) -> None:
    columns = {"y": [0, 1] * 60, "p": [0, 1, 2, 3, 2, 1] * 20, "sex": ["a", "b"] * 60}
    said = refusal(tmp_path / "t.parquet", columns)
    assert "60 answers in 'p' are none of the labels (2, 3): recode them" in said
    columns["p"] = list(range(120))
    assert "118 answers in 'p'" in (said := refusal(tmp_path / "t.csv", columns))
    assert "(2, 3, 4, 5, 6, …)" in said


def test_the_groups_of_a_csv_are_the_text_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("y,p,sex\n0,0,01\n1,1,1\n1,1,10\n0,0,9\n1,0,\n1,1,NA\n")
    found = counted(path, missing="include")
    assert found.names == ("01", "1", "9", "10", MISSING_GROUP)
    assert found.rows.tolist() == [1, 1, 1, 1, 2]


def test_a_column_of_labels_may_be_the_groups_too(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", PEOPLE)
    assert counted(path, groups=["y"]).names == ("0", "1")


def test_answers_in_other_words_are_not_all_wrong(tmp_path: Path) -> None:
    columns = {"y": [0, 1, 1], "p": ["no", "yes", "yes"], "sex": ["a", "b", "b"]}
    assert "in the same words" in refusal(tmp_path / "t.parquet", columns)


def test_two_classes_that_are_not_0_and_1_need_a_positive(tmp_path: Path) -> None:
    columns = {"y": ["a", "b"], "p": ["a", "b"], "sex": ["x", "y"]}
    assert "which label is positive" in refusal(tmp_path / "t.parquet", columns)
    assert "no row is labelled c" in refusal(tmp_path / "t.parquet", columns, positive="c")


def test_too_many_groups_or_classes_are_refused_before_memory_runs_out(tmp_path: Path) -> None:
    rows = np.arange(10_000)
    columns = {"y": rows % 2, "p": rows % 2, "sex": rows}
    assert "put its values in bands" in refusal(tmp_path / "t.parquet", columns)
    columns = {"y": rows, "p": rows, "sex": rows % 2}
    assert "'y' holds numbers, not classes" in refusal(tmp_path / "t.parquet", columns)
    scored: dict[str, Any] = {"y": rows % 2, "p": rows / 10_000, "sex": rows % 2}
    said = refusal(tmp_path / "t.parquet", scored)
    assert "'p' holds numbers, not classes" in said
    assert "'y'" not in said
    assert "a threshold first" in said
    columns = {"y": rows % 900, "p": rows % 900, "sex": rows // 12}
    assert "too many for 900 classes" in refusal(tmp_path / "t.parquet", columns)


def test_files_that_are_no_table_are_refused_in_one_line(tmp_path: Path) -> None:
    assert "there is no data file" in refusal(tmp_path / "none.csv")
    assert "must end in" in refusal(tmp_path / "t.txt", b"y,p,sex\n1,1,a\n")
    for suffix in (".csv", ".parquet"):
        refusal(tmp_path / f"empty{suffix}", b"")
        refusal(tmp_path / f"bytes{suffix}", bytes(range(256)) * 4)
        refusal(tmp_path / f"text{suffix}", b"Dear reader,\n\nthis is a letter.\n")
        folder = tmp_path / f"folder{suffix}"
        folder.mkdir()
        assert "there is no data file" in refusal(folder)
    assert "holds no rows" in refusal(tmp_path / "head.csv", b"y,p,sex\n")
    none = {name: pa.array([], pa.int64()) for name in ("y", "p", "sex")}
    assert "holds no rows" in refusal(tmp_path / "none.parquet", none)
    assert "two columns named 'y'" in refusal(tmp_path / "two.csv", b"y,y,p,sex\n1,1,1,a\n")


@pytest.mark.parametrize(
    "nested",
    [
        pa.array([[1], [0, 1], []]),
        pa.array([{"a": 1}, {"a": 2}, None]),
        pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    ],
    ids=["list", "struct", "map"],
)
@pytest.mark.parametrize("where", ["y", "p", "sex"])
def test_columns_of_lists_or_records_are_refused(tmp_path: Path, nested: Any, where: str) -> None:
    columns = {"y": [0, 1, 1], "p": [0, 1, 1], "sex": ["a", "b", "b"], where: nested}
    assert f"'{where}' holds lists or records" in refusal(tmp_path / "t.parquet", columns)


@IN_ONE
@given(data=st.data())
def test_damaged_files_are_refused_or_read_and_never_a_traceback(
    tmp_path: Path, data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from([".csv", ".parquet"]))
    whole = write(tmp_path / f"whole{suffix}", PEOPLE).read_bytes()
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=5)):
        if place < len(damaged):
            damaged[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(bytes(damaged))
    # Anything but an error of ours would end the test.
    with suppress(FrugalbenchError):
        assert counted(path, missing="include").table.min() >= 0


@IN_ONE
@given(
    names=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
        min_size=2,
        max_size=6,
    )
)
def test_groups_of_any_name_are_counted_alike_in_both_formats(
    tmp_path: Path, names: list[str]
) -> None:
    """Quotes, commas, line breaks, empty names: nothing but an empty one says no group."""
    y = [place % 2 for place in range(len(names))]
    columns = {"y": y, "p": y, "sex": names}
    expected = {name: names.count(name) for name in names if name}
    expected |= {MISSING_GROUP: names.count("")} if "" in names else {}
    found = counted(tmp_path / "t.parquet", columns, missing="include")
    assert dict(zip(found.names, found.rows.tolist(), strict=True)) == expected


def test_a_csv_keeps_quotes_commas_and_line_breaks_in_names(tmp_path: Path) -> None:
    names = ['say "yes"', "a, b", "two\nlines", "élan", "京都", "ذكر"]
    columns = {"y": [0, 1] * 3, "p": [0, 1] * 3, "sex": names}
    assert set(counted(tmp_path / "t.csv", columns).names) == set(names)


# The command


def say(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", *words])


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two groups that are answered alike, and a third whose answers are right less often."""
    rng = np.random.default_rng(1)
    y, g = rng.integers(0, 2, 3000), rng.integers(0, 3, 3000)
    p = np.where(rng.random(3000) < 0.9 - 0.3 * (g == 2), y, 1 - y)
    return write(tmp_path / "people.csv", {"y": y, "p": p, "sex": np.array(["f", "m", "x"])[g]})


def test_the_command_shows_groups_disparities_and_who_is_outside(people: Path) -> None:
    result = say(str(people), "--label=y", "--answer=p", "--group=sex", "--margin=0.1")
    assert result.exit_code == 0, result.stderr
    for words in ("By sex", "equal opportunity difference", "outside 0.1", "f and x", "selected"):
        assert words in result.stdout
    without = say(str(people), "--label=y", "--answer=p", "--group=sex")
    assert "outside" not in without.stdout


def test_the_json_of_the_command_holds_what_the_package_finds(people: Path) -> None:
    result = say(
        str(people), "--label=y", "--answer=p", "--group=sex", "--margin=0.1", "--json",
        "--positive=1",
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert found.keys() == {"format", "classes", "positive", "margin", "columns"}
    assert (found["format"], found["classes"], found["positive"]) == (1, ["0", "1"], "1")
    (column,) = found["columns"]
    counts = counted(people)
    first = column["groups"][0]
    hits, trials = counts.rate("tpr")
    assert (first["group"], first["n"]) == ("f", int(counts.rows[0]))
    assert first["rates"]["tpr"]["estimate"] == hits[0] / trials[0]
    assert first["positives"] + first["negatives"] == first["n"]
    for one in column["disparities"]:
        measure = disparity(counts, one["name"], "sex")
        assert isinstance(measure, Value)
        assert one["measure"]["low"] == measure.low
        expected = "outside" if measure.low > 0.1 else "within" if measure.high <= 0.1 else "open"
        assert one["standing"] == expected
        assert bool(one["flagged"]) == (expected == "outside")
        if expected == "open":
            assert all(few["wanted"] > few["now"] for few in one["needed"])
    standings = {one["name"]: one["standing"] for one in column["disparities"]}
    assert standings["accuracy_difference"] == "outside"
    assert standings["demographic_parity_difference"] == "within"


def test_a_rate_that_no_row_has_is_missing_in_the_command_too(tmp_path: Path) -> None:
    columns = {"y": [0, 1, 0, 0], "p": [0, 1, 1, 0], "sex": ["f", "f", "m", "m"]}
    path = write(tmp_path / "t.parquet", columns)
    result = say(str(path), "--label=y", "--answer=p", "--group=sex", "--margin=0.2", "--json")
    (column,) = json.loads(result.stdout)["columns"]
    assert column["groups"][1]["rates"]["tpr"]["reason"] == "no_positives"
    gap = next(x for x in column["disparities"] if x["name"] == "equal_opportunity_difference")
    assert (gap["measure"]["type"], gap["standing"]) == ("missing", "")
    shown = say(str(path), "--label=y", "--answer=p", "--group=sex", "--margin=0.2")
    assert shown.exit_code == 0


def test_more_classes_are_compared_one_by_one(tmp_path: Path) -> None:
    y = [place % 3 for place in range(30)]
    path = write(tmp_path / "t.csv", {"y": y, "p": y, "sex": ["a", "b"] * 15})
    result = say(str(path), "--label=y", "--answer=p", "--group=sex", "--json")
    found = json.loads(result.stdout)
    assert found["positive"] == ""
    assert [one["of"] for one in found["columns"][0]["groups"]] == ["0", "0", "1", "1", "2", "2"]
    shown = say(str(path), "--label=y", "--answer=p", "--group=sex")
    assert "class 2" in shown.stdout


def test_hostile_names_neither_colour_nor_break_what_is_shown(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if name and name.isascii()] + ["\u202egnp.exe", "ذكر"]
    columns = {"y": [0, 1] * len(names), "p": [0, 1] * len(names), "sex": names * 2}
    path = write(tmp_path / "t.parquet", columns)
    words = [str(path), "--label=y", "--answer=p", "--group=sex", "--margin=0.1"]
    shown = say(*words)
    assert shown.exit_code == 0
    assert not any(one in shown.stdout for one in "\x1b\x07\x00\u202e")
    found = json.loads(say(*words, "--json").stdout)
    assert {one["group"] for one in found["columns"][0]["groups"]} == set(names)


def test_labels_that_change_their_type_far_down_are_refused_and_groups_are_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("y,p,sex\n" + "0,0,1\n" * 400_000 + "1,1,unknown\n")
    assert counted(path).names == ("1", "unknown")
    path.write_text("y,p,sex\n" + "0,0,1\n" * 400_000 + "unknown,1,1\n")
    assert "'unknown'" in refusal(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--group=sexe"], "did you mean 'sex'"),
        (["--group=sex", "--margin=2"], "no difference of two shares"),
        (["--group=sex", "--margin=nan"], "no difference of two shares"),
        (["--group=sex", "--positive=yes"], "no row is labelled yes"),
    ],
)
def test_the_command_refuses_in_one_line(people: Path, words: list[str], said: str) -> None:
    result = say(str(people), "--label=y", "--answer=p", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_one_group_has_no_disparity(tmp_path: Path) -> None:
    counts = counted(tmp_path / "t.csv", {"y": [0, 1], "p": [0, 1], "sex": ["a", "a"]})
    found = disparity(counts, "accuracy_difference", "sex")
    assert isinstance(found, Missing)
    assert found.reason == "one_group"


def test_a_dot_in_a_name_is_no_path_into_a_record(tmp_path: Path) -> None:
    columns = {
        "a.y": [0, 1, 1],
        "p": [0, 1, 1],
        "s.s": ["a", "b", "b"],
        "s": [{"s": "x"}, {"s": "y"}, None],
    }
    counts = counted(tmp_path / "t.parquet", columns, label="a.y", groups=["s.s"])
    assert dict(zip(counts.names, counts.rows.tolist(), strict=True)) == {"a": 1, "b": 2}
