"""What a prepared variant says of itself: its parent, what was done, and how its answer is read.

It stands in the file's own metadata, which the ORT format keeps too, so that a variant that was
copied to a board still names its parent. Like everything in a model file it is what the file says.
"""

from typing import Any

import msgspec

from frugalbench.record import Answer, ModelFacts, Variant
from frugalbench.spec import Model

__all__ = ["KEY", "Told", "read", "tell", "told_answer"]

KEY = "frugalbench.variant"
MOST = 256 * 1024
"""Characters of an entry that is looked at."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variant and what its own graph may not show any more.

    The ORT format shows no operators and no weights: what was counted on the parent is kept.
    """

    variant: Variant
    answer: Answer | None = None
    classes: tuple[int | float | str | bool, ...] = ()
    features: tuple[str, ...] = ()
    parameters: int | None = None
    opset: int | None = None
    macs: int | None = None
    macs_note: str = ""
    weights: dict[str, int] = {}


def tell(
    parent: ModelFacts,
    variant: Variant,
    classes: tuple[Any, ...] = (),
    features: tuple[str, ...] = (),
) -> str:
    """The entry of a variant, as JSON, with the parent's classes and columns in order."""
    told = Told(
        variant=variant,
        answer=parent.answer,
        classes=classes,
        features=features,
        parameters=parent.parameters,
        opset=parent.opset,
        macs=parent.macs,
        macs_note=parent.macs_note,
        weights=parent.weights,
    )
    return msgspec.json.encode(told).decode()


def read(metadata: dict[str, str]) -> Told | None:
    """What a file says of itself; None where it says nothing that can be read."""
    text = metadata.get(KEY, "")
    if not text or len(text) > MOST:
        return None
    try:
        return msgspec.json.decode(text, type=Told)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def told_answer(model: Model, told: Told | None, outputs: tuple[Any, ...]) -> Answer | None:
    """The parent's answer, where nobody declares another one and its outputs are all there."""
    if told is None or told.answer is None or model.output_kind is not None:
        return None
    names = {port.name for port in outputs}
    if not set(told.answer.outputs) <= names or model.output not in (None, told.answer.output):
        return None
    return told.answer
