"""Robustness, reproducibility and importance on records with exact observations."""

from typing import Any

import numpy as np
import pytest
from _build import change, from_table, labels, missing, value
from hypothesis import given, settings
from hypothesis import strategies as st

from frugalbench.metrics import find, measure_all
from frugalbench.metrics._intervals import wilson
from frugalbench.metrics._retained import paired_ratio
from frugalbench.record import Pass, Probed, Record, Repeat
from frugalbench.values import Missing, Value

NOISE = "gaussian_noise:0.1"


def passed(severity: float = 0.1, reason: str = "", kind: str = "gaussian_noise") -> Pass:
    return Pass(kind=kind, severity=severity, unit="share", seed=1, reason=reason)


def shaken(
    record: Record, *answers: Any, rows: Any = None, passes: tuple[Pass, ...] = (), **fields: Any
) -> Record:
    """The record with these answers under probes of severity 0.1, 0.2, …"""
    own = "y_pred" if "y_pred" in record.arrays else "value"
    places = np.arange(record.arrays[own].size) if rows is None else np.asarray(rows, np.int64)
    made = passes or tuple(passed((number + 1) / 10) for number in range(len(answers)))
    arrays = {**record.arrays, "probe:rows": places}
    for number, given_ in enumerate(answers):
        if given_ is not None:
            arrays[f"probe:{number}:{own}"] = np.asarray(given_)
    return change(record, arrays=arrays, probed=Probed(rows=places.size, passes=made, **fields))


def two_class(right: int, wrong: int) -> Record:
    """So many right answers (the first ones) and wrong ones, all labels 1."""
    return labels(np.ones(right + wrong), [1] * right + [0] * wrong)


def regression(target: Any, answer: Any) -> Record:
    record = labels(np.zeros(len(target)), np.zeros(len(target)))
    kept = {"latency_ns": record.arrays["latency_ns"]}
    return change(
        record,
        arrays={**kept, "target": np.asarray(target, float), "value": np.asarray(answer, float)},
    )


# Accuracy retained


def test_accuracy_under_a_probe_is_that_of_the_probed_rows() -> None:
    record = shaken(two_class(80, 20), [1] * 30 + [0] * 10, rows=np.arange(40))
    found = value("robustness.accuracy", record, probe=NOISE)
    assert (found.estimate, found.n) == (0.75, 40)
    assert (found.low, found.high) == pytest.approx((0.598, 0.858), abs=1e-3)


def test_accuracy_retained_is_that_of_the_same_rows_undisturbed() -> None:
    # 8 of the 10 probed rows were right before, although 80 of 110 were in all.
    record = shaken(two_class(80, 30), [1, 1, 1, 1, 0, 0, 0, 0, 1, 0], rows=[*range(8), 100, 101])
    found = value("robustness.accuracy_retained", record, probe=NOISE)
    assert found.estimate == 5 / 8
    assert found.low < 5 / 8 < found.high
    assert found.note == "8 right before, 5 after, of 10"


def test_a_model_whose_answers_never_change_retains_all_and_not_nothing() -> None:
    record = shaken(two_class(90, 10), [1] * 90 + [0] * 10)
    found = value("robustness.accuracy_retained", record, probe=NOISE)
    assert found.estimate == 1
    assert 0.95 < found.low < 1 < found.high < 1.05


def test_nothing_right_before_is_no_ratio() -> None:
    record = shaken(two_class(0, 20), [1] * 20)
    assert missing("robustness.accuracy_retained", record, probe=NOISE).reason == "none_right"
    assert value("robustness.accuracy", record, probe=NOISE).estimate == 1


def test_everything_lost_has_an_interval() -> None:
    record = shaken(two_class(50, 0), [0] * 50)
    found = value("robustness.accuracy_retained", record, probe=NOISE)
    assert (found.estimate, found.low) == (0, 0)
    assert 0 < found.high < 0.2


