"""Ed25519 keys in PEM files: PKCS #8 for the private one, SubjectPublicKeyInfo for the public one.

A key is named by the digest that securesystemslib, in-toto and TUF name it by, so that they find it
in an envelope of ours.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey as PrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PublicKey as PublicKey,
)

from frugalbench.attest._json import canonical
from frugalbench.errors import StoreError, UsageError

__all__ = [
    "PrivateKey",
    "PublicKey",
    "generate",
    "keyid",
    "load_private",
    "load_public",
    "signature_holds",
]

MAX_PEM = 16 * 1024


def keyid(key: PublicKey) -> str:
    """The identifier of a key: SHA-256 of its canonical description, in hexadecimal digits."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    about = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}
    return hashlib.sha256(canonical(about)).hexdigest()


def signature_holds(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    """Whether a key signed these bytes."""
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def generate(file: Path, passphrase: str = "") -> tuple[Path, Path, str]:
    """Make a key pair: `file`.key, which only its owner can read, and `file`.pub.

    Returns:
        Both files, and the identifier of the key.

    Raises:
        UsageError: one of the files is there already; a key is never overwritten.
        StoreError: they cannot be written.
    """
    private, public = file.with_name(f"{file.name}.key"), file.with_name(f"{file.name}.pub")
    for one in (private, public):
        if os.path.lexists(one):
            raise UsageError(f"{one} is there already: a key is never overwritten; choose --out")
    key = PrivateKey.generate()
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase.encode())
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked)
    shown = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _create(private, secret, 0o600)
        _create(public, shown, 0o644)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise StoreError(f"the key {file} cannot be written: {cause}; choose --out") from None
    return private, public, keyid(key.public_key())


def _create(file: Path, content: bytes, mode: int) -> None:
    """Write a new file; one that appeared meanwhile, or a link, is left alone."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as target:
        target.write(content)


def load_private(file: Path, passphrase: Callable[[], str]) -> PrivateKey:
    """A private key from its PEM file; `passphrase` is asked only of a locked one.

    Raises:
        UsageError: there is no such file, it holds no Ed25519 key, or the passphrase is wrong.
    """
    raw = _pem(file, f"there is no key {file}: make one with frugalbench keygen")
    if b"PUBLIC KEY" in raw:
        raise UsageError(f"{file} is a public key: sign with the private one, made by keygen")
    try:
        try:
            key = serialization.load_pem_private_key(raw, None)
        except TypeError:  # locked
            key = serialization.load_pem_private_key(raw, passphrase().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(
            f"{file} does not open as a private key: check the file, and the passphrase"
        ) from None
    if not isinstance(key, PrivateKey):
        raise UsageError(f"{file} is no Ed25519 key: make one with frugalbench keygen")
    return key


def load_public(file: Path) -> PublicKey:
    """A public key from its PEM file.

    Raises:
        UsageError: there is no such file, or it holds no Ed25519 public key.
    """
    raw = _pem(file, f"there is no key file {file}: get the public key from the signer")
    if b"PRIVATE KEY" in raw:
        raise UsageError(f"{file} is a private key: verify with the public one, ending in .pub")
    try:
        key = serialization.load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{file} is no public key in PEM: ask the signer for theirs") from None
    if not isinstance(key, PublicKey):
        raise UsageError(f"{file} is no Ed25519 key: ask the signer for theirs")
    return key


def _pem(file: Path, lacking: str) -> bytes:
    try:
        if not file.is_file():
            raise UsageError(lacking)
        with file.open("rb") as source:
            raw = source.read(MAX_PEM + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UsageError(f"key {file} cannot be read: {cause}") from None
    if len(raw) > MAX_PEM:
        raise UsageError(f"{file} is over 16 KiB: it is no key")
    return raw
