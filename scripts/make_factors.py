"""Write the three tables of frugalbench/factors from figures that others have published.

Usage: python scripts/make_factors.py AVERAGE_INTENSITIES.json ELECTRICITY_MIXES.json

The first file is `data/output/average-intensities.json` of the repository of CO2.js (Ember's
figures, CC BY 4.0, with the year of each); the second is `ecologits/data/electricity_mixes.json`
of the EcoLogits package. CodeCarbon's country table is read from the installed package. The rules
are those of docs/environment.md; nothing is downloaded.
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pycountry

OUT = Path(__file__).parent.parent / "frugalbench" / "factors"
GRID = ("country", "value", "unit", "year", "source", "url", "low", "high")
MADE = ("hardware", "kg", "low", "high", "lifetime_years", "year", "source", "url")

# Ember rounds a country's emissions and its generation to 0.01, so the quotient of a smaller grid
# is coarse, and for the smallest is rounding alone.
LEAST_TWH = 1.0
KOSOVO = {"XKX": "XK"}

EMBER = "Ember yearly electricity data (CC BY 4.0), as in CO2.js at 6628f83"
EMBER_URL = "https://ember-energy.org/data/yearly-electricity-data/"
WRI = (
    "WRI, Guidance for Calculating Water Use Embedded in Purchased Electricity, as in "
    "EcoLogits 0.11.3"
)
WRI_URL = (
    "https://www.wri.org/research/guidance-calculating-water-use-embedded-purchased-electricity"
)
WRI_YEAR = 2020

MACKNICK = (
    "medians of Macknick et al. 2012 over the generation mix of 2023 in CodeCarbon 3.3.2; low: "
    "without evaporation from reservoirs"
)
MACKNICK_URL = "https://doi.org/10.1088/1748-9326/7/4/045802"
GALLONS_PER_MWH = {"coal": 687, "gas": 205, "oil": 826, "biofuel": 553, "solar": 1, "wind": 0}
"""Litres are for towers that cool; nuclear power and reservoirs have their own lines below."""
NUCLEAR, RESERVOIRS, LITRES_PER_GALLON = 672, 4491, 3.785411784
PIRSON = (
    "Pirson and Bol 2021, functional blocks as in BoaviztAPI 2.5.0, with the levels of "
    "docs/environment.md; a class of boards, not one maker's product"
)
PIRSON_URL = "https://doi.org/10.1016/j.jclepro.2021.128966"

BOAVIZTA = "https://doc.api.boavizta.org/"
PCF = "https://images.nvidia.com/aem-dam/Solutions/documents/"
BASE_IMPACTS = "ADEME Base IMPACTS (NegaOctet), as in BoaviztAPI 2.5.0; manufacture to end of life"
ARCHETYPE = "BoaviztAPI 2.5.0, server archetype {}, its least and most; end of life not included"
CARD = "BoaviztAPI 2.5.0, model of graphics cards: chip, memory, board, heat sink; one source only"


def two_letters(code: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of an alpha-3 one."""
    found = pycountry.countries.get(alpha_3=code)
    return KOSOVO.get(code) or (found.alpha_2 if found else None)


