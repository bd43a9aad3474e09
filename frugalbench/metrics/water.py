"""Litres of water: evaporated on site to cool, and consumed elsewhere to make the electricity."""

from frugalbench.metrics._joules import facility, impossible, scaled
from frugalbench.metrics._metric import metric
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = ["per_inference"]

JOULES_PER_KWH = 3.6e6


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
        return Missing(reason="no_wue", detail="the site states no wue: add site.wue=…")
    if site.grid_water is None:
        return Missing(reason="no_factor", detail="the site's country has no grid water factor")
    if (wrong := impossible(site.grid_water, "L/kWh")) is not None:
        return wrong
    factor = (site.wue + pue * site.grid_water.value) / JOULES_PER_KWH
    note = f"on site {site.wue:g} L/kWh, grid {site.grid_water.value:g} L/kWh"
    return scaled(joules, factor, "L", note)
