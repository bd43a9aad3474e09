"""A certificate of a small record, with all that is around it, for tests of signing."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from _build import change, labels
from _onnx import linear
from click.testing import CliRunner, Result

from frugalbench import attest, commands, endings, store
from frugalbench.attest._dsse import IN_TOTO, Envelope, bundle
from frugalbench.attest._json import canonical
from frugalbench.models import file_sha256
from frugalbench.record import Record

__all__ = ["POLICY", "Certified", "answers", "certified", "record_of", "refused", "resign", "say"]

# The command line without the search for commands of other packages, which takes half the time.
COMMANDS = endings.Commands("frugalbench")

POLICY: dict[str, Any] = {
    "name": "small",
    "version": "1",
    "min_group": 5,
    "missing_groups": "include",
    "rules": [
        {"id": "speed", "metric": "latency.p90", "at_most": 0.1, "unit": "s"},
        {"id": "right", "metric": "quality.accuracy", "at_least": 0.55, "unit": "1"},
        {
            "id": "alike",
            "metric": "fairness.demographic_parity_difference",
            "at_most": 0.6,
            "unit": "1",
        },
        {
            "id": "card",
            "metric": "transparency.model_card",
            "at_least": 0.5,
            "unit": "1",
            "required": False,
        },
    ],
}


@dataclass(frozen=True)
class Certified:
    """A folder with a record, the model it is of, a policy, a key and a certificate."""

    folder: Path
    record: Path
    model: Path
    policy: Path
    bundle: Path

    def words(self, **other: Any) -> list[str]:
        """The words of `frugalbench verify`, some of them other ones."""
        given = {
            "model": self.model,
            "key": self.folder / "lab.pub",
            "policy": self.policy,
        } | {name.replace("_", "-"): value for name, value in other.items() if name != "bundle"}
        options = [word for name, one in given.items() for word in (f"--{name}", str(one))]
        return ["verify", str(other.get("bundle", self.bundle)), *options]

    def verify(self, **other: Any) -> Result:
        """What `frugalbench verify` says."""
        return say(*self.words(**other))

    def statements(self) -> list[dict[str, Any]]:
        """The statements of the bundle, as anyone reads them."""
        lines = self.bundle.read_text().splitlines()
        return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in lines]

    def certificate(self) -> dict[str, Any]:
        """The predicate of the certificate's own statement."""
        found: dict[str, Any] = self.statements()[0]["predicate"]
        return found


def say(*words: str) -> Result:
    """Run a command in this process."""
    name = words[0]
    if name not in COMMANDS.commands:
        found = commands.command(name)
        assert found is not None
        COMMANDS.add_command(found)
    return CliRunner().invoke(COMMANDS, list(words))


def refused(result: Result, step: str = "", code: int = 1) -> str:
    """The one line of a refusal, which names the step."""
    assert result.exit_code == code, (result.exit_code, result.output)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert not result.stdout
    if step:
        assert f"at the step '{step}'" in lines[0], lines[0]
    return lines[0]


def answers(rows: int = 400, small: int = 0) -> Record:
    """A record of people in two groups, nine in ten answered rightly, and `small` in a third."""
    rng = np.random.default_rng(11)
    total = rows + small
    truth = rng.integers(0, 2, total)
    answer = np.where(rng.random(total) < 0.9, truth, 1 - truth)
    codes = np.r_[np.arange(rows) % 2, np.full(small, 2)].astype(int)
    names = ["Women", "Men", "Others"][: 3 if small else 2]
    return labels(truth, answer, {"sex": codes}, names={"sex": names})


def record_of(record: Record, model: Path, **facts: Any) -> Record:
    """The record as if this model file had been measured an hour ago."""
    created = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    spec = change(record.spec, model=change(record.spec.model, path=str(model)))
    about = change(record.model, sha256=file_sha256(model), bytes=model.stat().st_size)
    given: dict[str, Any] = {"spec": spec, "model": about, "created": created} | facts
    return change(record, **given)


def certified(
    folder: Path,
    record: Record | None = None,
    policy: dict[str, Any] | None = None,
    *options: str,
) -> Certified:
    """Make a model, a record, a policy and keys in a folder, and sign."""
    folder.mkdir(parents=True, exist_ok=True)
    model = linear(folder / "model.onnx")
    stored = store.save(record_of(record or answers(), model), folder / "results")
    policy_file = folder / "policy.yaml"
    policy_file.write_text(json.dumps(policy or POLICY))
    for name in ("lab", "other"):
        attest.generate(folder / name)
    out = folder / "model.intoto.jsonl"
    words = ("--key", str(folder / "lab.key"), "--policy", str(policy_file), "--out", str(out))
    result = say("sign", str(stored), *words, *options)
    assert result.exit_code == 0, result.output
    return Certified(folder, stored, model, policy_file, out)


def resign(made: Certified, edit: Callable[[dict[str, Any]], None], *, alone: bool = True) -> Path:
    """The certificate with its statement edited and validly signed again by the same key."""
    statements = made.statements()
    edit(statements[0])
    key = attest.load_private(made.folder / "lab.key", lambda: "")
    kept = statements[:1] if alone else statements
    signed = [Envelope(IN_TOTO, canonical(one)).signed(key) for one in kept]
    raw = bundle(signed)
    file = made.folder / f"again-{hashlib.sha256(raw).hexdigest()[:12]}.jsonl"
    file.write_bytes(raw)
    return file


def encoded(value: Any) -> bytes:
    """JSON without a space."""
    return msgspec.json.encode(value)
