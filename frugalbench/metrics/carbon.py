"""Grams of CO2-equivalent: of the electricity of use, of making the hardware, and of both (SCI).

Location-based and average, as in the SCI specification (ISO/IEC 21031): no market instruments.
docs/environment.md has the formulas, the boundary and what is not in it.
"""

from frugalbench.metrics import latency
from frugalbench.metrics._metric import metric, no_run
from frugalbench.metrics._site import (
    JOULES_PER_KWH,
    SECONDS_PER_YEAR,
    Span,
    facility,
    impossible,
    least_trusted,
    scaled,
    span_of,
    summed,
    told,
    unusable,
)
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["embodied_per_inference", "per_inference", "sci"]


@metric(
    unit="g",
    lower_is_better=True,
    title="Carbon per inference (CO2e, use of electricity)",
    titre="Carbone par inférence (CO2e, usage de l'électricité)",
)
def per_inference(record: Record) -> Measure:
    """E · PUE · grid intensity, grams of CO2e per inference; embodied carbon not included."""
    found = _operational(record)
    return found if isinstance(found, Missing) else found[1]


@metric(
    unit="g",
    lower_is_better=True,
    title="Carbon per inference (CO2e, making of the hardware)",
    titre="Carbone par inférence (CO2e, fabrication du matériel)",
)
def embodied_per_inference(record: Record) -> Measure:
    """M = TE · (TiR / EL) · (RR / ToR) / U of the SCI specification, grams of CO2e per inference.

    TE is the footprint of the hardware over its life EL; TiR, the time reserved for an inference,
    is one over the measured throughput; RR / ToR is the part of the machine that is reserved. The
    site's utilisation U divides it: a machine that answers a tenth of the time was made for ten
    times fewer answers. In the `server` scenario the wait between queries is in the measured time
    already, and U is not used. A life cycle assessment is a model, so the method is `modelled`.
    """
    if (gone := no_run(record)) is not None:
        return gone
    target = record.spec.target
    made = target.embodied
    if made is None:
        return Missing(
            reason="no_hardware",
            detail="the target states no hardware: add target.hardware=… or target.embodied",
        )
    if (wrong := unusable(made)) is not None:
        return wrong
    rate = latency.throughput(record)
    if isinstance(rate, Missing):
        return rate
    if rate.low <= 0:
        return Missing(
            reason="too_few_calls", detail="the time of an inference has no upper end: measure more"
        )
    seconds = Span(1 / rate.high, 1 / rate.estimate, 1 / rate.low)
    used, words = _utilisation(record)
    lifetime = made.lifetime_years * SECONDS_PER_YEAR
    grams = span_of(made) * seconds * (1000.0 * target.reserved_share / lifetime) / used
    return Value(
        estimate=grams.estimate,
        unit="g",
        low=grams.low,
        high=grams.high,
        n=rate.n,
        method=least_trusted("modelled", rate.method),
        interval="product_of_ends",
        level=rate.level,
        note=f"{made.hardware}, {told(made, record)} over {made.lifetime_years:g} years, "
        f"{words}, {target.reserved_share:g} of the machine reserved",
    )


@metric(
    unit="g",
    lower_is_better=True,
    title="SCI score (CO2e per functional unit)",
    titre="Score SCI (CO2e par unité fonctionnelle)",
)
def sci(record: Record) -> Measure:
    """SCI = (O + M) / R, grams of CO2e per functional unit (ISO/IEC 21031).

    O is `carbon.per_inference`, with the energy of everything that was read and idle included; M is
    `carbon.embodied_per_inference`; R is the model's functional unit, of which one inference is
    `units_per_inference`. Both parts must be known.
    """
    found = _operational(record)
    if isinstance(found, Missing):
        return found
    joules, use = found
    made = embodied_per_inference(record)
    if isinstance(made, Missing):
        return made
    model = record.spec.model
    waiting = "; energy while it waits is not in it" if _waits(record) else ""
    note = (
        f"per {model.functional_unit}, of which an inference is {model.units_per_inference:g}; "
        f"energy of {joules.note}; {use.note}; embodied: {made.note}{waiting}"
    )
    return summed(use, made, 1 / model.units_per_inference, "g", note)


def _operational(record: Record) -> tuple[Value, Value] | Missing:
    """Joules per inference, and grams of CO2e of the electricity that was generated for them."""
    found = facility(record)
    if isinstance(found, Missing):
        return found
    joules, pue = found
    grid = record.spec.site.grid_carbon if record.spec.site else None
    if grid is None:
        return Missing(reason="no_factor", detail="the site's country has no grid carbon factor")
    if (wrong := impossible(grid, "g/kWh")) is not None:
        return wrong
    note = f"{told(grid, record)}, PUE {pue:g}"
    return joules, scaled(joules, span_of(grid) * (pue / JOULES_PER_KWH), "g", note)


def _utilisation(record: Record) -> tuple[float, str]:
    """The share of its time that the machine answers, and where that is from."""
    if record.spec.plan.scenario == "server":
        return 1.0, "the wait between queries counted in their time"
    site = record.spec.site
    if site is None or site.utilisation is None:
        return 1.0, "utilisation not stated, taken as 1: a machine that never waits"
    return site.utilisation, f"utilisation {site.utilisation:g}"


def _waits(record: Record) -> bool:
    """Whether the stated machine draws energy between answers that was not measured."""
    return _utilisation(record)[0] < 1
