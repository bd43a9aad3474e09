"""A record of an older format says the same as it did, and damage to it is refused in one line."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from _build import change, missing, value
from hypothesis import given, settings
from hypothesis import strategies as st

from frugalbench import store
from frugalbench.certify import judge
from frugalbench.errors import FrugalbenchError
from frugalbench.formats import upgraded
from frugalbench.metrics import validity
from frugalbench.record import FORMAT, Run
from frugalbench.settings import load_policy
from frugalbench.spec import Plan

OLD = Path(__file__).parent / "golden" / "format-1"
RAW: dict[str, Any] = json.loads((OLD / "record.json").read_text(encoding="utf-8"))


def test_a_record_of_the_first_format_gives_the_numbers_it_gave() -> None:
    record = store.load(OLD)
    assert (record.format, len(RAW["run"]["windows"])) == (FORMAT, 10)
    with np.load(OLD / "arrays.npz") as arrays:
        calls = np.sort(arrays["latency_ns"])
    assert value("latency.p90", record).estimate == pytest.approx(calls[1800] * 1e-9)
    assert value("latency.cold_start", record).estimate == RAW["run"]["cold_start_seconds"]
    assert value("memory.peak", record).estimate == RAW["run"]["memory"]["after_run"]
    both = [
        sum(one["joules"] for one in RAW["run"]["windows"] if one["domain"] == domain)
        for domain in ("cpu", "ram")
    ]
    calls_made = sum(one["calls"] for one in RAW["run"]["windows"]) / 2
    energy = value("energy.per_inference", record)
    assert energy.estimate == pytest.approx(sum(both) / calls_made, rel=0.01)
    assert value("quality.accuracy", record).n == 2549


def test_what_an_old_record_did_not_observe_is_missing_and_not_made_up() -> None:
    record = store.load(OLD)
    for address in ("validity.repeated_ratio", "validity.answers_agree", "validity.other_cpu"):
        assert missing(address, record).reason in ("not_checked", "not_observed")
    assert missing("energy.net_per_inference", record).reason == "no_idle"
    assert missing("memory.multiply_adds", record)


def test_an_old_record_can_still_be_judged_and_saved(tmp_path: Path) -> None:
    record = store.load(OLD)
    verdict = judge(record, load_policy("frugal-and-trustworthy"))
    assert verdict.overall == "FAIL"
    again = store.load(store.save(record, tmp_path))
    assert again == record


def places(raw: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something can be damaged."""
    found = [path] if path else []
    if isinstance(raw, dict):
        for key, one in raw.items():
            found += places(one, (*path, key))
    if isinstance(raw, list):
        for number, one in enumerate(raw[:2]):
            found += places(one, (*path, number))
    return found


NONSENSE = st.one_of(
    st.sampled_from([None, True, -1, 2**70, 10**400, 1e308, "x", [], {}, [[]], {"a": 1}]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
)


def damaged(raw: dict[str, Any], place: tuple[Any, ...], nonsense: Any) -> dict[str, Any]:
    """A copy with something else in one place."""
    copy: dict[str, Any] = json.loads(json.dumps(raw))
    inside: Any = copy
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = nonsense
    return copy


def put_down(raw: dict[str, Any], folder: Path) -> Path:
    """A record with these fields, sealed as it should be, beside the arrays it had."""
    raw = {key: one for key, one in raw.items() if key != "sha256"}
    folder.mkdir(exist_ok=True)
    with suppress(UnicodeEncodeError):
        raw["sha256"] = store.seal(raw)
    (folder / "record.json").write_text(json.dumps(raw), encoding="utf-8")
    (folder / "arrays.npz").write_bytes((OLD / "arrays.npz").read_bytes())
    return folder


@given(place=st.sampled_from(places(RAW)), nonsense=NONSENSE)
def test_damage_to_an_old_record_is_no_traceback(place: tuple[Any, ...], nonsense: Any) -> None:
    upgraded(damaged(RAW, place, nonsense))


@settings(max_examples=200)
@given(place=st.sampled_from(places(RAW)), nonsense=NONSENSE)
def test_a_damaged_old_record_is_refused_in_one_line_or_is_a_record(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], nonsense: Any
) -> None:
    folder = put_down(damaged(RAW, place, nonsense), tmp_path_factory.getbasetemp() / "damaged")
    try:
        record = store.load(folder)
    except FrugalbenchError as refusal:
        assert str(refusal).isprintable()  # noqa: PT017
    else:
        # What was damaged was none of the observations, or it was damaged within reason.
        assert record.run is None or record.latency_ns.size == record.run.processes[0].kept


