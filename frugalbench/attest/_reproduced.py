"""A certificate's claims against those of a run on the verifier's own machine.

What depends on hardware is put side by side and judged by nobody. For the rest, two intervals that
do not meet are a contradiction; that they meet is no proof, as wide intervals always do.
"""

from dataclasses import dataclass
from typing import Literal

from frugalbench.attest._claims import claims, counts_people
from frugalbench.attest._predicate import Claim, Evaluation, Reading, measure
from frugalbench.certify import Policy, judge
from frugalbench.errors import MeasurementError
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.report._format import Lang, clean
from frugalbench.values import Measure, Value

__all__ = ["Again", "Standing", "again", "settings_of", "table"]

Standing = Literal["alike", "differs", "shown", "not compared"]
WORDS: dict[Lang, dict[Standing, str]] = {
    "en": {
        "alike": "intervals meet",
        "differs": "INTERVALS DO NOT MEET",
        "shown": "depends on the machine",
        "not compared": "no number on one side",
    },
    "fr": {
        "alike": "les intervalles se recoupent",
        "differs": "LES INTERVALLES NE SE RECOUPENT PAS",
        "shown": "dépend de la machine",
        "not compared": "pas de nombre d'un côté",
    },
}
OTHER_ROWS: dict[Lang, str] = {
    "en": "other rows than the certificate's were used, so answers may differ by chance",
    "fr": "d'autres lignes que celles du certificat ont servi : l'écart peut venir du hasard",
}


@dataclass(frozen=True, slots=True)
class Again:
    """One claim, and the same measure here."""

    address: str
    theirs: Measure | None
    ours: Measure | None
    standing: Standing


def settings_of(reading: Reading) -> list[str]:
    """The words that make a run read the model's answers as the certificate's did."""
    given = {
        "threshold": reading.threshold,
        "output": reading.output and _quoted(reading.output),
        "output_kind": reading.output_kind,
    }
    return [f"model.{key}={value}" for key, value in given.items() if value]


def _quoted(name: str) -> str:
    """A name as a word of Hydra, whatever it holds but an interpolation, which no output needs."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("${", "")
    return f'"{escaped}"'


def again(
    evaluation: Evaluation, policy: Policy, record: Record, reference: Record | None = None
) -> tuple[tuple[Again, ...], bool]:
    """Every claim of a verified certificate beside this record's, and whether the rows are its own.

    Raises:
        MeasurementError: nothing was measured here.
    """
    if record.failure is not None:
        raise MeasurementError(f"it could not be run again: {record.failure.detail}")
    findings = judge(record, policy, reference).findings
    made = claims(record, findings, policy, validity.flaws(record))
    here = {one.address: one for one in made}
    rows = (evaluation.data and evaluation.data.rows_sha256) or ""
    own = record.data.rows_sha256 if record.data else ""
    digests = (
        evaluation.data.digest["sha256"] if evaluation.data else "",
        record.data.sha256 if record.data else "",
    )
    same = rows == own and digests[0] == digests[1]
    return tuple(_again(one, here.get(one.address)) for one in evaluation.claims), same


def _again(claim: Claim, here: Claim | None) -> Again:
    theirs = measure(claim)
    ours = None if here is None else measure(here)
    if not isinstance(theirs, Value) or not isinstance(ours, Value):
        return Again(claim.address, theirs, ours, "not compared")
    if not counts_people(claim.metric):
        return Again(claim.address, theirs, ours, "shown")
    meet = theirs.low <= ours.high and ours.low <= theirs.high
    return Again(claim.address, theirs, ours, "alike" if meet else "differs")


def table(found: tuple[Again, ...], lang: Lang, *, same_rows: bool) -> str:
    """Both numbers of every claim, one a line."""
    lines = [] if same_rows else [OTHER_ROWS[lang]]
    for one in found:
        lines.append(
            f"{clean(one.address)}  {_said(one.theirs)}  →  {_said(one.ours)}  "
            f"{WORDS[lang][one.standing]}"
        )
    return "\n".join(lines)


def _said(found: Measure | None) -> str:
    if not isinstance(found, Value):
        return "–"
    unit = "" if found.unit == "1" else f" {clean(found.unit)}"
    return f"{found.estimate:.4g} [{found.low:.4g}, {found.high:.4g}]{unit}"
