"""Torch models seen from outside: a child process of the runner builds them and says what they are.

This process neither loads torch nor runs the code that builds the model.
"""

import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from frugalbench.errors import MeasurementError, StoreError, UsageError
from frugalbench.models import _child
from frugalbench.models._answers import answer_of
from frugalbench.record import ModelFacts, Port
from frugalbench.spec import Model, Target

__all__ = [
    "RUNNER",
    "SUFFIXES",
    "Compared",
    "as_file",
    "check",
    "export",
    "is_torch",
    "look",
    "target_for",
]

RUNNER, DEFAULT = "pytorch", "ort"
SUFFIXES = (".pt", ".pth", ".safetensors")
FACTS, EXPORT = "frugalbench.runners._torch_facts", "frugalbench.runners._torch_export"
SECONDS = 600.0
OWN_MODEL = ("factory", "shape", "dtype", "shapes", "dtypes")
OWN_TARGET = ("compile", "channels_last", "deterministic")
ORT_TARGET = ("spinning", "optimisation")
OPTION = "use_tf32"
"""The only option of the CUDA provider that means something to torch too."""
OWN_PRECISION = ("fp32", "bf16")
EXPORTED = ("as_is", "fp32")


class Seen(msgspec.Struct, frozen=True):
    """What the child says of a model; `error` in place of all else where it cannot be run."""

    error: str = ""
    inputs: tuple[tuple[str, str, tuple[int | str, ...]], ...] = ()
    outputs: tuple[tuple[str, str, tuple[int | str, ...]], ...] = ()
    weights: dict[str, int] = {}
    macs: int | None = None
    macs_note: str = ""
    producer: str = ""
    sha256: str = ""
    bytes: int = 0


class Compared(msgspec.Struct, frozen=True):
    """How an exported file compares: random rows answered alike, in which batches, how nearly."""

    error: str = ""
    names: tuple[str, ...] = ()
    rows: int = 0
    batches: tuple[int, ...] = ()
    furthest: float = 0.0


Said = TypeVar("Said", Seen, Compared)


def is_torch(model: Model) -> bool:
    """Whether the runner is torch's."""
    return model.runner == RUNNER


def check(model: Model, target: Target | None = None) -> None:
    """Refuse settings that the runner would not follow.

    Raises:
        UsageError: a setting of one runner with another one, or a torch model without a factory.
    """
    if is_torch(model):
        _check_torch(model, target or Target())
        return
    if model.runner != DEFAULT:
        return
    if model.path.lower().endswith(SUFFIXES):
        raise UsageError(
            f"{model.path} holds weights and no model: name the function that builds it with "
            "model.factory=package.module:function, or export it to ONNX"
        )
    for part, given, names in (("model", model, OWN_MODEL), ("target", target, OWN_TARGET)):
        for name in _changed(given, names):
            raise UsageError(f"{part}.{name} is for torch models: add model.runner={RUNNER}")
    if model.precision in OWN_PRECISION:
        raise UsageError(
            f"model.precision={model.precision} is for torch models; an ONNX file takes as_is, "
            "fp16 or int8"
        )


def look(model: Model, digest: str | None, size: int) -> ModelFacts:
    """Build a model in a child process, run it once, and say what it is.

    Args:
        model: its settings.
        digest: SHA-256 of the file of its weights; None where it has none.
        size: bytes of that file.

    Raises:
        UsageError: it cannot be built, or not be run on what it is said to take.
        MeasurementError: torch is not installed.
    """
    seen = _asked(FACTS, model, Seen)
    outputs = tuple(Port(name=name, dtype=kind, shape=shape) for name, kind, shape in seen.outputs)
    name = model.name or Path(model.path).stem or (model.factory or "").replace(":", ".")
    return ModelFacts(
        name=name if model.precision == "as_is" else f"{name}-{model.precision}",
        sha256=digest or seen.sha256,
        bytes=size if digest else seen.bytes,
        inputs=tuple(Port(name=one, dtype=kind, shape=shape) for one, kind, shape in seen.inputs),
        outputs=outputs,
        parameters=sum(seen.weights.values()),
        producer=seen.producer,
        answer=_answer(model, outputs),
        macs=seen.macs,
        macs_note=seen.macs_note,
        weights=seen.weights,
    )


