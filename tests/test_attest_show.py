"""A certificate as a person reads it: whole, in both languages, harmless, and said unverified."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from _certified import POLICY, Certified, answers, certified, refused, resign, say

from frugalbench import attest, declarations
from frugalbench.attest._dsse import IN_TOTO, Envelope, bundle
from frugalbench.attest._issue import NON_CLAIMS
from frugalbench.attest._page_words import LIMITS, PAGE

LANGS = ("en", "fr")
FORMATS = ("text", "markdown")


def filled(lang: str = "en") -> str:
    """The questionnaire, every third question of it left open."""
    empty = declarations.empty("fr" if lang == "fr" else "en")
    head, mark, asked = empty.partition("\nanswers:\n")
    for key, said in (("about", "A model"), ("organisation", "A lab"), ("role", "its head")):
        head = head.replace(f"{key}: >-\n", f"{key}: {said}\n")
    head = head.replace("date:\n", "date: 2026-03-01\n")
    place = iter(range(100))

    def answer(found: re.Match[str]) -> str:
        n = next(place)
        return f"{found[0]}\n    {'not_answered' if n % 3 == 0 else f'So it is, number {n}.'}"

    return head + mark + re.sub(r"^  \w+: >-", answer, asked, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """Of three people in a third group, with declarations."""
    folder = tmp_path_factory.mktemp("shown")
    (folder / "declared.yaml").write_text(filled())
    options = ("--declarations", str(folder / "declared.yaml"))
    return certified(folder, answers(400, 3), None, *options)


def shown(bundle: Path, *options: str) -> str:
    """What `show` says."""
    result = say("show", str(bundle), *options)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def joined(said: str) -> str:
    """Text without the ends of its lines."""
    return " ".join(said.split())


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("lang", LANGS)
def test_it_says_first_that_nothing_was_verified(made: Certified, lang: Any, format_: str) -> None:
    said = shown(made.bundle, "--lang", lang, "--format", format_)
    warning = joined(PAGE[lang]["warning"])
    at = joined(said).find(warning)
    assert 0 <= at < 60
    assert at < joined(said).casefold().find(PAGE[lang]["claims"].casefold())


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("lang", LANGS)
def test_every_claim_is_in_it_and_every_section(made: Certified, lang: Any, format_: str) -> None:
    said = shown(made.bundle, "--lang", lang, "--format", format_)
    certificate = made.certificate()
    for claim in certificate["claims"]:
        assert claim["address"] in said
        assert claim["rule"] in said
    sections = ("about", "claims", "open", "frugality", "fixed", "policy", "limits", "dates")
    titles = [PAGE[lang][one] for one in sections] + [declarations.HEADING[lang]]
    for title in titles:
        assert title.casefold() in said.casefold()
    for held in (certificate["model"], certificate["data"], certificate["policy"]):
        assert held["digest"]["sha256"] in said
    for when in ("evaluatedAt", "issuedAt", "expiresAt"):
        assert certificate[when] in said


@pytest.mark.parametrize("format_", FORMATS)
def test_both_languages_have_the_same_numbers(made: Certified, format_: str) -> None:
    english, french = (shown(made.bundle, "--lang", lang, "--format", format_) for lang in LANGS)
    french = re.sub(r"(?<=\d),(?=\d)", ".", french).replace("\u202f", "").replace("\u00a0;", ",")
    english = re.sub(r"(?<=\d),(?=\d{3})", "", english)
    numbers = r"(?<![\w-])\d+(?:\.\d+)?(?![\w])"
    assert sorted(re.findall(numbers, english)) == sorted(re.findall(numbers, french)), set(
        re.findall(numbers, english)
    ) ^ set(re.findall(numbers, french))


def test_a_number_of_few_people_is_said_to_be_withheld(made: Certified) -> None:
    (few,) = [one for one in made.certificate()["claims"] if one.get("suppressed")]
    for lang in LANGS:
        said = shown(made.bundle, "--lang", lang)
        after = joined(said[said.index(few["address"]) :])
        assert PAGE[lang]["suppressed"] in after[:300]  # type: ignore[index]


def test_questions_are_asked_in_the_reader_s_language(made: Certified) -> None:
    asked = {one["id"] for one in made.certificate()["declarations"]["answers"]}
    english, french = (joined(shown(made.bundle, "--lang", lang)) for lang in LANGS)
    assert len(asked) == len(declarations.questions())
    for one in declarations.questions():
        assert one.ask in english
        assert one.demande in french
    assert "So it is, number 4." in french
    assert english.count("not answered, on purpose") == 7


def test_a_question_that_is_none_of_ours_is_shown_as_it_was_asked(made: Certified) -> None:
    def edit(said: dict[str, Any]) -> None:
        said["predicate"]["declarations"]["answers"][1]["asked"] = "Is it good?"

    assert "Is it good?" in shown(resign(made, edit), "--lang", "fr")


def test_an_interval_of_two_sides_is_marked_and_the_mark_explained(tmp_path: Path) -> None:
    made = certified(tmp_path)
    english, french = (joined(shown(made.bundle, "--lang", lang)) for lang in LANGS)
    assert english.count("†") == french.count("†") == 2
    assert "n ≥ 200" in english
    assert "Each end of this interval" in english


def test_json_is_the_predicate_as_it_is(made: Certified) -> None:
    for option in (("--json",), ("--format", "json"), ("--json", "--lang", "fr")):
        result = say("show", str(made.bundle), *option)
        assert json.loads(result.stdout) == made.certificate()
        assert "verif" in result.stderr or "vérif" in result.stderr
        assert result.stdout.isascii()


@pytest.mark.parametrize("lang", LANGS)
def test_the_command_it_names_verifies(made: Certified, lang: str) -> None:
    (line,) = [x for x in shown(made.bundle, "--lang", lang).splitlines() if " verify " in x]
    given = {"PUB": made.folder / "lab.pub", "POLICY": made.policy, "model.onnx": made.model}
    words = shlex.split(line)[1:]
    names = {key: str(value) for key, value in given.items()}
    assert say(*(names.get(word, word) for word in words)).exit_code == 3


def test_the_policy_is_asked_for_only_where_it_does_not_ship(tmp_path: Path) -> None:
    made = certified(tmp_path)
    out = tmp_path / "shipped.jsonl"
    words = ("--key", str(made.folder / "lab.key"), "--out", str(out))
    assert say("sign", str(made.record), *words).exit_code == 0
    assert "--policy" not in shown(out)
    assert "--policy POLICY" in shown(made.bundle)


def test_english_limits_all_have_a_french_reading() -> None:
    assert set(LIMITS) == set(NON_CLAIMS)
    assert PAGE["en"].keys() == PAGE["fr"].keys()


HOSTILE = "\x1b[2J<script>alert(1)</script>|[x](http://evil)\u202e@you\n✓ PASS `a`"


def _everywhere(value: Any) -> Any:
    """A tree with a hostile text in place of every text that is not bound to a form."""
    if isinstance(value, dict):
        return {key: one if key in KEPT else _everywhere(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_everywhere(one) for one in value]
    return HOSTILE if isinstance(value, str) else value


KEPT = {
    *("digest", "assuranceLevel", "comparator", "verdict", "method", "grade", "metric"),
    *("sha256", "root", "outputKind"),
}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("lang", LANGS)
def test_hostile_texts_do_nothing(made: Certified, lang: str, format_: str) -> None:
    def edit(said: dict[str, Any]) -> None:
        said["predicate"] = _everywhere(said["predicate"])
        said["subject"][0]["name"] = HOSTILE

    said = shown(resign(made, edit), "--lang", lang, "--format", format_)
    assert "alert" in said
    assert all(one.isprintable() or one in "\n\u202f\u00a0" for one in said)
    assert not [line for line in said.splitlines() if line.startswith("✓ PASS")]
    if format_ == "markdown":
        assert "<script" not in said
        assert not re.search(r"(?<!\\)\]\(", said)
        assert "@you" not in said
    assert "--model MODEL" in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("estimate", "NaN"),
        ("estimate", "1e999"),
        ("threshold", "much"),
        ("metric", "no.metric"),
        ("estimate", "INF"),
        ("address", ""),
        ("absent", {"reason": "no_site"}),
    ],
)
@pytest.mark.parametrize("format_", FORMATS)
def test_claims_that_do_not_hold_together_are_shown_all_the_same(
    made: Certified, key: str, value: Any, format_: str
) -> None:
    def edit(said: dict[str, Any]) -> None:
        said["predicate"]["claims"][0][key] = value

    for lang in LANGS:
        assert "speed" in shown(resign(made, edit), "--format", format_, "--lang", lang)


@pytest.mark.parametrize("held", [{}, {"class": 3}, {"class": "A", "ratio": 5, "atMost": [1]}, 7])
def test_a_class_or_declarations_of_any_form_are_shown(made: Certified, held: Any) -> None:
    def edit(said: dict[str, Any]) -> None:
        said["predicate"]["frugality"] = held if isinstance(held, dict) else {}
        said["predicate"]["declarations"] = {"answers": held, "declaredBy": held, "about": held}

    for lang in LANGS:
        assert declarations.HEADING[lang] in shown(  # type: ignore[index]
            resign(made, edit), "--format", "markdown", "--lang", lang
        )


def test_a_frugality_class_is_shown_with_its_scale_and_what_it_is_relative_to(
    made: Certified,
) -> None:
    ratio = {"estimate": "3.5", "low": "3.0", "high": "4.0", "level": "0.95"}
    held = {"class": "B", "ratio": ratio, "family": "tabular", "kind": "cpu", "modelled": True}
    held |= {"reference": "linear", "atMost": {"A": "2.0", "B": "6.0"}, "scale": "frugality"}
    held |= {"scaleVersion": "1", "scaleSha256": "0" * 64}

    def edit(said: dict[str, Any]) -> None:
        said["predicate"]["frugality"] = held

    english = shown(resign(made, edit))
    for told in ("linear, a reference model", "frugality 1", "A 2, B 6", "3.500 [3.000, 4.000]"):
        assert told in english
    assert "was not measured" in english
    assert "n’a pas été mesurée" in shown(resign(made, edit), "--lang", "fr")


def test_groups_named_by_codes_and_a_certificate_that_is_over_are_said_so(
    tmp_path: Path,
) -> None:
    made = certified(tmp_path, None, None, "--code-groups")

    def edit(said: dict[str, Any]) -> None:
        said["predicate"]["expiresAt"] = "2020-01-01T00:00:00Z"

    for lang in LANGS:
        words = PAGE[lang]  # type: ignore[index]
        assert words["coded"] in joined(shown(made.bundle, "--lang", lang))
        over = words["over"].format(ends="2020-01-01T00:00:00Z")
        assert over in shown(resign(made, edit), "--lang", lang)
        assert over not in shown(made.bundle, "--lang", lang)


@pytest.mark.parametrize("depth", [900, 960, 980, 990, 2000])
@pytest.mark.parametrize("format_", [*FORMATS, "json"])
def test_what_is_nested_deeply_is_shown_or_refused_in_one_line(
    made: Certified, depth: int, format_: str
) -> None:
    deep = f"{'[' * depth}{']' * depth}"
    said = made.statements()[0]
    said["predicate"]["declarations"] = {"declaredBy": {"role": "@"}, "answers": []}
    key = attest.load_private(made.folder / "lab.key", lambda: "")
    raw = json.dumps(said).replace('"@"', deep).encode()
    file = made.folder / f"deep-{depth}.jsonl"
    file.write_bytes(bundle([Envelope(IN_TOTO, raw).signed(key)]))
    result = say("show", str(file), "--format", format_)
    if result.exit_code != 0:
        assert "nested too deeply" in refused(result, code=2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--only", "fairness"), "--only is for a record"),
        (("--policy", "small"), "--policy is for a record"),
        (("--format", "html"), "text"),
        (("--format", "markdwn"), "did you mean 'markdown'?"),
        (("--json", "--format", "text"), "choose one"),
    ],
)
def test_what_makes_no_sense_of_a_certificate_is_a_usage_error(
    made: Certified, options: tuple[str, ...], told: str
) -> None:
    assert told in refused(say("show", str(made.bundle), *options), code=2)


def test_what_a_file_is_decides_and_not_its_name(made: Certified, tmp_path: Path) -> None:
    renamed = tmp_path / "record.json"
    renamed.write_bytes(made.bundle.read_bytes())
    assert "NOT VERIFIED" in shown(renamed)
    assert "latency.p90" in shown(made.record)
    assert "latency.p90" in shown(made.record, "--format", "text")
    broken = tmp_path / "broken.intoto.jsonl"
    broken.write_bytes(made.bundle.read_bytes()[:-40])
    line = refused(say("show", str(broken)), code=2)
    assert "is no certificate" in line
    assert "give a record's folder" in line
    assert POLICY["name"] in shown(made.bundle)


def test_it_is_summed_up_after_the_verdict_with_the_same_numbers(made: Certified) -> None:
    said = {lang: joined(shown(made.bundle, "--lang", lang)) for lang in LANGS}
    found = []
    for lang, heading in (("en", "IN SHORT"), ("fr", "EN BREF")):
        about = PAGE["fr" if lang == "fr" else "en"]["about"].upper()
        short = said[lang].split(heading, 1)[1].split(about, 1)[0]
        counts = re.findall(r"\d+", short.split(".", 1)[0])
        assert sum(map(int, counts)) == len(made.certificate()["claims"]) > 0
        found.append(counts)
    assert found[0] == found[1]
