"""Calibration, repeated answers, importance, necessity and cards, as tables and pictures."""

from collections.abc import Iterable, Sequence

from frugalbench.metrics.calibration import reliability
from frugalbench.metrics.necessity import frontier
from frugalbench.record import Card, Record
from frugalbench.report._draw import Bar, share
from frugalbench.report._format import Lang, clean, count, plain, show
from frugalbench.report._frontier import placed
from frugalbench.report._grids import (
    Cell,
    Grid,
    Section,
    marked,
    measured,
    number,
    plain_grid,
    title,
    words,
)
from frugalbench.report._phrases import WORDS, Sentence, note
from frugalbench.report._plots import Dot, Plot, plot
from frugalbench.report._view import Line
from frugalbench.values import Measure, Missing, Value

__all__ = ["calibration", "explanation", "necessity", "reproducibility", "transparency"]

Lines = Iterable[Line]
HOW = ("again", "batch", "threads")
SMALLER = "does the job as far as can be told: "


def calibration(record: Record, found: Lines, lang: Lang) -> list[Section]:
    """Errors and coverage, then the reliability curve."""
    grid = plain_grid(found, lang)
    if grid is None:
        return []
    heads, bins = WORDS[lang], reliability(record)
    if isinstance(bins, Missing):
        return [Section("calibration", heads.families["calibration"], (grid,))]
    rows, dots = [], []
    for one in bins:
        value = _rate(one.frequency, one.low, one.high, one.n)
        stated = _three(one.mean_score, lang)
        rows.append(
            (
                Cell(stated, "", "number", lang),
                number(value, lang),
                Cell(count(one.n, lang), "", "number", lang),
            )
        )
        dots.append(Dot(one.mean_score, one.frequency, one.low, one.high))
    curve = Grid(
        heads.reliability,
        (heads.reliable, heads.frequency, heads.n),
        tuple(rows),
        folded=True,
        help=heads.reliability_help,
    )
    told = ", ".join(f"{_three(x.x, lang)} → {_three(x.y, lang)}" for x in dots)
    picture = plot(
        dots,
        lang,
        title=heads.reliability,
        x=heads.reliable,
        y=heads.frequency,
        alternative=heads.plot.format(title=heads.reliability, points=told),
        within=(0.0, 1.0, 0.0, 1.0),
        joined=True,
        diagonal=True,
    )
    plots = () if picture is None else (picture,)
    return [Section("calibration", heads.families["calibration"], (grid, curve), plots=plots)]


def _rate(estimate: float, low: float, high: float, n: int) -> Value:
    return Value(
        estimate=estimate,
        unit="1",
        low=min(low, estimate),
        high=max(high, estimate),
        n=n,
        method="counted",
        interval="wilson",
    )


def _three(x: float, lang: Lang) -> str:
    return plain(round(x, 3), lang)


def reproducibility(record: Record, found: Lines, lang: Lang) -> list[Section]:
    """One row for each way of asking again."""
    heads = WORDS[lang]
    measures = {line.name.partition(".")[2]: line.measure for line in found}
    rows: list[tuple[Cell, ...]] = []
    values: list[Measure | None] = []
    for how in HOW:
        three = [measures.get(f"{what}_{how}") for what in ("flips", "beyond", "difference")]
        if not any(isinstance(one, Value) for one in three):
            continue
        values += three
        told, spoken = _setting(three[1], lang)
        name = words(heads.repeats[how], lang)
        setting = Cell(told or "–", "", "name", spoken)
        rows.append((name, *(measured(one, lang) for one in three), setting))
    if not rows:
        return []
    names = [heads.short[key] for key in ("flips", "beyond", "difference")]
    grid = Grid("", ("", *names, heads.setting), tuple(rows), marked=marked(values))
    return [Section("reproducibility", heads.families["reproducibility"], (grid,))]


def _setting(measure: Measure | None, lang: Lang) -> Sentence:
    if not isinstance(measure, Value):
        return "", lang
    return note(clean(measure.note).partition(", ")[2], lang)


def explanation(record: Record, found: Lines, lang: Lang) -> list[Section]:
    """The features, the one that the most is owed to first."""
    held = [(line, line.measure) for line in found if isinstance(line.measure, Value)]
    if not held:
        return []
    held.sort(key=lambda pair: -pair[1].estimate)
    heads = WORDS[lang]
    bars = _signed_bars([value for _, value in held])
    rows = tuple(
        (
            Cell(clean(line.scope.get("feature", line.address)), "", "name", lang),
            number(value, lang, bar=bar),
            Cell(count(value.n, lang), "", "number", lang),
        )
        for (line, value), bar in zip(held, bars, strict=True)
    )
    grid = Grid(
        "",
        (heads.feature, title(held[0][0], lang), heads.n),
        rows,
        help=heads.importance_help,
    )
    return [Section("explanation", heads.families["explanation"], (grid,))]


def _signed_bars(values: Sequence[Value]) -> list[Bar | None]:
    """Intervals on one scale that has a place for nothing, which a tick marks."""
    low = min(0.0, *(one.low for one in values))
    high = max(0.0, *(one.high for one in values))
    width = high - low
    if not 0 < width < float("inf"):
        return [None] * len(values)

    def place(x: float) -> float:
        return round(100 * (x - low) / width, 2)

    return [
        Bar(
            x=min(place(one.low), 99.2),
            width=max(round(place(one.high) - place(one.low), 2), 0.8),
            y=place(one.estimate),
            height=0,
            tick=place(0.0),
        )
        for one in values
    ]


