"""The figures of harness.py as a page of tables, each aim beside what was measured."""

from typing import Any

__all__ = ["page"]

Middle = list[float] | tuple[float, float, float]


def page(measured: dict[str, Any]) -> str:
    """The whole page, in Markdown."""
    packages = ", ".join(f"{name} {one}" for name, one in measured["packages"].items())
    machine = ", virtual machine" if measured["virtual_machine"] else ""
    parts = [
        "# What the harness costs",
        f"Measured on {measured['date']} by `scripts/measure_harness` on {measured['cpu']}, "
        f"{measured['logical_cores']} logical cores{machine}, Python {measured['python']}, "
        f"{packages}. {measured['rounds']} interleaved rounds; medians, and in brackets the order "
        "statistics that hold them with 95 % confidence. Differences and ratios are of the bare "
        "loop of the same round. Timings of this machine are noisy: trust differences and ratios.",
    ]
    for name, found in measured["models"].items():
        parts += [f"## Model: {name}", _peers(found)]
    return "\n\n".join([*parts, _aims(measured), _start_up(measured)]) + "\n"


def _peers(found: dict[str, Any]) -> str:
    lines = [
        "| way | p50, span | added to the span | whole turn | added to the turn | p50 ratio |",
        "|---|---|---|---|---|---|",
    ]
    for name, seen in found["peers"].items():
        cells = (
            name,
            _microseconds(seen["p50_ns"]),
            "–" if name == "bare loop" else _microseconds(seen["span_added_ns"]),
            _microseconds(seen["turn_ns"]),
            "–" if name == "bare loop" else _microseconds(seen["turn_added_ns"]),
            "1" if name == "bare loop" else _plain(seen["p50_ratio"], 3),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _aims(measured: dict[str, Any]) -> str:
    models = measured["models"]
    trivial = models["trivial"]["peers"]
    ours, theirs = trivial["frugalbench"], trivial["LoadGen"]
    less = theirs["turn_added_ns"][0] / max(ours["turn_added_ns"][0], 1.0)
    rows = [
        ("timed span, trivial model", "within 0.3 µs", _microseconds(ours["span_added_ns"])),
        ("whole turn, trivial model", "within 1 µs", _microseconds(ours["turn_added_ns"])),
        ("added to a turn, LoadGen over frugalbench", "3 × or more", f"{less:.1f} ×"),
    ]
    for name in ("100 µs", "5 ms"):
        ratio = models[name]["peers"]["frugalbench"]["p50_ratio"]
        rows.append((f"p50, model of {name}", "within 1 %", _plain(ratio, 4)))
    for name, found in models.items():
        ratio = found["throughput_with_sampling"]
        rows.append((f"throughput with a sensor sampled, {name}", "over 0.99", _plain(ratio, 4)))
    lines = ["## Against what was aimed for", "", "| figure | aim | measured |", "|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _start_up(measured: dict[str, Any]) -> str:
    taken = measured["start_up_ms"]
    base = taken["python -c pass"]
    lines = ["## Start-up", "", "| command | ms | over `python -c pass` |", "|---|---|---|"]
    lines += [f"| `{name}` | {ms:.1f} | {ms / base:.2f} × |" for name, ms in taken.items()]
    return "\n".join(lines)


def _microseconds(ns: Middle) -> str:
    middle, low, high = (one / 1000 for one in ns)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}] µs"


def _plain(values: Middle, digits: int) -> str:
    middle, low, high = values
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
