"""Stored records of older formats, read as the current one: nothing is added that was not there."""

from typing import Any

__all__ = ["upgraded"]


def upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    """A stored record in the current format; what is not as its format says is left as it is."""
    return _from_1(raw) if raw.get("format") == 1 else raw


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had one process, which named nothing of its noise and made no checks."""
    run, spec = raw.get("run"), raw.get("spec")
    new = {**raw, "format": 2}
    if isinstance(spec, dict) and isinstance(spec.get("plan"), dict):
        plan = dict(spec["plan"])
        # What was timed was bounded alone, and the calls were.
        calls = plan.pop("max_calls", None)
        seconds = plan.get("max_seconds", 5.0)
        plan |= {"process_seconds": seconds, "processes": 1, "max_queries": calls}
        new["spec"] = {**spec, "plan": plan}
    if isinstance(run, dict):
        new["run"] = _run_from_1(run, raw)
    return new


def _run_from_1(run: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    own = ("import_seconds", "load_seconds", "first_call_seconds", "cold_start_seconds", "memory")
    shapes = (raw.get("arrays") or {}).get("shapes") or {}
    calls = int((shapes.get("latency_ns") or [0])[0])
    windows = [one for one in run.get("windows", ()) if isinstance(one, dict)]
    meters = {(one.get("meter"), one.get("domain")) for one in windows}
    seconds = sum(one.get("seconds", 0.0) for one in windows) / max(1, len(meters))
    process = {name: run.get(name) for name in own}
    process |= {
        "order": raw["spec"]["plan"].get("seed", 20260101),
        "warmup": {"calls": run.get("warmup_calls", 0), "seconds": 0.0, "steady": False},
        "queries": calls,
        "kept": calls,
        "seconds": seconds,
    }
    rest = {key: value for key, value in run.items() if key not in (*own, "warmup_calls")}
    return {**rest, "samples": run.get("batch", 1), "processes": [process]}
