"""What a certificate says, and what it never says."""

import hashlib
import json
import math
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from _build import change
from _certified import POLICY, Certified, answers, certified, record_of, refused, resign, say
from _onnx import linear
from _records import HOSTILE
from hypothesis import example, given
from hypothesis import strategies as st

from frugalbench import attest, declarations, models, settings, store
from frugalbench.attest._claims import plain
from frugalbench.attest._files import root_digest
from frugalbench.attest._issue import NON_CLAIMS
from frugalbench.attest._predicate import measure, number, parsed
from frugalbench.certify import digest, judge
from frugalbench.record import Failure


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("said"))


@given(st.floats(allow_nan=False))
@example(math.inf)
@example(-math.inf)
@example(5e-324)
@example(-0.0)
@example(1.7976931348623157e308)
def test_a_number_comes_back_as_it_was(x: float) -> None:
    back = parsed(number(x))
    assert back == x
    assert math.copysign(1, back) == math.copysign(1, x)


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "inf", "Infinity", "1e999", "0x1", "1_0", " 1", "1\n", "", "١", "+1"]
)
def test_what_is_no_decimal_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|large"):
        parsed(text)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        found = parsed(text)
    except ValueError:
        return
    assert not math.isnan(found)


def test_nan_is_never_certified() -> None:
    with pytest.raises(ValueError, match="NaN"):
        number(math.nan)


def test_the_statement_is_in_toto_s_and_says_what_was_judged(made: Certified) -> None:
    first = made.statements()[0]
    sha256 = hashlib.sha256(made.model.read_bytes()).hexdigest()
    assert first["_type"] == "https://in-toto.io/Statement/v1"
    assert first["subject"] == [{"name": "model.onnx", "digest": {"sha256": sha256}}]
    assert first["predicateType"] == "urn:frugalbench:evaluation:v1"
    said = first["predicate"]
    record, policy = store.load(made.record), settings.load_policy(str(made.policy))
    verdict = judge(record, policy)
    assert said["verdict"] == verdict.overall == "PASS"
    assert [(one["address"], one["verdict"]) for one in said["claims"]] == [
        (one.address, one.outcome) for one in verdict.findings
    ]
    assert said["policy"]["digest"]["sha256"] == digest(policy)
    assert said["data"]["n"] == 400
    assert tuple(said["nonClaims"]) == NON_CLAIMS
    assert said["assuranceLevel"] == "self_attested"
    assert {one["name"] for one in said["evidence"]} == {"record.json", "arrays.npz"}
    assert "declarations" not in said
    days = datetime.fromisoformat(said["expiresAt"]) - datetime.fromisoformat(said["evaluatedAt"])
    assert days.days == policy.validity_days


def test_every_disclosed_measure_is_the_judged_one(made: Certified) -> None:
    key = attest.load_public(made.folder / "lab.pub")
    policy = settings.load_policy(str(made.policy))
    trust = attest.Trust(
        keys={attest.keyid(key): key}, policies={digest(policy): "it"}, at=datetime.now(UTC)
    )
    claims = attest.verify(made.bundle, made.model, trust).evaluation.claims
    findings = judge(store.load(made.record), policy).findings
    for claim, finding in zip(claims, findings, strict=True):
        found, wanted = measure(claim), finding.measure
        assert type(found) is type(wanted)
        for name in ("estimate", "low", "high", "level", "n", "method", "interval", "unit"):
            assert getattr(found, name, None) == getattr(wanted, name, None)


