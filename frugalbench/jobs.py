"""From a question to a job a bare worker can do, and from what it saw back to a record.

`prepare` reads the model's graph and the data, and leaves only arrays: the process that measures
then needs NumPy, msgspec and the runtime, so that its memory and start-up are the model's own.
`assemble` turns outputs into class codes and writes the record.
"""

import secrets
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

import frugalbench
from frugalbench import data as data_module
from frugalbench import host, inputs, models
from frugalbench.errors import UsageError
from frugalbench.record import (
    FORMAT,
    Answer,
    DataFacts,
    Failure,
    ModelFacts,
    Port,
    Record,
    Run,
)
from frugalbench.spec import Data, Spec

__all__ = ["Job", "Prepared", "assemble", "failed", "prepare"]

Array = npt.NDArray[Any]
Label = int | float | str | bool
GENERATED_ROWS = 64


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told: the question, the inputs' ports, how to read the answer.

    `rows` is the number of rows to answer (0: only to time); the feed travels beside it.
    """

    spec: Spec
    ports: tuple[Port, ...]
    answer: Answer | None
    rows: int
    batch: int
    inputs: str
    notes: tuple[str, ...] = ()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its feed, and what stays with the parent: facts, labels and groups."""

    job: Job
    feed: dict[str, Any]
    model: ModelFacts
    data: DataFacts | None
    kept: dict[str, Any]


def prepare(spec: Spec) -> Prepared:
    """Read the model's graph and the data, and map columns to inputs.

    Raises:
        UsageError: a file, a column, a label or an output does not fit; nothing was run.
    """
    graph = models.inspect(spec.model)
    batch = inputs.batch_size(graph.facts.inputs, spec.plan.batch)
    if spec.data is None:
        return _without_data(spec, graph, batch)
    table = _rows_used(spec, data_module.load(spec.data.path))
    features = spec.data.features or tuple(
        name for name in graph.features if all(one in table.columns for one in graph.features)
    )
    others = frozenset(one for one in (spec.data.label, spec.data.split_column) if one)
    feed, used = inputs.map_columns(
        graph.facts.inputs,
        tuple(table.columns),
        table.numbers,
        features=features,
        others=others,
        groups=frozenset(spec.data.groups),
    )
    facts, kept = _labels_and_groups(spec, graph, table, used)
    job = Job(
        spec=spec,
        ports=graph.facts.inputs,
        answer=graph.facts.answer if spec.data.label else None,
        rows=table.rows if spec.data.label else 0,
        batch=batch,
        inputs="data",
    )
    return Prepared(job=job, feed=feed, model=graph.facts, data=facts, kept=kept)


