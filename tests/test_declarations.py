"""The questionnaire: what is asked, how it is filled in, and what is refused."""

import datetime
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugalbench import metrics
from frugalbench.cli import main
from frugalbench.commands.declare import MOST_FAULTS
from frugalbench.declarations import (
    HEADING,
    NOT_ANSWERED,
    Declarations,
    digest,
    empty,
    load,
    mapping,
    mapping_table,
    questions,
)
from frugalbench.errors import UsageError
from frugalbench.settings import load_policy, options

ROOT = Path(__file__).parent.parent
IDS = [one.id for one in questions()]


def filled(lang: Any = "en", **changed: Any) -> str:
    """A questionnaire filled in by hand, as text; what is `changed` replaces a whole value."""
    form = yaml.safe_load(empty("fr" if lang == "fr" else "en")) | {"lang": lang}
    form |= {"about": "The screener, version 3", "date": datetime.date(2026, 3, 1)}
    form["declared_by"] = {"organisation": "A hospital", "role": "data officer"}
    form["answers"] = {one: f"An answer: {one} #1" for one in IDS} | {"end": NOT_ANSWERED}
    # Answers first: what holds them may be replaced too.
    for key, value in sorted(changed.items(), key=lambda one: one[0] not in IDS):
        place = form["answers"] if key in IDS else form
        if value is None:
            del place[key]
        else:
            place[key] = value
    return yaml.safe_dump(form, allow_unicode=True)


def loaded(folder: Path, text: str | bytes) -> Declarations:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UsageError) as caught:
        loaded(folder, text)
    line = str(caught.value)
    assert line.isprintable()
    assert 10 < len(line) < 600
    return line


# What is asked


def test_every_topic_of_the_questionnaire_has_questions_in_both_languages() -> None:
    topics = {one.topic for one in questions()}
    assert topics == {
        *("necessity", "alternatives", "limits", "data", "oversight", "openness", "access"),
    }
    assert len(set(IDS)) == len(IDS)
    for one in questions():
        assert one.ask.endswith("?")
        assert one.demande.endswith(" ?")
        assert one.speaks_to


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_printed_questionnaire_asks_everything_and_answers_nothing(
    lang: Any, tmp_path: Path
) -> None:
    printed = CliRunner().invoke(main, ["declare", "--lang", lang]).stdout
    assert printed == empty(lang)
    form = yaml.safe_load(printed)
    assert list(form["answers"]) == IDS
    assert not any(form["answers"].values())
    words = " ".join(printed.replace("#", " ").split())
    for one in questions():
        assert (one.ask if lang == "en" else one.demande) in words
    assert "'date' is empty" in refused(tmp_path, printed)
    dated = printed.replace("date:", "date: 2026-03-01")
    assert "'about' is empty" in refused(tmp_path, dated)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_form_filled_in_with_an_editor_is_read(lang: Any, tmp_path: Path) -> None:
    """Text goes under the question, whatever YAML would think of it elsewhere."""
    hard = 'yes: "no" #1 - [a] {b} *c &d !e | > %'
    form = re.sub(r"(\n +(\w+): >-\n)", rf"\1    {hard}\n    and a second line\n", empty(lang))
    form = form.replace("about: >-\n", "about: >-\n    null\n")
    found = loaded(tmp_path, form.replace("date:", "date: 2026-03-01"))
    assert {one.answer for one in found.answers} == {f"{hard} and a second line"}
    assert found.about == "null"
    assert found.declared_by.role == f"{hard} and a second line"
    assert found.date == datetime.date(2026, 3, 1)
    assert found.lang == lang


# What is read


def test_what_is_read_says_that_it_is_declared_by_whom_and_when(tmp_path: Path) -> None:
    found = loaded(tmp_path, filled("fr", need="Repérer\n\nplus tôt"))
    assert found.kind == "declared"
    assert found.declared_by.organisation == "A hospital"
    assert found.answered == len(IDS) - 1
    by_id = {one.id: one for one in found.answers}
    assert list(by_id) == IDS
    assert by_id["need"].answer == "Repérer\n\nplus tôt"
    assert by_id["need"].asked == questions()[0].demande
    assert by_id["end"].answer is None
    topics = dict(found.by_topic())
    assert "Nécessité de l'IA" in topics
    assert sum(map(len, topics.values())) == len(IDS)
    assert HEADING == {"en": "Declared, not measured", "fr": "Déclaré, et non mesuré"}