def test_the_statements_beside_it_say_less_and_never_warn(tmp_path: Path) -> None:
    rules = [
        POLICY["rules"][0],
        {**POLICY["rules"][1], "id": "near", "at_least": 0.9},
        {**POLICY["rules"][1], "id": "far", "at_least": 0.99},
        {**POLICY["rules"][3], "required": True},
        {**POLICY["rules"][3], "id": "advisory"},
    ]
    made = certified(tmp_path, policy=POLICY | {"rules": rules})
    own, tests, verified = made.statements()
    assert own["subject"] == tests["subject"] == verified["subject"]
    assert tests["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    said = tests["predicate"]
    assert said["result"] == "FAILED"
    assert said["passedTests"] == ["speed"]
    assert said["failedTests"] == ["near#inconclusive", "far", "card#not_evaluated"]
    assert said["warnedTests"] == []
    assert verified["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert verified["predicate"]["properties"] == ["FRUGALBENCH_SMALL_V1_SPEED"]
    assert (
        verified["predicate"]["verifier"]["policies"][0]["digest"]
        == own["predicate"]["policy"]["digest"]
    )


def test_two_rules_whose_names_look_alike_give_a_property_only_if_both_pass(
    tmp_path: Path,
) -> None:
    rules = [
        {**POLICY["rules"][0], "id": "a b"},
        {**POLICY["rules"][1], "id": "a-b", "at_least": 0.99},
    ]
    made = certified(tmp_path, policy=POLICY | {"rules": rules})
    assert made.statements()[2]["predicate"]["properties"] == []


def _text(made: Certified) -> str:
    return json.dumps(made.statements(), ensure_ascii=False)


def test_a_small_group_is_not_shown_and_cannot_pass(tmp_path: Path) -> None:
    for smallest, shown in ((9, False), (10, True)):
        made = certified(tmp_path / str(smallest), answers(small=smallest))
        claim = next(one for one in made.certificate()["claims"] if one["rule"] == "alike")
        assert claim.get("suppressed", False) is not shown
        assert ("estimate" in claim) is shown
        assert ("n" in claim) is shown
        assert ("interval" in claim) is shown
        if not shown:
            assert claim["verdict"] != "PASS"
            assert "9" not in claim["explanation"]
        assert made.verify().exit_code in (0, 3)


def test_a_pass_on_a_small_group_becomes_no_pass(tmp_path: Path) -> None:
    rules = [{**POLICY["rules"][2], "at_most": 0.999}]
    policy = POLICY | {"rules": rules, "min_group": 1}
    made = certified(tmp_path, answers(small=9), policy)
    verdict = judge(store.load(made.record), settings.load_policy(str(made.policy)))
    assert verdict.overall == "PASS"
    assert made.certificate()["verdict"] == "NOT_EVALUATED"
    assert made.verify().exit_code == 3


def test_why_a_group_has_no_rate_is_told_without_counting_it(tmp_path: Path) -> None:
    record = answers(small=5)
    record.arrays["y_true"][-5:] = 0
    rule = {
        "id": "chance",
        "metric": "fairness.equal_opportunity_difference",
        "at_most": 0.2,
        "unit": "1",
    }
    made = certified(tmp_path, record, POLICY | {"rules": [rule]})
    claim = made.certificate()["claims"][0]
    assert claim["absent"] == {"reason": "no_positives"}
    assert "Others" not in json.dumps(claim)
    assert made.verify().exit_code == 3


def test_groups_can_be_named_by_codes(tmp_path: Path) -> None:
    record = answers(small=40)
    assert record.data is not None
    data = change(record.data, controls=("sex",), intersections=())
    record = change(record, data=change(data, groups=dict(data.groups)))
    rng = np.random.default_rng(3)
    record.arrays["group:age"] = rng.integers(0, 2, 440).astype(np.int32)
    groups = record.data.groups | {"age": ("young", "old")}
    record = change(
        record,
        data=change(record.data, groups=groups, intersections=(("sex", "age"),), controls=("sex",)),
    )
    plainly = certified(tmp_path / "plain", record)
    assert "age | sex=Women" in _text(plainly)
    coded = certified(tmp_path / "coded", record, None, "--code-groups")
    text = _text(coded)
    for name in ("Women", "Men", "Others", "young"):
        assert name not in text
    assert "age | sex=group-1" in text
    assert coded.certificate()["groupsCoded"] is True
    kept = coded.folder / "lab.groups.json"
    assert set(json.loads(kept.read_text())["sex"]) == {"Women", "Men", "Others"}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    verdicts = [
        sorted(one["verdict"] for one in made.certificate()["claims"]) for made in (plainly, coded)
    ]
    assert verdicts[0] == verdicts[1]
    assert coded.verify().exit_code == plainly.verify().exit_code
    # The same group keeps its code in the next certificate.
    words = ("--key", str(coded.folder / "lab.key"), "--policy", str(coded.policy))
    out = ("--out", str(tmp_path / "next.jsonl"))
    before = kept.read_text()
    assert say("sign", str(coded.record), *words, *out, "--code-groups").exit_code == 0
    assert kept.read_text() == before
    kept.write_text("[1]")
    refused(
        say("sign", str(coded.record), *words, "--out", str(tmp_path / "c.jsonl"), "--code-groups"),
        code=2,
    )


def test_it_holds_no_rows_no_folder_no_user(made: Certified) -> None:
    text = _text(made)
    assert str(made.folder) not in text
    assert str(Path.home()) not in text
    for name, array in store.load(made.record).arrays.items():
        assert json.dumps(array.tolist()[:20])[1:-1] not in text, name
    assert made.bundle.stat().st_size < 40_000


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("/home/ada/models/a.onnx is gone", "a.onnx is gone"),
        ("see ~/private/notes.txt", "see notes.txt"),
        ("in ../../home/ada", "in …"),
        ("/home/ada", "…"),
        ("/home/ada king/my models/a.onnx is gone", "a.onnx is gone"),
        ("cannot read '/home/ada king/a secret/mine.onnx'", "cannot read 'mine.onnx'"),
        ("/home/o'brien/x.onnx", "x.onnx"),
        (r"C:\Users\ada\a.onnx", "a.onnx"),
        ("a / b / c", "a / b / c"),
        ("44.18 g/kWh (41.44 to 56), 3 L/kWh", "44.18 g/kWh (41.44 to 56), 3 L/kWh"),
        ("and/or", "and/or"),
        ("red\x1b[31m\nline", "red [31m line"),
        ("\ud800 lone", "? lone"),
    ],
)
def test_a_folder_of_this_machine_is_left_out_of_a_sentence(said: str, kept: str) -> None:
    assert plain(said) == kept


