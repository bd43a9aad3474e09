"""The frugality class, A to G: energy per inference against a reference model on the same machine.

A joule on one machine is no joule on another, so the class rests on a ratio: the model's energy
over that of a simple model that answered the same rows, on the same target, under the same plan.
It is absolute: it ranks nobody, and another model's class changes nothing. The bounds are a
versioned file in `configs/scale/`, and a convention: docs/frugality-class.md.
"""

import hashlib
from bisect import bisect_left
from functools import cache
from itertools import pairwise
from typing import Literal

import msgspec

from frugalbench.certify import Finding, Verdict
from frugalbench.errors import UsageError
from frugalbench.metrics import validity
from frugalbench.metrics._against import ends_of, energies
from frugalbench.metrics._ratios import ratio, worse_grade
from frugalbench.metrics._windows import choose
from frugalbench.record import Record
from frugalbench.spec import AMD_PROVIDERS, NVIDIA_PROVIDERS
from frugalbench.strict import config_folder, convert, read_yaml
from frugalbench.values import MEASURED, Missing, Value

__all__ = [
    "LETTERS",
    "Family",
    "FrugalityClass",
    "Kind",
    "Letter",
    "Scale",
    "classify",
    "digest",
    "scale",
]

Family = Literal["tabular", "image", "audio", "text"]
Kind = Literal["cpu", "gpu", "board"]
Letter = Literal["A", "B", "C", "D", "E", "F", "G"]
LETTERS: tuple[Letter, ...] = ("A", "B", "C", "D", "E", "F", "G")
DECLARED: dict[str, Family] = {
    "tabular": "tabular",
    "images": "image",
    "audio": "audio",
    "text": "text",
}
"""The family that disturbances made for it (`probes=…`) say a model is of."""
BOARD_METERS = ("jetson", "pi5")
ENERGY = "energy.per_inference"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a scale's parts: frozen, keyword-only, no unknown field."""


class Step(Part, frozen=True, kw_only=True):
    """Of one task family: its reference model, and each class's largest ratio by target kind."""

    family: Family
    reference: str
    at_most: dict[Kind, dict[Letter, float]]


class Scale(Part, frozen=True, kw_only=True):
    """A versioned scale."""

    name: str
    version: str
    families: tuple[Step, ...]


class FrugalityClass(Part, frozen=True, kw_only=True):
    """A class, or the range of classes the interval of the ratio reaches into.

    `ratio` is the model's energy over that of `reference`, without unit; `at_most` gives the
    largest ratio of each class, so that the scale is read with the class. `modelled` says that the
    energy was not measured, which the policy accepts.
    """

    best: Letter
    worst: Letter
    ratio: Value
    family: Family
    kind: Kind
    reference: str
    at_most: dict[Letter, float]
    scale: str
    scale_version: str
    scale_sha256: str
    modelled: bool

    @property
    def label(self) -> str:
        """One letter, or a range such as `B–C`."""
        return self.best if self.best == self.worst else f"{self.best}–{self.worst}"


@cache
def scale() -> Scale:
    """The scale that ships.

    Raises:
        UsageError: its file is no scale: a bound is missing, or does not exceed the one before.
    """
    read = read_yaml(config_folder() / "scale" / "frugality.yaml", "scale", "")
    return _checked(convert(read, Scale, "scale"))


def _checked(read: Scale) -> Scale:
    for step in read.families:
        for kind, bounds in step.at_most.items():
            where = f"scale '{read.name}', {step.family} on {kind}"
            if tuple(bounds) != LETTERS[:-1]:
                raise UsageError(f"{where}: give a bound for each of A to F, in order")
            rising = all(low < high for low, high in pairwise([0.0, *bounds.values()]))
            if not rising or bounds["F"] == float("inf"):
                raise UsageError(f"{where}: each bound must be finite and above the one before")
    return read


