"""Wrong answers that tools of this kind have given, none of which may be given here."""

import json
import re
from typing import Any

import numpy as np
import pytest
from _build import change, from_table, labels, metered, missing, value, window
from _records import make_record
from statsmodels.stats.contingency_tables import mcnemar  # type: ignore[import-untyped]
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from frugalbench import metrics
from frugalbench.certify import EXIT_CODES, Policy, Rule, judge
from frugalbench.metrics import fairness
from frugalbench.metrics.fairness.individual import BENEFITS, entropy
from frugalbench.record import Pass, Probed, Record
from frugalbench.report import render
from frugalbench.values import Missing, Value

SEX = {"attribute": "sex"}


def asked(metric: str, **bound: float) -> Rule:
    return Rule(id="r", metric=metric, unit=metrics.find(metric).unit, **bound)


def outcome(record: Record, rule: Rule, **given: Any) -> str:
    return judge(record, Policy(name="p", version="1", rules=(rule,), **given)).overall


def clustered(record: Record, clusters: Any) -> Record:
    codes = np.asarray(clusters, np.int64)
    assert record.data is not None
    data = change(record.data, clusters=int(codes.max()) + 1, cluster="who")
    return change(record, arrays=record.arrays | {"cluster": codes}, data=data)


# Rates that have no denominator


def test_a_ratio_of_groups_in_which_nobody_is_selected_has_a_reason() -> None:
    record = from_table((0, 10, 0, 20), (0, 10, 0, 20))
    assert missing("fairness.demographic_parity_ratio", record, **SEX).reason == "no_selected"


def test_one_group_in_which_nobody_is_selected_is_a_ratio_of_nothing_with_room() -> None:
    record = from_table((20, 0, 0, 20), (0, 20, 0, 20))
    found = value("fairness.demographic_parity_ratio", record, **SEX)
    assert found.estimate == 0
    assert 0 < found.high < 0.5


@pytest.mark.parametrize(
    ("rate", "table", "reason"),
    [
        ("ppv", (0, 5, 0, 5), "no_selected"),
        ("npv", (5, 0, 5, 0), "no_unselected"),
        ("false_omission_rate", (5, 0, 5, 0), "no_unselected"),
        ("tpr", (0, 0, 5, 5), "no_positives"),
        ("fnr", (0, 0, 5, 5), "no_positives"),
        ("fpr", (5, 5, 0, 0), "no_negatives"),
        ("tnr", (5, 5, 0, 0), "no_negatives"),
    ],
)
def test_nothing_of_nothing_is_neither_nought_nor_parity(
    rate: str, table: tuple[int, int, int, int], reason: str
) -> None:
    record = from_table(table, (10, 10, 10, 10))
    assert missing(f"fairness.{rate}", record, **SEX, group="g0").reason == reason
    assert value(f"fairness.{rate}", record, **SEX, group="g1").estimate == 0.5


def test_a_rule_on_an_undefined_rate_is_not_evaluated_and_never_a_pass_or_a_fail() -> None:
    record = from_table((30, 10, 10, 50), (30, 10, 10, 50), (0, 0, 10, 50))
    rule = asked("fairness.equalized_odds_difference", at_most=0.5)
    assert outcome(record, rule, min_group=1) == "NOT_EVALUATED"


# Intervals of what is never negative


@pytest.mark.parametrize("name", ["equal_opportunity_difference", "demographic_parity_difference"])
def test_the_interval_of_ten_equal_groups_holds_nought(name: str) -> None:
    """Percentiles of resampled largest gaps never do."""
    record = from_table(*[(300 + one, 700 - one, 300, 700) for one in range(10)])
    found = value(f"fairness.{name}", record, **SEX)
    assert found.estimate > 0
    assert found.low == 0
    assert found.high < 0.1


def test_the_note_says_how_far_equal_groups_would_lie_apart() -> None:
    record = from_table(*[(30, 70, 30, 70)] * 10)
    note = value("fairness.equal_opportunity_difference", record, **SEX).note
    said = float(re.findall(r"([\d.]+) would be expected", note)[0])
    hits = np.random.default_rng(1).binomial(100, 0.3, (4000, 10)) / 100
    assert said == pytest.approx(np.ptp(hits, axis=1).mean(), abs=0.004)


# Indices of inequality


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0, 0.05663), (1, 0.05663), (2, 0.0625)],
)
def test_the_entropy_index_divides_by_the_mean_once(alpha: float, expected: float) -> None:
    benefits = np.array([1, 1, 2, 1, 2, 1.0])
    found = float(entropy(np.bincount([0, 0, 1, 0, 1, 0]), np.array([1.0, 2.0]), alpha))
    share = benefits / benefits.mean()
    by_hand = {
        0: -np.log(share).mean(),
        1: (share * np.log(share)).mean(),
        2: ((share**2 - 1) / 2).mean(),
    }
    assert found == pytest.approx(by_hand[int(alpha)])
    if alpha == 1:
        return
    assert found == pytest.approx(expected, abs=5e-6)