def test_declarations_travel_as_json_with_their_kind_and_a_digest(tmp_path: Path) -> None:
    found = loaded(tmp_path, filled())
    sent = msgspec.json.encode(found)
    assert b'"kind":"declared"' in sent
    assert msgspec.json.decode(sent, type=Declarations) == found
    assert re.fullmatch(r"[0-9a-f]{64}", digest(found))
    assert digest(found) != digest(loaded(tmp_path, filled(need="another answer")))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(sent.replace(b'"declared"', b'"measured"'), type=Declarations)


def test_the_command_checks_a_questionnaire(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(filled())
    ran = CliRunner().invoke(main, ["declare", str(tmp_path / "mine.yaml")])
    assert ran.exit_code == 0
    assert f"{len(IDS) - 1} of {len(IDS)} questions answered, declared by A hospital" in ran.stdout
    ran = CliRunner().invoke(main, ["declare", str(tmp_path / "none.yaml")])
    assert ran.exit_code == 2
    assert "frugalbench declare" in ran.stderr


def test_the_command_tells_everything_that_is_wrong_with_one_line_each(tmp_path: Path) -> None:
    wrong = {"need": None, "end": 3, "about": "", "date": datetime.date(2999, 1, 1)}
    (tmp_path / "mine.yaml").write_text(filled(**wrong).replace("answers:", "answers:\n  nope: a"))
    ran = CliRunner().invoke(main, ["declare", str(tmp_path / "mine.yaml")])
    assert (ran.exit_code, ran.stdout) == (2, "")
    lines = ran.stderr.splitlines()
    for said in ("'need' is empty", "'end' is no text", "'about' is empty", "not come", "'nope'"):
        assert sum(said in line for line in lines) == 1
    assert len(lines) == 5


def test_a_form_just_printed_is_told_to_lack_every_answer(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(empty())
    ran = CliRunner().invoke(main, ["declare", str(tmp_path / "mine.yaml")])
    lines = ran.stderr.splitlines()
    # Beside the questions: what it is about, who answers, in which role, and the day.
    assert (ran.exit_code, len(lines)) == (2, len(IDS) + 4)
    assert all("is empty: write" in line for line in lines)


def test_faults_without_end_are_counted(tmp_path: Path) -> None:
    strange = {f"strange{n}": "a" for n in range(1000)}
    (tmp_path / "mine.yaml").write_text(filled(answers=strange))
    ran = CliRunner().invoke(main, ["declare", str(tmp_path / "mine.yaml")])
    lines = ran.stderr.splitlines()
    assert (ran.exit_code, len(lines)) == (2, MOST_FAULTS + 1)
    assert lines[-1].endswith(f"and {1000 + len(IDS) - MOST_FAULTS} more: mend these first")


# What is refused


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"need": None}, "'need' is empty: write an answer under it, or not_answered"),
        ({"need": "  \n "}, "'need' is empty"),
        ({"need": True}, "'need' is no text"),
        ({"need": ["a"]}, "'need' is no text"),
        ({"need": "…"}, "'need' holds no word"),
        ({"need": "x" * 4001}, "'need' has 4,001 characters"),
        ({"need": "a\u202eb"}, "do not print"),
        ({"need": "a\x1b[31m"}, "do not print"),
        ({"about": "x" * 201}, "'about' has 201 characters"),
        ({"about": 3}, "'about' is no text"),
        ({"declared_by": {"organisation": "A"}}, "'declared_by.role' is empty"),
        ({"declared_by": {"organisation": "A", "rôle": "b"}}, "there is no question 'rôle'"),
        ({"declared_by": "me"}, "declared_by"),
        ({"date": datetime.date(2999, 1, 1)}, "has not come yet"),
        ({"date": "soon"}, "date"),
        ({"date": None}, "date"),
        ({"version": "0"}, "version 0"),
        ({"questionnaire": "another"}, "'another'"),
        ({"lang": "de"}, "lang: 'de' is not one of en, fr"),
        ({"kind": "measured"}, "kind"),
        ({"_target_": "os.system"}, "_target_"),
        ({"answers": {"neeed": "a"}}, "did you mean 'need'?"),
        ({"answers": []}, "answers"),
    ],
    ids=str,
)
def test_a_questionnaire_that_is_not_filled_in_is_refused_in_one_line(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    assert said in refused(tmp_path, filled(**changed))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"words",
        b"- a",
        b"\xff\xfe\x00",
        b"a: &a [1]\nb: *a\n" + filled().encode(),
        b"lang: fr\n" + filled().encode(),
        filled().replace("about: ", "about: !!python/object/apply:os.system ").encode(),
        filled(need="x").replace("need: x", "need: .nan").encode(),
        filled(need="x").replace("need: x", f"need: {10**400}").encode(),
        b"x: " + b"a" * 2**20,
        b"[" * 5000,
        b"{a: " * 3000,
    ],
    ids=range(12),
)
def test_a_hostile_questionnaire_is_refused_in_one_line(tmp_path: Path, text: bytes) -> None:
    refused(tmp_path, text)


