"""Scores, errors and prediction sets by group, against scikit-learn and by construction."""

from typing import Any

import numpy as np
import pytest
from _build import change, labels, missing, value
from scipy.stats import ks_2samp
from sklearn.metrics import (
    brier_score_loss,
    mean_absolute_error,
    mean_squared_error,
    roc_auc_score,
)

from frugalbench.metrics import find
from frugalbench.record import Record
from frugalbench.values import Missing, Value

GAPS = ("auc_difference", "brier_difference", "calibration_in_the_large_difference", "abroca")


def scored(
    shift: tuple[float, ...] = (0.0, 0.0), rows: int = 3000, seed: int = 1, noise: Any = 1.0
) -> Record:
    """Groups whose probabilities are right, then moved by `shift` on the scale of log odds."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, len(shift), rows)
    odds = random.normal(size=rows) * 1.5
    y = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    told = odds * np.broadcast_to(noise, len(shift))[codes] + np.array(shift)[codes]
    p = 1 / (1 + np.exp(-told))
    return labels(y, (p > 0.5).astype(int), {"sex": codes}, score=np.stack([1 - p, p], axis=1))


def numbers(slope: tuple[float, ...], rows: int = 2000, seed: int = 2) -> Record:
    random = np.random.default_rng(seed)
    codes = random.integers(0, len(slope), rows)
    target = random.normal(size=rows)
    answers = target + 0.3 * random.normal(size=rows) + np.array(slope)[codes]
    base = labels([0] * rows, [0] * rows, {"sex": codes})
    arrays = {name: base.arrays[name] for name in ("latency_ns", "group:sex")}
    return change(base, arrays={**arrays, "target": target, "value": answers})


def of_group(record: Record, group: int) -> tuple[Any, Any]:
    inside = record.arrays["group:sex"] == group
    return record.arrays["y_true"][inside], record.arrays["score"][inside, 1]


def test_scores_of_each_group_are_scikit_learns() -> None:
    record = scored((0.0, 0.4, -0.3))
    for group in range(3):
        y, p = of_group(record, group)
        scope = {"attribute": "sex", "group": f"g{group}"}
        assert value("fairness.auc", record, **scope).estimate == pytest.approx(roc_auc_score(y, p))
        assert value("fairness.brier", record, **scope).estimate == pytest.approx(
            brier_score_loss(y, p)
        )
        large = value("fairness.calibration_in_the_large", record, **scope)
        assert large.estimate == pytest.approx(float(p.mean() - y.mean()))
        assert (large.low > 0) == (group == 1)
        assert (large.high < 0) == (group == 2)
    gap = value("fairness.auc_difference", record, attribute="sex")
    areas = [roc_auc_score(*of_group(record, group)) for group in range(3)]
    assert gap.estimate == pytest.approx(max(areas) - min(areas))
    assert gap.low <= gap.estimate <= gap.high


@pytest.mark.slow
def test_groups_treated_alike_are_not_told_apart() -> None:
    apart = dict.fromkeys(GAPS, 0)
    for seed in range(30):
        record = scored(rows=1500, seed=seed)
        for name in GAPS:
            apart[name] += value(f"fairness.{name}", record, attribute="sex").low > 0
    assert all(count <= 4 for count in apart.values()), apart


def test_a_group_whose_risk_is_overstated_is_seen() -> None:
    record = scored((0.0, 0.8))
    found = value("fairness.calibration_in_the_large_difference", record, attribute="sex")
    assert found.low > 0.05
    worst = value("fairness.ece_group_max", record, attribute="sex")
    assert "worst: g1" in worst.note
    assert worst.low > 0.05
    # The order within each group is the same, so that the areas do not show it.
    assert value("fairness.auc_difference", record, attribute="sex").low == 0


def test_a_group_whose_scores_are_noise_is_seen_by_its_curve() -> None:
    record = scored(noise=[1.0, 0.0], rows=2000)
    scores = record.arrays["score"].copy()
    random = np.random.default_rng(0)
    other = record.arrays["group:sex"] == 1
    scores[other, 1] = random.random(int(other.sum()))
    scores[:, 0] = 1 - scores[:, 1]
    record = change(record, arrays={**record.arrays, "score": scores})
    for name in ("auc_difference", "abroca"):
        found = value(f"fairness.{name}", record, attribute="sex")
        assert found.low > 0.15, name
        assert "g0" in found.note


def test_sets_that_hold_nine_rows_in_ten_may_not_do_so_for_everyone() -> None:
    record = scored((0.0, 0.0), rows=8000)
    scores = record.arrays["score"].copy()
    other = record.arrays["group:sex"] == 1
    # Answers to this group are turned round: far less of it is inside.
    scores[other] = scores[other][:, ::-1]
    record = change(record, arrays={**record.arrays, "score": scores})
    worst = value("fairness.conformal_coverage_group_min", record, attribute="sex")
    assert worst.high < 0.9
    assert "worst: g1" in worst.note
    for group in ("g0", "g1"):
        own = value("fairness.conformal_coverage_mondrian", record, attribute="sex", group=group)
        assert own.estimate == pytest.approx(0.9, abs=0.03)
    pooled = [
        value("fairness.conformal_coverage", record, attribute="sex", group=group).estimate
        for group in ("g0", "g1")
    ]
    assert np.mean(pooled) == pytest.approx(0.9, abs=0.02)


def test_errors_of_each_group_are_scikit_learns() -> None:
    record = numbers((0.0, 0.5, 0.0))
    target, answers = record.arrays["target"], record.arrays["value"]
    errors, squares = [], []
    for group in range(3):
        inside = record.arrays["group:sex"] == group
        scope = {"attribute": "sex", "group": f"g{group}"}
        errors.append(mean_absolute_error(target[inside], answers[inside]))
        squares.append(mean_squared_error(target[inside], answers[inside]) ** 0.5)
        found = value("fairness.mean_absolute_error", record, **scope)
        assert found.estimate == pytest.approx(errors[-1])
        residual = value("fairness.mean_residual_in_group", record, **scope)
        assert residual.estimate == pytest.approx(float((answers - target)[inside].mean()))
    for name, each in (("mae", errors), ("root_mean_squared_error", squares)):
        gap = value(f"fairness.{name}_difference", record, attribute="sex")
        assert gap.estimate == pytest.approx(max(each) - min(each))
        assert gap.low > 0
    gap = value("fairness.mean_residual_difference", record, attribute="sex")
    assert gap.low > 0.4


def test_the_distance_of_two_distributions_is_scipys() -> None:
    record = numbers((0.0, 0.5))
    parts = [record.arrays["value"][record.arrays["group:sex"] == g] for g in (0, 1)]
    found = value("fairness.ks_difference", record, attribute="sex")
    assert found.estimate == pytest.approx(float(ks_2samp(*parts).statistic))
    assert found.low > 0


def several(turned: int | None, rows: int = 3000, seed: int = 5) -> Record:
    """Three classes; the second group's scores of one class say nothing."""
    random = np.random.default_rng(seed)
    y, codes = random.integers(0, 3, rows), random.integers(0, 2, rows)
    odds = random.normal(size=(rows, 3)) + 2.0 * (np.arange(3) == y[:, None])
    if turned is not None:
        other = codes == 1
        odds[other, turned] = random.normal(size=int(other.sum()))
    score = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    return labels(
        y, score.argmax(axis=1), {"sex": codes}, classes=(0, 1, 2), positive=None, score=score
    )


