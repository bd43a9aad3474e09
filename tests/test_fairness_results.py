"""What results/fairness promises is what its figures say, and a small run says so again."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from _build import from_table, labels
from scipy.stats import binomtest

from frugalbench.metrics import drift, find
from frugalbench.values import Value

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
STORED = BENCHMARKS.parent / "results" / "fairness"
SURE = 1e-4
"""A share above its bound by chance: one time in ten thousand."""


@pytest.fixture(scope="module")
def benchmarks() -> Iterator[Any]:
    """Imports a module of benchmarks/ by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module


@pytest.fixture
def measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STORED / "measured.json").read_text(encoding="utf-8"))
    return found


# The stored figures


def test_the_stored_page_is_made_of_the_stored_figures(
    benchmarks: Any, measured: dict[str, Any]
) -> None:
    page = benchmarks("fairness_page").page(measured)
    assert page == (STORED / "README.md").read_text(encoding="utf-8")


def test_every_promise_holds_in_the_stored_figures(
    benchmarks: Any, measured: dict[str, Any]
) -> None:
    promises = benchmarks("fairness_page").promises(measured)
    assert len(promises) >= 12
    assert [words for words, *_, kept in promises if not kept] == []


@pytest.mark.parametrize(
    ("table", "name", "wrong"),
    [
        ("margin", "certified", 0.07),
        ("margin", "failed", 0.07),
        ("power", "low_misses", 0.07),
        ("flags", "flagged", 0.07),
        ("floor", "certified", 0.07),
        ("drop", "certified", 0.07),
        ("needed", "expected_pair", 0.6),
    ],
)
def test_one_figure_that_breaks_a_promise_is_seen(
    benchmarks: Any, measured: dict[str, Any], table: str, name: str, wrong: float
) -> None:
    broken = deepcopy(measured)
    broken["rule"][table][-1][name] = wrong
    module = benchmarks("fairness_page")
    assert sum(not kept for *_, kept in module.promises(broken)) == 1
    assert "| NO |" in module.page(broken)


def test_every_stored_share_at_the_margin_is_within_what_chance_allows(
    measured: dict[str, Any],
) -> None:
    rule = measured["rule"]
    assert rule["draws"] >= 2000
    # Half the width of the 95 % interval of a share of 5 %.
    assert 1.96 * (0.05 * 0.95 / rule["gate_draws"]) ** 0.5 < 0.015
    for one in rule["margin"]:
        count = round(one["certified"] * rule["draws"])
        assert binomtest(count, rule["draws"], 0.05, "greater").pvalue > SURE / 10, one
    certified = {(one["groups"], one["rows"]) for one in rule["margin"]}
    assert certified == {(groups, rows) for groups in (2, 5, 10) for rows in (200, 500, 1000)}


# The simulations are of the rule itself


def test_many_tables_at_once_are_judged_as_one_by_one(benchmarks: Any) -> None:
    draws = benchmarks("_draws")
    rng = np.random.default_rng(4)
    for groups in (2, 4):
        trials = rng.integers(20, 400, groups)
        hits = rng.binomial(trials, rng.random((30, groups)))
        draws.same_as_one_by_one(hits, trials, 0.2, 30)
        draws.same_flags(hits, trials, 0.1, 10)


