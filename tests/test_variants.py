"""A prepared variant answers like its parent, names it, and is never left half written."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from _onnx import linear, node, port, save_model
from click.testing import CliRunner

from frugalbench import models, runners
from frugalbench.cli import main
from frugalbench.errors import FrugalbenchError, StoreError, UsageError
from frugalbench.models import _variant
from frugalbench.models._ort import is_ort
from frugalbench.record import Calibration, ModelFacts, Variant
from frugalbench.report._facts import provenance
from frugalbench.spec import Data, Model, Spec, Target
from frugalbench.variants import How, make_variant

EVERY: tuple[How, ...] = ("ort", "int8_dynamic", "int8_static")


def table(path: Path, rows: int = 300) -> Path:
    """Three numbers, a label that follows from them, and a split in two."""
    random = np.random.default_rng(3)
    x = random.standard_normal((rows, 3)).round(3)
    lines = ["a,b,c,label,split"]
    for i, one in enumerate(x):
        split = "train" if i % 3 else "test"
        lines.append(f"{one[0]},{one[1]},{one[2]},{int(one[0] > 0)},{split}")
    path.write_text("\n".join(lines) + "\n")
    return path


def asked(folder: Path, **data: Any) -> Spec:
    model = linear(folder / "m.onnx")
    said = {"split_column": "split", "split": "test", "train_split": "train"} | data
    kept = {key: one for key, one in said.items() if one is not None}
    source = Data(
        path=str(table(folder / "t.csv")), label="label", features=("a", "b", "c"), **kept
    )
    return Spec(model=Model(path=str(model), classes=(0, 1)), data=source)


def probabilities(path: Path | str, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    facts = models.inspect(Model(path=str(path))).facts
    session = runners.open_session(Model(path=str(path)), Target())
    name = facts.outputs[0].name
    return session.predict({facts.inputs[0].name: x}, (name,))[name]


@pytest.mark.parametrize("how", EVERY)
def test_a_variant_answers_like_its_parent_and_names_it(how: How, tmp_path: Path) -> None:
    spec = asked(tmp_path)
    before = models.inspect(spec.model).facts
    path, made = make_variant(spec, how, tmp_path / "out")
    found = models.inspect(Model(path=str(path))).facts
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == made.sha256
    assert found.variant == made.variant
    assert found.variant is not None
    assert found.variant.parent == before.sha256
    assert found.variant.versions.keys() == {"frugalbench", "onnx", "onnxruntime"}
    assert found.answer == before.answer
    assert found.inputs == before.inputs
    assert [one.name for one in found.outputs] == [one.name for one in before.outputs]
    beside = json.loads(path.with_name(f"{path.name}.json").read_text())
    assert (beside["sha256"], beside["variant"]["parent"]) == (found.sha256, before.sha256)
    x = np.random.default_rng(1).standard_normal((64, 3)).astype(np.float32)
    was, now = probabilities(spec.model.path, x), probabilities(path, x)
    largest = np.abs(was - now).max()
    if how == "ort":
        assert largest <= 1e-6
    else:
        assert 0 < largest < 0.05
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        path.name,
        f"{path.name}.json",
    ]


def test_a_file_in_the_ort_format_keeps_what_was_counted_on_its_parent(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    before = models.inspect(spec.model)
    path, _ = make_variant(spec, "ort", tmp_path)
    after = models.inspect(Model(path=str(path)))
    for name in ("parameters", "macs", "opset", "weights", "producer", "answer"):
        assert getattr(after.facts, name) == getattr(before.facts, name), name
    assert (after.features, after.classes) == (before.features, before.classes)
    assert after.classes == (0, 1)
    assert models.parts(path) == {path.name: after.facts.sha256}
    kept = _variant.tell(before.facts, after.facts.variant or pytest.fail("it is a variant"))
    assert _variant.read({_variant.KEY: kept}) is not None


def test_one_that_nobody_prepared_has_no_operators_to_show(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    path, _ = make_variant(spec, "ort", tmp_path)
    # The same file with an entry nobody can read says no more than its interface.
    spoiled = path.read_bytes().replace(b'{"variant":', b'{"variamt":')
    bare = tmp_path / "bare.ort"
    bare.write_bytes(spoiled)
    assert models.inspect(Model(path=str(bare))).facts.answer is None
    facts = models.inspect(Model(path=str(bare), output_kind="probability")).facts
    assert (facts.parameters, facts.macs, facts.variant) == (None, None, None)
    assert facts.macs_note
    assert facts.answer is not None
    assert facts.answer.how == "declared"


def test_the_same_question_gives_the_same_quantised_file(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    # The runtime writes the ORT format in an order of its own choice, not always the same.
    for how in ("int8_dynamic", "int8_static"):
        one = make_variant(spec, how, tmp_path / "one")[1]
        other = make_variant(spec, how, tmp_path / "other")[1]
        assert one == other


def test_a_calibration_says_which_rows_and_takes_no_tested_one(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    seen: list[Any] = []
    for rows in (10, 10**6):
        _, made = make_variant(spec, "int8_static", tmp_path / str(rows), rows)
        seen.append(made.variant.calibration)
    few, all_of_them = seen
    assert spec.data is not None
    digest = hashlib.sha256(Path(spec.data.path).read_bytes()).hexdigest()
    assert (few.rows, all_of_them.rows) == (10, 200)
    assert few.data == all_of_them.data == digest
    assert few.split == "train"
    # What was fed are the training rows, in the order of the file.
    held = np.genfromtxt(spec.data.path, delimiter=",", skip_header=1, usecols=(0, 1, 2))
    trained = held[np.arange(300) % 3 != 0].astype(np.float32)
    name = models.inspect(spec.model).facts.inputs[0].name
    fed = hashlib.sha256(f"{name}\0<f4\0(200, 3)\0".encode() + trained.tobytes()).hexdigest()
    assert all_of_them.fed_sha256 == fed


def test_scales_follow_the_rows_they_were_found_on(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    assert spec.data is not None
    plain = make_variant(spec, "int8_static", tmp_path / "plain")[0]
    lines = Path(spec.data.path).read_text().splitlines()
    wide = [lines[0], *("1000,-1000,1000,1,train" for _ in range(50)), *lines[1:]]
    Path(spec.data.path).write_text("\n".join(wide) + "\n")
    stretched = make_variant(spec, "int8_static", tmp_path / "wide")[0]
    x = np.random.default_rng(1).standard_normal((64, 3)).astype(np.float32)
    was = probabilities(spec.model.path, x)
    errors = [float(np.abs(was - probabilities(one, x)).max()) for one in (plain, stretched)]
    assert errors[1] > 5 * errors[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_split": None}, "data.train_split"),
        ({"train_split": "test"}, "both 'test'"),
        ({"train_split": "tarin"}, "tarin"),
    ],
)
def test_rows_to_calibrate_on_have_to_be_declared(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        make_variant(asked(tmp_path, **changes), "int8_static", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rows", [0, -3])
def test_no_rows_are_no_calibration(rows: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--rows"):
        make_variant(asked(tmp_path), "int8_static", tmp_path / "out", rows)


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    spec, out = asked(tmp_path), tmp_path / "out"
    path, _ = make_variant(spec, "ort", out)
    held = path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        make_variant(spec, "ort", out)
    assert path.read_bytes() == held
    path.unlink()
    with pytest.raises(UsageError, match=r"m\.ort\.json is there already"):
        make_variant(spec, "ort", out)
    assert [one.name for one in out.iterdir()] == ["m.ort.json"]


def test_what_cannot_be_converted_leaves_no_file(tmp_path: Path) -> None:
    plain = save_model(tmp_path / "plain.onnx", [node("Relu", "x", "y")], [port("x")], [port("y")])
    for how in ("int8_dynamic", "int8_static"):
        spec = msgspec.structs.replace(
            asked(tmp_path),
            model=Model(path=str(plain), output_kind="probability", classes=(0, 1, 2)),
        )
        with pytest.raises(UsageError, match="no weights") as refused:
            make_variant(spec, how, tmp_path / "out")
        assert "\n" not in str(refused.value)
        assert not list((tmp_path / "out").iterdir())


def test_a_folder_that_cannot_be_made_is_said_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match="--out"):
        make_variant(asked(tmp_path), "ort", tmp_path / "taken" / "out")


def test_a_variant_in_the_ort_format_is_the_end_of_the_line(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    path, _ = make_variant(spec, "ort", tmp_path)
    again = msgspec.structs.replace(spec, model=Model(path=str(path)))
    with pytest.raises(UsageError, match="is in the ORT format already"):
        make_variant(again, "ort", tmp_path / "out")
    with pytest.raises(UsageError, match="weights stay as they are"):
        models.converted(Model(path=str(path), precision="int8"), tmp_path)
    renamed = path.rename(tmp_path / "m2.onnx")
    with pytest.raises(UsageError, match=r"rename it to m2\.ort"):
        models.inspect(Model(path=str(renamed)))


def test_a_torch_model_is_exported_first(tmp_path: Path) -> None:
    spec = Spec(model=Model(path="", runner="pytorch", factory="m:f"))
    with pytest.raises(UsageError, match="frugalbench export"):
        make_variant(spec, "ort", tmp_path)


def test_a_variant_of_a_variant_names_the_one_it_was_made_from(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    small, made = make_variant(spec, "int8_static", tmp_path / "one")
    second = msgspec.structs.replace(spec, model=Model(path=str(small), classes=(0, 1)))
    _, again = make_variant(second, "ort", tmp_path / "two")
    assert again.variant.parent == made.sha256
    entries = [one.key for one in onnx.load(small).metadata_props]
    assert entries.count(_variant.KEY) == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_refused_on_one_line(damage: str, tmp_path: Path) -> None:
    path, _ = make_variant(asked(tmp_path), "ort", tmp_path)
    whole = bytearray(path.read_bytes())
    if damage == "flipped":
        whole[64:-64] = bytes(255 - one for one in whole[64:-64])
    path.write_bytes({"cut": whole[:200], "empty": whole[:8]}.get(damage, whole))
    assert is_ort(path)
    with pytest.raises(FrugalbenchError) as refused:
        models.inspect(Model(path=str(path)))
    assert "\n" not in str(refused.value)


def test_what_a_file_says_of_itself_is_read_strictly() -> None:
    assert _variant.read({}) is None
    for text in ("{", "[]", "1", '{"variant": {"parent": 1}}', "[" * 100_000, "x" * 10**6):
        assert _variant.read({_variant.KEY: text}) is None


def test_reports_name_the_parent_in_both_languages() -> None:
    from _records import make_record

    record = make_record()
    calibration = Calibration(data="d" * 64, split="train", rows=1234, fed_sha256="e" * 64)
    variant = Variant(parent="a" * 64, how="int8_static", versions={}, calibration=calibration)
    model: ModelFacts = msgspec.structs.replace(record.model, variant=variant)
    marked = msgspec.structs.replace(record, model=model)
    told = dict(provenance(marked, None, "en"))
    assert told["Made from the model"].startswith("a" * 64)
    assert "1,234 training rows" in told["Made from the model"]
    dit = dict(provenance(marked, None, "fr"))["Fait à partir du modèle"]
    assert "8 bits" in dit
    assert "lignes d’apprentissage" in dit
    assert "Made from the model" not in dict(provenance(record, None, "en"))


def test_the_command_says_what_it_made_or_what_to_say(tmp_path: Path) -> None:
    model = linear(tmp_path / "m.onnx")
    run = CliRunner().invoke
    for words in ([], ["--ort", "--int8-dynamic"]):
        refused = run(main, ["prepare", str(model), *words])
        assert refused.exit_code == 2
        assert "one of --ort, --int8-dynamic and --int8-static" in refused.stderr
    lacking = run(main, ["prepare", str(model), "--int8-static", "--out", str(tmp_path / "o")])
    assert (lacking.exit_code, lacking.stderr.count("\n")) == (2, 1)
    assert "data=" in lacking.stderr
    absent = run(main, ["prepare", str(tmp_path / "no.onnx"), "--ort"])
    assert (absent.exit_code, absent.stderr.count("\n")) == (2, 1)
    made = run(main, ["prepare", str(model), "--ort", "--out", str(tmp_path / "o"), "--json"])
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["file"] == "m.ort"
    assert (tmp_path / "o" / "m.ort").is_file()
