"""Execution providers through a runtime that pretends to have them: no GPU is needed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from _devices import CPU, CUDA, TENSORRT, pretend
from _onnx import linear, node, port, save_model

from frugalbench import runners
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.record import Placed
from frugalbench.runners import _providers, _wheels
from frugalbench.spec import Model, Target

ROWS = {"x": np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]], np.float32)}
SHAPES = ((CUDA, "", "Gemm"), (CPU, "", "Shape"), (CPU, "", "Gather"), (CPU, "", "Shape"))


def opened(path: Path, provider: str = CUDA, **target: Any) -> Any:
    return runners.open_session(Model(path=str(path)), Target(provider=provider, **target))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return linear(tmp_path / "m.onnx")


# ── the provider asked for, and no other ─────────────────────────────────────


def test_the_provider_gets_its_options_as_text_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    told = pretend(monkeypatch)
    session = opened(model, provider_options={"use_tf32": 0, "device_id": 1, "tunable": True})
    (given,) = told.opened
    wanted = {"use_tf32": "0", "device_id": "1", "tunable": "True"}
    assert given["providers"] == [(CUDA, wanted)]
    assert session.provider_options == wanted
    assert session.provider == CUDA
    assert "preload" in told.calls


def test_options_of_precision_that_are_in_force_are_on_record_unasked(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    pretend(monkeypatch, in_force={"use_tf32": "1", "gpu_mem_limit": "99"})
    assert opened(model).provider_options == {"use_tf32": "1"}


@pytest.mark.parametrize("path", ["/home/me/cache", "C:\\Users\\me\\cache"])
def test_of_a_path_among_the_options_the_record_has_the_name_alone(
    monkeypatch: pytest.MonkeyPatch, model: Path, path: str
) -> None:
    told = pretend(monkeypatch, installed=(TENSORRT, CPU), nodes=((TENSORRT, "", "Gemm"),))
    session = opened(model, TENSORRT, provider_options={"trt_engine_cache_path": path})
    assert told.opened[0]["providers"][0][1] == {"trt_engine_cache_path": path}
    assert session.provider_options == {"trt_engine_cache_path": "cache"}


def test_behind_tensorrt_stands_cuda_on_the_same_gpu(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    nodes = ((TENSORRT, "", "Gemm"), (CUDA, "", "NonZero"))
    told = pretend(monkeypatch, installed=(TENSORRT, CUDA, CPU), nodes=nodes)
    session = opened(model, TENSORRT, provider_options={"device_id": "2", "trt_fp16_enable": 1})
    assert told.opened[0]["providers"] == [
        (TENSORRT, {"device_id": "2", "trt_fp16_enable": "1"}),
        (CUDA, {"device_id": "2"}),
    ]
    assert [one.provider for one in session.placement] == [CUDA, TENSORRT]
    assert session.notes == ()


@pytest.mark.parametrize("strict", [True, False])
def test_a_provider_that_does_not_start_is_never_replaced(
    monkeypatch: pytest.MonkeyPatch, model: Path, strict: bool
) -> None:
    pretend(monkeypatch, starts=False)
    with pytest.raises(MeasurementError, match="fell back to CPUExecutionProvider") as refusal:
        opened(model, strict=strict)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("provider", "package"),
    [
        (CUDA, "onnxruntime-gpu"),
        (TENSORRT, "onnxruntime-gpu"),
        ("OpenVINOExecutionProvider", "onnxruntime-openvino"),
        ("DmlExecutionProvider", "onnxruntime-directml"),
        ("QNNExecutionProvider", "onnxruntime-qnn"),
        ("MIGraphXExecutionProvider", "onnxruntime-migraphx"),
        ("NoneSuch", "the matching package"),
    ],
)
def test_a_provider_that_is_not_installed_names_its_package(
    model: Path, provider: str, package: str
) -> None:
    with pytest.raises(MeasurementError, match=f"install {package} in place of it"):
        opened(model, provider)


def test_an_option_the_provider_refuses_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    pretend(monkeypatch, refuses="[ONNXRuntimeError] : Unknown provider option: 'x'\nat line 7")
    with pytest.raises(MeasurementError, match=r"Unknown provider option: 'x'$"):
        opened(model, provider_options={"x": 1})


@pytest.mark.parametrize("number", [-1, 1.5, "one", True, "", "²"])
def test_a_device_that_is_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, model: Path, number: Any
) -> None:
    pretend(monkeypatch)
    with pytest.raises(UsageError, match="number them from 0 on"):
        opened(model, provider_options={"device_id": number})


# ── nodes on the processor ───────────────────────────────────────────────────


def test_a_node_on_the_processor_is_refused_by_name_and_the_way_out_told(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    told = pretend(monkeypatch, nodes=SHAPES)
    with pytest.raises(MeasurementError) as refusal:
        opened(model)
    assert str(refusal.value).startswith("3 of 4 nodes run on the CPU (Shape 2, Gather 1), not on")
    assert "target.strict=false" in str(refusal.value)
    # Once by the runtime's own rule, and once without it to see which they are.
    assert [one["strict"] for one in told.opened] == [True, False]


def test_nodes_on_the_processor_that_are_allowed_are_on_record(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    told = pretend(monkeypatch, nodes=(*SHAPES, (CUDA, "com.microsoft", "Gelu")))
    session = opened(model, strict=False)
    assert [one["strict"] for one in told.opened] == [False]
    assert session.placement == (
        Placed(provider=CPU, ops={"Gather": 1, "Shape": 2}),
        Placed(provider=CUDA, ops={"Gemm": 1, "com.microsoft.Gelu": 1}),
    )
    assert [one.nodes for one in session.placement] == [3, 2]
    assert "3 of 5 nodes run on the CPU (Shape 2, Gather 1)" in session.notes[0]


def test_a_model_that_runs_whole_has_nothing_to_tell(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    told = pretend(monkeypatch)
    session = opened(model)
    assert told.opened[0]["strict"]
    assert session.placement == (Placed(provider=CUDA, ops={"Gemm": 1, "Softmax": 1}),)
    assert session.notes == ()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("elsewhere", [CPU, CUDA])
def test_a_provider_that_takes_no_node_is_not_the_one_that_runs(
    monkeypatch: pytest.MonkeyPatch, model: Path, strict: bool, elsewhere: str
) -> None:
    pretend(monkeypatch, installed=(TENSORRT, CUDA, CPU), nodes=((elsewhere, "", "Gemm"),))
    with pytest.raises(MeasurementError, match="takes no node of this model"):
        opened(model, TENSORRT, strict=strict)


REMOTE = "AzureExecutionProvider"
"""In the usual package for Linux, and for one operator of its own: it takes no node of ours."""


@pytest.mark.skipif(
    REMOTE not in onnxruntime.get_available_providers(), reason=f"this runtime has no {REMOTE}"
)
@pytest.mark.parametrize("strict", [True, False])
def test_the_real_runtime_says_that_a_provider_takes_no_node(model: Path, strict: bool) -> None:
    with pytest.raises(MeasurementError, match=f"{REMOTE} takes no node of this model"):
        opened(model, REMOTE, strict=strict)


def test_many_kinds_of_node_are_told_shortly() -> None:
    ops = {f"Op{number}": 1 for number in range(9)}
    told = _providers.on_cpu([Placed(provider=CPU, ops=ops)])
    assert told.endswith("Op5 1 and 3 more)")


def test_an_older_runtime_refuses_without_names_and_says_when_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    pretend(monkeypatch, nodes=SHAPES, tells=False)
    with pytest.raises(MeasurementError, match=r"explicitly disabled.*target\.strict=false"):
        opened(model)
    session = opened(model, strict=False)
    assert session.placement == ()
    assert "is not known" in session.notes[0]


def test_the_processor_itself_is_asked_neither(model: Path) -> None:
    session = opened(model, CPU)
    assert (session.placement, session.notes, session.provider_options) == ((), (), {})


# ── inputs and outputs on the device ─────────────────────────────────────────


def answers(model: Path, bound: Any, array: Any) -> None:
    """What is written is what is answered."""
    bound.writer({"x": array})()
    found = bound.read(bound.run(), ("y",))["y"]
    alone = onnxruntime.InferenceSession(str(model), providers=[CPU]).run(["y"], {"x": array})[0]
    np.testing.assert_allclose(found, alone, rtol=1e-6)


def test_on_a_gpu_inputs_and_outputs_are_bound_there(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    told = pretend(monkeypatch)
    session = opened(model, provider_options={"device_id": 3})
    bound = session.bind(ROWS)
    assert session.bound
    assert {"to cuda:3", "output cuda:3"} <= set(told.calls)
    # Every second column of a wider array, of another type: its bytes are not those of the input.
    wide = np.arange(12, dtype=np.float64).reshape(2, 6)[:, ::2]
    for array in (ROWS["x"] + 1, ROWS["x"]):
        answers(model, bound, array)
    bound.writer({"x": wide})()
    np.testing.assert_allclose(
        bound.read(bound.run(), ("y",))["y"],
        session.predict({"x": wide.astype(np.float32)}, ("y",))["y"],
    )
    told.calls.clear()
    bound.run()
    assert told.calls == ["run"]


def test_an_input_of_another_shape_has_no_place_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    pretend(monkeypatch)
    bound = opened(model).bind(ROWS)
    with pytest.raises(ValueError, match="has no place"):
        bound.writer({"x": ROWS["x"][:1]})


@pytest.mark.parametrize(
    ("provider", "kind"),
    [
        ("DmlExecutionProvider", "dml"),
        ("MIGraphXExecutionProvider", "cuda"),
        ("ROCMExecutionProvider", "cuda"),
    ],
)
def test_a_provider_that_returns_early_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, model: Path, provider: str, kind: str
) -> None:
    told = pretend(monkeypatch, installed=(provider, CPU), nodes=((provider, "", "Gemm"),))
    bound = opened(model, provider).bind(ROWS)
    assert f"to {kind}:0" in told.calls
    told.calls.clear()
    bound.run()
    assert told.calls == ["run", "outputs there"]
    told.calls.clear()
    bound.writer(ROWS)()
    assert told.calls == ["write", "inputs there"]


@pytest.mark.parametrize("name", ["OpenVINO", "CoreML", "QNN"])
def test_other_providers_take_their_inputs_from_the_processors_memory(
    monkeypatch: pytest.MonkeyPatch, model: Path, name: str
) -> None:
    provider = f"{name}ExecutionProvider"
    pretend(monkeypatch, installed=(provider, CPU), nodes=((provider, "", "Gemm"),))
    session = opened(model, provider)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("frugalbench.runners.ort.onnxruntime.OrtValue", Shared())
        bound = session.bind(ROWS)
    assert session.bound
    answers(model, bound, ROWS["x"] * 2)


class Shared:
    """Values in the processor's memory, which they share with the array."""

    def ortvalue_from_numpy(self, array: Any, kind: str, number: int) -> Any:
        assert (kind, number) == ("cpu", 0)
        return SimpleNamespace(real=onnxruntime.OrtValue.ortvalue_from_numpy(array))


