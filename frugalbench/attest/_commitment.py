"""Policy and data fixed before the run: a dated digest of both, linked by the certificate.

The time is that of the clock it was made with. Whoever is to believe it must have got the file, or
its digest, before the run.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from frugalbench.attest._files import digested
from frugalbench.attest._json import parse, read_bounded
from frugalbench.attest._predicate import Digested, Part, PreRegistration
from frugalbench.attest._times import moment, text
from frugalbench.certify import Policy, digest
from frugalbench.errors import UsageError
from frugalbench.record import Record

__all__ = ["NONE", "Commitment", "commit", "link", "load_commitment"]

COMMITMENT: Literal["urn:frugalbench:commitment:v1"] = "urn:frugalbench:commitment:v1"
NONE = PreRegistration(
    counts=False, sentence="there was none: nothing shows that the policy was fixed before the run"
)


class Commitment(Part, frozen=True, kw_only=True):
    """What was fixed, and when."""

    type: Literal["urn:frugalbench:commitment:v1"] = msgspec.field(name="_type")
    committed_at: str
    policy: Digested
    data: tuple[Digested, ...]


def commit(policy: Policy, data: Sequence[Path], at: datetime) -> bytes:
    """A commitment as JSON.

    Raises:
        UsageError: a data file is not there.
    """
    made = Commitment(
        type=COMMITMENT,
        committed_at=text(at),
        policy=Digested(name=policy.name, digest={"sha256": digest(policy)}),
        data=tuple(one for file in data for one in digested(file.parent, file.name)),
    )
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def load_commitment(file: Path) -> tuple[Commitment, str]:
    """A commitment, and the SHA-256 of its file.

    Raises:
        UsageError: the file holds no commitment.
    """
    try:
        raw = read_bounded(file, "commitment")
        found = msgspec.convert(parse(raw), Commitment)
        moment(found.committed_at)
    except (ValueError, msgspec.ValidationError):
        raise UsageError(f"{file} is no commitment: make one with frugalbench commit") from None
    return found, hashlib.sha256(raw).hexdigest()


def link(commitment: Commitment, sha256: str, record: Record, policy: Policy) -> PreRegistration:
    """What a certificate says of a commitment: that it counts, or why it does not."""
    why = _why_not(commitment, record, policy)
    return PreRegistration(
        counts=not why,
        sentence=why or "policy and data were fixed before the run, by the signer's own clock",
        committed_at=commitment.committed_at,
        digest=sha256,
    )


def _why_not(commitment: Commitment, record: Record, policy: Policy) -> str:
    try:
        run = moment(record.created)
    except ValueError:
        raise UsageError("the record does not say when it was made: measure again") from None
    if moment(commitment.committed_at) >= run:
        return "it does not count: it was made after the run"
    if commitment.policy.digest["sha256"] != digest(policy):
        return "it does not count: it is about another policy"
    held = {one.digest["sha256"] for one in commitment.data}
    if record.data is not None and record.data.sha256 not in held:
        return "it does not count: it is about other data"
    return ""
