"""Torch models: built from a factory and weights, run, refused in one line."""

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import _nets
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from frugalbench import runners
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.runners import _torch_facts, _torch_module, pytorch
from frugalbench.spec import Model, Target

ROWS = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]], np.float32)
CUDA = "CUDAExecutionProvider"
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU that torch sees")


def net(factory: str = "dense", shape: Any = (3,), **about: Any) -> Model:
    made = factory if ":" in factory else f"_nets:{factory}"
    return Model(**{"path": "", "runner": "pytorch", "factory": made, "shape": shape, **about})


def opened(model: Model, **target: Any) -> runners.Session:
    return runners.open_session(model, Target(**target))


def refusal(model: Model) -> str:
    with pytest.raises(UsageError) as caught:
        _torch_facts.facts(model)
    line = str(caught.value)
    assert "\n" not in line
    return line


# What it is


def test_facts_are_counted_on_the_module_itself() -> None:
    found = _torch_facts.facts(net())
    assert found["inputs"] == [("input", "float", ("batch", 3))]
    assert found["outputs"] == [("output", "float", ("batch", 2))]
    assert found["weights"] == {"float": 3 * 4 + 4 + 4 * 2 + 2}
    assert found["macs"] == 3 * 4 + 4 * 2
    assert found["bytes"] == 4 * 26
    assert "_nets:dense" in found["producer"]
    assert torch.__version__ in found["producer"]


def test_a_convolution_is_counted_at_every_place() -> None:
    found = _torch_facts.facts(net("images", (3, 8, 8)))
    assert found["macs"] == 4 * 6 * 6 * (3 * 3 * 3) + 4 * 6 * 6 * 2
    # The counter of batches that BatchNorm keeps is a weight of the file, too.
    assert found["weights"]["int64"] == 1


def test_shared_weights_are_counted_once() -> None:
    assert _torch_facts.facts(net("tied"))["weights"] == {"float": 9}


def test_weights_that_a_factory_draws_are_the_same_ones_every_time() -> None:
    first, second = _torch_facts.facts(net()), _torch_facts.facts(net())
    assert first["sha256"] == second["sha256"]
    assert first["sha256"] != _torch_facts.facts(net("tied"))["sha256"]
    torch.manual_seed(5)
    assert _torch_facts.facts(net())["sha256"] == first["sha256"]


def test_another_weight_is_another_digest(tmp_path: Path) -> None:
    state = _nets.dense().state_dict()
    digests = []
    for value in (1.0, np.nextafter(np.float32(1), np.float32(2))):
        state["0.bias"][0] = float(value)
        torch.save(state, tmp_path / "w.pt")
        digests.append(_torch_facts.facts(net(path=str(tmp_path / "w.pt")))["sha256"])
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("factory", "names"),
    [
        ("as_tuple", ["output_0", "output_1"]),
        ("as_dict", ["scores", "label"]),
        ("as_named", ["scores", "label"]),
    ],
)
def test_outputs_bear_their_own_names_or_numbers(factory: str, names: list[str]) -> None:
    found = _torch_facts.facts(net(factory))
    assert [name for name, _, _ in found["outputs"]] == names
    assert [kind for _, kind, _ in found["outputs"]] == ["float", "int64"]
    answers = opened(net(factory)).predict({"x": ROWS}, tuple(names))
    np.testing.assert_array_equal(answers[names[0]].argmax(1), answers[names[1]])


@pytest.mark.parametrize("factory", ["as_text", "as_none"])
def test_what_is_no_tensor_is_no_answer(factory: str) -> None:
    assert "not tensors" in refusal(net(factory))


@pytest.mark.parametrize(
    ("precision", "kind", "size"),
    [("fp16", "float16", 2), ("bf16", "bfloat16", 2), ("fp32", "float", 4)],
)
def test_a_precision_is_that_of_the_weights_and_not_of_the_interface(
    precision: Any, kind: str, size: int
) -> None:
    found = _torch_facts.facts(net(precision=precision))
    assert found["weights"] == {kind: 26}
    assert found["bytes"] == 26 * size
    assert found["inputs"][0][1] == found["outputs"][0][1] == "float"


