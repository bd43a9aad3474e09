"""Every construction of an interval has words, and laws their French names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import frugalbench
from frugalbench.report._constructions import CONSTRUCTIONS, construction, law
from frugalbench.report._format import Lang
from frugalbench.report._phrases import note

PACKAGE = Path(frugalbench.__file__).parent
SOURCES = (*sorted((PACKAGE / "metrics").rglob("*.py")), PACKAGE / "frugality.py")
NAMED = {"interval", "alone", "ONE_PROCESS"}
GIVEN_TO = {"value", "interval", "number", "paired"}
NO_CONSTRUCTION = {"B", "1", "", " "}


def _strings(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if re.fullmatch(r"[a-z]+(_[a-z]+)*", text):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from (*_strings(body), *_strings(other))
        case ast.Tuple(elts=[*_, last]):
            yield from _strings(last)


def _named() -> set[str]:
    """What the sources of the metrics call an interval."""
    found: set[str] = set()
    for node in (one for path in SOURCES for one in ast.walk(ast.parse(path.read_text()))):
        match node:
            case ast.keyword(arg=arg, value=value) if arg in NAMED:
                found.update(_strings(value))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMED:
                found.update(_strings(value))
            case ast.Return(value=ast.Tuple() as value):
                found.update(_strings(value))
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=args):
                if name in GIVEN_TO:
                    found.update(one for arg in args for one in _strings(arg))
            case ast.FunctionDef(name="_construction"):
                for one in ast.walk(node):
                    if isinstance(one, ast.Return) and one.value is not None:
                        found.update(_strings(one.value))
    return found


def test_every_interval_in_the_sources_has_words() -> None:
    named = _named()
    assert {"wilson", "model_grade_low", "product_of_ends", "newcombe_pairs"} <= named
    for lang in CONSTRUCTIONS:
        assert not named - NO_CONSTRUCTION - CONSTRUCTIONS[lang].keys()
        assert not any("_" in said for said in CONSTRUCTIONS[lang].values())
    assert CONSTRUCTIONS["en"].keys() == CONSTRUCTIONS["fr"].keys()


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_construction_over_probes_is_in_words(lang: Lang) -> None:
    assert "_" not in construction("bonett_price_probes", lang)
    assert "\x1b" not in construction("x\x1b[31m", lang)


def test_a_law_has_its_french_name() -> None:
    assert law("GDPR art. 5(1)(f)", "fr") == "RGPD art. 5(1)(f)"
    assert law("AI Act art. 15(1)", "fr") == "règlement sur l’IA art. 15(1)"
    assert law("AI Act Annex IV(3)", "fr") == "règlement sur l’IA, annexe IV(3)"
    assert law("GDPR art. 35", "en") == "GDPR art. 35"


def test_a_probe_has_one_label() -> None:
    assert note("worst: square_attack:0.3", "en")[0] == "worst: Square attack (a search), 0.3"
    french = note("worst: square_attack:0.3", "fr")[0]
    assert french == "le moins bon : Square attack (une recherche), 0,3"
