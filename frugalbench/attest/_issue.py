"""Make a certificate of a record: judge it, write down what follows, sign it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

import frugalbench
from frugalbench.attest._claims import claims, plain
from frugalbench.attest._commitment import NONE
from frugalbench.attest._dsse import IN_TOTO, Envelope
from frugalbench.attest._json import canonical
from frugalbench.attest._keys import PrivateKey
from frugalbench.attest._predicate import (
    Claim,
    Data,
    Digested,
    Evaluation,
    Flawed,
    Harness,
    Measured,
    PolicyShown,
    PreRegistration,
    Reading,
    Reference,
    Target,
    Verifier,
    number,
)
from frugalbench.attest._statement import derived, statement
from frugalbench.attest._times import LEEWAY, moment, text
from frugalbench.certify import Outcome, Policy, Verdict, judge
from frugalbench.certify._decide import overall
from frugalbench.declarations import Declarations
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.frugality import classify
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.values import Missing

__all__ = ["NON_CLAIMS", "VERIFIER", "Beside", "evaluation", "issue", "overall_of"]

VERIFIER = "urn:frugalbench:harness:{version}"
NON_CLAIMS = (
    "this is evidence about one version of a model on one target, one data set, under one policy",
    "it is no conformity assessment and no certification of a product, in the sense of any law",
    "it does not vouch for the data, nor for whether they are like the people the model will meet",
    "it does not vouch for the machine, the meters or the software that measured",
    "other hardware, other software versions and other data may give other numbers",
    "bounds are those of the policy; they are conventions, not laws of nature",
    "what is declared was not measured",
)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a certificate says beside the verdict, all of it optional.

    `supersedes` are the identifiers of certificates that this one replaces.
    """

    evidence: tuple[Digested, ...] = ()
    declarations: Declarations | None = None
    pre_registration: PreRegistration = NONE
    supersedes: tuple[str, ...] = ()
    groups_coded: bool = False


def issue(evaluated: Evaluation, key: PrivateKey) -> tuple[Envelope, ...]:
    """The signed statements of an evaluation, its own first."""
    return tuple(
        Envelope(IN_TOTO, canonical(msgspec.to_builtins(one))).signed(key)
        for one in (statement(evaluated), *derived(evaluated))
    )


def evaluation(
    record: Record,
    policy: Policy,
    model: Measured,
    at: datetime,
    *,
    reference: Record | None = None,
    beside: Beside | None = None,
    verdict: Verdict | None = None,
) -> Evaluation:
    """What a certificate says of a record.

    Args:
        record: what was observed.
        policy: what it is judged by.
        model: the model's files.
        at: now.
        reference: the earlier record that rules on drift compare with.
        beside: what else it says.
        verdict: what the record is judged as, where it was judged already by these.

    Raises:
        MeasurementError: nothing was measured.
        UsageError: the policy does not hold up, or the record is too old for it.
    """
    beside = beside or Beside()
    if record.failure is not None or record.run is None:
        why = record.failure.detail if record.failure else "the record holds no run"
        raise MeasurementError(f"there is nothing to certify: {why}; measure again")
    verdict = verdict or judge(record, policy, reference)
    flaws = validity.flaws(record)
    made = claims(record, verdict.findings, policy, flaws)
    begun, ends = _valid(record, policy, at)
    return Evaluation(
        verifier=Verifier(id=VERIFIER.format(version=frugalbench.__version__)),
        record=plain(record.id),
        evaluated_at=text(begun),
        issued_at=text(at),
        expires_at=text(ends),
        assurance_level="self_attested",
        verdict=overall_of(policy, made),
        model=model,
        reading=_reading(record),
        policy=_policy(policy, verdict),
        pre_registration=beside.pre_registration,
        harness=Harness(
            name="frugalbench",
            version=plain(record.version),
            judged_with=frugalbench.__version__,
        ),
        target=_target(record),
        claims=made,
        non_claims=NON_CLAIMS,
        data=_data(record, policy.min_cell),
        reference=None
        if reference is None
        else Reference(record=plain(reference.id), model=reference.model.sha256),
        flaws=tuple(Flawed(code=one.code, detail=plain(one.detail)) for one in flaws),
        groups_coded=beside.groups_coded,
        evidence=beside.evidence,
        declarations=None
        if beside.declarations is None
        else _written(msgspec.to_builtins(beside.declarations)),
        frugality=_frugality(record, verdict),
        supersedes=tuple({"digest": {"sha256": one}} for one in beside.supersedes),
    )


