"""A copy of a record without its rows: nothing of a row in its bytes, and nothing passes by it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from _build import change, labels
from _certified import POLICY, record_of
from _onnx import linear
from _records import make_record
from click.testing import CliRunner, Result

from frugalbench import attest, metrics, report, share, store
from frugalbench.certify import Policy, judge
from frugalbench.cli import main
from frugalbench.metrics import validity
from frugalbench.record import Pass, Probed, Record, Repeat
from frugalbench.spec import Perturbation, Probes
from frugalbench.values import Missing, Value

KEPT = ("latency_ns", "check:", "offline:")
FORMATS = ("markdown", "html", "json", "modelcard", "cyclonedx", "spdx", "junit", "sarif")


def say(*words: Any) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def _whole(rows: int = 400) -> Record:
    """A record with every kind of array there is a value a row in."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, rows)
    score = np.clip(0.3 * rng.random(rows) + 0.6 * truth, 0.01, 0.99)
    codes = np.r_[np.zeros(rows - 2, int), 1, 1]
    names = {"sex": ["Manifold", "Zorblaxes"]}
    made = labels(truth, (score > 0.5) * 1, {"sex": codes}, names=names)
    arrays = made.arrays | {
        "score": np.column_stack([1 - score, score]),
        "cluster": np.arange(rows),
        "difficulty": rng.random(rows),
        "neighbours:of": np.arange(5),
        "neighbours": rng.integers(0, rows, (5, 3)),
        "member:y_true": truth[:50],
        "member:score": np.column_stack([score, 1 - score])[:50],
        "probe:rows": np.arange(40),
        "probe:0:y_pred": truth[:40],
        "check:varied_ns": np.full(8, 1000.0),
        "importance": rng.random((2, 40)).astype(np.float32),
    }
    again = Repeat(
        how="again", setting="", rows=40, flips=0, beyond=0, largest=0.0, dtype="", tolerance=""
    )
    noise = Pass(kind="noise", severity=0.1, unit="", seed=1)
    probed = Probed(rows=40, passes=(noise,), repeats=(again,), features=("a", "b"), shuffles=1)
    asked = Probes(perturb=(Perturbation(kind="noise", severities=(0.1,)),), shuffles=1)
    assert made.data is not None
    return change(
        made,
        arrays=arrays,
        probed=probed,
        spec=change(made.spec, probes=asked),
        data=change(made.data, cluster="person", clusters=rows, train_rows=50),
        notes=("read from /home/somebody/mine.csv",),
    )


def _bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return store.save(_whole(), tmp_path / "results")


def test_the_copy_holds_no_row(stored: Path, tmp_path: Path) -> None:
    result = say("share", stored, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert not result.stderr
    folder = Path(result.stdout.strip())
    assert folder == tmp_path / "out" / stored.name
    before, after = store.load(stored), store.load(folder)
    assert set(after.arrays) == {"latency_ns", "check:varied_ns"}
    assert np.array_equal(after.latency_ns, before.latency_ns)
    raw = _bytes(folder)
    with np.load(folder / store.ARRAYS) as held:
        assert set(held.files) == set(after.arrays)
    for told in (b"Zorblaxes", b"somebody", b"/home", b"y_true", b"score.npy"):
        assert told not in raw, told
    for name in set(before.arrays) - set(after.arrays):
        assert before.arrays[name].tobytes() not in raw, name
    assert after.data is not None
    assert after.data.groups == {"sex": ("Manifold",)}, "the group of two has no name here"


def test_what_needs_rows_says_that_they_were_not_shared() -> None:
    record = _whole()
    copy = share.share(record)
    had = {address for address, _, one in metrics.measure_all(record) if isinstance(one, Value)}
    timed = ("latency", "memory", "energy")
    for address, _, one in metrics.measure_all(copy):
        family = address.partition(".")[0]
        if family in timed:
            assert one == next(x for a, _, x in metrics.measure_all(record) if a == address)
        elif address in had and isinstance(one, Missing):
            assert one.reason == "rows_not_shared", (address, one)
    assert validity.flaws(copy) == validity.flaws(record)


def test_no_rule_about_rows_passes_on_the_copy() -> None:
    asked = {
        "quality.accuracy": "at_least",
        "fairness.accuracy_group_min": "at_least",
        "robustness.accuracy": "at_least",
        "explanation.importance": "at_most",
        "privacy.membership_auc": "at_most",
    }
    rules = [
        {"id": name, "metric": name, "unit": metrics.find(name).unit, bound: 0.001}
        if bound == "at_least"
        else {"id": name, "metric": name, "unit": metrics.find(name).unit, bound: 0.99}
        for name, bound in asked.items()
    ]
    made = msgspec.convert({"name": "p", "version": "1", "rules": rules}, Policy)
    verdict = judge(share.share(_whole()), made)
    assert {one.outcome for one in verdict.findings} == {"NOT_EVALUATED"}
    reasons = {one.measure.reason for one in verdict.findings if isinstance(one.measure, Missing)}
    assert reasons == {"rows_not_shared"}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_copy_is_shown_in_every_format(kind: str) -> None:
    copy = share.share(_whole())
    verdict = judge(copy, msgspec.convert(POLICY, Policy))
    for lang in ("en", "fr"):
        assert report.render(kind, copy, verdict, lang=lang)


def test_the_copy_is_judged_compared_and_signed(stored: Path, tmp_path: Path) -> None:
    model = linear(tmp_path / "model.onnx")
    whole = store.save(record_of(_whole(), model), tmp_path / "again")
    folder = say("share", whole, "--out", tmp_path / "out").stdout.strip()
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(POLICY))
    assert say("certify", folder, f"--policy={policy}").exit_code == 3
    assert say("show", folder).exit_code == 0
    assert say("compare", folder, stored).exit_code == 0
    assert say("gate", folder, f"--policy={policy}", "--baseline", stored).exit_code == 3
    attest.generate(tmp_path / "lab")
    key = ("--key", tmp_path / "lab.key", "--policy", policy, "--out", tmp_path / "c.jsonl")
    assert say("sign", folder, *key, "--model", model).exit_code == 0
    seen = ("--model", model, "--key", tmp_path / "lab.pub", "--policy", policy)
    assert say("verify", tmp_path / "c.jsonl", *seen).exit_code == 3


def test_rows_are_kept_where_they_are_asked_for(stored: Path, tmp_path: Path) -> None:
    result = say("share", stored, "--out", tmp_path / "out", "--rows")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: the copy holds every row")
    before, after = store.load(stored), store.load(result.stdout.strip())
    assert after.arrays.keys() == before.arrays.keys()
    assert after.data == before.data
    assert "/home" not in str(after.notes)


def test_nothing_is_replaced_and_no_link_is_followed(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert say("share", stored, "--out", out).exit_code == 0
    raw = _bytes(out / stored.name)
    again = say("share", stored, "--out", out)
    assert again.exit_code == 4
    assert "not replaced" in again.stderr
    assert _bytes(out / stored.name) == raw
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in say("share", stored, "--out", link).stderr
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / stored.name).symlink_to(out)
    assert "not replaced" in say("share", stored, "--out", tmp_path / "third").stderr


def test_a_copy_of_a_copy_is_the_same() -> None:
    once = share.share(_whole())
    assert share.share(once) == once


def test_a_record_without_data_is_copied_whole() -> None:
    record = make_record(data=False)
    assert share.share(record).arrays.keys() == record.arrays.keys()