@given(
    both=st.integers(0, 300), lost=st.integers(0, 300), won=st.integers(0, 300),
    level=st.sampled_from([0.9, 0.95, 0.995]),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_a_ratio_is_in_its_interval_and_turned_round_it_is_its_inverse(
    both: int, lost: int, won: int, level: float
) -> None:
    if not both + lost:
        with pytest.raises(ValueError, match="never happened"):
            paired_ratio(both, lost, won, level)
        return
    ratio, low, high = paired_ratio(both, lost, won, level)
    assert 0 <= low <= ratio <= high
    assert ratio == (both + won) / (both + lost)
    if both + won:
        _, turned_low, turned_high = paired_ratio(both, won, lost, level)
        if low > 0:
            assert turned_high == pytest.approx(1 / low, rel=1e-6)
        if np.isfinite(high) and high > 0:
            assert turned_low == pytest.approx(1 / high, rel=1e-6)


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        (30, (0.7, 0.15, 0.05, 0.1)),
        (100, (0.9, 0.02, 0.0, 0.08)),
        (100, (0.9, 0.03, 0.01, 0.06)),
        (300, (0.5, 0.3, 0.0, 0.2)),
        (1000, (0.8, 0.004, 0.004, 0.192)),
    ],
)
def test_the_interval_of_accuracy_retained_covers(rows: int, shares: tuple[float, ...]) -> None:
    both, lost, won, _ = shares
    truth = (both + won) / (both + lost)
    tables = np.random.default_rng(0).multinomial(rows, shares, 3000)
    known, times = np.unique(tables[:, :3], axis=0, return_counts=True)
    inside = sum(
        count
        for table, count in zip(known.tolist(), times.tolist(), strict=True)
        if (ends := paired_ratio(*table))[1] <= truth <= ends[2]
    )
    assert inside / 3000 > 0.94


def test_rows_that_belong_together_make_the_interval_wider() -> None:
    rng = np.random.default_rng(2)
    fate = np.repeat(rng.random(20) < 0.7, 10).astype(int)
    record = shaken(labels(np.ones(200), np.ones(200)), fate)
    alone = value("robustness.accuracy_retained", record, probe=NOISE)
    together = change(
        record,
        arrays={**record.arrays, "cluster": np.repeat(np.arange(20), 10)},
        data=change(record.data, cluster="person", clusters=20),
    )
    found = value("robustness.accuracy_retained", together, probe=NOISE)
    assert found.estimate == alone.estimate
    assert found.n == 20
    assert found.high - found.low > 2 * (alone.high - alone.low)
    one = change(together, arrays={**together.arrays, "cluster": np.zeros(200, np.int64)})
    assert missing("robustness.accuracy_retained", one, probe=NOISE).reason == "one_cluster"


@pytest.mark.parametrize("right", [1, 0])
def test_clusters_that_all_retain_the_same_are_no_proof_of_others(right: int) -> None:
    record = from_table((40, 10, 10, 40), (40, 10, 10, 40))
    record = change(
        record,
        arrays={**record.arrays, "cluster": np.arange(200) % 20},
        data=change(record.data, cluster="person", clusters=20),
    )
    y = record.arrays["y_true"]
    answers = record.arrays["y_pred"] if right else 1 - y
    found = value("robustness.accuracy_retained", shaken(record, answers), probe=NOISE)
    # Of 20 clusters alike, Wilson's share of 0 in 20 may differ by all their rows; 160 were right.
    apart = float(wilson(0, 20)[1]) * 200 / 160
    assert found.estimate == right
    assert found.low == pytest.approx(max(0, right - apart))
    assert found.high == pytest.approx(right + apart)
    lowest = value("robustness.accuracy_retained_min", shaken(record, answers))
    assert lowest.low < lowest.high


# Over groups, and over probes


def test_the_worst_group_under_a_probe_is_that_of_the_same_construction_undisturbed() -> None:
    record = from_table((30, 10, 5, 55), (20, 20, 30, 30))
    same = shaken(record, record.arrays["y_pred"])
    undisturbed = value("fairness.accuracy_group_min", record, attribute="sex")
    found = value("robustness.accuracy_group_min", same, attribute="sex", probe=NOISE)
    assert found == undisturbed


def test_a_probe_that_hits_one_group_only_is_seen() -> None:
    record = from_table((50, 0, 0, 50), (50, 0, 0, 50))
    answers = record.arrays["y_pred"].copy()
    second = record.arrays["group:sex"] == 1
    answers[second & (np.arange(200) % 2 == 0)] ^= 1
    found = value(
        "robustness.accuracy_group_min", shaken(record, answers), attribute="sex", probe=NOISE
    )
    assert found.estimate == 0.5
    assert "g1" in found.note
    one = find("robustness.accuracy_group_min")
    assert one.settle is not None
    told = one.settle(shaken(record, answers), 0.9, attribute="sex", probe=NOISE)
    assert told.flagged