def test_parts_that_are_left_out_of_an_old_record_are_no_traceback(tmp_path: Path) -> None:
    for place in places(RAW):
        if isinstance(place[-1], str):
            raw = damaged(RAW, place, None)
            inside: Any = raw
            for step in place[:-1]:
                inside = inside[step]
            del inside[place[-1]]
            with suppress(FrugalbenchError):
                store.load(put_down(raw, tmp_path / "less"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw["run"].update(memory=7),
        lambda raw: raw["run"].update(windows=3),
        lambda raw: raw["spec"].update(plan=None),
        lambda raw: raw.pop("spec"),
        lambda raw: raw["run"].update(batch=-1),
    ],
)
def test_a_damaged_old_record_is_refused_in_one_line(
    damage: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    raw = json.loads(json.dumps(RAW))
    damage(raw)
    put_down(raw, tmp_path)
    with pytest.raises(FrugalbenchError) as refusal:
        store.load(tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("p", [50, 90, 95, 99])
def test_percentiles_of_an_old_record_are_those_of_its_calls(p: int) -> None:
    record = store.load(OLD)
    calls = np.sort(record.latency_ns)
    found = value(f"latency.p{p}", record)
    assert found.estimate == pytest.approx(calls[calls.size * p // 100] * 1e-9, rel=1e-12)
    assert found.n == calls.size


def plain(**changes: Any) -> dict[str, Any]:
    """A record of format 1, made by hand: ten calls in two windows of two domains."""
    window = {"meter": "m", "method": "modelled", "calls": 5, "seconds": 0.5, "joules": 1.0}
    run = {
        "runner": "ort",
        "provider": "CPUExecutionProvider",
        "inputs": "generated",
        "io_binding": True,
        "import_seconds": 0.2,
        "load_seconds": 0.1,
        "first_call_seconds": 0.01,
        "cold_start_seconds": None,
        "warmup_calls": 3,
        "batch": 4,
        "memory": None,
        "windows": [
            window | {"domain": domain, "error": 0.0, "reason": ""}
            for _ in range(2)
            for domain in ("cpu", "ram")
        ],
    }
    plan = {"max_seconds": 2.0, "max_calls": 10, "seed": 5, "windows": 2}
    return {
        "format": 1,
        "spec": {"model": {"path": "m.onnx"}, "plan": plan},
        "arrays": {"sha256": "", "shapes": {"latency_ns": [10]}},
        "run": run,
    } | changes


def test_an_old_run_is_one_process_of_the_new_kind() -> None:
    new = upgraded(plain())
    assert (new["format"], "max_calls" in new["spec"]["plan"]) == (FORMAT, False)
    plan = msgspec.convert(new["spec"]["plan"], Plan)
    assert (plan.processes, plan.process_seconds, plan.max_queries, plan.seed) == (1, 2.0, 10, 5)
    run = msgspec.convert(new["run"], Run)
    (only,) = run.processes
    assert (only.queries, only.kept, only.order, only.warmup.calls) == (10, 10, 5, 3)
    # Two windows of half a second; the second domain has the same ones.
    assert only.seconds == 1.0
    assert (run.samples, run.batch, run.io_binding) == (4, 4, True)
    assert {(one.process, one.phase, one.aligned) for one in run.windows} == {(0, "run", False)}
    assert (only.noise, only.answered, only.memory, only.cold_start_seconds) == (None,) * 4


def test_an_old_attempt_that_failed_is_read_too() -> None:
    assert upgraded(plain(run=None))["run"] is None


def test_a_record_of_this_format_is_left_alone() -> None:
    raw = plain(format=FORMAT)
    assert upgraded(raw) is raw


@pytest.mark.parametrize("seconds", [10**400, -(10**400), 1e308, float("inf"), "1", None, True])
def test_a_window_of_impossible_length_is_no_traceback(seconds: Any) -> None:
    raw = plain()
    raw["run"]["windows"][0]["seconds"] = seconds
    (only,) = upgraded(raw)["run"]["processes"]
    assert 0 <= only["seconds"] < 1e9


def test_upgrading_changes_nothing_of_what_was_given() -> None:
    raw, twin = plain(), plain()
    upgraded(raw)
    assert raw == twin


# What older formats could not say

GOLDEN = OLD.parent


@pytest.mark.parametrize("format_", [1, 2, 3])
def test_a_record_of_an_older_format_has_the_flaws_it_had(format_: int) -> None:
    """None: what its format could not say of a check that was not made is no flaw of the run."""
    record = store.load(GOLDEN / f"format-{format_}")
    assert record.format == FORMAT
    assert validity.flaws(record) == ()
    for one in record.baselines:
        beside = record.baseline(one.name)
        assert beside is not None
        assert validity.flaws(beside) == ()


def test_a_check_that_an_older_format_holds_is_missed_when_it_is_gone() -> None:
    record = store.load(GOLDEN / "format-3")
    assert record.run is not None
    assert all(process.unchecked == {} for process in record.run.processes)
    left = {name: one for name, one in record.arrays.items() if not name.startswith("check:")}
    assert [flaw.code for flaw in validity.flaws(change(record, arrays=left))] == ["not_checked"]
    beside = record.baseline("constant")
    assert beside is not None
    without = {name: one for name, one in record.arrays.items() if ":check:" not in name}
    beside = change(record, arrays=without).baseline("constant")
    assert beside is not None
    assert [flaw.code for flaw in validity.flaws(beside)] == ["not_checked"]


def test_what_an_older_format_does_not_hold_is_said_to_be_so() -> None:
    shapes = {"latency_ns": [10], "baseline:b:check:varied_ns": [20]}
    processes = [{"answered": None}, {"answered": {"compared": 1}}, {}]
    raw = {
        "format": 3,
        "arrays": {"shapes": shapes},
        "run": {"processes": processes},
        "baselines": [{"name": "b", "run": {"processes": processes}}, {"name": "c", "run": None}],
    }
    new = upgraded(raw)
    said = [one.get("unchecked") for one in new["run"]["processes"]]
    both = {"rounds": "older_format", "answers": "older_format"}
    assert said == [both, None, {"answers": "older_format"}]
    beside, gone = new["baselines"]
    assert beside["run"]["processes"][0]["unchecked"] == {"answers": "older_format"}
    assert gone == {"name": "c", "run": None}


def test_a_record_of_this_format_must_say_why_a_check_was_not_made(tmp_path: Path) -> None:
    """A stored record of the current format is not read as an older one."""
    record = store.load(GOLDEN / "format-4")
    assert validity.flaws(record) == ()
    left = {name: one for name, one in record.arrays.items() if not name.startswith("check:")}
    again = store.load(store.save(change(record, arrays=left), tmp_path))
    assert [flaw.code for flaw in validity.flaws(again)] == ["not_checked"]


@pytest.mark.parametrize("nonsense", ["no_reason", 7, None, ["offline"]])
def test_an_excuse_that_there_is_not_is_no_record(nonsense: Any) -> None:
    raw = json.loads((GOLDEN / "format-4" / "record.json").read_text(encoding="utf-8"))["run"]
    raw["processes"][0]["unchecked"] = {"rounds": nonsense}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Run)


@pytest.mark.parametrize("format_", [2, 3, 4])
def test_a_stored_record_gives_the_verdict_of_the_fresh_one(format_: int, tmp_path: Path) -> None:
    record = store.load(GOLDEN / f"format-{format_}")
    policy = load_policy("frugal-and-trustworthy")
    again = store.load(store.save(record, tmp_path))
    one, other = (msgspec.json.encode(judge(each, policy)) for each in (record, again))
    assert one == other
