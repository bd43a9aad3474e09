"""Intervals of groups whose rows come in clusters hold the truth; those of rows alone do not."""

from typing import Any

import numpy as np
import pytest
from _build import change, labels, missing, value
from scipy.stats import binomtest

from frugalbench.record import Record
from frugalbench.values import Value

ROWS, ALIKE, TIMES = 20, 0.2, 120
"""Rows of a cluster, and how alike two of them are (intra-cluster correlation)."""
GAP = "fairness.equal_opportunity_difference"
FLOOR = "fairness.accuracy_group_min"


def answers(random: np.random.Generator, clusters: int, rate: float) -> Any:
    """Right answers (clusters, rows), beta-binomial: each cluster has a rate of its own."""
    a, b = (share * (1 - ALIKE) / ALIKE for share in (rate, 1 - rate))
    return random.random((clusters, ROWS)) < random.beta(a, b, (clusters, 1))


def record_of(right: list[Any], clusters: Any) -> Record:
    """All labels are 1, so that TPR and accuracy are the share of right answers."""
    flat = np.concatenate([one.ravel() for one in right])
    codes = np.repeat(np.arange(len(right)), [one.size for one in right])
    record = labels(np.ones(flat.size), flat, {"sex": codes})
    assert record.data is not None
    numbers = np.asarray(clusters, np.int64)
    data = change(record.data, clusters=int(numbers.max()) + 1, cluster="who")
    return change(record, arrays=record.arrays | {"cluster": numbers}, data=data)


def apart(random: np.random.Generator, sizes: tuple[int, ...], rates: tuple[float, ...]) -> Record:
    """Groups of clusters of their own."""
    right = [answers(random, size, rate) for size, rate in zip(sizes, rates, strict=True)]
    return record_of(right, np.repeat(np.arange(sum(sizes)), ROWS))


def alone(record: Record) -> Record:
    """The same rows as if they had nothing to do with each other."""
    return change(record, arrays={k: a for k, a in record.arrays.items() if k != "cluster"})


def wrong(found: Value, truth: float) -> tuple[bool, bool]:
    return found.high < truth - 1e-12, found.low > truth + 1e-12


def seldom(errors: int, allowed: float) -> bool:
    return bool(binomtest(errors, TIMES, allowed, alternative="greater").pvalue >= 0.01)


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [((40, 40), (0.8, 0.7)), ((40, 5), (0.8, 0.7)), ((40, 3), (0.8, 0.7)), ((20, 10), (0.8, 0.5))],
)
def test_few_clusters_or_many_the_truth_is_held_and_rows_alone_would_lose_it(
    sizes: tuple[int, ...], rates: tuple[float, ...]
) -> None:
    random = np.random.default_rng(1)
    gap, worst = max(rates) - min(rates), min(rates)
    found = {name: np.zeros(2, int) for name in ("rate", "gap", "floor", "rows", "rows gap")}
    for _ in range(TIMES):
        record = apart(random, sizes, rates)
        rate = {"attribute": "sex", "group": "g1"}
        found["rate"] += wrong(value("fairness.tpr", record, **rate), rates[1])
        found["gap"] += wrong(value(GAP, record, attribute="sex"), gap)
        found["floor"] += wrong(value(FLOOR, record, attribute="sex"), worst)
        found["rows"] += wrong(value("fairness.tpr", alone(record), **rate), rates[1])
        found["rows gap"] += wrong(value(GAP, alone(record), attribute="sex"), gap)
    # A bootstrap of clusters errs a little more than it promises: half as often again is allowed.
    assert seldom(int(found["rate"].sum()), 0.075), found
    for name in ("gap", "floor"):
        assert all(seldom(int(errors), 0.075) for errors in found[name]), (name, found)
    assert found["rows"].sum() > 0.2 * TIMES
    assert found["rows gap"].sum() > 0.2 * TIMES


def test_a_gap_within_people_is_known_better_than_one_between_people() -> None:
    """Two groups of rows of the same clusters share what makes a cluster good or bad."""
    random, errors, narrower = np.random.default_rng(2), 0, 0
    for _ in range(40):
        right = answers(random, 40, 0.7)
        halves = [right[:, : ROWS // 2], right[:, ROWS // 2 :]]
        shared = record_of(halves, np.tile(np.repeat(np.arange(40), ROWS // 2), 2))
        own = record_of(halves, np.repeat(np.arange(80), ROWS // 2))
        one, other = (value(GAP, record, attribute="sex") for record in (shared, own))
        errors += one.low > 0
        narrower += one.high < other.high
    assert errors <= 6
    assert narrower >= 36


def test_more_rows_of_the_same_people_are_no_more_evidence() -> None:
    random = np.random.default_rng(3)
    right = [answers(random, 30, rate) for rate in (0.8, 0.6)]
    once = record_of(right, np.repeat(np.arange(60), ROWS))
    five = record_of([np.tile(one, (1, 5)) for one in right], np.repeat(np.arange(60), 5 * ROWS))
    for address in (GAP, FLOOR):
        a, b = value(address, once, attribute="sex"), value(address, five, attribute="sex")
        assert (a.estimate, a.n) == (b.estimate, b.n)
        assert (b.low, b.high) == pytest.approx((a.low, a.high), abs=0.01)
    before, after = (value(GAP, alone(one), attribute="sex") for one in (once, five))
    assert after.high - after.low < 0.6 * (before.high - before.low)


def test_clusters_of_one_row_are_rows() -> None:
    random = np.random.default_rng(4)
    right = [random.random((300, 1)) < rate for rate in (0.8, 0.6)]
    record = record_of(right, np.arange(600))
    for address in (GAP, FLOOR):
        a, b = (
            value(address, record, attribute="sex"),
            value(address, alone(record), attribute="sex"),
        )
        assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=0.02)
        assert a.n == b.n == 300


def test_every_pair_of_very_many_groups_of_clusters_is_refused_with_a_reason() -> None:
    random = np.random.default_rng(5)
    record = apart(random, (2,) * 129, (0.7,) * 129)
    found = missing(GAP, record, attribute="sex")
    assert found.reason == "too_many_groups"
    assert "at most 128" in found.detail
    assert value(FLOOR, record, attribute="sex").n == 2


def test_the_clusters_of_one_group_say_nothing_of_how_many_another_has() -> None:
    """Student's t over three clusters, however many there are beside them."""
    random = np.random.default_rng(6)
    few, many = answers(random, 3, 0.6), answers(random, 60, 0.8)
    ends = []
    for others in (many[:3], many):
        clusters = np.repeat(np.arange(3 + len(others)), ROWS)
        found = value(FLOOR, record_of([others, few], clusters), attribute="sex")
        share = few.mean(axis=1)
        half = 2.92 * share.std(ddof=1) / np.sqrt(3)
        assert found.low == pytest.approx(max(0.0, share.mean() - half), abs=0.02)
        ends.append(found.low)
    assert ends[0] == pytest.approx(ends[1], abs=0.02)
