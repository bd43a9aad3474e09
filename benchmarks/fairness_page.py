"""The figures of fairness.py as a page of tables, each promise beside what was measured."""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Promise", "page", "promises"]

Row = dict[str, Any]
Promise = tuple[str, str, str, bool]
"""What is promised, its bound, what was measured, and whether it holds."""


def page(measured: dict[str, Any]) -> str:
    """The whole page, in Markdown."""
    found = measured["rule"]
    parts = [
        "# Fairness: how often the rule is wrong, and how fast it counts",
        _measured_on(measured),
        "## What is promised, and what was measured",
        _table(
            ("promise", "bound", "measured", "holds"),
            [(*words, "yes" if kept else "NO") for *words, kept in promises(measured)],
        ),
        "Shares are of simulated tables: one of 5 % is known to "
        f"±{_points(_slack(found['draws'], 1.96))} points from {found['draws']:,} of them. "
        "The interval of a difference is a score interval, which is approximate: with two groups "
        "an end may err a little more often than one time in twenty. The worst of many shares is "
        "shown, and three standard deviations of one of 5 % are allowed to it.",
        *_margin(found),
        *_power(found),
        *_flags(found),
        *_extremes(found),
        *_needed(found),
        *_peers(measured["peers"]),
        *_stream(measured["stream"]),
    ]
    return "\n\n".join(parts) + "\n"


def promises(measured: dict[str, Any]) -> list[Promise]:
    """Every promise with the worst figure there is on it."""
    rule, stream = measured["rule"], measured["stream"]
    draws, flags, floor = rule["draws"], rule["flags"], rule["floor"]
    ends = [*rule["margin"], *rule["power"]]
    of_100_000 = [one for one in measured["peers"]["sizes"] if one["rows"] == 100_000]
    found = [
        _at_most("a true gap at the margin is certified", 0.05, _worst(rule["margin"], "certified"),
                 draws),
        _at_most("a true gap at the margin fails", 0.05, _worst(rule["margin"], "failed"), draws),
        _at_most("an end of the interval of the largest gap leaves it out", 0.06,
                 max(_worst(ends, "low_misses"), _worst(ends, "high_misses")), None),
        _at_most("any pair within the margin is flagged", 0.05, _worst(flags, "flagged"),
                 flags[0]["draws"]),
        _at_most("a worst group at the floor is certified", 0.05, _worst(floor, "certified"),
                 floor[0]["draws"]),
        _at_most("a worst group at the floor fails", 0.05, _worst(floor, "failed"),
                 floor[0]["draws"]),
        _at_most("a loss of accuracy at the bound is certified", 0.05,
                 _worst(rule["drop"], "certified"), draws),
        _at_most("a loss of accuracy at the bound fails", 0.05, _worst(rule["drop"], "failed"),
                 draws),
        _at_least("as many rows as asked for settle a pair",
                  0.8, min(one["expected_pair"] for one in rule["needed"]), draws),
    ]  # fmt: skip
    for one in of_100_000:
        found += _beside(one)
    rate, peak = stream["counter_rows_a_second"][0] / 1e6, stream["peak_mib"]
    found += [
        ("rows a second through the counter", "≥ 20 million", f"{rate:.0f} million", rate >= 20),
        ("peak memory of the audit of a file", "< 1,024 MiB", f"{peak:.0f} MiB", peak < 1024),
    ]
    return found


def _beside(one: Row) -> list[Promise]:
    ratio, apart = one["ratio"][0], one["intervals_differ"]
    return [
        (
            "times as fast as Fairlearn at 100,000 rows, with twenty times the replicates",
            "≥ 10,000",
            f"{ratio:,.0f}",
            ratio >= 10_000,
        ),
        ("its percentile intervals and ours differ by", "≤ 0.003", f"{apart:.4f}", apart <= 0.003),
    ]


def _slack(draws: int, deviations: float) -> float:
    """How far a share of 5 % of so many tables may be off by chance."""
    return float(deviations * (0.05 * 0.95 / draws) ** 0.5)


def _at_most(words: str, bound: float, share: float, draws: int | None) -> Promise:
    # The worst of dozens of shares is a chance high: three standard deviations are none.
    slack = 0.0 if draws is None else _slack(draws, 3)
    most = f"≤ {100 * bound:.0f} %" + (
        f" (seen as ≤ {100 * (bound + slack):.2f} %)" if slack else ""
    )
    return words, most, f"{100 * share:.2f} %", share <= bound + slack