def export(model: Model, out: Path) -> Compared:
    """Write a torch model to an ONNX file that answers alike, or leave no file.

    The batch is free. Answers to random rows are compared in batches of several sizes.

    Raises:
        UsageError: it is no torch model, cannot be exported, or the file answers otherwise.
        MeasurementError: torch is not installed.
        StoreError: the file cannot be written.
    """
    if not is_torch(model):
        raise UsageError(
            "only a torch model is exported: name the function that builds it with "
            "model.factory=package.module:function"
        )
    check(model)
    if model.precision not in EXPORTED:
        raise UsageError(
            "a model is exported with the weights it has: leave model.precision out here, and "
            "convert the ONNX file when it is measured"
        )
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".writing-") as folder:
            made = Path(folder, out.name)
            compared = _asked(EXPORT, model, Compared, str(made))
            made.replace(out)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from None
    return compared


def as_file(model: Model) -> Model:
    """The settings of an ONNX model that is read like this one."""
    if not is_torch(model):
        return model
    bare = Model(path="")
    own = {name: getattr(bare, name) for name in OWN_MODEL}
    return msgspec.structs.replace(model, runner=DEFAULT, precision="as_is", **own)


def target_for(model: Model, target: Target) -> Target:
    """The target without what the runner of this model does not follow."""
    if is_torch(model):
        return target
    bare = Target()
    return msgspec.structs.replace(target, **{name: getattr(bare, name) for name in OWN_TARGET})


def _check_torch(model: Model, target: Target) -> None:
    if not model.factory:
        raise UsageError(
            "a torch model needs the function that builds it: add "
            "model.factory=package.module:function"
        )
    if model.precision == "int8":
        raise UsageError(
            "model.precision=int8 is for ONNX files: export the model first, with frugalbench "
            "export"
        )
    if target.host is not None:
        raise UsageError(
            "a torch model is measured on this machine only: export it to ONNX for target.host"
        )
    for name in _changed(target, ORT_TARGET):
        raise UsageError(f"target.{name} is a setting of ONNX Runtime: leave it out for torch")
    on_cpu = target.provider == Target().provider
    for name in target.provider_options:
        if on_cpu or name != OPTION:
            raise UsageError(
                f"target.provider_options.{name} is a setting of ONNX Runtime: torch takes "
                f"{OPTION} alone, and on a GPU"
            )
    if target.cuda_graph and on_cpu:
        raise UsageError("target.cuda_graph is for an NVIDIA GPU: add target=cuda")


def _changed(given: msgspec.Struct | None, names: tuple[str, ...]) -> list[str]:
    """Which of these settings are not as they are by default."""
    if given is None:
        return []
    bare = Model(path="") if isinstance(given, Model) else Target()
    return [name for name in names if getattr(given, name) != getattr(bare, name)]


def _answer(model: Model, outputs: tuple[Port, ...]) -> Any:
    """The answer as declared: a module says nothing of what its outputs are.

    Labels are places in the list of classes where those are text, which no tensor holds.
    """
    from onnx import GraphProto

    answer = answer_of(model, GraphProto(), outputs)
    if answer is None or answer.kind != "label":
        return answer
    text = any(isinstance(one, str) for one in model.classes)
    return msgspec.structs.replace(answer, positions=text)


def _asked(module: str, model: Model, kind: type[Said], *arguments: str) -> Said:
    """What a child process of the runner answers."""
    ended = _child.run(module, arguments, msgspec.json.encode(model), seconds=SECONDS)
    try:
        answer = msgspec.json.decode(ended.output, type=kind)
    except msgspec.DecodeError:
        if "No module named 'torch'" in ended.said:
            raise MeasurementError(
                "torch is not installed: pip install 'frugalbench[torch]'"
            ) from None
        raise UsageError(f"the torch model cannot be opened: {ended.how}") from None
    if answer.error:
        raise UsageError(answer.error)
    return answer
