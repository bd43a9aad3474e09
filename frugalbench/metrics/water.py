"""Litres of water: evaporated on site to cool, and consumed elsewhere to make the electricity."""

from frugalbench.metrics._metric import metric
from frugalbench.metrics._site import (
    JOULES_PER_KWH,
    Span,
    at_site,
    facility,
    impossible,
    scaled,
    span_of,
    told,
)
from frugalbench.record import Record
from frugalbench.spec import Factor
from frugalbench.values import Measure, Missing

__all__ = ["off_site_per_inference", "on_site_per_inference", "per_inference"]

NO_WUE = Missing(reason="no_wue", detail="the site states no wue: add site.wue=…")


@metric(
    unit="L",
    lower_is_better=True,
    title="Water per inference",
    titre="Eau par inférence",
)
def per_inference(record: Record) -> Measure:
    """E · WUE + E · PUE · (water per kWh of the grid), litres per inference.

    WUE is defined per kWh of IT energy, so PUE does not multiply the on-site term.
    """
    found = facility(record)
    if isinstance(found, Missing):
        return found
    joules, pue = found
    site = record.spec.site
    if site is None or site.wue is None:
        return NO_WUE
    grid = _grid(record)
    if isinstance(grid, Missing):
        return grid
    litres = Span(site.wue, site.wue, site.wue) + span_of(grid) * pue
    note = f"on site {site.wue:g} L/kWh, grid {told(grid, record)}, PUE {pue:g}"
    return scaled(joules, litres / JOULES_PER_KWH, "L", note)


@metric(
    unit="L",
    lower_is_better=True,
    title="Water per inference, evaporated on site",
    titre="Eau par inférence, évaporée sur place",
)
def on_site_per_inference(record: Record) -> Measure:
    """E · WUE, litres per inference; E is IT energy, as WUE is defined."""
    found = at_site(record)
    if isinstance(found, Missing):
        return found
    joules, site = found
    if site.wue is None:
        return NO_WUE
    return scaled(joules, site.wue / JOULES_PER_KWH, "L", f"on site {site.wue:g} L/kWh")


@metric(
    unit="L",
    lower_is_better=True,
    title="Water per inference, consumed to make the electricity",
    titre="Eau par inférence, consommée pour produire l'électricité",
)
def off_site_per_inference(record: Record) -> Measure:
    """E · PUE · (water per kWh of the grid), litres per inference."""
    found = facility(record)
    if isinstance(found, Missing):
        return found
    joules, pue = found
    grid = _grid(record)
    if isinstance(grid, Missing):
        return grid
    note = f"grid {told(grid, record)}, PUE {pue:g}"
    return scaled(joules, span_of(grid) * (pue / JOULES_PER_KWH), "L", note)


def _grid(record: Record) -> Factor | Missing:
    """The grid's water factor, where it can be used."""
    grid = record.spec.site.grid_water if record.spec.site else None
    if grid is None:
        return Missing(reason="no_factor", detail="the site's country has no grid water factor")
    return impossible(grid, "L/kWh") or grid