# Factories and inputs


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("_nets", "is not package.module:function"),
        ("_nets:", "is not package.module:function"),
        (":dense", "is not package.module:function"),
        ("../x:dense", "is not package.module:function"),
        ("_nets:dense()", "is not package.module:function"),
        ("no_such_place:make", "there is no module no_such_place"),
        ("_nets.inner:make", "no module _nets.inner"),
        ("_nets:absent", "has no function 'absent'"),
        ("_nets:not_callable", "has no function 'not_callable'"),
        ("_nets:number", "returns int"),
        ("_nets:raises", "RuntimeError: no weights here"),
        ("_nets:leaves", "SystemExit"),
    ],
)
def test_a_factory_that_is_none_is_refused_in_one_line(factory: str, said: str) -> None:
    assert said in refusal(Model(path="", runner="pytorch", factory=factory, shape=(3,)))


def test_a_module_that_fails_as_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_net.py").write_text("import no_such_dependency\n", encoding="utf-8")
    (tmp_path / "ended_net.py").write_text("raise SystemExit(0)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "No module named 'no_such_dependency'" in refusal(net(factory="broken_net:make"))
    assert "cannot be imported" in refusal(net(factory="ended_net:make"))


def test_a_module_in_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net_of_here.py").write_text(
        "import torch\ndef make():\n    return torch.nn.Linear(3, 2)\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    assert _torch_facts.facts(net(factory="net_of_here:make"))["weights"] == {"float": 8}


def test_what_a_row_is_has_to_be_said() -> None:
    assert "model.shape=[3,32,32]" in refusal(net(shape=None))


def test_rows_of_another_shape_are_refused() -> None:
    line = refusal(net(shape=(4,)))
    assert "rows of 4 float32 (input)" in line
    assert "model.shape" in line
    assert "ValueError: no such rows" in refusal(net("fails"))


def test_several_inputs_are_given_by_name_and_may_leave_some_out() -> None:
    about = {"shapes": {"x": (3,), "ids": (2,)}, "dtypes": {"ids": "int64"}}
    model = net("two", None, **about)
    found = _torch_facts.facts(model)
    assert found["inputs"] == [("ids", "int64", ("batch", 2)), ("x", "float", ("batch", 3))]
    feed = {"ids": np.array([[0, 1], [1, 1]]), "x": ROWS}
    session = opened(model)
    module = _torch_module.build(model)
    wanted = module(torch.from_numpy(feed["ids"]), None, torch.from_numpy(ROWS)).numpy()
    np.testing.assert_array_equal(session.predict(feed, ("output",))["output"], wanted)
    bound = session.bind(feed)
    np.testing.assert_array_equal(bound.read(bound.run(), ("output",))["output"], wanted)
    half = opened(Model(**{**_fields(model), "precision": "fp16"})).predict(feed, ("output",))
    np.testing.assert_allclose(half["output"], wanted, atol=1e-2)


def _fields(model: Model) -> dict[str, Any]:
    return {name: getattr(model, name) for name in model.__struct_fields__}


def test_an_input_that_forward_does_not_take_is_refused() -> None:
    assert "forward takes ids, mask, x" in refusal(net("two", None, shapes={"idz": (2,)}))
    stray = net("two", None, shapes={"ids": (2,)}, dtypes={"x": "float32"})
    assert "has a dtype and no shape" in refusal(stray)


# Files of weights


def saved(path: Path, state: Any) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.safetensors"])
def test_weights_of_a_file_are_those_that_answer(tmp_path: Path, name: str) -> None:
    torch.manual_seed(9)
    other = _nets.dense()
    path = saved(tmp_path / name, other.state_dict())
    with torch.inference_mode():
        wanted = other(torch.from_numpy(ROWS)).numpy()
    answer = opened(net(path=str(path))).predict({"input": ROWS}, ("output",))["output"]
    np.testing.assert_array_equal(answer, wanted)
    drawn = opened(net()).predict({"input": ROWS}, ("output",))["output"]
    assert not np.allclose(drawn, wanted)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict"])
def test_a_checkpoint_holds_its_weights_among_other_things(tmp_path: Path, key: str) -> None:
    path = saved(tmp_path / "w.pt", {key: _nets.dense().state_dict(), "epoch": 3})
    assert _torch_facts.facts(net(path=str(path)))["weights"] == {"float": 26}


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_weights_of_another_model_are_refused(tmp_path: Path, name: str) -> None:
    state = _nets.dense().state_dict()
    fewer = saved(tmp_path / f"fewer-{name}", {k: v for k, v in state.items() if k != "2.bias"})
    assert "lacks 2.bias" in refusal(net(path=str(fewer)))
    more = saved(tmp_path / f"more-{name}", {**state, "4.bias": torch.zeros(2)})
    assert "has, and the factory's model has not, 4.bias" in refusal(net(path=str(more)))
    wider = saved(tmp_path / f"wider-{name}", {**state, "2.bias": torch.zeros(3)})
    assert "'2.bias' of shape (3,)" in refusal(net(path=str(wider)))


class Hostile:
    """Unpickled by one who trusts the file, it writes a mark."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (_nets.mark, (str(self.path),))


class Shell(Hostile):
    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.path}",))


@pytest.mark.parametrize("kind", [Hostile, Shell])
@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_in_a_file_is_run(tmp_path: Path, kind: type[Hostile], zipped: bool) -> None:
    mark, path = tmp_path / "mark", tmp_path / "w.pt"
    state = {**_nets.dense().state_dict(), "2.bias": kind(mark)}
    if zipped:
        torch.save(state, path)
    else:
        path.write_bytes(pickle.dumps(kind(mark)))
    assert "not run" in refusal(net(path=str(path)))
    assert not mark.exists()


def test_a_whole_module_is_no_file_of_weights(tmp_path: Path) -> None:
    torch.save(_nets.dense(), tmp_path / "w.pt")
    assert "what it holds is not run" in refusal(net(path=str(tmp_path / "w.pt")))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not weights",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 99_000_000) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 9) + b'{"a":[]}  ',
        *(
            struct.pack("<Q", len(header)) + header + b"\0" * 16
            for header in (
                json.dumps(
                    {"0.bias": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}
                ).encode()
                for shape, offsets in (
                    ([4], [0, 2**60]),
                    ([2**62], [0, 16]),
                    ([4], [16, 0]),
                    ([-4], [0, 16]),
                    ([2**31, 2**31, 2**31], [0, 16]),
                )
            )
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    assert "w." in refusal(net(path=str(path)))


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_short_or_changed_is_refused_or_is_weights(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    whole = bytearray(saved(tmp_path / name, _nets.dense().state_dict()).read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[place:]
    else:
        whole[place] ^= data.draw(st.integers(1, 255))
    changed = tmp_path / f"changed-{name}"
    changed.write_bytes(whole)
    said, module = "", None
    try:
        module = _torch_module.build(net(path=str(changed)))
    except UsageError as error:
        said = str(error)
    assert "\n" not in said
    assert module is not None or said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no model file" in refusal(net(path=str(tmp_path / "none.pt")))
    (tmp_path / "empty.pt").mkdir()
    assert "there is no model file" in refusal(net(path=str(tmp_path / "empty.pt")))


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.zeros(2)], torch.zeros(2)])
def test_a_file_without_weights_by_name(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "w.pt")
    assert "save model.state_dict()" in refusal(net(path=str(tmp_path / "w.pt")))


# Running


def test_a_bound_call_answers_what_is_written(tmp_path: Path) -> None:
    session = opened(net())
    bound = session.bind({"input": ROWS})
    assert not session.bound  # torch makes its outputs anew in each call
    first = bound.read(bound.run(), ("output",))["output"]
    kept = first.copy()
    # Every second row of a larger array that may not be written to.
    other = np.repeat(ROWS * 2 + 1, 2, axis=0)
    other.setflags(write=False)
    bound.writer({"input": other[::2]})()
    second = bound.read(bound.run(), ("output",))["output"]
    np.testing.assert_array_equal(first, kept)
    wanted = session.predict({"input": other[::2]}, ("output",))["output"]
    np.testing.assert_array_equal(second, wanted)
    assert not np.array_equal(first, second)


def test_an_input_of_another_shape_has_no_place() -> None:
    bound = opened(net()).bind({"input": ROWS})
    with pytest.raises(ValueError, match="has no place"):
        bound.writer({"input": ROWS[:1]})
    images = np.zeros((2, 3, 8, 8), np.float32)
    bound = opened(net("images", (3, 8, 8)), channels_last=True).bind({"input": images})
    with pytest.raises(ValueError, match="has no place"):
        bound.writer({"input": images[:1]})


def test_every_input_of_several_is_written() -> None:
    about = {"shapes": {"x": (3,), "ids": (2,)}, "dtypes": {"ids": "int64"}}
    session = opened(net("two", None, **about))
    bound = session.bind({"ids": np.array([[0, 1], [1, 1]]), "x": ROWS})
    other = {"ids": np.array([[1, 1], [0, 0]]), "x": ROWS + 1}
    bound.writer(other)()
    found = bound.read(bound.run(), ("output",))["output"]
    np.testing.assert_array_equal(found, session.predict(other, ("output",))["output"])


def test_a_call_is_inference_and_nothing_of_training() -> None:
    session = opened(net("images", (3, 8, 8)))
    feed = {"input": np.ones((2, 3, 8, 8), np.float32)}
    bound = session.bind(feed)
    result: Any = bound.run()
    assert result.is_inference()
    assert not result.requires_grad
    # Dropout and the statistics of a batch would differ from call to call, and from row to row.
    answers = bound.read(bound.run(), ("output",))["output"]
    np.testing.assert_array_equal(answers, bound.read(bound.run(), ("output",))["output"])
    np.testing.assert_array_equal(answers[0], answers[1])


@pytest.mark.parametrize(("precision", "apart"), [("fp16", 2e-3), ("bf16", 2e-2), ("fp32", 0)])
def test_another_precision_answers_nearly_the_same(precision: Any, apart: float) -> None:
    exact = opened(net()).predict({"input": ROWS}, ("output",))["output"]
    session = opened(net(precision=precision))
    bound = session.bind({"input": ROWS})
    answer = bound.read(bound.run(), ("output",))["output"]
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, exact, atol=apart, rtol=apart)
    assert (precision == "fp32") == np.array_equal(answer, exact)


def test_channels_last_changes_the_layout_and_not_the_answer() -> None:
    feed = {"input": np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)}
    model = net("images", (3, 8, 8))
    plain = opened(model).predict(feed, ("output",))["output"]
    session = opened(model, channels_last=True)
    bound = session.bind(feed)
    last = bound.read(bound.run(), ("output",))["output"]
    np.testing.assert_allclose(last, plain, rtol=1e-5, atol=1e-6)
    bound.writer({"input": feed["input"] + 1})()
    moved = bound.read(bound.run(), ("output",))["output"]
    wanted = session.predict({"input": feed["input"] + 1}, ("output",))["output"]
    np.testing.assert_allclose(moved, wanted, rtol=1e-5, atol=1e-6)
    module = pytorch.prepared(model, Target(channels_last=True))
    weight: Any = module.get_parameter("0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_channels_last_without_images_is_refused() -> None:
    with pytest.raises(MeasurementError, match="for images"):
        opened(net(), channels_last=True)


def test_settings_of_the_process_are_those_asked_for() -> None:
    one, two = opened(net(), threads=1), opened(net(), threads=2)
    two.predict({"input": ROWS}, ())
    assert torch.get_num_threads() == 2
    one.bind({"input": ROWS})
    assert torch.get_num_threads() == 1
    opened(net(), deterministic=True)
    try:
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        opened(net())
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_model_that_fails_fails_in_one_line() -> None:
    session = opened(net("fails"))
    for ask in (lambda: session.bind({"x": ROWS}), lambda: session.predict({"x": ROWS}, ())):
        with pytest.raises(MeasurementError, match="no such rows") as caught:
            ask()
        assert "\n" not in str(caught.value)
    with pytest.raises(MeasurementError, match="no input or output 'y'"):
        opened(net()).predict({"input": ROWS}, ("y",))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_model_answers_alike_and_is_really_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = opened(net(), compile=True)
    plain = opened(net())
    bound = session.bind({"input": ROWS})
    for rows in (ROWS, ROWS[:1], np.repeat(ROWS, 3, axis=0)):
        answer = session.predict({"input": rows}, ("output",))["output"]
        wanted = plain.predict({"input": rows}, ("output",))["output"]
        np.testing.assert_allclose(answer, wanted, rtol=1e-5, atol=1e-6)
    bound.writer({"input": ROWS + 1})()
    answer = bound.read(bound.run(), ("output",))["output"]
    wanted = plain.predict({"input": ROWS + 1}, ("output",))["output"]
    np.testing.assert_allclose(answer, wanted, rtol=1e-5, atol=1e-6)
    counted = torch._dynamo.utils.counters["stats"]
    assert counted["unique_graphs"] >= 3
    with pytest.raises(MeasurementError, match="cannot be compiled and run") as caught:
        opened(net("branches"), compile=True).bind({"x": ROWS})
    assert "\n" not in str(caught.value)
    # One shape more than may be compiled is refused, and not answered without the compiler.
    monkeypatch.setattr(torch._dynamo.config, "recompile_limit", 3)
    with pytest.raises(MeasurementError, match="cannot be compiled and run"):
        session.predict({"input": np.repeat(ROWS, 5, axis=0)}, ("output",))


# A GPU, which is pretended where the order of calls is what matters


def test_a_gpu_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(MeasurementError, match="sees no NVIDIA GPU"):
        opened(net(), provider=CUDA)
    with pytest.raises(MeasurementError, match="is for an NVIDIA GPU"):
        opened(net(), cuda_graph=True)
    with pytest.raises(MeasurementError, match="has no ROCMExecutionProvider"):
        opened(net(), provider="ROCMExecutionProvider")


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The order in which the GPU is used, on the processor."""
    seen: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(pytorch.DEVICES, CUDA, "cpu")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: seen.append("wait"))
    return seen


