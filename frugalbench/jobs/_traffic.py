"""What a query of the plan's scenario is, for this model."""

from typing import Any

import numpy.typing as npt

from frugalbench import inputs
from frugalbench.errors import UsageError
from frugalbench.record import ModelFacts
from frugalbench.spec import Plan

__all__ = ["traffic"]

Array = npt.NDArray[Any]


def traffic(plan: Plan, facts: ModelFacts, feed: dict[str, Array]) -> dict[str, Any]:
    """How many samples a call and how many calls a query take, and which outputs are watched.

    Raises:
        UsageError: the plan's scenario lacks a setting, or the graph fixes another batch.
    """
    if plan.scenario == "server" and plan.target_qps is None:
        raise UsageError("the server scenario asks at a rate: add plan.target_qps=…")
    ports = facts.inputs
    free = inputs.is_free(ports, feed)
    batch, calls = inputs.batch_size(ports, feed, plan.batch), 1
    if plan.scenario == "multi_stream":
        batch = plan.samples_per_query if free else batch
        calls = -(-plan.samples_per_query // batch)
        inputs.batch_size(ports, feed, batch)
    read = facts.answer.outputs if facts.answer else ()
    tensors = tuple(port.name for port in facts.outputs if port.dtype in inputs.DTYPES)
    return {
        "batch": batch,
        "calls": calls,
        "free": free and plan.batch == 1,
        "watched": read or tensors,
    }
