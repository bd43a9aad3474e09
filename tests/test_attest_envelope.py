"""Envelopes and keys: what other tools make of ours, and what is refused of theirs."""

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from _certified import Certified, certified, refused, say
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError as TheirError
from securesystemslib.signer import SSlibKey

from frugalbench import attest
from frugalbench.attest import _dsse, _json
from frugalbench.attest._dsse import IN_TOTO, Envelope
from frugalbench.errors import UsageError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("enveloped"))


def _theirs(line: str) -> TheirEnvelope:
    return TheirEnvelope.from_dict(json.loads(line))


def test_securesystemslib_verifies_every_statement_and_names_the_key_alike(
    made: Certified,
) -> None:
    key = attest.load_public(made.folder / "lab.pub")
    theirs = SSlibKey.from_crypto(key)
    assert theirs.keyid == attest.keyid(key)
    lines = made.bundle.read_text().splitlines()
    assert len(lines) == 3
    for line in lines:
        assert list(_theirs(line).verify([theirs], 1)) == [theirs.keyid]


def test_securesystemslib_refuses_another_key_and_other_bytes(made: Certified) -> None:
    line = made.bundle.read_text().splitlines()[0]
    other = SSlibKey.from_crypto(attest.load_public(made.folder / "other.pub"))
    with pytest.raises(TheirError):
        _theirs(line).verify([other], 1)


def test_we_verify_what_securesystemslib_signs(made: Certified) -> None:
    from securesystemslib.signer import CryptoSigner

    theirs = CryptoSigner.generate_ed25519()
    envelope = TheirEnvelope(b'{"a":1}', IN_TOTO, {})
    envelope.sign(theirs)
    read = _dsse.read(json.dumps(envelope.to_dict()).encode())
    public = attest.load_private(made.folder / "lab.key", lambda: "").public_key()
    keys = {theirs.public_key.keyid: _crypto(theirs.public_key)}
    assert _dsse.signers(read, keys) == {theirs.public_key.keyid}
    assert _dsse.signers(read, {attest.keyid(public): public}) == frozenset()


def _crypto(key: SSlibKey) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))


def test_both_alphabets_of_base64_are_read_and_not_a_mix(made: Certified) -> None:
    raw = json.loads(made.bundle.read_text().splitlines()[0])
    other = json.loads(json.dumps(raw).translate(str.maketrans("+/", "-_")))
    other["payloadType"] = raw["payloadType"]
    payload = _dsse.read(json.dumps(raw).encode()).payload
    assert _dsse.read(json.dumps(other).encode()).payload == payload
    both = Envelope("t", b"\xff\xff\xfe\xfb\xff\xbf")
    key = attest.load_private(made.folder / "lab.key", lambda: "")
    text = json.loads(both.signed(key).encode())
    assert "/" in text["payload"]
    assert "+" in text["payload"]
    text["payload"] = text["payload"].replace("/", "_")
    with pytest.raises(ValueError, match="alphabets"):
        _dsse.read_bundle(json.dumps(text).encode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":{"b":1,"b":1}}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1e999}', "too large"),
        (b'{"a":1} {"b":2}', "not JSON"),
        (b'{"a":1}x', "not JSON"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":"\\ud800"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 100_000, "deeply|not JSON"),
        (b"1" * 10_000, "digits|large|JSON"),
        (b"", "not JSON"),
    ],
)
def test_json_that_can_be_read_two_ways_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        _json.parse(text)


def test_a_bundle_of_100_megabytes_is_refused_at_once(made: Certified, tmp_path: Path) -> None:
    huge = tmp_path / "huge.intoto.jsonl"
    with huge.open("wb") as file:
        file.truncate(100 * 1024**2)
    assert "16 MiB" in refused(made.verify(bundle=huge), "bundle")


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b"[]", b"null", b"\x00", b"{}\n" * 100])
def test_what_is_no_bundle_is_refused(made: Certified, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "b.jsonl"
    file.write_bytes(content)
    refused(made.verify(bundle=file), "bundle")


def test_a_bundle_that_is_no_file_is_a_usage_error_and_does_not_hang(
    made: Certified, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "absent", Path("/dev/zero")):
        refused(made.verify(bundle=path), code=2)
        refused(made.verify(model=path), code=2)
        refused(made.verify(key=path), code=2)


def test_the_private_key_is_its_owner_s_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    private, public, _ = attest.generate(tmp_path / "k")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = private.read_bytes()
    assert "already" in refused(say("keygen", "--out", str(tmp_path / "k")), code=2)
    private.unlink()
    assert "already" in refused(say("keygen", "--out", str(tmp_path / "k")), code=2)
    assert public.exists()
    assert before not in public.read_bytes()


def test_a_link_where_the_key_would_go_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "k.key").symlink_to(target)
    refused(say("keygen", "--out", str(tmp_path / "k")), code=2)
    assert not target.exists()


def test_a_locked_key_opens_with_its_passphrase_only(
    made: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRUGALBENCH_PASSPHRASE", "correct horse")
    assert say("keygen", "--out", str(tmp_path / "k")).exit_code == 0
    key = tmp_path / "k.key"
    assert b"ENCRYPTED" in key.read_bytes()
    words = ("sign", str(made.record), "--key", str(key), "--policy", str(made.policy), "--out")
    assert say(*words, str(tmp_path / "a.jsonl")).exit_code == 0
    monkeypatch.setenv("FRUGALBENCH_PASSPHRASE", "wrong")
    assert "passphrase" in refused(say(*words, str(tmp_path / "b.jsonl")), code=2)
    monkeypatch.delenv("FRUGALBENCH_PASSPHRASE")
    line = refused(say(*words, str(tmp_path / "b.jsonl")), code=2)
    assert "FRUGALBENCH_PASSPHRASE" in line


def test_what_is_no_ed25519_key_is_refused(made: Certified, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = tmp_path / "ec.key"
    private.write_bytes(curve.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    public = tmp_path / "ec.pub"
    public.write_bytes(
        curve.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(UsageError, match="Ed25519"):
        attest.load_private(private, lambda: "")
    with pytest.raises(UsageError, match="Ed25519"):
        attest.load_public(public)
    with pytest.raises(UsageError, match="private key: verify"):
        attest.load_public(made.folder / "lab.key")
    with pytest.raises(UsageError, match="public key: sign"):
        attest.load_private(made.folder / "lab.pub", lambda: "")
    public.write_bytes(b"-" * 100_000)
    with pytest.raises(UsageError, match="16 KiB"):
        attest.load_public(public)
    public.write_bytes(base64.b64encode(b"no key"))
    with pytest.raises(UsageError, match="PEM"):
        attest.load_public(public)