def on_pretended(target: Target) -> Any:
    model = net()
    session = pytorch.TorchSession(pytorch.prepared(model, target), model, target)
    session._gpu = True
    forward = session._forward
    return session, forward


def test_a_call_on_a_gpu_ends_when_it_has_answered(
    pretended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, forward = on_pretended(Target(provider=CUDA))
    monkeypatch.setitem(pytorch.DEVICES, CUDA, "cuda")
    told = pytorch.TorchSession(_torch_module.build(net()), net(), Target(provider=CUDA))
    assert set(told.provider_options) == {"float32_matmul_precision", "cudnn_allow_tf32"}

    def watched(*given: Any) -> Any:
        pretended.append("forward")
        return forward(*given)

    session._forward = watched
    bound = session.bind({"input": ROWS})
    pretended.clear()
    bound.run()
    assert pretended == ["forward", "wait"]
    pretended.clear()
    bound.writer({"input": ROWS})()
    # What is written is there before the clock starts.
    assert pretended == ["wait"]


@pytest.mark.parametrize(("option", "found"), [(1, "high"), ("0", "highest"), (False, "highest")])
def test_rounding_on_a_gpu_is_as_asked_and_on_record(
    pretended: list[str], monkeypatch: pytest.MonkeyPatch, option: Any, found: str
) -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    target = Target(provider=CUDA, provider_options={"use_tf32": option})
    try:
        pytorch.open(net(), target)
        monkeypatch.setitem(pytorch.DEVICES, CUDA, "cuda")
        told = pytorch._in_force(target)
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
    on = str(found == "high").lower()
    assert told == {"float32_matmul_precision": found, "cudnn_allow_tf32": on}


def test_a_graph_is_captured_once_and_replayed(
    pretended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import contextlib

    class Graph:
        def replay(self) -> None:
            pretended.append("replay")

    class Stream:
        def wait_stream(self, other: Any) -> None:
            pretended.append("join")

    @contextlib.contextmanager
    def inside(what: Any) -> Any:
        pretended.append("capture" if isinstance(what, Graph) else "side")
        yield
        pretended.append("end")

    stream = Stream()
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", inside)
    monkeypatch.setattr(torch.cuda, "graph", inside)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    session, forward = on_pretended(Target(provider=CUDA, cuda_graph=True))

    def watched(*given: Any) -> Any:
        pretended.append("forward")
        return forward(*given)

    session._forward = watched
    bound = session.bind({"input": ROWS})
    warm = ["join", "side", *["forward"] * pytorch.WARM, "end", "join"]
    assert pretended == [*warm, "capture", "forward", "end", "replay", "wait"]
    assert session.bound
    pretended.clear()
    first: Any = bound.run()
    assert first is bound.run()
    assert pretended == ["replay", "wait"] * 2


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_gpu_answers_like_the_processor(graph: bool, precision: Any) -> None:
    model = net("images", (3, 8, 8), precision=precision)
    feed = {"input": np.random.default_rng(1).standard_normal((4, 3, 8, 8)).astype(np.float32)}
    session = opened(model, provider=CUDA, cuda_graph=graph)
    bound = session.bind(feed)
    near = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 5e-2}[precision]
    for rows in (feed["input"], feed["input"] + 1, feed["input"]):
        bound.writer({"input": rows})()
        answer = bound.read(bound.run(), ("output",))["output"]
        exact = net("images", (3, 8, 8))
        wanted = opened(exact).predict({"input": rows}, ("output",))["output"]
        np.testing.assert_allclose(answer, wanted, rtol=near, atol=near)
