"""The frugality class: which letter, when a range, and when there is none."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from _build import change, labels, metered, window
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugalbench.certify import Policy, Rule, judge
from frugalbench.errors import UsageError
from frugalbench.frugality import (
    LETTERS,
    FrugalityClass,
    Scale,
    _checked,
    classify,
    digest,
    scale,
)
from frugalbench.record import Compared, Failure, Port, Record, Window
from frugalbench.report import render
from frugalbench.report.json import schema
from frugalbench.spec import Baseline
from frugalbench.values import Missing

ROOT = Path(__file__).parent.parent
BOUNDS = list(scale().families[0].at_most["cpu"].values())
PAIRS = [*pairwise(LETTERS)]
QUALITY = Rule(id="quality", metric="quality.accuracy", at_least=0.65, unit="1")
ENERGY = Rule(id="energy", metric="energy.per_inference", at_most=1e6, unit="J")
POLICY = Policy(name="p", version="1", rules=(QUALITY, ENERGY))
LENIENT = change(POLICY, rules=(QUALITY, change(ENERGY, methods=("modelled",))))


def windows(joules: float, spread: float = 0.001, **about: Any) -> tuple[Window, ...]:
    """Windows of 100 inferences each, whose mean is so many joules an inference."""
    return tuple(window(100 * joules * (1 + spread * at), **about) for at in (-1, 0, 1, 0))


def tabular(
    own: tuple[Window, ...], other: tuple[Window, ...], right: int = 900, kind: str = "linear"
) -> Record:
    """A two-class model of columns, of a thousand answers so many right, beside a baseline."""
    y = np.arange(1000) % 2
    record = labels(y, np.where(np.arange(1000) < right, y, 1 - y))
    run = metered(own).run
    assert run is not None
    assert record.data is not None
    beside = Compared(
        name="reference",
        kind=kind,
        model=record.model,
        run=change(run, windows=other),
        failure=None,
    )
    arrays = {
        "baseline:reference:y_pred": y,
        "baseline:reference:latency_ns": record.arrays["latency_ns"],
    }
    return change(
        record,
        data=change(record.data, features=("age", "income")),
        spec=change(record.spec, baselines=(Baseline(kind=kind),)),
        run=run,
        baselines=(beside,),
        arrays=record.arrays | arrays,
    )


def classed(record: Record, policy: Policy = POLICY) -> FrugalityClass:
    found = classify(record, judge(record, policy))
    assert isinstance(found, FrugalityClass), found
    return found


def none(record: Record, policy: Policy = POLICY) -> str:
    found = classify(record, judge(record, policy))
    assert isinstance(found, Missing), found
    assert found.detail
    return found.reason


# Which class


@pytest.mark.parametrize(
    ("times", "letter"),
    [*zip((0.1, 1, 4, 10, 40, 100, 400, 5000), "AABCDEFG", strict=True)],
)
def test_a_ratio_inside_a_class_gives_its_letter(times: float, letter: str) -> None:
    found = classed(tabular(windows(0.02 * times), windows(0.02)))
    assert found.label == letter
    assert found.ratio.estimate == pytest.approx(times)
    assert (found.ratio.unit, found.ratio.method) == ("1", "hardware_counter")
    assert not found.modelled


@pytest.mark.parametrize(
    ("bound", "label"),
    [(bound, f"{low}–{high}") for bound, (low, high) in zip(BOUNDS, PAIRS, strict=True)],
)
def test_an_interval_over_a_bound_gives_a_range(bound: float, label: str) -> None:
    found = classed(tabular(windows(0.02 * bound), windows(0.02)))
    assert found.ratio.low < bound < found.ratio.high
    assert found.label == label


def test_the_noisier_the_energy_the_wider_the_range() -> None:
    found = [
        classed(tabular(windows(0.2, spread), windows(0.02, spread)))
        for spread in (0.001, 0.35, 0.7)
    ]
    assert [one.label for one in found] == ["C", "B–D", "A–E"]


def test_the_scale_is_named_and_shown_with_the_class() -> None:
    found = classed(tabular(windows(0.02), windows(0.02)))
    assert (found.scale, found.scale_version) == (scale().name, scale().version)
    assert found.scale_sha256 == digest(scale())
    assert list(found.at_most.values()) == BOUNDS
    assert (found.family, found.kind, found.reference) == ("tabular", "cpu", "reference")
    sent = msgspec.json.encode(found)
    assert msgspec.json.decode(sent, type=FrugalityClass) == found


def _is_sound(own: float, other: float, spread: float, right: int) -> None:
    """The range always holds the estimate's class, and the class of both ends."""
    record = tabular(windows(own, spread), windows(other, spread), right)
    verdict = judge(record, POLICY)
    found = classify(record, verdict)
    passes = next(one for one in verdict.findings if one.rule.id == "quality").outcome == "PASS"
    if isinstance(found, Missing):
        assert not passes or found.reason == "too_few_windows"
        return
    assert passes
    for x in (found.ratio.low, found.ratio.estimate, found.ratio.high):
        place = sum(x > bound for bound in BOUNDS)
        assert LETTERS.index(found.best) <= place <= LETTERS.index(found.worst)


