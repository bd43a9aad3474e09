"""Training rows that the model is asked about, to see whether it remembers them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench import answers
from frugalbench.errors import UsageError
from frugalbench.jobs import Prepared
from frugalbench.training import Training

__all__ = ["answered", "members"]

Array = npt.NDArray[Any]
OUTPUT, LABELS = "member:output", "member:labels"


def members(prepared: Prepared) -> Training | None:
    """The training rows to ask about, in random order with the plan's seed; None for none."""
    trained, count = prepared.training, prepared.job.members
    if trained is None or not count:
        return None
    rng = np.random.default_rng(prepared.job.spec.plan.seed)
    places = rng.permutation(trained.rows)[:count]
    return Training(
        {name: one[places] for name, one in trained.feed.items()}, trained.labels[places]
    )


def answered(prepared: Prepared, arrays: dict[str, Array]) -> tuple[dict[str, Array], list[str]]:
    """What is recorded of the training rows, from the outputs for the first of them.

    Args:
        prepared: the question, with its training rows.
        arrays: those of the run; `member:output` and `member:labels` are taken out of it.

    Returns:
        The arrays `member:…` of a record, and notes.
    """
    output, labels = arrays.pop(OUTPUT, None), arrays.pop(LABELS, None)
    asked, job, data = members(prepared), prepared.job, prepared.data
    if output is None or asked is None or job.answer is None or data is None:
        return {}, []
    threshold = job.spec.model.threshold
    try:
        found = answers.decode(output, job.answer, data, threshold, labels)
    except UsageError as error:
        return {}, [f"the answers to training rows cannot be read: {error}"]
    found["y_true" if data.classes else "target"] = asked.labels[: len(output)]
    notes = []
    if len(output) < asked.rows:
        notes.append(
            f"{len(output):,} of {asked.rows:,} training rows were asked in the time there was; "
            "raise plan.max_seconds for all of them"
        )
    # Which class a training row is given is not needed: its score is.
    kept = ("y_true", "score", "value", "target")
    return {f"member:{name}": one for name, one in found.items() if name in kept}, notes
