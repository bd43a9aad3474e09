"""How much worse the answers become when one feature is shuffled among the rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.bench._probe_ask import Asker, Late, Outputs
from frugalbench.probes import Whole

__all__ = ["MOST_FEATURES", "Importance", "importance"]

Array = npt.NDArray[Any]
MOST_FEATURES = 2000


@dataclass(frozen=True, slots=True)
class Importance:
    """`array` float32 (features, rows), after so many `rounds` of shuffling every feature."""

    features: tuple[str, ...]
    array: npt.NDArray[np.float32]
    rounds: int


def importance(
    asker: Asker,
    feed: Mapping[str, Array],
    before: Outputs,
    wholes: Mapping[str, Whole],
    shuffles: int,
    rng: np.random.Generator,
    until: float,
    *,
    columns: tuple[str, ...],
) -> Importance | str:
    """Permutation importance of every feature, row by row (Breiman 2001; Fisher et al. 2019).

    Args:
        asker: asks the model, and knows the labels.
        feed: the rows.
        before: the answers to them as they are.
        wholes: what is known of each input.
        shuffles: how often to shuffle each feature.
        rng: the shuffles are drawn from it.
        until: when to be over; the rounds that are complete by then count.
        columns: names of the features of a matrix.

    Returns:
        The increase of the loss, or why there is none.

    Raises:
        MeasurementError: the runtime refuses the inputs.
    """
    rows = len(asker.truth)
    if rows < 2:
        return "one row has nothing to be shuffled with"
    if not all(one.is_table for one in wholes.values()):
        return "the inputs are no table of features"
    features = _features(feed, columns)
    if len(features) > MOST_FEATURES:
        return f"the inputs have {len(features):,} features, over {MOST_FEATURES:,}"
    lost, total = asker.losses(before), np.zeros((len(features), rows))
    for number in range(shuffles):
        added = np.zeros_like(total)
        try:
            for place, (name, column) in enumerate(features.values()):
                shuffled = {**feed, name: _shuffled(feed[name], column, rng)}
                added[place] = asker.losses(asker.outputs(shuffled, until)) - lost
        except Late:
            if not number:
                return "there was no time to shuffle every feature; raise probes.seconds"
            return _averaged(features, total, number)
        total += added
    return _averaged(features, total, shuffles)


def _averaged(features: Mapping[str, Any], total: Array, rounds: int) -> Importance:
    return Importance(tuple(features), (total / rounds).astype(np.float32), rounds)


def _features(feed: Mapping[str, Array], columns: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    """Each feature's name, with its input and its column there."""
    found = {}
    for name, array in feed.items():
        width = array.reshape(len(array), -1).shape[1]
        own = columns if len(feed) == 1 and len(columns) == width else ()
        for column in range(width):
            plain = name if width == 1 else f"{name}:{column}"
            found[own[column] if own else plain] = (name, column)
    return found


def _shuffled(array: Array, column: int, rng: np.random.Generator) -> Array:
    mixed = array.copy().reshape(len(array), -1)
    mixed[:, column] = mixed[rng.permutation(len(mixed)), column]
    return mixed.reshape(array.shape)
