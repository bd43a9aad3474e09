"""What a certificate says: the types of its predicate, and numbers as text.

JSON names are lowerCamelCase and unknown ones are ignored, as in-toto asks of every reader. A
number is a decimal string that gives the very same float back, so that a verdict can be recomputed
from what is disclosed; infinities are `INF` and `-INF`.
"""

import math
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from frugalbench.certify import Outcome, Rule
from frugalbench.spec import OutputKind
from frugalbench.values import Grade, Measure, Method, Missing, Value

__all__ = [
    "EVALUATION",
    "Absent",
    "Claim",
    "Data",
    "Digested",
    "Evaluation",
    "Flawed",
    "Harness",
    "Interval",
    "Measured",
    "PolicyShown",
    "PreRegistration",
    "Reading",
    "Reference",
    "Target",
    "comparator",
    "measure",
    "number",
    "parsed",
]

EVALUATION = "urn:frugalbench:evaluation:v1"
"""The type of the predicate: a name, not an address."""

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Digest = Annotated[dict[Literal["sha256"], Sha256], Meta(min_length=1)]
Text = Annotated[str, Meta(max_length=20_000)]
NUMBER = re.compile(r"-?(?:INF|[0-9]{1,400}(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,3})?)", re.ASCII)


def number(x: float) -> str:
    """A float as the shortest decimal text that gives it back.

    Raises:
        ValueError: it is not a number (NaN).

    >>> number(0.1), number(float("inf"))
    ('0.1', 'INF')
    """
    x = float(x)
    if math.isnan(x):
        raise ValueError("NaN is no number to certify")
    return repr(x) if math.isfinite(x) else ("INF" if x > 0 else "-INF")


