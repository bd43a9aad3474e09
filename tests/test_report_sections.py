"""Reports by family: what is shown together, in what order, and by what intervals."""

import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from _build import change
from _records import make_record
from _trusted import trusted
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from frugalbench import report, store
from frugalbench.certify import Policy, Rule, Verdict, judge
from frugalbench.cli import main
from frugalbench.errors import UsageError
from frugalbench.metrics import find
from frugalbench.metrics.fairness.gaps import pairs
from frugalbench.record import Record
from frugalbench.report import json as json_report
from frugalbench.report._drifted import drift
from frugalbench.report._fair import level_of
from frugalbench.report._flags import flagged
from frugalbench.report._format import Lang, show
from frugalbench.report._phrases import WORDS
from frugalbench.report._plots import Dot, plot
from frugalbench.report._sections import families, gone, sections
from frugalbench.report._view import lines
from frugalbench.report.text import drift_table, measures_table, verdict_table
from frugalbench.values import Missing, Value

RECORD = trusted()
EN = WORDS["en"]
GAP = "fairness.accuracy_difference"


def drawn(*parts: Any, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    for part in parts:
        console.print(part)
    out = console.file
    assert isinstance(out, io.StringIO)
    return out.getvalue()


def verdict(*rules: Rule, record: Record = RECORD) -> Verdict:
    return judge(record, Policy(name="p", version="1", rules=rules, missing_groups="include"))


APART = Rule(id="apart", metric=GAP, unit="1", at_most=0.1)
ALIKE = Rule(id="alike", metric=GAP, unit="1", at_most=0.99)


def test_every_family_of_the_record_has_a_heading_in_words() -> None:
    text = drawn(measures_table(RECORD))
    places = [text.index(f"\n{EN.families[name]}") for name in ("latency", "quality", "fairness")]
    assert places == sorted(places)
    for name in ("robustness", "privacy", "reproducibility", "explanation", "transparency"):
        assert EN.families[name] in text


def test_only_the_families_that_are_asked_for_are_shown() -> None:
    text = drawn(measures_table(RECORD, only=["robustness"]))
    assert EN.families["robustness"] in text
    assert EN.families["latency"] not in text
    assert "latency.p50" not in text


@pytest.mark.parametrize("name", ["fairnes", "", "text", "[bold]"])
def test_a_family_that_is_not_there_is_refused_with_the_next_best(name: str) -> None:
    with pytest.raises(UsageError, match="no family"):
        measures_table(RECORD, only=[name])
    with pytest.raises(UsageError, match="did you mean 'fairness'"):
        measures_table(RECORD, only=["fairnes"])


def test_folded_tables_are_shown_when_their_family_is_asked_for() -> None:
    whole, one = drawn(measures_table(RECORD)), drawn(measures_table(RECORD, only=["fairness"]))
    assert EN.more_rates not in whole
    assert "--only calibration,fairness" in whole.replace(
        "fairness,calibration", "calibration,fairness"
    )
    assert EN.more_rates in one
    assert "within region=north" not in whole
    assert "within region=north" in one


def test_views_are_columns_then_intersections_then_levels() -> None:
    titles = [one.title for one in sections(RECORD, None, "en", ["fairness"]) if one.part]
    assert titles == [
        "By sex",
        "By region",
        "By sex & region",
        "By sex, within region=north",
        "By sex, within region=south",
    ]
    for one in sections(RECORD, None, "en", ["fairness"]):
        assert one.folded == ("within" in one.title)


def test_a_column_whose_name_looks_like_a_level_is_a_column() -> None:
    name = "sex | region=north"
    assert RECORD.data is not None
    groups = {**RECORD.data.groups, name: ("a", "b")}
    arrays = {**RECORD.arrays, f"group:{name}": RECORD.arrays["group:sex"]}
    odd = change(RECORD, data=change(RECORD.data, groups=groups), arrays=arrays)
    assert level_of(odd, name) is None
    found = level_of(RECORD, name)
    assert found is not None
    assert (found.view, found.control, found.level) == ("sex", "region", "north")


def test_every_disparity_and_every_rate_of_a_group_is_somewhere() -> None:
    made = sections(RECORD, None, "en", ["fairness"])
    shown = {cell.text for one in made for grid in one.grids for row in grid.rows for cell in row}
    for line in lines(RECORD):
        inside = line.name.startswith("fairness.") and isinstance(line.measure, Value)
        if inside and level_of(RECORD, line.scope.get("attribute", "sex")) is None:
            assert isinstance(line.measure, Value)
            assert show(line.measure).number in shown, line.address


def test_disparities_come_before_rates_and_rates_say_n_where_it_is_another() -> None:
    part = next(x for x in sections(RECORD, None, "en", ["fairness"]) if x.title == "By sex")
    assert [grid.title for grid in part.grids] == [EN.disparities, EN.rates, EN.more_rates]
    rates = part.grids[1]
    assert rates.headings == ("Group", "Accuracy", "Selected", "TPR", "FPR")
    for row in rates.rows:
        accuracy, tpr = row[1], row[3]
        assert row[0].under.startswith("n = ")
        assert accuracy.beside == ""
        assert tpr.beside.startswith("n = ")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_an_interval_of_two_one_sided_ends_is_marked_and_explained(lang: Lang) -> None:
    for line in lines(RECORD):
        if isinstance(line.measure, Value) and line.measure.level in (0.9, 0.95):
            shown = show(line.measure, lang)
            assert shown.interval.endswith("†") == (line.measure.level == 0.9 and not shown.exact)
    for format in ("markdown", "html"):
        text = report.render(format, RECORD, verdict(APART), lang=lang)
        assert "]†" in text
        assert WORDS[lang].one_sided in text
        calm = report.render(format, make_record(data=False), None, lang=lang)
        assert "†" not in calm
    assert "†" not in report.render("json", RECORD, verdict(APART))


def test_the_terminal_explains_the_mark_where_it_stands() -> None:
    assert EN.one_sided in drawn(measures_table(RECORD, only=["fairness"]))
    assert EN.one_sided in drawn(verdict_table(RECORD, verdict(APART)))
    assert "†" not in drawn(measures_table(RECORD, only=["latency"]))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_interval_is_broken_and_no_line_is_too_long(width: int) -> None:
    text = drawn(measures_table(RECORD, only=families(RECORD)), width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    for one in sections(RECORD, None, "en"):
        for grid in one.grids:
            for row in grid.rows:
                for cell in row:
                    if cell.kind == "number" and cell_len(cell.under) <= width // 3:
                        assert cell.text in text
                        assert cell.under in text


def test_robustness_is_a_row_for_each_disturbance_with_its_worst_groups() -> None:
    (section,) = sections(RECORD, None, "en", ["robustness"])
    _, overall, worst = section.grids
    assert [row[0].text for row in overall.rows] == ["Gaussian noise"] * 2 + ["Gain"] * 2
    assert [row[0].under for row in overall.rows][:2] == ["0.1 of the spread", "0.3 of the spread"]
    assert worst.headings == (EN.probe, "sex", "region", "sex & region")
    value = find("robustness.accuracy_group_min")(
        RECORD, attribute="sex", probe="gaussian_noise:0.1"
    )
    assert isinstance(value, Value)
    assert worst.rows[0][1].text == show(value).number
    assert worst.rows[0][1].beside in value.note


def test_a_curve_starts_at_nothing_only_where_the_unit_has_one() -> None:
    (section,) = sections(RECORD, None, "en", ["robustness"])
    noise, gain = section.plots
    assert len(noise.points) == 3
    assert (noise.points[0].x, noise.left) == (0.0, "0")
    assert len(gain.points) == 2
    assert "0.1 → " in noise.alternative


def test_repeated_answers_are_one_table() -> None:
    (section,) = sections(RECORD, None, "en", ["reproducibility"])
    (grid,) = section.grids
    assert [row[0].text for row in grid.rows] == ["again", "another batch", "other threads"]
    assert grid.rows[1][-1].text == "batches of 1, before of 256"


def test_the_feature_that_most_is_owed_to_comes_first() -> None:
    (section,) = sections(RECORD, None, "en", ["explanation"])
    assert section.grids[0].rows[0][0].text == "income"
    numbers = [float(row[1].text) for row in section.grids[0].rows]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_baseline_that_does_the_job_is_named_in_a_sentence(lang: Lang) -> None:
    (section,) = sections(RECORD, None, lang, ["necessity"])
    words = {"en": "linear does the job", "fr": "linear suffit"}
    assert words[lang] in section.told[0][0]
    assert section.told[0][1] == lang


def test_cards_say_which_fields_are_absent_in_both_languages() -> None:
    for lang, absent in (("en", "licence, contact"), ("fr", "licence, contact")):
        (section,) = sections(RECORD, None, lang, ["transparency"])  # type: ignore[arg-type]
        assert section.grids[0].rows[0][2].text == absent
    (section,) = sections(RECORD, None, "fr", ["transparency"])
    assert section.grids[0].rows[1][2].text == "collecte"


def test_flagged_pairs_are_those_that_the_metric_flags() -> None:
    (found,) = [one for one in flagged(RECORD, verdict(APART)) if one.attribute == "sex"]
    known = pairs(RECORD, "accuracy_difference", "sex", margin=0.1)
    assert not isinstance(known, Missing)
    assert [(x.first, x.second) for x in found.pairs] == [
        (x.first, x.second) for x in known if x.flagged
    ]
    assert found.pairs
    assert flagged(RECORD, None) == ()
    assert flagged(RECORD, verdict(ALIKE)) == ()


def test_json_has_the_pairs_with_their_p_and_says_so_in_its_schema() -> None:
    built = json.loads(report.render("json", RECORD, verdict(APART)))
    jsonschema.validate(built, json_report.schema())
    sex = [one for one in built["pairs"] if one["attribute"] == "sex"]
    assert (sex[0]["first"], sex[0]["second"]) == ("Female", "Male")
    assert sex[0]["p"] <= sex[0]["p_adjusted"] < 0.05
    assert sex[0]["bound"] == 0.1
    assert json.loads(report.render("json", RECORD, None))["pairs"] == []


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_flagged_pairs_are_said_where_the_disparity_is(format: str) -> None:
    text = report.render(format, RECORD, verdict(APART))
    assert EN.flagged in text
    assert "Female and Male" in text


def test_passes_of_a_rule_over_many_views_are_one_row() -> None:
    policy = Policy(name="p", version="1", rules=(ALIKE,), missing_groups="exclude", min_group=2)
    made = judge(RECORD, policy)
    passed = [one.address for one in made.findings if one.outcome == "PASS"]
    assert len(passed) > 1
    text = drawn(verdict_table(RECORD, made), width=160)
    assert f"in {len(passed)} of 5" in text
    assert not any(address in text for address in passed)
    for address in passed:
        assert address.split("[")[1].removesuffix("]") in " ".join(text.split())


def test_what_does_not_pass_keeps_a_row_of_its_own() -> None:
    made = verdict(APART)
    text = " ".join(drawn(verdict_table(RECORD, made), width=200).split())
    for finding in made.findings:
        if finding.outcome != "PASS":
            assert f"{finding.address}:" in text.split(EN.change)[1]
    for format in ("markdown", "json"):
        whole = report.render(format, RECORD, made)
        assert all(
            finding.address.split("[")[1].split(" ")[0] in whole for finding in made.findings
        )


def test_a_measure_missing_in_many_scopes_is_named_once() -> None:
    held = gone(lines(RECORD), "en")
    names = [name for _, several in held for name in several]
    assert f"fairness.ks_difference ({EN.times.format(n=5)})" in names
    assert len({why for why, _ in held}) == len(held)


def test_a_verdict_with_a_reference_names_it_in_the_provenance() -> None:
    rule = Rule(id="d", metric="drift.accuracy_drop", unit="1", at_most=0.1)
    policy = Policy(name="p", version="1", rules=(rule,), missing_groups="include")
    made = judge(RECORD, policy, change(RECORD, id="before"))
    for format in ("markdown", "html"):
        text = report.render(format, RECORD, made)
        assert EN.reference in text
        assert "before" in text.split(EN.reference)[1]
        assert EN.reference not in report.render(format, RECORD, verdict(ALIKE))


def test_drift_is_one_row_for_each_view_and_then_the_groups() -> None:
    found, (section,) = drift(RECORD, change(RECORD, id="before"), "en")
    _, views, *_, groups = section.grids
    assert [row[0].text for row in views.rows][:3] == ["sex", "region", "sex & region"]
    assert "Accuracy lost, worst group" in views.headings
    assert [row[0].text for row in groups.rows][:2] == ["sex: Female", "sex: Male"]
    text = drawn(drift_table(change(RECORD, id="before"), RECORD), width=80)
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    assert len(views.rows) == 5
    # Some rows say nothing of their sex: a group of it, and one in each region.
    assert len(groups.rows) == 3 + 2 + 6
    assert len(found) > len(views.rows) * len(views.headings)


FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(FINITE, FINITE, FINITE, FINITE), min_size=1, max_size=8))
def test_a_picture_keeps_every_point_inside(numbers: list[tuple[float, ...]]) -> None:
    dots = [Dot(x, *sorted(rest)[1:2], *sorted(rest)[::2]) for x, *rest in numbers]
    made = plot(dots, "en", title="t", x="x", y="y", alternative="a", joined=True)
    assert made is not None
    for one in made.points:
        assert all(0 <= v <= 100 for v in (one.x, one.y, one.low, one.high, one.left, one.right))
        assert one.high <= one.y <= one.low


