"""PyTorch, eager or compiled, on the processor or on an NVIDIA GPU.

A call is the module, in inference mode, and on a GPU the wait until it has answered. Inputs are in
place before. Between inputs and outputs of the declared types, a module of another precision casts
within the call, as a graph that was converted does.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from frugalbench.errors import FrugalbenchError, MeasurementError
from frugalbench.runners._buffers import copy, each
from frugalbench.runners._session import Bound, Feed, Outputs
from frugalbench.runners._torch_module import PRECISIONS, build, has_gaps, inputs_of, named, words
from frugalbench.spec import Model, Target

__all__ = ["TorchSession", "open", "prepared"]

DEVICES = {"CPUExecutionProvider": "cpu", "CUDAExecutionProvider": "cuda"}
WARM = 3
"""Calls before a capture, on a stream of their own, as torch asks for."""
MOST_SHAPES = 64
"""Shapes that are compiled before a call of another one is refused."""
IMAGES = 4

Tensors = tuple[torch.Tensor, ...]
Call = Callable[[], object]


class TorchSession:
    """An open module, which answers with tensors that are not written again."""

    def __init__(self, module: torch.nn.Module, model: Model, target: Target) -> None:
        """Wrap a module that is on its device, in the form that is to be timed."""
        self.provider = target.provider
        self.bound = False
        self.provider_options = _in_force(target)
        self._device = DEVICES[target.provider]
        self._gpu = self._device == "cuda"
        self._target = target
        self._names = [name for name, _, _ in inputs_of(model, module)]
        self._by_name = has_gaps(module, self._names)
        self._kind = PRECISIONS[model.precision]
        self._module = module
        self._forward: Callable[..., Any] = module
        if target.compile:
            # One graph a shape: a graph for any shape would not be what is timed. And a whole one:
            # else what is not understood would be run without the compiler.
            self._forward = torch.compile(module, dynamic=False, fullgraph=True)

    def bind(self, feed: Feed) -> Bound:
        """Inputs in buffers of their own on the device; with `cuda_graph`, outputs too.

        Raises:
            MeasurementError: the model refuses the inputs, or cannot be compiled or captured.
        """
        self._settle()
        buffers = {name: self._tensor(feed[name]) for name in self._names}
        with self._refused():
            call = self._call(tuple(buffers.values()))
            if self._target.cuda_graph:
                call = self._captured(call)
            run = partial(_and_wait, call) if self._gpu else call
            run()
        self.bound = self._target.cuda_graph

        def writer(other: Feed) -> Callable[[], object]:
            if self._gpu or self._target.channels_last:
                pairs = [(one, self._source(other[name], one)) for name, one in buffers.items()]
                return partial(_write, pairs, wait=self._gpu)
            # An array of the same memory is written to far quicker than a tensor.
            copies = [copy(one.numpy(), other[name]) for name, one in buffers.items()]
            return copies[0] if len(copies) == 1 else partial(each, copies)

        return Bound(run, writer, _read)

    def predict(self, feed: Feed, outputs: tuple[str, ...]) -> Outputs:
        """Run once and return the named outputs as arrays.

        Raises:
            MeasurementError: the model refuses the inputs, or has no such output.
        """
        self._settle()
        with self._refused():
            found = self._call(tuple(self._tensor(feed[name]) for name in self._names))()
            return _read(found, outputs)

    def _settle(self) -> None:
        # Another session of this process may have set another number.
        if torch.get_num_threads() != self._target.threads:
            torch.set_num_threads(self._target.threads)

    def _tensor(self, array: npt.NDArray[Any]) -> torch.Tensor:
        """An input on the device, in memory that nothing else holds."""
        tensor = torch.from_numpy(np.array(array, order="C")).to(self._device)
        if self._target.channels_last and tensor.ndim == IMAGES:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor

    @staticmethod
    def _source(array: npt.NDArray[Any], buffer: torch.Tensor) -> torch.Tensor:
        # A copy: a piece of the feed may not be writable, which torch warns of.
        source = torch.from_numpy(np.array(array, order="C"))
        if source.shape != buffer.shape:
            raise ValueError(
                f"an input of shape {tuple(source.shape)} has no place in one of "
                f"{tuple(buffer.shape)}"
            )
        return source.contiguous(memory_format=_format(buffer))

    def _call(self, inputs: Tensors) -> Call:
        """The call that is timed: casts, where the precision is another one, are part of it."""
        forward, kind, names = self._forward, self._kind, self._names
        keywords = dict(zip(names, inputs, strict=True))

        def plain() -> object:
            with torch.inference_mode():
                return forward(*inputs)

        def by_names() -> object:
            with torch.inference_mode():
                return forward(**keywords)

        def cast() -> object:
            with torch.inference_mode():
                given = [one.to(kind) if one.is_floating_point() else one for one in inputs]
                keys = dict(zip(names, given, strict=True)) if self._by_name else {}
                found = forward(**keys) if keys else forward(*given)
                return {
                    name: one.float() if one.is_floating_point() else one
                    for name, one in named(found).items()
                }

        if kind is not None:
            return cast
        return by_names if self._by_name else plain

    def _captured(self, call: Call) -> Call:
        """A call as a CUDA graph: captured once, then replayed into the same outputs."""
        side: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = call()

        def replay() -> object:
            graph.replay()
            return outputs

        return replay

    @contextlib.contextmanager
    def _refused(self) -> Iterator[None]:
        """What torch and the model's own code raise, in one line."""
        try:
            yield
        except (MemoryError, FrugalbenchError):
            raise
        except torch.OutOfMemoryError:
            raise MeasurementError(
                "the model does not fit in the GPU's memory: use a smaller batch or model"
            ) from None
        except KeyError as error:
            raise MeasurementError(f"the model has no input or output {error}") from None
        except Exception as error:  # noqa: BLE001 - whatever a user's model raises
            what = "be compiled and run" if self._target.compile else "run on its inputs"
            raise MeasurementError(f"the model cannot {what}: {words(error)}") from None


