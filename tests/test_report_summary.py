"""What a GitHub job shows: annotations that cannot be forged, a summary that fits."""

import re

import pytest
from _build import change, from_table
from _records import HOSTILE, make_record
from markdown_it import MarkdownIt
from test_report_junit import hostile, policy

from frugalbench import report
from frugalbench.anchors import Anchors
from frugalbench.certify import Rule, judge
from frugalbench.errors import UsageError
from frugalbench.gate import judged, refused
from frugalbench.report import annotations, summary


def many(count: int, *, required: bool = True) -> tuple[Rule, ...]:
    return tuple(
        Rule(id=f"r{i}", metric="memory.peak", unit="B", at_most=1, required=required)
        for i in range(count)
    )


def test_the_worst_comes_first_and_what_passed_is_folded() -> None:
    record = make_record()
    text = report.render("summary", record, judge(record, policy()))
    assert text.index("✗ FAIL |") < text.index("– NOT EVALUATED |") < text.index("<details>")
    assert text.index("<details>") < text.index("✓ PASS |")
    assert "1 passed</summary>" in text or re.search(r"\d passed</summary>", text)


def test_a_summary_fits_in_what_a_step_may_write_and_says_what_it_left_out() -> None:
    rules = many(300)
    long = tuple(change(one, id=f"{one.id}-{'x' * 110}") for one in rules)
    found = judged(make_record(), change(policy(), rules=long), anchors=Anchors())
    text = summary.whole(found, limit=30_000)
    assert len(text.encode()) <= 30_000
    left = re.search(r"([\d,]+) more rows are left out", text)
    assert left is not None
    assert text.count("✗ FAIL |") + int(left[1].replace(",", "")) == 300
    assert len(summary.whole(found).encode()) <= summary.LIMIT


def test_an_error_is_the_first_thing_said() -> None:
    text = summary.whole(refused(UsageError("no such policy"), Anchors()))
    assert "ERROR" in text
    assert "no such policy" in text
    assert "✓" not in text


def test_a_comparison_shows_estimate_interval_and_p() -> None:
    before, after = from_table((900, 100, 100, 900)), from_table((700, 300, 300, 700))
    found = judged(after, policy(), anchors=Anchors(), baseline=before)
    assert found.regressions is not None
    text = summary.compared(found.regressions)
    (row,) = [line for line in text.splitlines() if "drift.accuracy_drop`" in line]
    assert re.search(r"\+0\.2000 \\\[\+0\.\d+, \+0\.\d+\\\]", row)
    assert "p = " in row
    assert text.index("regressed |") < text.index("absent |")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_makes_no_tag_no_link_and_no_row(name: str) -> None:
    record, calm = hostile(name), hostile("calm")
    text = report.render("summary", record, judge(record, policy(name)))
    plain = report.render("summary", calm, judge(calm, policy("calm")))
    assert len(text.splitlines()) == len(plain.splitlines())
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "html_block":
            assert re.match(r"</?details>", token.content)
        for child in token.children or ():
            assert child.type not in ("link_open", "image")
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>")


@pytest.mark.parametrize("name", [*HOSTILE, "a::error::b", "x%0A::error::forged", "a,line=1:2"])
def test_no_name_forges_a_command_or_ends_a_property(name: str) -> None:
    record = hostile(name)
    text = report.render("annotations", record, judge(record, policy(name)))
    for line in text.splitlines():
        found = re.fullmatch(r"::(error|warning|notice) title=([^:,]*)::(.*)", line)
        assert found, line
        assert not re.search(r"%(?!25|0A|0D|2C|3A)", found[2] + found[3])


@pytest.mark.parametrize("required", [True, False])
def test_at_most_ten_of_a_kind_are_annotated_and_the_rest_counted(required: bool) -> None:
    kind = "error" if required else "warning"
    for count, lines in ((1, 1), (10, 10), (11, 10), (500, 10)):
        asked = change(policy(), rules=many(count, required=required))
        text = annotations.whole(judged(make_record(), asked, anchors=Anchors("p.yaml")))
        assert text.count(f"::{kind} ") == lines
        assert (f"{count - 9} more" in text) == (count > 10)


def test_a_pass_is_one_notice() -> None:
    rules = (Rule(id="r", metric="memory.peak", unit="B", at_most=2.0**40),)
    text = annotations.whole(
        judged(make_record(), change(policy(), rules=rules), anchors=Anchors("a:b,c%.yaml"))
    )
    assert text.startswith("::notice file=a%3Ab%2Cc%25.yaml,line=1,title=frugalbench::")
    assert text.count("\n") == 1
