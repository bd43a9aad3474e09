"""Biases put into real models on purpose: the judge has to see them, and only them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from _onnx import linear
from pyarrow import parquet

from frugalbench import bench
from frugalbench.certify import Outcome, Policy, Rule, Verdict, judge
from frugalbench.record import Record
from frugalbench.settings import load_policy
from frugalbench.spec import Data, Model, Plan, Precision, Spec

PLAN = Plan(
    max_seconds=20, processes=1, process_seconds=0.05, warmup_seconds=0.05, idle_seconds=0.0
)
POLICY = Policy(
    name="alike",
    version="1",
    rules=(
        Rule(id="odds", metric="fairness.equalized_odds_difference", at_most=0.1, unit="1"),
        Rule(id="parity", metric="fairness.demographic_parity_difference", at_most=0.1, unit="1"),
    ),
)


def table(path: Path, columns: dict[str, Any]) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def measured(model: Path, data: Path, precision: Precision = "as_is") -> Record:
    spec = Spec(
        model=Model(
            path=str(model), output_kind="probability", classes=(0, 1), precision=precision
        ),
        data=Data(
            path=str(data),
            label="y",
            positive=1,
            groups=("group",),
            features=("a", "b", "quiet"),
        ),
        plan=PLAN,
    )
    return bench.run(spec)


def outcome(verdict: Verdict, name: str) -> Outcome:
    return next(one.outcome for one in verdict.findings if one.rule.id == name)


@pytest.mark.parametrize(("shift", "expected"), [(0.0, "PASS"), (1.0, "FAIL"), (-1.0, "FAIL")])
def test_scores_shifted_for_one_group_fail_and_their_unshifted_twin_passes(
    tmp_path: Path, shift: float, expected: Outcome
) -> None:
    random = np.random.default_rng(3)
    rows = 6000
    group = random.integers(0, 2, rows)
    signal = random.normal(size=rows)
    y = (signal + 0.5 * random.normal(size=rows) > 0).astype(int)
    data = table(
        tmp_path / "d.parquet",
        {
            "a": signal,
            "b": group.astype(float),
            "quiet": np.zeros(rows),
            "group": np.where(group == 1, "north", "south"),
            "y": y,
        },
    )
    # The model sees the group (column b) and adds the shift to its score for the positive class.
    model = linear(tmp_path / "m.onnx", weight=((-1.0, 1.0), (0.0, shift), (0.0, 0.0)))
    verdict = judge(measured(model, data), POLICY)
    assert verdict.overall == expected
    for finding in verdict.findings:
        assert finding.outcome == expected, finding.explanation


def two_sensors(folder: Path, rows: int = 4000) -> Path:
    """Each group is read by a sensor of its own; the third column is silent in these data."""
    random = np.random.default_rng(4)
    group = random.integers(0, 2, rows)
    signal = random.normal(size=rows)
    y = (signal + 0.3 * random.normal(size=rows) > 0).astype(int)
    columns = {
        "a": np.where(group == 0, signal, 0.0),
        "b": np.where(group == 1, signal, 0.0),
        "quiet": np.zeros(rows),
        "group": np.where(group == 1, "north", "south"),
        "y": y,
    }
    return table(folder / "d.parquet", columns)


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "expected"), [(0.3, "FAIL"), (60.0, "PASS")])
def test_a_bias_that_only_8_bit_weights_bring_is_caught(
    tmp_path: Path, weight: float, expected: Outcome
) -> None:
    """One scale for all weights: beside 100, a weight of 0.3 is rounded to nothing.

    In floating point both groups are answered alike; afterwards one of them is answered at random.
    """
    data = two_sensors(tmp_path)
    weights = ((-50.0, 50.0), (-weight, weight), (-100.0, 100.0))
    model = linear(tmp_path / "m.onnx", weight=weights)
    before, after = measured(model, data), measured(model, data, "int8")
    assert judge(before, POLICY).overall == "PASS"
    verdict = judge(after, load_policy("drift"), before)
    assert verdict.overall == expected
    if expected == "FAIL":
        worst = next(one for one in verdict.findings if one.rule.id == "worst-group")
        assert "north" in worst.explanation
        assert "south (" not in worst.explanation
        assert outcome(verdict, "alike") == "FAIL"
