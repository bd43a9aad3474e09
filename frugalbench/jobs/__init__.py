"""From a question to a job a bare worker can do.

`prepare` reads the model's graph and the data, and leaves only arrays: the process that measures
then needs NumPy, msgspec and the runtime, so that its memory and start-up are the model's own.
`assembly` turns outputs into class codes and writes the record.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import answers, cards, inputs, meters, models, probes, runners
from frugalbench import data as data_module
from frugalbench.errors import UsageError
from frugalbench.groups import divide
from frugalbench.jobs._notes import empty_notes, order_notes, unread_notes
from frugalbench.jobs._traffic import traffic
from frugalbench.record import (
    Answer,
    Card,
    DataFacts,
    ModelFacts,
    Port,
)
from frugalbench.spec import Data, Spec
from frugalbench.training import Training, also_trained_on, declared, training_rows

__all__ = ["Job", "Prepared", "prepare"]

Array = npt.NDArray[Any]
Label = int | float | str | bool
GENERATED_ROWS = 256
MAX_MEMBERS = 10_000


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told: the question, the inputs' ports, how to read the answer.

    `rows` is the number of rows to answer (0: only to time); the feed travels beside it. A query
    is `calls` calls of `batch` samples; `free` says that the batch may be another. The outputs
    `watched` are read after timed calls. `deadline` is when the whole measurement must be over, in
    seconds of the monotonic clock, and `left` how many processes share the time until then, this
    one included; `process` counts them from 0. `data` says how the answers to labelled rows are
    read. `members` is the number of training rows to ask about.
    """

    spec: Spec
    ports: tuple[Port, ...]
    answer: Answer | None
    rows: int
    batch: int
    inputs: str
    calls: int = 1
    free: bool = False
    watched: tuple[str, ...] = ()
    deadline: float | None = None
    left: int = 1
    process: int = 0
    notes: tuple[str, ...] = ()
    data: DataFacts | None = None
    members: int = 0


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its feed, and what stays with the parent: facts, labels and groups.

    `numbers` int64 (rows,) are the places of the rows in the data's file, and `seen` bool (rows,)
    says which of them are training rows too, where there are any.
    """

    job: Job
    feed: dict[str, Any]
    model: ModelFacts
    data: DataFacts | None
    kept: dict[str, Any]
    training: Training | None = None
    numbers: Any = None
    seen: Any = None
    model_card: Card | None = None
    data_card: Card | None = None

    @property
    def truth(self) -> Array | None:
        """The labels of the rows, (rows,): class codes, or numbers in a regression."""
        found: Array | None = self.kept.get("y_true", self.kept.get("target"))
        return found


def prepare(spec: Spec, folder: Path | None = None) -> Prepared:
    """Read the model's graph and the data, and map columns to inputs.

    A model whose precision is to be changed is converted into `folder`, which must outlive the
    measurement.

    Raises:
        UsageError: a file, a column, a label or an output does not fit; nothing was run.
    """
    runners.check(spec.model.runner)
    models.check(spec.model, spec.target)
    meters.check(spec.target.meters)
    if spec.target.meter_log is not None:
        # A log that cannot be read is better known now than after the measurement.
        opened = meters.open_meter("csvlog", spec.target)
        if not isinstance(opened, meters.Unavailable):
            opened.close()
    if spec.model.precision == "as_is":
        graph = models.inspect(spec.model)
    else:
        assert folder is not None, "a converted model needs a folder"
        model, graph = models.converted(spec.model, folder)
        spec = msgspec.structs.replace(spec, model=model)
    ports = tuple(port.name for port in graph.facts.inputs)
    probes.check_asked(spec.probes, ports, labelled=bool(spec.data and spec.data.label))
    made = _without_data(spec, graph) if spec.data is None else _with_data(spec, spec.data, graph)
    data, model = spec.data, spec.model
    return msgspec.structs.replace(
        made,
        model_card=cards.read(model.card, "model") if model.card else None,
        data_card=cards.read(data.card, "data") if data and data.card else None,
    )


def _with_data(spec: Spec, data: Data, graph: models.GraphFacts) -> Prepared:
    whole = data_module.load(data.path)
    table = _rows_used(spec, whole)
    features = _features(data, graph, table)
    said = (data.label, data.split_column, data.cluster)
    others = frozenset(one for one in said if one)
    feed, used = inputs.map_columns(
        graph.facts.inputs,
        tuple(table.columns),
        table.numbers,
        features=features,
        others=others,
        groups=frozenset(data.groups),
    )
    facts, kept = _labels_and_groups(spec, graph, table, used)
    trained = seen = None
    if declared(data):
        trained = training_rows(data, graph, facts, whole)
        seen, twins = also_trained_on(feed, table.rows, trained)
        facts = msgspec.structs.replace(
            facts, train_rows=trained.rows, overlap=int(seen.sum()), twins=twins
        )
    job = Job(
        spec=spec,
        ports=graph.facts.inputs,
        answer=graph.facts.answer if data.label else None,
        rows=table.rows if data.label else 0,
        data=facts if data.label else None,
        members=min(trained.rows, table.rows, MAX_MEMBERS) if trained else 0,
        **traffic(spec.plan, graph.facts, feed),
        inputs="data",
        notes=(
            *order_notes(features, graph, used),
            *empty_notes(feed),
            *(unread_notes(graph.facts) if data.label else ()),
        ),
    )
    numbers = table.row_numbers()
    return Prepared(
        job=job,
        feed=feed,
        model=graph.facts,
        data=facts,
        training=trained,
        kept=kept,
        numbers=numbers,
        seen=seen,
    )


def _features(data: Data, graph: models.GraphFacts, table: data_module.Table) -> tuple[str, ...]:
    """The declared order of columns, else the model's own; every declared column is there.

    Raises:
        UsageError: a column that was declared, or that the model names, is not in the table.
    """
    for feature in data.features:
        if data.features.count(feature) > 1:
            raise UsageError(f"data.features lists '{feature}' twice: list each column once")
    named = (*data.groups, *((data.label,) if data.label else ()))
    for name in named:
        if named.count(name) > 1:
            raise UsageError(f"column '{name}' is named twice among data.groups and data.label")
    for name, what in (
        (data.label, "data.label"),
        (data.cluster, "data.cluster"),
        *((group, "data.groups") for group in data.groups),
        *((feature, "data.features") for feature in data.features),
    ):
        if name is not None:
            table.need(name, what)
    if data.features or not set(graph.features) & set(table.columns):
        return data.features
    for name in graph.features:
        table.need(name, "the model, which names it")
    return graph.features


def _without_data(spec: Spec, graph: models.GraphFacts) -> Prepared:
    plan = spec.plan
    least = max(plan.batch, plan.samples_per_query if plan.scenario == "multi_stream" else 1)
    feed, notes = inputs.generate(
        graph.facts.inputs, spec.model.dims, max(GENERATED_ROWS, least), plan.seed, least
    )
    job = Job(
        spec=spec,
        ports=graph.facts.inputs,
        answer=None,
        rows=0,
        **traffic(plan, graph.facts, feed),
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
    divided = divide(data, table)
    kept = dict(divided.arrays)
    classes: tuple[Label, ...] = ()
    positive = None
    if data.label is not None:
        answer = answers.needed(graph.facts)
        labels = table.labels(data.label)
        if answer.kind == "value":
            kept["target"] = answers.numbers(labels, data.label)
        else:
            classes = answers.classes_of(graph.facts, graph.classes, labels, data.label)
            kept["y_true"] = answers.codes(labels, classes, data.label)
            positive = answers.positive_of(data, classes)
            answers.check_threshold(spec.model.threshold, answer, positive)
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
        groups=divided.groups,
        features=used,
        rows_sha256=data_module.rows_sha256(table.row_numbers()),
        intersections=data.intersections,
        controls=data.controls,
        cluster=data.cluster,
        clusters=divided.clusters,
    )
    return facts, kept