def open(model: Model, target: Target) -> TorchSession:
    """Build a module on exactly the device asked for, set as the target asks.

    Raises:
        UsageError: the factory or the weights are not what they are said to be.
        MeasurementError: there is no such device, or a setting is for another one.
    """
    _check(target)
    _set(target)
    return TorchSession(prepared(model, target), model, target)


def prepared(model: Model, target: Target) -> torch.nn.Module:
    """The module on its device and in its layout in memory."""
    module = build(model)
    if target.channels_last:
        shapes = [shape for _, _, shape in inputs_of(model, module)]
        if IMAGES - 1 not in map(len, shapes):
            raise MeasurementError(
                "target.channels_last is for images: no input has rows of channels × height × width"
            )
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        return module.to(DEVICES[target.provider])
    except torch.OutOfMemoryError:
        raise MeasurementError(
            "the weights do not fit in the GPU's memory: use a smaller model"
        ) from None


def _check(target: Target) -> None:
    if target.provider not in DEVICES:
        raise MeasurementError(
            f"the runner pytorch has no {target.provider}; it has {', '.join(DEVICES)}: choose one "
            "with target.provider=…"
        )
    on_gpu = DEVICES[target.provider] == "cuda"
    if on_gpu and not torch.cuda.is_available():
        raise MeasurementError(
            f"this torch {torch.__version__} sees no NVIDIA GPU: use target=cpu, or install a "
            "build of torch for CUDA and its driver"
        )
    if target.cuda_graph and not on_gpu:
        raise MeasurementError("target.cuda_graph is for an NVIDIA GPU: add target=cuda")


def _set(target: Target) -> None:
    """What torch keeps for the whole process."""
    torch.set_num_threads(target.threads)
    with contextlib.suppress(RuntimeError):
        # Only before the first parallel work of a process.
        torch.set_num_interop_threads(1)
    if target.deterministic:
        # Read by cuBLAS when it starts.
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if target.deterministic != torch.are_deterministic_algorithms_enabled():
        # Setting it loads the compiler too, which costs seconds.
        torch.use_deterministic_algorithms(target.deterministic)
    torch.backends.cudnn.benchmark = False
    rounded = target.provider_options.get("use_tf32")
    if rounded is not None:
        # Torch's own default rounds what convolutions multiply to 10 bits, and no other product.
        allowed = str(rounded).lower() not in ("0", "false")
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        torch.backends.cudnn.allow_tf32 = allowed
    if target.compile:
        # Never eager in place of compiled: what cannot be compiled is refused.
        settings = torch._dynamo.config
        settings.recompile_limit = MOST_SHAPES
        settings.fail_on_recompile_limit_hit = True
        settings.suppress_errors = False
        # Compiled here: helper processes would run beside the calls that are timed.
        torch._inductor.config.compile_threads = 1


def _in_force(target: Target) -> dict[str, str]:
    """What decides how a GPU rounds 32-bit floats, asked for or not."""
    if DEVICES[target.provider] != "cuda":
        return {}
    return {
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_allow_tf32": str(torch.backends.cudnn.allow_tf32).lower(),
    }


def _and_wait(call: Call) -> object:
    """A call on the GPU, until it has answered: launching alone takes no time."""
    found = call()
    torch.cuda.synchronize()
    return found


def _write(pairs: list[tuple[torch.Tensor, torch.Tensor]], *, wait: bool) -> None:
    for buffer, source in pairs:
        buffer.copy_(source)
    if wait:
        # Else the copy could end within the next timed call.
        torch.cuda.synchronize()


def _read(result: object, names: tuple[str, ...]) -> Outputs:
    """Named outputs as arrays of their own; all of them, where no name is given."""
    found = named(result)
    return {name: _array(found[name]) for name in names or found}


def _array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    plain = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    array: npt.NDArray[Any] = plain.detach().cpu().numpy().copy()
    return array


def _format(tensor: torch.Tensor) -> torch.memory_format:
    images = tensor.ndim == IMAGES and tensor.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if images else torch.contiguous_format