def _without_data(spec: Spec, graph: models.GraphFacts, batch: int) -> Prepared:
    rows = max(GENERATED_ROWS // batch, 1) * batch
    feed, notes = inputs.generate(graph.facts.inputs, spec.model.dims, rows, spec.plan.seed)
    job = Job(
        spec=spec,
        ports=graph.facts.inputs,
        answer=None,
        rows=0,
        batch=batch,
        inputs="generated",
        notes=notes,
    )
    return Prepared(job=job, feed=feed, model=graph.facts, data=None, kept={})


def _rows_used(spec: Spec, table: data_module.Table) -> data_module.Table:
    """The rows of the declared split, sampled down to `plan.max_rows` with the plan's seed."""
    data = spec.data
    if data and data.split is not None:
        if data.split_column is None:
            raise UsageError("data.split needs data.split_column: the column that names the splits")
        table = table.where(data.split_column, data.split)
    most = spec.plan.max_rows
    if most is not None and most < table.rows:
        rng = np.random.default_rng(spec.plan.seed)
        table = table.take(np.sort(rng.choice(table.rows, most, replace=False)))
    return table


def _labels_and_groups(
    spec: Spec, graph: models.GraphFacts, table: data_module.Table, used: tuple[str, ...]
) -> tuple[DataFacts, dict[str, Array]]:
    data = spec.data
    assert data is not None
    kept: dict[str, Array] = {}
    groups = {}
    for column in data.groups:
        codes, names = table.codes(column, "data.groups")
        kept[f"group:{column}"], groups[column] = codes, names
    classes: tuple[Label, ...] = ()
    positive = None
    if data.label is not None:
        answer = _need_answer(graph.facts)
        labels = table.labels(data.label)
        if answer.kind == "value":
            kept["target"] = _as_numbers(labels, data.label)
        else:
            classes = _classes(graph, answer, labels, data.label)
            kept["y_true"] = _codes(labels, classes, data.label)
            positive = _positive(data, classes)
    elif data.groups:
        raise UsageError("data.groups need labels to compare: name the label with data.label=…")
    facts = DataFacts(
        name=data.name or table.path.stem,
        sha256=models.file_sha256(table.path),
        bytes=table.path.stat().st_size,
        rows_in_file=table.rows_in_file,
        rows=table.rows,
        label=data.label,
        classes=classes,
        positive=positive,
        groups=groups,
        features=used,
    )
    return facts, kept


def _need_answer(facts: ModelFacts) -> Answer:
    if facts.answer is not None:
        return facts.answer
    names = ", ".join(f"{port.name} ({port.dtype})" for port in facts.outputs)
    raise UsageError(
        f"the graph does not say how to read its outputs [{names}]: add model.output=NAME and "
        "model.output_kind=label, probability, logit or value"
    )


def _as_numbers(labels: list[Label], column: str) -> Array:
    try:
        return np.array(labels, np.float64)
    except ValueError:
        raise UsageError(f"the model answers numbers and label column '{column}' is text") from None


def _classes(
    graph: models.GraphFacts, answer: Answer, labels: list[Label], column: str
) -> tuple[Label, ...]:
    """The classes in the order of the model's score columns."""
    seen = sorted(set(labels), key=lambda one: (isinstance(one, str), one))
    if graph.classes:
        return tuple(graph.classes)
    if answer.kind == "label":
        return tuple(seen)
    width = _columns_of(graph.facts, answer)
    if seen == list(range(len(seen))) and (width is None or len(seen) <= width):
        return tuple(range(width or len(seen)))
    raise UsageError(
        f"column '{column}' holds the labels {', '.join(map(repr, seen[:6]))} and the model does not "
        "name its classes: give them in the order of its score columns with model.classes=[…]"
    )


def _columns_of(facts: ModelFacts, answer: Answer) -> int | None:
    """Score columns of the answer; one column is a two-class task."""
    port = next(port for port in facts.outputs if port.name == answer.output)
    if not port.shape:
        return None
    if len(port.shape) == 1:
        return 2
    last = port.shape[-1]
    return max(last, 2) if isinstance(last, int) else None


def _codes(labels: list[Label], classes: tuple[Label, ...], column: str) -> Array:
    place = {one: code for code, one in enumerate(classes)}
    unknown = sorted({str(one) for one in labels if one not in place})
    if unknown:
        raise UsageError(
            f"labels do not match: column '{column}' holds {', '.join(unknown[:5])} and the model "
            f"answers {', '.join(map(str, classes[:5]))}; recode them or set model.classes=[…]"
        )
    return np.array([place[one] for one in labels], np.int64)


def _positive(data: Data, classes: tuple[Label, ...]) -> int | None:
    """The code of the positive class: declared, or 1 of 0 and 1; None when not two classes."""
    if len(classes) != 2:
        if data.positive is not None:
            raise UsageError(f"data.positive needs two classes; the model has {len(classes)}")
        return None
    if data.positive is not None:
        if data.positive not in classes:
            raise UsageError(f"data.positive={data.positive} is not one of {list(classes)}")
        return classes.index(data.positive)
    if set(classes) == {0, 1}:
        return classes.index(1)
    if data.groups:
        raise UsageError(f"which label is positive? add data.positive={classes[0]} or {classes[1]}")
    return None


def assemble(prepared: Prepared, run: Run, arrays: dict[str, Array]) -> Record:
    """The record of a run.

    Raises:
        UsageError: no answer of the model is one of the data's labels.
    """
    kept = dict(prepared.kept)
    output = arrays.pop("output", None)
    answer = prepared.job.answer
    if output is not None and answer is not None and prepared.data is not None:
        kept |= _decoded(output, answer, prepared.data, prepared.job.spec)
    notes = prepared.job.notes
    return _record(prepared, run=run, failure=None, arrays=kept | arrays, notes=notes)


def failed(prepared: Prepared, failure: Failure) -> Record:
    """The record of a measurement that could not be made; it keeps the question and the facts."""
    return _record(prepared, run=None, failure=failure, arrays={}, notes=())


def _record(
    prepared: Prepared,
    *,
    run: Run | None,
    failure: Failure | None,
    arrays: dict[str, Array],
    notes: tuple[str, ...],
) -> Record:
    now = datetime.now(UTC)
    spec = prepared.job.spec
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in prepared.model.name)[:40]
    return Record(
        format=FORMAT,
        id=f"{now:%Y%m%dT%H%M%S}-{name}-{spec.target.name[:20]}-{secrets.token_hex(3)}",
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        version=frugalbench.__version__,
        spec=_shareable(spec),
        host=host.describe(),
        model=prepared.model,
        data=prepared.data,
        run=run,
        failure=failure,
        arrays=arrays,
        notes=notes,
    )


