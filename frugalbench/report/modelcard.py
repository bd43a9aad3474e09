"""A model card for the Hugging Face hub: front matter in YAML, then the evidence in Markdown.

The front matter has the hub's own keys (`model-index`, `co2_eq_emissions`) and one of ours. Numbers
are in fixed-point notation, as the hub's search by emissions does not read exponents; what is
missing has no key, as a 0 there would be a claim. docs/exports.md has the mapping.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import yaml

from frugalbench.certify import Verdict
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.report._cardbody import body
from frugalbench.report._disclosed import JOULES_PER_KWH, fixed, is_digest, known, measures, named
from frugalbench.report._format import Lang, clean
from frugalbench.report._view import Line
from frugalbench.values import Value

__all__ = ["render"]

NOT_LISTED = ("transparency", "validity")
"""Families about the measurement itself, which no leaderboard compares."""
Yaml = dict[str, Any]


def render(record: Record, verdict: Verdict | None, lang: Lang = "en") -> str:
    """The whole card: front matter between dashes, then the body in one language."""
    found = measures(record, verdict)
    front = yaml.dump(
        _front(record, verdict, found),
        Dumper=_FixedPoint,
        allow_unicode=True,
        sort_keys=False,
        width=1000,
    )
    return f"---\n{front}---\n\n{body(record, verdict, found, lang)}"


class _FixedPoint(yaml.SafeDumper):
    """YAML whose numbers have no exponent."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write(dumper: yaml.SafeDumper, x: Decimal) -> yaml.ScalarNode:
    text = f"{x:f}"
    point = "" if "." in text else ".0"
    return dumper.represent_scalar("tag:yaml.org,2002:float", text + point)


_FixedPoint.add_representer(Decimal, _write)


def _front(record: Record, verdict: Verdict | None, found: tuple[Line, ...]) -> Yaml:
    run = record.run
    return known(
        library_name="onnx" if run is not None and run.runner == "ort" else None,
        tags=["frugalbench"],
        co2_eq_emissions=_emissions(record, found),
        **{"model-index": _index(record, verdict, found)},
        frugalbench=_own(record, verdict, found),
    )


def _number(x: float) -> Decimal | None:
    return Decimal(text) if (text := fixed(x)) else None


def _emissions(record: Record, found: tuple[Line, ...]) -> Yaml:
    """Grams of CO2-equivalent of one inference; nothing is said of training."""
    grams = _value(found, "carbon.per_inference")
    if grams is None:
        return {}
    site = record.spec.site
    place = (
        ", ".join(dict.fromkeys(filter(None, (clean(site.name), clean(site.country)))))
        if site
        else ""
    )
    return known(
        emissions=_number(grams.estimate),
        source=f"frugalbench {clean(record.version)}: electricity of one inference, energy "
        f"{grams.method}; training is not in it",
        geographical_location=place,
        hardware_used=clean(record.host.cpu),
    )


def _value(found: Iterable[Line], name: str) -> Value | None:
    measure = next((one.measure for one in found if one.name == name and not one.scope), None)
    return measure if isinstance(measure, Value) else None


def _index(record: Record, verdict: Verdict | None, found: tuple[Line, ...]) -> list[Yaml]:
    outcomes = {one.address: one.outcome for one in verdict.findings} if verdict else {}
    rows = [
        _metric(line, line.measure, outcomes.get(line.address, ""))
        for line in found
        if isinstance(line.measure, Value)
        and not {"group", "feature"} & line.scope.keys()
        and line.name.partition(".")[0] not in NOT_LISTED
    ]
    if not rows:
        return []
    result = {"task": {"type": _task(record)}, "dataset": _dataset(record), "metrics": rows}
    return [{"name": named(record), "results": [result]}]


def _task(record: Record) -> str:
    """The hub's name of the task, as far as a record tells it."""
    data = record.data
    if data is None or not data.features or data.label is None:
        return "other"
    return "tabular-classification" if data.classes else "tabular-regression"


def _dataset(record: Record) -> Yaml:
    data = record.data
    if data is None:
        return {"type": "generated", "name": "inputs generated from the graph"}
    name = clean(data.name) or "unnamed"
    args = known(sha256=data.sha256 if is_digest(data.sha256) else None, rows=data.rows)
    return {"type": name, "name": name, "args": args}


def _metric(line: Line, value: Value, outcome: str) -> Yaml:
    family, _, own = line.name.partition(".")
    args = known(
        **{key: clean(one) for key, one in line.scope.items()},
        unit=clean(value.unit, 24),
        n=value.n,
        method=value.method,
        interval=clean(value.interval),
        level=_number(value.level),
        ci_lower=_number(value.low),
        ci_upper=_number(value.high),
        lower_is_better=line.metric.lower_is_better,
        verdict=outcome,
    )
    return {
        "type": own if family in ("quality", "fairness") else clean(line.name),
        "name": line.address,
        "value": _number(value.estimate),
        "args": args,
    }


def _own(record: Record, verdict: Verdict | None, found: tuple[Line, ...]) -> Yaml:
    energy, water = _value(found, "energy.per_inference"), _value(found, "water.per_inference")
    carbon = _value(found, "carbon.per_inference")
    flaws = [flaw.code for flaw in validity.flaws(record)]
    per = 1000
    return known(
        record=clean(record.id),
        created=clean(record.created),
        version=clean(record.version),
        sha256=record.model.sha256 if is_digest(record.model.sha256) else None,
        verdict=verdict.overall if verdict is not None else "not judged",
        policy=clean(verdict.policy) if verdict is not None else None,
        policy_version=clean(verdict.policy_version) if verdict is not None else None,
        policy_sha256=clean(verdict.policy_sha256) if verdict is not None else None,
        invalid=flaws,
        energy_method=energy.method if energy is not None else None,
        energy_wh_per_1000_inferences=_times(energy, per * 1000 / JOULES_PER_KWH),
        carbon_g_per_1000_inferences=_times(carbon, per),
        water_ml_per_1000_inferences=_times(water, per * 1000),
    )


def _times(value: Value | None, factor: float) -> Decimal | None:
    return None if value is None else _number(value.estimate * factor)
