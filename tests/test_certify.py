"""The judge: four outcomes, and never a pass without evidence."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from _build import FAILED, change, from_table, labels, metered, window
from _records import make_record
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import metrics
from frugalbench.certify import (
    EXIT_CODES,
    SEVERITY,
    Finding,
    Outcome,
    Policy,
    Rule,
    check,
    digest,
    judge,
)
from frugalbench.certify._policy import ANY_UNIT, MEASURABLE
from frugalbench.errors import UsageError
from frugalbench.record import Record
from frugalbench.settings import load_policy
from frugalbench.values import METHODS, Method, Missing, Value

ACCURACY: dict[str, Any] = {"metric": "quality.accuracy", "unit": "1"}
ENERGY: dict[str, Any] = {"metric": "energy.per_inference", "unit": "J"}
GAP: dict[str, Any] = {"metric": "fairness.equal_opportunity_difference", "unit": "1"}


def rule(name: str = "r", **given: Any) -> Rule:
    return Rule(id=name, **given)


def policy(*rules: Rule, **given: Any) -> Policy:
    return Policy(name="test", version="1", rules=rules, **given)


def finding(record: Record, one: Rule, **given: Any) -> Finding:
    (found,) = judge(record, policy(one, **given)).findings
    return found


def outcome(record: Record, one: Rule, **given: Any) -> Outcome:
    return finding(record, one, **given).outcome


def pretend(patch: pytest.MonkeyPatch, found: Value | Missing) -> None:
    """Make `quality.accuracy` return this, whatever the record, in an open range."""
    metric = replace(
        metrics.find("quality.accuracy"),
        function=lambda record: found,
        minimum=-math.inf,
        maximum=math.inf,
    )
    known = metrics.every() | {"quality.accuracy": metric}
    patch.setattr(metrics, "every", lambda: known)


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Callable[[Value | Missing], None]:
    """Make `quality.accuracy` return what the test says."""

    def answer(found: Value | Missing) -> None:
        pretend(monkeypatch, found)

    return answer


def evidence(low: float, estimate: float, high: float, **given: Any) -> Value:
    about: dict[str, Any] = {"method": "counted", "interval": "wilson", "n": 100} | given
    return Value(estimate=estimate, unit="1", low=low, high=high, **about)


# Where the interval lies decides.


@pytest.mark.parametrize(
    ("low", "high", "at_most", "at_least"),
    [
        (0.2, 0.4, "PASS", "FAIL"),
        (0.2, 0.5, "PASS", "INCONCLUSIVE"),
        (0.4, 0.6, "INCONCLUSIVE", "INCONCLUSIVE"),
        (0.5, 0.7, "INCONCLUSIVE", "PASS"),
        (0.6, 0.8, "FAIL", "PASS"),
    ],
)
def test_the_whole_interval_must_lie_inside_the_bound(
    measure: Any, low: float, high: float, at_most: Outcome, at_least: Outcome
) -> None:
    measure(evidence(low, (low + high) / 2, high))
    assert outcome(FAILED, rule(**ACCURACY, at_most=0.5)) == at_most
    assert outcome(FAILED, rule(**ACCURACY, at_least=0.5)) == at_least


@given(
    ends=st.tuples(*[st.floats(-1e9, 1e9, allow_subnormal=False)] * 3).map(sorted),
    bound=st.floats(-1e9, 1e9, allow_subnormal=False),
    n=st.integers(0, 10**7),
)
def test_every_interval_and_bound_give_one_outcome_that_follows_from_them(
    ends: list[float], bound: float, n: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        low, estimate, high = ends
        pretend(patch, evidence(low, estimate, high, n=n))
        below = finding(FAILED, rule(**ACCURACY, at_most=bound))
        above = finding(FAILED, rule(**ACCURACY, at_least=bound))
    assert (below.outcome == "PASS") == (high <= bound)
    assert (below.outcome == "FAIL") == (low > bound)
    assert (above.outcome == "PASS") == (low >= bound)
    assert (above.outcome == "FAIL") == (high < bound)
    for one in (below, above):
        assert one.explanation
        if one.needed is not None:
            assert one.outcome == "INCONCLUSIVE"
            assert n < one.needed <= 1e9


def test_an_open_interval_is_judged_by_its_closed_end(measure: Any) -> None:
    measure(evidence(0.1, 0.2, math.inf))
    assert outcome(FAILED, rule(**ACCURACY, at_least=0.05)) == "PASS"
    found = finding(FAILED, rule(**ACCURACY, at_most=0.5))
    assert (found.outcome, found.needed) == ("INCONCLUSIVE", None)


def test_an_estimate_a_hair_from_the_bound_does_not_overflow(measure: Any) -> None:
    measure(evidence(-1e300, 1e-300, 1e300))
    found = finding(FAILED, rule(**ACCURACY, at_most=2e-300))
    assert (found.outcome, found.needed) == ("INCONCLUSIVE", None)


def test_the_number_that_would_settle_it_settles_it() -> None:
    hits, n, bound = 170, 200, 0.82
    found = finding(
        labels([1] * n, [1] * hits + [0] * (n - hits)), rule(**ACCURACY, at_least=bound)
    )
    assert found.outcome == "INCONCLUSIVE"
    assert found.needed is not None
    assert f"{found.needed:,} observations instead of 200" in found.explanation
    # At that many rows of the same model, about four in five draws settle it.
    draws = np.random.default_rng(1).binomial(found.needed, hits / n, 400)
    settled = 0
    for k in draws:
        record = labels([1] * found.needed, [1] * k + [0] * (found.needed - k))
        settled += outcome(record, rule(**ACCURACY, at_least=bound)) == "PASS"
    assert 0.7 < settled / 400 < 0.95


def test_an_estimate_on_the_bound_promises_nothing(measure: Any) -> None:
    measure(evidence(0.4, 0.5, 0.6))
    found = finding(FAILED, rule(**ACCURACY, at_most=0.5))
    assert (found.outcome, found.needed) == ("INCONCLUSIVE", None)
    assert "too close to the bound" in found.explanation


def test_what_was_seen_once_is_inconclusive_however_good() -> None:
    one = rule(metric="latency.cold_start", unit="s", at_most=1e6)
    found = finding(make_record(), one)
    assert (found.outcome, found.needed) == ("INCONCLUSIVE", None)
    assert "once" in found.explanation


# Missing evidence.


def test_a_missing_value_never_passes(measure: Any) -> None:
    measure(Missing(reason="no_labels", detail="no labelled data were given"))
    for one in (rule(**ACCURACY, at_most=1e9), rule(**ACCURACY, at_least=-1e9)):
        found = finding(FAILED, one)
        assert found.outcome == "NOT_EVALUATED"
        assert found.explanation == "no labelled data were given"


def test_a_run_that_failed_passes_nothing() -> None:
    rules = [
        rule(name, metric=name, unit=metric.unit, at_most=metric.maximum * 0.9)
        for name, metric in metrics.every().items()
        if "group" not in metric.parameters and math.isfinite(metric.maximum)
    ]
    rules += [
        rule(
            name, metric=name, unit=metric.unit, at_most=MEASURABLE.get(metric.unit, (1, 2))[1] / 2
        )
        for name, metric in metrics.every().items()
        if "group" not in metric.parameters
        and not math.isfinite(metric.maximum)
        and name.partition(".")[0] != "memory"
    ]
    verdict = judge(FAILED, policy(*rules))
    assert len(verdict.findings) >= len(rules) > 10
    assert {found.outcome for found in verdict.findings} == {"NOT_EVALUATED"}
    assert verdict.exit_code == 3


def test_a_rule_over_groups_without_groups_is_not_skipped() -> None:
    record = make_record(groups={})
    found = finding(record, rule(**GAP, at_most=0.9))
    assert found.outcome == "NOT_EVALUATED"
    assert "data.groups" in found.explanation


def test_a_rule_over_groups_is_judged_for_every_column_of_groups() -> None:
    answers = [0] * 400 + [1] * 400
    record = labels([1] * 800, answers, {"sex": [0, 1] * 400, "age": answers})
    verdict = judge(record, policy(rule(**GAP, at_most=0.2)))
    assert {found.address: found.outcome for found in verdict.findings} == {
        "fairness.equal_opportunity_difference[sex]": "PASS",
        "fairness.equal_opportunity_difference[age]": "FAIL",
    }
    assert verdict.overall == "FAIL"


# How a number was got.


def energy_by(method: Method) -> Record:
    return metered([window(10.0, method=method)] * 5)


@pytest.mark.parametrize("method", METHODS)
def test_a_pretend_meter_never_passes_whatever_the_policy_lists(method: Method) -> None:
    listed = rule(**ENERGY, at_most=1e9, methods=METHODS)
    found = finding(energy_by("pretend"), listed, methods=(method, "pretend"))
    assert found.outcome == "NOT_EVALUATED"
    assert "pretend" in found.explanation
    for family, unit in (("carbon", "g"), ("water", "L")):
        derived = rule(metric=f"{family}.per_inference", unit=unit, at_most=1e9, methods=METHODS)
        assert outcome(energy_by("pretend"), derived) == "NOT_EVALUATED"


def test_a_pretend_meter_does_not_fail_either() -> None:
    assert outcome(energy_by("pretend"), rule(**ENERGY, at_most=1e-9)) == "NOT_EVALUATED"


def test_a_modelled_energy_passes_only_where_the_policy_takes_models() -> None:
    record, loose = energy_by("modelled"), rule(**ENERGY, at_most=1.0)
    found = finding(record, loose)
    assert found.outcome == "NOT_EVALUATED"
    assert "modelled" in found.explanation
    assert outcome(record, loose, methods=("modelled",)) == "PASS"
    assert outcome(record, change(loose, methods=("modelled",))) == "PASS"
    assert outcome(record, change(loose, methods=("hardware_counter",))) == "NOT_EVALUATED"
    only_counters = change(loose, methods=("hardware_counter",))
    assert outcome(record, only_counters, methods=("modelled",)) == "NOT_EVALUATED"


@pytest.mark.parametrize("method", ["external_meter", "hardware_counter", "sensor_integral"])
def test_a_measured_energy_passes(method: Method) -> None:
    assert outcome(energy_by(method), rule(**ENERGY, at_most=0.2)) == "PASS"
    assert outcome(energy_by(method), rule(**ENERGY, at_most=0.05)) == "FAIL"


def test_no_number_of_calls_is_said_to_settle_a_modelled_energy() -> None:
    found = finding(energy_by("modelled"), rule(**ENERGY, at_most=0.12, methods=("modelled",)))
    assert (found.outcome, found.needed) == ("INCONCLUSIVE", None)


# Groups.


def test_a_small_group_is_inconclusive_even_inside_the_bound() -> None:
    record = from_table((500, 0, 0, 500), (20, 0, 0, 500))
    found = finding(record, rule(**GAP, at_most=0.5))
    assert found.outcome == "INCONCLUSIVE"
    assert "20 rows" in found.explanation
    assert found.needed == 30
    assert outcome(record, rule(**GAP, at_most=0.5), min_group=20) == "PASS"
    assert outcome(record, rule(**GAP, at_most=0.5), min_group=21) == "INCONCLUSIVE"


def test_what_a_small_group_fails_stays_failed() -> None:
    record = from_table((500, 0, 0, 500), (0, 20, 0, 500))
    assert outcome(record, rule(**GAP, at_most=0.1)) == "FAIL"


def test_the_least_group_counts_positives_where_the_rate_is_of_positives() -> None:
    record = from_table((50, 0, 0, 500), (10, 0, 0, 500))
    assert outcome(record, rule(**GAP, at_most=0.5)) == "INCONCLUSIVE"
    parity = rule(metric="fairness.demographic_parity_difference", unit="1", at_most=0.5)
    assert outcome(record, parity) == "PASS"


def test_the_size_of_groups_does_not_touch_rules_without_groups() -> None:
    record = labels([0, 1] * 10, [0, 1] * 10)
    assert outcome(record, rule(**ACCURACY, at_least=0.5)) == "PASS"


@pytest.mark.parametrize(
    ("way", "expected"), [("fail", "NOT_EVALUATED"), ("include", "FAIL"), ("exclude", "PASS")]
)
def test_the_policy_says_what_becomes_of_rows_without_a_group(way: str, expected: Outcome) -> None:
    record = from_table((400, 0, 0, 400), (400, 0, 0, 400), (0, 100, 0, 100))
    codes = record.arrays["group:sex"]
    assert record.data is not None
    record = change(
        record,
        arrays=record.arrays | {"group:sex": np.where(codes == 2, -1, codes)},
        data=change(record.data, groups={"sex": ("f", "m")}),
    )
    assert outcome(record, rule(**GAP, at_most=0.2), missing_groups=way) == expected


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_unfair_model_fails_and_its_fair_twin_does_not(seed: int) -> None:
    random, n = np.random.default_rng(seed), 4000
    y, group = random.integers(0, 2, n), random.integers(0, 2, n)
    fair = np.where(random.random(n) < 0.1, 1 - y, y)
    # One group's positives are answered negatively, three times in ten.
    unfair = np.where((group == 1) & (y == 1) & (random.random(n) < 0.3), 0, fair)
    one = rule(**GAP, at_most=0.1)
    assert outcome(labels(y, fair, {"sex": group}), one) == "PASS"
    assert outcome(labels(y, unfair, {"sex": group}), one) == "FAIL"
    few = slice(0, 60)
    twin = labels(y[few], unfair[few], {"sex": group[few]})
    assert outcome(twin, one) != "PASS"


# The overall verdict.


@pytest.mark.parametrize("worst", SEVERITY)
@pytest.mark.parametrize("advised", SEVERITY)
def test_the_verdict_is_the_worst_of_the_required_rules(worst: Outcome, advised: Outcome) -> None:
    record = metered([window(j) for j in (9.0, 10.0, 11.0)], site=None)
    bounds: dict[Outcome, Rule] = {
        "PASS": rule(**ENERGY, at_most=1.0),
        "INCONCLUSIVE": rule(**ENERGY, at_most=0.101),
        "NOT_EVALUATED": rule(metric="carbon.per_inference", unit="g", at_most=1.0),
        "FAIL": rule(**ENERGY, at_most=0.01),
    }
    rules = [
        change(bounds["PASS"], id="fine"),
        change(bounds[worst], id="worst"),
        change(bounds[advised], id="advice", required=False),
    ]
    for order in (rules, rules[::-1]):
        verdict = judge(record, policy(*order))
        assert verdict.overall == worst
        assert verdict.exit_code == EXIT_CODES[worst]
        by_id = {found.rule.id: found.outcome for found in verdict.findings}
        assert by_id == {"fine": "PASS", "worst": worst, "advice": advised}


def test_only_pass_is_exit_code_zero() -> None:
    assert EXIT_CODES == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3, "NOT_EVALUATED": 3}


def test_advice_alone_is_no_verdict() -> None:
    record = energy_by("hardware_counter")
    verdict = judge(record, policy(rule(**ENERGY, at_most=1.0, required=False)))
    assert verdict.findings[0].outcome == "PASS"
    assert (verdict.overall, verdict.exit_code) == ("NOT_EVALUATED", 3)


def test_judging_twice_gives_the_same_bytes() -> None:
    record, strict = make_record(), load_policy("frugal-and-trustworthy")
    before = msgspec.json.encode(msgspec.to_builtins(change(record, arrays={})))
    arrays = {name: array.copy() for name, array in record.arrays.items()}
    first, second = judge(record, strict), judge(record, strict)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert first.policy_sha256 == digest(strict)
    assert msgspec.json.encode(msgspec.to_builtins(change(record, arrays={}))) == before
    assert all((record.arrays[name] == array).all() for name, array in arrays.items())
    again = msgspec.json.decode(msgspec.json.encode(first), type=type(first))
    assert again == first


def test_the_digest_changes_with_any_word_of_the_policy() -> None:
    one = policy(rule(**ENERGY, at_most=1.0))
    others = [
        policy(rule(**ENERGY, at_most=1.0 + 1e-12)),
        policy(rule(**ENERGY, at_most=1.0, required=False)),
        policy(rule(**ENERGY, at_most=1.0), min_group=31),
        change(one, version="2"),
    ]
    assert len({digest(p) for p in (one, *others)}) == 5
    assert digest(one) == digest(policy(rule(**ENERGY, at_most=1.0)))


# Policies that cannot be judged by.


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([{"metric": "latency.p9", "unit": "s", "at_most": 1.0}], "did you mean 'latency.p9"),
        ([{"metric": "latency.p90", "unit": "ms", "at_most": 1.0}], "is in 's', not in 'ms'"),
        ([{"metric": "latency.p90", "unit": "s"}], "give one of at_most and at_least"),
        (
            [{"metric": "latency.p90", "unit": "s", "at_most": 1.0, "at_least": 0.1}],
            "give one of at_most and at_least",
        ),
        ([{"metric": "latency.p90", "unit": "s", "at_most": math.nan}], "finite"),
        ([{"metric": "latency.p90", "unit": "s", "at_most": math.inf}], "finite"),
        ([{**ACCURACY, "at_least": -math.inf}], "finite"),
        ([{**ACCURACY, "at_most": 1.0}], "can never fail"),
        ([{**ACCURACY, "at_least": 0.0}], "can never fail"),
        ([{**GAP, "at_most": 100.0}], "can never fail"),
        ([{"metric": "latency.p90", "unit": "s", "at_least": 0.0}], "can never fail"),
        ([{"metric": "fairness.tpr", "unit": "1", "at_least": 0.5}], "rate of one group"),
        ([{**GAP, "at_most": 0.1}, {**GAP, "at_most": 0.2}], "used twice"),
    ],
)
def test_a_policy_that_cannot_be_judged_by_is_refused(
    rules: list[dict[str, Any]], said: str
) -> None:
    wrong = policy(*(Rule(id="r", **one) for one in rules))
    with pytest.raises(UsageError) as caught:
        check(wrong)
    assert said in str(caught.value)
    assert "'r'" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError):
        judge(make_record(), wrong)


ALL = sorted(name for name, one in metrics.every().items() if "group" not in one.parameters)


@pytest.mark.parametrize("bound", [1e308, 1.7976931348623157e308, 1e300, 1e31])
@pytest.mark.parametrize("name", ALL)
def test_a_bound_that_nothing_measured_can_break_is_refused(name: str, bound: float) -> None:
    metric = metrics.find(name)
    endless = {"at_least": -bound}
    if math.isfinite(metric.minimum):
        # All that lies below is the least there is, which no interval lies wholly at.
        endless = {"at_least": metric.minimum + 1 / bound}
    for one in ({"at_most": bound}, endless):
        with pytest.raises(UsageError, match="can never fail"):
            check(policy(rule(metric=name, unit=metric.unit, **one)))


@pytest.mark.parametrize("name", ALL)
def test_a_bound_inside_what_can_be_measured_is_taken_on_both_sides(name: str) -> None:
    metric = metrics.find(name)
    least, most = MEASURABLE.get(metric.unit, ANY_UNIT)
    low = metric.minimum + 2 * least if math.isfinite(metric.minimum) else -most / 2
    high = metric.maximum - 2 * least if math.isfinite(metric.maximum) else most / 2
    for bound in (low, high):
        for side in ("at_most", "at_least"):
            one = {side: bound}
            assert check(policy(rule(metric=name, unit=metric.unit, **one)))


@pytest.mark.parametrize("of_policy", [(), ("pretend",), ("timer",)])
@pytest.mark.parametrize("of_rule", [(), ("pretend",), ("pretend", "pretend")])
def test_a_rule_that_accepts_no_method_is_refused(
    of_policy: tuple[Method, ...], of_rule: tuple[Method, ...]
) -> None:
    """No number could ever pass it, nor fail it."""
    wrong = policy(rule(**GAP, at_most=0.1, methods=of_rule), methods=of_policy)
    if of_policy == ("timer",) and not of_rule:
        assert check(wrong) is wrong
        return
    with pytest.raises(UsageError, match=r"rule 'r'.*no number could ever be accepted") as caught:
        check(wrong)
    assert "\n" not in str(caught.value)
    assert "list some of external_meter" in str(caught.value)


def test_a_policy_without_rules_is_refused_where_it_is_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "p", "version": "1", "rules": []}, Policy)


def test_a_good_policy_is_returned_as_it_is() -> None:
    good = policy(rule(**GAP, at_most=0.1))
    assert check(good) is good
