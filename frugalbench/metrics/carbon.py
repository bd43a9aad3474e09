"""Grams of CO2-equivalent from the electricity of use, at the stated site.

Location-based and average, as in the SCI specification (ISO/IEC 21031): no market instruments.
Embodied emissions are not in it.
"""

from frugalbench.metrics._joules import facility, impossible, scaled
from frugalbench.metrics._metric import metric
from frugalbench.record import Record
from frugalbench.values import Measure, Missing

__all__ = ["per_inference"]

JOULES_PER_KWH = 3.6e6


@metric(
    unit="g",
    lower_is_better=True,
    title="Carbon per inference (CO2e, use of electricity)",
    titre="Carbone par inférence (CO2e, usage de l'électricité)",
)
def per_inference(record: Record) -> Measure:
    """E · PUE · grid intensity, grams of CO2e per inference; embodied carbon not included."""
    found = facility(record)
    if isinstance(found, Missing):
        return found
    joules, pue = found
    grid = record.spec.site.grid_carbon if record.spec.site else None
    if grid is None:
        return Missing(reason="no_factor", detail="the site's country has no grid carbon factor")
    if (wrong := impossible(grid, "g/kWh")) is not None:
        return wrong
    note = f"{grid.value:g} {grid.unit} ({grid.year}), PUE {pue:g}"
    return scaled(joules, pue * grid.value / JOULES_PER_KWH, "g", note)
