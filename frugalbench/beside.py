"""Baselines beside the model: fitted or opened before anything is measured, then measured alike.

A baseline answers the very rows that the model answered, on the same target and plan, without the
extra passes. One that cannot be measured keeps its failure and leaves the model's record as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import baselines, models
from frugalbench.assembly import assemble
from frugalbench.errors import FrugalbenchError, UsageError
from frugalbench.jobs import Prepared, prepare
from frugalbench.record import Compared, Failure, Record, Run
from frugalbench.spec import Baseline, Model, Probes, Spec

__all__ = ["Contender", "Measure", "contenders", "with_baselines"]

Array = npt.NDArray[Any]
Seen = tuple[Run, dict[str, Array]]
Measure = Callable[["Contender", Prepared], Seen | Failure]
"""Measures a contender as it is prepared, on the rows that the model answered."""

KEEP = 20_000
"""Latencies kept of each process of a baseline: a record holds several of them."""
NO_PROBES = Probes(reproduce=False)
MAX_NAME = 40
UNFIT = ":[],="
"""What would end a name inside the address of a metric or of an array."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A baseline ready to be measured, under a name that no other one bears."""

    name: str
    kind: str
    prepared: Prepared


def contenders(prepared: Prepared, folder: Path) -> tuple[Contender, ...]:
    """Every baseline of the question, fitted into `folder` or opened.

    Raises:
        UsageError: there are no training rows to fit one on, it cannot be fitted or opened, or it
            does not answer the same classes in the same order; nothing was measured.
    """
    found: list[Contender] = []
    for number, asked in enumerate(prepared.job.spec.baselines):
        place = folder / f"baseline{number}"
        place.mkdir()
        if asked.kind == "model":
            ready = _opened(prepared, asked, place)
        else:
            ready = _fitted(prepared, asked.kind, place)
        name = _unused(ready.model.name, [one.name for one in found])
        found.append(Contender(name, asked.kind, ready))
    return tuple(found)


def _fitted(prepared: Prepared, kind: str, folder: Path) -> Prepared:
    """A baseline with the model's own inputs, fitted to the training rows."""
    spec, data, trained = prepared.job.spec, prepared.data, prepared.training
    if data is None or trained is None:
        raise UsageError(
            f"the {kind} baseline is fitted to labelled training rows: say which they are with "
            "data.split_column=…, data.split=… and data.train_split=…, or with data.train_path=…"
        )
    rows = baselines.Rows(
        ports=prepared.model.inputs,
        feed=trained.feed,
        labels=trained.labels,
        classes=data.classes,
        empty=_may_be_empty(trained.feed) or _may_be_empty(prepared.feed),
        seed=spec.plan.seed,
    )
    path = folder / f"{kind}.onnx"
    path.write_bytes(baselines.fit(kind, rows))
    model = msgspec.structs.replace(
        models.as_file(spec.model),
        path=str(path),
        name=kind,
        output=baselines.ANSWER,
        output_kind="probability" if data.classes else "value",
        classes=data.classes,
        precision="as_is",
        card=None,
    )
    facts = models.inspect(model).facts
    assert facts.answer is not None, "the answer is declared"
    job = msgspec.structs.replace(
        prepared.job,
        spec=_asked(spec, model),
        ports=facts.inputs,
        answer=facts.answer,
        watched=facts.answer.outputs,
        notes=(),
        members=0,
    )
    return msgspec.structs.replace(prepared, job=job, model=facts, training=None)


def _may_be_empty(feed: Mapping[str, Array]) -> bool:
    return any(one.dtype.kind == "f" and bool(np.isnan(one).any()) for one in feed.values())


def _asked(spec: Spec, model: Model) -> Spec:
    """The question about a baseline: the same, without baselines and extra passes of its own."""
    plan = msgspec.structs.replace(spec.plan, keep=min(spec.plan.keep, KEEP))
    data = spec.data
    if data is not None:
        data = msgspec.structs.replace(data, train_split=None, train_path=None, card=None)
    target = models.target_for(model, spec.target)
    return msgspec.structs.replace(
        spec, model=model, target=target, plan=plan, data=data, probes=NO_PROBES, baselines=()
    )


