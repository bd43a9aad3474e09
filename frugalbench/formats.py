"""Stored records of older formats, read as the current one: nothing is added that was not there."""

from typing import Any

__all__ = ["upgraded"]

PER_PROCESS = (
    *("import_seconds", "load_seconds", "first_call_seconds", "cold_start_seconds", "memory"),
    "warmup_calls",
)
FIRST_SEED = 20260101
FIRST_SECONDS = 5.0
"""What a plan of format 1 meant where it did not say."""
MOST_SECONDS = 1e9
ROUNDS = "check:varied_ns"


def upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    """A stored record in the current format.

    What is not as its own format says stays wrong, and is refused when it is read as a record.
    """
    if raw.get("format") == 1:
        raw = _from_1(raw)
    # Format 3 only adds what format 2 did not observe.
    return _from_3(raw) if raw.get("format") in (2, 3) else raw


def _from_3(raw: dict[str, Any]) -> dict[str, Any]:
    """Format 3 could not say why a check was not made."""
    shapes = _dict(_dict(raw.get("arrays")).get("shapes"))
    new = {**raw, "format": 4}
    if isinstance(raw.get("run"), dict):
        new["run"] = _run_from_3(raw["run"], shapes, "")
    beside = raw.get("baselines")
    if isinstance(beside, list):
        new["baselines"] = [_beside_from_3(one, shapes) for one in beside]
    return new


def _beside_from_3(one: Any, shapes: dict[str, Any]) -> Any:
    if not isinstance(one, dict) or not isinstance(one.get("run"), dict):
        return one
    return {**one, "run": _run_from_3(one["run"], shapes, f"baseline:{one.get('name')}:")}


def _run_from_3(run: dict[str, Any], shapes: dict[str, Any], prefix: str) -> dict[str, Any]:
    processes = run.get("processes")
    if not isinstance(processes, list):
        return run
    found = []
    for number, process in enumerate(processes):
        lacking = ["rounds"] if not number and f"{prefix}{ROUNDS}" not in shapes else []
        if isinstance(process, dict):
            lacking += ["answers"] if process.get("answered") is None else []
            unchecked = dict.fromkeys(lacking, "older_format")
            found.append({**process, "unchecked": unchecked} if unchecked else process)
        else:
            found.append(process)
    return {**run, "processes": found}


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had one process, which told nothing of its noise and made no checks."""
    spec = _dict(raw.get("spec"))
    plan = _dict(spec.get("plan"))
    # What was bounded was the timed loop alone, by its time and by its calls.
    timed = {
        "process_seconds": plan.get("max_seconds", FIRST_SECONDS),
        "processes": 1,
        "max_queries": plan.get("max_calls"),
    }
    rest = {key: one for key, one in plan.items() if key != "max_calls"}
    new = {**raw, "format": 2}
    if isinstance(spec.get("plan"), dict):
        new["spec"] = {**spec, "plan": {**rest, **timed}}
    if isinstance(raw.get("run"), dict):
        new["run"] = _run_from_1(raw["run"], _shape(raw), plan.get("seed", FIRST_SEED))
    return new


def _run_from_1(run: dict[str, Any], calls: Any, seed: Any) -> dict[str, Any]:
    windows = run.get("windows")
    seen = [one for one in windows if isinstance(one, dict)] if isinstance(windows, list) else []
    first = seen[0] if seen else {}
    # One meter and domain has the windows of the whole run; the others repeat their times.
    alike = [
        one.get("seconds")
        for one in seen
        if (one.get("meter"), one.get("domain")) == (first.get("meter"), first.get("domain"))
    ]
    # A window that claims more is refused when it is read.
    numbers = [one for one in alike if isinstance(one, int | float) and 0 <= one < MOST_SECONDS]
    process = {name: run.get(name) for name in PER_PROCESS if name != "warmup_calls"}
    process |= {
        "order": seed,
        "warmup": {"calls": run.get("warmup_calls", 0), "seconds": 0.0, "steady": False},
        "queries": calls,
        "kept": calls,
        "seconds": float(sum(numbers)) if numbers else 0.0,
    }
    rest = {key: one for key, one in run.items() if key not in PER_PROCESS}
    return {**rest, "samples": run.get("batch", 1), "processes": [process]}


def _shape(raw: dict[str, Any]) -> Any:
    """How many calls were timed."""
    shape = _dict(_dict(raw.get("arrays")).get("shapes")).get("latency_ns")
    return shape[0] if isinstance(shape, list) and shape else 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
