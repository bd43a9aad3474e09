"""The card of a data set: what it is, where it comes from, what was done to it, what it cannot do.

Every count in a card is counted here, from the rows that were written.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from .markdown import bullets, front_matter, grid
from .tables import About, Column, Prepared

CARD_VERSION = "1.1.0"
MAINTENANCE = (
    "The files are fixed. A change brings a new version of this card, a new SHA-256 and a line in "
    "`CHANGELOG.md`; the same wheel and the same pyarrow give the same bytes again. Whoever finds "
    "an error opens an issue in the repository of the project; errors of the source itself are for "
    "its publisher to correct."
)


def column_entries(prepared: Prepared, table: pa.Table) -> list[dict[str, str]]:
    """Name, type, unit and meaning of every column, in the order of the file."""
    split = Column("split", prepared.split, "train or test")
    spoken = [*prepared.features, *prepared.groups, prepared.label, split]
    by_name = {column.name: column for column in spoken}
    entries = []
    for field in table.schema:
        column = by_name[field.name]
        kind = "string (dictionary)" if pa.types.is_dictionary(field.type) else str(field.type)
        unit = {"unit": column.unit} if column.unit else {}
        entries.append({"name": field.name, "dtype": kind} | unit | {"meaning": column.meaning})
    return entries


def spoken_fields(about: About, prepared: Prepared, table: pa.Table, digest: str) -> dict[str, Any]:
    """What the card says to machines."""
    carrier = about.carrier
    return {
        "name": about.name,
        "title": about.title,
        "version": CARD_VERSION,
        "source": about.source,
        "carrier": {
            "package": f"{carrier.project} {carrier.version} (PyPI)",
            "sha256": carrier.sha256,
            "files": list(about.members),
            "licence": carrier.licence,
        },
        "licence": about.licence,
        "terms": about.terms,
        "attribution": about.attribution,
        "file": f"{about.name}.parquet",
        "sha256": digest,
        "written_with": f"pyarrow {pa.__version__}",
        "rows": table.num_rows,
        "label": prepared.label.name,
        "positive": 1,
        "groups": [column.name for column in prepared.groups],
        "split": {"column": "split", "counts": dict(sorted(Counter(prepared.split).items()))},
        "columns": column_entries(prepared, table),
    }


def share(prepared: Prepared, rows: list[int]) -> str:
    """The share of positives among some rows."""
    return f"{sum(int(prepared.label.values[row] or 0) for row in rows) / len(rows):.3f}"


def group_table(prepared: Prepared) -> str:
    """Every category with its rows, its test rows and its share of positives."""
    lines = []
    for column in prepared.groups:
        for category in sorted(set(column.values), key=lambda v: (v is None, str(v))):
            rows = [row for row, value in enumerate(column.values) if value == category]
            test = sum(prepared.split[row] == "test" for row in rows)
            shown = "(missing)" if category is None else category
            lines.append((column.name, shown, len(rows), test, share(prepared, rows)))
    return grid(("attribute", "category", "n", "n test", "positive"), 2, lines)


def split_table(prepared: Prepared) -> str:
    """Rows and positives of each split."""
    lines = []
    for part in ("train", "test"):
        rows = [row for row, name in enumerate(prepared.split) if name == part]
        lines.append((part, len(rows), share(prepared, rows)))
    return grid(("split", "n", "positive"), 1, lines)


def card(about: About, prepared: Prepared, table: pa.Table, digest: str) -> str:
    """The whole data card."""
    return f"""---
{front_matter(spoken_fields(about, prepared, table, digest))}---

# {about.title}

## What it is

{about.what}

Licence: {about.licence}. Terms: {about.terms}

{about.attribution}

## Motivation

{about.motivation}

## Collection

{about.collection}

## How it was prepared

Written by `scripts/make_reference_data.py`; every count on this page was made by it.

{bullets(prepared.steps)}

## Labelling

{about.labelling}

## Sensitive attributes

{about.sensitive}

{group_table(prepared)}

## Splits

{about.splits}

{split_table(prepared)}

## Limits

{bullets(about.limits)}

## Not for

{bullets(about.not_for)}

## Maintenance

{MAINTENANCE}
"""
