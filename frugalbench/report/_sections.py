"""Everything a record's measures say, family by family, for any format to lay out."""

from collections.abc import Callable, Iterable, Sequence

from frugalbench.certify import Verdict
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.record import Record
from frugalbench.report._fair import fairness
from frugalbench.report._flags import flagged
from frugalbench.report._format import Lang, clean
from frugalbench.report._grids import Section, plain_grid
from frugalbench.report._phrases import WORDS, Sentence, reason
from frugalbench.report._robust import robustness
from frugalbench.report._trust import (
    calibration,
    explanation,
    necessity,
    reproducibility,
    transparency,
)
from frugalbench.report._view import Line, absent, lines
from frugalbench.values import Missing, Value

__all__ = ["chosen", "families", "family", "gone", "sections"]

Maker = Callable[[Record, list[Line], Lang], list[Section]]
OF_FAMILY: dict[str, Maker] = {
    "calibration": calibration,
    "robustness": robustness,
    "reproducibility": reproducibility,
    "explanation": explanation,
    "necessity": necessity,
    "transparency": transparency,
}
"""Families that are more than one row for each measure; fairness needs the verdict as well."""
MOST_NAMES = 3


def family(line: Line) -> str:
    """The family of a measure: the module it is in."""
    return line.name.partition(".")[0]


def families(record: Record) -> tuple[str, ...]:
    """Every family that a record has a measure of, those with a title first and in its order."""
    held = dict.fromkeys(map(family, lines(record)))
    titled = [name for name in WORDS["en"].families if name in held]
    return (*titled, *(name for name in held if name not in titled))


def chosen(record: Record, only: Iterable[str]) -> tuple[str, ...]:
    """The families asked for; all of them where none is.

    Raises:
        UsageError: there is no such family.
    """
    known, asked = families(record), tuple(only)
    for name in asked:
        if name not in known:
            raise UsageError(f"there is no family '{clean(name)}': {did_you_mean(name, known)}")
    return tuple(name for name in known if not asked or name in asked)


def sections(
    record: Record, verdict: Verdict | None, lang: Lang, only: Iterable[str] = ()
) -> tuple[Section, ...]:
    """The sections of a report, each with its tables; a family with no number has none.

    Raises:
        UsageError: `only` names a family that the record has no measure of.
    """
    found: dict[str, list[Line]] = {}
    for line in lines(record):
        found.setdefault(family(line), []).append(line)
    made: list[Section] = []
    for name in chosen(record, only):
        if name == "fairness":
            made += fairness(record, found[name], flagged(record, verdict), lang)
        elif name in OF_FAMILY:
            made += OF_FAMILY[name](record, found[name], lang)
        elif (grid := plain_grid(found[name], lang)) is not None:
            heading = WORDS[lang].families.get(name) or clean(name)
            made.append(Section(name, heading, (grid,)))
    return tuple(made)


def gone(
    found: Sequence[Line], lang: Lang, *, failed: bool = False
) -> tuple[tuple[Sentence, tuple[str, ...]], ...]:
    """What is missing: each reason once, with what it holds for.

    A measure missing in many scopes is named once, with how many. Of a failed record what all the
    rest shares comes at the end.
    """
    together: dict[Sentence, dict[str, list[Line]]] = {}
    for line in absent(found):
        if isinstance(line.measure, Missing):
            why = reason(line.measure, lang)
            together.setdefault(why, {}).setdefault(line.name, []).append(line)
    named = {
        why: [name for key, held in names.items() for name in _names(key, held, lang)]
        for why, names in together.items()
    }
    if failed and named:
        most = max(named, key=lambda why: len(named[why]))
        alone = len(named) == 1 and not any(isinstance(x.measure, Value) for x in found)
        del named[most]
        heads = WORDS[lang]
        named[most] = [heads.every_metric if alone else heads.every_other]
    return tuple((why, tuple(names)) for why, names in named.items())


def _names(name: str, held: Sequence[Line], lang: Lang) -> list[str]:
    """The addresses of a measure, or its name and how many they are."""
    if len(held) <= MOST_NAMES:
        return [line.address for line in held]
    return [f"{clean(name)} ({WORDS[lang].times.format(n=len(held))})"]
