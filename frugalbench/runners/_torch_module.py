"""A torch model from what a question says: its factory, its weights, its precision.

The factory is code that the user names. A file of weights is data: it never names code to run.
"""

import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from frugalbench.errors import UsageError
from frugalbench.spec import Model

__all__ = [
    "PRECISIONS",
    "Input",
    "build",
    "factory_file",
    "has_gaps",
    "inputs_of",
    "named",
    "tensor_of",
    "words",
]

SEED = 0
"""Weights that a factory draws are the same ones in every process."""
PRECISIONS = {
    "as_is": None,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
NESTED = ("state_dict", "model_state_dict")
"""Where training loops put the weights of a checkpoint."""
MANY = 3
"""Names shown of those that do not fit."""

Input = tuple[str, str, tuple[int, ...]]
"""Name, NumPy type, and shape of one row."""


def build(model: Model) -> torch.nn.Module:
    """The module in evaluation mode on the processor, with its weights in the precision asked for.

    Raises:
        UsageError: the factory cannot be imported, fails or gives no module; the file cannot be
            read as weights, or they are not this module's.
    """
    made = _made(model)
    if model.path:
        _fill(made, _read(Path(model.path)), Path(model.path).name)
    made = made.eval().requires_grad_(requires_grad=False)
    kind = PRECISIONS.get(model.precision)
    return made if kind is None else made.to(kind)


def factory_file(model: Model) -> Path | None:
    """The source file of the factory, where it has one."""
    try:
        found = inspect.getsourcefile(inspect.unwrap(_factory(model.factory or "")))
    except (TypeError, ValueError):
        return None
    return Path(found) if found else None


def inputs_of(model: Model, module: torch.nn.Module) -> tuple[Input, ...]:
    """The inputs, by the names that `forward` gives them, in its order.

    Raises:
        UsageError: no shape is declared, or the names are not those of `forward`.
    """
    taken = _parameters(module)
    if model.shapes:
        unknown = sorted({*model.shapes, *model.dtypes} - set(taken)) if taken else []
        if unknown:
            raise UsageError(
                f"forward takes {', '.join(taken)}, and no '{unknown[0]}': name the inputs of "
                "model.shapes so"
            )
        stray = sorted(set(model.dtypes) - set(model.shapes))
        if stray:
            raise UsageError(f"input '{stray[0]}' has a dtype and no shape: add it to model.shapes")
        order = [one for one in taken if one in model.shapes] or list(model.shapes)
        return tuple((one, model.dtypes.get(one, "float32"), model.shapes[one]) for one in order)
    if model.shape is None:
        raise UsageError(
            "what a torch model takes is not in its file: say what one row of the input is, such "
            "as 'model.shape=[3,32,32]', or +model.shapes.NAME=[…] for each of several inputs"
        )
    return ((taken[0] if taken else "input", model.dtype, model.shape),)


def has_gaps(module: torch.nn.Module, names: list[str]) -> bool:
    """Whether inputs have to be given by name, because some before them are left out."""
    taken = _parameters(module)
    return bool(taken) and taken[: len(names)] != names


def named(result: Any) -> dict[str, torch.Tensor]:
    """What a module returned, by name: `output`, `output_0` and so on, or its own names.

    Raises:
        UsageError: it is something else than tensors.
    """
    if isinstance(result, torch.Tensor):
        return {"output": result}
    if isinstance(result, Mapping):
        found = {str(name): one for name, one in result.items() if one is not None}
    elif isinstance(result, tuple) and hasattr(result, "_fields"):
        found = dict(zip(result._fields, result, strict=True))
    elif isinstance(result, tuple | list):
        found = {f"output_{place}": one for place, one in enumerate(result)}
    else:
        found = {}
    if not found or not all(isinstance(one, torch.Tensor) for one in found.values()):
        raise UsageError(
            f"the model returns {type(result).__name__}, not tensors: let forward return a tensor, "
            "or a tuple or dict of them"
        )
    return found


def words(error: BaseException) -> str:
    """The first line of what torch or the factory said."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()[:250]}" if lines else type(error).__name__


def _parameters(module: torch.nn.Module) -> list[str]:
    """The names of the inputs that `forward` takes by position."""
    try:
        found = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]


def _factory(name: str) -> Callable[..., Any]:
    place, colon, attribute = name.partition(":")
    if not (colon and attribute.isidentifier() and all(p.isidentifier() for p in place.split("."))):
        raise UsageError(
            f"model.factory={name or '…'} is not package.module:function, the function that builds "
            "the torch module"
        )
    here = os.getcwd()  # noqa: PTH109 - a folder that is gone has no Path
    if here not in sys.path:
        # Last, so that no file that lies there hides an installed package.
        sys.path.append(here)
    try:
        module = import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            raise UsageError(
                f"there is no module {error.name} for model.factory={name}: install it, or run "
                "from the folder it is in"
            ) from None
        raise UsageError(f"model.factory={name} cannot be imported: {words(error)}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a user's code raises
        raise UsageError(f"model.factory={name} cannot be imported: {words(error)}") from None
    found = getattr(module, attribute, None)
    if not callable(found):
        raise UsageError(f"{place} has no function '{attribute}': check model.factory={name}")
    function: Callable[..., Any] = found
    return function


def _made(model: Model) -> torch.nn.Module:
    function = _factory(model.factory or "")
    torch.manual_seed(SEED)
    try:
        made = function()
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a user's code raises
        raise UsageError(
            f"model.factory={model.factory} failed when it was called with nothing: {words(error)}"
        ) from None
    if not isinstance(made, torch.nn.Module):
        raise UsageError(
            f"model.factory={model.factory} returns {type(made).__name__}, not a torch.nn.Module"
        )
    return made


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name, without running anything that the file holds."""
    if not path.is_file():
        raise UsageError(f"there is no model file {path}; check model=…")
    read = _safetensors if path.suffix.lower() == ".safetensors" else _pickled
    found = read(path)
    for key in NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise UsageError(f"{path.name} holds no weights by name: save model.state_dict()")
    if not all(isinstance(one, torch.Tensor) for one in found.values()):
        raise UsageError(f"{path.name} holds more than weights: save model.state_dict() alone")
    return {str(name): one for name, one in found.items()}


def _safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise UsageError(
            "weights in .safetensors need the package safetensors: pip install 'frugalbench[torch]'"
        ) from None
    try:
        return load_file(str(path))
    except (SafetensorError, RuntimeError, ValueError, KeyError, OSError) as error:
        raise UsageError(
            f"{path.name} is not a whole safetensors file: {words(error)}; save it again"
        ) from None


def _pickled(path: Path) -> Any:
    from pickle import UnpicklingError

    try:
        with warnings.catch_warnings():
            # Of how the file was written: nothing that its reader could change.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise UsageError(
            f"{path.name} holds more than weights, and what it holds is not run: save "
            "model.state_dict() alone, best as .safetensors"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file can make the reader raise anything
        raise UsageError(
            f"{path.name} is not a whole file of torch weights: {words(error)}; save it again"
        ) from None


def _fill(module: torch.nn.Module, weights: dict[str, torch.Tensor], name: str) -> None:
    """Put weights into a module that has exactly these, by name and shape.

    Raises:
        UsageError: some are absent, too many, or of another shape.
    """
    wanted = module.state_dict()
    for what, names in (
        ("lacks", sorted(set(wanted) - set(weights))),
        ("has, and the factory's model has not,", sorted(set(weights) - set(wanted))),
    ):
        if names:
            more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
            shown = ", ".join(one[:60] for one in names[:MANY])
            raise UsageError(
                f"{name} {what} {shown}{more}: give the weights of the model that "
                "model.factory builds"
            )
    for key, one in wanted.items():
        if weights[key].shape != one.shape:
            raise UsageError(
                f"{name} has '{key[:60]}' of shape {tuple(weights[key].shape)} and the factory's "
                f"model of {tuple(one.shape)}: give the weights of the model that it builds"
            )
    try:
        module.load_state_dict(weights, strict=True)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise UsageError(f"{name} does not fit the factory's model: {words(error)}") from None


def tensor_of(kind: str, rows: int, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Seeded values for one input: normal floats, zeros and ones for integers."""
    rng = np.random.default_rng(seed)
    size = (rows, *shape)
    if kind.startswith("float"):
        return torch.from_numpy(rng.standard_normal(size).astype(kind))
    return torch.from_numpy(rng.integers(0, 2, size).astype(kind))