def digest(of: Scale) -> str:
    """SHA-256 of a scale's canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(of, order="sorted")).hexdigest()


def classify(record: Record, verdict: Verdict) -> FrugalityClass | Missing:
    """The frugality class of a model, or why it has none.

    There is a class only for a valid run whose policy requires some quality, which passes: what
    does not do its job is not frugal. Energy is measured, or modelled and judged all the same by a
    rule on `energy.per_inference`, which only a policy that accepts a model does. The interval of
    the ratio is recovered from those of the two energies (MOVER); the class is one letter when all
    of it lies in one class, else a range.

    Args:
        record: what was observed.
        verdict: its judgement, by `certify.judge`.

    Raises:
        UsageError: the verdict is about another record.
    """
    if verdict.record != record.id:
        raise UsageError(
            f"the verdict is about record {verdict.record}, not {record.id}: judge this record"
        )
    if (why := _barred(record, verdict)) is not None:
        return why
    family = _family(record)
    step = next((one for one in scale().families if one.family == family), None)
    kind = _kind(record)
    if family is None or step is None or kind not in step.at_most:
        return Missing(
            reason="no_scale",
            detail=f"the scale has no reference model for this family ({family or 'unknown'}) yet",
        )
    found = _ratio(record, step)
    if isinstance(found, Missing):
        return found
    name, value = found
    modelled = value.method == "modelled" and _accepted(verdict)
    if value.method not in MEASURED and not modelled:
        return Missing(
            reason="energy_not_measured",
            detail=f"the energy is {value.method}, and the policy has no rule on {ENERGY} that "
            "accepts that; frugalbench doctor says what can measure it",
        )
    bounds = list(step.at_most[kind].values())
    best, worst = (LETTERS[bisect_left(bounds, end)] for end in (value.low, value.high))
    return FrugalityClass(
        best=best,
        worst=worst,
        ratio=value,
        family=family,
        kind=kind,
        reference=name,
        at_most=step.at_most[kind],
        scale=scale().name,
        scale_version=scale().version,
        scale_sha256=digest(scale()),
        modelled=modelled,
    )


def _barred(record: Record, verdict: Verdict) -> Missing | None:
    """Why there is no class whatever the energy: no valid run, or no quality that was shown."""
    if record.run is None:
        detail = record.failure.detail if record.failure else "the record holds no run"
        return Missing(reason="no_run", detail=f"nothing was measured: {detail}")
    for flaw in validity.flaws(record):
        return Missing(reason="invalid_run", detail=f"the run is INVALID: {flaw.detail}")
    gates = [one for one in verdict.findings if _is_gate(one)]
    if not gates:
        return Missing(
            reason="no_quality_rule",
            detail="the policy requires no quality, and what does no job is not frugal: judge it "
            "by one with a required rule on quality",
        )
    for one in gates:
        if one.outcome != "PASS":
            return Missing(
                reason="quality_not_shown",
                detail=f"{one.address} is {one.outcome}, and what does not do its job is not "
                f"frugal: {one.explanation}",
            )
    return None


def _is_gate(finding: Finding) -> bool:
    return finding.rule.required and finding.rule.metric.startswith("quality.")


def _accepted(verdict: Verdict) -> bool:
    """Whether the policy took a modelled energy for evidence: a rule on it came to an outcome."""
    return any(
        one.rule.metric == ENERGY
        and isinstance(one.measure, Value)
        and one.measure.method == "modelled"
        and one.outcome != "NOT_EVALUATED"
        for one in verdict.findings
    )


def _family(record: Record) -> Family | None:
    """What is asked of the model: as its disturbances say, else as its inputs do.

    A matrix of named columns is a table; an input of four axes is an image. Sound and text look
    like tables from outside, and are known by `probes=audio` and `probes=text` alone.
    """
    if record.spec.probes.name in DECLARED:
        return DECLARED[record.spec.probes.name]
    ranks = {len(port.shape) for port in record.model.inputs if port.shape is not None}
    if ranks == {4}:
        return "image"
    columns = record.data.features if record.data else ()
    return "tabular" if ranks and max(ranks) <= 2 and len(columns) > 1 else None


def _kind(record: Record) -> Kind:
    assert record.run is not None, "a record without a run has no class"
    boards = any(
        one.method == "board_rail" or one.meter in BOARD_METERS for one in record.run.windows
    )
    if boards:
        return "board"
    on_gpu = record.run.provider.startswith((*NVIDIA_PROVIDERS, *AMD_PROVIDERS))
    return "gpu" if on_gpu else "cpu"


def _watched(record: Record | None) -> tuple[str, ...]:
    """How the energy of a record was got, and of which parts of the machine."""
    chosen = choose(record, None) if record is not None else None
    if chosen is None or isinstance(chosen, Missing):
        return ()
    return (chosen.method, *sorted(chosen.domains))


def _ratio(record: Record, step: Step) -> tuple[str, Value] | Missing:
    """The reference's name, and the model's energy over its; or why that is not known."""
    name = next((one.name for one in record.baselines if one.kind == step.reference), None)
    if name is None:
        return Missing(
            reason="no_reference_model",
            detail=f"the reference model was not measured beside it: add "
            f"baselines=[{step.reference}]",
        )
    both = energies(record, name)
    if isinstance(both, Missing):
        return both
    if _watched(record) != _watched(record.baseline(name)):
        return Missing(
            reason="other_meter",
            detail=f"the energy of {name} was got in another way than the model's, so that their "
            "ratio would compare two instruments: measure both again",
        )
    own, other = both
    single = [one for one in both if one.interval == "single_observation"]
    if other.low <= 0 or single:
        return Missing(
            reason="too_few_windows",
            detail="the energy of the two is not known well enough for a ratio: raise "
            "plan.process_seconds, or plan.processes",
        )
    estimate, low, high = ratio(ends_of(own), ends_of(other))
    return name, Value(
        estimate=estimate,
        unit="1",
        low=max(0.0, low),
        high=high,
        n=min(own.n, other.n),
        method=own.method,
        interval="mover_ratio",
        grade=worse_grade(own, other),
        note=f"{own.estimate:.3g} J against {other.estimate:.3g} J of {name}",
    )
