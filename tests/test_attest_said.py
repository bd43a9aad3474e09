"""What `sign`, `verify` and `revoke` say to whoever uses them."""

import json
from pathlib import Path
from typing import Any

import pytest
from _certified import POLICY, Certified, certified, refused, resign, say


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("said"))


def _sign(made: Certified, out: Path, *options: str) -> Any:
    key = str(made.folder / "lab.key")
    policy = str(made.policy)
    words = ("--key", key, "--policy", policy, "--out", str(out), *options)
    result = say("sign", str(made.record), *words)
    assert result.exit_code == 0, result.output
    return result


def test_the_next_command_carries_a_policy_of_one_s_own(made: Certified, tmp_path: Path) -> None:
    line = _sign(made, tmp_path / "a.jsonl").stdout.splitlines()[-1]
    assert line.endswith(f"--key {made.folder}/lab.pub --policy {made.policy}")


def test_a_refusal_of_an_unknown_policy_says_what_to_give(made: Certified) -> None:
    words = made.words()
    at = words.index("--policy")
    line = refused(say(*words[:at], *words[at + 2 :]), "policy")
    assert "at the step 'policy': give the policy file with --policy: it was judged by" in line


def test_a_commitment_that_does_not_count_is_told(made: Certified, tmp_path: Path) -> None:
    late, out = tmp_path / "late.json", tmp_path / "a.jsonl"
    assert say("commit", str(made.policy), str(made.model), "--out", str(late)).exit_code == 0
    result = _sign(made, out, "--commitment", str(late))
    assert result.stderr.startswith("warning")
    assert "it was made after the run" in result.stderr
    assert "it was made after the run" in made.verify(bundle=out).stdout
    assert "fixé après la mesure" in made.verify(bundle=out, lang="fr").stdout
    assert not _sign(made, tmp_path / "b.jsonl").stderr


def test_a_commitment_of_an_impossible_date_is_none(made: Certified, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    assert say("commit", str(made.policy), str(made.model), "--out", str(file)).exit_code == 0
    held = json.loads(file.read_text())
    key = next(one for one in held if one.startswith("committed"))
    file.write_text(json.dumps(held | {key: "9999-12-31T23:59:59-12:00"}))
    words = ("--key", str(made.folder / "lab.key"), "--policy", str(made.policy))
    out = ("--out", str(tmp_path / "d.jsonl"), "--commitment", str(file))
    assert "no commitment" in refused(say("sign", str(made.record), *words, *out), code=2)


def test_what_it_replaces_and_its_evidence_are_told(made: Certified, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    _sign(made, out, "--supersedes", str(made.bundle))
    told = made.verify(bundle=out, record=made.record).stdout
    plain = made.verify().stdout
    assert "replaces    the certificate " in told
    assert "evidence    the record is the one it was made from" in told
    assert "replaces" not in plain
    assert "evidence  " not in plain
    told = made.verify(bundle=out, record=made.record, lang="fr").stdout
    assert "remplace    le certificat " in told
    assert "preuves     l'enregistrement" in told


def test_an_absent_public_key_is_asked_of_the_signer(made: Certified) -> None:
    line = refused(made.verify(key=made.folder / "nokey.pub"), code=2)
    assert "there is no key file" in line
    assert "get the public key from the signer" in line


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_revocation_gives_a_reason(made: Certified, tmp_path: Path, reason: str) -> None:
    listed = tmp_path / "list.json"
    words = ("--key", str(made.folder / "lab.key"), "--list", str(listed), "--reason", reason)
    assert "--reason" in refused(say("revoke", str(made.bundle), *words), code=2)
    assert not listed.exists()


def test_french_readers_read_french(tmp_path: Path) -> None:
    advisory = [one | {"required": False} for one in POLICY["rules"]]
    made = certified(tmp_path, policy=POLICY | {"rules": advisory})

    def edit(said: dict[str, Any]) -> None:
        detail = (
            "a repeated sample is answered in 40% of the time of different ones, as if answers "
            "were remembered: switch caches off"
        )
        said = said["predicate"]
        said["flaws"] = [{"code": "repeated_sample_faster", "detail": detail}]
        said["reading"]["outputKind"] = "probability"
        said["claims"][0]["verdict"] = "NOT_EVALUATED"

    bundle = resign(made, edit)
    french, english = made.verify(bundle=bundle, lang="fr").stdout, made.verify(bundle=bundle)
    assert "non valide  un échantillon répété" in french
    assert "lu comme probabilité" in french
    assert "précision d'origine" in french
    assert "as_is" not in french + english.stdout
    assert "invalid     a repeated sample" in english.stdout


@pytest.mark.parametrize("file", ["model.onnx", "record.json", "empty", "words"])
def test_what_is_no_certificate_is_said_to_be_none(
    made: Certified, tmp_path: Path, file: str
) -> None:
    files = {"model.onnx": made.model, "record.json": made.record / "record.json"}
    given = files.get(file, tmp_path / file)
    if file not in files:
        given.write_text("words\n" * 100 if file == "words" else "")
    line = refused(made.verify(bundle=given), "bundle")
    assert "its first line is no signed envelope" in line
    assert line.endswith("give the .intoto.jsonl file that frugalbench sign wrote")


@pytest.mark.parametrize("words", [[], ["plan=quick"], ["data.label=y"]])
def test_running_again_without_the_data_is_refused_before_anything_is_run(
    made: Certified, words: list[str]
) -> None:
    line = refused(say(*made.words(), "--reproduce", *words), code=2)
    assert "add data=FILE" in line


def test_a_commitment_is_told_what_it_lacks_in_the_order_it_is_written(
    made: Certified, tmp_path: Path
) -> None:
    policy, taken = str(made.policy), ("--out", str(made.model))
    assert "no policy 'nope'" in refused(say("commit", "nope", *taken), code=2)
    assert "add their files" in refused(say("commit", policy, *taken), code=2)
    assert "choose --out" in refused(say("commit", policy, str(made.model), *taken), code=2)
    fresh = ("--out", str(tmp_path / "c.json"))
    assert "there is no file" in refused(say("commit", policy, "none.csv", *fresh), code=2)


@pytest.mark.parametrize(
    ("name", "says"),
    [("frugl", "did you mean 'frugal'?"), ("NAME", "there is: drift"), ("", "there is: drift")],
)
def test_a_policy_that_is_not_there_is_named_once_with_what_there_is(name: str, says: str) -> None:
    line = refused(say("policy", name), code=2)
    assert says in line
    assert line.count("NAME") == (name == "NAME")