def test_a_device_that_cannot_be_bound_is_run_plainly_and_says_so(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    told = pretend(monkeypatch, binds=False)
    session = opened(model)
    bound = session.bind(ROWS)
    assert not session.bound
    bound.run()
    assert told.calls[-1] == "plain"


# ── CUDA graphs ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("provider", "option"), [(CUDA, "enable_cuda_graph"), (TENSORRT, "trt_cuda_graph_enable")]
)
def test_each_binding_is_captured_under_its_own_number_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, model: Path, provider: str, option: str
) -> None:
    told = pretend(monkeypatch, installed=(provider, CPU), nodes=((provider, "", "Gemm"),))
    session = opened(model, provider, cuda_graph=True)
    assert told.opened[0]["providers"][0][1] == {option: "1"}
    assert session.provider_options[option] == "1"
    first, second = session.bind(ROWS), session.bind({"x": ROWS["x"][:1]})
    runs = [one for one in told.calls if one.startswith("run")]
    # One run to learn the shapes, uncaptured, and one that captures.
    assert runs == ["run -1", "run 0", "run -1", "run 1"]
    told.calls.clear()
    first.run()
    second.run()
    session.predict(ROWS, ("y",))
    assert told.calls == ["run 0", "run 1", "plain -1"]


def test_a_model_whose_outputs_have_no_buffer_has_no_graph(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ports = [port("x", ("n",))], [port("y", (1, "found"), 7)]
    path = save_model(tmp_path / "m.onnx", [node("NonZero", "x", "y")], *ports)
    pretend(monkeypatch)
    with pytest.raises(MeasurementError, match=r"leave target\.cuda_graph out"):
        opened(path, cuda_graph=True).bind({"x": np.ones(3, np.float32)})


def test_a_call_that_cannot_be_captured_is_not_timed_otherwise(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    pretend(monkeypatch, binds=False)
    with pytest.raises(MeasurementError, match="cannot be captured: no such device"):
        opened(model, cuda_graph=True).bind(ROWS)


def test_graphs_are_refused_where_there_are_none(model: Path) -> None:
    with pytest.raises(UsageError, match="CPUExecutionProvider has no CUDA graphs"):
        opened(model, CPU, cuda_graph=True)


# ── packages over each other ─────────────────────────────────────────────────


def distribution(name: str, files: tuple[str, ...] | None, version: str = "1.2") -> Any:
    return SimpleNamespace(metadata={"Name": name}, version=version, files=files)


def test_every_package_that_holds_the_module_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "onnxruntime/__init__.py"
    there = [
        distribution("onnxruntime-gpu", ("onnxruntime/capi/x.so", module)),
        distribution("onnxruntime", (module,), "1.3"),
        distribution("onnxruntime-tools", ("onnxruntime_tools/__init__.py",)),
        distribution("ort-nightly", None),
        distribution("numpy", (module,)),
    ]
    monkeypatch.setattr(_wheels, "distributions", lambda: iter(there))
    assert _wheels.wheels() == {"onnxruntime": "1.3", "onnxruntime-gpu": "1.2"}


def test_here_there_is_one() -> None:
    assert len(_wheels.wheels()) == 1
