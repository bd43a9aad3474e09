"""A search for an input near the given one that changes a right answer, by asking only.

In the manner of the Square Attack (Andriushchenko et al., 2020): every value is first pushed to one
end of its interval at random, along stripes in images; then the values of a random subset (a
square in images, columns in a table) are pushed anew, and what brings the model nearer to a wrong
answer is kept. Subsets shrink as the queries are used up. Where a model gives no scores, moves are
kept at random until an answer changes.

The severity is the radius of the ball (L∞): a share of each column's standard deviation in a
table, of the range of values elsewhere. Whole-number columns move by whole numbers, those of which
fit inside the ball. Nothing leaves the range of the data. In a regression the search makes the
error as large as it can.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._probe import Ask, Found
from frugalbench.probes._whole import Whole, back

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "search", "unfit"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNIT = "share of the spread"
SEVERITIES = (0.1, 0.3)
LEAST, MOST = 0.0, 100.0
FIRST_SHARE = 0.8
HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""After which shares of the queries the subsets become half as large: the paper's schedule."""


def unfit(whole: Whole) -> str:
    """Why an input cannot be searched so; empty when it can."""
    return "" if whole.is_number else "its input holds text, not numbers"


def search(
    ask: Ask,
    feed: Mapping[str, Array],
    severity: float,
    rng: np.random.Generator,
    wholes: Mapping[str, Whole],
    queries: int,
) -> Found:
    """The answers to the worst inputs found near the given ones.

    Args:
        ask: gives margins and answers; below 0 (or NaN) the model is wrong.
        feed: the rows, for every input that is searched.
        severity: the radius.
        rng: every move is drawn from it.
        wholes: what is known of each input.
        queries: how often to ask about one row at most.
    """
    rows = len(next(iter(feed.values())))
    asked = ask(feed, np.arange(rows))
    if asked is None:
        return Found(None, 0)
    margin, answers = asked
    answers = answers.copy()
    radii = {name: _radius(wholes[name], severity) for name in feed}
    moves = {name: _first(array, wholes[name], rng) for name, array in feed.items()}
    used, kept = 1, {name: np.zeros_like(signs) for name, signs in moves.items()}
    while used < queries:
        left = np.flatnonzero(margin > 0) if np.any(margin > 0) else np.empty(0, np.int64)
        if severity == 0 or not left.size:
            break
        if used > 1:
            share = FIRST_SHARE / 2 ** sum(used > queries * one for one in HALVINGS)
            moves = _moved(kept, left, share, wholes, rng)
        else:
            moves = {name: signs[left] for name, signs in moves.items()}
        tried = {
            name: _pushed(array[left], moves[name], radii[name], wholes[name])
            for name, array in feed.items()
        }
        asked = ask(tried, left)
        if asked is None:
            break
        used += 1
        found, given = asked
        # Where nothing but right or wrong is known, all moves look alike: half of them are kept.
        better = ~(found >= margin[left]) | (
            (found == margin[left]) & (rng.random(left.size) < 0.5)
        )
        margin[left[better]], answers[left[better]] = found[better], given[better]
        for name, signs in moves.items():
            kept[name][left[better]] = signs[better]
    return Found(answers, used)


def _radius(whole: Whole, severity: float) -> Floats:
    """How far each column may move, (columns,) or (1,)."""
    radius = severity * whole.spread
    return np.where(whole.is_coded, np.floor(radius), radius)


def _pushed(array: Array, signs: Array, radius: Floats, whole: Whole) -> Array:
    """The rows, each value at the end of its interval that its sign says."""
    flat = array.reshape(len(array), -1) if whole.is_table else array
    push = signs * radius
    moved = back(flat.astype(np.float64) + push, whole)
    return np.where(push == 0, flat, moved).astype(array.dtype).reshape(array.shape)


def _first(array: Array, whole: Whole, rng: np.random.Generator) -> Array:
    """A random sign for every value; the same down each stripe of an image."""
    shape = list(array.shape)
    if whole.is_table:
        return _signs(rng, (len(array), int(np.prod(shape[1:]))))
    if whole.layout is not None:
        shape[2 if whole.layout == "NCHW" else 1] = 1
    return np.broadcast_to(_signs(rng, tuple(shape)), array.shape).copy()


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return (2 * rng.integers(0, 2, shape) - 1).astype(np.int8)


def _moved(
    kept: Mapping[str, Array],
    left: Ints,
    share: float,
    wholes: Mapping[str, Whole],
    rng: np.random.Generator,
) -> dict[str, Array]:
    """New signs for a random subset of the values of every row that is left."""
    moved = {}
    # Of many inputs of one column each, only some move at a time.
    widths = {name: signs[0].size for name, signs in kept.items()}
    sure = str(rng.choice(list(kept)))
    for name, signs in kept.items():
        before = signs[left]
        if wholes[name].layout is not None:
            moved[name] = _square(before, share, wholes[name], rng)
            continue
        flat = before.reshape(len(left), -1)
        picked = rng.random(flat.shape) < share
        if name == sure:
            # Some value moves in every row, however small the share.
            picked[np.arange(len(left)), rng.integers(0, widths[name], len(left))] = True
        fresh = np.where(picked, _signs(rng, flat.shape), flat)
        moved[name] = fresh.reshape(before.shape)
    return moved


def _square(signs: Array, share: float, whole: Whole, rng: np.random.Generator) -> Array:
    """One square of each image gets one new sign a channel."""
    pixels = signs if whole.layout == "NCHW" else signs.transpose(0, 3, 1, 2)
    n, channels, height, width = pixels.shape
    side = int(np.clip(round(np.sqrt(share * height * width)), 1, min(height, width)))
    top, first = rng.integers(0, height - side + 1, n), rng.integers(0, width - side + 1, n)
    down, along = np.arange(height), np.arange(width)
    in_rows = (down >= top[:, None]) & (down < top[:, None] + side)
    in_columns = (along >= first[:, None]) & (along < first[:, None] + side)
    inside = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    fresh = np.where(inside, _signs(rng, (n, channels, 1, 1)), pixels)
    return fresh if whole.layout == "NCHW" else fresh.transpose(0, 2, 3, 1)
