"""A model that was converted before it was measured can be held in hand and verified."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from frugalbench.cli import main
from frugalbench.settings import reference

WORDS = (
    *("plan.max_rows=300", "site=fr", "policy=exploratory"),
    *("plan.processes=1", "plan.process_seconds=0.2", "plan.warmup_seconds=0.1"),
)


def say(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.stdout + result.stderr


@pytest.mark.slow
def test_signing_keeps_the_converted_model_and_verifying_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = reference("models/german-mlp.onnx")
    asked = ("model=german-mlp", "model.precision=int8", f"results={tmp_path}/r", *WORDS)
    code, told = say("certify", *asked, "--sign", "lab.key")
    assert code == 3, told
    (folder,) = (tmp_path / "r").iterdir()
    (bundle,) = folder.glob("*.intoto.jsonl")
    kept = folder / "converted" / "model.onnx"
    assert str(kept) in told.replace("\n", "")
    check = ("verify", str(bundle), "--key", "lab.pub", "--model")
    assert say(*check, str(kept))[0] == 3
    code, told = say(*check, given)
    assert code == 1
    assert "give the converted one" in told
    code, told = say("sign", str(folder), "--key", "lab.key", "--model", given, "--out", "b.jsonl")
    assert code == 0, told
    assert say("verify", "b.jsonl", "--key", "lab.pub", "--model", str(kept))[0] in (1, 3)
