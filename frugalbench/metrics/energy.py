"""Joules: whole windows of calls over the number of inferences in them."""

from frugalbench.metrics import _joules
from frugalbench.metrics._joules import per_inference as joules_per_inference
from frugalbench.metrics._metric import metric
from frugalbench.record import Record
from frugalbench.values import Measure

__all__ = [
    "cpu_per_inference",
    "gpu_per_inference",
    "idle_power",
    "net_per_inference",
    "per_inference",
    "power",
    "ram_per_inference",
]


@metric(
    unit="J",
    lower_is_better=True,
    title="Energy per inference",
    titre="Énergie par inférence",
)
def per_inference(record: Record) -> Measure:
    """Energy of everything the most trusted method covers, idle included, per inference."""
    return joules_per_inference(record)


@metric(
    unit="J",
    lower_is_better=True,
    title="Energy per inference above idle",
    titre="Énergie par inférence au-dessus du repos",
    minimum=float("-inf"),
)
def net_per_inference(record: Record) -> Measure:
    """Energy per inference less what the machine draws at rest with the model loaded."""
    return _joules.net_per_inference(record)


@metric(unit="W", lower_is_better=True, title="Power while answering", titre="Puissance en réponse")
def power(record: Record) -> Measure:
    """Mean power while queries were timed."""
    return _joules.mean_power(record)


@metric(unit="W", lower_is_better=True, title="Power at rest", titre="Puissance au repos")
def idle_power(record: Record) -> Measure:
    """Power with the model loaded and nothing asked, before and after."""
    return _joules.idle_power(record)


@metric(
    unit="J",
    lower_is_better=True,
    title="Energy per inference, processor",
    titre="Énergie par inférence, processeur",
)
def cpu_per_inference(record: Record) -> Measure:
    """Energy of the processor packages per inference."""
    return joules_per_inference(record, "cpu")


@metric(
    unit="J",
    lower_is_better=True,
    title="Energy per inference, memory",
    titre="Énergie par inférence, mémoire vive",
)
def ram_per_inference(record: Record) -> Measure:
    """Energy of the memory modules per inference."""
    return joules_per_inference(record, "ram")


@metric(
    unit="J",
    lower_is_better=True,
    title="Energy per inference, GPU",
    titre="Énergie par inférence, processeur graphique",
)
def gpu_per_inference(record: Record) -> Measure:
    """Energy of the graphics processors per inference."""
    return joules_per_inference(record, "gpu")
