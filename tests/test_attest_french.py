"""Every refusal reads in French: those in the sources, and those that a certificate meets."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from _certified import Certified, certified, refused, resign

import frugalbench
from frugalbench.attest import Step
from frugalbench.attest._refusals import french
from frugalbench.attest._refusals_french import SENTENCES, STEPS
from frugalbench.attest._refusals_requests import NOUNS

PACKAGE = Path(frugalbench.__file__).parent
SOURCES = (
    *sorted((PACKAGE / "attest").glob("*.py")),
    PACKAGE / "certify" / "_policy.py",
    *(PACKAGE / "commands" / f"{name}.py" for name in ("show", "verify")),
)
RAISED = {"UsageError", "StoreError", "MeasurementError", "VerificationError", "ValueError"}
SAYING = {
    *("impossible", "impossible_claim", "_fixed", "_given_away", "_incomplete", "_misplaced"),
    *("_impossible_number", "_contradiction"),
}
"""Functions that return why something is refused, or nothing."""
FILLED = {"what": "certificate", "where": "policy 'p', rule 'r'"}
"""What a place in a sentence is filled with where it is no name."""
ENGLISH = re.compile(
    r"(?<!-)\b(the|of|is|was|are|its|it|not|that|with|and|which|give|there|no|says)\b(?!-| »)"
)


def _said(node: ast.expr) -> Iterator[str]:
    """The sentences an expression may stand for, its places filled with names."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            found = [""]
            for one in values:
                own = list(_said(one.value) if isinstance(one, ast.FormattedValue) else _said(one))
                found = [f"{head}{tail}" for head in found for tail in own]
            yield from found
        case ast.Name(id=name):
            yield FILLED.get(name, "7")
        case ast.IfExp(body=body, orelse=other):
            yield from (*_said(body), *_said(other))
        case _:
            yield "7"


def _sentences() -> Iterator[Any]:
    for source in SOURCES:
        tree = ast.parse(source.read_text())
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                raised = node.exc if isinstance(node, ast.Raise) else None
                told = node.value if isinstance(node, ast.Return) else None
                if isinstance(raised, ast.Call) and isinstance(
                    raised.func, ast.Name | ast.Attribute
                ):
                    name = raised.func
                    called = name.id if isinstance(name, ast.Name) else name.attr
                    told = raised.args[-1] if called in RAISED else None
                elif function.name not in SAYING:
                    told = None
                for text in () if told is None else _said(told):
                    if " " in text:
                        yield pytest.param(text, id=f"{source.stem}-{node.lineno}-{text[:30]}")


FOUND = list(_sentences())


def test_the_sources_hold_refusals() -> None:
    texts = " ".join(one.values[0] for one in FOUND)
    assert len(FOUND) > 100
    for one in ("it claims one thing twice", "its numbers leave the range of 7", "not there"):
        assert one in texts


@pytest.mark.parametrize("english", FOUND)
def test_every_refusal_in_the_sources_has_a_french_reading(english: str) -> None:
    told = french(english)
    assert told != english
    assert not ENGLISH.search(told), told


@pytest.mark.parametrize(("pattern", "reading"), SENTENCES)
def test_every_reading_is_french_and_has_every_name(pattern: str, reading: str) -> None:
    assert not ENGLISH.search(reading)
    places = re.compile(pattern).groups
    used = {int(one) for one in re.findall(r"\{(\d+)\}", reading)}
    named = re.compile(pattern).groupindex
    assert used | {place - 1 for place in named.values()} == set(range(places))
    assert set(re.findall(r"\{([a-z]+)\}", reading)) == set(named)


def test_every_step_and_noun_has_a_french_name() -> None:
    assert set(STEPS) == set(get_args(Step))
    assert all(one.startswith(("le ", "la ", "l’")) for one in NOUNS.values())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("french"))


def _claim(**other: Any) -> Any:
    return lambda said: said["predicate"]["claims"][0].update(other)


EDITS = (
    ("re-judgement", _claim(verdict="FAIL")),
    ("re-judgement", _claim(estimate="NaN")),
    ("re-judgement", _claim(n=0)),
    ("re-judgement", _claim(suppressed=True)),
    ("re-judgement", lambda said: said["predicate"]["claims"].pop()),
    ("re-judgement", lambda said: said["predicate"]["nonClaims"].pop()),
    ("policy", lambda said: said["predicate"]["policy"].update(version="9")),
    ("policy", lambda said: said["predicate"]["policy"].update(content={})),
    ("expiry", lambda said: said["predicate"].update(expiresAt="2020-01-01T00:00:00Z")),
    ("expiry", lambda said: said["predicate"].update(expiresAt="soon")),
    ("statement type", lambda said: said.update(_type="other")),
    ("statement type", lambda said: said["predicate"].pop("model")),
    ("subject digest", lambda said: said["subject"][0].update(name="other")),
)


@pytest.mark.parametrize(("step", "edit"), EDITS)
def test_a_refusal_reads_in_french_and_ends_as_in_english(
    made: Certified, step: Step, edit: Any
) -> None:
    bundle = resign(made, edit)
    english = refused(made.verify(bundle=bundle), step)
    french_line = refused(made.verify(bundle=bundle, lang="fr"))
    assert f"non vérifié, à l’étape « {STEPS[step]} » : " in french_line
    quoted = re.sub(r"« .*? »", "", french_line)
    assert not ENGLISH.search(quoted), french_line
    assert french_line != english


def test_requests_that_are_wrong_are_told_in_french(made: Certified, tmp_path: Path) -> None:
    for other in (
        {"key": tmp_path / "no.pub"},
        {"key": made.folder / "lab.key"},
        {"model": tmp_path / "no.onnx"},
        {"policy": "no-such-policy"},
        {"at": "soon"},
        {"threshold": 3},
        {"bundle": tmp_path / "no.jsonl"},
        {"record": tmp_path / "none"},
    ):
        line = refused(made.verify(**other, lang="fr"), code=2)
        without = line.replace(str(tmp_path), "").replace(str(made.folder), "")
        assert not ENGLISH.search(re.sub(r"no\b|no-such-policy|« .*? »", "", without)), line
