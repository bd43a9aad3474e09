"""A torch model from its settings to a record, beside the ONNX file that it exports to."""

from pathlib import Path
from typing import Any

import _nets
import msgspec
import numpy as np
import pytest
from _build import value
from click.testing import CliRunner
from test_bench_probes import perturb, table

from frugalbench import bench, models, runners, store, worker
from frugalbench.cli import main
from frugalbench.config import load_spec
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.jobs import prepare
from frugalbench.models import _torch
from frugalbench.record import Failure, Port, Record
from frugalbench.report._devices import knobs
from frugalbench.runners import _torch_export, pytorch
from frugalbench.spec import Baseline, Data, Model, Plan, Probes, Spec, Target

QUICK = Plan(
    max_seconds=60, processes=1, process_seconds=0.05, warmup_seconds=0.02, idle_seconds=0.0,
    windows=2, seed=4,
)  # fmt: skip
FILE = Model(path="m.onnx")
NET = Model(
    path="", runner="pytorch", factory="_nets:dense", shape=(3,), output_kind="logit",
    classes=(0, 1), name="net",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child processes find the factories, too."""
    monkeypatch.setenv("PYTHONPATH", str(Path(_nets.__file__).parent))


def ask(model: Model, data: Path, **more: Any) -> Spec:
    return Spec(
        model=model,
        data=Data(path=str(data), label="y", groups=("sex",), **more.pop("columns")),
        target=Target(meters=("fake",), **more.pop("target", {})),
        plan=QUICK,
        **more,
    )


def test_torch_and_its_export_give_the_same_answers(tmp_path: Path) -> None:
    data = table(tmp_path / "d.csv", 200, sex="fm", part=("train", "test", "test", "train"))
    compared = models.export(NET, tmp_path / "net.onnx")
    assert compared.names == ("output",)
    assert compared.rows == 3 * sum(compared.batches) == 120
    assert compared.furthest < 1e-5
    assert sorted(one.name for one in tmp_path.iterdir()) == ["d.csv", "net.onnx"]

    asked = {"features": ("used", "ignored", "spare"), "split_column": "part"}
    asked |= {"split": "test", "train_split": "train"}
    probes = Probes(perturb=(perturb("gaussian_noise", 0.5),), rows=50, seconds=3)
    torch = bench.run(
        ask(NET, data, columns=asked, probes=probes, baselines=(Baseline(kind="constant"),))
    )
    path = str(tmp_path / "net.onnx")
    plain = msgspec.structs.replace(models.as_file(NET), path=path)
    ort = bench.run(ask(plain, data, columns=asked))

    assert (torch.run and torch.run.runner, ort.run and ort.run.runner) == ("pytorch", "ort")
    for name in ("y_true", "y_pred"):
        np.testing.assert_array_equal(torch.arrays[name], ort.arrays[name])
    np.testing.assert_allclose(torch.arrays["score"], ort.arrays["score"], rtol=1e-5, atol=1e-6)
    assert value("quality.accuracy", torch) == value("quality.accuracy", ort)
    assert torch.model.macs == ort.model.macs == 3 * 4 + 4 * 2
    assert torch.model.parameters == ort.model.parameters == 26
    # Whatever asks a session asks this one, too.
    assert torch.probed is not None
    assert torch.probed.passes
    assert {one.how for one in torch.probed.repeats} >= {"again", "batch"}
    assert all(one.flips == 0 for one in torch.probed.repeats)
    assert torch.baselines[0].failure is None
    assert torch.run is not None
    assert torch.run.processes[0].answered is not None
    assert torch.run.processes[0].answered.differing == 0

    compiled = msgspec.structs.replace(torch.spec.target, compile=True, channels_last=True)
    spec = msgspec.structs.replace(torch.spec, target=compiled)
    assert knobs(msgspec.structs.replace(torch, spec=spec)) == ("compile", "channels_last")

    kept = store.load(store.save(torch, tmp_path / "results"))
    assert kept.model == torch.model
    assert kept.spec.model.factory == "_nets:dense"


@pytest.mark.slow
@pytest.mark.parametrize("target", [{"compile": True}, {"deterministic": True, "threads": 2}])
def test_a_fresh_process_measures_a_torch_model(tmp_path: Path, target: dict[str, Any]) -> None:
    import torch

    path = tmp_path / "w.pt"
    torch.save(_nets.dense().state_dict(), path)
    data = table(tmp_path / "d.csv", 60, sex="fm")
    plan = msgspec.structs.replace(QUICK, max_seconds=300, limit_seconds=200)
    model = msgspec.structs.replace(NET, path=str(path), precision="bf16")
    spec = ask(model, data, columns={"features": ("used", "ignored", "spare")}, target=target)
    record = worker.run(msgspec.structs.replace(spec, plan=plan))
    assert record.failure is None
    assert record.model.sha256 == models.file_sha256(path)
    assert record.model.name == "net-bf16"
    assert record.model.weights == {"bfloat16": 26}
    assert record.spec.model.path == "w.pt"
    assert record.run is not None
    process = record.run.processes[0]
    assert process.memory is not None
    assert process.cold_start_seconds is not None
    assert process.import_seconds > 0.1


def test_a_factory_that_crashes_takes_nobody_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashes.py").write_text(
        "import os\ndef make():\n    os.kill(os.getpid(), 11)\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot be opened: signal 11"):
        models.inspect(Model(path="", runner="pytorch", factory="crashes:make", shape=(3,)))


def test_what_the_model_prints_is_not_taken_for_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "talks.py").write_text(
        "import os, torch\nprint('{\"macs\": 1}')\nos.system('echo hello')\n"
        "def make():\n    print('made')\n    return torch.nn.Linear(3, 2)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    facts = models.inspect(
        Model(path="", runner="pytorch", factory="talks:make", shape=(3,), output_kind="value")
    ).facts
    assert facts.macs == 6
    assert facts.name == "talks.make"
    assert facts.answer is not None
    assert facts.answer.how == "declared"
    assert facts.outputs == (Port(name="output", dtype="float", shape=("batch", 2)),)
    assert capfd.readouterr() == ("", "")


def pretend_child(monkeypatch: pytest.MonkeyPatch, ended: Any) -> None:
    monkeypatch.setattr(_torch._child, "run", lambda *given, **more: ended)


def test_without_torch_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "ModuleNotFoundError: No module named 'torch'"
    pretend_child(monkeypatch, _torch._child.Ended(1, b"", said))
    with pytest.raises(MeasurementError, match=r"pip install 'frugalbench\[torch\]'"):
        models.inspect(NET)


def test_labels_are_places_where_classes_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _torch.Seen(outputs=(("scores", "float", ("batch", 2)), ("label", "int64", ("batch",))))
    pretend_child(monkeypatch, _torch._child.Ended(0, msgspec.json.encode(seen), ""))
    labels = msgspec.structs.replace(NET, output="label", output_kind="label")
    for classes, places in (((0, 1), False), (("no", "yes"), True)):
        answer = models.inspect(msgspec.structs.replace(labels, classes=classes)).facts.answer
        assert answer is not None
        assert answer.positions == places
    with pytest.raises(UsageError, match=r"say which with model\.output"):
        models.inspect(NET)
    with pytest.raises(UsageError, match="has no output 'lable'"):
        models.inspect(msgspec.structs.replace(labels, output="lable"))


@pytest.mark.parametrize(
    ("model", "target", "said"),
    [
        ({"factory": None}, {}, "needs the function that builds it"),
        ({"factory": ""}, {}, "needs the function that builds it"),
        ({"precision": "int8"}, {}, "export the model first"),
        ({}, {"host": "pi@board"}, "on this machine only"),
        ({}, {"spinning": True}, "target.spinning is a setting of ONNX Runtime"),
        ({}, {"optimisation": "basic"}, "target.optimisation is a setting of ONNX Runtime"),
        ({}, {"cuda_graph": True}, "add target=cuda"),
        ({}, {"provider_options": {"use_tf32": 1}}, "use_tf32 alone, and on a GPU"),
        (
            {},
            {"provider": "CUDAExecutionProvider", "provider_options": {"device_id": 1}},
            "provider_options.device_id is a setting of ONNX Runtime",
        ),
        ({"runner": "ort"}, {}, "model.factory is for torch models"),
        ({"runner": "ort", "factory": None}, {}, "model.shape is for torch models"),
        ({"runner": "ort", "path": "w.pt", "factory": None}, {}, "holds weights and no model"),
        ({"runner": "ort", "path": "W.SafeTensors"}, {}, "model.factory=package.module:function"),
    ],
)
def test_a_setting_that_would_not_be_followed_is_refused(
    model: dict[str, Any], target: dict[str, Any], said: str
) -> None:
    asked = msgspec.structs.replace(NET, **model)
    with pytest.raises(UsageError, match=said):
        prepare(Spec(model=asked, target=Target(**target)))


@pytest.mark.parametrize("setting", ["compile", "channels_last", "deterministic"])
def test_an_onnx_file_does_not_take_what_is_for_torch(setting: str) -> None:
    with pytest.raises(UsageError, match=f"target.{setting} is for torch models"):
        prepare(Spec(model=FILE, target=Target(**{setting: True})))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_onnx_file_does_not_take_the_precisions_of_torch(precision: Any) -> None:
    with pytest.raises(UsageError, match="as_is, fp16 or int8"):
        prepare(Spec(model=msgspec.structs.replace(FILE, precision=precision)))


def test_the_shipped_target_of_a_gpu_is_taken_by_torch() -> None:
    models.check(NET, load_spec("model=nhanes-mlp", "target=cuda").target)


def test_a_baseline_beside_a_compiled_model_is_not_compiled() -> None:
    target = Target(compile=True, deterministic=True, channels_last=True, threads=3)
    assert models.target_for(NET, target) == target
    own = models.target_for(models.as_file(NET), target)
    assert own == Target(threads=3)
    models.check(models.as_file(NET), own)


def test_every_setting_and_number_is_in_the_docs() -> None:
    page = (Path(__file__).parent.parent / "docs/torch.md").read_text(encoding="utf-8")
    for part, names in (("model", _torch.OWN_MODEL), ("target", _torch.OWN_TARGET)):
        for name in names:
            assert f"{part}.{name}" in page
    assert _torch_export.BATCHES == (1, 2, 5, 32)
    rows = _torch_export.ROUNDS * sum(_torch_export.BATCHES)
    assert f"same {rows} random rows, in batches of 1, 2, 5 and 32 three times" in page
    assert (_torch_export.RELATIVE, _torch_export.ABSOLUTE) == (1e-3, 1e-4)
    assert f"the {pytorch.MOST_SHAPES + 1}th shape" in page


# On the command line


def test_a_factory_makes_a_model_one_of_torch(tmp_path: Path) -> None:
    bare = load_spec("model.factory=lab:make", "model.shape=[3,32,32]", "target.compile=true")
    assert bare.model == Model(path="", runner="pytorch", factory="lab:make", shape=(3, 32, 32))
    assert bare.target.compile
    given = load_spec(
        "model=./w.safetensors", "model.factory=lab:make", "+model.shapes.ids=[8]",
        "+model.dtypes.ids=int64", "model.precision=bf16",
    ).model  # fmt: skip
    assert (given.path, given.runner, given.factory) == ("./w.safetensors", "pytorch", "lab:make")
    assert (given.shapes, given.dtypes) == ({"ids": (8,)}, {"ids": "int64"})
    assert load_spec("model=./w.pt").model.runner == "ort"
    # A row that is one number has no axis of its own.
    assert load_spec("model.factory=lab:make", "model.shape=[]").model.shape == ()


def exported(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["export", *words])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("grows", "otherwise than torch"),
        pytest.param("fixed", "cannot run on 1 rows", marks=pytest.mark.slow),
        pytest.param("branches", "cannot export the model", marks=pytest.mark.slow),
    ],
)
def test_an_export_that_does_not_answer_alike_leaves_no_file(
    tmp_path: Path, factory: str, said: str
) -> None:
    out = tmp_path / "m.onnx"
    model = msgspec.structs.replace(NET, factory=f"_nets:{factory}")
    with pytest.raises(UsageError, match=said) as caught:
        models.export(model, out)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("model.factory=_nets:dense", "--out", "{}/m.pt"), "does not end in .onnx"),
        (("model.factory=_nets:dense", "--out", "{}/no/m.onnx"), "there is no folder"),
        (("model.factory=_nets:dense", "--out", "{}/taken.onnx"), "is there already"),
        (("model=nhanes-mlp", "--out", "{}/m.onnx"), "only a torch model is exported"),
        (("./w.pt", "--out", "{}/m.onnx"), "only a torch model is exported"),
        (("--out", "{}/m.onnx"), "only a torch model is exported"),
        (("model.factory=_nets:dense", "model.precision=bf16", "--out", "{}/m.onnx"), "leave"),
        (("model.factory=_nets:dense", "--out", "{}/m.onnx"), "model.shape=[3,32,32]"),
    ],
)
def test_an_export_that_makes_no_sense_is_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "taken.onnx").write_text("mine", encoding="utf-8")
    code, output = exported(*(word.format(tmp_path) for word in words))
    assert code == 2
    assert said in output
    assert len(output.strip().splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["taken.onnx"]


def test_the_command_says_what_was_compared(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(3)
    other = _nets.images().eval()
    torch.save(other.state_dict(), tmp_path / "w.pt")
    code, output = exported(
        str(tmp_path / "w.pt"), "model.factory=_nets:images", "model.shape=[3,8,8]",
        "--out", str(tmp_path / "m.onnx"),
    )  # fmt: skip
    assert code == 0, output
    assert "120 random rows in batches of 1, 2, 5 and 32 answered like torch" in output
    session = runners.open_session(Model(path=str(tmp_path / "m.onnx")), Target())
    rows = np.random.default_rng(0).standard_normal((7, 3, 8, 8)).astype(np.float32)
    with torch.inference_mode():
        wanted = other(torch.from_numpy(rows)).numpy()
    found = session.predict({"input": rows}, ("output",))["output"]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_torch_model_that_fails_in_the_worker_leaves_a_record(tmp_path: Path) -> None:
    spec = Spec(
        model=NET, target=Target(provider="CUDAExecutionProvider", meters=("fake",)), plan=QUICK
    )
    record: Record = worker.run(spec)
    assert isinstance(record.failure, Failure)
    assert "sees no NVIDIA GPU" in record.failure.detail
