"""What a record declares and no longer holds is never evaluated, and so never passes.

The seal of a record is a digest that anyone can make anew, so that a bad result could be deleted
and the rest saved again.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _build import change, labels
from _records import make_process
from test_metrics_robustness import passed, shaken
from test_shipped_policies import _beside

from frugalbench import store
from frugalbench.certify import Finding, Policy, Rule, Verdict, judge
from frugalbench.record import Record
from frugalbench.spec import Baseline, Model, Perturbation, Probes
from frugalbench.values import Missing

ROWS = 800
HALF = np.arange(ROWS) % 2
QUARTER = np.arange(ROWS) // 2 % 2


def judged(record: Record, metric: str, **bound: Any) -> Verdict:
    one = Rule(id="only", metric=metric, unit="1", **bound)
    return judge(record, Policy(name="test", version="1", rules=(one,)))


def addresses(verdict: Verdict) -> dict[str, Finding]:
    return {one.address: one for one in verdict.findings}


def people(**data: Any) -> Record:
    """A model that is right for everyone of one sex and half of the other; regions are alike."""
    y_true = QUARTER
    y_pred = np.where((HALF == 1) & (np.arange(ROWS) % 4 == 1), 1 - y_true, y_true)
    record = labels(y_true, y_pred, {"sex": HALF, "region": np.arange(ROWS) // 4 % 2})
    assert record.data is not None
    return change(record, data=change(record.data, **data))


def without(record: Record, name: str) -> Record:
    return change(record, arrays={key: one for key, one in record.arrays.items() if key != name})


PARITY: dict[str, Any] = {"metric": "fairness.accuracy_difference", "at_most": 0.2}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"intersections": (("sex", "region"),)},
        {"controls": ("region",)},
        {"controls": ("sex",), "intersections": (("sex", "region"),)},
    ],
)
def test_a_group_column_that_was_deleted_is_not_evaluated(data: Any, tmp_path: Path) -> None:
    whole = people(**data)
    before = judged(whole, **PARITY)
    assert before.overall == "FAIL"
    store.save(without(whole, "group:sex"), tmp_path)
    (folder,) = tmp_path.iterdir()
    after = judged(store.load(folder), **PARITY)
    assert after.overall == "NOT_EVALUATED"
    # As many rules as before, each under its own name.
    assert addresses(after).keys() == addresses(before).keys()
    for address, one in addresses(after).items():
        if "sex" in address:
            assert isinstance(one.measure, Missing)
            assert one.measure.reason == "missing_attribute"
            assert "the record lacks" in one.explanation


def test_a_column_of_the_question_that_the_facts_no_longer_name_is_not_evaluated() -> None:
    whole = people()
    data, question = whole.data, whole.spec.data
    assert data is not None
    assert question is not None
    asked = change(question, groups=("sex", "region"), controls=("region",))
    whole = change(whole, spec=change(whole.spec, data=asked))
    less = change(data, groups={"region": data.groups["region"]})
    after = judged(change(without(whole, "group:sex"), data=less), **PARITY)
    assert after.overall == "NOT_EVALUATED"
    assert "fairness.accuracy_difference[sex]" in addresses(after)
    assert "fairness.accuracy_difference[sex | region=g0]" in addresses(after)


def disturbed(*severities: float) -> Record:
    """A model that holds under noise of 0.1 and not under more."""
    y = QUARTER
    answers = [y if at == 0.1 else np.where(HALF == 1, 1 - y, y) for at in severities]
    record = shaken(labels(y, y), *answers, passes=tuple(passed(at) for at in severities))
    asked = Probes(perturb=(Perturbation(kind="gaussian_noise", severities=(0.1, 0.5)),))
    return change(record, spec=change(record.spec, probes=asked))


@pytest.mark.parametrize(
    "metric",
    ["robustness.accuracy", "robustness.accuracy_retained", "robustness.accuracy_retained_min"],
)
def test_a_pass_that_was_deleted_is_not_evaluated(metric: str) -> None:
    before = judged(disturbed(0.1, 0.5), metric, at_least=0.8)
    after = judged(disturbed(0.1), metric, at_least=0.8)
    assert (before.overall, after.overall) == ("FAIL", "NOT_EVALUATED")
    assert addresses(after).keys() == addresses(before).keys()
    (gone,) = (one for one in after.findings if one.outcome == "NOT_EVALUATED")
    assert isinstance(gone.measure, Missing)
    assert gone.measure.reason == "not_probed"
    assert "lacks the pass under 'gaussian_noise:0.5'" in gone.explanation


def test_a_probe_at_its_own_severities_is_lost_with_its_last_pass() -> None:
    record = disturbed(0.1, 0.5)
    own = (Perturbation(kind="gaussian_noise"), Perturbation(kind="square_attack"))
    record = change(record, spec=change(record.spec, probes=Probes(perturb=own)))
    after = judged(record, "robustness.accuracy_retained_min", at_least=0.01)
    assert after.overall == "NOT_EVALUATED"
    (gone,) = after.findings
    assert "square_attack" in gone.explanation
    assert "gaussian_noise" not in gone.explanation


def compared(*asked: Baseline) -> Record:
    y = QUARTER
    record = _beside(labels(y, y), 0 * y)
    assert record.run is not None
    run = change(record.run, processes=(make_process(2000),))
    return change(record, run=run, spec=change(record.spec, baselines=asked))


@pytest.mark.parametrize(
    ("asked", "lost"),
    [
        (("constant",), []),
        (("constant", "linear"), ["linear"]),
        (("linear", "constant", "tree"), ["linear", "tree"]),
        (("constant", "constant"), ["constant-2"]),
    ],
)
def test_a_baseline_that_was_deleted_is_not_evaluated(asked: Any, lost: list[str]) -> None:
    record = compared(*(Baseline(kind=kind) for kind in asked))
    after = judged(record, "necessity.gain", at_least=0.1)
    assert after.overall == ("NOT_EVALUATED" if lost else "PASS")
    gone = [one for one in after.findings if one.outcome == "NOT_EVALUATED"]
    assert [one.address for one in gone] == [f"necessity.gain[{name}]" for name in lost]
    for one in gone:
        assert isinstance(one.measure, Missing)
        assert one.measure.reason == "no_baseline"
        assert "the record lacks the baseline" in one.explanation


def test_of_two_models_the_one_that_was_deleted_is_named() -> None:
    files = [Baseline(kind="model", model=Model(path=f"{name}.onnx")) for name in ("small", "tiny")]
    record = compared(*files)
    (held,) = record.baselines
    kept = {name: one for name, one in record.arrays.items() if not name.startswith("baseline:")}
    moved = {
        f"baseline:tiny:{name.removeprefix('baseline:constant:')}": one
        for name, one in record.arrays.items()
        if name.startswith("baseline:")
    }
    record = change(
        record, baselines=(change(held, name="tiny", kind="model"),), arrays=kept | moved
    )
    after = judged(record, "necessity.gain", at_least=0.1)
    assert {one.address: one.outcome for one in after.findings} == {
        "necessity.gain[tiny]": "PASS",
        "necessity.gain[small]": "NOT_EVALUATED",
    }
