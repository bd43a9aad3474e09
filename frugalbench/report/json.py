"""A report for programs: strict JSON, whose schema is made from the types in `_shapes`."""

import math
from collections.abc import Iterator
from pathlib import PureWindowsPath
from typing import Any

import msgspec

from frugalbench.certify import Finding, Verdict
from frugalbench.frugality import FrugalityClass, classify
from frugalbench.metrics import validity
from frugalbench.metrics.necessity import Point, frontier
from frugalbench.record import Record
from frugalbench.regress import Change, Regressions
from frugalbench.report._disclosed import shareable, shared
from frugalbench.report._flags import Flagged, flagged
from frugalbench.report._format import Lang
from frugalbench.report._shapes import (
    FORMAT,
    Against,
    Apart,
    Classed,
    Facts,
    Judged,
    Judgement,
    Measured,
    Nothing,
    Number,
    Placed,
    Report,
    Said,
)
from frugalbench.report._shared import shared_changes, shared_pairs
from frugalbench.report._view import drifted, lines
from frugalbench.spec import Model
from frugalbench.values import Measure, Missing, Value

__all__ = ["FORMAT", "Report", "render", "schema"]


def render(
    record: Record,
    verdict: Verdict | None,
    lang: Lang = "en",
    reference: Record | None = None,
    regressions: Regressions | None = None,
    *,
    allow_uncompared: bool = False,
    for_others: bool = False,
) -> str:
    """The whole report as indented JSON; `lang` changes nothing, programs read one language.

    With a `reference` the metrics that compare the record with it are among the others.
    `allow_uncompared` says what a gate accepts of `regressions`. A report `for_others` holds no
    number that rests on a few people.
    """
    found, pairs = lines(record), flagged(record, verdict)
    if for_others:
        found = shareable(record, verdict)
        pairs = shared_pairs(record, verdict)
        verdict = None if verdict is None else shared(record, verdict)
        regressions = regressions and shared_changes(record, verdict, regressions)
    report = Report(
        format=FORMAT,
        record=_facts(record),
        invalid=tuple(Said(code=one.code, detail=one.detail) for one in validity.flaws(record)),
        disturbed=validity.disturbances(record),
        verdict=None if verdict is None else _judgement(verdict),
        metrics=tuple(
            Measured(
                address=line.address,
                title=line.metric.title,
                unit=line.metric.unit,
                lower_is_better=line.metric.lower_is_better,
                measure=_measure(line.measure),
            )
            for line in (*found, *(drifted(record, reference) if reference else ()))
        ),
        frontier=tuple(map(_placed, frontier(record))),
        frugality=None if verdict is None else _classed(classify(record, verdict)),
        pairs=tuple(one for each in pairs for one in _apart(each)),
        regressions=None if regressions is None else _against(regressions, allow_uncompared),
    )
    built = _encodable(msgspec.to_builtins(report))
    return msgspec.json.format(msgspec.json.encode(built), indent=2).decode() + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `render` gives."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "frugalbench report",
        **msgspec.json.schema(Report),
    }


def _facts(record: Record) -> Facts:
    spec = record.spec
    model = _model(spec.model)
    data = spec.data
    if data is not None:
        paths = {"path": data.path, "train_path": data.train_path, "card": data.card}
        data = msgspec.structs.replace(
            data, **{key: path and _file_name(path) for key, path in paths.items()}
        )
    baselines = tuple(
        msgspec.structs.replace(one, model=one.model and _model(one.model))
        for one in spec.baselines
    )
    target, log = spec.target, spec.target.meter_log
    if log is not None:
        target = msgspec.structs.replace(target, meter_log=_file_name(log))
    return Facts(
        format=record.format,
        id=record.id,
        created=record.created,
        version=record.version,
        spec=msgspec.structs.replace(
            spec, model=model, data=data, target=target, baselines=baselines
        ),
        host=record.host,
        model=record.model,
        data=record.data,
        run=record.run,
        failure=record.failure,
        notes=record.notes,
        arrays={name: tuple(array.shape) for name, array in record.arrays.items()},
    )


