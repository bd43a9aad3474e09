"""Bytes: of the file, and of the process that runs it."""

from frugalbench.metrics._metric import metric, no_run
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["for_model", "model_size", "parameters", "peak"]


ONE_PROCESS = "one_process"
"""The kernel counted exactly, but one process only: the next one may differ by a page or two."""


def _exact(amount: int, unit: str, interval: str = "exact") -> Value:
    return Value(
        estimate=amount,
        unit=unit,
        low=amount,
        high=amount,
        n=1,
        method="counted",
        interval=interval,
    )


def _no_counter() -> Missing:
    return Missing(
        reason="no_counter", detail="this system shows no peak memory (VmHWM) of a process"
    )


@metric(unit="B", lower_is_better=True, title="Peak memory", titre="Pic de mémoire")
def peak(record: Record) -> Measure:
    """The most resident memory the worker held, Python and runtime included."""
    if (gone := no_run(record)) is not None:
        return gone
    memory = record.run.memory if record.run else None
    return _exact(memory.after_run, "B", ONE_PROCESS) if memory else _no_counter()


@metric(
    unit="B", lower_is_better=True, title="Memory for the model", titre="Mémoire pour le modèle"
)
def for_model(record: Record) -> Measure:
    """Growth of peak memory from before the model is opened to after it has run."""
    if (gone := no_run(record)) is not None:
        return gone
    memory = record.run.memory if record.run else None
    if memory is None:
        return _no_counter()
    return _exact(memory.after_run - memory.after_import, "B", ONE_PROCESS)


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