def _survives(folder: Path, values: dict[str, Any]) -> None:
    """A file is read whole, or refused in one line; nothing else happens."""
    path = folder / "any.yaml"
    path.write_text(filled(**values), encoding="utf-8", errors="surrogatepass")
    refusal = ""
    try:
        found = load(path)
    except UsageError as error:
        refusal = str(error)
    if refusal:
        assert refusal.isprintable()
    else:
        assert msgspec.json.decode(msgspec.json.encode(found), type=Declarations) == found
        assert all(one.answer is None or one.answer.strip() for one in found.answers)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
VALUES = st.dictionaries(
    st.sampled_from([*IDS, "about", "date", "declared_by", "lang", "version", "answers"]),
    st.text(min_size=1) | ANYTHING,
    min_size=1,
    max_size=3,
)
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=50, derandomize=True, deadline=None, suppress_health_check=CHECKS)
@given(values=VALUES)
def test_any_answer_is_read_or_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    _survives(tmp_path, values)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=CHECKS)
@given(values=VALUES)
def test_many_answers_are_read_or_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    _survives(tmp_path, values)


# What speaks to what


def test_the_mapping_holds_altais_seven_requirements_and_the_headings_of_annex_iv() -> None:
    altai, annex = mapping()
    assert [one.ref for one in altai.entries] == [f"ALTAI {n}" for n in range(1, 8)]
    refs = [one.ref for one in annex.entries]
    assert [f"AI Act Annex IV({n})" in refs for n in (1, 3, 4, 5, 6, 7, 8, 9)] == [True] * 8
    assert [f"AI Act Annex IV(2)({n})" in refs for n in "abcdefgh"] == [True] * 8
    families = {address.partition(".")[0] for address in metrics.every()}
    for entry in (*altai.entries, *annex.entries):
        assert set(entry.families) <= families, entry.ref
        assert entry.titre != entry.title


def test_every_reference_to_a_mapped_heading_is_to_one_that_exists() -> None:
    known = {entry.ref for frame in mapping() for entry in frame.entries}
    for one in questions():
        for ref in one.speaks_to:
            assert ref in known or not re.match(r"ALTAI|AI Act Annex IV", ref), (one.id, ref)


@pytest.mark.parametrize("name", options("policy"))
def test_what_a_rule_speaks_to_is_in_the_mapping_under_its_family(name: str) -> None:
    entries = {entry.ref: entry for frame in mapping() for entry in frame.entries}
    for rule in load_policy(name).rules:
        for ref in rule.speaks_to:
            if re.match(r"ALTAI|AI Act Annex IV", ref):
                assert rule.metric.partition(".")[0] in entries[ref].families, (rule.id, ref)


def test_the_document_shows_the_mapping_and_every_question() -> None:
    page = (ROOT / "docs" / "declarations.md").read_text(encoding="utf-8")
    assert mapping_table().strip() in page
    assert CliRunner().invoke(main, ["declare", "--mapping"]).stdout == mapping_table()
    assert "nothing here" in mapping_table()
    for one in questions():
        assert f"| `{one.id}` | {one.ask} | {one.demande} |" in page