def test_a_table_judged_otherwise_is_seen(benchmarks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = benchmarks("_draws")
    monkeypatch.setattr(draws, "BOTH_ENDS", 0.95)
    with pytest.raises(AssertionError):
        draws.same_as_one_by_one(np.array([[30, 45]]), np.array([100, 100]), 0.1)


def test_floors_of_many_tables_are_those_of_records(benchmarks: Any) -> None:
    draws = benchmarks("_draws")
    rng = np.random.default_rng(8)
    trials = np.array([40, 90, 60])
    hits = rng.binomial(trials, 0.8, (5, 3))
    ends = draws.floor_ends(hits, np.broadcast_to(trials, hits.shape))
    for place, one in enumerate(hits):
        record = from_table(*((int(k), 0, int(n - k), 0) for k, n in zip(one, trials, strict=True)))
        found = find("fairness.accuracy_group_min")(record, attribute="sex")
        assert isinstance(found, Value)
        expected = (ends.estimate[place], ends.low[place], ends.high[place])
        assert (found.estimate, found.low, found.high) == pytest.approx(expected, abs=1e-12)


def test_drops_of_many_tables_are_those_of_two_records(benchmarks: Any) -> None:
    draws = benchmarks("_draws")
    rng = np.random.default_rng(9)
    trials = np.array([50, 80])
    lost = rng.binomial(trials, 0.1, (5, 2))
    won = rng.binomial(trials - lost, 0.05)
    ends = draws.drop_ends(lost, won, np.broadcast_to(trials, lost.shape))
    for place in range(5):
        found = _drop(lost[place], won[place], trials)
        expected = (ends.estimate[place], ends.low[place], ends.high[place])
        assert (found.estimate, found.low, found.high) == pytest.approx(expected, abs=1e-12)


def _drop(lost: Any, won: Any, trials: Any) -> Value:
    """Two versions of which the later is wrong in `lost` rows more, and right in `won` more."""
    before, after, groups = [], [], []
    for group, (k, m, n) in enumerate(zip(lost, won, trials, strict=True)):
        before += [1] * k + [0] * m + [1] * (n - k - m)
        after += [0] * k + [1] * m + [1] * (n - k - m)
        groups += [group] * n
    truth = [1] * len(groups)
    earlier, later = (labels(truth, answers, {"sex": groups}) for answers in (before, after))
    found = drift.accuracy_drop_group_max(later, reference=earlier, attribute="sex")
    assert isinstance(found, Value), found
    return found


# Small runs


def certify_rarely(rows: list[dict[str, Any]], draws: int) -> None:
    for one in rows:
        count = round(one["certified"] * draws)
        assert binomtest(count, draws, 0.05, "greater").pvalue > SURE, one


def test_a_small_run_of_the_simulations_certifies_no_more_than_it_may(benchmarks: Any) -> None:
    module = benchmarks("fairness_rule")
    found = module.rule(module.Size(300, 20, 50, (200,), (300,)), seed=3)
    certify_rarely(found["margin"], 300)
    certify_rarely(found["floor"], 150)
    certify_rarely(found["drop"], 300)
    by_estimate = [one["point"] for one in found["margin"] if one["groups"] == 2]
    assert min(by_estimate) > 0.4
    assert {one["margin"] for one in found["power"]} == {0.05, 0.10}
    rng = np.random.default_rng((3, 2))
    assert found["flags"] == module.false_flags(module.Size(300, 0, 0, (), ()), rng)


@pytest.mark.slow
def test_a_larger_run_with_another_seed_keeps_the_promises(benchmarks: Any) -> None:
    module = benchmarks("fairness_rule")
    found = module.rule(module.Size(5_000, 200, 100, (200, 1000), (500,)), seed=2026)
    certify_rarely(found["margin"], 5_000)
    certify_rarely(found["floor"], 2_500)
    certify_rarely(found["drop"], 5_000)
    for one in found["flags"]:
        count = round(one["flagged"] * one["draws"])
        assert binomtest(count, one["draws"], 0.05, "greater").pvalue > SURE, one
        assert one["flagged"] <= one["uncorrected"]


def test_the_same_differences_as_fairlearns_from_the_same_rows(benchmarks: Any) -> None:
    peers: ModuleType = benchmarks("fairness_peers")
    data = peers.rows_of(1500, seed=1)
    gaps, ends = peers.by_percentiles(*data)
    theirs, their_ends = peers.theirs(*data, 2)
    assert gaps == pytest.approx(theirs)
    assert ends.shape == their_ends.shape
    assert (ends[0] < ends[1]).all()
    paired, paired_ends = peers.by_pairs(*data)
    assert paired == pytest.approx(theirs)
    assert ((paired_ends[0] <= paired) & (paired <= paired_ends[1])).all()


def test_drawing_the_table_is_drawing_the_rows(benchmarks: Any) -> None:
    peers: ModuleType = benchmarks("fairness_peers")
    data = peers.rows_of(1000, seed=2)
    _, ends = peers.by_percentiles(*data)
    rng, drawn = np.random.default_rng(3), []
    for _ in range(1000):
        rows = rng.integers(0, 1000, 1000)
        counts = peers.counted(*(one[rows] for one in data))
        drawn.append(peers.differences(counts, counts.table))
    by_rows = np.quantile(np.array(drawn), peers.QUANTILES, axis=0)
    assert ends == pytest.approx(by_rows, abs=0.03)


def test_a_small_table_is_written_streamed_and_counted(benchmarks: Any) -> None:
    found = benchmarks("fairness_stream").stream(20_000, 1)
    assert found["rows"] == 20_000
    assert 0 < found["peak_mib"] < 1024
    assert found["counter_rows_a_second"][0] > 0


@pytest.mark.slow
def test_a_quick_run_writes_its_figures_and_their_page(benchmarks: Any, tmp_path: Path) -> None:
    words = [str(BENCHMARKS / "fairness.py"), str(tmp_path), "--quick"]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=300)
    measured = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert page == benchmarks("fairness_page").page(measured)
    assert "## Beside Fairlearn" in page