def _model(model: Model) -> Model:
    card = model.card and _file_name(model.card)
    return msgspec.structs.replace(model, path=_file_name(model.path), card=card)


def _placed(point: Point) -> Placed:
    return Placed(
        name=point.name,
        own=point.own,
        quality=_measure(point.quality),
        lower_is_better=point.lower,
        energy=_measure(point.energy),
        size=point.size,
        standing=point.standing,
        by=point.by,
    )


def _apart(found: Flagged) -> Iterator[Apart]:
    for pair in found.pairs:
        yield Apart(
            metric=found.metric,
            attribute=found.attribute,
            bound=found.bound,
            rate=pair.title,
            first=pair.first,
            second=pair.second,
            difference=pair.difference,
            low=pair.low,
            high=pair.high,
            p=pair.p,
            p_adjusted=pair.adjusted,
        )


def _against(found: Regressions, allow_uncompared: bool) -> Against:
    return Against(
        baseline=found.baseline,
        exit_code=found.exit_code(allow_uncompared=allow_uncompared),
        changes=tuple(map(_change, found.changes)),
    )


def _change(one: Change) -> Change:
    """The same with null for an end that no number bounds."""
    ends = {name: getattr(one, name) for name in ("estimate", "low", "high")}
    known = {name: x if x is None else _finite(x) for name, x in ends.items()}
    return msgspec.structs.replace(one, **known)


def _file_name(path: str) -> str:
    # The Windows flavour splits at both kinds of slash, and a record may come from either system.
    return PureWindowsPath(path).name or path


def _judgement(verdict: Verdict) -> Judgement:
    return Judgement(
        record=verdict.record,
        policy=verdict.policy,
        policy_version=verdict.policy_version,
        policy_sha256=verdict.policy_sha256,
        overall=verdict.overall,
        exit_code=verdict.exit_code,
        findings=tuple(map(_judged, verdict.findings)),
        reference=verdict.reference,
    )


def _judged(finding: Finding) -> Judged:
    rule = finding.rule
    return Judged(
        rule=rule.id,
        metric=rule.metric,
        address=finding.address,
        unit=rule.unit,
        at_most=rule.at_most,
        at_least=rule.at_least,
        required=rule.required,
        outcome=finding.outcome,
        explanation=finding.explanation,
        needed=finding.needed,
        why=rule.why,
        measure=_measure(finding.measure),
    )


def _classed(found: FrugalityClass | Missing) -> Classed | Nothing:
    if isinstance(found, Missing):
        return Nothing(reason=found.reason, detail=found.detail)
    return Classed(
        label=found.label,
        best=found.best,
        worst=found.worst,
        ratio=_number(found.ratio),
        family=found.family,
        kind=found.kind,
        reference=found.reference,
        at_most=found.at_most,
        scale=found.scale,
        scale_version=found.scale_version,
        scale_sha256=found.scale_sha256,
        modelled=found.modelled,
    )


def _measure(measure: Measure) -> Number | Nothing:
    if isinstance(measure, Missing):
        return Nothing(reason=measure.reason, detail=measure.detail)
    return _number(measure)


def _number(measure: Value) -> Number:
    return Number(
        estimate=_finite(measure.estimate),
        unit=measure.unit,
        low=_finite(measure.low),
        high=_finite(measure.high),
        n=measure.n,
        method=measure.method,
        interval=measure.interval,
        level=measure.level,
        note=measure.note,
        bound=None if measure.bound is None else _finite(measure.bound),
        grade=measure.grade,
    )


def _finite(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None


def _encodable(built: Any) -> Any:
    """The same tree with lone surrogates replaced: a name can hold them, JSON cannot."""
    if isinstance(built, str):
        return built.encode("utf-8", "replace").decode()
    if isinstance(built, dict):
        return {_encodable(key): _encodable(item) for key, item in built.items()}
    if isinstance(built, list | tuple):
        return [_encodable(item) for item in built]
    return built
