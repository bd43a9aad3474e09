"""An SPDX 3.0.1 document of the model, in JSON-LD: its digest, energy of inference and measures.

The classes are those of the AI and Dataset profiles. The document does not say that it conforms to
those two, as they ask for a supplier, a release time and a place to download from, which a record
does not hold; it conforms to Core and Software. docs/exports.md says what was checked, and how.
"""

from typing import Any

import msgspec

from frugalbench.certify import Verdict
from frugalbench.errors import UsageError
from frugalbench.record import Record
from frugalbench.report._disclosed import (
    JOULES_PER_KWH,
    fixed,
    is_digest,
    known,
    measures,
    moment,
    named,
    serial,
)
from frugalbench.report._facts import alerts
from frugalbench.report._format import Lang, clean
from frugalbench.report._phrases import WORDS
from frugalbench.report._view import Line
from frugalbench.values import Value

__all__ = ["render"]

VERSION = "3.0.1"
CONTEXT = f"https://spdx.org/rdf/{VERSION}/spdx-context.jsonld"
CREATION = "_:creation"
Json = dict[str, Any]


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The whole document as indented JSON-LD; `lang` changes nothing. Energy is in kWh.

    Raises:
        UsageError: the record does not say when it was made, which a document must.
    """
    made = moment(record.created)
    if made is None:
        raise UsageError("the record's date is no time, which SPDX asks for: measure again")
    document = _Document(serial(record, verdict))
    tool = document.element("SoftwareAgent", "tool", name=f"frugalbench {clean(record.version)}")
    creation = {
        "type": "CreationInfo",
        "@id": CREATION,
        "specVersion": VERSION,
        "created": made,
        "createdBy": [tool["spdxId"]],
    }
    parts = [tool, _model(document, record, verdict)]
    if record.data is not None:
        parts += _data(document, record)
    whole = document.element(
        "SpdxDocument",
        "document",
        name=named(record),
        profileConformance=["core", "software"],
        rootElement=[document.at("model")],
        element=[part["spdxId"] for part in parts],
    )
    graph = {"@context": CONTEXT, "@graph": [creation, *parts, whole]}
    return msgspec.json.format(msgspec.json.encode(graph), indent=2).decode() + "\n"


class _Document:
    """Elements named within one document."""

    def __init__(self, serial: str) -> None:
        self._base = f"urn:uuid:{serial}"

    def at(self, name: str) -> str:
        """The address of an element."""
        return f"{self._base}#{name}"

    def element(self, kind: str, name_: str, **entries: Any) -> Json:
        """An element that says what is known."""
        return known(type=kind, spdxId=self.at(name_), creationInfo=CREATION, **entries)


def _model(document: _Document, record: Record, verdict: Verdict | None) -> Json:
    found = measures(record, verdict)
    limits = " ".join((*alerts(record, "en"), WORDS["en"].claims_long))
    judged = (
        f"{verdict.overall} by policy {verdict.policy} {verdict.policy_version}" if verdict else ""
    )
    return document.element(
        "ai_AIPackage",
        "model",
        name=named(record),
        comment=clean(f"frugalbench: {judged or 'not judged'}", 1000),
        verifiedUsing=_digest(record.model.sha256),
        software_primaryPurpose="model",
        ai_energyConsumption=_energy(found),
        ai_metric=[entry for line in found for entry in _entries(line)],
        ai_limitation=clean(limits, 4000),
    )


def _digest(sha256: str) -> list[Json]:
    if not is_digest(sha256):
        return []
    return [{"type": "Hash", "algorithm": "sha256", "hashValue": sha256}]


def _energy(found: tuple[Line, ...]) -> Json:
    """What one inference draws, where it is known; a decimal number is a text in this format."""
    held = {line.name: line.measure for line in found if not line.scope}
    energy = held["energy.per_inference"]
    if not isinstance(energy, Value):
        return {}
    amount = {
        "type": "ai_EnergyConsumptionDescription",
        "ai_energyQuantity": fixed(energy.estimate / JOULES_PER_KWH),
        "ai_energyUnit": "kilowattHour",
    }
    return {"type": "ai_EnergyConsumption", "ai_inferenceEnergyConsumption": [amount]}


def _entries(line: Line) -> list[Json]:
    """A number with both of its ends, its unit in the key where it has one, and how it was got."""
    value = line.measure
    if not isinstance(value, Value):
        return []
    unit = "" if value.unit == "1" else f" ({clean(value.unit, 24)})"
    rows = (
        ("", fixed(value.estimate)),
        ("/low", fixed(value.low)),
        ("/high", fixed(value.high)),
        ("/method", value.method),
    )
    return [
        {
            "type": "DictionaryEntry",
            "key": f"{line.address}{end}{unit * (end != '/method')}",
            "value": text,
        }
        for end, text in rows
        if text
    ]


def _data(document: _Document, record: Record) -> list[Json]:
    data = record.data
    assert data is not None, "there are data"
    held = document.element(
        "dataset_DatasetPackage",
        "data",
        name=clean(data.name) or "unnamed",
        verifiedUsing=_digest(data.sha256),
        software_primaryPurpose="data",
        dataset_datasetType=["structured" if data.features else "noAssertion"],
        dataset_datasetSize=data.bytes,
    )
    tested = document.element(
        "Relationship",
        "tested",
        relationshipType="testedOn",
        to=[document.at("data")],
        **{"from": document.at("model")},
    )
    return [held, tested]
