"""Is what was asked for there? Said before anything is measured."""

import math
from collections.abc import Sequence

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.probes._open import open_probe
from frugalbench.spec import Perturbation, Probes

__all__ = ["check_asked", "severities"]


def severities(one: Perturbation) -> tuple[float, ...]:
    """The severities of a perturbation: those asked for, or the probe's own."""
    return one.severities or open_probe(one.kind).severities


def check_asked(asked: Probes, inputs: Sequence[str], *, labelled: bool) -> None:
    """Refuse probes that are not there, and what they cannot be.

    Args:
        asked: the probes.
        inputs: the names of the model's inputs.
        labelled: whether there are labelled rows to probe.

    Raises:
        UsageError: an unknown probe or input, a severity out of its range or given twice, or
            nothing to probe on.
    """
    if (asked.perturb or asked.shuffles) and not labelled:
        raise UsageError(
            "probes need labelled rows: add data=… and data.label=…, or leave probes out"
        )
    seen: set[str] = set()
    for one in asked.perturb:
        probe = open_probe(one.kind)
        for name in one.inputs:
            if name not in inputs:
                raise UsageError(f"the model has no input '{name}': {did_you_mean(name, inputs)}")
        for severity in severities(one):
            if not (math.isfinite(severity) and probe.least <= severity <= probe.most):
                raise UsageError(
                    f"the severity {severity:g} of {one.kind} is not from {probe.least:g} to "
                    f"{probe.most:g} ({probe.unit})"
                )
            scope = f"{one.kind}:{severity:g}"
            if scope in seen:
                raise UsageError(f"the probe {scope} is asked for twice: list each severity once")
            seen.add(scope)