def _at_least(words: str, bound: float, share: float, draws: int) -> Promise:
    # The number of rows comes from a normal approximation, and is rounded.
    return words, f"about {_share(bound)} of the time", _share(share), share >= bound - 0.02


def _worst(rows: Iterable[Row], name: str) -> float:
    return max(one[name] for one in rows)


def _measured_on(measured: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {one}" for name, one in measured["packages"].items())
    machine = ", virtual machine" if measured["virtual_machine"] else ""
    return (
        f"Measured on {measured['date']} by `scripts/measure_fairness` on {measured['cpu']}, "
        f"{measured['logical_cores']} logical cores{machine}, Python {measured['python']}, "
        f"{packages}. Load of the machine before and after: {measured['load'][0]:.1f} and "
        f"{measured['load'][1]:.1f}. The simulations took {measured['rule_seconds']:.0f} s of one "
        "core. Seeds are fixed: they give the same shares again."
    )


def _margin(found: Row) -> list[str]:
    rows = [
        (
            str(one["groups"]),
            f"{one['rows']:,}",
            one["shape"],
            *(_share(one[name]) for name in ("certified", "point", "bootstrap", "failed")),
        )
        for one in found["margin"]
    ]
    heads = ("groups", "rows a group", "truth", "certified", "by estimate", "by bootstrap", "fails")
    return [
        "## A true gap of exactly the margin",
        "The largest true difference of the selection rate is 0.10 and so is the margin: whoever "
        "certifies is wrong. *By estimate* is a gate that asks only whether the estimate is within "
        "the margin, *by bootstrap* one that asks whether 95 % of the resampled largest "
        f"differences are ({found['gate_draws']:,} tables). Rates are 0.35 and 0.45 where nothing "
        "else is said.",
        _table(heads, rows),
    ]


def _power(found: Row) -> list[str]:
    rows = [
        (
            str(one["groups"]),
            f"{one['rate']:g}",
            f"{one['margin']:g}",
            f"{one['rows']:,}",
            *(_share(one[name]) for name in ("pass", "inconclusive", "fail", "low_misses")),
        )
        for one in sorted(
            found["power"], key=lambda x: (x["groups"], x["rate"], -x["margin"], x["rows"])
        )
    ]
    heads = ("groups", "rate", "margin", "rows a group", "PASS", "INCONCLUSIVE", "FAIL")
    return [
        "## Equal groups: how many rows a pass takes",
        "All groups have the same true rate. The last column says how often the low end of the "
        "interval lies above 0, the true difference.",
        _table((*heads, "above 0"), rows),
    ]


def _flags(found: Row) -> list[str]:
    rows = [
        (
            str(one["groups"]),
            f"{one['margin']:g}",
            "all equal" if one["apart"] == 0 else f"one apart by {one['apart']:g}",
            _share(one["flagged"]),
            _share(one["uncorrected"]),
        )
        for one in found["flags"]
    ]
    heads = ("groups", "margin", "truth", "any pair flagged", "without correction")
    return [
        "## False flags",
        "No pair is outside the margin: each flag is false. 300 rows a group, "
        f"{found['flags'][0]['draws']:,} tables. *Without correction* tests every pair at 5 %.",
        _table(heads, rows),
    ]


def _extremes(found: Row) -> list[str]:
    heads = ("groups", "rows a group", "truth", "certified", "by estimate", "fails")
    names = ("certified", "point", "failed")
    floor = [
        (str(one["groups"]), f"{one['rows']:,}", one["shape"], *(_share(one[x]) for x in names))
        for one in found["floor"]
    ]
    drop = [
        (
            f"{one['ceiling']:g}",
            *(str(one["groups"]), f"{one['rows']:,}", one["shape"]),
            *(_share(one[x]) for x in names),
        )
        for one in found["drop"]
    ]
    return [
        "## The worst group is exactly at the floor",
        "Accuracy of the worst group, `fairness.accuracy_group_min`, and a floor of 0.8; the "
        f"interval of each group is exact. {found['floor'][0]['draws']:,} tables.",
        _table(heads, floor),
        "## The largest loss of accuracy is exactly what is accepted",
        "`drift.accuracy_drop_group_max` of two versions that answer the same rows. In every "
        "group two in a hundred answers become right, and as many wrong, beside what is lost, but "
        "where nothing is won.",
        _table(("bound", *heads), drop),
    ]


def _needed(found: Row) -> list[str]:
    rows = [
        (
            str(one["groups"]),
            f"{one['gap']:g}",
            f"{one['wanted']:,}",
            _share(one["expected_pair"]),
            _share(one["expected_all"]),
            f"{one['drawn_wanted']:,.0f}",
            _share(one["drawn_pair"]),
            _share(one["drawn_all"]),
        )
        for one in found["needed"]
    ]
    heads = ("groups", "true gap", "rows named", "a pair settled", "all settled")
    return [
        "## The number of rows that would settle it",
        "A first sample of 100 rows a group, a margin of 0.10, and a second sample of the size "
        "named. The number promises about 80 % for a pair whose true gap is the one seen, and a "
        "verdict on many groups needs all their pairs. First where the first sample shows the "
        "true rates, then for first samples drawn at random, whose chance gaps near the margin ask "
        "for many more rows than it takes (the median of the largest number named).",
        _table((*heads, "drawn: rows named", "a pair settled", "all settled"), rows),
    ]


def _peers(found: Row) -> list[str]:
    rows = []
    for one in found["sizes"]:
        seconds = f"{one['their_seconds'][0]:.1f} s"
        if one["their_turns"] > 1:
            seconds += f" [{one['their_seconds'][1]:.1f}, {one['their_seconds'][2]:.1f}]"
        rows.append(
            (
                f"{one['rows']:,}",
                f"{one['their_replicates']}",
                seconds,
                f"{_ms(one['our_seconds'])}",
                f"{_ratio(one['ratio'])}",
                f"{_ms(one['pairs_seconds'])}",
                f"{_ratio(one['ratio_pairs'])}",
            )
        )
    heads = ("rows", "their replicates", "Fairlearn", "2,000 replicates here", "ratio")
    return [
        "## Beside Fairlearn",
        "Largest difference of selection rate, TPR, FPR and accuracy over ten groups, with "
        "percentile intervals, from the same arrays in one run: MetricFrame draws rows, the table "
        "of counts is drawn here, 2,000 times. The last two columns are the intervals the rules "
        "are judged by. Medians and, in brackets, the order statistics that hold them with 95 % "
        "confidence; of Fairlearn's time the least and the most, where it was measured more than "
        "once. Every time in the table was measured, with the number of replicates beside it: at a "
        "million rows Fairlearn's is of one replicate, so the ratio there understates what a "
        "hundred take.",
        _table((*heads, "pairs of groups here", "ratio"), rows),
        *(_agreement(one) for one in found["sizes"] if "intervals" in one),
        _linear(found["linear"]),
    ]


def _agreement(one: Row) -> str:
    rows = [
        (rate, *(f"[{low:.4f}, {high:.4f}]" for low, high in (ends["ours"], ends["theirs"])))
        for rate, ends in one["intervals"].items()
    ]
    return (
        f"At {one['rows']:,} rows the differences agree to {one['estimates_differ']:.0e} and the "
        f"ends of the intervals to {one['intervals_differ']:.4f}; by chance alone an end of so few "
        f"replicates as Fairlearn's has a standard deviation of up to {one['their_error']:.4f}:\n\n"
        + _table(("difference of", "here", "Fairlearn"), rows)
    )


def _linear(rows: Sequence[Row]) -> str:
    taken = ", ".join(f"{one['replicates']}: {one['seconds']:.2f} s" for one in rows)
    return (
        f"What Fairlearn's time does with the number of replicates, at {rows[0]['rows']:,} rows: "
        f"{taken}."
    )


def _stream(one: Row) -> list[str]:
    rows = [
        ("`frugalbench.audit`, Parquet file to counts by two columns", _millions(one, "audit")),
        ("the counter, codes in memory", _millions(one, "counter")),
        ("a loop with `np.bincount`, the same codes", _millions(one, "bincount")),
    ]
    return [
        f"## {one['rows']:,} rows",
        f"A Parquet file of {one['file_bytes'] / 2**20:.0f} MiB with labels, answers and two "
        f"columns of groups in words, counted {one['repeats']} times, each time by a fresh process "
        f"of at most {one['peak_mib']:.0f} MiB.",
        _table(("what", "million rows a second"), rows),
    ]


def _millions(one: Row, name: str) -> str:
    middle, low, high = (rows / 1e6 for rows in one[f"{name}_rows_a_second"])
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _ms(seconds: Sequence[float]) -> str:
    middle, low, high = (1e3 * one for one in seconds)
    return f"{middle:.1f} [{low:.1f}, {high:.1f}] ms"


def _ratio(values: Sequence[float]) -> str:
    middle, low, high = values
    return f"{middle:,.0f} [{low:,.0f}, {high:,.0f}] ×"
