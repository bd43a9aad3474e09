"""Check a certificate offline: who signed it, of which file, by which policy, and whether it holds.

The verdict is not believed but decided again, by the judge that decides every other one, from the
numbers that the certificate discloses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from frugalbench.attest import _dsse
from frugalbench.attest._claims import counts_people
from frugalbench.attest._dsse import IN_TOTO, Envelope
from frugalbench.attest._files import check_subject
from frugalbench.attest._issue import overall_of
from frugalbench.attest._json import parse, read_bounded
from frugalbench.attest._keys import PublicKey
from frugalbench.attest._possible import impossible, impossible_claim
from frugalbench.attest._predicate import EVALUATION, Claim, Evaluation, comparator, measure
from frugalbench.attest._revocation import certificate_id, check_revoked, record_digest
from frugalbench.attest._statement import STATEMENT, Statement, derived, subject_of
from frugalbench.attest._steps import Step, VerificationError
from frugalbench.attest._times import LEEWAY, moment, text
from frugalbench.certify import Outcome, Policy, Rule, check, digest
from frugalbench.certify._decide import decide
from frugalbench.errors import UsageError
from frugalbench.metrics.validity import Flaw

__all__ = ["Trust", "Verified", "named_record", "own_statement", "read_certificate", "verify"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What the verifier trusts.

    `keys` by identifier, of which `threshold` must have signed; `policies` by SHA-256, with a name
    to call them; `revocations` is a list signed by one of the keys.
    """

    keys: Mapping[str, PublicKey]
    policies: Mapping[str, str]
    at: datetime
    threshold: int = 1
    revocations: Path | None = None


@dataclass(frozen=True)
class Verified:
    """A certificate that holds, with the verdict that was decided again from its numbers.

    `serial` is that of the revocation list, None where none was looked at. `alone` says that it
    came without one of the statements that follow from it.
    """

    certificate: str
    evaluation: Evaluation
    policy: Policy
    verdict: Outcome
    signers: tuple[str, ...]
    serial: int | None
    alone: bool = False


def read_certificate(bundle: Path) -> tuple[Envelope, ...]:
    """The envelopes of a bundle, of which nothing is trusted yet.

    Raises:
        UsageError: there is no such file.
        VerificationError: it is no bundle.
    """
    try:
        return _dsse.read_bundle(read_bounded(bundle, "certificate"))
    except ValueError as error:
        raise VerificationError("bundle", f"{bundle.name} is no certificate: {error}") from None


def named_record(envelopes: Sequence[Envelope]) -> str | None:
    """The digest of the record that a certificate names, of which nothing is trusted yet.

    Raises:
        VerificationError: it has no statement of its own, or more than one.
    """
    return record_digest(_statements(envelopes)[1])


def own_statement(envelopes: Sequence[Envelope]) -> Envelope:
    """The envelope of the certificate's own statement, of which nothing is trusted yet.

    Raises:
        VerificationError: there is none, or more than one.
    """
    return _statements(envelopes)[0]


def verify(bundle: Path, model: Path, trust: Trust) -> Verified:
    """Check a certificate against the model file in hand, in the order of `Step`.

    Raises:
        UsageError: no key is trusted, the threshold asks for more keys than there are, or there is
            no such file.
        VerificationError: the certificate does not hold; the message names the step.
    """
    if not trust.keys:
        raise UsageError(
            "a signature by a key nobody vouches for proves nothing: give the signer's public key "
            "with --key"
        )
    if not 1 <= trust.threshold <= len(trust.keys):
        raise UsageError(
            f"--threshold {trust.threshold} cannot be met by {len(trust.keys)} key(s): give more"
        )
    envelopes = read_certificate(bundle)
    signed_by = _signed_by(envelopes, trust)
    if any(one.payload_type != IN_TOTO for one in envelopes):
        raise VerificationError("payload type", f"it is not {IN_TOTO}")
    own, evaluation, others = _statements(envelopes)
    check_subject(evaluation.model, model)
    policy = _policy(evaluation, trust)
    _check_expiry(evaluation, policy, trust.at)
    certificate = certificate_id(own.payload)
    listed = check_revoked(certificate, evaluation, trust.revocations, trust.keys)
    verdict = _judged_again(evaluation, policy)
    if any(other not in derived(evaluation) for other in others):
        raise VerificationError(
            "re-judgement", "a statement beside it says other things than it does"
        )
    return Verified(
        certificate=certificate,
        evaluation=evaluation,
        policy=policy,
        verdict=verdict,
        signers=tuple(sorted(signed_by)),
        serial=listed.serial if listed else None,
        alone=len(others) < len(derived(evaluation)),
    )


def _signed_by(envelopes: Sequence[Envelope], trust: Trust) -> frozenset[str]:
    """The trusted keys that signed every statement."""
    try:
        each = [_dsse.signers(one, trust.keys) for one in envelopes]
    except ValueError as error:
        raise VerificationError("signature", str(error)) from None
    common = frozenset(trust.keys).intersection(*each)
    if len(common) < trust.threshold:
        raise VerificationError(
            "signature",
            f"{len(common)} of the keys that were given signed all of it, "
            f"and {trust.threshold} must have",
        )
    return common


