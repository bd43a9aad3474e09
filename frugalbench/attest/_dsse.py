"""Signed envelopes: DSSE 1.0.2 (https://github.com/secure-systems-lab/dsse).

What is signed is the pre-authentication encoding of the payload's type and bytes; the payload is
parsed only after its signature holds, from the very bytes that were signed. A bundle is JSON Lines,
an envelope each.

Two things are asked that DSSE leaves open, so that changing any byte of a bundle shows: every
signature names its key, and base64 is written in one way throughout.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from frugalbench.attest._json import canonical, parse
from frugalbench.attest._keys import PrivateKey, PublicKey, keyid, signature_holds

__all__ = ["IN_TOTO", "Envelope", "Signature", "bundle", "pae", "read", "read_bundle", "signers"]

IN_TOTO = "application/vnd.in-toto+json"
MOST_ENVELOPES, MOST_SIGNATURES = 64, 64


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature, and the identifier of the key that is said to have made it."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its type, and who signed both. `alphabets` are the base64 alphabets it was in."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()
    alphabets: frozenset[str] = frozenset()

    def signed(self, key: PrivateKey) -> "Envelope":
        """The envelope with one more signature; a second one by the same key replaces the first."""
        made = Signature(keyid(key.public_key()), key.sign(pae(self.payload_type, self.payload)))
        others = tuple(one for one in self.signatures if one.keyid != made.keyid)
        return replace(self, signatures=(*others, made))

    def encode(self) -> bytes:
        """The envelope as one line of JSON, without its end."""
        signatures = [
            {"keyid": one.keyid, "sig": base64.b64encode(one.sig).decode()}
            for one in self.signatures
        ]
        return canonical(
            {
                "payload": base64.b64encode(self.payload).decode(),
                "payloadType": self.payload_type,
                "signatures": signatures,
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read(line: bytes) -> Envelope:
    """An envelope from one line of JSON; nothing of it is trusted yet.

    Raises:
        ValueError: it is no envelope, in one sentence.
    """
    if line != line.strip():
        raise ValueError("there is white space around an envelope")
    raw = parse(line)
    signatures = raw.get("signatures") if isinstance(raw, dict) else None
    if not isinstance(signatures, list) or not 0 < len(signatures) <= MOST_SIGNATURES:
        raise ValueError("an envelope holds no list of signatures")
    seen: set[str] = set()
    kind = _text(raw, "payloadType")
    payload = _bytes(_text(raw, "payload"), seen)
    made = [Signature(_text(one, "keyid"), _bytes(_text(one, "sig"), seen)) for one in signatures]
    if len({one.keyid for one in made}) != len(made):
        raise ValueError("an envelope is signed twice by one key")
    return Envelope(kind, payload, tuple(made), frozenset(seen))


def _text(raw: Any, key: str) -> str:
    found = raw.get(key) if isinstance(raw, dict) else None
    if not isinstance(found, str):
        raise ValueError(f"an envelope has no '{key}'")
    return found


def _bytes(text: str, seen: set[str]) -> bytes:
    """What base64 stands for, in the standard or the URL-safe alphabet, and in one spelling."""
    seen |= {"standard"} if set(text) & set("+/") else set()
    seen |= {"url-safe"} if set(text) & set("-_") else set()
    try:
        found = base64.b64decode(text.translate(URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("an envelope holds something that is not base64") from None
    # The last digit has bits that stand for nothing.
    if base64.b64encode(found).decode() != text.translate(URL_SAFE):
        raise ValueError("an envelope holds base64 with spare bits")
    return found


URL_SAFE = str.maketrans("-_", "+/")


def bundle(envelopes: Iterable[Envelope]) -> bytes:
    """Envelopes as JSON Lines."""
    return b"".join(one.encode() + b"\n" for one in envelopes)


def read_bundle(raw: bytes) -> tuple[Envelope, ...]:
    """The envelopes of a bundle.

    Raises:
        ValueError: it is no bundle, in one sentence.
    """
    lines = raw.removesuffix(b"\n").split(b"\n")
    try:
        first = read(lines[0])
    except ValueError as error:
        raise ValueError(
            f"its first line is no signed envelope ({error}); give the .intoto.jsonl file that "
            "frugalbench sign wrote"
        ) from None
    if len(lines) > MOST_ENVELOPES:
        raise ValueError(f"it holds more than {MOST_ENVELOPES} lines")
    found = (first, *map(read, lines[1:]))
    if len(frozenset[str]().union(*(one.alphabets for one in found))) > 1:
        raise ValueError("it mixes two alphabets of base64")
    return found


def signers(envelope: Envelope, keys: Mapping[str, PublicKey]) -> frozenset[str]:
    """The identifiers of the keys, of those given, that signed an envelope.

    Raises:
        ValueError: a signature is said to be by one of the keys, and is not.
    """
    signed = pae(envelope.payload_type, envelope.payload)
    ours = [one for one in envelope.signatures if one.keyid in keys]
    for one in ours:
        if not signature_holds(keys[one.keyid], one.sig, signed):
            raise ValueError(f"the signature by key {one.keyid[:16]} is not of these bytes")
    return frozenset(one.keyid for one in ours)
