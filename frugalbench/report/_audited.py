"""What the counts of a table say of its groups: rates, disparities, and pairs outside a margin."""

from collections.abc import Iterator, Mapping

import msgspec

from frugalbench.metrics._counts import Counts
from frugalbench.metrics._enough import needed
from frugalbench.metrics._intervals import LEVEL, wilson
from frugalbench.metrics._pairs import pairs
from frugalbench.metrics.fairness._rates import EMPTY, by_group
from frugalbench.metrics.fairness.gaps import OF_DIFFERENCE, asked, complete, disparity
from frugalbench.values import Measure, Missing, Value

__all__ = ["SHOWN_RATES", "Audited", "AuditedColumn", "AuditedGroup", "Disparity", "audited"]

SHOWN_RATES = ("accuracy", "selection_rate", "tpr", "fpr", "ppv")


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of what was found."""


class AuditedGroup(Part, frozen=True):
    """One group, and one class against the rest: `positives` of its `n` rows have that label.

    `rates` are the share of rows that each is of, with Wilson's 95 % interval.
    """

    group: str
    of: str
    n: int
    positives: int
    negatives: int
    selected: int
    rates: dict[str, Measure]


class Flagged(Part, frozen=True):
    """Two groups known to be further apart than the margin, after Holm's correction."""

    first: str
    second: str
    rate: str
    difference: float
    low: float
    high: float
    p_adjusted: float


class Wanted(Part, frozen=True):
    """How many to count in a group, instead of how many there are, would settle a margin."""

    group: str
    now: int
    wanted: int


class Disparity(Part, frozen=True):
    """The largest difference between two groups, each end of whose interval errs 5 % of the time.

    `expected` is how large it would be by chance if all groups were alike. Against a margin,
    `within` says that all pairs are inside it, `outside` that some pair is not, `open` that there
    are too few rows to say; it is empty without a margin.
    """

    name: str
    measure: Measure
    expected: float | None = None
    standing: str = ""
    flagged: tuple[Flagged, ...] = ()
    needed: tuple[Wanted, ...] = ()


class AuditedColumn(Part, frozen=True):
    """A column of groups."""

    attribute: str
    groups: tuple[AuditedGroup, ...]
    disparities: tuple[Disparity, ...]


class Audited(Part, frozen=True):
    """A table of labels and answers; `positive` is empty where every class is compared."""

    format: int
    classes: tuple[str, ...]
    positive: str
    margin: float | None
    columns: tuple[AuditedColumn, ...]


def audited(tables: Mapping[str, Counts], margin: float | None) -> Audited:
    """Everything that counts by group say, column by column.

    Args:
        tables: the counts of each column, one at least.
        margin: the largest difference that is accepted, or None.
    """
    first = next(iter(tables.values()))
    return Audited(
        format=1,
        classes=tuple(str(one) for one in first.classes),
        positive="" if first.positive is None else str(first.classes[first.positive]),
        margin=margin,
        columns=tuple(
            AuditedColumn(
                attribute=name,
                groups=tuple(_groups(counts)),
                disparities=tuple(_disparity(counts, one, name, margin) for one in OF_DIFFERENCE),
            )
            for name, counts in tables.items()
        ),
    )


def _groups(counts: Counts) -> Iterator[AuditedGroup]:
    for of in counts.asked:
        cells = counts.cells(of)
        for place, name in enumerate(counts.names):
            yield AuditedGroup(
                group=name,
                of=str(counts.classes[of]),
                n=int(cells.rows[place]),
                positives=int(cells.positives[place]),
                negatives=int(cells.negatives[place]),
                selected=int(cells.selected[place]),
                rates={rate: _rate(counts, rate, of, place) for rate in SHOWN_RATES},
            )


def _rate(counts: Counts, rate: str, of: int, place: int) -> Measure:
    hits, trials = (int(one[place]) for one in counts.rate(rate, of))
    if trials == 0:
        reason, words = EMPTY.get(rate, ("empty_group", "no row"))
        return Missing(reason=reason, detail=f"group '{counts.names[place]}' has {words}")
    low, high = wilson(hits, trials, LEVEL)
    return Value(
        estimate=hits / trials,
        unit="1",
        low=float(low),
        high=float(high),
        n=trials,
        method="counted",
        interval="wilson",
    )


def _disparity(counts: Counts, name: str, attribute: str, margin: float | None) -> Disparity:
    measure = disparity(counts, name, attribute)
    known = complete(counts, attribute, OF_DIFFERENCE[name])
    if isinstance(measure, Missing) or isinstance(known, Missing):
        return Disparity(name=name, measure=measure)
    measures = [by_group(known, rate, of, 0) for rate, of in asked(known, OF_DIFFERENCE[name])]
    expected = max(one.equal for one in measures if one.equal is not None)
    if margin is None:
        return Disparity(name=name, measure=measure, expected=expected)
    inside, outside = measure.high <= margin, measure.low > margin
    wanted = () if inside or outside else needed(measures, margin)
    return Disparity(
        name=name,
        measure=measure,
        expected=expected,
        standing="within" if inside else "outside" if outside else "open",
        flagged=tuple(
            Flagged(
                first=one.first,
                second=one.second,
                rate=one.title,
                difference=one.difference,
                low=one.low,
                high=one.high,
                p_adjusted=one.adjusted,
            )
            for one in pairs(measures, margin, flagged=True)
        ),
        needed=tuple(Wanted(group=x.group, now=x.now, wanted=x.wanted) for x in wanted),
    )