def necessity(record: Record, found: Lines, lang: Lang) -> list[Section]:
    """The model and its baselines, what is gained over each, and whether one of them would do."""
    heads, found = WORDS[lang], list(found)
    rows = placed(record, lang)
    if not rows:
        return []
    models = tuple(
        (
            Cell(row.name, row.size, "name", lang, bold=row.own),
            *(
                Cell(x.number, "" if x.exact else x.interval, "number", lang, beside=how)
                if x
                else words("–", lang)
                for x, how in ((row.quality, ""), (row.energy, row.method))
            ),
            Cell(row.standing, "", "name", lang),
        )
        for row in rows
    )
    headings = (heads.model, heads.quality, heads.energy, heads.standing)
    together = Grid("", headings, models, help=heads.necessity_help)
    grids = (together, _gains(found, lang))
    picture = _scatter(record, lang)
    return [
        Section(
            family="necessity",
            title=heads.necessity,
            grids=tuple(grid for grid in grids if grid is not None),
            told=_smaller(found, lang),
            plots=() if picture is None else (picture,),
        )
    ]


def _smaller(found: Iterable[Line], lang: Lang) -> tuple[Sentence, ...]:
    """That a cheaper model does the job, and by which measure: by another it may not."""
    told = []
    for line in found:
        if isinstance(line.measure, Value) and SMALLER in line.measure.note:
            said, spoken = note(clean(line.measure.note), lang)
            heads = WORDS[spoken]
            of = heads.short.get(line.name.partition(".")[2]) or title(line, spoken)
            told.append((f"{of}{heads.colon} {said}", spoken))
    return tuple(told)


def _gains(found: Sequence[Line], lang: Lang) -> Grid | None:
    """What the model has over each baseline, and what it takes more."""
    heads = WORDS[lang]
    known = [x for x in found if "baseline" in x.scope]
    names = [
        name
        for name in dict.fromkeys(x.name for x in known)
        if any(isinstance(x.measure, Value) for x in known if x.name == name)
    ]
    if not names:
        return None
    by_place = {(x.name, x.scope["baseline"]): x for x in known}
    rows = []
    for baseline in dict.fromkeys(x.scope["baseline"] for x in known):
        held = [by_place.get((name, baseline)) for name in names]
        cells = [measured(x.measure if x else None, lang) for x in held]
        rows.append((Cell(clean(baseline) or "–", "", "name", lang), *cells))
    columns = [
        heads.short.get(name.partition(".")[2]) or title(_first(known, name), lang)
        for name in names
    ]
    values = [x.measure for x in known]
    return Grid("", (heads.baseline, *columns), tuple(rows), marked=marked(values))


def _first(found: Sequence[Line], name: str) -> Line:
    return next(line for line in found if line.name == name)


def _scatter(record: Record, lang: Lang) -> Plot | None:
    """Quality against energy, the model and its baselines with both intervals."""
    heads, dots, told = WORDS[lang], [], []
    points = [
        (x, x.quality, x.energy)
        for x in frontier(record)
        if isinstance(x.quality, Value) and isinstance(x.energy, Value)
    ]
    if len(points) < 2:
        return None
    largest = max((energy for _, _, energy in points), key=lambda x: x.estimate)
    scale, unit = show(largest, lang).factor, show(largest, lang).unit
    for point, quality, energy in points:
        dots.append(
            Dot(
                x=energy.estimate * scale,
                y=quality.estimate,
                low=quality.low,
                high=quality.high,
                left=energy.low * scale,
                right=energy.high * scale,
                label=clean(point.name, 40),
                own=point.own,
            )
        )
        numbers = f"{show(quality, lang).number}, {show(energy, lang).number}"
        told.append(f"{clean(point.name, 40)} {numbers}")
    gap = " ; " if lang == "fr" else "; "
    return plot(
        dots,
        lang,
        title=heads.necessity,
        x=f"{heads.energy} ({unit})",
        y=heads.quality,
        alternative=heads.plot.format(title=heads.necessity, points=gap.join(told)),
    )


def transparency(record: Record, found: Lines, lang: Lang) -> list[Section]:
    """Each card with how much of it is filled in, and what is absent from it."""
    heads = WORDS[lang]
    cards: dict[str, Card | None] = {
        "transparency.model_card": record.model_card,
        "transparency.data_statement": record.data_card,
    }
    rows = []
    for line in found:
        if not isinstance(line.measure, Value):
            continue
        card = cards.get(line.name)
        absent = ", ".join(heads.fields.get(x, clean(x)) for x in (card.absent if card else ()))
        rows.append(
            (
                words(title(line, lang), lang),
                number(line.measure, lang, bar=share(line.measure)),
                Cell(clean(absent, 600) or heads.nothing_absent, "", "name", lang),
            )
        )
    if not rows:
        return []
    grid = Grid("", (heads.card, heads.filled, heads.absent), tuple(rows))
    return [Section("transparency", heads.families["transparency"], (grid,))]
