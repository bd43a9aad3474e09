"""Two versions of a model on the same samples: is anybody served worse by the later one?"""

from typing import Any

import numpy as np
import pytest
from _build import change, labels
from _records import make_record
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import (  # type: ignore[import-untyped]
    mcnemar as their_mcnemar,
)

from frugalbench.certify import Policy, Rule, judge
from frugalbench.metrics import every, find, measure_all
from frugalbench.metrics._proportions import mcnemar, paired_difference
from frugalbench.record import Record
from frugalbench.settings import load_policy
from frugalbench.values import Missing, Value

DRIFT = load_policy("drift")


def versions(
    lost: tuple[float, ...], rows: int = 1500, seed: int = 1, **given: Any
) -> tuple[Record, Record]:
    """Before, and after a version that loses a share of the right answers of each group."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, len(lost), rows * len(lost))
    y_true = random.integers(0, 2, codes.size)
    before = np.where(random.random(codes.size) < 0.9, y_true, 1 - y_true)
    gone = (random.random(codes.size) < np.array(lost)[codes]) & (before == y_true)
    after = np.where(gone, 1 - before, before)
    return (
        labels(y_true, before, {"sex": codes}, **given),
        labels(y_true, after, {"sex": codes}, **given),
    )


def drifted(name: str, before: Record, after: Record, **scope: Any) -> Value:
    found = find(f"drift.{name}")(after, reference=before, **scope)
    assert isinstance(found, Value), found
    return found


def reason(name: str, before: Record, after: Record, **scope: Any) -> str:
    found = find(f"drift.{name}")(after, reference=before, **scope)
    assert isinstance(found, Missing), found
    return found.reason


def test_a_version_that_answers_the_same_has_not_drifted() -> None:
    before, _ = versions((0.0, 0.0))
    for address, metric, found in measure_all(before, before):
        if metric.paired and isinstance(found, Value):
            assert found.estimate == 0, address
            assert found.low <= 0 <= found.high, address
    assert judge(before, DRIFT, before).overall == "PASS"


def test_a_version_that_fails_one_group_only_fails_and_the_group_is_named() -> None:
    before, after = versions((0.0, 0.12, 0.0))
    verdict = judge(after, DRIFT, before)
    assert verdict.overall == "FAIL"
    assert verdict.reference == before.id
    worst = next(one for one in verdict.findings if one.rule.id == "worst-group")
    assert worst.outcome == "FAIL"
    assert "g1" in worst.explanation
    assert "g0" not in worst.explanation.partition("Holm")[2].partition(";")[0]
    alike = next(one for one in verdict.findings if one.rule.id == "alike")
    assert alike.outcome == "FAIL"


def test_a_loss_that_all_share_is_no_unequal_one() -> None:
    before, after = versions((0.1, 0.1), rows=4000)
    outcomes = {one.rule.id: one.outcome for one in judge(after, DRIFT, before).findings}
    assert (outcomes["worst-group"], outcomes["alike"]) == ("FAIL", "PASS")


def test_no_answer_changed_is_no_certainty() -> None:
    before, _ = versions((0.0, 0.0), rows=40)
    few = drifted("equal_opportunity_rise", before, before, attribute="sex")
    many = drifted("equal_opportunity_rise", *versions((0.0, 0.0)), attribute="sex")
    assert few.estimate == many.estimate == 0
    assert few.low < -0.05 < 0.05 < few.high
    assert 0 < many.high < 0.02


def test_too_few_people_to_say_is_neither_pass_nor_fail_and_says_how_many() -> None:
    before, after = versions((0.03, 0.03), rows=60)
    finding = next(
        one for one in judge(after, DRIFT, before).findings if one.rule.id == "worst-group"
    )
    assert finding.outcome == "INCONCLUSIVE"
    assert finding.needed is not None
    assert finding.needed > 60
    assert "to settle it, count about: g" in finding.explanation


def test_without_a_record_to_compare_with_nothing_is_evaluated() -> None:
    before, _ = versions((0.0, 0.0))
    verdict = judge(before, DRIFT)
    assert verdict.overall == "NOT_EVALUATED"
    assert {one.measure.reason for one in verdict.findings if isinstance(one.measure, Missing)} == {
        "no_reference"
    }


def test_other_samples_are_not_compared() -> None:
    before, after = versions((0.0, 0.1))
    assert before.data is not None
    others = {
        "other_samples": [
            change(before, data=change(before.data, sha256="c" * 64)),
            change(
                change(before, data=change(before.data, rows_sha256="1" * 64)),
            ),
            change(before, arrays={**before.arrays, "y_true": 1 - before.arrays["y_true"]}),
        ],
        "other_classes": [change(before, data=change(before.data, classes=(0, 7)))],
        "no_labels": [change(before, data=None)],
    }
    assert after.data is not None
    after = change(after, data=change(after.data, rows_sha256="2" * 64))
    for wanted, records in others.items():
        for record in records:
            assert reason("accuracy_drop", record, after) == wanted
            assert reason("tpr_drop_group_max", record, after, attribute="sex") == wanted


def test_classes_in_another_order_are_the_same_classes() -> None:
    before, after = versions((0.0, 0.1))
    data = before.data
    assert data is not None
    arrays = {**before.arrays, "y_true": 1 - before.arrays["y_true"]}
    arrays["y_pred"] = 1 - before.arrays["y_pred"]
    turned = change(before, arrays=arrays, data=change(data, classes=(1, 0), positive=0))
    for name in ("accuracy_drop", "flips"):
        assert drifted(name, turned, after) == drifted(name, before, after)


def test_hand_computed_changes() -> None:
    y_true = np.r_[np.ones(50, int), np.zeros(50, int)]
    before, after = y_true.copy(), y_true.copy()
    before[:2], after[:9] = 0, 0
    after[:1] = 1
    one, other = (labels(y_true, a, {"sex": [0, 1] * 50}) for a in (before, after))
    found = drifted("accuracy_drop", one, other)
    # Right before and wrong after: rows 2 to 8; wrong before and right after: row 0.
    assert found.estimate == pytest.approx((7 - 1) / 100)
    assert "7 right answers lost, 1 won" in found.note
    assert "p = 0.07" in found.note
    assert drifted("flips", one, other).estimate == pytest.approx(8 / 100)
    in_group = drifted("accuracy_drop_in_group", one, other, attribute="sex", group="g0")
    assert in_group.estimate == pytest.approx((4 - 1) / 50)
    tpr = drifted("tpr_drop_group_max", one, other, attribute="sex")
    assert tpr.estimate == pytest.approx(max((4 - 1) / 25, 3 / 25))
    assert drifted("fpr_rise_group_max", one, other, attribute="sex").estimate == 0
    rise = drifted("equal_opportunity_rise", one, other, attribute="sex")
    # Before: 24 of 25 found in either group; after: 21 and 21.
    assert rise.estimate == pytest.approx(0)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_exact_test_is_that_of_statsmodels(lost: int, won: int) -> None:
    theirs = their_mcnemar([[5, lost], [won, 5]], exact=True).pvalue if lost + won else 1.0
    assert mcnemar(lost, won) == pytest.approx(float(theirs))


@pytest.mark.parametrize(("p01", "p10", "n"), [(0.02, 0.02, 200), (0.1, 0.02, 60), (0, 0.03, 300)])
def test_the_interval_of_a_paired_difference_covers_it(p01: float, p10: float, n: int) -> None:
    random, times = np.random.default_rng(8), 4000
    table = random.multinomial(n, [p10, p01, 1 - p10 - p01], times)
    _, low, high = paired_difference(table[:, 0], table[:, 1], n, 0.95)
    wrong = int(((low > p10 - p01) | (high < p10 - p01)).sum())
    assert binomtest(wrong, times, 0.05, alternative="greater").pvalue >= 0.01


def test_a_loss_at_the_margin_is_seldom_passed() -> None:
    """The rule of the worst group, with the loss of one group exactly at the bound."""
    rule = Rule(id="r", metric="drift.accuracy_drop_group_max", at_most=0.05, unit="1")
    policy = Policy(name="p", version="1", rules=(rule,))
    passed = 0
    for seed in range(200):
        before, after = versions((0.05 / 0.9, 0.0), rows=500, seed=seed)
        passed += judge(after, policy, before).overall == "PASS"
    assert binomtest(passed, 200, 0.05, alternative="greater").pvalue >= 0.01


def test_rows_of_one_person_do_not_count_as_many() -> None:
    """Thirty copies of each row say no more than the row."""
    before, after = versions((0.0, 0.06), rows=100)
    many = []
    for record in (before, after):
        assert record.data is not None
        arrays = {
            name: np.repeat(array, 30)
            for name, array in record.arrays.items()
            if name != "latency_ns"
        }
        rows = arrays["y_true"].size
        arrays["cluster"] = np.repeat(np.arange(rows // 30), 30)
        facts = change(record.data, rows=rows, cluster="person", clusters=rows // 30)
        many.append(change(record, arrays=arrays, data=facts))
    for name in ("accuracy_drop", "accuracy_drop_group_max", "unequal_accuracy_drop"):
        scope = {} if name == "accuracy_drop" else {"attribute": "sex"}
        alone, copied = drifted(name, before, after, **scope), drifted(name, *many, **scope)
        assert copied.estimate == pytest.approx(alone.estimate)
        width = alone.high - alone.low
        assert 0.7 * width < copied.high - copied.low < 1.6 * width
        assert copied.interval.startswith("cluster")
    rise = drifted("equal_opportunity_rise", *many, attribute="sex")
    assert rise.interval == "cluster_bootstrap"


def test_clusters_of_which_none_changed_are_no_certainty() -> None:
    before, _ = versions((0.0, 0.0), rows=60)
    assert before.data is not None
    arrays = {**before.arrays, "cluster": np.arange(120) // 4}
    facts = change(before.data, cluster="person", clusters=30)
    record = change(before, arrays=arrays, data=facts)
    for name in ("flips", "accuracy_drop"):
        found = drifted(name, record, record)
        assert (found.estimate, found.interval) == (0, "cluster_bootstrap")
        assert found.high > 0.05


def test_a_regression_that_errs_more_in_one_group_is_seen() -> None:
    random = np.random.default_rng(5)
    codes = random.integers(0, 2, 800)
    target = random.normal(size=800)
    base = labels([0] * 800, [0] * 800, {"sex": codes})
    arrays = {name: base.arrays[name] for name in ("group:sex", "latency_ns")}
    noise = random.normal(scale=0.1, size=800)
    before = change(base, arrays={**arrays, "target": target, "value": target + noise})
    worse = target + noise * np.where(codes == 1, 3, 1)
    after = change(base, arrays={**arrays, "target": target, "value": worse})
    found = drifted("error_rise_group_max", before, after, attribute="sex")
    assert "worst: g1" in found.note
    assert found.low > 0.1
    assert drifted("error_rise", before, after).estimate == pytest.approx(
        float((np.abs(worse - target) - np.abs(noise)).mean())
    )
    assert reason("accuracy_drop", before, after) == "not_classification"


@pytest.mark.parametrize("clustered", [False, True])
def test_errors_that_all_rose_by_the_same_say_nothing_of_others(clustered: bool) -> None:
    target = np.random.default_rng(6).normal(size=60)
    base = labels([0] * 60, [0] * 60, {"sex": np.arange(60) % 2})
    arrays = {name: base.arrays[name] for name in ("group:sex", "latency_ns")}
    if clustered:
        arrays["cluster"] = np.arange(60) // 3
    before = change(base, arrays={**arrays, "target": target, "value": target + 1})
    for more in (0.0, 0.1):
        after = change(base, arrays={**before.arrays, "value": target + 1 + more})
        assert reason("error_rise", before, after) == "same_error"
        assert reason("error_rise_group_max", before, after, attribute="sex") == "same_error"


def test_a_group_whose_errors_did_not_change_is_as_uncertain_as_the_others() -> None:
    random = np.random.default_rng(7)
    codes = np.arange(400) % 2
    target = random.normal(size=400)
    base = labels([0] * 400, [0] * 400, {"sex": codes})
    arrays = {name: base.arrays[name] for name in ("group:sex", "latency_ns")}
    before = change(base, arrays={**arrays, "target": target, "value": target + 2})
    # One group errs less than before, the other one exactly as much.
    less = np.where(codes == 1, -random.uniform(0.5, 1.5, 400), 0.0)
    after = change(base, arrays={**before.arrays, "value": target + 2 + less})
    found = drifted("error_rise_group_max", before, after, attribute="sex")
    assert found.estimate == 0
    pooled = np.sqrt(less[codes == 1].var(ddof=1) / 2 / 200)
    assert found.high == pytest.approx(1.653 * pooled, rel=0.3)
    assert found.low < 0 < found.high


def test_groups_that_nobody_states_are_missing_and_no_crash() -> None:
    record = unstated(make_record())
    asked = [
        one
        for one in every().values()
        if "missing" in one.parameters and "probe" not in one.parameters
    ]
    assert len(asked) > 20
    for metric in asked:
        given = {"reference": record} if metric.paired else {}
        found = metric(record, attribute="sex", missing="exclude", **given)
        assert isinstance(found, Missing), metric.name
        empty = change(record, data=change(record.data, groups={"sex": ()}))
        rowless = {"reference": empty} if metric.paired else {}
        found = metric(empty, attribute="sex", missing="include", **rowless)
        assert isinstance(found, Missing) or found.n >= 0, metric.name


def unstated(record: Record) -> Record:
    nobody = np.full_like(record.arrays["group:sex"], -1)
    return change(record, arrays={**record.arrays, "group:sex": nobody})
