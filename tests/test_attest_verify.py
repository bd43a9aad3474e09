"""What verifying refuses, and the step it names; what it does not believe."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from _certified import POLICY, Certified, certified, refused, resign, say
from _onnx import linear

from frugalbench import attest, settings
from frugalbench.attest import _desk
from frugalbench.attest._dsse import Envelope, bundle, read_bundle
from frugalbench.errors import UsageError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("verified"))


def test_it_holds_and_passes_in_both_languages(made: Certified) -> None:
    english, french = made.verify(), made.verify(lang="fr")
    assert english.exit_code == french.exit_code == 0
    assert english.stdout.startswith("verified: PASS by the policy small 1")
    assert "no certification of a product" in english.stdout
    assert french.stdout.startswith("vérifié : RÉUSSI selon la politique small 1")
    assert not english.stderr


def test_a_fail_and_too_little_evidence_have_their_exit_codes(tmp_path: Path) -> None:
    strict = POLICY | {"rules": [{**POLICY["rules"][1], "at_least": 0.99}]}
    failed = certified(tmp_path / "a", policy=strict)
    result = failed.verify()
    assert result.exit_code == 1
    assert result.stdout.startswith("verified: FAIL")
    near = POLICY | {"rules": [{**POLICY["rules"][1], "at_least": 0.9}]}
    result = certified(tmp_path / "b", policy=near).verify()
    assert result.exit_code == 3
    assert result.stdout.startswith("verified: INCONCLUSIVE")


def test_without_a_key_nothing_is_verified(made: Certified) -> None:
    words = made.words()
    at = words.index("--key")
    line = refused(say(*words[:at], *words[at + 2 :]), code=2)
    assert "--key" in line


def test_a_wrong_key_is_refused(made: Certified) -> None:
    refused(made.verify(key=made.folder / "other.pub"), "signature")


def test_more_keys_can_be_asked_for_than_signed(made: Certified) -> None:
    both = (*made.words(threshold=2), "--key", str(made.folder / "other.pub"))
    refused(say(*both), "signature")
    for threshold in (0, -1, 2):
        assert "--threshold" in refused(made.verify(threshold=threshold), code=2)


def test_one_key_given_twice_is_one_key(made: Certified) -> None:
    twice = (*made.words(threshold=2), "--key", str(made.folder / "lab.pub"))
    assert "--threshold" in refused(say(*twice), code=2)


def test_another_model_of_the_same_name_is_refused(made: Certified, tmp_path: Path) -> None:
    other = linear(tmp_path / "model.onnx", weight=((9.0, 1.0), (1.0, 1.0), (0.0, 0.0)))
    assert other.name == made.model.name
    refused(made.verify(model=other), "subject digest")


def test_a_certificate_replayed_for_another_model_is_refused(
    made: Certified, tmp_path: Path
) -> None:
    other = certified(tmp_path)
    changed = linear(tmp_path / "model.onnx", weight=((2.0, 1.0), (1.0, 1.0), (0.0, 0.0)))
    refused(other.verify(model=changed), "subject digest")
    # The same file under another name is the same model.
    copy = tmp_path / "renamed.bin"
    shutil.copy(made.model, copy)
    assert made.verify(model=copy).exit_code == 0


def test_a_swapped_policy_is_refused(made: Certified, tmp_path: Path) -> None:
    for policy in ("drift", "frugal-and-trustworthy"):
        refused(made.verify(policy=policy), "policy")
    lenient = tmp_path / "policy.yaml"
    lenient.write_text(made.policy.read_text().replace("0.55", "0.54"))
    refused(made.verify(policy=lenient), "policy")
    lenient.write_text("name: [")
    refused(made.verify(policy=lenient), "policy")
    refused(made.verify(policy="no-such-policy"), code=2)


def test_a_policy_of_one_s_own_is_not_trusted_unasked(made: Certified) -> None:
    words = made.words()
    at = words.index("--policy")
    refused(say(*words[:at], *words[at + 2 :]), "policy")


def test_it_expires_and_does_not_hold_before_it_was_made(made: Certified) -> None:
    later = datetime.now(UTC) + timedelta(days=366)
    assert "expired" in refused(made.verify(at=f"{later:%Y-%m-%d}"), "expiry")
    refused(made.verify(at="2001-01-01"), "expiry")
    assert made.verify(at=f"{later - timedelta(days=2):%Y-%m-%d}").exit_code == 0
    for wrong in ("tomorrow", "2026-13-01", "99999-01-01", ""):
        refused(made.verify(at=wrong), code=2)


def test_signing_an_old_record_makes_it_no_younger(tmp_path: Path) -> None:
    short = POLICY | {"validity_days": 1}
    made = certified(tmp_path, policy=short)
    key = attest.load_private(tmp_path / "lab.key", lambda: "")
    request = _desk.Request(policy=settings.load_policy(str(made.policy)))
    later = datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(UsageError, match="measure again"):
        _desk.certify(made.record, key, request, tmp_path / "late.jsonl", later)


def test_a_revoked_certificate_is_refused(tmp_path: Path) -> None:
    made = certified(tmp_path / "a")
    other = certified(tmp_path / "b")
    listed = tmp_path / "list.json"
    key = str(made.folder / "lab.key")
    words = ("--key", key, "--reason", "labels were wrong", "--list", str(listed))
    assert say("revoke", str(made.bundle), *words).exit_code == 0
    assert "labels were wrong" in refused(made.verify(revocations=listed), "revocation")
    assert "already" in refused(say("revoke", str(made.bundle), *words), code=2)
    # Another key neither extends the list nor revokes what it did not sign.
    stranger = ("--key", str(other.folder / "lab.key"), *words[2:])
    refused(say("revoke", str(made.bundle), *stranger), code=2)
    refused(say("revoke", str(other.bundle), *stranger), code=2)
    # A list by a key the verifier does not trust says nothing.
    refused(other.verify(revocations=listed), "revocation")
    refused(made.verify(revocations=tmp_path / "absent"), code=2)


def test_a_list_grows_and_keeps_what_is_on_it(tmp_path: Path) -> None:
    made = certified(tmp_path)
    second = tmp_path / "second.jsonl"
    words = ("--key", str(tmp_path / "lab.key"))
    policy = ("--policy", str(made.policy), "--out", str(second))
    assert (
        say("sign", str(made.record), *words, *policy, "--supersedes", str(made.bundle)).exit_code
        == 0
    )
    listed = tmp_path / "list.json"
    more = ("--reason", "r", "--list", str(listed))
    assert "serial  1 " in say("revoke", str(made.bundle), *words, *more).stdout
    result = made.verify(bundle=second, revocations=listed)
    assert result.exit_code == 0
    assert "serial number 1" in result.stdout
    assert "serial  2 with 2" in say("revoke", str(second), *words, *more).stdout
    refused(made.verify(revocations=listed), "revocation")
    refused(made.verify(bundle=second, revocations=listed), "revocation")


def test_a_damaged_list_is_refused(tmp_path: Path) -> None:
    made = certified(tmp_path)
    listed = tmp_path / "list.json"
    for content in (b"", b"{}", b"[" * 9999, made.bundle.read_bytes().splitlines()[0]):
        listed.write_bytes(content)
        refused(made.verify(revocations=listed), "revocation")


def _claim(statement: dict[str, Any], rule: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in statement["predicate"]["claims"] if one["rule"] == rule
    )
    return found


def _pass_without_evidence(said: dict[str, Any]) -> None:
    claim = _claim(said, "right")
    claim["interval"]["lower"] = "0.5"


def _other_bound(said: dict[str, Any]) -> None:
    _claim(said, "right")["threshold"] = "0.1"


def _other_unit(said: dict[str, Any]) -> None:
    _claim(said, "speed")["unit"] = "ms"


def _other_metric(said: dict[str, Any]) -> None:
    claim = _claim(said, "right")
    claim["metric"] = claim["address"] = "quality.balanced_accuracy"


def _other_address(said: dict[str, Any]) -> None:
    _claim(said, "right")["address"] = "latency.p90"


def _advisory(said: dict[str, Any]) -> None:
    _claim(said, "right")["required"] = False


def _no_claim(said: dict[str, Any]) -> None:
    claims = said["predicate"]["claims"]
    claims.remove(_claim(said, "right"))


def _no_claims(said: dict[str, Any]) -> None:
    said["predicate"]["claims"] = []


def _twice(said: dict[str, Any]) -> None:
    said["predicate"]["claims"].append(_claim(said, "right"))


def _of_no_rule(said: dict[str, Any]) -> None:
    said["predicate"]["claims"].append(_claim(said, "right") | {"rule": "mine", "id": "mine"})


def _verdict(said: dict[str, Any]) -> None:
    said["predicate"]["verdict"] = "INCONCLUSIVE"


def _estimate_outside(said: dict[str, Any]) -> None:
    _claim(said, "right")["estimate"] = "0.1"


def _nan(said: dict[str, Any]) -> None:
    _claim(said, "right")["estimate"] = "NaN"


def _huge(said: dict[str, Any]) -> None:
    _claim(said, "right")["interval"]["upper"] = "1e999"


def _pretend(said: dict[str, Any]) -> None:
    _claim(said, "right")["method"] = "pretend"


def _hidden_pass(said: dict[str, Any]) -> None:
    claim = _claim(said, "right")
    for key in ("estimate", "interval", "n", "method"):
        claim.pop(key)
    claim["suppressed"] = True


def _hidden_speed(said: dict[str, Any]) -> None:
    claim = _claim(said, "speed")
    for key in ("estimate", "interval", "n", "method", "bound"):
        claim.pop(key, None)
    claim |= {"suppressed": True, "verdict": "INCONCLUSIVE"}


def _hidden_and_shown(said: dict[str, Any]) -> None:
    _claim(said, "right")["suppressed"] = True


def _small_cell(said: dict[str, Any]) -> None:
    _claim(said, "alike")["n"] = 7


def _absent_pass(said: dict[str, Any]) -> None:
    claim = _claim(said, "right")
    for key in ("estimate", "interval", "n", "method"):
        claim.pop(key)
    claim["absent"] = {"reason": "no_data"}


def _invalid_run(said: dict[str, Any]) -> None:
    said["predicate"]["flaws"] = [{"code": "too_short", "detail": "it was too short"}]


UNFOUNDED = (
    *(_pass_without_evidence, _other_bound, _other_unit, _other_metric, _other_address, _advisory),
    *(_no_claim, _no_claims, _twice, _of_no_rule, _verdict, _estimate_outside, _nan, _huge),
    *(_pretend, _hidden_pass, _hidden_speed, _hidden_and_shown, _small_cell, _absent_pass),
    _invalid_run,
)


@pytest.mark.parametrize("edit", UNFOUNDED, ids=lambda one: one.__name__)
def test_a_validly_signed_verdict_that_does_not_follow_is_refused(
    made: Certified, edit: Any
) -> None:
    refused(made.verify(bundle=resign(made, edit)), "re-judgement")


def _same(said: dict[str, Any]) -> None:
    """Nothing is changed."""


def test_signed_again_unchanged_it_holds(made: Certified) -> None:
    assert made.verify(bundle=resign(made, _same)).exit_code == 0
    assert made.verify(bundle=resign(made, _same, alone=False)).exit_code == 0


def _longer(said: dict[str, Any]) -> None:
    said["predicate"]["expiresAt"] = "2999-01-01T00:00:00Z"


def _no_time(said: dict[str, Any]) -> None:
    said["predicate"]["evaluatedAt"] = "once"


def _swapped_content(said: dict[str, Any]) -> None:
    said["predicate"]["policy"]["content"]["rules"][1]["at_least"] = 0.1


def _bad_content(said: dict[str, Any]) -> None:
    said["predicate"]["policy"]["content"]["rules"][1]["metric"] = "no.such"


def _other_subject(said: dict[str, Any]) -> None:
    said["subject"][0]["digest"]["sha256"] = "0" * 64


def _other_type(said: dict[str, Any]) -> None:
    said["predicateType"] = "https://in-toto.io/attestation/svr/v0.2"


def _old_statement(said: dict[str, Any]) -> None:
    said["_type"] = "https://in-toto.io/Statement/v0.1"


def _no_predicate(said: dict[str, Any]) -> None:
    del said["predicate"]["verdict"]


def _no_digest(said: dict[str, Any]) -> None:
    said["predicate"]["model"]["digest"] = {}


def _bad_digest(said: dict[str, Any]) -> None:
    said["predicate"]["model"]["digest"]["sha256"] = "A" * 64


@pytest.mark.parametrize(
    ("edit", "step"),
    [
        (_longer, "expiry"),
        (_no_time, "expiry"),
        (_swapped_content, "policy"),
        (_bad_content, "policy"),
        (_other_subject, "subject digest"),
        (_other_type, "statement type"),
        (_old_statement, "statement type"),
        (_no_predicate, "statement type"),
        (_bad_digest, "statement type"),
        (_no_digest, "statement type"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_validly_signed_certificate_that_lies_about_the_rest_is_refused(
    made: Certified, edit: Any, step: str
) -> None:
    refused(made.verify(bundle=resign(made, edit)), step)


def test_a_verdict_that_was_changed_beside_the_statements_that_follow_is_refused(
    made: Certified,
) -> None:
    def worse(said: dict[str, Any]) -> None:
        claim = _claim(said, "card")
        claim["absent"] = {"reason": "another_reason"}
        said["predicate"]["issuedAt"] = said["predicate"]["evaluatedAt"]

    refused(made.verify(bundle=resign(made, worse, alone=False)), "re-judgement")


def test_another_payload_type_is_refused(made: Certified, tmp_path: Path) -> None:
    key = attest.load_private(made.folder / "lab.key", lambda: "")
    first = read_bundle(made.bundle.read_bytes())[0]
    file = tmp_path / "b.jsonl"
    file.write_bytes(bundle([Envelope("application/json", first.payload).signed(key)]))
    refused(made.verify(bundle=file), "payload type")


def test_two_certificates_in_one_bundle_are_refused(made: Certified, tmp_path: Path) -> None:
    file = tmp_path / "b.jsonl"
    line = made.bundle.read_bytes().splitlines(keepends=True)[0]
    file.write_bytes(line * 2)
    refused(made.verify(bundle=file), "statement type")


def test_a_certificate_without_the_statements_beside_it_says_as_much(
    made: Certified, tmp_path: Path
) -> None:
    file = tmp_path / "b.jsonl"
    file.write_bytes(made.bundle.read_bytes().splitlines(keepends=True)[0])
    result = made.verify(bundle=file)
    assert result.exit_code == 0
    assert "statements that follow from it" in result.stdout
    assert "statements that follow from it" not in made.verify().stdout


def test_a_statement_of_a_kind_that_nobody_checks_is_refused(
    made: Certified, tmp_path: Path
) -> None:
    import json

    key = attest.load_private(made.folder / "lab.key", lambda: "")
    other = made.statements()[0] | {"predicateType": "https://example.com/x", "predicate": {}}
    envelope = Envelope("application/vnd.in-toto+json", json.dumps(other).encode())
    file = tmp_path / "b.jsonl"
    file.write_bytes(made.bundle.read_bytes() + bundle([envelope.signed(key)]))
    refused(made.verify(bundle=file), "statement type")
    # One that is there twice is as little looked for.
    lines = made.bundle.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines, lines[1]]))
    refused(made.verify(bundle=file), "statement type")
    file.write_bytes(made.bundle.read_bytes() + bundle([envelope]).replace(b"[]", b"[{}]"))
    refused(made.verify(bundle=file), "bundle")


def test_the_evidence_is_checked_where_it_is_at_hand(made: Certified, tmp_path: Path) -> None:
    assert made.verify(record=made.record).exit_code == 0
    for name in ("record.json", "arrays.npz"):
        copy = tmp_path / name / "record"
        shutil.copytree(made.record, copy)
        raw = bytearray((copy / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (copy / name).write_bytes(raw)
        refused(made.verify(record=copy), "evidence")
    refused(made.verify(record=tmp_path / "nowhere"), code=2)


def test_a_third_party_signs_after_verifying_and_both_can_be_asked_for(tmp_path: Path) -> None:
    made = certified(tmp_path)
    out = tmp_path / "both.jsonl"
    words = ("sign", str(made.bundle), "--key", str(tmp_path / "other.key"), "--out", str(out))
    refused(say(*words), code=2)
    trusted = ("--signer", str(tmp_path / "lab.pub"), "--policy", str(made.policy))
    stranger = linear(tmp_path / "x.onnx", weight=((2.0, 1.0), (1.0, 1.0), (0.0, 0.0)))
    refused(say(*words, *trusted, "--model", str(stranger)), "subject digest")
    assert not out.exists()
    result = say(*words, *trusted, "--model", str(made.model))
    assert result.exit_code == 0, result.output
    both = ("--key", str(tmp_path / "other.pub"))
    assert say(*made.words(bundle=out, threshold=2), *both).exit_code == 0
    assert made.verify(bundle=out).exit_code == 0
    assert made.verify(bundle=out, key=tmp_path / "other.pub").exit_code == 0
    # A co-signature leaves the certificate what it was, so a revocation reaches it.
    listed = tmp_path / "list.json"
    more = ("--key", str(tmp_path / "lab.key"), "--reason", "r", "--list", str(listed))
    assert say("revoke", str(made.bundle), *more).exit_code == 0
    refused(made.verify(bundle=out, revocations=listed), "revocation")