@pytest.mark.parametrize("name", [*HOSTILE[:-2], "../../etc/passwd", "a/../../b", "/abs/olute"])
def test_a_hostile_name_stays_a_name(tmp_path: Path, name: str) -> None:
    record = answers()
    assert record.data is not None
    groups = {"sex": (name or "x", "Men")}
    hostile = change(
        record,
        data=change(record.data, name=name, groups=groups),
        model=change(record.model, name=name),
        host=change(record.host, cpu=name),
    )
    made = certified(tmp_path, hostile)
    assert made.bundle.read_text().count("\n") == 3
    result = made.verify()
    assert result.exit_code == 0, result.output
    assert not set("\x1b\x07\x00\u202e") & set(result.stdout)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        *("model.onnx", "results", "policy.yaml", "model.intoto.jsonl"),
        *("lab.key", "lab.pub", "other.key", "other.pub"),
    }


def test_the_bundle_s_name_is_the_model_s_and_stays_in_the_record(tmp_path: Path) -> None:
    made = certified(tmp_path)
    words = ("--key", str(tmp_path / "lab.key"), "--policy", str(made.policy))
    assert say("sign", str(made.record), *words).exit_code == 0
    assert (made.record / "model.onnx.intoto.jsonl").is_file()
    assert "already" in refused(say("sign", str(made.record), *words), code=2)
    assert "already" in refused(
        say("sign", str(made.record), *words, "--out", str(made.bundle)), code=2
    )


def _with_weights(folder: Path) -> Path:
    """A model that keeps its weights in two files, one of which comes before it by name."""
    file = linear(folder / "model.onnx")
    proto = onnx.load(file)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(600, np.float32), "extra"))
    for place, tensor in enumerate(proto.graph.initializer):
        location = ("a.bin", "weights/z.bin")[place]
        (folder / location).parent.mkdir(exist_ok=True)
        raw = onnx.numpy_helper.to_array(tensor).tobytes()
        (folder / location).write_bytes(raw)
        onnx.external_data_helper.set_external_data(tensor, location, 0, len(raw))
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
    file.write_bytes(proto.SerializeToString())
    return file


def test_the_root_digest_is_that_of_model_signing() -> None:
    """As model-signing 1.1.1 gave it for a folder of these files."""
    held = {
        "weights.bin": b"w",
        "model.onnx": b"m",
        "weights/z.bin": b"z",
        "Weights2": b"q",
        "a.bin": b"a",
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in held.items()}
    root = "61fae6f044a1c12e6574a55c8a1f64eff4cf5a186bdac548f2dddf44dd516d34"
    assert root_digest(digests) == root


