"""Every format on every kind of record, hostile ones first."""

import json
import math
import re
from html.parser import HTMLParser
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from _lab import hostile_record
from _lab import lab_policy as policy
from _records import HOSTILE, make_record
from markdown_it import MarkdownIt

from frugalbench import report
from frugalbench.certify import Finding, Verdict, judge
from frugalbench.errors import UsageError
from frugalbench.record import Failure, Record
from frugalbench.report import Lang
from frugalbench.report import json as json_report
from frugalbench.values import Value

LANGS: tuple[Lang, ...] = get_args(Lang)
FORMATS = report.formats()
VOID = {"meta", "input", "br"}


def unbounded(record: Record) -> Verdict:
    """A verdict whose value has no upper end, which JSON has no number for."""
    verdict = judge(record, policy())
    value = Value(
        estimate=0.1,
        unit="s",
        low=0.0,
        high=math.inf,
        n=3,
        method="timer",
        interval="order_statistic",
    )
    found = tuple(
        msgspec.structs.replace(finding, measure=value, address="latency.p99")
        if finding.rule.id == "fast"
        else finding
        for finding in verdict.findings
    )
    return msgspec.structs.replace(verdict, findings=found)


class Page(HTMLParser):
    """The tags of a page in order, every attribute, its text, and a check of their balance."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def shape(markdown: str) -> list[str]:
    """The kinds of blocks of a Markdown text, and every inline kind that is not mere text."""
    kinds = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        kinds.append(token.type)
        for child in token.children or ():
            assert child.type not in ("link_open", "image"), child
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>")
            if child.type in ("strong_open", "em_open"):
                kinds.append(child.type)
    return kinds


def test_formats_are_the_modules_of_the_package() -> None:
    assert {"html", "json", "markdown"} <= set(FORMATS)
    assert "text" not in FORMATS
    assert not any(name.startswith("_") for name in FORMATS)


def test_an_unknown_format_or_language_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'markdown'"):
        report.render("markdwon", make_record(), None)
    with pytest.raises(UsageError, match="no language 'de'"):
        report.render("markdown", make_record(), None, lang="de")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        report.render("_view", make_record(), None)


RECORDS: dict[str, dict[str, Any]] = {
    "whole": {},
    "crashed": {"failure": Failure(kind="crash", detail="signal 11")},
    "hung": {"failure": Failure(kind="hang", detail="")},
    "no data": {"data": False},
    "no site": {"site": False},
    "no calls": {"calls": 0},
    "one call": {"calls": 1},
    "no scores": {"score": False},
    "measured": {"method": "hardware_counter"},
    "pretend": {"method": "pretend"},
    "many groups": {"groups": {"age": tuple(f"g{i}" for i in range(70))}, "rows": 2000},
    "no group": {"groups": {}},
    "empty group": {"groups": {"sex": ("F", "M", "X", "Y")}, "rows": 3},
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", RECORDS)
def test_every_format_renders_every_kind_of_record(format: str, lang: Lang, kind: str) -> None:
    record = make_record(**RECORDS[kind])
    for verdict in (None, judge(record, policy())):
        text = report.render(format, record, verdict, lang=lang)
        assert text.endswith("\n")
        assert not re.search(r"\b(nan|NaN|Infinity|None|inf)\b", text)
        assert text == report.render(format, record, verdict, lang=lang)


@pytest.mark.parametrize("format", FORMATS)
def test_an_open_interval_is_never_nan_and_never_infinity(format: str) -> None:
    record = make_record()
    text = report.render(format, record, unbounded(record))
    assert not re.search(r"\b(nan|NaN|Infinity|inf)\b", text)
    # Those two tell only what did not pass, and this rule did.
    if format not in ("json", "annotations", "cyclonedx", "sarif", "spdx"):
        assert "∞" in text


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("lang", LANGS)
def test_a_hostile_name_changes_no_tag_of_the_page(name: str, lang: Lang) -> None:
    record, calm = hostile_record(name), hostile_record("calm")
    hostile = Page(report.render("html", record, judge(record, policy(name)), lang=lang))
    plain = Page(report.render("html", calm, judge(calm, policy("calm")), lang=lang))
    if name:
        assert hostile.tags == plain.tags
    assert not any(key.startswith("on") or key in ("src", "href") for key, _ in hostile.attributes)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("lang", LANGS)
def test_a_hostile_name_changes_no_block_of_the_markdown(name: str, lang: Lang) -> None:
    record, calm = hostile_record(name), hostile_record("calm")
    text = report.render("markdown", record, judge(record, policy(name)), lang=lang)
    hostile = shape(text)
    plain = shape(report.render("markdown", calm, judge(calm, policy("calm")), lang=lang))
    if name:
        assert hostile == plain
    assert "<script" not in text
    assert not re.search(r"(?<!&#8203;)@someone", re.sub(r"`[^`]*`", "", text))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_leaves_no_control_character(name: str) -> None:
    record = hostile_record(name)
    for format in FORMATS:
        text = report.render(format, record, judge(record, policy(name)))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
        text.encode("utf-8")
        if format != "json":
            assert not re.search(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)


def test_a_template_in_a_name_is_text() -> None:
    record = hostile_record("{{ 7 * 7 }}")
    assert "{{ 7 * 7 }}" in report.render("html", record, None)


@pytest.mark.parametrize("kind", RECORDS)
def test_json_is_what_its_schema_says(kind: str) -> None:
    record = make_record(**RECORDS[kind])
    schema = json_report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for verdict in (None, judge(record, policy())):
        text = report.render("json", record, verdict)
        jsonschema.validate(json.loads(text), schema)
        assert msgspec.json.decode(text, type=json_report.Report).format == json_report.FORMAT


def test_json_with_an_open_end_is_valid_and_says_null() -> None:
    record = make_record()
    built = json.loads(report.render("json", record, unbounded(record)))
    jsonschema.validate(built, json_report.schema())
    (fast,) = [one for one in built["verdict"]["findings"] if one["rule"] == "fast"]
    assert fast["measure"]["high"] is None


@pytest.mark.parametrize("name", HOSTILE)
def test_json_with_a_hostile_name_is_valid(name: str) -> None:
    record = hostile_record(name)
    text = report.render("json", record, judge(record, policy(name)))
    jsonschema.validate(json.loads(text), json_report.schema())


def test_json_holds_the_verdict_the_metrics_and_no_samples() -> None:
    record = make_record()
    built = json.loads(report.render("json", record, judge(record, policy())))
    assert built["verdict"]["overall"] == "FAIL"
    assert built["verdict"]["exit_code"] == 1
    assert built["record"]["arrays"]["latency_ns"] == [2000]
    addresses = [one["address"] for one in built["metrics"]]
    assert "quality.accuracy" in addresses
    assert "fairness.selection_rate[sex=Female]" in addresses
    assert len(addresses) == len(set(addresses))


def test_json_says_no_path_of_the_machine() -> None:
    record = make_record()
    assert record.spec.data
    model = msgspec.structs.replace(record.spec.model, path="/home/someone/secret/m.onnx")
    data = msgspec.structs.replace(record.spec.data, path="C:\\Users\\someone\\d.csv")
    spec = msgspec.structs.replace(record.spec, model=model, data=data)
    text = report.render("json", msgspec.structs.replace(record, spec=spec), None)
    assert "someone" not in text
    assert '"m.onnx"' in text
    assert '"d.csv"' in text


def test_the_page_needs_nothing_from_outside_and_forbids_scripts() -> None:
    record = make_record()
    text = report.render("html", record, judge(record, policy()))
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "unsafe-eval" not in text
    assert not re.search(r"https?://|url\(|@import", text)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_everything_in_both_languages_and_shows_one_first(lang: Lang) -> None:
    record = make_record()
    text = report.render("html", record, judge(record, policy()), lang=lang)
    assert f'<html lang="{lang}">' in text
    assert text.index(f'<main class="{lang}"') < text.rindex("<main class=")
    assert re.search(rf'id="pick-{lang}"[^>]* checked', text)
    assert text.count(" checked>") == 1
    for words in ("FAIL", "ÉCHEC", "modelled (not measured)", "modélisé (non mesuré)"):
        assert words in text


def test_every_picture_of_the_page_has_words() -> None:
    record = make_record()
    text = report.render("html", record, judge(record, policy()))
    for tag in re.findall(r"<svg[^>]*>", text):
        inner = 'x="0"' in tag
        assert inner or "aria-hidden" in tag or re.search(r'role="img" aria-label="[^"]+"', tag)


def test_everything_drawn_is_inside_the_picture() -> None:
    record = make_record(calls=5000)
    text = report.render("html", record, judge(record, policy()))
    for percent in re.findall(r'(?:x|cx|x1|x2|y|width|height)="(-?[\d.]+)%"', text):
        assert 0 <= float(percent) <= 100
    for x, width in re.findall(r'<rect[^>]* x="([\d.]+)%"[^>]* width="([\d.]+)%"', text):
        assert float(x) + float(width) <= 100.01


def test_a_failed_measurement_is_said_before_any_number() -> None:
    record = make_record(failure=Failure(kind="out_of_memory", detail="passed 2 GiB"))
    for format in ("html", "markdown"):
        text = report.render(format, record, None)
        assert text.index("passed 2 GiB") < text.index("What was measured")


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_every_rule_is_shown_with_its_outcome_and_its_bound(format: str) -> None:
    record = make_record()
    verdict = judge(record, policy())
    text = report.render(format, record, verdict)
    if format == "html":
        text = Page(text).text
    for finding in verdict.findings:
        told: Finding = finding
        assert told.address in text
        assert told.outcome.replace("_", " ") in text
    assert "≥ 0.87" in text


def test_the_claims_are_stated_in_every_page_for_people() -> None:
    for format in ("html", "markdown"):
        text = report.render(format, make_record(), None)
        assert "not a product certification" in text


@pytest.mark.parametrize("format", FORMATS)
def test_a_verdict_about_another_record_is_refused(format: str) -> None:
    record = make_record()
    verdict = msgspec.structs.replace(judge(record, policy()), record="other")
    with pytest.raises(UsageError, match="about record 'other'"):
        report.render(format, record, verdict)


def test_a_policy_that_requires_nothing_certifies_nothing() -> None:
    record = make_record()
    rules = tuple(msgspec.structs.replace(rule, required=False) for rule in policy().rules)
    verdict = judge(record, msgspec.structs.replace(policy(), rules=rules))
    assert "No rule of the policy is required" in report.render("markdown", record, verdict)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize(
    ("front", "back"),
    [
        ("ink", "paper"),
        ("ink", "card"),
        ("soft", "paper"),
        ("soft", "card"),
        ("accent", "card"),
        ("on-accent", "accent"),
        ("paper", "ink"),
    ],
)
def test_text_of_the_page_has_the_contrast_of_wcag_aa(theme: int, front: str, back: str) -> None:
    text = report.render("html", make_record(), None)
    palette = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[theme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", palette))
    dark, light = sorted((luminance(colours[front]), luminance(colours[back])))
    assert (light + 0.05) / (dark + 0.05) >= 4.5
