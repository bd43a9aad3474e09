"""The model card is read by the hub's own client, has no exponent, and stays what it is."""

import re
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
import yaml
from _lab import hostile_record
from _records import HOSTILE, make_record
from huggingface_hub import ModelCard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from frugalbench import report
from frugalbench.certify import Policy, Rule, Verdict, judge
from frugalbench.metrics import energy
from frugalbench.record import Record
from frugalbench.report import Lang
from frugalbench.values import Value

LANGS: tuple[Lang, ...] = get_args(Lang)
EXPONENT = re.compile(r"(?<![\w.])-?\d+(\.\d+)?[eE][-+]?\d+\b")


def policy(name: str = "lab", **given: Any) -> Policy:
    rules = (
        Rule(id=f"right{name}", metric="quality.accuracy", unit="1", at_least=0.5),
        Rule(id="energy", metric="energy.per_inference", unit="J", at_most=0.01),
        Rule(id="groups", metric="fairness.accuracy_group_min", unit="1", at_least=0.5),
        Rule(id="told", metric="latency.p90", unit="s", at_most=0.1, required=False),
    )
    return Policy(name=name, version="3", rules=rules, missing_groups="include", **given)


def parts(record: Record, verdict: Verdict | None, lang: Lang = "en") -> tuple[Any, str, str]:
    """The front matter as the hub reads it, its text, and the body."""
    text = report.render("modelcard", record, verdict, lang=lang)
    front, body = split(text)
    card = ModelCard(text)
    # A front matter the client cannot read is a card without results.
    assert card.data.to_dict()["tags"] == ["frugalbench"]
    assert not EXPONENT.search(front)
    assert yaml.safe_load(front)["frugalbench"]["verdict"]
    return card.data, front, body


def split(text: str) -> tuple[str, str]:
    matched = re.match(r"---\n(.*?\n)---\n\n(.*)\Z", text, re.DOTALL)
    assert matched is not None
    return matched[1], matched[2]


def test_the_hub_reads_the_numbers_of_the_record() -> None:
    record = make_record(method="hardware_counter")
    data, _, _ = parts(record, judge(record, policy()))
    found = {one.metric_name: one for one in data.eval_results}
    right = (record.arrays["y_true"] == record.arrays["y_pred"]).mean()
    accuracy = found["quality.accuracy"]
    assert accuracy.metric_type == "accuracy"
    assert accuracy.metric_value == pytest.approx(right)
    assert accuracy.metric_args["verdict"] == "PASS"
    assert accuracy.metric_args["n"] == 600
    assert accuracy.metric_args["ci_lower"] < right < accuracy.metric_args["ci_upper"]
    assert accuracy.metric_args["lower_is_better"] is False
    floor = found["fairness.accuracy_group_min[sex]"]
    assert floor.metric_args["attribute"] == "sex"
    assert not any("Female" in name for name in found)
    joules = energy.per_inference(record)
    assert isinstance(joules, Value)
    emissions = data.to_dict()["co2_eq_emissions"]
    assert emissions["emissions"] == pytest.approx(joules.estimate / 3.6e6 * 1.2 * 21.7)
    assert emissions["geographical_location"] == "Paris, FR"
    assert "training_type" not in emissions
    own = data.to_dict()["frugalbench"]
    assert own["energy_wh_per_1000_inferences"] == pytest.approx(joules.estimate / 3.6)
    assert own["sha256"] == "a" * 64


def test_tiny_emissions_are_written_without_an_exponent() -> None:
    record = make_record(method="hardware_counter")
    assert record.run is not None
    windows = tuple(
        msgspec.structs.replace(one, joules=(one.joules or 0) * 1e-3) for one in record.run.windows
    )
    record = msgspec.structs.replace(
        record, run=msgspec.structs.replace(record.run, windows=windows)
    )
    data, front, _ = parts(record, None)
    (line,) = re.findall(r"^  emissions: (.*)$", front, re.MULTILINE)
    read = data.to_dict()["co2_eq_emissions"]["emissions"]
    assert 0 < read < 1e-8
    # A reader that takes the first decimal number of the text finds the number that is meant.
    (found,) = re.findall(r"\d+\.\d+|\d+", line)
    assert float(found) == read


