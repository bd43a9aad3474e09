"""Robustness in a report: one row for each disturbance, and a curve for each kind of them."""

from collections.abc import Iterable, Sequence

from frugalbench.metrics._probed import probe_names
from frugalbench.record import Pass, Record
from frugalbench.report._draw import share
from frugalbench.report._fair import level_of
from frugalbench.report._format import Lang, clean, count, plain
from frugalbench.report._grids import Cell, Grid, Section, marked, measured, plain_grid, words
from frugalbench.report._phrases import WORDS
from frugalbench.report._plots import Dot, Plot, plot
from frugalbench.report._view import Line, group_name
from frugalbench.values import Measure, Value

__all__ = ["robustness"]

WORST = "robustness.accuracy_group_min"
OVERALL = ("accuracy", "accuracy_retained", "error_increase")
SAID = "worst: "
SHARE = "share of"


def robustness(record: Record, found: Iterable[Line], lang: Lang) -> list[Section]:
    """What is kept under each disturbance, overall and by the worst group of each column."""
    found, heads = list(found), WORDS[lang]
    probed = [x for x in found if "probe" in x.scope]
    whole = plain_grid([x for x in found if "probe" not in x.scope], lang)
    grids = (whole, _overall(record, probed, lang), _worst(record, probed, lang))
    held = tuple(grid for grid in grids if grid is not None)
    if not held:
        return []
    rows = count(record.probed.rows if record.probed else 0, lang)
    told = ((heads.robustness_help.format(n=rows), lang),)
    plots = _curves(record, probed, lang)
    heading = heads.families["robustness"]
    return [Section("robustness", heading, held, told=told, plots=plots)]


def _passes(record: Record) -> list[tuple[str, Pass]]:
    """Every pass under the name of its probe."""
    passes = record.probed.passes if record.probed else ()
    return list(zip(probe_names(record), passes, strict=True))


def _name(record: Record, probe: str, lang: Lang) -> Cell:
    """A disturbance in words, over its severity."""
    one = dict(_passes(record))[probe]
    kind = WORDS[lang].probes.get(one.kind) or clean(one.kind).replace("_", " ")
    unit = WORDS[lang].units.get(one.unit, clean(one.unit))
    return Cell(kind, f"{plain(one.severity, lang)} {unit}".strip(), "name", lang)


def _overall(record: Record, probed: Sequence[Line], lang: Lang) -> Grid | None:
    heads, by_place = WORDS[lang], {(x.name, x.scope["probe"]): x for x in probed}
    names = [
        name
        for name in OVERALL
        if any(isinstance(x.measure, Value) for x in probed if x.name == f"robustness.{name}")
    ]
    rows = []
    for probe in probe_names(record):
        lines = [by_place.get((f"robustness.{name}", probe)) for name in names]
        cells = [_cell(x.measure if x else None, lang) for x in lines]
        rows.append((_name(record, probe, lang), *cells))
    if not names or not rows:
        return None
    headings = (heads.probe, *(heads.short[name] for name in names))
    return Grid("", headings, tuple(rows), marked=marked(x.measure for x in probed))


def _cell(measure: Measure | None, lang: Lang) -> Cell:
    bar = share(measure) if isinstance(measure, Value) and measure.unit == "1" else None
    return measured(measure, lang, bar=bar)


def _worst(record: Record, probed: Sequence[Line], lang: Lang) -> Grid | None:
    """The worst group of each view that is of all rows, named."""
    heads = WORDS[lang]
    by_place = {
        (x.scope["attribute"], x.scope["probe"]): x
        for x in probed
        if x.name == WORST and level_of(record, x.scope["attribute"]) is None
    }
    views = [
        view
        for view in dict.fromkeys(view for view, _ in by_place)
        if any(isinstance(x.measure, Value) for (of, _), x in by_place.items() if of == view)
    ]
    if not views:
        return None
    rows = tuple(
        (
            _name(record, probe, lang),
            *(_group(by_place[view, probe].measure, lang) for view in views),
        )
        for probe in probe_names(record)
    )
    headings = (heads.probe, *(clean(view) for view in views))
    values = [x.measure for x in by_place.values()]
    return Grid(heads.worst_group, headings, rows, marked=marked(values))


def _group(measure: Measure, lang: Lang) -> Cell:
    """An accuracy with the name of the group it is of."""
    if not isinstance(measure, Value):
        return words("–", lang)
    told = measure.note.removeprefix(SAID).rpartition(" (n=")[0]
    cell = measured(measure, lang)
    return Cell(cell.text, cell.under, "number", lang, beside=group_name(told, lang))


def _curves(record: Record, probed: Sequence[Line], lang: Lang) -> tuple[Plot, ...]:
    """What is kept against the severity, one picture for each kind with two severities or more."""
    heads = WORDS[lang]
    held = {x.scope["probe"]: x.measure for x in probed if x.name == "robustness.accuracy_retained"}
    by_kind: dict[str, list[Dot]] = {}
    names: dict[str, tuple[str, str]] = {}
    shares = {one.kind for _, one in _passes(record) if SHARE in one.unit}
    for probe, one in _passes(record):
        measure = held.get(probe)
        if isinstance(measure, Value):
            dot = Dot(one.severity, measure.estimate, measure.low, measure.high)
            by_kind.setdefault(one.kind, []).append(dot)
            kind = heads.probes.get(one.kind) or clean(one.kind).replace("_", " ")
            unit = heads.units.get(one.unit, clean(one.unit))
            names[one.kind] = kind, f"{heads.severity} ({unit})" if unit else heads.severity
    drawn = []
    for kind, dots in by_kind.items():
        ordered = sorted(dots, key=lambda dot: dot.x)
        told = ", ".join(f"{plain(x.x, lang)} → {plain(round(x.y, 3), lang)}" for x in ordered)
        top = max(1.0, *(dot.high for dot in ordered))
        left, right = _across([dot.x for dot in ordered])
        # A share of nothing is no disturbance; other units have their nothing elsewhere.
        nothing = [Dot(0.0, 1.0, 1.0, 1.0)] if left == 0.0 and kind in shares else []
        picture = plot(
            [*nothing, *ordered],
            lang,
            title=names[kind][0],
            x=names[kind][1],
            y=heads.short["accuracy_retained"],
            alternative=heads.plot.format(title=names[kind][0], points=told),
            within=(left, right, 0.0, round(top + 0.005, 2)),
            joined=True,
        )
        if len(ordered) > 1 and picture is not None:
            drawn.append(picture)
    return tuple(drawn)


def _across(severities: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis of severities: from nothing, where all are more than nothing."""
    low, high = min(severities), max(severities)
    return (0.0 if low > 0 else low), high
