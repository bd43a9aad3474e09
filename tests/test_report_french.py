"""A French report is in French: what measures and measurements say of themselves too."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _build import PLACE, at_rest, metered, window
from _records import make_record
from _trusted import trusted

import frugalbench
from frugalbench import report
from frugalbench.certify import judge
from frugalbench.record import Record
from frugalbench.report._phrases import note
from frugalbench.report._remarks import REMARKS
from frugalbench.settings import load_policy

PACKAGE = Path(frugalbench.__file__).parent
ENGLISH = re.compile(
    r"(?<![\w.'’/-])(the|of|is|was|were|are|its|it|not|that|with|and|which|give|there|below|fed|"
    r"raise|could|windows|rows|than|from|been)(?![\w.=/-])"
)
"""Words that French has not."""
SOURCES = (
    *sorted((PACKAGE / "bench").glob("*.py")),
    *sorted((PACKAGE / "jobs").glob("*.py")),
    *(PACKAGE / f"{name}.py" for name in ("context", "gather", "members", "worker", "inputs")),
    *(PACKAGE / "metrics" / f"{name}.py" for name in ("_joules", "_windows", "quality")),
)


def _text(node: ast.expr) -> str:
    """The sentence of an expression, its places filled with a number."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = []
    for one in node.values:
        if isinstance(one, ast.Constant):
            parts.append(str(one.value))
        elif isinstance(one, ast.FormattedValue):
            form = ast.unparse(one.format_spec) if one.format_spec else ""
            parts.append("7%" if "%" in form else "7")
    return "".join(parts)


def _about_notes(node: ast.AST) -> Iterator[ast.AST]:
    """What is put among the notes of a measurement, or is the note of a measure."""
    match node:
        case ast.Call(func=ast.Attribute(attr="append", value=held), args=[said]):
            if ast.unparse(held).endswith("notes"):
                yield said
        case ast.Call(keywords=keywords):
            yield from (one.value for one in keywords if one.arg in ("note", "notes"))
        case ast.Assign(targets=[target], value=said):
            if ast.unparse(target) in ("notes", "note"):
                yield said
        case ast.FunctionDef(name=name) if name.endswith("_notes"):
            yield from (one for one in ast.walk(node) if isinstance(one, ast.Return))


def _sentences(said: ast.AST) -> Iterator[ast.expr]:
    """The texts in an expression, none of which is a piece of another."""
    pieces = {
        id(piece)
        for one in ast.walk(said)
        if isinstance(one, ast.JoinedStr)
        for piece in one.values
    }
    for one in ast.walk(said):
        if isinstance(one, ast.JoinedStr | ast.Constant) and id(one) not in pieces:
            yield one


def _notes() -> tuple[str, ...]:
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            for said in _about_notes(node):
                found |= {_text(one).strip(",; ") for one in _sentences(said)}
    return tuple(sorted(one for one in found if one.count(" ") > 2))


NOTES = _notes()


def test_the_sources_hold_notes() -> None:
    found = " ".join(NOTES)
    assert len(NOTES) > 20
    assert "columns were fed in file order" in found
    assert "was disturbed and is measured again" in found


@pytest.mark.parametrize("english", NOTES)
def test_every_note_in_the_sources_has_a_french_reading(english: str) -> None:
    told, spoken = note(english, "fr")
    assert spoken == "fr", english
    assert not ENGLISH.search(told), told


@pytest.mark.parametrize(
    ("english", "french"),
    [
        (
            "cpu + ram, 15 windows, below the detection limit: at most 1.2e-05 J",
            "cpu + ram, 15 fenêtres, sous la limite de détection : au plus 1,2e-05 J",
        ),
        (
            "gpu, 15 windows, 3 readings failed, idle power drifted by 12%, nvml and csvlog differ "
            "by 8%, the processor is not in it",
            "gpu, 15 fenêtres, 3 lectures ont échoué, la puissance au repos a dérivé de 12 %, nvml "
            "et csvlog diffèrent de 8 %, le processeur n’y est pas",
        ),
        (
            "columns were fed in file order (a, b, …), which nothing but their number confirms; "
            "list them with data.features=[…] to be sure",
            "les colonnes ont été données dans l’ordre du fichier (a, b, …), que seul leur nombre "
            "confirme ; les énumérer avec data.features=[…] pour en être sûr",
        ),
        (
            "process 2 was disturbed and is measured again: other processes took 12% of the "
            "processors",
            "le processus 2 a été dérangé et est mesuré à nouveau : d’autres ont pris 12 % des "
            "processeurs",
        ),
        (
            "per page, of which an inference is 2; energy of cpu, 5 windows; 44.18 g/kWh (factor "
            "of 2024; 41.44 to 56.039), PUE 1.2; embodied: laptop, 200 kg (figure of 2020, over "
            "three years old; its own uncertainty is not known) over 4 years, utilisation 0.5, 1 "
            "of the machine reserved",
            "par page, dont une inférence vaut 2 ; énergie de cpu, 5 fenêtres ; 44,18 g/kWh "
            "(facteur de 2024 ; 41,44 à 56,039), PUE 1,2 ; incorporé : laptop, 200 kg (valeur de "
            "2020, vieille de plus de trois ans ; son incertitude propre est inconnue) sur 4 ans, "
            "utilisation 0,5, part de la machine réservée : 1",
        ),
        (
            "at least: Loop and Scan are not counted; 3 axes without a size count as 1 (model.dims "
            "gives sizes)",
            "au moins : Loop et Scan ne sont pas comptés ; 3 axes sans taille comptent pour 1 "
            "(model.dims donne les tailles)",
        ),
        (
            "meter nvml: nvidia-ml-py is not installed",
            "compteur nvml : nvidia-ml-py n’est pas installé",
        ),
    ],
)
def test_remarks_keep_their_names_and_numbers(english: str, french: str) -> None:
    assert note(english, "fr") == (french, "fr")


@pytest.mark.parametrize(("pattern", "french"), REMARKS)
def test_every_reading_is_french_and_takes_what_is_caught(pattern: str, french: str) -> None:
    assert not ENGLISH.search(french), french
    assert french.count("{}") == re.compile(pattern).groups


def _records() -> Iterator[Record]:
    yield make_record()
    yield make_record(method="pretend")
    yield trusted()
    idle = [
        one
        for number in range(3)
        for one in (*at_rest(10.0, 14.0, process=number), window(10.1, process=number))
    ]
    yield metered(idle, site=PLACE)


@pytest.mark.parametrize("record", list(_records()), ids=lambda one: one.id)
@pytest.mark.parametrize("format_", ["markdown", "modelcard"])
def test_no_english_is_left_in_a_french_report(record: Record, format_: str) -> None:
    verdict = judge(record, load_policy("frugal-and-trustworthy"))
    for judged in (None, verdict):
        said = report.render(format_, record, judged, lang="fr")
        # The front matter of a card is for programs, whose words are English.
        said = said.split("\n---\n", 1)[-1] if format_ == "modelcard" else said
        said = re.sub(r"`[^`]*`|<code>.*?</code>|```.*?```", "", said, flags=re.DOTALL)
        left = [one for one in said.splitlines() if ENGLISH.search(one)]
        assert left == []
