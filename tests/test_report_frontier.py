"""Reports show the model beside its baselines, and say why one could not be measured."""

import io
import json
from typing import get_args

import pytest
from _build import change, from_table
from _records import HOSTILE, make_record
from rich.console import Console

from frugalbench import report
from frugalbench.metrics.necessity import Standing
from frugalbench.record import Compared, Failure, Record
from frugalbench.report._format import Lang
from frugalbench.report._frontier import placed
from frugalbench.report._phrases import WORDS, note
from frugalbench.report.text import measures_table
from frugalbench.spec import Baseline, Model


def with_baselines(*names: str) -> Record:
    """A record beside which each name is a baseline with the model's own answers, and one fails."""
    record = make_record()
    found, arrays = [], dict(record.arrays)
    for name in names:
        arrays |= {f"baseline:{name}:{key}": record.arrays[key] for key in ("latency_ns", "y_pred")}
        model = change(record.model, name=name, bytes=512)
        found.append(Compared(name=name, kind="model", model=model, run=record.run, failure=None))
    failure = Failure(kind="crash", detail="the worker crashed (SIGSEGV)")
    found.append(Compared(name="broken", kind="tree", model=None, run=None, failure=failure))
    asked = Baseline(
        kind="model", model=Model(path="/home/ada/secret/b.onnx", card="/home/ada/c.md")
    )
    spec = change(record.spec, baselines=(asked,))
    return change(record, arrays=arrays, baselines=tuple(found), spec=spec)


def drawn(record: Record) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(measures_table(record))
    return console.export_text()


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_standing_has_words(lang: Lang) -> None:
    assert set(WORDS[lang].standings) == set(get_args(Standing))


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_model_comes_first_and_a_failed_baseline_says_why(lang: Lang) -> None:
    own, other, broken = placed(with_baselines("linear"), lang)
    assert own.own
    assert (own.name, other.name, other.size) == ("adult-tree", "linear", other.size)
    assert other.size.startswith("512")
    assert own.quality is not None
    assert own.energy is not None
    assert own.standing == other.standing == WORDS[lang].standings["unclear"]
    assert "the worker crashed (SIGSEGV)" in broken.standing
    assert placed(make_record(), lang) == ()


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("format", ["markdown", "html"])
def test_pages_have_the_table(format: str, lang: Lang) -> None:
    made = report.render(format, with_baselines("linear"), None, lang=lang)
    assert WORDS[lang].necessity.replace("?", "") in made.replace("&#39;", "'")
    assert "linear" in made
    assert WORDS[lang].necessity not in report.render(format, make_record(), None, lang=lang)


def test_the_terminal_has_the_table() -> None:
    text = drawn(with_baselines("linear"))
    assert "Does a smaller model do the job?" in text
    assert "512 B" in text
    assert "linear does the job as far as can be told: 0." in text


def test_json_has_the_points_and_no_path() -> None:
    made = report.render("json", with_baselines("linear"), None)
    own, other = json.loads(made)["frontier"]
    assert (own["own"], other["name"], other["size"]) == (True, "linear", 512)
    assert other["quality"]["type"] == "value"
    assert "/home/ada" not in made


def test_hostile_baselines_are_text() -> None:
    record = with_baselines(*(one for one in HOSTILE if ":" not in one))
    for format in ("markdown", "html"):
        made = report.render(format, record, None)
        assert "<img" not in made
        assert "<script" not in made
    assert len(json.loads(report.render("json", record, None))["frontier"]) > 10
    assert "\x1b" not in drawn(record)


@pytest.mark.parametrize(
    ("english", "french"),
    [
        (
            "linear does the job as far as can be told: 0.731 against 0.738",
            "linear suffit pour autant qu’on le sache : 0,731 contre 0,738",
        ),
        ("0.938 against 0.731 of linear", "0,938 contre 0,731 pour linear"),
        (
            "0.938 against 0.731 of linear; McNemar p < 0.0001 (1,312 rows only the model gets "
            "right, 20 only linear)",
            "0,938 contre 0,731 pour linear ; McNemar p < 0,0001 (1\u202f312 lignes que seul le "
            "modèle réussit, 20 que seul linear réussit)",
        ),
        ("4.00 times the energy of linear", "4,00 fois l’énergie de linear"),
        ("one more right answer in 1,200", "une réponse juste de plus sur 1\u202f200"),
    ],
)
def test_what_is_said_of_a_gain_is_said_in_french(english: str, french: str) -> None:
    assert note(english, "fr") == (french, "fr")
    assert note(english, "en") == (english, "en")


def test_a_record_of_labels_alone_has_no_table() -> None:
    assert placed(from_table((5, 5, 5, 5), (5, 5, 5, 5)), "en") == ()