def overall_of(policy: Policy, made: Sequence[Claim]) -> Outcome:
    """The worst outcome of the required claims."""
    rules = {rule.id: rule for rule in policy.rules}
    return overall((rules[one.rule], one.verdict) for one in made)


def _valid(record: Record, policy: Policy, at: datetime) -> tuple[datetime, datetime]:
    """From when to when: signing an old record again makes it no younger."""
    try:
        begun = moment(record.created)
        ends = begun + timedelta(days=policy.validity_days)
    except (ValueError, OverflowError):
        raise UsageError("the record does not say when it was made: measure again") from None
    if begun > at + LEEWAY:
        raise UsageError(f"the record is of {text(begun)}, which is not yet: check both clocks")
    if ends <= at:
        raise UsageError(
            f"the record is of {text(begun)} and the policy lets it count for "
            f"{policy.validity_days} days: measure again"
        )
    return begun, ends


def _policy(policy: Policy, verdict: Verdict) -> PolicyShown:
    return PolicyShown(
        name=policy.name,
        version=policy.version,
        digest={"sha256": verdict.policy_sha256},
        content=msgspec.to_builtins(policy),
    )


def _reading(record: Record) -> Reading:
    asked, answer, data = record.spec.model, record.model.answer, record.data
    positive = None if data is None or data.positive is None else data.classes[data.positive]
    return Reading(
        threshold=number(asked.threshold),
        output=plain(answer.output) if answer else asked.output and plain(asked.output),
        output_kind=answer.kind if answer else asked.output_kind,
        positive=None if positive is None else plain(str(positive)),
        functional_unit=plain(asked.functional_unit),
        units_per_inference=number(asked.units_per_inference),
    )


def _target(record: Record) -> Target:
    host, run, spec = record.host, record.run, record.spec
    assert run is not None, "a record without a run is refused"
    meters = {f"{w.meter} {w.domain} ({w.method})" for w in run.windows if w.joules is not None}
    return Target(
        device=plain(host.cpu),
        machine=plain(host.machine),
        os=plain(host.system),
        runtime=plain(_runtime(run.runner, host.packages)),
        provider=plain(run.provider),
        precision=spec.model.precision,
        threads=spec.target.threads,
        scenario=spec.plan.scenario,
        batch=run.batch,
        meters=tuple(sorted(map(plain, meters))),
        virtualised=None if host.virtualised is None else plain(host.virtualised),
        rehearsal=spec.target.rehearsal,
    )


def _runtime(runner: str, packages: Mapping[str, str]) -> str:
    """The package that ran the model, with its version: onnxruntime, onnxruntime-gpu and such."""
    package = {"ort": "onnxruntime", "pytorch": "torch"}.get(runner, runner)
    known = (one for one in sorted(packages) if one == package or one.startswith(f"{package}-"))
    name = next(known, package)
    return f"{name} {packages.get(name, '')}".strip()


def _data(record: Record, min_cell: int) -> Data | None:
    data = record.data
    if data is None:
        return None
    # Rows of one person are one person.
    people = data.clusters if data.cluster is not None else data.rows
    shown = people >= min_cell
    return Data(
        name=plain(data.name),
        digest={"sha256": data.sha256},
        rows_sha256=data.rows_sha256,
        n=data.rows if shown else None,
        attributes=tuple(map(plain, data.groups)),
        cluster=None if data.cluster is None else plain(data.cluster),
        clusters=data.clusters if data.cluster is not None and shown else None,
    )


def _frugality(record: Record, verdict: Verdict) -> dict[str, Any]:
    """The frugality class with its scale, or why there is none."""
    found = classify(record, verdict)
    if isinstance(found, Missing):
        return {"absent": {"reason": found.reason, "detail": plain(found.detail)}}
    about: dict[str, Any] = _written(msgspec.to_builtins(found))
    return {"class": found.label} | about


def _written(value: Any) -> Any:
    """The same tree as a predicate has it: floats as decimal text, names in lowerCamelCase."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_camel(str(key)): _written(one) for key, one in value.items()}
    return [_written(one) for one in value] if isinstance(value, list | tuple) else value


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(map(str.capitalize, others))