def carbon(ember: Mapping[str, Any], mixes: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    """Ember's figure by country; low and high are the range over three compilations."""
    table = files("codecarbon") / "data" / "private_infra" / "global_energy_mix.json"
    shipped = json.loads(table.read_text(encoding="utf-8"))
    for code, row in ember.items():
        country = two_letters(code)
        other = shipped.get(code)
        value = row["emissions_intensity_gco2_per_kwh"]
        if country is None or (other and other["total_TWh"] < LEAST_TWH):
            continue
        known = [value]
        known += [other["carbon_intensity"]] if other else []
        known += [round(1000 * mixes[code]["gwp"], 2)] if code in mixes else []
        ends = (min(known), max(known)) if len(known) > 1 else ("", "")
        yield (country, value, "g/kWh", row["year"], EMBER, EMBER_URL, *ends)


def water(mixes: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    """EcoLogits' figure by country, without those that stand for the world."""
    for code, row in mixes.items():
        country = two_letters(code)
        if country and "electricity-mix-wue-world" not in (row["warnings"] or ()):
            yield (country, row["wue"], "L/kWh", WRI_YEAR, WRI, WRI_URL, "", "")


def water_of_mix(code: str) -> tuple[object, ...]:
    """A country that the compilation lacks, from its generation mix: the most and the least."""
    table = files("codecarbon") / "data" / "private_infra" / "global_energy_mix.json"
    mix = json.loads(table.read_text(encoding="utf-8"))[code]
    litres = {name: mix[f"{name}_TWh"] * amount for name, amount in GALLONS_PER_MWH.items()}
    least = sum(litres.values()) + mix["nuclear_TWh"] * NUCLEAR
    most = least + mix["hydroelectricity_TWh"] * RESERVOIRS
    low, high = (
        round(total / mix["total_TWh"] * LITRES_PER_GALLON / 1000, 2) for total in (least, most)
    )
    return (two_letters(code), high, "L/kWh", mix["year"], MACKNICK, MACKNICK_URL, low, high)


def server(ram_density: float, ssd_density: float, power_supplies_kg: float) -> float:
    """A rack server by the component formulas that Boavizta publishes, kg of CO2e.

    Two processors of 588 mm² of die (24 cores of 24.5 mm²), twelve memory modules of 32 GB, one
    SSD of 400 GB. Densities are in GB/cm², what varies most.
    """
    cpu = 2 * (0.0197 * 588 + 9.14)
    ram = 12 * (2.20 * 32 / ram_density + 5.22)
    ssd = 2.20 * 400 / ssd_density + 6.34
    board, case, assembly = 66.1, 150.0, 6.68
    return round(cpu + ram + ssd + 24.3 * power_supplies_kg + board + case + assembly, 1)


def processor(die_mm2: float) -> float:
    """A processor by the same, kg of CO2e."""
    return round(0.0197 * die_mm2 + 9.14, 2)


def used(total: float, use: float, error: float | None = None) -> tuple[object, ...]:
    """What is not use of a product's footprint, with the relative error stated for the whole."""
    kg = total * (1 - use)
    ends = ("", "") if error is None else (round(kg * (1 - error), 1), round(kg * (1 + error), 1))
    return (round(kg, 1), *ends)


RACKS = (("low", 550, 275.3, 1140), ("medium", 900, 459.9, 2087), ("high", 1500, 654.9, 3943))
"""Archetype of BoaviztAPI, kg, and its least and most."""


def made() -> Iterable[tuple[object, ...]]:
    """Every row of hardware, with its inputs."""
    formulas = "Boavizta's component formulas (after UBA Texte 94/2021), {}"
    means, least, most = (1.244, 54.9, 5.98), (2.375, 128.0, 1.0), (0.625, 16.4, 10.0)
    yield (
        *("server-1u-2cpu-384gb", server(*means), server(*least), server(*most), 4, 2021),
        formulas.format("with the inputs of docs/environment.md; end of life not included"),
        BOAVIZTA,
    )
    for size, kg, low, high in RACKS:
        source = ARCHETYPE.format(f"platform_compute_{size}")
        yield (f"server-rack-{size}", kg, low, high, 4, 2021, source, BOAVIZTA)
    yield (
        *("server-8x-h100", 7012, 7012, 16800, 3, 2025),
        "5,700 kg without GPUs (EcoLogits, for AWS p5.48xlarge) + NVIDIA's 1,312 kg for the HGX "
        "H100 baseboard; high: most that BoaviztAPI 2.5.0 gives for p5.48xlarge",
        "https://ecologits.ai/latest/methodology/llm_inference/",
    )
    share = "NVIDIA product carbon footprint of HGX {}, {} kg over 8; high: BoaviztAPI 2.5.0"
    hgx = f"{PCF}HGX-{{}}-PCF-Summary.pdf"
    h100, b200 = share.format("H100", "1,312"), share.format("B200", "2,274")
    yield ("nvidia-h100-sxm", 164, 164, 575.1, 3, 2025, h100, hgx.format("H100"))
    yield ("nvidia-b200-sxm", 284.25, 284.25, 1415, 3, 2025, b200, hgx.format("B200"))
    yield (
        *("nvidia-a100-sxm-40gb", 127.6, 127.6, 319.3, 3, 2025),
        "Falk et al. 2025, assessment of a card taken apart; high: BoaviztAPI 2.5.0",
        "https://arxiv.org/abs/2509.00093",
    )
    for card, weight in (("l4", 123.5), ("t4", 130.7), ("a10", 184.1), ("l40s", 277.1)):
        yield (f"nvidia-{card}", weight, "", "", 3, 2026, CARD, BOAVIZTA)
    for chip, area in (
        *(("amd-epyc-7742", 1600), ("amd-epyc-9654", 1261)),
        *(("intel-xeon-8480", 1908), ("intel-core-i7-13700", 257)),
    ):
        source = formulas.format(f"processor alone, die of {area:,} mm²")
        yield (f"cpu-{chip}", processor(area), "", "", 3, 2021, source, BOAVIZTA)
    for name, kg, years in (
        ("laptop-office", 181, 4),
        ("laptop-home", 175, 5),
        ("desktop", 277, 6),
    ):
        yield (name, kg, "", "", years, 2021, BASE_IMPACTS, BOAVIZTA)
    # Processing, memory, connections, circuit board, other parts; high: with power and casing.
    simple, full = (3.53, 3.22, 0.903, 0.614, 1.21), (6.33, 6.77, 1.58, 1.46, 2.00)
    ends = sum(full), sum(simple), sum(full) + 4.99 + 3.45
    kg, low, high = (round(one, 1) for one in ends)
    yield ("single-board-computer", kg, low, high, 4, 2021, PIRSON, PIRSON_URL)
    yield from products()


PRODUCTS: tuple[tuple[str, float, float, float | None, int, int, str, str], ...] = (
    (
        *("lenovo-thinkpad-e14-gen2", 276, 0.18, 0.3913, 5, 2019, "Lenovo"),
        "https://static.lenovo.com/ww/docs/regulatory/PCF-ThinkPad-E14_R14_S3-Gen-2.pdf",
    ),
    (
        *("apple-macbook-pro-13-m1", 185, 0.19, None, 4, 2020, "Apple"),
        "https://www.apple.com/environment/pdf/products/notebooks/13-inch_MacBookPro_PER_Nov2020.pdf",
    ),
    (
        *("dell-optiplex-3060-micro", 244, 0.32, 0.2254, 4, 2018, "Dell"),
        "https://i.dell.com/sites/csdocuments/CorpComm_Docs/en/carbon-footprint-optiplex-3060-mff.pdf",
    ),
    (
        *("asus-mini-pc-pb60", 275, 0.462, None, 4, 2019, "Asus"),
        "https://csr.asus.com/english/file/PEP_Mini-PC_PB60.pdf",
    ),
)
"""Name, total kg, share of use, relative error of the total, life in years, year, maker, sheet."""


def products() -> Iterable[tuple[object, ...]]:
    """Products whose maker publishes a sheet: all of the footprint but its use."""
    sheet = "{} product carbon footprint: {} kg less {:g} % of use; end of life included"
    for name, total, use, error, years, year, maker, url in PRODUCTS:
        source = sheet.format(maker, total, 100 * use)
        yield (name, *used(total, use, error), years, year, source, url)


def write(name: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """Write a table in the order of its first column."""
    ordered: list[tuple[object, ...]] = sorted(rows, key=lambda row: str(row[0]))
    with (OUT / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(ordered)


def main(ember_file: str, mixes_file: str) -> None:
    """Write the tables."""
    if version("codecarbon") != "3.3.2":
        sys.exit("docs/environment.md speaks of CodeCarbon 3.3.2: change both together")
    ember = json.loads(Path(ember_file).read_text(encoding="utf-8"))
    listed = json.loads(Path(mixes_file).read_text(encoding="utf-8"))["electricity_mixes"]
    mixes = {row["name"]: row for row in listed}
    write("grid_carbon", GRID, carbon(ember, mixes))
    write("grid_water", GRID, [*water(mixes), water_of_mix("HRV")])
    write("embodied", MADE, made())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
