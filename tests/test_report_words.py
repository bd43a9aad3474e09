"""Both languages say the same things."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from _records import make_record
from _trusted import trusted

import frugalbench
from frugalbench import metrics
from frugalbench.cards._fields import DATA, MODEL
from frugalbench.certify import Finding, Outcome, Policy, Rule, judge
from frugalbench.probes import names as probe_names
from frugalbench.probes import open_probe
from frugalbench.report._phrases import SYMBOLS, WORDS, explanation, note, reason
from frugalbench.report._view import lines
from frugalbench.report._words import Words
from frugalbench.values import METHODS, Method, Missing, Value

EN, FR = WORDS["en"], WORDS["fr"]


@pytest.mark.parametrize("name", [field.name for field in fields(Words)])
def test_both_languages_have_the_same_keys_and_no_empty_word(name: str) -> None:
    english, french = getattr(EN, name), getattr(FR, name)
    if isinstance(english, dict):
        assert english.keys() == french.keys()
        assert all(english.values())
        assert all(french.values())
    else:
        assert english
        assert french


@pytest.mark.parametrize("words", [EN, FR])
def test_every_outcome_and_method_has_a_word(words: Words) -> None:
    assert set(words.outcomes) == set(words.overall) == set(SYMBOLS) == set(get_args(Outcome))
    assert set(words.methods) == set(METHODS) == set(get_args(Method))


@pytest.mark.parametrize("name", ["judged_by", "lamp", "beyond", "more", "chart", "latency_help"])
def test_both_languages_fill_the_same_blanks(name: str) -> None:
    blanks: dict[str, str] = dict.fromkeys(
        (
            "policy",
            "version",
            "time",
            "n",
            "longest",
            "estimate",
            "interval",
            "bound",
            "outcome",
            "calls",
        ),
        "#",
    )
    english, french = getattr(EN, name), getattr(FR, name)
    assert english.format(**blanks).count("#") == french.format(**blanks).count("#") > 0


def test_modelled_says_that_it_is_not_measured() -> None:
    assert EN.methods["modelled"] == "modelled (not measured)"
    assert FR.methods["modelled"] == "modélisé (non mesuré)"


def test_english_keeps_the_detail_of_a_missing_number() -> None:
    missing = Missing(reason="no_site", detail="add site=fr")
    assert reason(missing, "en") == ("add site=fr", "en")
    assert reason(missing, "fr") == (FR.reasons["no_site"], "fr")


def test_a_reason_nobody_translated_is_given_in_english_and_marked() -> None:
    assert reason(Missing(reason="new_reason", detail="so it is"), "fr") == ("so it is", "en")
    assert reason(Missing(reason="new_reason"), "fr") == ("new_reason", "en")


def rule(**changes: Any) -> Rule:
    base: dict[str, Any] = {"id": "r", "metric": "quality.accuracy", "unit": "1", "at_least": 0.5}
    return Rule(**(base | changes))


P99: dict[str, Any] = {"metric": "latency.p99", "unit": "s", "at_least": None}
ENERGY: dict[str, Any] = {"metric": "energy.per_inference", "unit": "J", "at_least": None}
PARITY: dict[str, Any] = {
    "metric": "fairness.demographic_parity_difference",
    "unit": "1",
    "at_least": None,
    "at_most": 0.1,
}


@pytest.mark.parametrize(
    "asked",
    [
        rule(),
        rule(at_least=0.99),
        rule(at_least=0.87),
        rule(**P99, at_most=1.0),
        rule(**P99, at_most=1e-9),
        rule(**ENERGY, at_most=1.0),
        rule(**PARITY),
        rule(metric="latency.cold_start", unit="s", at_least=None, at_most=1.0),
        rule(metric="water.per_inference", unit="L", at_least=None, at_most=1.0),
    ],
)
def test_the_judge_says_nothing_that_french_cannot(asked: Rule) -> None:
    policy = Policy(name="p", version="1", rules=(asked,), missing_groups="include")
    for finding in judge(make_record(), policy).findings:
        said, language = explanation(finding, "fr")
        assert language == "fr", finding.explanation
        assert said


def test_the_judge_on_a_pretend_meter_is_understood_in_french() -> None:
    policy = Policy(name="p", version="1", rules=(rule(**ENERGY, at_most=1.0),))
    (finding,) = judge(make_record(method="pretend"), policy).findings
    assert explanation(finding, "fr")[1] == "fr"


def test_an_unknown_sentence_of_the_judge_stays_english() -> None:
    policy = Policy(name="p", version="1", rules=(rule(),))
    (finding,) = judge(make_record(), policy).findings
    other: Finding = msgspec.structs.replace(finding, explanation="something else; ")
    assert explanation(other, "fr") == ("something else", "en")


def test_rows_without_a_group_have_words_and_not_a_code() -> None:
    policy = Policy(name="p", version="1", rules=(rule(**PARITY),), missing_groups="include")
    (finding,) = judge(make_record(), policy).findings
    told: Finding = msgspec.structs.replace(
        finding, explanation=f"widest: {metrics.MISSING_GROUP} 0.3"
    )
    assert explanation(told)[0] == "widest: rows without a group 0.3"


SOURCES = sorted(Path(frugalbench.__file__).parent.rglob("*.py"))
CODES = sorted(
    {
        code
        for source in SOURCES
        for code in re.findall(r'(?:reason=|Missing\()\s*"([a-z_]+)"', source.read_text())
    }
)


def test_the_sources_hold_reason_codes() -> None:
    assert len(CODES) > 40
    assert {"no_site", "no_positives", "not_probed", "no_card"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("words", [EN, FR])
def test_every_reason_code_has_words_in_both_languages(code: str, words: Words) -> None:
    assert words.reasons.get(code), code


@pytest.mark.parametrize("name", sorted(metrics.every()))
def test_every_metric_has_a_name_in_both_languages(name: str) -> None:
    one = metrics.every()[name]
    assert one.title.strip()
    assert one.titre.strip()
    family, _, own = name.partition(".")
    assert family in EN.families, "add a title for the family"
    assert own in EN.short or one.title != one.titre or own in SAME_IN_BOTH, name


SAME_IN_BOTH = {"parameters"}
"""Measures whose names are one word in both languages."""


@pytest.mark.parametrize("one", probe_names())
def test_every_disturbance_has_a_name_and_a_unit_in_both_languages(one: str) -> None:
    assert one in EN.probes
    assert one in FR.probes
    assert open_probe(one).unit in EN.units
    assert open_probe(one).unit in FR.units


def test_every_field_of_a_card_has_a_name_in_both_languages() -> None:
    known = {*MODEL, *DATA}
    assert known <= EN.fields.keys()
    assert known <= FR.fields.keys()


def test_what_measures_say_of_themselves_reads_in_french() -> None:
    english = []
    for line in lines(trusted()):
        if isinstance(line.measure, Value) and line.measure.note:
            said, spoken = note(line.measure.note, "fr")
            if spoken != "fr" or re.search(r"\b(the|against|would|worst|widest|rows)\b", said):
                english.append(f"{line.address}: {said}")
    assert english == []


@pytest.mark.parametrize(
    "rule_",
    [
        rule(metric="fairness.accuracy_difference", at_least=None, at_most=0.1),
        rule(metric="fairness.accuracy_group_min", at_least=0.9),
        rule(metric="fairness.equalized_odds_difference", at_least=None, at_most=0.05),
        rule(metric="robustness.accuracy_retained_min", at_least=0.9),
        rule(metric="transparency.model_card", at_least=0.8),
        rule(metric="necessity.gain", at_least=0.1),
        rule(metric="privacy.membership_auc", at_least=None, at_most=0.4),
    ],
)
def test_what_the_judge_says_of_trust_reads_in_french(rule_: Rule) -> None:
    policy = Policy(name="p", version="1", rules=(rule_,), missing_groups="include")
    for finding in judge(trusted(), policy).findings:
        said, spoken = explanation(finding, "fr")
        assert spoken == "fr", finding.explanation
        assert not re.search(r"\b(the|against|would|worst|widest|rows|outside)\b", said), said


@pytest.mark.parametrize(
    ("english", "french"),
    [
        (
            "2,500 members, 2,500 non-members; 0.5 is no advantage; rows of one cluster count as "
            "if they were independent",
            "2\u202f500 membres, 2\u202f500 non-membres ; 0,5 ne donne aucun avantage ; les lignes "
            "d’une même grappe comptent comme si elles étaient indépendantes",
        ),
        (
            "263 empty values of the data were fed as NaN",
            "263 valeurs vides des données ont été données au modèle comme NaN",
        ),
        (
            "4,526 of 16,281 tested rows are also training rows: the model is fed the same, as it "
            "is of 9,440 of 32,561 training rows and another one",
            "4\u202f526 lignes testées sur 16\u202f281 sont aussi des lignes d’apprentissage : le "
            "modèle reçoit la même chose, comme pour 9\u202f440 lignes d’apprentissage sur "
            "32\u202f561 et une autre",
        ),
        (
            "0.01 is no advantage; 50 members and 1,000 non-members tie at the threshold and count "
            "in part",
            "0,01 ne donne aucun avantage ; 50 membres et 1\u202f000 non-membres sont à égalité au "
            "seuil et comptent en partie",
        ),
        ("worst: F (n=1226)", "le moins bon : F (n = 1\u202f226)"),
        ("worst: F 2026 (n=12)", "le moins bon : F 2026 (n = 12)"),
    ],
)
def test_remarks_read_in_french_with_their_numbers(english: str, french: str) -> None:
    assert note(english, "fr") == (french, "fr")


def test_a_part_without_a_reading_leaves_the_whole_remark_english() -> None:
    assert note("5 shuffles, and so on", "fr") == ("5 shuffles, and so on", "en")
    assert note("5 shuffles, PUE 1.2", "fr") == ("5 permutations, PUE 1,2", "fr")
    assert note("44.18 g/kWh (factor of 2024; 41.44 to 56.039), PUE 1", "fr") == (
        "44,18 g/kWh (facteur de 2024 ; 41,44 à 56,039), PUE 1",
        "fr",
    )
