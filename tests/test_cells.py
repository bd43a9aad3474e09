"""What rests on few people is hidden, and so is what gives it away."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from _build import change, labels, missing
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.certify import Policy, Rule, judge
from frugalbench.certify._cells import Asked, level_of, suppressed, too_few
from frugalbench.metrics import find
from frugalbench.record import Record
from frugalbench.report._disclosed import claims, measures, shared
from frugalbench.values import Missing, Value

LEAST = 10


def _answers(codes: dict[str, Any], names: dict[str, list[str]], **facts: Any) -> Record:
    rows = len(next(iter(codes.values())))
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, rows)
    answer = np.where(rng.random(rows) < 0.8, truth, 1 - truth)
    made = labels(truth, answer, codes, names=names)
    assert made.data is not None
    return change(made, data=change(made.data, **facts))


def _two(few: int = 2, many: int = 498) -> Record:
    return _answers({"sex": np.r_[np.zeros(many, int), np.ones(few, int)]}, {"sex": ["M", "F"]})


def _hidden(record: Record, name: str) -> set[str]:
    """The addresses of a metric whose number is not shown, each of which has one."""
    return {
        line.address
        for line in measures(record, None)
        if line.name == name
        and isinstance(line.measure, Missing)
        and line.measure.reason == "small_cell"
    }


def _shown(record: Record, name: str) -> set[str]:
    return {
        line.address
        for line in measures(record, None)
        if line.name == name and isinstance(line.measure, Value)
    }


def test_of_two_groups_the_other_is_hidden_too() -> None:
    record = _two()
    assert _hidden(record, "fairness.accuracy") == {
        "fairness.accuracy[sex=F]",
        "fairness.accuracy[sex=M]",
    }
    assert _shown(record, "quality.accuracy") == {"quality.accuracy"}
    assert not _hidden(_two(10), "fairness.accuracy")


def test_of_three_groups_the_next_smallest_is_hidden_too() -> None:
    codes = np.r_[np.zeros(300, int), np.ones(40, int), np.full(3, 2)]
    record = _answers({"sex": codes}, {"sex": ["M", "F", "X"]})
    assert _shown(record, "fairness.accuracy") == {"fairness.accuracy[sex=M]"}


def test_small_groups_that_are_enough_together_hide_no_other() -> None:
    codes = np.r_[np.zeros(300, int), np.ones(8, int), np.full(7, 2)]
    record = _answers({"sex": codes}, {"sex": ["M", "F", "X"]})
    assert _shown(record, "fairness.accuracy") == {"fairness.accuracy[sex=M]"}
    codes = np.r_[np.zeros(300, int), np.ones(50, int), np.full(5, 2), np.full(4, 3)]
    record = _answers({"sex": codes}, {"sex": ["M", "F", "X", "Y"]})
    assert _shown(record, "fairness.accuracy") == {"fairness.accuracy[sex=M]"}


def _crossed(**facts: Any) -> Record:
    """Two columns; in one of their four cells are two people."""
    counts = {(0, 0): 100, (0, 1): 60, (1, 0): 80, (1, 1): 2}
    pairs = [pair for pair, n in counts.items() for _ in range(n)]
    sex, age = np.array(pairs).T
    names = {"sex": ["M", "F"], "age": ["young", "old"]}
    return _answers({"sex": sex, "age": age}, names, **facts)


def test_an_intersection_is_not_given_away_by_its_columns() -> None:
    record = _crossed(intersections=(("sex", "age"),))
    assert len(_hidden(record, "fairness.accuracy")) == 4, "both rows and both columns"
    assert len(_shown(record, "fairness.accuracy")) == 4, "sex and age themselves"


def test_levels_of_a_control_and_an_intersection_hide_the_same_people() -> None:
    record = _crossed(intersections=(("sex", "age"),), controls=("age",))
    hidden = _hidden(record, "fairness.accuracy")
    assert "fairness.accuracy[sex | age=old=F]" in hidden
    assert "fairness.accuracy[sex & age=F & old]" in hidden
    assert "fairness.accuracy[sex | age=young=F]" in hidden, "sex=F less this is the one"
    assert _shown(record, "fairness.accuracy") >= {"fairness.accuracy[sex=F]"}
    gaps = _hidden(record, "fairness.accuracy_difference")
    assert "fairness.accuracy_difference[sex | age=young]" in gaps


COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=12)


def _safe(counts: list[int], hidden: list[bool], least: int) -> bool:
    gone = [n for n, few in zip(counts, hidden, strict=True) if few]
    return not gone or all(hidden) or (len(gone) > 1 and sum(gone) >= least)


@given(COUNTS, st.integers(1, 40))
def test_no_table_gives_a_hidden_number_away(counts: list[int], least: int) -> None:
    cells = {place: (n, ("table",)) for place, n in enumerate(counts)}
    found = suppressed(cells, least)
    hidden = [place in found for place in cells]
    assert all(few for few, n in zip(hidden, counts, strict=True) if n < least)
    assert _safe(counts, hidden, least)
    if min(counts) >= least:
        assert not any(hidden), "nothing is hidden without a reason"


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_neither_rows_nor_columns_give_one_away(rows: int, columns: int, data: Any) -> None:
    places = list(product(range(rows), range(columns)))
    counts = {place: data.draw(st.integers(0, 60)) for place in places}
    found = suppressed(
        {at: (n, (("row", at[0]), ("column", at[1]))) for at, n in counts.items()}, LEAST
    )
    lines = [[p for p in places if p[0] == i] for i in range(rows)]
    lines += [[p for p in places if p[1] == j] for j in range(columns)]
    for line in lines:
        assert _safe([counts[p] for p in line], [p in found for p in line], LEAST)


def _rare(positives: int, rows: int = 400, **arrays: Any) -> Record:
    truth = np.r_[np.ones(positives, int), np.zeros(rows - positives, int)]
    rng = np.random.default_rng(2)
    score = np.clip(0.2 + 0.4 * truth + 0.2 * rng.random(rows), 0, 1)
    made = labels(truth, (score > 0.5).astype(int), {"sex": np.arange(rows) % 2})
    held = made.arrays | {"score": np.column_stack([1 - score, score])} | arrays
    return change(made, arrays=held)


BY_CLASS = ("quality.balanced_accuracy", "quality.auc", "quality.f1")


@pytest.mark.parametrize("positives", [2, 9])
def test_a_rate_by_class_rests_on_its_smallest_class(positives: int) -> None:
    record = _rare(positives)
    for name in BY_CLASS:
        assert isinstance(find(name)(record), Value), name
        assert _hidden(record, name) == {name}
    assert _shown(record, "quality.accuracy"), "it is of all rows"
    assert not _hidden(_rare(200), "quality.auc")
    assert _shown(_rare(10), "quality.balanced_accuracy")


def test_the_area_of_a_group_rests_on_its_smallest_class() -> None:
    record = _rare(12)
    assert _hidden(record, "fairness.auc_difference") == {"fairness.auc_difference[sex]"}
    assert _hidden(record, "fairness.auc") == {"fairness.auc[sex=g0]", "fairness.auc[sex=g1]"}
    assert len(_shown(record, "fairness.accuracy")) == 2


def test_rows_of_few_people_are_few() -> None:
    record = _rare(200, cluster=np.arange(400) % 5)
    assert record.data is not None
    record = change(record, data=change(record.data, cluster="person", clusters=5))
    assert isinstance(find("quality.accuracy")(record), Value)
    assert _hidden(record, "quality.accuracy") == {"quality.accuracy"}


def _judged(record: Record) -> Any:
    asked = ("fairness.accuracy_difference", "quality.balanced_accuracy")
    rules = tuple(Rule(id=one[-8:], metric=one, unit="1", at_most=0.9) for one in asked)
    return judge(record, Policy(name="p", version="1", rules=rules, missing_groups="include"))


def test_a_shared_verdict_keeps_every_outcome_and_counts_nobody() -> None:
    record = _two()
    verdict = _judged(record)
    told = shared(record, verdict)
    assert [one.outcome for one in told.findings] == [one.outcome for one in verdict.findings]
    gap, whole = told.findings
    assert isinstance(gap.measure, Missing)
    assert gap.measure.reason == "small_cell"
    assert gap.needed is None
    assert "2 rows" in verdict.findings[0].explanation
    assert "2 " not in gap.explanation
    assert whole == verdict.findings[1]
    assert claims(record, verdict)[0].measure == gap.measure


def test_what_has_no_number_is_no_cell() -> None:
    record = _two(498, 498)
    gone = missing("fairness.auc", record, attribute="sex", group="F")
    asked = [Asked("fairness.auc", {"attribute": "sex", "group": "F"}, gone)]
    assert too_few(record, asked, LEAST) == (False,)


def test_a_name_is_taken_apart_by_its_columns() -> None:
    columns = ("sex", "region", "a | sex=x")
    assert level_of("sex | region=north | b", columns) == ("sex", "region")
    assert level_of("sex & region | sex=x", columns) == ("sex & region", "sex")
    assert level_of("a | sex=x", columns) is None
    assert level_of("sex", columns) is None
    assert level_of("other | nothing=1", columns) is None