def test_a_picture_of_numbers_that_are_not_finite_is_none() -> None:
    dot = Dot(1.0, float("inf"), 0.0, float("inf"))
    assert plot([dot], "en", title="t", x="x", y="y", alternative="a") is None


def test_every_picture_of_the_page_has_words_and_stays_inside() -> None:
    text = report.render("html", RECORD, verdict(APART, ALIKE))
    pictures = re.findall(r'role="img" aria-label="([^"]*)"', text)
    assert len(pictures) > 8
    assert all(pictures)
    for percent in re.findall(r'(?:x|cx|cy|x1|x2|y1|y2|y)="(-?[\d.]+)%"', text):
        assert 0 <= float(percent) <= 100
    assert "<script" not in text
    assert len(text.encode()) < 1_000_000


def test_the_command_shows_the_families_asked_for_and_refuses_the_rest(tmp_path: Path) -> None:
    folder = str(store.save(RECORD, tmp_path))
    made = CliRunner().invoke(main, ["show", folder, "--only", "robustness, privacy"])
    assert made.exit_code == 0
    assert EN.families["privacy"] in made.output
    assert EN.families["fairness"] not in made.output
    for words in (["--only", "privacyy"], ["--only", ""], ["--only", "privacy", "--json"]):
        refused = CliRunner().invoke(main, ["show", folder, *words])
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1
