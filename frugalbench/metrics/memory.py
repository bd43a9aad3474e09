"""Size: bytes of the file and of the process that runs it, numbers and products in the graph."""

from collections.abc import Callable

import msgspec

from frugalbench.metrics._metric import metric, no_run
from frugalbench.record import Memory, Record
from frugalbench.values import Measure, Missing, Value

__all__ = [
    "flash",
    "flash_of_budget",
    "for_model",
    "importing",
    "loading",
    "model_size",
    "multiply_adds",
    "of_budget",
    "parameters",
    "peak",
    "running",
]


MIB = 1024**2

ONE_PROCESS = "one_process"
"""The kernel counted exactly, but one process only: the next one may differ by a page or two."""

LOWER_BOUND = "at least"
"""How the note on a count of multiply-adds begins where some could not be counted."""


def _exact(amount: int, unit: str, interval: str = "exact", note: str = "") -> Value:
    return Value(
        estimate=amount,
        unit=unit,
        low=amount,
        high=amount,
        n=1,
        method="counted",
        interval=interval,
        note=note,
    )


def _peak(record: Record, part: Callable[[Memory], int]) -> Measure:
    """The largest amount a process held, between the smallest and itself."""
    if (gone := no_run(record)) is not None:
        return gone
    processes = record.run.processes if record.run else ()
    seen = [part(process.memory) for process in processes if process.memory]
    if not seen:
        return Missing(
            reason="no_counter", detail="this system shows no peak memory (VmHWM) of a process"
        )
    return Value(
        estimate=max(seen),
        unit="B",
        low=min(seen),
        high=max(seen),
        n=len(seen),
        method="counted",
        interval=ONE_PROCESS if len(seen) == 1 else "range_of_processes",
    )


@metric(unit="B", lower_is_better=True, title="Peak memory", titre="Pic de mémoire")
def peak(record: Record) -> Measure:
    """The most resident memory a worker held, Python and runtime included."""
    return _peak(record, lambda memory: memory.after_run)


@metric(
    unit="B",
    lower_is_better=True,
    title="Peak memory, importing the runtime",
    titre="Pic de mémoire, import du moteur",
)
def importing(record: Record) -> Measure:
    """The part of the peak that Python and the runtime take before the model is opened."""
    return _peak(record, lambda memory: memory.after_import)


@metric(
    unit="B",
    lower_is_better=True,
    title="Peak memory, loading the model",
    titre="Pic de mémoire, chargement du modèle",
)
def loading(record: Record) -> Measure:
    """By how much the peak grows while the model is opened."""
    return _peak(record, lambda memory: memory.after_load - memory.after_import)


@metric(
    unit="B",
    lower_is_better=True,
    title="Peak memory, running the model",
    titre="Pic de mémoire, exécution du modèle",
)
def running(record: Record) -> Measure:
    """By how much the peak grows again while the model answers."""
    return _peak(record, lambda memory: memory.after_run - memory.after_load)


@metric(
    unit="B", lower_is_better=True, title="Memory for the model", titre="Mémoire pour le modèle"
)
def for_model(record: Record) -> Measure:
    """Growth of peak memory from before the model is opened to after it has run."""
    return _peak(record, lambda memory: memory.after_run - memory.after_import)


@metric(unit="B", lower_is_better=True, title="Model file size", titre="Taille du modèle")
def model_size(record: Record) -> Measure:
    """Bytes of the model file and of the weights stored beside it."""
    return _exact(record.model.bytes, "B")


@metric(unit="1", lower_is_better=True, title="Parameters", titre="Paramètres")
def parameters(record: Record) -> Measure:
    """Numbers held as weights in the graph."""
    if record.model.parameters is None:
        return Missing(reason="unknown_format", detail="this model format shows no weights")
    return _exact(record.model.parameters, "1")


@metric(
    unit="1",
    lower_is_better=True,
    title="Multiply-adds per inference",
    titre="Multiplications-additions par inférence",
)
def multiply_adds(record: Record) -> Measure:
    """Products added to a sum in one inference, counted on the graph (1 of them is 2 FLOPs).

    Element-wise work is not counted. A number that leaves nodes out is only a lower bound, which
    no upper bound of a policy can be held against: it is missing, and its reason says the number.
    """
    macs, note = record.model.macs, record.model.macs_note
    if macs is None:
        detail = note or "the multiply-adds of this model were not counted"
        return Missing(reason="unknown_shapes", detail=detail)
    if note.startswith(LOWER_BOUND):
        return Missing(reason="unknown_shapes", detail=f"{macs:,} or more; {note}")
    return _exact(macs, "1", note=note)


@metric(
    unit="B",
    lower_is_better=True,
    title="Storage for model and runtime",
    titre="Stockage du modèle et du moteur",
)
def flash(record: Record) -> Measure:
    """Bytes of the model's files and of the packages that run it, where it ran.

    The packages are the runtime, NumPy and msgspec, with all their files; Python and the system
    are not counted.
    """
    if (gone := no_run(record)) is not None:
        return gone
    held = record.run.installed if record.run else {}
    if not held:
        return Missing(
            reason="not_observed", detail="the record does not say how large the packages are"
        )
    parts = ", ".join(f"{name} {held[name] / MIB:.1f} MiB" for name in sorted(held))
    note = f"model {record.model.bytes / MIB:.1f} MiB, {parts}"
    return _exact(record.model.bytes + sum(held.values()), "B", note=note)


@metric(
    unit="1",
    lower_is_better=True,
    title="Peak memory over its budget",
    titre="Pic de mémoire rapporté à son budget",
)
def of_budget(record: Record) -> Measure:
    """`memory.peak` over `target.memory`; 1 is a full budget."""
    return _of(peak(record), record.spec.target.memory, "target.memory")


@metric(
    unit="1",
    lower_is_better=True,
    title="Storage over its budget",
    titre="Stockage rapporté à son budget",
)
def flash_of_budget(record: Record) -> Measure:
    """`memory.flash` over `target.flash`; 1 is a full budget."""
    return _of(flash(record), record.spec.target.flash, "target.flash")


def _of(found: Measure, budget: int | None, setting: str) -> Measure:
    """A number of bytes as a share of what there is."""
    if isinstance(found, Missing):
        return found
    if budget is None:
        return Missing(
            reason="no_budget", detail=f"no budget was stated: add {setting}=512MiB, or your own"
        )
    return msgspec.structs.replace(
        found,
        estimate=found.estimate / budget,
        low=found.low / budget,
        high=found.high / budget,
        unit="1",
        note=f"of {budget / MIB:.1f} MiB",
    )