def test_the_lowest_over_all_probes_is_the_worst_with_room_for_having_looked_at_several() -> None:
    record = two_class(100, 0)
    mild, harsh = [1] * 95 + [0] * 5, [1] * 60 + [0] * 40
    many = shaken(record, mild, harsh, [1] * 100)
    found = value("robustness.accuracy_retained_min", many)
    single = value("robustness.accuracy_retained", many, probe="gaussian_noise:0.2")
    assert found.estimate == 0.6
    assert found.low == single.low
    assert found.high > single.high
    assert found.note == "worst: gaussian_noise:0.2"


def test_a_pass_that_was_not_made_leaves_the_lowest_unknown() -> None:
    made = (passed(0.1), passed(0.2, "the model cannot run on its inputs"))
    record = shaken(two_class(100, 0), [1] * 100, None, passes=made)
    gone = missing("robustness.accuracy_retained_min", record)
    assert gone.reason == "not_probed"
    assert "gaussian_noise:0.2" in gone.detail
    assert "cannot run" in gone.detail


@pytest.mark.parametrize("name", ["robustness.accuracy", "robustness.accuracy_retained"])
def test_what_was_not_probed_is_missing_with_what_would_give_it(name: str) -> None:
    gone = missing(name, two_class(5, 5), probe="blur:2")
    assert gone.reason == "not_probed"
    assert "blur:2" in gone.detail
    lowest = missing("robustness.accuracy_retained_min", two_class(5, 5))
    assert "probes=" in lowest.detail


# Regressions


def test_the_growth_of_an_error_is_paired_row_by_row() -> None:
    target = np.arange(50.0)
    record = shaken(regression(target, target + 10), target + 10 + np.tile([1.0, 3.0], 25))
    found = value("robustness.error_increase", record, probe=NOISE)
    assert found.estimate == 2
    half = 2.0096 * np.std(np.tile([1.0, 3.0], 25), ddof=1) / np.sqrt(50)
    assert found.high - 2 == pytest.approx(half, rel=1e-3)
    better = shaken(regression(target, target + 10), target + np.tile([0.0, 1.0], 25))
    assert value("robustness.error_increase", better, probe=NOISE).estimate == -9.5


@pytest.mark.parametrize("clusters", [None, np.arange(50) % 10])
@pytest.mark.parametrize("more", [0.0, 0.3])
def test_errors_that_all_grow_by_the_same_say_nothing_of_others(clusters: Any, more: float) -> None:
    target = np.arange(50.0)
    record = shaken(regression(target, target + 1), target + 1 + more)
    if clusters is not None:
        record = change(record, arrays={**record.arrays, "cluster": clusters})
    assert missing("robustness.error_increase", record, probe=NOISE).reason == "same_error"


