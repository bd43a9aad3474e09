"""Measuring, judging and signing in one command: what it says, and what the certificate holds."""

import base64
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _certified import say
from _faulty import softmax
from test_cli import QUICK
from test_declarations import filled

from frugalbench import console, store
from frugalbench.attest import _issue

POLICY = """\
name: mine
version: "1"
missing_groups: include
rules: [{id: right, metric: quality.accuracy, unit: "1", at_least: 0.8}]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space in its name, a model, rows, a policy, declarations and a commitment."""
    folder = tmp_path / "the lab"
    folder.mkdir()
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    score = np.where(y == 1, 1.0, -1.0)
    np.savez("d.npz", x=np.stack([-score, score], 1).astype(np.float32), y=y)
    softmax(folder / "m.onnx")
    Path("my policy.yaml").write_text(POLICY)
    Path("said.yaml").write_text(filled())
    return folder


ASKED = ("certify", "model=m.onnx", "data=d.npz", "data.label=y", *QUICK)


def counted(calls: list[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, that notes each call."""

    def noted(*given: Any, **more: Any) -> Any:
        calls.append(given)
        return function(*given, **more)

    return noted


def certificate(bundle: Path | str) -> dict[str, Any]:
    """The predicate of a bundle's first statement, without the moment it was issued at."""
    envelope = json.loads(Path(bundle).read_text().splitlines()[0])
    found: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    return {key: one for key, one in found.items() if key != "issuedAt"}


def test_a_certificate_is_signed_told_and_verified_as_the_last_line_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged: list[Any] = []
    loaded: list[Any] = []
    for module in (console, _issue):
        monkeypatch.setattr(module, "judge", counted(judged, module.judge))
    monkeypatch.setattr(store, "load", counted(loaded, store.load))
    assert say("commit", "my policy.yaml", "d.npz").exit_code == 0
    words = ("--policy", "my policy.yaml")
    beside = ("--declarations", "said.yaml", "--commitment", "commitment.json")
    result = say(*ASKED, *words, *beside, "--sign", "keys/our lab.key")
    assert result.exit_code == 0, result.output
    assert (len(judged), len(loaded)) == (1, 0)
    (bundle,) = Path("results").glob("*/*.intoto.jsonl")
    assert f"certificate  {bundle}, until" in result.stdout
    command = shlex.split(result.stdout.splitlines()[-1].removeprefix("next"))
    assert command[:3] == ["frugalbench", "verify", str(bundle)]
    assert command[-4:] == ["--key", "keys/our lab.pub", "--policy", "my policy.yaml"]
    verified = say(*command[1:])
    assert verified.exit_code == 0, verified.output
    found = certificate(bundle)
    assert found["declarations"]["about"] == "The screener, version 3"
    # Dated to the second, it may be of the very second of the run.
    assert found["preRegistration"]["digest"]
    # Signing the stored record by the same says the same, byte for byte.
    key = ("--key", "keys/our lab.key")
    again = say("sign", str(bundle.parent), *key, *words, *beside, "--out", "b.jsonl")
    assert again.exit_code == 0, again.output
    assert certificate("b.jsonl") == found
    last = shlex.split(again.stdout.splitlines()[-1])
    assert last[-4:] == command[-4:]


@pytest.mark.parametrize("quiet", ["--quiet", "--json"])
def test_where_the_certificate_is_can_be_read_without_a_screen(quiet: str) -> None:
    result = say(*ASKED, "policy=my policy.yaml", "--sign", "lab.key", quiet)
    assert result.exit_code == 0, result.output
    (bundle,) = Path("results").glob("*/*.intoto.jsonl")
    if quiet == "--quiet":
        assert result.stdout == f"PASS: {bundle.parent}, certificate {bundle}\n"
    else:
        assert json.loads(result.stdout)["verdict"]["overall"] == "PASS"
        assert f"certificate {bundle}" in result.stderr


def test_no_keys_are_left_behind_a_request_that_cannot_be_measured() -> None:
    result = say("certify", "model=none.onnx", "--sign", "lab.key")
    assert result.exit_code == 2, result.output
    assert not Path("lab.key").exists()
    assert not Path("lab.pub").exists()
    Path("lab.pub").write_text("a key")
    assert "name another key" in say(*ASKED, "--sign", "lab.key").stderr


def test_the_command_that_signs_a_stored_record_repeats_what_was_asked() -> None:
    Path("a record").mkdir()
    Path("a record/record.json").write_text("{}")
    words = ("--policy", "my policy.yaml", "--declarations", "said.yaml", "--sign", "lab.key")
    said = say("certify", "a record", *words).stderr
    command = shlex.split(said.partition("with: ")[2])
    assert command[:5] == ["frugalbench", "sign", "a record", "--key", "lab.key"]
    assert command[5:] == ["--policy", "my policy.yaml", "--declarations", "said.yaml"]


def test_declarations_with_several_faults_say_how_many_more_there_are() -> None:
    assert say("declare").exit_code == 0
    Path("empty one.yaml").write_text(say("declare").stdout)
    said = say(*ASKED, "--sign", "lab.key", "--declarations", "empty one.yaml").stderr
    assert "more: frugalbench declare 'empty one.yaml'" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--declarations", "said.yaml"), "add --sign KEY"),
        (("--commitment", "said.yaml"), "add --sign KEY"),
        (("--sign", "lab.key", "--declarations", "none.yaml"), "frugalbench declare"),
        (("--sign", "lab.key", "--commitment", "said.yaml"), "commitment"),
        (("--sign", "lab.pem"), "NAME.key"),
        (("--policy", ""), "policy"),
    ],
)
def test_what_cannot_be_signed_is_refused_before_anything_is_measured(
    words: tuple[str, ...], says: str
) -> None:
    result = say(*ASKED, *words)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    assert says in line
    assert not Path("results").exists()
    # No pair of keys is made for what is not signed.
    assert not Path("lab.key").exists()
