"""What the terminal shows."""

import io
from typing import Any

import msgspec
import pytest
from _build import from_table
from _records import HOSTILE, make_record
from rich.cells import cell_len
from rich.console import Console, RenderableType

from frugalbench.certify import Policy, Rule, Verdict, judge
from frugalbench.compare import Row, compare, one_sided
from frugalbench.errors import UsageError
from frugalbench.metrics import validity
from frugalbench.record import Failure, Record
from frugalbench.report.text import (
    compared,
    comparison_table,
    header,
    measures_table,
    verdict_table,
)
from frugalbench.values import Missing, Value


def drawn(*parts: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    for part in parts:
        console.print(part)
    out = console.file
    assert isinstance(out, io.StringIO)
    return out.getvalue()


def verdict(record: Record) -> Verdict:
    rules = (
        Rule(id="right", metric="quality.accuracy", unit="1", at_least=0.5),
        Rule(id="fast", metric="latency.p99", unit="s", at_most=1e-6),
        Rule(id="close", metric="quality.balanced_accuracy", unit="1", at_least=0.87),
        Rule(id="energy", metric="energy.per_inference", unit="J", at_most=1, required=False),
        Rule(id="odds", metric="fairness.equalized_odds_difference", unit="1", at_most=0.1),
    )
    return judge(record, Policy(name="lab", version="2", rules=rules, missing_groups="include"))


def value(estimate: float) -> Value:
    return Value(
        estimate=estimate,
        unit="s",
        low=estimate * 0.9,
        high=estimate * 1.1,
        n=100,
        method="timer",
        interval="order_statistic",
    )


def test_every_rule_shows_a_mark_a_word_its_interval_bound_n_method_and_weight() -> None:
    record = make_record()
    text = drawn(verdict_table(record, verdict(record)))
    for part in ("✓ PASS", "✗ FAIL", "? INCONCLUSIVE", "– NOT EVALUATED"):
        assert part in text
    for part in ("latency.p99", "≤ 1 µs", "n = 2,000", "timed", "required", "advisory"):
        assert part in text


def test_the_overall_verdict_is_a_sentence_and_names_its_policy() -> None:
    record = make_record()
    text = " ".join(drawn(verdict_table(record, verdict(record))).split())
    assert "✗ FAIL: At least one required rule does not hold" in text
    assert "Judged by policy lab, version 2." in text


def test_every_rule_that_is_not_a_pass_says_what_would_change_it() -> None:
    record = make_record()
    made = verdict(record)
    text = " ".join(drawn(verdict_table(record, made), width=200).split())
    changes = text.split("What would change it")[1]
    for finding in made.findings:
        assert (finding.address + ":" in changes) == (finding.outcome != "PASS")


def test_a_verdict_about_another_record_is_refused() -> None:
    made = verdict(make_record())
    with pytest.raises(UsageError, match="not 'other'"):
        verdict_table(msgspec.structs.replace(make_record(), id="other"), made)


def test_the_header_says_site_rows_groups_and_that_energy_is_modelled() -> None:
    text = drawn(header(make_record(notes=("loaded machine",))))
    for part in ("Paris", "FR", "600 rows", "sex: Female, Male", "modelled, not measured"):
        assert part in text
    assert "loaded machine" in text
    assert "modelled" not in drawn(header(make_record(method="hardware_counter")))
    assert "pretend" in drawn(header(make_record(method="pretend")))


def test_the_header_of_a_failure_says_so_and_no_site_is_in_plain_sight() -> None:
    record = make_record(failure=Failure(kind="crash", detail="signal 11"), site=False, data=False)
    text = drawn(header(record))
    assert "the worker crashed. signal 11" in text
    assert "not stated" in text
    assert "no labelled data" in text


def test_measures_come_with_groups_apart_and_missing_ones_with_their_reason() -> None:
    text = drawn(measures_table(make_record(site=False)))
    assert "By sex" in text
    assert "no site was stated" in text
    assert "rows without a group" in text
    assert text.index("By sex") < text.index("What was not measured")


def test_a_failed_record_has_measures_that_are_all_explained() -> None:
    text = drawn(measures_table(make_record(failure=Failure(kind="hang", detail="120 s"))))
    assert "nothing was measured: 120 s" in text
    assert "By sex" not in text


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_breaks_no_line(name: str, width: int) -> None:
    groups: dict[str, tuple[str, ...]] = {f"c{name}": (f"a{name}", f"b{name}")}
    record = make_record(name=name, groups=groups, notes=(name,))
    parts = header(record), verdict_table(record, verdict(record)), measures_table(record)
    text = drawn(*parts, width=width)
    assert "\x1b" not in text
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert all(cell_len(line) <= width for line in text.splitlines())


def test_markup_in_a_name_is_text() -> None:
    assert "[bold red]markup[/bold red]" in drawn(
        header(make_record(name="[bold red]markup[/bold red]"))
    )


def row(estimate: float, **changes: Any) -> Row:
    base: dict[str, Any] = {
        "address": "latency.p50",
        "unit": "s",
        "a": value(1e-3),
        "b": value(estimate),
        "ratio": estimate / 1e-3,
        "separated": True,
        "better": "",
        "comparable": "",
    }
    return Row(**(base | changes))


def test_the_comparison_names_a_winner_only_where_the_intervals_are_apart() -> None:
    rows = (
        row(2e-3, better="a"),
        row(1.01e-3, separated=False),
        row(1e-3, b=Missing(reason="too_few_calls"), ratio=None, separated=None),
        row(1e-3, comparable="other data"),
        row(1e-9),
    )
    text = drawn(comparison_table(rows))
    for part in ("A is better", "no clear gap", "not known", "they differ", "2 ×"):
        assert part in text
    assert "0.000001 ×" in text
    assert "not comparable:" in text
    assert "other data" in text


def test_two_records_are_compared_line_by_line() -> None:
    rows = compare(make_record(), make_record(method="hardware_counter", calls=3000))
    assert "energy.per_inference" in drawn(comparison_table(rows), width=100)
    text = drawn(comparison_table(rows), width=80)
    assert "not comparable:" in text
    assert all(cell_len(line) <= 80 for line in text.splitlines())


def test_what_only_one_record_was_asked_for_is_counted_and_not_shown() -> None:
    a = from_table((10, 10, 10, 10), (10, 10, 10, 10), attribute="sex")
    b = from_table((10, 10, 10, 10), (10, 10, 10, 10), attribute="age")
    rows = compare(a, b)
    alone = [row for row in rows if one_sided(row)]
    text = drawn(comparison_table(rows), width=200)
    assert len(alone) > 10
    assert f"{len(alone)} measures of only one record" in text
    assert "no such group" not in text
    assert not any(row.address in text for row in alone)
    assert all(row.address in text for row in rows if not one_sided(row))
    assert "left out" not in drawn(comparison_table(compare(a, a)), width=200)


def test_a_comparison_says_what_its_two_sides_are() -> None:
    a = make_record()
    model = msgspec.structs.replace(a.spec.model, precision="int8")
    b = msgspec.structs.replace(a, spec=msgspec.structs.replace(a.spec, model=model))
    first, second = drawn(compared(a, b), width=200).splitlines()
    for side, line, precision in ((a, first, "as_is"), (b, second, "int8")):
        assert side.id in line
        assert f"plan {side.spec.plan.name}" in line
        assert f"precision {precision}" in line
    assert (first[0], second[0]) == ("A", "B")
    assert "disturbed" not in first


def test_a_reason_that_holds_for_every_metric_is_told_once() -> None:
    detail = "the worker crashed (SIGSEGV)"
    record = make_record(failure=Failure(kind="crash", detail=detail))
    text = drawn(measures_table(record), width=200)
    assert text.count(detail) == 1
    assert "– every other metric" in text
    assert "latency.p50" not in text


def test_metrics_that_are_missing_for_one_reason_share_it() -> None:
    text = drawn(measures_table(make_record()), width=200)
    assert text.count("no demand was stated") == 1
    assert "– projection.water" in text


def test_a_comparison_says_which_side_is_disturbed_or_invalid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validity, "disturbances", lambda record: ("process 1: throttled",))
    monkeypatch.setattr(validity, "flaws", lambda record: ("too few",))
    text = drawn(compared(make_record(), make_record()), width=200)
    assert text.count("disturbed · INVALID") == 2