def _shareable(spec: Spec) -> Spec:
    """The spec with file names in place of paths, which may name a person; digests identify."""
    model = msgspec.structs.replace(spec.model, path=PurePath(spec.model.path).name)
    data = spec.data
    if data is not None:
        data = msgspec.structs.replace(data, path=PurePath(data.path).name)
    return msgspec.structs.replace(spec, model=model, data=data)


def _decoded(output: Array, answer: Answer, data: DataFacts, spec: Spec) -> dict[str, Array]:
    """Class codes and scores, or values, from the raw output."""
    if answer.kind == "value":
        return {"value": _flat(output, answer).astype(np.float64)}
    if answer.kind == "label":
        return {"y_pred": _label_codes(_flat(output, answer), data)}
    score = output.astype(np.float64)
    if answer.kind == "logit":
        score = _probabilities(score)
    if score.ndim == 1 or score.shape[1] == 1:
        score = score.reshape(-1, 1)
        score = np.hstack([1 - score, score])
    if score.ndim != 2 or score.shape[1] != len(data.classes):
        raise UsageError(
            f"output '{answer.output}' gives {'×'.join(map(str, score.shape[1:]))} scores a row for "
            f"{len(data.classes)} classes: check model.output and model.classes"
        )
    codes = score.argmax(axis=1)
    if data.positive is not None:
        # At one half this is the argmax, except for ties, which count as positive.
        hit = score[:, data.positive] >= spec.model.threshold
        codes = np.where(hit, data.positive, 1 - data.positive)
    codes = np.where(np.isfinite(score).all(axis=1), codes, -1)
    return {"y_pred": codes.astype(np.int64), "score": score}


def _probabilities(logits: Array) -> Array:
    if logits.ndim == 1 or logits.shape[1] == 1:
        out: Array = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
        return out
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    out = powers / powers.sum(axis=1, keepdims=True)
    return out


def _flat(output: Array, answer: Answer) -> Array:
    if output.ndim > 2 or (output.ndim == 2 and output.shape[1] != 1):
        shape = "×".join(map(str, output.shape[1:]))
        raise UsageError(
            f"output '{answer.output}' gives {shape} numbers a row, not one {answer.kind}: check "
            "model.output_kind"
        )
    return output.reshape(-1)


def _label_codes(answers: Array, data: DataFacts) -> Array:
    """Codes of label answers; an answer outside the classes is -1.

    Integer answers to named classes are read as positions in the list of classes.
    """
    values: list[Label] = answers.tolist()
    named = any(isinstance(one, str) for one in data.classes)
    if named and answers.dtype.kind in "iu":
        codes = np.where((answers >= 0) & (answers < len(data.classes)), answers, -1)
    else:
        place = {one: code for code, one in enumerate(data.classes)}
        codes = np.array([place.get(one, -1) for one in values], np.int64)
    if (codes < 0).all():
        raise UsageError(
            f"labels do not match: the model answers {sorted(set(map(str, values)))[:5]} and the data "
            f"say {list(data.classes)[:5]}; set model.classes=[…]"
        )
    return codes.astype(np.int64)
