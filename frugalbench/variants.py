"""Variants of a model for small machines, each a file of its own that names its parent.

A variant is another model: it is measured, judged and compared like one. Beside the file lies the
same as JSON, with the digest of the file itself.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import inputs, models
from frugalbench.errors import StoreError, UsageError
from frugalbench.jobs import prepare
from frugalbench.record import Calibration, Variant
from frugalbench.spec import Spec

__all__ = ["How", "Made", "make_variant"]

Array = npt.NDArray[Any]
Feed = dict[str, Array]
How = Literal["ort", "int8_dynamic", "int8_static"]
ROWS = 512
"""Rows a calibration takes where nobody says."""
CALL = 32
"""Rows of one of its calls, where the graph takes any number."""
TORCH = "pytorch"
MAKERS = ("frugalbench", "onnx", "onnxruntime")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A variant that was written: its file, and what stands in the JSON beside it."""

    file: str
    sha256: str
    bytes: int
    parent_file: str
    parent_bytes: int
    variant: Variant


def make_variant(spec: Spec, how: How, folder: Path, rows: int = ROWS) -> tuple[Path, Made]:
    """Write a variant of a model, and the JSON beside it.

    `int8_static` finds its scales on rows the model was trained on, as the data declare them,
    drawn with the plan's seed; never on rows that are tested.

    Args:
        spec: the model, and for `int8_static` the data.
        how: what to make.
        folder: where to write; it is made if it is not there.
        rows: how many rows to find scales on, at most.

    Returns:
        The path of the file, and what was made.

    Raises:
        UsageError: the model cannot be converted that way, the data declare no training rows, or
            a file is there already.
        StoreError: the folder cannot be written to.
    """
    path = Path(spec.model.path)
    if spec.model.runner == TORCH:
        raise UsageError("prepare takes an ONNX file: write one with frugalbench export first")
    if models.is_ort(path):
        raise UsageError(f"{path} is in the ORT format already: prepare the .onnx file it is from")
    if spec.model.precision != "as_is":
        raise UsageError("prepare takes the model as it is: leave model.precision out")
    graph = models.inspect(spec.model)
    parent = graph.facts
    batches, calibration = _calibration(spec, rows) if how == "int8_static" else ((), None)
    stem = f"{path.stem}{'' if how == 'ort' else '-' + how.replace('_', '-')}"
    target = folder / f"{stem}{'.ort' if how == 'ort' else '.onnx'}"
    variant = Variant(
        parent=parent.sha256,
        how=how,
        versions={name: version(name) for name in MAKERS},
        calibration=calibration,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in (target, _beside(target)):
            if one.exists() or one.is_symlink():
                raise UsageError(f"{one} is there already: give another --out, or move it away")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".preparing-") as scratch:
            told = models.tell(parent, variant, graph.classes, graph.features)
            made = models.make(path, how, told, Path(scratch), batches)
            found = Made(
                file=target.name,
                sha256=models.file_sha256(made),
                bytes=made.stat().st_size,
                parent_file=path.name,
                parent_bytes=parent.bytes,
                variant=variant,
            )
            text = msgspec.json.format(msgspec.json.encode(found), indent=1)
            (Path(scratch) / "beside.json").write_bytes(text + b"\n")
            _publish(made, target, Path(scratch) / "beside.json")
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written to: {error.strerror or error}; give another --out"
        ) from None
    return target, found


def _beside(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _publish(made: Path, target: Path, text: Path) -> None:
    """Both files or none, and never over another one: a link is refused where a name is taken."""
    try:
        os.link(text, _beside(target))
    except FileExistsError:
        raise UsageError(f"{_beside(target)} is there already: move it away") from None
    try:
        os.link(made, target)
    except OSError as error:
        _beside(target).unlink()
        if isinstance(error, FileExistsError):
            raise UsageError(f"{target} is there already: move it away") from None
        raise


def _calibration(spec: Spec, rows: int) -> tuple[Sequence[Feed], Calibration]:
    """What the model is fed to find scales, a call each, and which rows that is.

    Raises:
        UsageError: there are no data, or they declare no training rows.
    """
    data = spec.data
    if data is None:
        raise UsageError("--int8-static finds its scales on data: add data=…")
    prepared = prepare(spec)
    trained = prepared.training
    if trained is None or prepared.data is None:
        raise UsageError(
            "scales are found on rows that are not tested: say which with data.split_column=… "
            "data.split=… data.train_split=…, or data.train_path=…"
        )
    if rows < 1:
        raise UsageError("scales are found on one row at least: give --rows 512")
    ports, feed = prepared.model.inputs, trained.feed
    if any(one.dtype.kind in "OUS" for one in feed.values()):
        raise UsageError("a model that is fed text cannot be calibrated: use --int8-dynamic")
    count = min(rows, trained.rows)
    chosen = np.sort(
        np.random.default_rng(spec.plan.seed).choice(trained.rows, count, replace=False)
    )
    drawn = {name: one[chosen] if len(one) == trained.rows else one for name, one in feed.items()}
    batch = min(CALL, count) if inputs.is_free(ports, drawn) else prepared.job.batch
    calls = [inputs.rows_of(ports, drawn, start, batch) for start in range(0, count, batch)]
    source = Path(data.train_path) if data.train_path else Path(data.path)
    return calls, Calibration(
        data=models.file_sha256(source),
        split=data.train_split or "",
        rows=count,
        fed_sha256=_fed_sha256(drawn),
    )


def _fed_sha256(feed: Feed) -> str:
    """SHA-256 over the inputs in the order of their names: name, type, shape and values."""
    digest = hashlib.sha256()
    for name, array in sorted(feed.items()):
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
