"""What is asked, and what speaks to which requirement: the files of `configs/declarations/`."""

from collections.abc import Sequence
from functools import cache
from typing import Literal

import msgspec

from frugalbench.strict import config_folder, convert, read_yaml

__all__ = [
    "Entry",
    "Frame",
    "Lang",
    "Part",
    "Question",
    "Questionnaire",
    "Topic",
    "mapping",
    "mapping_table",
    "questionnaire",
    "questions",
]

Lang = Literal["en", "fr"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a questionnaire: frozen, keyword-only, no unknown field."""


class Topic(Part, frozen=True, kw_only=True):
    """What several questions are about."""

    id: str
    title: str
    titre: str


class Question(Part, frozen=True, kw_only=True):
    """One question in English and French, and the law or practice it speaks to."""

    id: str
    topic: str
    ask: str
    demande: str
    speaks_to: tuple[str, ...]


class Questionnaire(Part, frozen=True, kw_only=True):
    """Every question, under its topic."""

    name: str
    version: str
    topics: tuple[Topic, ...]
    questions: tuple[Question, ...]


class Entry(Part, frozen=True, kw_only=True):
    """One requirement or heading, and which questions and families of metrics speak to it."""

    ref: str
    title: str
    titre: str
    families: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


class Frame(Part, frozen=True, kw_only=True):
    """A list of requirements or headings, and where it comes from."""

    title: str
    titre: str
    source: str
    entries: tuple[Entry, ...]


class _Mapping(Part, frozen=True, kw_only=True):
    name: str
    version: str
    frames: tuple[Frame, ...]


@cache
def questionnaire() -> Questionnaire:
    """The questionnaire that ships."""
    path = config_folder() / "declarations" / "questionnaire.yaml"
    return convert(read_yaml(path, "questionnaire", ""), Questionnaire, "questionnaire")


def questions() -> tuple[Question, ...]:
    """Every question there is, in order."""
    return questionnaire().questions


@cache
def mapping() -> tuple[Frame, ...]:
    """ALTAI's seven requirements and the headings of AI Act Annex IV, with what speaks to each.

    An entry without a question or a family is one that nothing here speaks to.
    """
    path = config_folder() / "declarations" / "mapping.yaml"
    frames = convert(read_yaml(path, "mapping", ""), _Mapping, "mapping").frames
    return tuple(
        msgspec.structs.replace(
            frame,
            entries=tuple(
                msgspec.structs.replace(
                    entry,
                    questions=tuple(one.id for one in questions() if entry.ref in one.speaks_to),
                )
                for entry in frame.entries
            ),
        )
        for frame in frames
    )


def mapping_table() -> str:
    """The mapping as Markdown, a table for each frame."""
    lines: list[str] = []
    for frame in mapping():
        lines += [f"### {frame.title}", "", f"{frame.source}.", ""]
        lines += ["| | heading | declared: questions | measured: families of metrics |"]
        lines += ["|---|---|---|---|"]
        for entry in frame.entries:
            asked, measured = _code(entry.questions), _code(entry.families)
            if not asked and not measured:
                asked, measured = "nothing here", "nothing here"
            lines.append(f"| {entry.ref} | {entry.title} | {asked or '–'} | {measured or '–'} |")
        lines.append("")
    return "\n".join(lines)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