def test_of_more_classes_each_is_compared_against_the_rest() -> None:
    alike, apart = several(None), several(2)
    for name in ("auc_difference", "abroca", "brier_difference"):
        assert value(f"fairness.{name}", alike, attribute="sex").low == 0, name
        found = value(f"fairness.{name}", apart, attribute="sex")
        assert found.low > 0.02, name
        assert " of 2" in found.note
    areas = np.array(
        [
            [
                roc_auc_score(apart.arrays["y_true"][own] == c, apart.arrays["score"][own, c])
                for own in (apart.arrays["group:sex"] == 0, apart.arrays["group:sex"] == 1)
            ]
            for c in range(3)
        ]
    )
    found = value("fairness.auc_difference", apart, attribute="sex")
    assert found.estimate == pytest.approx(float(np.ptp(areas, axis=1).max()))
    assert value("fairness.ece_group_max", apart, attribute="sex").low > 0
    assert missing("fairness.auc", apart, attribute="sex", group="g0").reason == (
        "no_positive_class"
    )


def test_what_cannot_be_said_is_missing_with_its_reason() -> None:
    names = {"sex": ["a", "b"]}
    few = labels([0, 1, 0, 0], [0, 1, 0, 0], {"sex": [0, 0, 1, 1]}, names=names)
    assert missing("fairness.auc", few, attribute="sex", group="a").reason == "no_scores"
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    few = change(few, arrays={**few.arrays, "score": scores})
    for name in ("auc", "ece"):
        found = missing(f"fairness.{name}", few, attribute="sex", group="b")
        assert found.reason == "too_few_rows"
        assert "'b'" in found.detail
    for name in (*GAPS[:1], "abroca", "ece_group_max", "conformal_coverage_group_min"):
        assert missing(f"fairness.{name}", few, attribute="sex").reason == "too_few_rows", name
    for name in ("ks_difference", "mae_difference"):
        assert missing(f"fairness.{name}", few, attribute="sex").reason == "not_regression"
    one = scored((0.0,), rows=400)
    for name in ("abroca", "auc_difference"):
        assert missing(f"fairness.{name}", one, attribute="sex").reason == "one_group"
    many = scored((0.0,) * 20, rows=2000)
    assert missing("fairness.abroca", many, attribute="sex").reason == "too_many_groups"


def test_rows_of_one_person_do_not_count_as_many() -> None:
    alone = scored((0.0, 0.5), rows=400)
    assert alone.data is not None
    arrays = {k: np.repeat(v, 10, axis=0) for k, v in alone.arrays.items() if k != "latency_ns"}
    arrays["cluster"] = np.repeat(np.arange(400), 10)
    facts = change(alone.data, rows=4000, cluster="person", clusters=400)
    copied = change(alone, arrays=arrays, data=facts)
    for name in ("auc_difference", "brier_difference", "abroca"):
        one = value(f"fairness.{name}", alone, attribute="sex")
        other = value(f"fairness.{name}", copied, attribute="sex")
        assert other.estimate == pytest.approx(one.estimate)
        assert other.high - other.low > 0.6 * (one.high - one.low), name


@pytest.mark.parametrize("address", ["fairness.abroca", "fairness.ece_group_max"])
def test_whatever_is_missing_it_is_a_value_or_a_reason(address: str) -> None:
    for groups in ([-1] * 400, [0] * 400, [0, -1] * 200):
        record = scored((0.0, 0.0), rows=400)
        record = change(record, arrays={**record.arrays, "group:sex": np.array(groups, np.int32)})
        for way in ("include", "exclude", "fail"):
            found = find(address)(record, attribute="sex", missing=way)
            assert isinstance(found, Value | Missing)