def test_a_model_of_several_files_is_known_by_all_of_them(tmp_path: Path) -> None:
    made = certified(tmp_path / "one")
    folder = tmp_path / "several"
    folder.mkdir()
    model = _with_weights(folder)
    record = record_of(answers(), model)
    from frugalbench.spec import Model

    facts = models.inspect(Model(path=str(model))).facts
    about = change(record.model, sha256=facts.sha256, bytes=facts.bytes)
    record = change(record, model=about)
    stored = store.save(record, tmp_path / "results")
    bundle = tmp_path / "several.jsonl"
    words = ("sign", str(stored), "--key", str(made.folder / "lab.key"))
    result = say(*words, "--policy", str(made.policy), "--out", str(bundle))
    assert result.exit_code == 0, result.output
    several = Certified(made.folder, stored, model, made.policy, bundle)
    digests = [
        hashlib.sha256((folder / one).read_bytes()).digest()
        for one in ("a.bin", "model.onnx", "weights/z.bin")
    ]
    root = hashlib.sha256(b"".join(digests)).hexdigest()
    subject = several.statements()[0]["subject"]
    assert [one["digest"]["sha256"] for one in subject] == [digests[1].hex(), root]
    assert several.verify().exit_code == 0
    (folder / "weights" / "z.bin").write_bytes(b"other")
    assert "other weights" in refused(several.verify(), "subject digest")
    (folder / "weights" / "z.bin").unlink()
    refused(several.verify(), "subject digest")
    # A link that leads out of the folder is not the model's.
    outside = tmp_path / "outside.bin"
    outside.write_bytes(b"x")
    (folder / "weights" / "z.bin").symlink_to(outside)
    assert "outside" in refused(several.verify(), "subject digest")


def test_a_model_that_is_not_the_measured_one_is_not_signed_for(
    made: Certified, tmp_path: Path
) -> None:
    other = linear(tmp_path / "o.onnx", weight=((3.0, 1.0), (1.0, 1.0), (0.0, 0.0)))
    words = ("sign", str(made.record), "--key", str(made.folder / "lab.key"))
    out = ("--out", str(tmp_path / "x.jsonl"), "--policy", str(made.policy))
    refused(say(*words, *out, "--model", str(other)), code=2)
    assert say(*words, *out, "--model", str(made.model)).exit_code == 0


def test_a_failed_measurement_is_not_certified(made: Certified, tmp_path: Path) -> None:
    record = change(
        answers(), run=None, arrays={}, failure=Failure(kind="crash", detail="it crashed")
    )
    stored = store.save(record_of(record, made.model), tmp_path)
    words = ("sign", str(stored), "--key", str(made.folder / "lab.key"))
    line = refused(say(*words, "--policy", str(made.policy)), code=4)
    assert "it crashed" in line


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text("x,y\n1,0\n2,1\n")
    return file


def _registered(tmp_path: Path, rows: Path, sha256: str, **commitment: Any) -> dict[str, Any]:
    """What a certificate says of a commitment that was edited like this."""
    record = answers()
    assert record.data is not None
    record = change(record, data=change(record.data, sha256=sha256))
    policy = tmp_path / "policy.yaml"
    policy.write_text(json.dumps(POLICY))
    file = tmp_path / "commitment.json"
    assert say("commit", str(policy), str(rows), "--out", str(file)).exit_code == 0
    file.write_text(json.dumps(json.loads(file.read_text()) | commitment))
    made = certified(tmp_path / "made", record, None, "--commitment", str(file))
    found: dict[str, Any] = made.certificate()["preRegistration"]
    if "digest" in found:
        assert found["digest"] == hashlib.sha256(file.read_bytes()).hexdigest()
    return found


EARLIER = {"committedAt": "2026-01-01T00:00:00Z"}


def test_what_was_fixed_before_the_run_counts(tmp_path: Path, rows: Path) -> None:
    sha256 = hashlib.sha256(rows.read_bytes()).hexdigest()
    found = _registered(tmp_path, rows, sha256, **EARLIER)
    assert found["counts"] is True
    assert found["committedAt"] == EARLIER["committedAt"]