def _opened(prepared: Prepared, asked: Baseline, folder: Path) -> Prepared:
    """A baseline that is a model file, with its own inputs from the same rows."""
    if asked.model is None:
        raise UsageError(
            "a baseline of kind 'model' needs its file: name it in baselines=[./…onnx]"
        )
    classes = prepared.data.classes if prepared.data else ()
    try:
        model = _read_alike(asked.model, prepared)
        graph = models.inspect(model)
        if classes and not graph.classes:
            model = msgspec.structs.replace(model, classes=classes)
        spec = _asked(prepared.job.spec, msgspec.structs.replace(model, card=None))
        if spec.data is not None and graph.features:
            # Its own order of columns: the declared one is the model's.
            data = msgspec.structs.replace(spec.data, features=())
            spec = msgspec.structs.replace(spec, data=data)
        ready = prepare(spec, folder)
    except UsageError as error:
        raise UsageError(f"baseline {Path(asked.model.path).name}: {error}") from None
    own = ready.data.classes if ready.data else ()
    if own != classes:
        raise UsageError(
            f"baseline {ready.model.name} answers {_listed(own)} and the model {_listed(classes)}: "
            "compare models that answer the same classes in the same order"
        )
    return ready


def _read_alike(own: Model, prepared: Prepared) -> Model:
    """A baseline with what it does not say of its answer, as declared of the model's.

    Only where it has an output of the same name; what its own graph tells is not overruled.

    Raises:
        UsageError: its file cannot be read, or has no output that it declares.
    """
    declared, answer = prepared.job.spec.model, prepared.model.answer
    if answer is None:
        return own
    bare = models.inspect(msgspec.structs.replace(own, output=None, output_kind=None)).facts
    found = own
    if bare.answer is None and declared.output_kind is not None:
        has = answer.output in [port.name for port in bare.outputs]
        if own.output in (None, answer.output) and has:
            kind = own.output_kind or declared.output_kind
            found = msgspec.structs.replace(own, output=answer.output, output_kind=kind)
    read = models.inspect(found).facts.answer
    alike = read is not None and (read.output, read.kind) == (answer.output, answer.kind)
    if alike and found.threshold == Model(path="").threshold:
        found = msgspec.structs.replace(found, threshold=declared.threshold)
    return found


def _listed(classes: tuple[Any, ...]) -> str:
    return f"[{', '.join(map(str, classes[:6]))}]" if classes else "numbers"


def _unused(name: str, taken: list[str]) -> str:
    plain = "".join("-" if c in UNFIT or not c.isprintable() else c for c in name)[:MAX_NAME]
    plain = plain.strip() or "model"
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def with_baselines(
    record: Record,
    found: tuple[Contender, ...],
    chosen: npt.NDArray[np.int64] | None,
    measure: Measure,
) -> Record:
    """The model's record with every baseline measured beside it.

    Args:
        record: the model's own.
        found: what `contenders` made ready.
        chosen: the rows that the model answered; None for all.
        measure: makes one run.
    """
    arrays, compared = dict(record.arrays), []
    for one in found:
        ready = one.prepared if chosen is None else _on_rows(one.prepared, chosen)
        try:
            seen = measure(one, ready)
            own = seen if isinstance(seen, Failure) else _own_arrays(ready, seen)
        except FrugalbenchError as error:
            own = Failure(kind="error", detail=str(error))
        failure = own if isinstance(own, Failure) else None
        if not isinstance(own, Failure):
            arrays |= {f"baseline:{one.name}:{name}": array for name, array in own.items()}
        run = None if failure or isinstance(seen, Failure) else seen[0]
        compared.append(
            Compared(name=one.name, kind=one.kind, model=ready.model, run=run, failure=failure)
        )
    return msgspec.structs.replace(record, arrays=arrays, baselines=tuple(compared))


def _on_rows(prepared: Prepared, chosen: npt.NDArray[np.int64]) -> Prepared:
    """The same with these rows only."""
    job, data = prepared.job, prepared.data
    assert data is not None, "rows are chosen from data"
    return msgspec.structs.replace(
        prepared,
        job=msgspec.structs.replace(job, rows=int(chosen.size)),
        # What is one input for all rows stays.
        feed={
            name: array if len(array) < job.rows else array[chosen]
            for name, array in prepared.feed.items()
        },
        data=msgspec.structs.replace(data, rows=int(chosen.size)),
        kept={n: one[chosen] for n, one in prepared.kept.items() if len(one) == data.rows},
        numbers=prepared.numbers[chosen],
    )


def _own_arrays(ready: Prepared, seen: Seen) -> dict[str, Array] | Failure:
    """What a baseline's run adds to the record; the labels are there already."""
    beside = assemble(ready, seen[0], dict(seen[1]))
    rows = beside.data.rows if beside.data else 0
    if ready.data is not None and rows < ready.data.rows:
        detail = (
            f"it answered {rows:,} of the model's {ready.data.rows:,} rows in the time there was; "
            "raise plan.max_seconds"
        )
        return Failure(kind="time_limit", detail=detail)
    return {name: one for name, one in beside.arrays.items() if name not in ready.kept}
