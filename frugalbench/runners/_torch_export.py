"""A torch model as an ONNX file whose answers were compared with torch's own.

Runs in a child process, like `_torch_facts`: settings on standard input, findings on standard
output. The file is written where the first argument says, and stays only if the parent keeps it.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from frugalbench.errors import FrugalbenchError, UsageError
from frugalbench.runners import ort
from frugalbench.runners._torch_facts import ROWS, confined, output_of
from frugalbench.runners._torch_module import Input, build, inputs_of, tensor_of, words
from frugalbench.spec import Model, Target

__all__ = ["BATCHES", "RELATIVE", "check", "export", "main"]

BATCHES, ROUNDS = (1, 2, 5, 32), 3
RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""How far apart answers may lie: of the value, and of the largest one in the batch."""
LARGEST = 1_900_000_000
"""Bytes of weights in one file: protobuf ends at 2 GiB."""


def export(model: Model, path: Path) -> dict[str, Any]:
    """Write the model with a free batch, and compare both on random rows of several batches.

    Raises:
        UsageError: it cannot be exported, or the file answers otherwise than the model.
    """
    module = build(model)
    inputs = inputs_of(model, module)
    if sum(one.numel() * one.element_size() for one in module.state_dict().values()) > LARGEST:
        raise UsageError("the weights are over 1.9 GB, which no single ONNX file holds")
    rows = _rows(inputs, ROWS, 0)
    names = list(output_of(model, module, inputs, rows))
    _write(module, inputs, rows, names, path)
    return {"names": names, **check(model, module, inputs, path)}


def check(
    model: Model, module: torch.nn.Module, inputs: tuple[Input, ...], path: Path
) -> dict[str, Any]:
    """The batches that were answered alike, and the largest difference.

    Raises:
        UsageError: an answer lies further apart than the tolerance.
    """
    session = ort.open(Model(path=str(path)), Target())
    furthest, compared = 0.0, 0
    for seed, batch in enumerate(BATCHES * ROUNDS):
        rows = _rows(inputs, batch, seed + 1)
        wanted = output_of(model, module, inputs, rows)
        feed = {name: row.numpy() for (name, _, _), row in zip(inputs, rows, strict=True)}
        try:
            answers = session.predict(feed, tuple(wanted))
        except FrugalbenchError as error:
            raise UsageError(f"the exported file cannot answer {batch} rows: {error}") from None
        for name, tensor in wanted.items():
            furthest = max(furthest, _apart(name, batch, answers[name], tensor.numpy()))
        compared += batch
    return {"rows": compared, "batches": BATCHES, "furthest": furthest}


def main() -> int:
    """The child: export to the path that is the argument, and answer with what was compared."""
    answers = confined()
    model = msgspec.json.decode(sys.stdin.buffer.read(), type=Model)
    try:
        answer = export(model, Path(sys.argv[1]))
    except FrugalbenchError as error:
        answer = {"error": str(error)}
    with os.fdopen(answers, "wb") as out:
        out.write(msgspec.json.encode(answer))
    return 0


def _rows(inputs: tuple[Input, ...], batch: int, seed: int) -> list[torch.Tensor]:
    return [
        tensor_of(kind, batch, shape, seed * len(inputs) + place)
        for place, (_, kind, shape) in enumerate(inputs)
    ]


def _write(
    module: torch.nn.Module,
    inputs: tuple[Input, ...],
    rows: list[torch.Tensor],
    names: list[str],
    path: Path,
) -> None:
    given = [name for name, _, _ in inputs]
    axes = {name: {0: torch.export.Dim("batch")} for name in given}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                kwargs=dict(zip(given, rows, strict=True)),
                f=path,
                input_names=given,
                output_names=names,
                dynamic_shapes=axes,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except (ImportError, ModuleNotFoundError) as error:
        raise UsageError(
            f"exporting needs a package that is not installed ({words(error)}): "
            "pip install 'frugalbench[torch]'"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the exporter raises whatever it meets
        cause = error.__cause__ or error
        raise UsageError(
            f"torch cannot export the model with a free batch: {words(cause)}"
        ) from None


def _apart(name: str, batch: int, found: np.ndarray[Any, Any], wanted: Any) -> float:
    """The largest difference of two answers, which are alike.

    Raises:
        UsageError: they are not.
    """
    if found.shape != wanted.shape:
        raise UsageError(
            f"the exported file gives '{name}' the shape {found.shape} and torch {wanted.shape}: "
            "the model depends on the batch it was exported with"
        )
    if wanted.dtype.kind != "f":
        if not np.array_equal(found, wanted):
            raise UsageError(f"the exported file answers '{name}' otherwise than torch does")
        return 0.0
    largest = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
    if not np.allclose(found, wanted, RELATIVE, ABSOLUTE * largest, equal_nan=True):
        away = float(np.nanmax(np.abs(found - wanted)))
        raise UsageError(
            f"the exported file answers '{name}' otherwise than torch does: {away:.3g} apart in a "
            f"batch of {batch}, where {RELATIVE:g} of the value + {ABSOLUTE:g} of the largest is "
            "allowed"
        )
    both = np.isfinite(found) & np.isfinite(wanted)
    return float(np.abs(found[both] - wanted[both]).max(initial=0.0))


if __name__ == "__main__":
    sys.exit(main())