def test_the_coefficient_of_variation_is_the_root_of_twice_the_index() -> None:
    random = np.random.default_rng(4)
    y, answer = random.integers(0, 2, 500), random.integers(0, 2, 500)
    benefit = answer - y + 1.0
    index = value("fairness.generalized_entropy_index", labels(y, answer)).estimate
    assert np.sqrt(2 * index) == pytest.approx(benefit.std() / benefit.mean())
    weights = np.bincount(benefit.astype(int), minlength=3)
    assert index == pytest.approx(float(entropy(weights, BENEFITS, 2)))


def test_an_index_that_takes_logarithms_of_nothing_is_no_number() -> None:
    assert np.isnan(entropy(np.array([1.0, 2.0, 0.0]), BENEFITS, 0))
    record = labels([1, 1, 1], [0, 0, 0])
    assert missing("fairness.generalized_entropy_index", record).reason == "no_benefit"


def test_two_groups_that_are_wrong_in_opposite_ways_lie_further_apart_than_one() -> None:
    """One is promised everything and gets nothing, the other the reverse: a gap of 2."""
    y = np.arange(80) % 2
    record = labels(y, 1 - y, {"sex": y}, score=np.eye(2)[1 - y])
    found = value("fairness.calibration_in_the_large_difference", record, **SEX)
    assert found.estimate == 2
    assert found.high <= metrics.find("fairness.calibration_in_the_large_difference").maximum


# The parameter that is asked for is the one that is used


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_the_percentile_is_the_one_that_was_asked_for(p: float) -> None:
    record = make_record(calls=5000)
    name = f"latency.p{round(100 * p)}"
    found = value(name, record)
    calls = np.sort(record.latency_ns) / 1e9
    assert found.estimate == pytest.approx(calls[int(p * calls.size)], rel=1e-3)


@pytest.mark.parametrize("margin", [0.05, 0.10, 0.15])
def test_pairs_are_tested_at_the_margin_of_the_policy_and_not_at_a_fixed_one(margin: float) -> None:
    record = from_table((500, 500, 1, 1), (620, 380, 1, 1))
    found = fairness.pairs(record, "equal_opportunity_difference", "sex", margin=margin)
    assert not isinstance(found, Missing)
    assert found[0].flagged == (margin < 0.1)
    rule = asked("fairness.equal_opportunity_difference", at_most=margin)
    assert (outcome(record, rule) == "FAIL") == (margin < 0.1)


@pytest.mark.slow
def test_looking_at_many_pairs_is_paid_for() -> None:
    """One pair at 3 % is no flag among 45; Holm's correction is statsmodels'."""
    random = np.random.default_rng(8)
    flagged = uncorrected = 0
    for _ in range(40):
        hits = random.binomial(200, 0.4, 8)
        record = from_table(*((int(k), 200 - int(k), 1, 1) for k in hits))
        found = fairness.pairs(record, "equal_opportunity_difference", "sex")
        assert not isinstance(found, Missing)
        p = [one.p for one in found]
        reject, adjusted, *_ = multipletests(p, 0.05, "holm")
        assert [one.adjusted for one in found] == pytest.approx(list(adjusted))
        assert [one.flagged for one in found] == list(reject)
        flagged += any(one.flagged for one in found)
        uncorrected += min(p) < 0.05
    assert uncorrected > 15
    assert flagged <= 5


# What was not done, and what has no spread


@pytest.mark.parametrize(
    "rule",
    [
        asked("robustness.accuracy_retained_min", at_least=0.9),
        asked("drift.accuracy_drop", at_most=0.02),
        asked("necessity.gain", at_least=0.01),
        asked("fairness.equalized_odds_difference", at_most=0.1),
    ],
    ids=lambda one: one.metric,
)
def test_a_check_that_did_not_run_is_not_passed(rule: Rule) -> None:
    record = make_record(groups={})
    found = judge(record, Policy(name="p", version="1", rules=(rule,)))
    assert found.overall == "NOT_EVALUATED"
    assert found.exit_code == EXIT_CODES["NOT_EVALUATED"] != 0


def test_a_model_that_is_always_right_is_not_calibrated_by_definition() -> None:
    """It is right every time and says 60 %: it is off by 40 points."""
    y = np.arange(600) % 2
    sure = np.where(y[:, None] == np.arange(2), 0.6, 0.4)
    found = value("calibration.ece", labels(y, y, score=sure))
    assert found.estimate == pytest.approx(0.4)
    assert found.low > 0.2
    alone = labels(np.ones(600), np.ones(600), score=np.tile([0.4, 0.6], (600, 1)))
    assert value("calibration.ece", alone).estimate == pytest.approx(0.4)


def test_one_row_is_no_certainty() -> None:
    record = labels([1], [1], {"sex": [0]}, score=[[0.2, 0.8]])
    for address, _, found in metrics.measure_all(record):
        if address.startswith(("quality.", "fairness.", "calibration.")) and isinstance(
            found, Value
        ):
            assert found.high - found.low > 0.5, (address, found)
    assert value("quality.accuracy", record).low < 0.3


