"""Is a record worse than an earlier one, by more than matters and by more than chance?

Each measure is asked one thing: is the change for the worse larger than the smallest one that
matters? It has regressed when that is shown at 5 % over everything that is asked (Holm, 1979), has
not when the whole interval is below, and is unclear in between. Timings and energy are compared
process by process, answers row by row where both records answer the same rows.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

import msgspec

from frugalbench.compare import BETWEEN_PROCESSES
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.record import Record
from frugalbench.regress._answers import fairness, quality
from frugalbench.regress._seen import Change, Family, Outcome, Seen
from frugalbench.regress._timed import energy, latency, memory

__all__ = ["ALPHA", "SMALLEST", "Change", "Family", "Outcome", "Regressions", "regress", "smallest"]

ALPHA = 0.05
SMALLEST: dict[Family, float] = {
    "latency": 0.05,
    "energy": 0.05,
    "memory": 0.05,
    "quality": 0.01,
    "fairness": 0.05,
}
"""The smallest change for the worse that matters: a share of the earlier value for latency, energy
and memory, a difference of two shares of people for quality and fairness. Conventions."""
TIMED = ("latency", "energy")
SEEN: dict[Family, Callable[[Record, Record], Iterator[Seen]]] = {
    "latency": latency,
    "energy": energy,
    "memory": memory,
    "quality": quality,
    "fairness": fairness,
}


class Regressions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that was compared of `record` and the earlier `baseline` (their ids)."""

    record: str
    baseline: str
    changes: tuple[Change, ...]

    def of(self, outcome: Outcome) -> tuple[Change, ...]:
        """The changes that came out so."""
        return tuple(one for one in self.changes if one.outcome == outcome)

    def exit_code(self, *, allow_uncompared: bool = False) -> int:
        """What the command line returns: 1 a regression, 3 something not compared, else 0."""
        if self.of("REGRESSED"):
            return 1
        nothing = not any(one.estimate is not None for one in self.changes)
        if nothing or (self.of("NOT_COMPARED") and not allow_uncompared):
            return 3
        return 0


def smallest(words: Iterable[str]) -> dict[Family, float]:
    """The smallest changes that matter, with what is said in words such as `latency=0.1`.

    `energy=none` leaves a family out.

    Raises:
        UsageError: no such family, no such number, or a change of a timing that fresh processes of
            one model differ by anyway.
    """
    found = dict(SMALLEST)
    for word in words:
        name, _, value = word.partition("=")
        if name not in SMALLEST:
            raise UsageError(f"--smallest {word}: {did_you_mean(name, SMALLEST)}")
        family: Family = next(one for one in get_args(Family) if one == name)
        if value == "none":
            found.pop(family, None)
            continue
        found[family] = _number(word, value)
        if family in TIMED and found[family] < BETWEEN_PROCESSES:
            raise UsageError(
                f"--smallest {word}: fresh processes of one model differ by about 3 %, so give "
                f"{BETWEEN_PROCESSES:g} or more"
            )
    if not found:
        raise UsageError("--smallest leaves every family out: drop --baseline, or keep one")
    return found


def _number(word: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 10:
        raise UsageError(f"--smallest {word}: give a number such as 0.05 for 5 %, or none")
    return number


def regress(
    record: Record, baseline: Record, limits: Mapping[Family, float] = SMALLEST
) -> Regressions:
    """Compare a record with an earlier one of the same question. Pure.

    Args:
        record: the later one.
        baseline: the earlier one.
        limits: the smallest change that matters, by family; what is not in it is not compared.
    """
    made = [
        _decided(family, least, one)
        for family, least in limits.items()
        for one in SEEN[family](record, baseline)
    ]
    return Regressions(record=record.id, baseline=baseline.id, changes=_holm(made))


def _decided(family: Family, least: float, seen: Seen) -> Change:
    if seen.ends is None:
        outcome: Outcome = "ABSENT" if seen.absent else "NOT_COMPARED"
        return Change(
            family=family, address=seen.address, outcome=outcome, smallest=least, detail=seen.why
        )
    estimate, low, high = seen.ends
    p = None if seen.test is None else float(seen.test(least))
    outcome = "NOT_WORSE" if high <= least else "UNCLEAR"
    if p is None and low > least:
        outcome = "REGRESSED"
    return Change(
        family=family,
        address=seen.address,
        outcome=outcome,
        smallest=least,
        relative=seen.relative,
        estimate=estimate,
        low=low,
        high=high,
        level=seen.level,
        p=p,
        how=seen.how,
    )


def _holm(made: list[Change]) -> tuple[Change, ...]:
    """The changes with their p-values adjusted over all that were tested (weighted: Holm, 1979).

    Each family has the same weight, so that many groups of people do not hide a slow model.
    """
    sizes = Counter(one.family for one in made if one.p is not None)
    tested = sorted(
        (one.p * sizes[one.family], place) for place, one in enumerate(made) if one.p is not None
    )
    running, left = 0.0, float(len(sizes))
    for weighted, place in tested:
        running = max(running, min(1.0, left * weighted))
        left -= 1 / sizes[made[place].family]
        outcome: Outcome = "REGRESSED" if running < ALPHA else made[place].outcome
        made[place] = msgspec.structs.replace(made[place], p_adjusted=running, outcome=outcome)
    return tuple(made)
