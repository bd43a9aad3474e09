"""How often the rule on disparities is wrong, by simulation with a known truth.

Tables of counts are drawn from true rates, and judged by the arithmetic of the package (`_draws`);
the first few of each are judged one by one too, so that the two cannot drift apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from _draws import (
    Ends,
    any_flagged,
    drop_ends,
    floor_ends,
    gap_ends,
    needed_of,
    outcomes,
    same_as_one_by_one,
    same_flags,
)

__all__ = ["FULL", "QUICK", "Size", "rule"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MARGIN, BASE = 0.10, 0.35
GROUPS = (2, 5, 10)
Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How many tables are drawn, and how many resamples of each the bootstrap gate takes."""

    draws: int
    gate_draws: int
    resamples: int
    rows: tuple[int, ...]
    power_rows: tuple[int, ...]


FULL = Size(20_000, 2_000, 1_000, (200, 500, 1000), (100, 200, 300, 500, 1000, 2000))
QUICK = Size(2_000, 100, 100, (500,), (500,))


def rule(size: Size, seed: int = 11) -> dict[str, Any]:
    """Every table of the rule; shares are of tables drawn."""
    steps: dict[str, Callable[[Size, np.random.Generator], list[Row]]] = {
        "margin": at_the_margin,
        "power": power,
        "flags": false_flags,
        "floor": floors,
        "drop": drops,
        "needed": sizes_named,
    }
    found: dict[str, Any] = {
        name: step(size, np.random.default_rng((seed, place)))
        for place, (name, step) in enumerate(steps.items())
    }
    return {"draws": size.draws, "gate_draws": size.gate_draws, "seed": seed, **found}


def shapes(groups: int, rows: int) -> Iterator[tuple[str, Floats, Ints]]:
    """True rates whose largest gap is exactly the margin, and the rows of each group."""
    alike, one = np.full(groups, rows), np.full(groups, BASE)
    one[0] += MARGIN
    yield "one group apart", one, alike
    if groups > 2:
        yield "spread evenly", np.linspace(BASE, BASE + MARGIN, groups), alike
    small = alike.copy()
    small[0] = rows // 5
    yield "one group apart, a fifth as large", one, small
    rare = np.full(groups, 0.05)
    rare[0] += MARGIN
    yield "one group apart, rates of 5 and 15 %", rare, alike


def at_the_margin(size: Size, rng: np.random.Generator) -> list[Row]:
    """The true gap is exactly the margin: whoever certifies is wrong."""
    found = []
    for groups in GROUPS:
        for rows in size.rows:
            for shape, rates, trials in shapes(groups, rows):
                hits = rng.binomial(trials, rates, (size.draws, groups))
                ends = gap_ends(hits, np.broadcast_to(trials, hits.shape))
                same_as_one_by_one(hits, trials, MARGIN)
                seen = outcomes(ends, MARGIN)
                found.append(
                    {
                        "groups": groups,
                        "rows": rows,
                        "shape": shape,
                        "certified": seen["PASS"],
                        "failed": seen["FAIL"],
                        "point": float((ends.estimate <= MARGIN + 1e-12).mean()),
                        "bootstrap": _bootstrap(hits[: size.gate_draws], trials, size, rng),
                        **_misses(ends, MARGIN),
                    }
                )
    return found


def _misses(ends: Ends, truth: float) -> dict[str, float]:
    """How often each end leaves the truth out, to rounding."""
    low, high = (ends.low > truth + 1e-12).mean(), (ends.high < truth - 1e-12).mean()
    return {"low_misses": float(low), "high_misses": float(high)}


def _bootstrap(hits: Ints, trials: Ints, size: Size, rng: np.random.Generator) -> float:
    """How often a gate certifies that asks the 95th percentile of the resampled gap."""
    passed = 0
    for one in hits:
        rates = rng.binomial(trials, one / trials, (size.resamples, trials.size)) / trials
        gaps = rates.max(axis=1) - rates.min(axis=1)
        passed += bool(np.quantile(gaps, 0.95) <= MARGIN)
    return passed / len(hits)


def power(size: Size, rng: np.random.Generator) -> list[Row]:
    """All groups are equal: whoever does not certify asks for more rows."""
    found = []
    for groups in GROUPS:
        for rate in (0.1, BASE, 0.5):
            for rows in size.power_rows:
                hits = rng.binomial(rows, rate, (size.draws, groups))
                ends = gap_ends(hits, np.full_like(hits, rows))
                for margin in (0.10, 0.05):
                    same_as_one_by_one(hits, np.array(rows), margin, 5)
                    seen = outcomes(ends, margin)
                    found.append(
                        {
                            "groups": groups,
                            "rate": rate,
                            "rows": rows,
                            "margin": margin,
                            **{name.lower(): share for name, share in seen.items()},
                            **_misses(ends, 0.0),
                        }
                    )
    return found


