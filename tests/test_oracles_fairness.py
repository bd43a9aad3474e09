"""Every rate, disparity and test beside an independent one, on tables where all is defined."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import fairlearn.metrics as fairlearn  # type: ignore[import-untyped]
import numpy as np
import pytest
from _build import change, from_table, labels, value
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, precision_score
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of  # type: ignore[import-untyped]
from statsmodels.stats.proportion import (  # type: ignore[import-untyped]
    confint_proportions_2indep,
    proportion_confint,
)

from frugalbench.metrics import find
from frugalbench.metrics._intervals import newcombe, wilson
from frugalbench.metrics._proportions import clopper_pearson, log_rate, mcnemar
from frugalbench.record import Record
from frugalbench.values import Value


def complement(rate: Callable[..., float]) -> Callable[..., float]:
    return lambda y_true, y_pred: 1 - rate(y_true, y_pred)


def npv(y_true: Any, y_pred: Any) -> float:
    return float(precision_score(y_true, y_pred, pos_label=0))


RATES: dict[str, Callable[..., float]] = {
    "selection_rate": fairlearn.selection_rate,
    "base_rate": lambda y_true, y_pred: float(np.mean(y_true)),
    "tpr": fairlearn.true_positive_rate,
    "fpr": fairlearn.false_positive_rate,
    "tnr": fairlearn.true_negative_rate,
    "fnr": fairlearn.false_negative_rate,
    "ppv": lambda y_true, y_pred: float(precision_score(y_true, y_pred)),
    "npv": npv,
    "false_omission_rate": complement(npv),
    "accuracy": accuracy_score,
}
DISPARITIES: dict[str, Callable[..., float]] = {
    "demographic_parity_difference": fairlearn.demographic_parity_difference,
    "equalized_odds_difference": fairlearn.equalized_odds_difference,
    "equal_opportunity_difference": fairlearn.equal_opportunity_difference,
    "predictive_parity_difference": fairlearn.make_derived_metric(
        metric=precision_score, transform="difference"
    ),
    "false_omission_difference": fairlearn.make_derived_metric(
        metric=complement(npv), transform="difference"
    ),
    "accuracy_difference": fairlearn.make_derived_metric(
        metric=accuracy_score, transform="difference"
    ),
    "demographic_parity_ratio": fairlearn.demographic_parity_ratio,
    "accuracy_group_min": fairlearn.make_derived_metric(
        metric=accuracy_score, transform="group_min"
    ),
    "tpr_group_min": fairlearn.make_derived_metric(
        metric=fairlearn.true_positive_rate, transform="group_min"
    ),
}
CELL = st.integers(1, 30)
TABLE = st.tuples(CELL, CELL, CELL, CELL)


@st.composite
def crossed(draw: st.DrawFn) -> Record:
    """Rows of every combination of two columns of groups and a control, with all four cells."""
    y_true: list[int] = []
    y_pred: list[int] = []
    codes: list[tuple[int, int, int]] = []
    for place in np.ndindex(draw(st.integers(2, 3)), 2, 2):
        tp, fn, fp, tn = draw(TABLE)
        y_true += [1] * (tp + fn) + [0] * (fp + tn)
        y_pred += [1] * tp + [0] * fn + [1] * fp + [0] * tn
        codes += [place] * (tp + fn + fp + tn)
    columns = dict(zip(("sex", "age", "site"), np.array(codes).T, strict=True))
    record = labels(y_true, y_pred, columns)
    assert record.data is not None
    data = change(record.data, intersections=(("sex", "age"),), controls=("site",))
    return change(record, data=data)


def columns(record: Record) -> dict[str, Any]:
    assert record.data is not None
    return {
        name: np.array(known)[record.arrays[f"group:{name}"]]
        for name, known in record.data.groups.items()
    }


@settings(max_examples=15)
@given(tables=st.lists(TABLE, min_size=2, max_size=5))
def test_every_rate_of_a_group(tables: list[tuple[int, int, int, int]]) -> None:
    record = from_table(*tables)
    y_true, y_pred = record.arrays["y_true"], record.arrays["y_pred"]
    sexes = columns(record)["sex"]
    for name, theirs in RATES.items():
        for group in np.unique(sexes):
            found = value(f"fairness.{name}", record, attribute="sex", group=str(group))
            inside = sexes == group
            assert found.estimate == pytest.approx(theirs(y_true[inside], y_pred[inside])), name
            hits = round(found.estimate * found.n)
            low, high = proportion_confint(hits, found.n, method="wilson")
            assert (found.low, found.high) == pytest.approx((low, high)), name


@settings(max_examples=15)
@given(tables=st.lists(TABLE, min_size=2, max_size=5))
def test_every_disparity_between_groups(tables: list[tuple[int, int, int, int]]) -> None:
    record = from_table(*tables)
    y_true, y_pred = record.arrays["y_true"], record.arrays["y_pred"]
    for name, theirs in DISPARITIES.items():
        found = value(f"fairness.{name}", record, attribute="sex")
        wanted = theirs(y_true, y_pred, sensitive_features=columns(record)["sex"])
        assert found.estimate == pytest.approx(wanted), name
        assert found.low <= wanted + 1e-12, name
        assert wanted <= found.high + 1e-12, name


@settings(max_examples=10)
@given(record=crossed())
def test_within_each_level_of_a_control(record: Record) -> None:
    seen = columns(record)
    for name in ("selection_rate", "tpr", "fpr", "accuracy"):
        frame = fairlearn.MetricFrame(
            metrics=RATES[name],
            y_true=record.arrays["y_true"],
            y_pred=record.arrays["y_pred"],
            sensitive_features={"sex": seen["sex"]},
            control_features={"site": seen["site"]},
        )
        for (site, sex), wanted in frame.by_group.items():
            found = value(
                f"fairness.{name}", record, attribute=f"sex | site={site}", group=str(sex)
            )
            assert found.estimate == pytest.approx(wanted)
    for site in np.unique(seen["site"]):
        inside = seen["site"] == site
        for name, theirs in DISPARITIES.items():
            found = value(f"fairness.{name}", record, attribute=f"sex | site={site}")
            wanted = theirs(
                record.arrays["y_true"][inside],
                record.arrays["y_pred"][inside],
                sensitive_features=seen["sex"][inside],
            )
            assert found.estimate == pytest.approx(wanted), name


@settings(max_examples=10)
@given(record=crossed())
def test_over_the_combinations_of_two_columns(record: Record) -> None:
    seen = columns(record)
    both = np.char.add(np.char.add(seen["sex"], " & "), seen["age"])
    for name in ("selection_rate", "tpr", "fpr", "accuracy"):
        frame = fairlearn.MetricFrame(
            metrics=RATES[name],
            y_true=record.arrays["y_true"],
            y_pred=record.arrays["y_pred"],
            sensitive_features={"sex": seen["sex"], "age": seen["age"]},
        )
        for (sex, age), wanted in frame.by_group.items():
            found = value(f"fairness.{name}", record, attribute="sex & age", group=f"{sex} & {age}")
            assert found.estimate == pytest.approx(wanted)
    for name, theirs in DISPARITIES.items():
        found = value(f"fairness.{name}", record, attribute="sex & age")
        wanted = theirs(record.arrays["y_true"], record.arrays["y_pred"], sensitive_features=both)
        assert found.estimate == pytest.approx(wanted), name


@settings(max_examples=15)
@given(tables=st.lists(TABLE, min_size=2, max_size=5))
def test_differential_fairness_is_its_definition(tables: list[tuple[int, int, int, int]]) -> None:
    record = from_table(*tables)
    rates = [(tp + fp + 0.5) / (tp + fn + fp + tn + 1) for tp, fn, fp, tn in tables]
    wanted = max(
        max(abs(np.log(a / b)), abs(np.log((1 - a) / (1 - b)))) for a, b in combinations(rates, 2)
    )
    found = value("fairness.differential_fairness", record, attribute="sex")
    assert found.estimate == pytest.approx(wanted)


# Intervals and tests, number by number

COUNTS = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(one=COUNTS, level=st.sampled_from((0.8, 0.9, 0.95, 0.99)))
def test_the_exact_interval_is_statsmodels_and_scipys(one: tuple[int, int], level: float) -> None:
    ours = [float(end) for end in clopper_pearson(*one, level)]
    assert ours == pytest.approx(proportion_confint(*one, alpha=1 - level, method="beta"))
    theirs = binomtest(*one).proportion_ci(level, "exact")
    assert ours == pytest.approx([theirs.low, theirs.high], abs=1e-9)


@given(one=COUNTS, other=COUNTS, level=st.sampled_from((0.9, 0.95)))
def test_the_log_ratio_is_statsmodels(
    one: tuple[int, int], other: tuple[int, int], level: float
) -> None:
    (a, n), (b, m) = one, other
    (first, down, up), (second, under, over) = (log_rate(*x, level) for x in (one, other))
    low = float(np.exp(first - second - np.hypot(first - down, over - second)))
    high = float(np.exp(first - second + np.hypot(up - first, second - under)))
    theirs = confint_proportions_2indep(
        a, n, b, m, compare="ratio", method="log-adjusted", alpha=1 - level
    )
    # Both at all: each row is a success, and statsmodels divides nothing by nothing.
    if (a, b) != (n, m):
        assert (low, high) == pytest.approx(theirs)


@given(only_first=st.integers(0, 60), only_second=st.integers(0, 60))
def test_mcnemar_is_statsmodels_and_scipys(only_first: int, only_second: int) -> None:
    ours = mcnemar(only_first, only_second)
    if only_first + only_second == 0:
        assert ours == 1
        return
    assert ours == pytest.approx(mcnemar_of([[9, only_first], [only_second, 9]], exact=True).pvalue)
    assert ours == pytest.approx(binomtest(only_first, only_first + only_second).pvalue)


@given(one=COUNTS, other=COUNTS, level=st.sampled_from((0.8, 0.9, 0.95, 0.99)))
def test_the_interval_of_two_groups_is_newcombes_from_end_to_end(
    one: tuple[int, int], other: tuple[int, int], level: float
) -> None:
    d, low, high = (float(x) for x in newcombe(*one, *other, level))
    theirs = confint_proportions_2indep(*one, *other, method="newcomb", alpha=1 - level)
    assert (low, high) == pytest.approx(theirs)
    mine, yours = (wilson(*counts, level) for counts in (one, other))
    assert low <= d <= high
    assert float(mine[0] - yours[1]) - 1e-9 <= low
    assert high <= float(mine[1] - yours[0]) + 1e-9


def test_the_published_example_comes_out_of_a_record() -> None:
    """Newcombe (1998), method 10: 56 of 70 against 48 of 80 is [0.0524, 0.3339]."""
    d, low, high = (float(x) for x in newcombe(56, 70, 48, 80))
    assert (d, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    record = from_table((56, 14, 1, 1), (48, 32, 1, 1))
    found = value("fairness.equal_opportunity_difference", record, attribute="sex")
    assert found.estimate == pytest.approx(0.2)
    assert found.high == pytest.approx(float(newcombe(56, 70, 48, 80, 0.90)[2]))


@settings(max_examples=15)
@given(tables=st.lists(TABLE, min_size=2, max_size=4))
def test_the_floor_of_the_worst_group_is_exact(tables: list[tuple[int, int, int, int]]) -> None:
    record = from_table(*tables)
    found = find("fairness.accuracy_group_min")(record, attribute="sex")
    assert isinstance(found, Value)
    lows = [
        proportion_confint(tp + tn, tp + fn + fp + tn, alpha=0.1, method="beta")[0]
        for tp, fn, fp, tn in tables
    ]
    assert found.low == pytest.approx(min(lows))
