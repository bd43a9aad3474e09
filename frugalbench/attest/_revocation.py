"""Certificates that no longer hold: a signed list, whose serial number only grows.

An entry names a certificate by the SHA-256 of its statement, which a co-signature does not change.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from frugalbench import store
from frugalbench.attest import _dsse
from frugalbench.attest._claims import plain
from frugalbench.attest._dsse import Envelope
from frugalbench.attest._json import canonical, parse, read_bounded
from frugalbench.attest._keys import PrivateKey, PublicKey, keyid
from frugalbench.attest._predicate import Evaluation, Part, Sha256
from frugalbench.attest._steps import VerificationError
from frugalbench.attest._times import text
from frugalbench.errors import UsageError

__all__ = [
    "PAYLOAD_TYPE",
    "Entry",
    "Revocations",
    "certificate_id",
    "read_list",
    "record_digest",
    "revoked",
]

PAYLOAD_TYPE = "application/vnd.frugalbench.revocations+json"
LIST: Literal["urn:frugalbench:revocations:v1"] = "urn:frugalbench:revocations:v1"


class Entry(Part, frozen=True, kw_only=True):
    """One certificate that no longer holds; with `record`, nor does any other of that record.

    `record` is the SHA-256 of the file of the record, as the certificate's evidence names it.
    """

    certificate: Sha256
    reason: str
    revoked_at: str
    record: Sha256 | None = None


class Revocations(Part, frozen=True, kw_only=True):
    """A list; of two, the one with the higher serial number is the newer."""

    type: Literal["urn:frugalbench:revocations:v1"] = msgspec.field(name="_type")
    serial: Annotated[int, Meta(ge=1)]
    issued_at: str
    entries: tuple[Entry, ...]

    def find(self, certificate: str, record: str | None = None) -> Entry | None:
        """The entry of a certificate, or of every one of its record, or None."""
        return next(
            (
                one
                for one in self.entries
                if one.certificate == certificate
                or (one.record is not None and one.record == record)
            ),
            None,
        )


def record_digest(evaluation: Evaluation) -> str | None:
    """The SHA-256 of the file of the record that a certificate was made from, where it says so."""
    named = (one.digest["sha256"] for one in evaluation.evidence if one.name == store.RECORD)
    return next(named, None)


def certificate_id(payload: bytes) -> str:
    """What a certificate is known by: the SHA-256 of its statement's bytes."""
    return hashlib.sha256(payload).hexdigest()


def read_list(file: Path, keys: Mapping[str, PublicKey]) -> Revocations:
    """A list that one of the keys signed.

    Raises:
        UsageError: there is no such file.
        ValueError: it is no list, or none that these keys signed, in one sentence.
    """
    raw = read_bounded(file, "revocation list")
    envelope = _dsse.read(raw.removesuffix(b"\n"))
    if not _dsse.signers(envelope, keys):
        raise ValueError(f"no key that was given signed the list {file.name}")
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"{file.name} is no revocation list")
    try:
        return msgspec.convert(parse(envelope.payload), Revocations)
    except msgspec.ValidationError as error:
        raise ValueError(f"{file.name} is no revocation list: {error}") from None


def check_revoked(
    certificate: str, said: Evaluation, file: Path | None, keys: Mapping[str, PublicKey]
) -> Revocations | None:
    """The list that a certificate is not on; None where no list is given.

    Raises:
        UsageError: there is no such file.
        VerificationError: it is no list of these keys, or the certificate is on it.
    """
    if file is None:
        return None
    try:
        listed = read_list(file, keys)
    except ValueError as error:
        raise VerificationError("revocation", str(error)) from None
    entry = listed.find(certificate, record_digest(said))
    if entry is not None:
        raise VerificationError(
            "revocation", f"it was revoked at {entry.revoked_at}: {entry.reason}"
        )
    return listed


def revoked(
    envelope: Envelope,
    reason: str,
    key: PrivateKey,
    before: Path | None,
    at: datetime,
    record: str | None = None,
) -> tuple[bytes, Revocations]:
    """A signed list with one more certificate on it.

    Args:
        envelope: that of the certificate's own statement.
        reason: why it no longer holds, in words.
        key: one that signed the certificate, and the list so far.
        before: the list so far, whose entries are kept; None begins one.
        at: now.
        record: the digest of its record, to revoke every certificate of that.

    Raises:
        UsageError: the key signed neither, the certificate is on the list, or no reason is given.
    """
    said = plain(reason)
    if not said.strip():
        raise UsageError("everybody reads why it no longer holds: say it with --reason")
    public = {keyid(key.public_key()): key.public_key()}
    try:
        if not _dsse.signers(envelope, public):
            raise ValueError("this key did not sign it")
        so_far = read_list(before, public) if before is not None else None
    except ValueError as error:
        raise UsageError(f"it cannot be revoked with this key: {error}") from None
    certificate = certificate_id(envelope.payload)
    entries = so_far.entries if so_far else ()
    listed = [one for one in entries if one.certificate == certificate]
    if any(record is None or one.record == record for one in listed):
        raise UsageError(f"certificate {certificate[:16]} is on the list already: nothing to do")
    made = Revocations(
        type=LIST,
        serial=so_far.serial + 1 if so_far else 1,
        issued_at=text(at),
        entries=(
            *entries,
            Entry(certificate=certificate, reason=said, revoked_at=text(at), record=record),
        ),
    )
    return Envelope(PAYLOAD_TYPE, canonical(made)).signed(key).encode() + b"\n", made
