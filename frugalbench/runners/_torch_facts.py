"""What a torch model is: built, counted and run once, in a child process that may crash.

Reads the model's settings as JSON on standard input, and writes what it found, or why it cannot
be, as one JSON object on standard output. What the model itself prints is not among it.
"""

import hashlib
import os
import resource
import sys
from typing import Any

import msgspec
import torch
from torch.utils.flop_counter import FlopCounterMode

from frugalbench.errors import UsageError
from frugalbench.runners._torch_module import (
    PRECISIONS,
    Input,
    build,
    factory_file,
    has_gaps,
    inputs_of,
    named,
    tensor_of,
    words,
)
from frugalbench.spec import Model

__all__ = ["ONNX_NAMES", "confined", "facts", "main", "output_of"]

ROWS = 3
"""A first axis of this size in an output is taken for the batch."""
COUNTED = "matrix products, convolutions and attention, as torch.utils.flop_counter sees them"
ONNX_NAMES = {"float32": "float", "float64": "double"}
"""How ONNX names the types that it names otherwise."""


def facts(model: Model) -> dict[str, Any]:
    """Interface, size, weights by type and multiply-adds (1 = 2 FLOPs) of one row.

    Raises:
        UsageError: the model cannot be built, or not be run on rows of the declared shape.
    """
    module = build(model)
    inputs = inputs_of(model, module)
    rows = [tensor_of(kind, ROWS, shape, seed) for seed, (_, kind, shape) in enumerate(inputs)]
    counter = FlopCounterMode(display=False)
    with counter:
        found = output_of(model, module, inputs, rows)
    state = _state(module)
    held: dict[str, int] = {}
    for one in state.values():
        held[_name(one.dtype)] = held.get(_name(one.dtype), 0) + one.numel()
    source = factory_file(model)
    code = ""
    if source is not None:
        code = f" of a file with SHA-256 {hashlib.sha256(source.read_bytes()).hexdigest()}"
    return {
        "inputs": [(name, _plain(kind), ("batch", *shape)) for name, kind, shape in inputs],
        "outputs": [(name, _output_type(one, model), _shape(one)) for name, one in found.items()],
        "weights": dict(sorted(held.items())),
        "macs": counter.get_total_flops() // (2 * ROWS),
        "macs_note": COUNTED,
        "producer": f"torch {torch.__version__}, {model.factory}{code}",
        "sha256": _digest(state),
        "bytes": sum(one.numel() * one.element_size() for one in state.values()),
    }


def output_of(
    model: Model, module: torch.nn.Module, inputs: tuple[Input, ...], rows: list[torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The outputs for these rows, by name.

    Raises:
        UsageError: the module refuses them.
    """
    kind, names = PRECISIONS[model.precision], [name for name, _, _ in inputs]
    given = [one.to(kind) if kind and one.is_floating_point() else one for one in rows]
    try:
        with torch.inference_mode():
            if has_gaps(module, names):
                return named(module(**dict(zip(names, given, strict=True))))
            return named(module(*given))
    except (MemoryError, UsageError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's model raises
        raise UsageError(
            f"the model cannot run on {len(rows[0])} rows of {_words(inputs)}: {words(error)}; "
            "check model.shape and model.dtype"
        ) from None


def confined() -> int:
    """Bound this process's memory by the machine's, and give the descriptor to answer on.

    What is printed from then on goes to standard error.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    return answers


def main() -> int:
    """The child: answer with the facts, or with `error`."""
    answers = confined()
    model = msgspec.json.decode(sys.stdin.buffer.read(), type=Model)
    torch.set_num_threads(1)
    try:
        answer = facts(model)
    except UsageError as error:
        answer = {"error": str(error)}
    with os.fdopen(answers, "wb") as out:
        out.write(msgspec.json.encode(answer))
    return 0


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights and persistent buffers by name, each once where names share one."""
    seen: set[tuple[int, tuple[int, ...], tuple[int, ...]]] = set()
    found: dict[str, torch.Tensor] = {}
    for name, one in module.state_dict().items():
        if not isinstance(one, torch.Tensor):
            continue
        place = (one.data_ptr(), tuple(one.shape), tuple(one.stride()))
        if place not in seen or not one.numel():
            seen.add(place)
            found[name] = one.detach()
    return found


def _digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 over name, type, shape and bytes of every weight, in the order of the names."""
    digest = hashlib.sha256()
    for name, one in sorted(state.items()):
        about = f"{name}\0{one.dtype}\0{tuple(one.shape)}\0"
        digest.update(about.encode("utf-8", "replace"))
        digest.update(one.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _output_type(tensor: torch.Tensor, model: Model) -> str:
    casts = PRECISIONS[model.precision] is not None or tensor.dtype == torch.bfloat16
    return "float" if casts and tensor.is_floating_point() else _name(tensor.dtype)


def _shape(tensor: torch.Tensor) -> tuple[int | str, ...]:
    first = ("batch",) if tensor.ndim and tensor.shape[0] == ROWS else tuple(tensor.shape[:1])
    return (*first, *tensor.shape[1:])


def _name(kind: torch.dtype) -> str:
    return _plain(str(kind).removeprefix("torch."))


def _plain(name: str) -> str:
    return ONNX_NAMES.get(name, name)


def _words(inputs: tuple[Input, ...]) -> str:
    return " and ".join(
        f"{'×'.join(map(str, shape)) or 'one'} {kind} ({name})" for name, kind, shape in inputs
    )


if __name__ == "__main__":
    sys.exit(main())