NUMBERS = {
    "own": st.floats(1e-9, 1e6),
    "other": st.floats(1e-9, 1e6),
    "spread": st.floats(0, 1),
    "right": st.integers(500, 1000),
}
CHECKS = [HealthCheck.too_slow]


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=CHECKS)
@given(**NUMBERS)
def test_a_class_holds_its_whole_interval(
    own: float, other: float, spread: float, right: int
) -> None:
    _is_sound(own, other, spread, right)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=CHECKS)
@given(**NUMBERS)
def test_every_class_holds_its_whole_interval(
    own: float, other: float, spread: float, right: int
) -> None:
    _is_sound(own, other, spread, right)


# When there is none

GOOD = tabular(windows(0.02), windows(0.02))


def _with_run(record: Record, **changed: Any) -> Record:
    assert record.run is not None
    return change(record, run=change(record.run, **changed))


def test_without_a_quality_that_was_shown_there_is_no_class() -> None:
    ours, theirs = windows(0.02), windows(0.02)
    assert none(tabular(ours, theirs, right=500)) == "quality_not_shown"
    assert none(tabular(ours, theirs, right=660)) == "quality_not_shown"
    assert none(GOOD, change(POLICY, rules=(ENERGY,))) == "no_quality_rule"
    advisory = change(POLICY, rules=(change(QUALITY, required=False), ENERGY))
    assert none(GOOD, advisory) == "no_quality_rule"


def test_an_invalid_run_has_no_class() -> None:
    assert GOOD.run is not None
    (only,) = GOOD.run.processes
    assert none(_with_run(GOOD, processes=(change(only, unserved=3),))) == "invalid_run"
    (beside,) = GOOD.baselines
    assert beside.run is not None
    run = change(beside.run, processes=(change(only, unserved=3),))
    assert none(change(GOOD, baselines=(change(beside, run=run),))) == "invalid_baseline"


def test_without_the_reference_model_there_is_no_class() -> None:
    assert none(change(GOOD, baselines=())) == "no_reference_model"
    assert none(tabular(windows(0.02), windows(0.02), kind="tree")) == "no_reference_model"
    failed = change(GOOD.baselines[0], run=None, failure=Failure(kind="hang", detail="it hung"))
    assert none(change(GOOD, baselines=(failed,))) == "no_baseline"


def test_a_modelled_energy_gives_a_class_only_where_the_policy_accepts_it_and_says_so() -> None:
    modelled = {"method": "modelled", "meter": "modelled"}
    record = tabular(windows(0.02, **modelled), windows(0.02, **modelled))
    assert none(record) == "energy_not_measured"
    found = classed(record, LENIENT)
    assert found.modelled
    assert found.ratio.method == "modelled"
    assert none(record, change(LENIENT, rules=(QUALITY,))) == "energy_not_measured"


def test_a_pretend_energy_never_gives_a_class() -> None:
    pretend = {"method": "pretend", "meter": "fake"}
    record = tabular(windows(0.02, **pretend), windows(0.02, **pretend))
    for policy in (POLICY, LENIENT):
        assert none(record, policy) == "energy_not_measured"
        anything = change(policy, methods=("pretend", "modelled", "counted"))
        assert none(record, anything) == "energy_not_measured"


def test_two_instruments_give_no_ratio() -> None:
    modelled = windows(0.02, method="modelled", meter="modelled")
    assert none(tabular(windows(0.02), modelled)) == "other_meter"
    assert none(tabular(modelled, windows(0.02)), LENIENT) == "other_meter"
    assert none(tabular(windows(0.02), windows(0.02, domain="gpu"))) == "other_meter"


