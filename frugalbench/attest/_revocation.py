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

from frugalbench.attest import _dsse
from frugalbench.attest._claims import plain
from frugalbench.attest._dsse import Envelope
from frugalbench.attest._json import canonical, parse, read_bounded
from frugalbench.attest._keys import PrivateKey, PublicKey, keyid
from frugalbench.attest._predicate import Part, Sha256
from frugalbench.attest._times import text
from frugalbench.errors import UsageError

__all__ = ["PAYLOAD_TYPE", "Entry", "Revocations", "certificate_id", "read_list", "revoked"]

PAYLOAD_TYPE = "application/vnd.frugalbench.revocations+json"
LIST: Literal["urn:frugalbench:revocations:v1"] = "urn:frugalbench:revocations:v1"


class Entry(Part, frozen=True, kw_only=True):
    """One certificate that no longer holds."""

    certificate: Sha256
    reason: str
    revoked_at: str


class Revocations(Part, frozen=True, kw_only=True):
    """A list; of two, the one with the higher serial number is the newer."""

    type: Literal["urn:frugalbench:revocations:v1"] = msgspec.field(name="_type")
    serial: Annotated[int, Meta(ge=1)]
    issued_at: str
    entries: tuple[Entry, ...]

    def find(self, certificate: str) -> Entry | None:
        """The entry of a certificate, or None."""
        return next((one for one in self.entries if one.certificate == certificate), None)


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


def revoked(
    envelope: Envelope, reason: str, key: PrivateKey, before: Path | None, at: datetime
) -> tuple[bytes, Revocations]:
    """A signed list with one more certificate on it.

    Args:
        envelope: that of the certificate's own statement.
        reason: why it no longer holds, in words.
        key: one that signed the certificate, and the list so far.
        before: the list so far, whose entries are kept; None begins one.
        at: now.

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
    if so_far is not None and so_far.find(certificate) is not None:
        raise UsageError(f"certificate {certificate[:16]} is on the list already: nothing to do")
    made = Revocations(
        type=LIST,
        serial=so_far.serial + 1 if so_far else 1,
        issued_at=text(at),
        entries=(
            *entries,
            Entry(certificate=certificate, reason=said, revoked_at=text(at)),
        ),
    )
    return Envelope(PAYLOAD_TYPE, canonical(made)).signed(key).encode() + b"\n", made