@pytest.mark.parametrize(
    ("sha256", "edited", "why"),
    [
        (None, {}, "after the run"),
        ("c" * 64, EARLIER, "other data"),
        (
            None,
            EARLIER | {"policy": {"name": "small", "digest": {"sha256": "d" * 64}}},
            "another policy",
        ),
    ],
)
def test_what_was_not_fixed_before_the_run_does_not_count(
    tmp_path: Path, rows: Path, sha256: str | None, edited: dict[str, Any], why: str
) -> None:
    own = hashlib.sha256(rows.read_bytes()).hexdigest()
    found = _registered(tmp_path, rows, sha256 or own, **edited)
    assert found["counts"] is False
    assert why in found["sentence"]


def test_without_a_commitment_the_certificate_says_that_there_was_none(made: Certified) -> None:
    found = made.certificate()["preRegistration"]
    assert found["counts"] is False
    assert "there was none" in found["sentence"]


def test_a_commitment_is_not_overwritten_and_a_damaged_one_is_refused(
    made: Certified, tmp_path: Path, rows: Path
) -> None:
    file = tmp_path / "c.json"
    words = ("commit", str(made.policy), str(rows), "--out", str(file))
    assert say(*words).exit_code == 0
    refused(say(*words), code=2)
    refused(
        say("commit", str(made.policy), str(tmp_path / "no.csv"), "--out", str(tmp_path / "d")),
        code=2,
    )
    sign = ("sign", str(made.record), "--key", str(made.folder / "lab.key"))
    out = ("--policy", str(made.policy), "--out", str(tmp_path / "x.jsonl"), "--commitment")
    for content in ("{}", "[", '{"_type": 1}', file.read_text().replace("202", "x")):
        file.write_text(content)
        refused(say(*sign, *out, str(file)), code=2)


def test_it_names_what_it_supersedes(made: Certified, tmp_path: Path) -> None:
    words = ("sign", str(made.record), "--key", str(made.folder / "lab.key"))
    out = tmp_path / "new.jsonl"
    more = ("--policy", str(made.policy), "--out", str(out), "--supersedes", str(made.bundle))
    assert say(*words, *more).exit_code == 0
    new = Certified(made.folder, made.record, made.model, made.policy, out)
    payload = attest.own_statement(attest.read_certificate(made.bundle)).payload
    assert new.certificate()["supersedes"] == [
        {"digest": {"sha256": hashlib.sha256(payload).hexdigest()}}
    ]


def test_what_is_declared_is_in_it_as_declared(made: Certified, tmp_path: Path) -> None:
    lines = []
    for line in declarations.empty("en").splitlines():
        lines.append("date: 2026-01-02" if line.startswith("date:") else line)
        if line.endswith(">-"):
            lines.append(" " * (len(line) - len(line.lstrip()) + 2) + "we said so")
    file = tmp_path / "mine.yaml"
    file.write_text("\n".join(lines) + "\n")
    out = tmp_path / "d.jsonl"
    words = ("sign", str(made.record), "--key", str(made.folder / "lab.key"), "--out", str(out))
    more = ("--policy", str(made.policy), "--declarations", str(file))
    result = say(*words, *more)
    assert result.exit_code == 0, result.output
    declared = Certified(made.folder, made.record, made.model, made.policy, out)
    found = declared.certificate()["declarations"]
    assert found["kind"] == "declared"
    assert {one["answer"] for one in found["answers"]} == {"we said so"}
    assert found["declaredBy"]["organisation"] == "we said so"
    assert declared.certificate()["claims"] == made.certificate()["claims"]
    result = declared.verify()
    assert "none was measured" in result.stdout
    assert "none was measured" not in made.verify().stdout


def test_a_frugality_class_is_shown_or_why_there_is_none(made: Certified) -> None:
    found = made.certificate()["frugality"]
    assert found["absent"]["reason"]
    assert "class" not in found

    def classed(said: dict[str, Any]) -> None:
        about = {"class": "B–C", "scale": "frugality", "scaleVersion": "1", "modelled": True}
        said["predicate"]["frugality"] = about

    result = made.verify(bundle=resign(made, classed))
    assert "frugality   B–C, scale frugality 1 (its energy is modelled" in result.stdout