def parsed(text: str) -> float:
    """The float that `number` wrote.

    Raises:
        ValueError: it is no number as `number` writes them, or too large for one.
    """
    if not NUMBER.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is no decimal number")
    found = float(text)
    if math.isinf(found) and "INF" not in text:
        raise ValueError(f"'{text[:40]}' is too large")
    return found


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of every part of a predicate: what is at its default is left out."""


class Digested(Part, frozen=True, kw_only=True):
    """Something named, known by its digest."""

    name: Text
    digest: Digest


class Interval(Part, frozen=True, kw_only=True):
    """The interval of an estimate: `method` names its construction."""

    level: Text
    method: Text
    lower: Text
    upper: Text


class Absent(Part, frozen=True, kw_only=True):
    """Why a claim has no number: a code, and a sentence."""

    reason: Text
    detail: Text = ""


class Claim(Part, frozen=True, kw_only=True):
    """One rule on one measure, with all that its verdict follows from.

    It has an estimate with its interval; or it is `absent`; or it is `suppressed`, as it rests on
    fewer people than the policy lets be shown. `bound` is a one-sided bound that a measure has of
    itself.
    """

    id: Text
    rule: Text
    metric: Text
    address: Text
    comparator: Literal["<=", ">="]
    threshold: Text
    unit: Text
    required: bool
    verdict: Outcome
    explanation: Text
    estimate: Text | None = None
    interval: Interval | None = None
    n: Annotated[int, Meta(ge=0)] | None = None
    method: Method | None = None
    grade: Grade = ""
    note: Text = ""
    bound: Text | None = None
    absent: Absent | None = None
    suppressed: bool = False
    speaks_to: tuple[Text, ...] = ()


class Measured(Part, frozen=True, kw_only=True):
    """The model as measured: `files` are its parts, the model file first, where they were seen.

    A model of several files is known by `root` too: SHA-256 over the raw digests of the files, in
    the order of their names, which is the root digest of model_signing v1.0.
    """

    name: Text
    digest: Digest
    bytes: int
    files: tuple[Digested, ...] = ()
    root: Sha256 | None = None
    converted_from: Sha256 | None = None


class Reading(Part, frozen=True, kw_only=True):
    """How the model's outputs were read: the same file, read otherwise, answers otherwise.

    `threshold` turns a probability of the `positive` class into a decision.
    """

    threshold: Text
    output: Text | None = None
    output_kind: OutputKind | None = None
    positive: Text | None = None
    functional_unit: Text = ""
    units_per_inference: Text = "1.0"


class Data(Part, frozen=True, kw_only=True):
    """The rows it was asked about, by digest; their number only where it is not too small."""

    name: Text
    digest: Digest
    rows_sha256: Text
    n: int | None = None
    attributes: tuple[Text, ...] = ()
    cluster: Text | None = None
    clusters: int | None = None


class Target(Part, frozen=True, kw_only=True):
    """Where it ran, and what read the energy.

    A `rehearsal` ran on this device, held back on purpose, and is no measurement of a board.
    """

    device: Text
    machine: Text
    os: Text
    runtime: Text
    provider: Text
    precision: Text
    threads: int
    scenario: Text
    batch: int
    meters: tuple[Text, ...] = ()
    virtualised: Text | None = None
    rehearsal: bool = False


class PolicyShown(Part, frozen=True, kw_only=True):
    """The whole policy, and its digest."""

    name: Text
    version: Text
    digest: Digest
    content: dict[str, Any]


class PreRegistration(Part, frozen=True, kw_only=True):
    """Whether policy and data were fixed before the run. `counts` only where that was shown."""

    counts: bool
    sentence: Text
    committed_at: Text | None = None
    digest: Sha256 | None = None


class Harness(Part, frozen=True, kw_only=True):
    """What measured, and what judged."""

    name: Text
    version: Text
    judged_with: Text


class Reference(Part, frozen=True, kw_only=True):
    """The earlier record that rules on drift compare with."""

    record: Text
    model: Sha256


class Flawed(Part, frozen=True, kw_only=True):
    """What makes the run INVALID."""

    code: Text
    detail: Text


class Verifier(Part, frozen=True, kw_only=True):
    """What evaluated, as an in-toto verifier."""

    id: Text


class Evaluation(Part, frozen=True, kw_only=True):
    """The predicate: one model, on one target, one data set, under one policy."""

    verifier: Verifier
    record: Text
    evaluated_at: Text
    issued_at: Text
    expires_at: Text
    assurance_level: Literal["self_attested"]
    verdict: Outcome
    model: Measured
    reading: Reading
    policy: PolicyShown
    pre_registration: PreRegistration
    harness: Harness
    target: Target
    claims: tuple[Claim, ...]
    non_claims: tuple[Text, ...]
    data: Data | None = None
    reference: Reference | None = None
    flaws: tuple[Flawed, ...] = ()
    groups_coded: bool = False
    evidence: tuple[Digested, ...] = ()
    declarations: dict[str, Any] | None = None
    frugality: dict[str, Any] | None = None
    supersedes: tuple[Annotated[dict[Literal["digest"], Digest], Meta(min_length=1)], ...] = ()


def comparator(rule: Rule) -> tuple[Literal["<=", ">="], str]:
    """How a rule compares, and with what."""
    if rule.at_most is not None:
        return "<=", number(rule.at_most)
    assert rule.at_least is not None, "a checked rule has one bound"
    return ">=", number(rule.at_least)


def measure(claim: Claim) -> Measure | None:
    """The measure that a claim discloses; None where it is suppressed.

    Raises:
        ValueError: its numbers are none, do not hold together, or are there twice over.
    """
    parts = (claim.estimate, claim.interval, claim.n, claim.method)
    if claim.suppressed or claim.absent is not None:
        if any(part is not None for part in parts) or (claim.suppressed and claim.absent):
            raise ValueError("it discloses numbers that it says are not there")
        found = claim.absent
        return None if found is None else Missing(reason=found.reason, detail=found.detail)
    estimate, interval, n, method = parts
    if estimate is None or interval is None or n is None or method is None:
        raise ValueError("it discloses no estimate with its interval, n and method")
    return Value(
        estimate=parsed(estimate),
        unit=claim.unit,
        low=parsed(interval.lower),
        high=parsed(interval.upper),
        n=n,
        method=method,
        interval=interval.method,
        level=parsed(interval.level),
        note=claim.note,
        bound=None if claim.bound is None else parsed(claim.bound),
        grade=claim.grade,
    )
