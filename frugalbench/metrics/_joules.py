"""Joules per inference from the energy windows of a record."""

import math
from collections.abc import Iterable

import numpy as np

from frugalbench.metrics._intervals import mean_t
from frugalbench.metrics._metric import no_run
from frugalbench.record import Record, Window
from frugalbench.spec import Factor
from frugalbench.values import METHODS, Measure, Missing, Value

__all__ = ["facility", "impossible", "per_inference", "scaled"]

MODEL_ERROR = 0.5
"""Half-width of a modelled energy, relative: the grade 'low' (±50 %), which no model passes."""


def per_inference(record: Record, domain: str | None = None) -> Measure:
    """Joules per inference, of one domain or of all that the most trusted method covers.

    Methods are never mixed: where a counter was read, a model is not added to it. The interval
    is Student's t over the windows, plus the meter's own error; a modelled energy is never
    narrower than ±50 %. A domain that was never read, or never moved, makes it Missing.
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
    methods = [window.method for window in windows if _was_read(window)]
    if not methods:
        return Missing(reason="meter_failed", detail=windows[0].reason or "the meter gave nothing")
    best = min(methods, key=METHODS.index)
    chosen = [window for window in windows if window.method == best]
    failed = len(windows) - len(methods)
    return _estimate(chosen, run.batch if run else 1, f", {failed} readings failed" * (failed > 0))


def _was_read(window: Window) -> bool:
    """A counter that went backwards, or gave no number, was not read."""
    joules = window.joules
    return joules is not None and 0 <= joules < math.inf and 0 <= window.error < math.inf


def _estimate(windows: list[Window], batch: int, failed: str) -> Measure:
    """Sum the domains window by window; one that lacks a domain is left out, not summed short."""
    domains = _by_domain(windows)
    for name, series in domains.items():
        if not any(_was_read(window) and window.joules for window in series):
            detail = series[0].reason or f"the counter of the {name} did not move"
            return Missing(reason="meter_failed", detail=detail)
    whole = [
        together
        for together in zip(*domains.values(), strict=False)
        if together[0].calls > 0 and all(map(_was_read, together))
    ]
    if len(whole) < 2:
        return Missing(reason="too_few_windows", detail="raise plan.max_seconds")
    inferences = np.array([together[0].calls * batch for together in whole])
    rates = np.array([sum(w.joules or 0.0 for w in together) for together in whole]) / inferences
    errors = np.array([sum(w.error for w in together) for together in whole]) / inferences
    mean, half = mean_t(rates)
    half += float(errors.mean())
    method = windows[0].method
    if method == "modelled":
        half = max(half, MODEL_ERROR * mean)
    return Value(
        estimate=mean,
        unit="J",
        low=max(0.0, mean - half),
        high=mean + half,
        n=int(inferences.sum()),
        method=method,
        interval="windows_t" if method != "modelled" else "model_grade_low",
        note=f"{' + '.join(domains)}, {len(whole)} windows{failed}",
    )


def _by_domain(windows: Iterable[Window]) -> dict[str, list[Window]]:
    """The windows of each domain in order; of two meters of one domain the first one counts."""
    domains: dict[str, list[Window]] = {}
    for window in windows:
        series = domains.setdefault(window.domain, [])
        if not series or series[0].meter == window.meter:
            series.append(window)
    return dict(sorted(domains.items()))


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


def impossible(factor: Factor, unit: str) -> Missing | None:
    """Why a factor that someone stated cannot be used, or None: kg taken for g is off by 1000."""
    if factor.unit == unit and 0 <= factor.value < math.inf:
        return None
    detail = f"the site's factor of {factor.value:g} {factor.unit} must be a number of {unit}"
    return Missing(reason="no_factor", detail=detail)


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
