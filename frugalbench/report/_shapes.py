"""What a JSON report holds: the types its schema is made from.

A number that is not finite is null here, never `NaN` or `Infinity`, which JSON does not have. An
end of an interval that is null is an end nobody knows.
"""

from typing import Literal

import msgspec

from frugalbench.certify import Outcome
from frugalbench.frugality import Family, Kind, Letter
from frugalbench.metrics.necessity import Standing
from frugalbench.record import DataFacts, Failure, Host, ModelFacts, Run
from frugalbench.regress import Change
from frugalbench.spec import Spec
from frugalbench.values import Grade, Method

__all__ = [
    "FORMAT",
    "Against",
    "Apart",
    "Classed",
    "Facts",
    "Judged",
    "Judgement",
    "Measured",
    "Nothing",
    "Number",
    "Part",
    "Placed",
    "Report",
    "Said",
]

FORMAT: Literal[4] = 4
"""The format of the JSON report. 1: the first one. 2: records of format 2, bound, grade, flaws.
3: records of format 3. 4: regressions."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a JSON report."""


class Number(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="value",
    forbid_unknown_fields=True,
):
    """A `Value` whose ends may be null."""

    estimate: float | None
    unit: str
    low: float | None
    high: float | None
    n: int
    method: Method
    interval: str
    level: float
    note: str
    bound: float | None
    grade: Grade


class Nothing(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="missing",
    forbid_unknown_fields=True,
):
    """A `Missing`: the code of the reason, and the sentence."""

    reason: str
    detail: str


class Judged(Part, frozen=True):
    """One rule's finding."""

    rule: str
    metric: str
    address: str
    unit: str
    at_most: float | None
    at_least: float | None
    required: bool
    outcome: Outcome
    explanation: str
    needed: int | None
    why: str
    measure: Number | Nothing


class Judgement(Part, frozen=True):
    """A verdict; `exit_code` is what the command line returned for it."""

    record: str
    policy: str
    policy_version: str
    policy_sha256: str
    overall: Outcome
    exit_code: int
    findings: tuple[Judged, ...]
    reference: str


class Measured(Part, frozen=True):
    """One metric in one scope."""

    address: str
    title: str
    unit: str
    lower_is_better: bool | None
    measure: Number | Nothing


class Said(Part, frozen=True):
    """Why a run is INVALID: a code and a sentence."""

    code: str
    detail: str


class Facts(Part, frozen=True):
    """The record without its per-call and per-row observations, of which `arrays` gives the shape.

    Paths in `spec` are reduced to file names: where a file lay is not evidence.
    """

    format: int
    id: str
    created: str
    version: str
    spec: Spec
    host: Host
    model: ModelFacts
    data: DataFacts | None
    run: Run | None
    failure: Failure | None
    notes: tuple[str, ...]
    arrays: dict[str, tuple[int, ...]]


class Placed(Part, frozen=True):
    """The model, or a baseline, by quality and energy; `by` names the one that dominates it."""

    name: str
    own: bool
    quality: Number | Nothing
    lower_is_better: bool
    energy: Number | Nothing
    size: int
    standing: Standing
    by: str


class Classed(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="class",
    forbid_unknown_fields=True,
):
    """A frugality class: one letter, or a range such as `B–C`, by a scale whose bounds are here.

    `ratio` is the energy per inference over that of the `reference` model; `at_most` is the
    largest ratio of each class but G.
    """

    label: str
    best: Letter
    worst: Letter
    ratio: Number
    family: Family
    kind: Kind
    reference: str
    at_most: dict[Letter, float]
    scale: str
    scale_version: str
    scale_sha256: str
    modelled: bool


class Apart(Part, frozen=True):
    """Two groups known to be further apart than a rule accepts, after Holm's correction.

    `difference` is the first minus the second; each end of its interval errs one time in twenty.
    """

    metric: str
    attribute: str
    bound: float
    rate: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float


class Against(Part, frozen=True):
    """A comparison with an earlier record, as a gate makes it; `exit_code` is its own."""

    baseline: str
    exit_code: int
    changes: tuple[Change, ...]


class Report(Part, frozen=True):
    """Everything one report holds; `verdict` is null where no policy was applied.

    `pairs` are the pairs of groups that the rules on disparities found outside their bounds;
    `regressions` is null where there was no earlier record to hold it against.
    """

    format: Literal[4]
    record: Facts
    invalid: tuple[Said, ...]
    disturbed: tuple[str, ...]
    verdict: Judgement | None
    metrics: tuple[Measured, ...]
    frontier: tuple[Placed, ...]
    frugality: Classed | Nothing | None
    pairs: tuple[Apart, ...]
    regressions: Against | None