def test_an_energy_known_too_badly_gives_no_class() -> None:
    lost = tuple(window(None, reason="unplugged") for _ in range(4))
    assert none(tabular(lost, lost)) == "meter_failed"
    assert none(tabular(windows(0.02), windows(0.02, spread=3.0))) == "too_few_windows"
    assert none(tabular(windows(0.02)[:1], windows(0.02)[:1])) == "too_few_windows"
    assert none(_with_run(GOOD, windows=())) in ("no_meter", "other_meter")


def test_a_failed_measurement_has_no_class() -> None:
    failed = change(GOOD, run=None, failure=Failure(kind="crash", detail="it crashed"), arrays={})
    assert none(failed) == "no_run"


def test_a_family_without_a_reference_has_no_class() -> None:
    image = Port(name="x", dtype="float32", shape=("n", 3, 32, 32))
    model = change(GOOD.model, inputs=(image,))
    assert none(change(GOOD, model=model)) == "no_scale"
    for name in ("images", "audio", "text"):
        spec = change(GOOD.spec, probes=change(GOOD.spec.probes, name=name))
        assert none(change(GOOD, spec=spec)) == "no_scale"
    assert GOOD.data is not None
    assert none(change(GOOD, data=change(GOOD.data, features=("signal",)))) == "no_scale"


def test_the_verdict_must_be_of_this_record() -> None:
    verdict = judge(change(GOOD, id="another"), POLICY)
    with pytest.raises(UsageError, match="judge this record"):
        classify(GOOD, verdict)


# On which kind of target


def test_the_kind_of_target_is_seen_from_the_run() -> None:
    watched = (*windows(0.02), *windows(0.03, domain="gpu", meter="nvml"))
    on_gpu = tabular(watched, watched)
    (beside,) = on_gpu.baselines
    assert beside.run is not None
    run = change(beside.run, provider="CUDAExecutionProvider")
    on_gpu = change(on_gpu, baselines=(change(beside, run=run),))
    assert classed(_with_run(on_gpu, provider="CUDAExecutionProvider")).kind == "gpu"
    rail = {"method": "board_rail", "meter": "jetson"}
    on_board = tabular(windows(0.02, **rail), windows(0.02, **rail))
    assert classed(on_board).kind == "board"


# The scale


def _scale(**bounds: Any) -> Scale:
    step = scale().families[0]
    given_ = dict(zip(LETTERS, BOUNDS, strict=False)) | bounds
    return change(scale(), families=(change(step, at_most={"cpu": given_}),))


def test_a_scale_that_does_not_rise_is_refused() -> None:
    assert _checked(_scale()) == _scale()
    for bad in ({"B": 1.0}, {"A": 0.0}, {"A": -1.0}, {"F": float("inf")}, {"C": float("nan")}):
        with pytest.raises(UsageError, match="each bound must be finite"):
            _checked(_scale(**bad))
    with pytest.raises(UsageError, match="each of A to F"):
        _checked(_scale(G=1e9))


def test_another_bound_is_another_scale() -> None:
    assert digest(_scale(A=1.5)) != digest(_scale())


def test_the_document_gives_the_bounds_that_are_used() -> None:
    page = (ROOT / "docs" / "frugality-class.md").read_text(encoding="utf-8")
    for step in scale().families:
        for kind, bounds in step.at_most.items():
            row = " | ".join(f"≤ {bound:g}" for bound in bounds.values())
            assert f"| {step.family} | {kind} | `{step.reference}` | {row} | > " in page
    assert f"version {scale().version}" in page


def test_every_reason_for_no_class_reads_in_both_languages() -> None:
    from frugalbench.report._phrases import WORDS

    for reason in (
        *("no_scale", "no_reference_model", "no_quality_rule", "quality_not_shown"),
        *("energy_not_measured", "other_meter", "invalid_run", "no_run", "too_few_windows"),
    ):
        assert all(WORDS[lang].reasons[reason] for lang in ("en", "fr")), reason


def test_the_json_report_shows_the_class_or_why_there_is_none() -> None:
    def shown(record: Record, policy: Policy | None) -> Any:
        verdict = None if policy is None else judge(record, policy)
        report = json.loads(render("json", record, verdict))
        jsonschema.validate(report, schema())
        return report["frugality"]

    found = shown(GOOD, POLICY)
    assert (found["type"], found["label"], found["scale_version"]) == ("class", "A", "1")
    assert found["ratio"]["estimate"] == pytest.approx(1)
    assert list(found["at_most"].values()) == BOUNDS
    found = shown(GOOD, change(POLICY, rules=(ENERGY,)))
    assert (found["type"], found["reason"]) == ("missing", "no_quality_rule")
    assert shown(GOOD, None) is None
