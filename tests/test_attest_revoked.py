"""Revoking one certificate of a record, or the record with all of them."""

from pathlib import Path

from _certified import Certified, certified, refused, resign, say


def _second(made: Certified) -> Path:
    """Another certificate of the same record by the same key."""
    out = made.folder / "second.jsonl"
    words = ("--key", str(made.folder / "lab.key"), "--policy", str(made.policy))
    more = ("--supersedes", str(made.bundle), "--out", str(out))
    assert say("sign", str(made.record), *words, *more).exit_code == 0
    return out


def _words(made: Certified, listed: Path) -> tuple[str, ...]:
    key = str(made.folder / "lab.key")
    return ("--key", key, "--reason", "labels were wrong", "--list", str(listed))


def test_one_certificate_alone_is_revoked_unless_told_otherwise(tmp_path: Path) -> None:
    made, listed = certified(tmp_path / "a"), tmp_path / "list.json"
    second = _second(made)
    assert say("revoke", str(made.bundle), *_words(made, listed)).exit_code == 0
    refused(made.verify(revocations=listed), "revocation")
    assert made.verify(bundle=second, revocations=listed).exit_code == 0


def test_with_its_record_every_certificate_of_it_is(tmp_path: Path) -> None:
    made, listed = certified(tmp_path / "a"), tmp_path / "list.json"
    second = _second(made)
    words = _words(made, listed)
    assert say("revoke", str(made.bundle), *words).exit_code == 0
    again = say("revoke", str(made.bundle), *words, "--whole-record")
    assert again.exit_code == 0, "one that is on the list can be widened to its record"
    assert "already" in refused(say("revoke", str(made.bundle), *words, "--whole-record"), code=2)
    for bundle in (made.bundle, second):
        line = refused(made.verify(bundle=bundle, revocations=listed), "revocation")
        assert "labels were wrong" in line


def test_another_record_by_the_same_key_stays_valid(tmp_path: Path) -> None:
    made, listed = certified(tmp_path / "a"), tmp_path / "list.json"
    words = _words(made, listed)
    assert say("revoke", str(made.bundle), *words, "--whole-record").exit_code == 0
    other = resign(
        made, lambda said: said["predicate"]["evidence"][0]["digest"].update(sha256="1" * 64)
    )
    assert made.verify(bundle=other, revocations=listed).exit_code == 0


def test_a_certificate_that_names_no_record_says_what_to_do(tmp_path: Path) -> None:
    made, listed = certified(tmp_path / "a"), tmp_path / "list.json"
    bare = resign(made, lambda said: said["predicate"].pop("evidence"))
    result = say("revoke", str(bare), *_words(made, listed), "--whole-record")
    assert "each of its certificates by itself" in refused(result, code=2)
    assert not listed.exists()