def false_flags(size: Size, rng: np.random.Generator) -> list[Row]:
    """No pair is outside the margin: whoever flags one is wrong."""
    found, draws = [], size.draws // 2
    for groups in (3, 5, 10):
        for margin, apart in ((0.0, 0.0), (0.05, 0.0), (0.05, 0.05)):
            rates = np.full(groups, BASE)
            rates[0] += apart
            hits = rng.binomial(300, rates, (draws, groups))
            trials = np.full_like(hits, 300)
            flagged, uncorrected = any_flagged(hits, trials, margin)
            same_flags(hits, trials, margin)
            found.append(
                {
                    "groups": groups,
                    "rows": 300,
                    "margin": margin,
                    "apart": apart,
                    "draws": draws,
                    "flagged": flagged,
                    "uncorrected": uncorrected,
                }
            )
    return found


def floors(size: Size, rng: np.random.Generator) -> list[Row]:
    """The worst group's true accuracy is exactly the floor."""
    found, draws = [], size.draws // 2
    for groups in GROUPS:
        for rows in size.rows:
            for shape, others in (("others at 0.9", 0.9), ("all at the floor", 0.8)):
                rates = np.full(groups, others)
                rates[0] = 0.8
                hits = rng.binomial(rows, rates, (draws, groups))
                ends = floor_ends(hits, np.full_like(hits, rows))
                found.append(
                    {
                        "groups": groups,
                        "rows": rows,
                        "shape": shape,
                        "draws": draws,
                        "certified": float((ends.low >= 0.8).mean()),
                        "failed": float((ends.high < 0.8).mean()),
                        "point": float((ends.estimate >= 0.8).mean()),
                        **_misses(ends, 0.8),
                    }
                )
    return found


def drops(size: Size, rng: np.random.Generator) -> list[Row]:
    """The largest true loss of accuracy of a group is exactly what the rule accepts."""
    found = []
    for ceiling in (0.02, 0.05):
        for groups in GROUPS:
            for rows in size.rows:
                for shape, others, back in (
                    ("one group loses", 0.0, 0.02),
                    ("one group loses, nothing is won", 0.0, 0.0),
                    ("all lose alike", ceiling, 0.02),
                ):
                    drop = np.full(groups, others)
                    drop[0] = ceiling
                    lost, won = _changes(rng, drop, back, rows, size.draws)
                    ends = drop_ends(lost, won, np.full_like(lost, rows))
                    found.append(
                        {
                            "ceiling": ceiling,
                            "groups": groups,
                            "rows": rows,
                            "shape": shape,
                            "certified": float((ends.high <= ceiling).mean()),
                            "failed": float((ends.low > ceiling).mean()),
                            "point": float((ends.estimate <= ceiling + 1e-12).mean()),
                            **_misses(ends, ceiling),
                        }
                    )
    return found


def _changes(
    rng: np.random.Generator, drop: Floats, back: float, rows: int, draws: int
) -> tuple[Ints, Ints]:
    """Rows that became wrong, and the share `back` of the rows that became right."""
    lost = rng.binomial(rows, drop + back, (draws, drop.size))
    won = rng.binomial(rows - lost, back / (1 - drop - back))
    return lost, won


def sizes_named(size: Size, rng: np.random.Generator) -> list[Row]:
    """Whether as many rows as an open verdict names settle it.

    `expected` starts from a first sample that shows the true rates, `drawn` from a drawn one. Of
    each: the share of second samples, of the size named, in which the widest true pair is settled,
    and in which all pairs are.
    """
    found = []
    for groups, gap in ((2, 0.0), (2, 0.04), (2, 0.2), (5, 0.0), (10, 0.0)):
        rates = np.full(groups, BASE)
        rates[0] += gap
        first = np.full(groups, 100)
        shown = np.rint(first * rates).astype(np.int64)
        wanted = needed_of(shown, first, MARGIN)
        truth = shown / first
        trials = np.broadcast_to(wanted, (size.draws, groups))
        pilots = rng.binomial(first, rates, (size.draws // 10, groups))
        named = np.array([needed_of(one, first, MARGIN) for one in pilots])
        open_ = (named > first).any(axis=1)
        found.append(
            {
                "groups": groups,
                "gap": gap,
                "rows": 100,
                "wanted": int(wanted.max()),
                **_settled(rng.binomial(trials, truth), trials, "expected"),
                "drawn_wanted": float(np.median(named[open_].max(axis=1))),
                "drawn_open": int(open_.sum()),
                **_settled(rng.binomial(named, rates)[open_], named[open_], "drawn"),
            }
        )
    return found


def _settled(hits: Ints, trials: Ints, name: str) -> dict[str, float]:
    pair, every = gap_ends(hits[:, :2], trials[:, :2]), gap_ends(hits, trials)
    return {
        f"{name}_pair": 1 - outcomes(pair, MARGIN)["INCONCLUSIVE"],
        f"{name}_all": 1 - outcomes(every, MARGIN)["INCONCLUSIVE"],
    }