def test_one_cluster_in_a_group_is_no_certainty() -> None:
    """Resampling the only cluster of a group always gives the same rate."""
    record = from_table((300, 100, 50, 50), (0, 40, 0, 40))
    people = np.r_[np.arange(500) % 50, np.full(80, 50)]
    found = value("fairness.tpr", clustered(record, people), **SEX, group="g1")
    assert (found.estimate, found.low, found.high) == (0, 0, 1)
    gap = value("fairness.equal_opportunity_difference", clustered(record, people), **SEX)
    assert (gap.low, gap.high, gap.n) == (0, 1, 1)
    floor = asked("fairness.accuracy_group_min", at_least=0.6)
    assert outcome(clustered(record, people), floor) == "INCONCLUSIVE"


def test_clusters_that_are_all_alike_are_no_certainty() -> None:
    record = from_table((200, 0, 0, 200), (200, 0, 0, 200))
    found = value("fairness.tpr", clustered(record, np.arange(800) % 20), **SEX, group="g0")
    assert found.estimate == 1
    assert 0.7 < found.low < 0.95
    gap = value(
        "fairness.equal_opportunity_difference", clustered(record, np.arange(800) % 20), **SEX
    )
    assert gap.estimate == 0
    assert 0.1 < gap.high < 0.4


def test_the_same_items_are_compared_pair_by_pair() -> None:
    """Two proportions of the same rows as if of different rows do not see what McNemar sees."""
    rows, lost, won = 400, 24, 6
    y = np.ones(rows, np.int64)
    before = np.r_[np.ones(300), np.zeros(100)].astype(np.int64)
    after = before.copy()
    after[:lost] = 0
    after[300 : 300 + won] = 1
    groups = {"sex": np.zeros(rows)}
    earlier, later = labels(y, before, groups), labels(y, after, groups)
    found = metrics.find("drift.accuracy_drop")(later, reference=earlier)
    assert isinstance(found, Value)
    assert found.estimate == pytest.approx((lost - won) / rows)
    p = mcnemar([[0, lost], [won, 0]], exact=True).pvalue
    assert p < 0.05
    assert found.low > 0
    apart = metrics.find("fairness.accuracy")
    alone = [apart(one, **SEX, group="g0") for one in (earlier, later)]
    assert isinstance(alone[0], Value)
    assert isinstance(alone[1], Value)
    assert alone[1].high > alone[0].low


def test_a_model_that_no_attack_changes_is_the_most_robust_and_not_the_least() -> None:
    y = np.arange(200) % 2
    fragile = y.copy()
    fragile[:80] = 1 - fragile[:80]
    attack = Pass(kind="square_attack", severity=0.1, unit="range", seed=1, queries=50)
    seen = Probed(rows=200, passes=(attack,))
    scores = []
    for answers in (y, fragile):
        base = labels(y, y)
        arrays = base.arrays | {"probe:rows": np.arange(200), "probe:0:y_pred": answers}
        record = change(base, arrays=arrays, probed=seen)
        scores.append(value("robustness.accuracy_retained_min", record).estimate)
    assert scores == [1.0, 0.6]


# Units, and numbers that others read


def test_a_kilogram_is_a_thousand_grams_and_a_thousand_inferences_a_thousand_times_one() -> None:
    # 3.6 MJ over 1,000 calls is a kWh: at 100 g/kWh and a PUE of 1.5, 150 g for the thousand.
    record = metered([window(3.6e6, calls=1000) for _ in range(5)])
    found = value("carbon.per_inference", record)
    assert found.unit == "g"
    assert found.estimate == pytest.approx(0.15)
    tile = render("html", record, None).partition("Carbon for 1,000 inferences")[2][:120]
    assert "<b>150 g</b>" in tile
    assert "150 mg" in render("markdown", record, None)


@pytest.mark.parametrize("format_", ["markdown", "html"])
@pytest.mark.parametrize("joules", [1e-9, 1e-5, 12.0])
def test_small_numbers_are_written_out_for_those_who_read_no_exponent(
    format_: str, joules: float
) -> None:
    record = metered([window(joules, calls=1000) for _ in range(5)])
    text = render(format_, record, None)
    assert not re.search(r"\b\d+(\.\d+)?e[-+]?\d+\b", text)


def test_numbers_in_json_are_the_same_numbers() -> None:
    record = metered([window(1.2e-5, calls=1000) for _ in range(5)])
    found = {
        one["address"]: one["measure"]
        for one in json.loads(render("json", record, None))["metrics"]
    }
    wanted = value("energy.per_inference", record)
    assert found["energy.per_inference"]["estimate"] == wanted.estimate
    assert found["energy.per_inference"]["unit"] == "J"


@pytest.mark.parametrize("format_", ["json", "markdown", "html"])
def test_a_result_says_which_code_model_data_and_policy_made_it(format_: str) -> None:
    record = change(make_record(), version="9.8.7")
    verdict = judge(
        record, Policy(name="p", version="3.2", rules=(asked("quality.accuracy", at_least=0.5),))
    )
    text = render(format_, record, verdict)
    for said in ("9.8.7", record.model.sha256, "b" * 64, verdict.policy_sha256):
        assert said in text


# Not here: what concerns certificates, their envelopes and bills of materials, which are not made;
# suites in JUnit's format, which are not written; and the speed of resampling, which is timed.
