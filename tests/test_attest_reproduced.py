"""A certificate beside a run on the verifier's own machine."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from _build import change, labels
from _certified import POLICY, Certified, answers, certified, refused, say
from _faulty import softmax

from frugalbench import attest, settings, store
from frugalbench.attest import Verified
from frugalbench.attest._predicate import Reading
from frugalbench.attest._reproduced import again, settings_of, table
from frugalbench.certify import digest
from frugalbench.errors import MeasurementError
from frugalbench.record import Failure

QUICK = (
    *("plan.processes=1", "plan.process_seconds=0.3", "plan.idle_seconds=0.05"),
    *("plan.warmup_seconds=0.05", "plan.windows=3", "target.meters=[fake]"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("again"))


def _verified(made: Certified) -> Verified:
    key = attest.load_public(made.folder / "lab.pub")
    policy = settings.load_policy(str(made.policy))
    trust = attest.Trust(
        keys={attest.keyid(key): key}, policies={digest(policy): "it"}, at=datetime.now(UTC)
    )
    return attest.verify(made.bundle, made.model, trust)


def test_the_same_record_is_alike_and_what_depends_on_the_machine_is_only_shown(
    made: Certified,
) -> None:
    held = _verified(made)
    found, same = again(held.evaluation, held.policy, store.load(made.record))
    assert same
    assert [one.standing for one in found] == ["shown", "alike", "alike", "not compared"]
    text = table(found, "fr", same_rows=same)
    assert text.count("\n") == 3
    assert "dépend de la machine" in text


def test_other_answers_differ_and_slower_ones_do_not(made: Certified) -> None:
    held, record = _verified(made), store.load(made.record)
    truth = record.arrays["y_true"]
    wrong = {"y_pred": np.where(np.arange(truth.size) % 2, truth, 1 - truth)}
    slow = {"latency_ns": record.arrays["latency_ns"] * 10}
    worse = change(record, arrays={**record.arrays, **wrong, **slow})
    found, same = again(held.evaluation, held.policy, worse)
    assert same
    assert {one.address: one.standing for one in found}["quality.accuracy"] == "differs"
    assert {one.address: one.standing for one in found}["latency.p90"] == "shown"
    assert "INTERVALS DO NOT MEET" in table(found, "en", same_rows=same)


def test_other_rows_are_told(made: Certified) -> None:
    held, record = _verified(made), store.load(made.record)
    assert record.data is not None
    other = change(record, data=change(record.data, sha256="f" * 64))
    found, same = again(held.evaluation, held.policy, other)
    assert not same
    assert table(found, "en", same_rows=same).startswith("other rows")


def test_a_run_that_failed_reproduces_nothing(made: Certified) -> None:
    held = _verified(made)
    failed = change(answers(), run=None, arrays={}, failure=Failure(kind="hang", detail="it hung"))
    with pytest.raises(MeasurementError, match="it hung"):
        again(held.evaluation, held.policy, failed)


def test_without_the_groups_there_is_nothing_to_compare(made: Certified) -> None:
    held = _verified(made)
    found, _ = again(held.evaluation, held.policy, labels([0, 1] * 200, [0, 1] * 200))
    assert found[2].standing == "not compared"


def test_answers_are_read_as_the_certificate_says() -> None:
    said = Reading(threshold="0.164", output='a "b"', output_kind="probability")
    assert settings_of(said) == [
        "model.threshold=0.164",
        'model.output="a \\"b\\""',
        "model.output_kind=probability",
    ]


def test_words_are_for_a_run_only(made: Certified) -> None:
    assert "--reproduce" in refused(say(*made.words(), "data=x.csv"), code=2)


@pytest.mark.parametrize("word", ["model=x.onnx", "policy=drift"])
def test_model_and_policy_are_the_certificate_s(made: Certified, word: str) -> None:
    result = say(*made.words(), "--reproduce", word)
    assert result.exit_code == 2
    assert "leave them out" in result.stderr


def _rows(file: Path, right: float) -> Path:
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, 1000)
    score = np.where(y == 1, 1.0, -1.0) * np.where(rng.random(1000) < right, 1, -1)
    np.savez(file, x=np.stack([-score, score], axis=1).astype(np.float32), y=y)
    return file


@pytest.mark.slow
def test_it_is_run_again_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = certified(tmp_path / "made", policy=POLICY | {"rules": POLICY["rules"][:2]})
    model = softmax(tmp_path / "m.onnx")
    words = (f"data={_rows(tmp_path / 'a.npz', 0.9)}", "data.label=y", *QUICK)
    assert say("run", "--quiet", f"model={model}", "model.threshold=0.6", *words).exit_code == 0
    record = next((tmp_path / "results").iterdir())
    bundle = tmp_path / "m.jsonl"
    key = ("--key", str(made.folder / "lab.key"), "--policy", str(made.policy))
    assert say("sign", str(record), *key, "--out", str(bundle)).exit_code == 0
    own = Certified(made.folder, record, model, made.policy, bundle)
    assert own.certificate()["reading"]["threshold"] == "0.6"
    result = say(*own.words(), "--reproduce", *words)
    assert result.exit_code == 0, result.output
    assert "quality.accuracy" in result.stdout
    other = (f"data={_rows(tmp_path / 'b.npz', 0.6)}", *words[1:])
    result = say(*own.words(), "--reproduce", *other)
    assert result.exit_code == 1
    assert "at the step 'reproduction'" in result.stderr
    assert "other rows" in result.stdout