def _statements(
    envelopes: Sequence[Envelope],
) -> tuple[Envelope, Evaluation, tuple[Statement, ...]]:
    """The certificate's own statement, what it says, and those beside it, of kinds we know."""
    step: Step = "statement type"
    seen = [_decoded(one.payload, Statement, step) for one in envelopes]
    if any(one.type != STATEMENT for one in seen):
        raise VerificationError(step, "it is no in-toto Statement of version 1")
    own = [place for place, one in enumerate(seen) if one.predicate_type == EVALUATION]
    if len(own) != 1:
        raise VerificationError(
            step, f"it holds {len(own)} evaluations by frugalbench, and one is needed"
        )
    evaluation = _converted(seen[own[0]].predicate, Evaluation, step)
    subject = subject_of(evaluation.model)
    if any(one.subject != subject for one in seen):
        raise VerificationError("subject digest", "its statements are about different files")
    others = tuple(one for one in seen if one.predicate_type != EVALUATION)
    kinds = [one.predicate_type for one in others]
    if not set(kinds) <= {one.predicate_type for one in derived(evaluation)}:
        raise VerificationError(step, "a statement beside it is of a kind that nobody here checks")
    if len(set(kinds)) != len(kinds):
        raise VerificationError(step, "it holds two statements of one kind")
    return envelopes[own[0]], evaluation, others


def _decoded(payload: bytes, kind: type[T], step: Step) -> T:
    try:
        return _converted(parse(payload), kind, step)
    except ValueError as error:
        raise VerificationError(step, str(error)) from None


def _converted(raw: Any, kind: type[T], step: Step) -> T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise VerificationError(step, f"{error}") from None


def _policy(evaluation: Evaluation, trust: Trust) -> Policy:
    """The policy that is in the certificate, which must be one the verifier trusts."""
    shown = evaluation.policy
    try:
        policy = check(msgspec.convert(shown.content, Policy))
    except (msgspec.ValidationError, UsageError) as error:
        raise VerificationError(
            "policy", f"the policy in it cannot be judged by: {error}"
        ) from None
    sha256 = digest(policy)
    named = (policy.name, policy.version, sha256)
    if named != (shown.name, shown.version, shown.digest["sha256"]):
        raise VerificationError("policy", "the policy in it is not the one it names")
    if sha256 not in trust.policies:
        wanted = " or ".join(sorted(trust.policies.values())) or "any"
        raise VerificationError(
            "policy",
            "give the policy file with --policy: it was judged by "
            f"'{policy.name}' {policy.version} ({sha256[:16]}), not by {wanted}",
        )
    return policy


def _check_expiry(evaluation: Evaluation, policy: Policy, at: datetime) -> None:
    try:
        begun, ends = moment(evaluation.evaluated_at), moment(evaluation.expires_at)
        issued = moment(evaluation.issued_at)
        allowed = begun + timedelta(days=policy.validity_days)
    except (ValueError, OverflowError):
        raise VerificationError("expiry", "it does not say from when to when it holds") from None
    if ends > allowed:
        raise VerificationError(
            "expiry", f"it gives itself longer than {policy.validity_days} days"
        )
    if begun - issued > LEEWAY or issued >= ends:
        raise VerificationError(
            "expiry", "it was not issued after it was evaluated and before its end"
        )
    if begun - at > LEEWAY:
        raise VerificationError("expiry", f"it is of {text(begun)}, which is after {text(at)}")
    if at >= ends:
        raise VerificationError("expiry", f"it expired at {text(ends)}: ask for a new measurement")


def _judged_again(evaluation: Evaluation, policy: Policy) -> Outcome:
    """The verdict that follows from the disclosed numbers, which must be the one it states."""
    rules = {rule.id: rule for rule in policy.rules}
    for claim in evaluation.claims:
        if claim.rule not in rules:
            raise VerificationError(
                "re-judgement", f"claim '{claim.id}' is of a rule the policy has not"
            )
        why = _contradiction(claim, rules[claim.rule], evaluation, policy)
        if why:
            raise VerificationError("re-judgement", f"claim '{claim.id}': {why}")
    absent = rules.keys() - {claim.rule for claim in evaluation.claims}
    if absent:
        raise VerificationError("re-judgement", f"it says nothing of the rule '{min(absent)}'")
    if len({(one.rule, one.address) for one in evaluation.claims}) != len(evaluation.claims):
        raise VerificationError("re-judgement", "it claims one thing twice")
    if why := impossible(evaluation, policy):
        raise VerificationError("re-judgement", why)
    verdict = overall_of(policy, evaluation.claims)
    if verdict != evaluation.verdict:
        raise VerificationError(
            "re-judgement", f"it says {evaluation.verdict}, and its claims come to {verdict}"
        )
    return verdict


def _contradiction(claim: Claim, rule: Rule, said: Evaluation, policy: Policy) -> str:
    """In what a claim is not the rule's, or does not follow from its numbers; or nothing."""
    bound = (claim.comparator, claim.threshold)
    stated = (claim.metric, claim.unit, bound, claim.required, claim.speaks_to)
    if stated != (rule.metric, rule.unit, comparator(rule), rule.required, rule.speaks_to):
        return "its metric, unit, bound or weight are not those of the rule"
    scope = claim.address.removeprefix(rule.metric)
    if scope == claim.address or claim.id != rule.id + scope or (scope and scope[0] != "["):
        return f"its address is not one of {rule.metric}"
    try:
        found, why = measure(claim), impossible_claim(claim, said)
    except ValueError as error:
        return str(error)
    if why:
        return why
    if found is None:
        if not counts_people(rule.metric):
            return "it hides a number that counts no people"
        return "a number that is not shown cannot pass" if claim.verdict == "PASS" else ""
    if counts_people(rule.metric) and (claim.n or 0) < policy.min_cell and claim.n is not None:
        return f"it shows a number that rests on fewer than {policy.min_cell} people"
    flaws = [Flaw(one.code, one.detail) for one in said.flaws]
    outcome = decide(rule, policy, found, flaws).outcome
    if outcome != claim.verdict:
        return f"it says {claim.verdict}, and its numbers come to {outcome}"
    return ""
