"""A bill of materials of the model: CycloneDX 1.6 in JSON, with its model card and declarations.

The model is the component, its measures are `performanceMetrics`, the policy is a standard of
which each finding is a claim with its evidence, or with counter-evidence. What the format has no
field for (units, how a number was got, water) is in properties whose names begin with
`frugalbench:`. The same record and verdict give the same bytes. docs/exports.md has the mapping.
"""

from typing import Any

import msgspec

from frugalbench.certify import Verdict
from frugalbench.metrics import validity
from frugalbench.record import ModelFacts, Port, Record
from frugalbench.report._declared import declarations, standard
from frugalbench.report._disclosed import (
    JOULES_PER_KWH,
    fixed,
    is_digest,
    known,
    measures,
    moment,
    named,
    serial,
    slice_of,
    told,
)
from frugalbench.report._facts import alerts
from frugalbench.report._format import Lang, clean
from frugalbench.report._phrases import WORDS
from frugalbench.report._view import Line
from frugalbench.values import Value

__all__ = ["render"]

VERSION = "1.6"
GRAMS_PER_TONNE = 1e6
Json = dict[str, Any]


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The whole bill of materials as indented JSON; `lang` changes nothing.

    Quantities are per inference: energy in kWh, carbon in tonnes of CO2-equivalent.
    """
    found = measures(record, verdict)
    made = moment(record.created)
    bom = {
        "$schema": f"http://cyclonedx.org/schema/bom-{VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": f"urn:uuid:{serial(record, verdict)}",
        "version": 1,
        "metadata": known(
            timestamp=made, tools={"components": [_tool(record)]}, component=_model(record, found)
        ),
        "components": [_data(record)] if record.data is not None else [],
    }
    if verdict is not None:
        bom["definitions"] = {"standards": [standard(verdict)]}
        bom["declarations"] = declarations(record, verdict)
    bom["properties"] = _told(record, verdict)
    return msgspec.json.format(msgspec.json.encode(bom), indent=2).decode() + "\n"


def _tool(record: Record) -> Json:
    version = clean(record.version)
    return known(type="application", name="frugalbench", version=version)


def _told(record: Record, verdict: Verdict | None) -> list[Json]:
    """What stands around the numbers: the verdict, by what, and whether the run is sound."""
    rows = [("record", record.id), ("verdict", verdict.overall if verdict else "not judged")]
    if verdict is not None:
        rows += [
            ("policy", verdict.policy),
            ("policy_version", verdict.policy_version),
            ("policy_sha256", verdict.policy_sha256),
            ("reference", verdict.reference),
        ]
    rows += [("invalid", flaw.code) for flaw in validity.flaws(record)]
    if validity.disturbances(record):
        rows.append(("disturbed", "true"))
    rows += [("non_claim", WORDS["en"].claims_long)]
    return properties(rows)


def properties(rows: list[tuple[str, str]]) -> list[Json]:
    """Properties in the namespace of this tool; what says nothing is left out."""
    return [
        {"name": f"frugalbench:{name}", "value": clean(value, 1000)}
        for name, value in rows
        if value
    ]


def _model(record: Record, found: tuple[Line, ...]) -> Json:
    model, spec = record.model, record.spec
    rows = [
        ("bytes", str(model.bytes)),
        ("precision", spec.model.precision),
        ("parameters", _count(model.parameters)),
        ("multiply_adds", _count(model.macs)),
        ("opset", _count(model.opset)),
        ("converted_from_sha256", model.converted_from or ""),
        ("prepared_from_sha256", model.variant.parent if model.variant else ""),
        ("prepared_as", model.variant.how if model.variant else ""),
        ("target", spec.target.name),
        ("provider", spec.target.provider),
        ("threads", str(spec.target.threads)),
        ("cpu", record.host.cpu),
    ]
    return known(
        type="machine-learning-model",
        **{"bom-ref": "model"},
        name=named(record),
        hashes=_hashes(model.sha256),
        modelCard=_card(record, found),
        properties=properties(rows),
    )


def _count(n: int | None) -> str:
    return "" if n is None else str(n)


def _hashes(sha256: str) -> list[Json]:
    return [{"alg": "SHA-256", "content": sha256}] if is_digest(sha256) else []


def _card(record: Record, found: tuple[Line, ...]) -> Json:
    considered = known(
        technicalLimitations=[clean(one, 1000) for one in alerts(record, "en")],
        environmentalConsiderations=_environment(record, found),
    )
    return known(
        modelParameters=_parameters(record),
        quantitativeAnalysis=known(performanceMetrics=_performance(found)),
        considerations=considered,
        properties=[_property(line) for line in found],
    )


def _parameters(record: Record) -> Json:
    data, model = record.data, record.model
    labelled = data is not None and data.label is not None
    task = ("classification" if data and data.classes else "regression") if labelled else None
    return known(
        task=task,
        datasets=[{"ref": "data"}] if data is not None else None,
        inputs=[{"format": _port(one)} for one in model.inputs],
        outputs=[{"format": _port(one)} for one in _outputs(model)],
    )


def _outputs(model: ModelFacts) -> tuple[Port, ...]:
    read = model.answer.outputs if model.answer is not None else ()
    return tuple(one for one in model.outputs if not read or one.name in read)


def _port(port: Port) -> str:
    """A port in words, such as `x: float32[batch, 12]`; a `?` is a size with no name."""
    sizes = "" if port.shape is None else ", ".join(_size(one) for one in port.shape)
    return f"{clean(port.name)}: {clean(port.dtype)}[{sizes}]"


def _size(size: int | str | None) -> str:
    return "?" if size is None else clean(str(size))


def _performance(found: tuple[Line, ...]) -> list[Json]:
    return [
        known(
            type=clean(line.name),
            value=fixed(line.measure.estimate),
            slice=slice_of(line),
            confidenceInterval=_interval(line.measure),
        )
        for line in found
        if isinstance(line.measure, Value)
    ]


def _interval(value: Value) -> Json:
    """Both ends; one that is infinite is left out."""
    return known(lowerBound=fixed(value.low), upperBound=fixed(value.high))


def _property(line: Line) -> Json:
    """How a number was got, or why there is none: what the format has no field for."""
    name = f"frugalbench:measure:{line.address}"
    if not isinstance(line.measure, Value):
        absent = {"missing": clean(line.measure.reason), "why": told(line.name, line.measure)}
        return {"name": name, "value": _compact(absent)}
    return {"name": name, "value": _compact(how_known(line.measure))}


def how_known(value: Value) -> Json:
    """Unit, sample size, method and interval of a number."""
    return known(
        unit=clean(value.unit, 24),
        n=value.n,
        method=value.method,
        grade=value.grade,
        interval=clean(value.interval),
        level=fixed(value.level),
        at_most=None if value.bound is None else fixed(value.bound),
    )


def _compact(built: Json) -> str:
    return msgspec.json.encode(built).decode()


def _environment(record: Record, found: tuple[Line, ...]) -> Json:
    """What one inference draws from the socket and the grid, where that is known."""
    held = {line.name: line.measure for line in found if not line.scope}
    energy, carbon = held["energy.per_inference"], held["carbon.per_inference"]
    if not isinstance(energy, Value):
        return {}
    cost = {"value": energy.estimate / JOULES_PER_KWH, "unit": "kWh"}
    site = record.spec.site
    country = clean(site.country) if site is not None else ""
    provider = {
        # Who supplied the electricity is not in a record; in which country it was drawn may be.
        "organization": {"address": {"country": country}} if country else {},
        "energySource": "unknown",
        "energyProvided": cost,
    }
    tonnes = None
    if isinstance(carbon, Value):
        tonnes = {"value": carbon.estimate / GRAMS_PER_TONNE, "unit": "tCO2eq"}
    use = known(
        activity="inference",
        energyProviders=[provider],
        activityEnergyCost=cost,
        co2CostEquivalent=tonnes,
        properties=properties(_around(record, energy, held["water.per_inference"])),
    )
    return {"energyConsumptions": [use]}


def _around(record: Record, energy: Value, water: object) -> list[tuple[str, str]]:
    site = record.spec.site
    rows = [
        ("per", "inference"),
        ("energy_method", energy.method),
        ("energy_grade", energy.grade),
        ("energy_interval", energy.interval),
        ("energy_kwh_low", fixed(energy.low / JOULES_PER_KWH)),
        ("energy_kwh_high", fixed(energy.high / JOULES_PER_KWH)),
    ]
    if isinstance(water, Value):
        rows += [("water_l", fixed(water.estimate)), ("water_method", water.method)]
        rows += [("water_l_low", fixed(water.low)), ("water_l_high", fixed(water.high))]
    if site is None:
        return rows
    if site.pue is not None:
        rows.append(("pue", fixed(site.pue)))
    grid = site.grid_carbon
    if grid is not None and grid.unit == "g/kWh":
        rows += [
            ("carbon_intensity_g_per_kwh", fixed(grid.value)),
            ("carbon_intensity_year", str(grid.year)),
            ("carbon_intensity_source", grid.source),
        ]
    return rows


def _data(record: Record) -> Json:
    data = record.data
    assert data is not None, "there are data"
    name = clean(data.name) or "unnamed"
    rows = [
        ("role", "evaluation"),
        ("rows", str(data.rows)),
        ("rows_sha256", data.rows_sha256),
        ("label", data.label or ""),
        ("groups", ", ".join(data.groups)),
    ]
    return known(
        type="data",
        **{"bom-ref": "data"},
        name=name,
        hashes=_hashes(data.sha256),
        data=[{"type": "dataset", "name": name}],
        properties=properties(rows),
    )