def test_clusters_whose_errors_all_grow_by_the_same_say_nothing_of_others() -> None:
    target = np.arange(50.0)
    record = shaken(regression(target, target + 1), target + 1 + np.tile([0.0, 0.5], 25))
    together = change(record, arrays={**record.arrays, "cluster": np.arange(50) // 2})
    assert value("robustness.error_increase", record, probe=NOISE).high > 0.25
    assert missing("robustness.error_increase", together, probe=NOISE).reason == "same_error"


def test_an_answer_that_is_no_number_is_no_error() -> None:
    target = np.arange(50.0)
    answers = target.copy()
    answers[3] = np.nan
    gone = missing(
        "robustness.error_increase", shaken(regression(target, target), answers), probe=NOISE
    )
    assert (gone.reason, "1 answers" in gone.detail) == ("not_finite", True)


# Reproducibility


def repeat(how: Any, **fields: Any) -> Repeat:
    facts = {
        "setting": "threads 2, before 1",
        "rows": 400,
        "flips": 3,
        "beyond": 40,
        "largest": 0.25,
        "dtype": "float32",
        "tolerance": "1e-4",
    }
    return Repeat(how=how, **{**facts, **fields})


@pytest.mark.parametrize("how", ["again", "batch", "threads"])
def test_flips_and_differences_are_what_was_seen(how: Any) -> None:
    record = shaken(two_class(400, 0), [1] * 400, repeats=(repeat(how),))
    flips = value(f"reproducibility.flips_{how}", record)
    assert (flips.estimate, flips.n) == (3 / 400, 400)
    assert 0.002 < flips.low < 3 / 400 < flips.high < 0.025
    assert value(f"reproducibility.beyond_{how}", record).estimate == 0.1
    apart = value(f"reproducibility.difference_{how}", record)
    assert (apart.low, apart.estimate, apart.high) == (0.25, 0.25, 0.25)
    others = {"again", "batch", "threads"} - {how}
    for other in others:
        assert missing(f"reproducibility.flips_{other}", record).reason == "not_repeated"


def test_labels_alone_have_flips_and_no_difference() -> None:
    told = repeat("again", dtype="int64", largest=0.0)
    record = shaken(two_class(400, 0), [1] * 400, repeats=(told,))
    assert missing("reproducibility.difference_again", record).reason == "no_scores"
    assert value("reproducibility.flips_again", record).estimate > 0


def test_no_flip_in_a_few_rows_is_not_known_to_be_none() -> None:
    told = repeat("again", rows=10, flips=0, beyond=0)
    record = shaken(two_class(10, 0), [1] * 10, repeats=(told,))
    assert value("reproducibility.flips_again", record).high > 0.2


# Importance


def important(losses: Any, record: Record | None = None) -> Record:
    array = np.atleast_2d(np.asarray(losses, np.float32))
    features = tuple(f"f{place}" for place in range(len(array)))
    record = record or two_class(array.shape[1], 0)
    made = shaken(record, features=features, shuffles=5)
    return change(made, arrays={**made.arrays, "importance": array})


def test_importance_is_the_mean_over_rows_with_students_t() -> None:
    losses = np.tile([0.0, 0.4], 50)
    found = value("explanation.importance", important([losses, -losses]), feature="f0")
    assert found.estimate == pytest.approx(0.2)
    assert found.high - 0.2 == pytest.approx(1.9842 * np.std(losses, ddof=1) / 10, rel=1e-3)
    worse = value("explanation.importance", important([losses, -losses]), feature="f1")
    assert worse.high < 0


def test_a_feature_that_never_mattered_is_not_known_to_be_without_effect() -> None:
    found = value("explanation.importance", important(np.zeros(100)), feature="f0")
    assert found.estimate == 0
    assert found.high == pytest.approx(1 - 0.025**0.01)
    assert found.low == -found.high


@pytest.mark.parametrize("loss", [0.0, 0.5])
def test_a_feature_that_costs_a_regression_the_same_everywhere_has_no_interval(loss: float) -> None:
    target = np.tile([0.0, 4.0], 20)
    record = important(np.full(40, loss), regression(target, target))
    assert missing("explanation.importance", record, feature="f0").reason == "same_error"


def test_importance_in_a_regression_is_in_spreads_of_the_label() -> None:
    target = np.tile([0.0, 20.0], 30)
    record = important(np.tile([4.0, 6.0], 30), regression(target, target))
    assert value("explanation.importance", record, feature="f0").estimate == pytest.approx(0.5)
    flat = important(np.ones(60), regression(np.ones(60), np.ones(60)))
    assert missing("explanation.importance", flat, feature="f0").reason == "one_value"


def test_a_feature_nobody_shuffled_is_missing() -> None:
    gone = missing("explanation.importance", two_class(5, 5), feature="age")
    assert gone.reason == "not_shuffled"
    assert "probes.shuffles" in gone.detail
    nan = important([[np.nan, 1.0, 1.0]])
    assert missing("explanation.importance", nan, feature="f0").reason == "not_finite"
    assert missing("explanation.importance", important([[1.0]]), feature="f0").reason == (
        "too_few_rows"
    )


def test_every_measure_of_a_probed_record_is_a_number_or_a_reason() -> None:
    record = shaken(
        from_table((5, 1, 2, 7), (0, 3, 3, 0)), np.zeros(21, np.int64), None,
        passes=(passed(0.1), passed(0.2, "no time")), repeats=(repeat("again"),),
    )  # fmt: skip
    seen = {name: one for name, _, one in measure_all(record)}
    assert isinstance(seen["robustness.accuracy_group_min[sex, gaussian_noise:0.1]"], Value)
    assert isinstance(seen["robustness.accuracy_group_min[sex, gaussian_noise:0.2]"], Missing)
    for name, one, measure in measure_all(record):
        if name.startswith(("robustness", "reproducibility", "explanation")):
            assert isinstance(measure, Missing) or measure.unit == one.unit
