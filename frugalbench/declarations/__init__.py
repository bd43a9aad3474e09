"""What somebody says of a model, beside what was measured: a questionnaire, filled in by hand.

Whether AI is needed, what else was considered, how use is bounded: no instrument sees that. So it
is declared, by an organisation and a role, on a day, and it stays apart: a declaration never
changes a verdict, and is shown under `HEADING`, never among the measures. The questions and what
they speak to are in `configs/declarations/`.
"""

import datetime
import hashlib
import shlex
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from frugalbench.declarations._asked import (
    Entry,
    Frame,
    Lang,
    Part,
    Question,
    mapping,
    mapping_table,
    questionnaire,
    questions,
)
from frugalbench.declarations._form import empty
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.strict import convert, read_yaml

__all__ = [
    "HEADING",
    "NOT_ANSWERED",
    "Answer",
    "Declarations",
    "Declarer",
    "Entry",
    "Frame",
    "Lang",
    "Question",
    "check",
    "digest",
    "empty",
    "load",
    "mapping",
    "mapping_table",
    "questions",
]

HEADING: dict[Lang, str] = {"en": "Declared, not measured", "fr": "Déclaré, et non mesuré"}
"""The heading declarations stand under in every report."""
NOT_ANSWERED = "not_answered"
"""What is written under a question that one chooses not to answer."""
MOST = 4000
"""Characters of an answer."""
JOINERS = "\u200c\u200d\n\t"
"""Not printable, and yet part of what people write."""

Short = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=MOST)]


class Declarer(Part, frozen=True, kw_only=True):
    """Who declares: an organisation, and the role of the person in it."""

    organisation: Short
    role: Short


class Answer(Part, frozen=True, kw_only=True):
    """One answer with its question as it was asked; None is a question left open on purpose."""

    id: str
    topic: str
    asked: str
    speaks_to: tuple[str, ...]
    answer: Text | None


class Declarations(Part, frozen=True, kw_only=True):
    """Every question of one version of the questionnaire, with its answer.

    `kind` says in every file that holds them that they are declared. `about` names the model or
    the system they are about, in the words of who declares.
    """

    kind: Literal["declared"] = "declared"
    questionnaire: Short
    version: Short
    lang: Lang
    about: Short
    declared_by: Declarer
    date: datetime.date
    answers: Annotated[tuple[Answer, ...], Meta(min_length=1, max_length=200)]

    @property
    def answered(self) -> int:
        """How many questions have an answer."""
        return sum(one.answer is not None for one in self.answers)

    def by_topic(self) -> Iterator[tuple[str, tuple[Answer, ...]]]:
        """The title of each topic with its answers, in the order of the questionnaire."""
        for topic, answers in groupby(self.answers, key=lambda one: one.topic):
            yield topic, tuple(answers)


class _Written(Part, frozen=True, kw_only=True):
    """The file as it is written."""

    questionnaire: str
    version: str
    lang: Lang
    about: Any
    declared_by: dict[str, Any]
    date: datetime.date
    answers: dict[str, Any]


def load(path: str | Path) -> Declarations:
    """Read a questionnaire that was filled in.

    Raises:
        UsageError: there is no such file, it is no questionnaire of this version, or a question
            has neither an answer nor `not_answered`.
    """
    found, faults = check(path)
    if found is None:
        more = f"…and {len(faults) - 1} more: frugalbench declare {shlex.quote(str(path))}"
        raise UsageError(f"{faults[0]}; {more}" if len(faults) > 1 else faults[0])
    return found


def check(path: str | Path) -> tuple[Declarations | None, tuple[str, ...]]:
    """Read a questionnaire as `load` does; None, and everything that is wrong, where it cannot be.

    What is no questionnaire at all has one fault.
    """
    faults: list[str] = []
    try:
        return _read(path, faults), ()
    except UsageError as error:
        return None, tuple(faults) or (str(error),)


def _read(path: str | Path, faults: list[str]) -> Declarations:
    """The declarations, or an error; what can be told one by one is in `faults`."""
    what = f"questionnaire {path}"
    hint = "print an empty one with frugalbench declare"
    raw = read_yaml(Path(path), "questionnaire", hint)
    today = datetime.datetime.now(datetime.UTC).date()
    if isinstance(raw, dict) and "date" in raw and raw["date"] is None:
        faults.append(f"{what}: 'date' is empty: write the day, such as 2026-03-01")
        raw = {**raw, "date": today}
    written = convert(raw, _Written, what)
    asked = questionnaire()
    if (written.questionnaire, written.version) != (asked.name, asked.version):
        raise UsageError(
            f"{what}: it is '{written.questionnaire}' version {written.version}, and this is "
            f"frugalbench for '{asked.name}' version {asked.version}: {hint}"
        )
    if written.date > today + datetime.timedelta(days=1):
        faults.append(f"{what}: 'date' {written.date} has not come yet: write the day of today")
    faults += _unknown(what, written)

    def said(key: str, given: Any) -> str:
        try:
            return _text(what, key, given)
        except UsageError as error:
            faults.append(str(error))
            return ""

    who = written.declared_by
    declared = {
        "questionnaire": asked.name,
        "version": asked.version,
        "lang": written.lang,
        "about": said("about", written.about),
        "declared_by": {
            key: said(f"declared_by.{key}", who.get(key)) for key in ("organisation", "role")
        },
        "date": written.date,
        "answers": list(_answers(written, said)),
    }
    if faults:
        raise UsageError(faults[0])
    return convert(declared, Declarations, what)


def _unknown(what: str, written: _Written) -> Iterator[str]:
    """A line for each key that is no question."""
    for given, known in (
        (written.answers, [one.id for one in questions()]),
        (written.declared_by, ["organisation", "role"]),
    ):
        for key in given:
            if key not in known:
                yield f"{what}: there is no question '{key}': {did_you_mean(key, known)}"


def _answers(written: _Written, said: Callable[[str, Any], str]) -> Iterator[dict[str, Any]]:
    english = written.lang == "en"
    titles = {one.id: one.title if english else one.titre for one in questionnaire().topics}
    for one in questions():
        text = said(one.id, written.answers.get(one.id))
        yield {
            "id": one.id,
            "topic": titles[one.topic],
            "asked": one.ask if english else one.demande,
            "speaks_to": one.speaks_to,
            "answer": None if text == NOT_ANSWERED else text,
        }


def _text(what: str, key: str, given: Any) -> str:
    """What somebody wrote, or one line that says what to write."""
    asked = key in {one.id for one in questions()}
    if given is None or (isinstance(given, str) and not given.strip()):
        otherwise = f", or {NOT_ANSWERED}" if asked else ""
        raise UsageError(f"{what}: '{key}' is empty: write an answer under it{otherwise}")
    if not isinstance(given, str):
        raise UsageError(f"{what}: '{key}' is no text: write it in quotes, or under '{key}: >-'")
    text = given.strip()
    most = MOST if asked else 200
    if len(text) > most:
        raise UsageError(f"{what}: '{key}' has {len(text):,} characters: use at most {most:,}")
    if not all(one.isprintable() or one in JOINERS for one in text):
        raise UsageError(f"{what}: '{key}' holds characters that do not print: remove them")
    if not any(one.isalnum() for one in text):
        raise UsageError(f"{what}: '{key}' holds no word: write an answer in words")
    return text


def digest(declared: Declarations) -> str:
    """SHA-256 of the canonical JSON of declarations."""
    return hashlib.sha256(msgspec.json.encode(declared, order="sorted")).hexdigest()
