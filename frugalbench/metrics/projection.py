"""A year of a deployment, as a projection: what was measured once, times the site's demand.

Nothing here was observed. Each note says that it is a projection, and by what. `equivalents` puts
a year in everyday terms.
"""

from dataclasses import dataclass

import msgspec

from frugalbench.metrics import carbon as grams_of
from frugalbench.metrics import water as litres_of
from frugalbench.metrics._metric import metric
from frugalbench.metrics._site import (
    JOULES_PER_KWH,
    facility,
    scaled,
    summed,
)
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["Equivalent", "carbon", "energy", "equivalents", "water"]

DAYS = 365.25
GRAMS_PER_KG = 1000.0


@metric(
    unit="kWh",
    lower_is_better=True,
    title="Energy of a year of deployment (projection)",
    titre="Énergie d'une année de déploiement (projection)",
)
def energy(record: Record) -> Measure:
    """E · PUE · inferences a year, kWh of the whole facility."""
    demand = _demand(record)
    if isinstance(demand, Missing):
        return demand
    year, told = demand
    found = facility(record)
    if isinstance(found, Missing):
        return found
    joules, pue = found
    note = f"{told}, PUE {pue:g}, energy of {joules.note}"
    made = scaled(joules, pue * year / JOULES_PER_KWH, "kWh", note)
    return msgspec.structs.replace(made, grade=joules.grade)


@metric(
    unit="kg",
    lower_is_better=True,
    title="Carbon of a year of deployment (CO2e, projection)",
    titre="Carbone d'une année de déploiement (CO2e, projection)",
)
def carbon(record: Record) -> Measure:
    """(O + M) · inferences a year, kg of CO2e; M is left out, and said to be, where it is unknown.

    M is `carbon.embodied_per_inference`: it grows with the demand, as more of the hardware's life
    goes into it, and a machine that waits is counted by the site's utilisation alone.
    """
    demand = _demand(record)
    if isinstance(demand, Missing):
        return demand
    year, told = demand
    use = grams_of.per_inference(record)
    if isinstance(use, Missing):
        return use
    made = grams_of.embodied_per_inference(record)
    if isinstance(made, Missing):
        note = f"{told}, use of electricity only, without embodied carbon ({made.reason}); "
        return scaled(use, year / GRAMS_PER_KG, "kg", note + use.note)
    note = f"{told}, with embodied carbon; {use.note}; embodied: {made.note}"
    return summed(use, made, year / GRAMS_PER_KG, "kg", note)


@metric(
    unit="L",
    lower_is_better=True,
    title="Water of a year of deployment (projection)",
    titre="Eau d'une année de déploiement (projection)",
)
def water(record: Record) -> Measure:
    """`water.per_inference` · inferences a year, litres."""
    demand = _demand(record)
    if isinstance(demand, Missing):
        return demand
    year, told = demand
    found = litres_of.per_inference(record)
    if isinstance(found, Missing):
        return found
    return scaled(found, year, "L", f"{told}; {found.note}")


def _demand(record: Record) -> tuple[float, str] | Missing:
    """Inferences a year that the site states, and the words for it."""
    daily = record.spec.site.daily_inferences if record.spec.site else None
    if daily is None:
        return Missing(
            reason="no_projection",
            detail="no demand was stated: add site.daily_inferences=1000, for example",
        )
    return daily * DAYS, f"projection: {daily:,.12g} inferences a day as measured, {DAYS} days"


@dataclass(frozen=True, slots=True)
class Equivalent:
    """An amount of something everyday that a value amounts to, for reports to word.

    `key` names the thing, of which there are `amount` (`low` to `high`); `each` of the value's own
    unit make one. `year`, `source` and `url` say where that is from; 0 is a definition.
    """

    key: str
    amount: float
    low: float
    high: float
    each: float
    unit: str
    year: int
    source: str
    url: str


HOUSEHOLD = "https://www.statistiques.developpement-durable.gouv.fr/edition-numerique/bilan-energetique/fr/28-53-residentiel--baisse-de"
IMPACT = "https://github.com/incubateur-ademe/impactco2/blob/07d97e130ad1dc6b6d1d943c03f45ae12ea0a45a/src/data/categories/deplacement.ts"
BATHROOM = "https://www.huffingtonpost.fr/environnement/article/comment-economiser-l-eau-a-la-maison-en-prevision-des-secheresses-une-experte-de-l-ademe-repond_216804.html"

EVERYDAY: tuple[tuple[str, str, float, int, str, str], ...] = (
    ("led_lamp_hours", "kWh", 0.010, 0, "by definition: a lamp of 10 W for an hour", ""),
    (
        *("electric_car_km", "kWh", 0.21, 2024),
        "Energy Consumption of Electric Vehicles in Europe (Sustainability 16, 7529): mean in use",
        "https://doi.org/10.3390/su16177529",
    ),
    (
        *("french_household_years", "kWh", 156e9 / 31.0e6, 2023),
        "SDES, energy balance of France: 156 TWh in homes; Insee: 31.0 million main homes",
        HOUSEHOLD,
    ),
    (
        *("petrol_car_km", "kg", 0.1697, 2025),
        "ADEME, Impact CO2: compact petrol car, its making included",
        IMPACT,
    ),
    (
        *("tgv_km", "kg", 0.00293, 2025),
        "ADEME, Impact CO2: high-speed train, a passenger, its making included",
        IMPACT,
    ),
    ("short_showers", "L", 35.0, 2023, "ADEME: five minutes, water off while soaping", BATHROOM),
    ("small_baths", "L", 150.0, 2023, "ADEME: a small bathtub", BATHROOM),
)
"""Key, unit, how much of the unit makes one, year, source and address."""


def equivalents(value: Value) -> tuple[Equivalent, ...]:
    """What kWh, kg of CO2e or litres amount to in everyday terms; nothing for other units."""
    return tuple(
        Equivalent(
            key=key,
            amount=value.estimate / each,
            low=value.low / each,
            high=value.high / each,
            each=each,
            unit=unit,
            year=year,
            source=source,
            url=url,
        )
        for key, unit, each, year, source, url in EVERYDAY
        if unit == value.unit
    )
