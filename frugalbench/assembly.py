"""From what workers saw, and what the parent kept, to a record."""

import secrets
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import msgspec
import numpy.typing as npt

import frugalbench
from frugalbench import answers, host, members
from frugalbench.data import rows_sha256
from frugalbench.jobs import Prepared
from frugalbench.record import FORMAT, DataFacts, Failure, Host, Probed, Record, Run
from frugalbench.spec import Model, Spec, Target

__all__ = ["assemble", "failed"]

Array = npt.NDArray[Any]
AWAY = "(ssh)"
"""What a record says of a host that was reached over ssh."""


def assemble(
    prepared: Prepared, run: Run, arrays: dict[str, Array], machine: Host | None = None
) -> Record:
    """The record of a run, on this machine or on another one.

    Raises:
        UsageError: no answer of the model is one of the data's labels.
    """
    prepared, arrays = _answered_only(prepared, arrays)
    kept = dict(prepared.kept)
    output, labels = arrays.pop("output", None), arrays.pop("labels", None)
    probed = arrays.pop("probed", None)
    answer = prepared.job.answer
    if output is not None and answer is not None and prepared.data is not None:
        threshold = prepared.job.spec.model.threshold
        kept |= answers.decode(output, answer, prepared.data, threshold, labels)
    remembered, said = members.answered(prepared, arrays)
    arrays = kept | arrays | remembered
    notes = (*prepared.job.notes, *said, *_overlap_notes(prepared.data))
    record = _record(prepared, run=run, failure=None, arrays=arrays, notes=notes, machine=machine)
    if probed is None:
        return record
    # It travels beside the arrays of the process that made the passes, as text.
    facts = msgspec.json.decode(probed.tobytes(), type=Probed)
    return msgspec.structs.replace(record, probed=facts)


def _answered_only(
    prepared: Prepared, arrays: dict[str, Array]
) -> tuple[Prepared, dict[str, Array]]:
    """Labels and groups of the rows that were answered, where not all of them were."""
    chosen = arrays.get("chosen")
    if chosen is None or prepared.data is None:
        return prepared, arrays
    numbers = prepared.numbers[chosen]
    return (
        msgspec.structs.replace(
            prepared,
            data=msgspec.structs.replace(
                prepared.data,
                rows=int(chosen.size),
                rows_sha256=rows_sha256(numbers),
                overlap=0 if prepared.seen is None else int(prepared.seen[chosen].sum()),
            ),
            kept={name: one[chosen] for name, one in prepared.kept.items()},
            numbers=numbers,
        ),
        {name: one for name, one in arrays.items() if name != "chosen"},
    )


def _overlap_notes(data: DataFacts | None) -> tuple[str, ...]:
    """How many of the answered rows are no test of what the model makes of new ones."""
    if data is None or not data.overlap:
        return ()
    return (
        f"{data.overlap:,} of {data.rows:,} tested rows are also training rows: the model is fed "
        f"the same, as it is of {data.twins:,} of {data.train_rows:,} training rows and another "
        "one",
    )


def failed(prepared: Prepared, failure: Failure, machine: Host | None = None) -> Record:
    """The record of a measurement that could not be made; it keeps the question and the facts."""
    notes = prepared.job.notes
    if failure.kind == "error" and notes:
        # Inputs made from the graph alone are the likeliest reason why a model refuses to run.
        failure = msgspec.structs.replace(failure, detail=f"{failure.detail}; {notes[0]}")
    return _record(prepared, run=None, failure=failure, arrays={}, notes=notes, machine=machine)


def _record(
    prepared: Prepared,
    *,
    run: Run | None,
    failure: Failure | None,
    arrays: dict[str, Array],
    notes: tuple[str, ...],
    machine: Host | None,
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
        host=machine or host.describe(),
        model=prepared.model,
        data=prepared.data,
        run=run,
        failure=failure,
        arrays=arrays,
        notes=notes,
        model_card=prepared.model_card,
        data_card=prepared.data_card,
    )


def _shareable(spec: Spec) -> Spec:
    """The spec with file names in place of paths, which may name a person; digests identify."""
    model = _shareable_model(spec.model)
    baselines = tuple(
        msgspec.structs.replace(one, model=_shareable_model(one.model)) if one.model else one
        for one in spec.baselines
    )
    data, target = spec.data, spec.target
    if data is not None:
        names = {"path": data.path, "train_path": data.train_path, "card": data.card}
        data = msgspec.structs.replace(data, **_file_names(names))
    if target.host is not None:
        # It may be the name of a person's machine; what it is stands under `host`.
        defaults = Target()
        target = msgspec.structs.replace(
            target, host=AWAY, ssh_config=None, python=defaults.python, cache=defaults.cache
        )
    options = {
        key: PurePath(one).name if isinstance(one, str) else one
        for key, one in target.provider_options.items()
    }
    target = msgspec.structs.replace(target, provider_options=options)
    if target.meter_log is not None:
        target = msgspec.structs.replace(target, meter_log=PurePath(target.meter_log).name)
    return msgspec.structs.replace(spec, model=model, data=data, target=target, baselines=baselines)


def _shareable_model(model: Model) -> Model:
    return msgspec.structs.replace(model, **_file_names({"path": model.path, "card": model.card}))


def _file_names(paths: dict[str, str | None]) -> dict[str, str | None]:
    return {key: path and PurePath(path).name for key, path in paths.items()}
