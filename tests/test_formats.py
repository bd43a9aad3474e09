"""A record of an older format says the same as it did, and damage to it is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _build import missing, value
from hypothesis import given
from hypothesis import strategies as st

from frugalbench import store
from frugalbench.certify import judge
from frugalbench.errors import FrugalbenchError
from frugalbench.formats import upgraded
from frugalbench.record import FORMAT
from frugalbench.settings import load_policy

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


NONSENSE = st.sampled_from([None, True, -1, 2**70, "x", [], {}, [[]], {"a": 1}, 1e308])


@given(place=st.sampled_from(places(RAW)), nonsense=NONSENSE)
def test_damage_to_an_old_record_is_no_traceback(place: tuple[Any, ...], nonsense: Any) -> None:
    raw = json.loads(json.dumps(RAW))
    inside = raw
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = nonsense
    upgraded(raw)


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
    raw.pop("sha256")
    damage(raw)
    raw["sha256"] = store.seal(raw)
    (tmp_path / "record.json").write_text(json.dumps(raw), encoding="utf-8")
    (tmp_path / "arrays.npz").write_bytes((OLD / "arrays.npz").read_bytes())
    with pytest.raises(FrugalbenchError) as refusal:
        store.load(tmp_path)
    assert "\n" not in str(refusal.value)
