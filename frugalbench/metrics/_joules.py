"""Joules per inference from the energy windows of a record."""

from collections.abc import Iterable

import numpy as np

from frugalbench.metrics._intervals import mean_t
from frugalbench.metrics._metric import no_run
from frugalbench.record import Record, Window
from frugalbench.values import METHODS, Measure, Missing, Value

__all__ = ["facility", "per_inference", "scaled"]

MODEL_ERROR = 0.5
"""Half-width of a modelled energy, relative: the grade 'low' (±50 %), which no model passes."""


def per_inference(record: Record, domain: str | None = None) -> Measure:
    """Joules per inference, of one domain or of all that the most trusted method covers.

    Methods are never mixed: where a counter was read, a model is not added to it. The interval
    is Student's t over the windows, plus the meter's own error; a modelled energy is never
    narrower than ±50 %.
    """
    if (gone := no_run(record)) is not None:
        return gone
    run = record.run
    windows = [w for w in (run.windows if run else ()) if domain is None or w.domain == domain]
    if not windows:
        where = f" of the {domain}" if domain else ""
        return Missing(
            reason="no_meter", detail=f"no energy meter{where} was read: run frugalbench doctor"
        )
    read = [window for window in windows if window.joules is not None]
    if not read:
        return Missing(reason="meter_failed", detail=windows[0].reason or "the meter gave nothing")
    best = min((window.method for window in read), key=METHODS.index)
    chosen = [window for window in read if window.method == best]
    return _estimate(chosen, run.batch if run else 1, len(windows) - len(read))


def _estimate(windows: list[Window], batch: int, failed: int) -> Measure:
    domains = sorted({window.domain for window in windows})
    series = [_series([w for w in windows if w.domain == name], batch) for name in domains]
    shortest = min(rates.size for rates, _ in series)
    if shortest < 2:
        return Missing(reason="too_few_windows", detail="raise plan.max_seconds")
    total = np.sum([rates[:shortest] for rates, _ in series], axis=0)
    mean, half = mean_t(total)
    half += sum(error for _, error in series)
    method = windows[0].method
    if method == "modelled":
        half = max(half, MODEL_ERROR * mean)
    note = f"{' + '.join(domains)}, {shortest} windows"
    if failed:
        note += f", {failed} readings failed"
    return Value(
        estimate=mean,
        unit="J",
        low=max(0.0, mean - half),
        high=mean + half,
        n=sum(window.calls for window in windows if window.domain == domains[0]) * batch,
        method=method,
        interval="windows_t" if method != "modelled" else "model_grade_low",
        note=note,
    )


def _series(windows: Iterable[Window], batch: int) -> tuple[np.ndarray, float]:
    """Joules per inference of each window, and the mean meter error per inference."""
    used = [w for w in windows if w.joules is not None and w.calls > 0]
    rates = np.array([(w.joules or 0.0) / (w.calls * batch) for w in used])
    errors = [w.error / (w.calls * batch) for w in used]
    return rates, sum(errors) / len(errors) if errors else 0.0


def facility(record: Record) -> tuple[Value, float] | Missing:
    """Energy per inference and the site's PUE, or why a site figure cannot be given."""
    joules = per_inference(record)
    if isinstance(joules, Missing):
        return joules
    site = record.spec.site
    if site is None:
        return Missing(reason="no_site", detail="no site was stated: add site=fr, for example")
    if site.pue is None:
        return Missing(reason="no_pue", detail=f"site '{site.name}' states no pue: add site.pue=…")
    return joules, site.pue


def scaled(joules: Value, factor: float, unit: str, note: str) -> Value:
    """An energy times a factor, in another unit; the interval follows, the method stays."""
    return Value(
        estimate=joules.estimate * factor,
        unit=unit,
        low=joules.low * factor,
        high=joules.high * factor,
        n=joules.n,
        method=joules.method,
        interval=joules.interval,
        level=joules.level,
        note=note,
    )
