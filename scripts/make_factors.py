"""Write the grid carbon table from the country table that CodeCarbon ships (MIT licence).

Usage: python scripts/make_factors.py

CodeCarbon's table is itself taken from Our World in Data's energy data set (CC BY 4.0), which
builds on Ember and the Energy Institute; each row keeps the year it describes.
"""

import csv
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

OUT = Path(__file__).parent.parent / "frugalbench" / "factors" / "grid_carbon.csv"
URL = "https://github.com/owid/energy-data"
# ISO 3166-1: France and the other countries of the European Union.
COUNTRIES = {
    "AT": "AUT", "BE": "BEL", "BG": "BGR", "HR": "HRV", "CY": "CYP", "CZ": "CZE", "DK": "DNK",
    "EE": "EST", "FI": "FIN", "FR": "FRA", "DE": "DEU", "GR": "GRC", "HU": "HUN", "IE": "IRL",
    "IT": "ITA", "LV": "LVA", "LT": "LTU", "LU": "LUX", "MT": "MLT", "NL": "NLD", "PL": "POL",
    "PT": "PRT", "RO": "ROU", "SK": "SVK", "SI": "SVN", "ES": "ESP", "SE": "SWE",
}  # fmt: skip


def main() -> None:
    """Write one row per country, in the order of the codes."""
    table = files("codecarbon") / "data" / "private_infra" / "global_energy_mix.json"
    mixes = json.loads(table.read_text(encoding="utf-8"))
    source = f"Our World in Data energy data, as shipped in CodeCarbon {version('codecarbon')}"
    with OUT.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["country", "value", "unit", "year", "source", "url"])
        for short, long in sorted(COUNTRIES.items()):
            mix = mixes[long]
            rows.writerow([short, mix["carbon_intensity"], "g/kWh", mix["year"], source, URL])


if __name__ == "__main__":
    main()