def test_what_is_missing_has_no_key_and_what_is_nought_has() -> None:
    data, front, body = parts(make_record(site=False), None)
    assert "co2_eq_emissions" not in front
    assert "carbon" not in data.to_dict()["frugalbench"]
    assert "water_ml_per_1000_inferences" not in front
    assert "not known" in body
    record = make_record(method="hardware_counter")
    record.arrays["y_pred"][:] = 1 - record.arrays["y_true"]
    data, _, _ = parts(record, None)
    (accuracy,) = (one for one in data.eval_results if one.metric_name == "quality.accuracy")
    assert accuracy.metric_value == 0.0


def test_a_pretend_energy_is_in_no_number() -> None:
    _, front, body = parts(make_record(method="pretend"), None)
    assert "co2_eq_emissions" not in front
    assert "energy" not in front
    assert "pretend meter" in body


def test_a_card_without_labelled_data_says_so() -> None:
    data, _, body = parts(make_record(data=False), None)
    assert {one.dataset_type for one in data.eval_results} == {"generated"}
    assert "Fairness" not in body
    assert "NOT JUDGED" in body


def test_the_body_has_rules_groups_limits_and_what_it_does_not_claim() -> None:
    record = make_record(method="hardware_counter")
    _, _, english = parts(record, judge(record, policy()))
    for told in ("## Evaluation", "### Required rules", "| Female |", "## Limits", "does not say"):
        assert told in english
    assert "`latency.p90`" not in english.partition("### Required rules")[2].partition("##")[0]
    _, _, french = parts(record, judge(record, policy()), "fr")
    for told in ("## Évaluation", "### Règles requises", "## Limites", "RÉUSSI"):
        assert told in french


@pytest.mark.parametrize("lang", LANGS)
def test_a_small_group_is_a_dash(lang: Lang) -> None:
    groups = {"town": tuple(f"t{i}" for i in range(30)), "sex": ("F", "M")}
    record = make_record(groups=groups, rows=250)
    data, _, body = parts(record, judge(record, policy(min_group=1)), lang)
    people = np.bincount(record.arrays["group:town"][record.arrays["group:town"] >= 0])
    assert 0 < (people < 10).sum() < people.size
    rows = dict(re.findall(r"^\| (t\d+) \| (\S+)", body, re.MULTILINE))
    for town, n in enumerate(people):
        assert (rows[f"t{town}"] == "–") == (n < 10)
    assert "fairness.accuracy_group_min[town]" not in {one.metric_name for one in data.eval_results}


@pytest.mark.parametrize("place", range(len(HOSTILE)))
def test_hostile_names_stay_words(place: int) -> None:
    hostile(HOSTILE[place], LANGS[place % 2])


def test_the_hub_reads_hostile_groups() -> None:
    record = make_record(groups={name: ("a", name) for name in HOSTILE[::4]}, rows=400)
    data, _, _ = parts(record, judge(record, policy()))
    named = [one.metric_args.get("attribute", "") for one in data.eval_results]
    assert "<script>alert(1)</script>" in named


def hostile(name: str, lang: Lang) -> None:
    record = hostile_record(name, rows=60, calls=50)
    named = name.encode("utf-8", "replace").decode()
    text = report.render("modelcard", record, judge(record, policy(named)), lang=lang)
    front, body = split(text)
    assert yaml.safe_load(front).keys() <= {
        *("library_name", "tags", "co2_eq_emissions", "model-index", "frugalbench"),
    }
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", front + body
    )
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        assert token.type != "html_block"
        for child in token.children or ():
            assert child.type not in ("link_open", "image")
            assert child.type != "html_inline" or child.content in ("<code>", "</code>")


YAML_WORDS = st.text(
    st.sampled_from("-:#?{}[]&*!|>'\"%@`~, \n\tab0.e+…\u2028\u0085\ufeff"), max_size=30
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(YAML_WORDS | st.text(max_size=30))
def test_any_name_stays_a_word(name: str) -> None:
    hostile(name, "en")


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(YAML_WORDS | st.text(max_size=30))
def test_thousands_of_names_stay_words(name: str) -> None:
    hostile(name, "en")


def test_the_same_record_and_verdict_give_the_same_card() -> None:
    record = make_record()
    verdict = judge(record, policy())
    once = report.render("modelcard", record, verdict)
    assert once == report.render("modelcard", make_record(), judge(make_record(), policy()))
