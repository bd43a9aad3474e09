"""Slips of the keyboard in a text: a character swapped with the next one, dropped, or doubled.

The severity is the share of characters, each of the three slips being as likely as the others.
Only characters of the text itself are used, so that no new alphabet appears.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
UNIT = "share of the characters"
SEVERITIES = (0.02, 0.1)
LEAST, MOST = 0.0, 1.0


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return "" if whole.is_text else "its input holds numbers, not text"


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The texts with about `severity` of their characters mistyped."""
    if severity == 0:
        return array.copy()
    flat = [_mistyped(str(text), severity, rng) for text in array.reshape(-1)]
    if array.dtype == object:
        made = np.empty(len(flat), object)
        made[:] = flat
        return made.reshape(array.shape)
    return np.array(flat, np.str_).reshape(array.shape)


def _mistyped(text: str, severity: float, rng: np.random.Generator) -> str:
    slips = rng.random(len(text)) < severity
    kinds = rng.integers(0, 3, len(text))
    typed: list[str] = []
    place = 0
    while place < len(text):
        here = text[place]
        if not slips[place]:
            typed.append(here)
        elif kinds[place] == 0 and place + 1 < len(text):
            place += 1
            typed += [text[place], here]
        elif kinds[place] != 1:
            typed += [here, here]
        place += 1
    return "".join(typed)
