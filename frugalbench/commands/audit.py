"""`frugalbench audit`."""

from pathlib import Path
from typing import Any

import click

__all__ = ["audit"]


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--label", required=True, metavar="COLUMN", help="What is true.")
@click.option("--answer", required=True, metavar="COLUMN", help="What was answered.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    required=True,
    metavar="COLUMN",
    help="A group; may be repeated.",
)
@click.option("--positive", metavar="LABEL", help="The label counted as positive.")
@click.option(
    "--missing",
    type=click.Choice(["include", "exclude", "fail"]),
    default="fail",
    help="What to do with rows that do not say their group (fail).",
)
@click.option("--margin", type=float, metavar="M", help="The largest difference accepted.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def audit(
    table: Path,
    label: str,
    answer: str,
    groups: tuple[str, ...],
    positive: str | None,
    missing: Any,
    margin: float | None,
    as_json: bool,
) -> None:
    """Compare how groups of people are answered in TABLE, a CSV or Parquet file of any length.

    Rates by group, how far groups lie apart, and with --margin which pairs are known to be further
    apart than that. It judges nothing: the exit code is 0 whatever is found.

    \b
    Example:
      frugalbench audit ./answers.parquet --label y --answer p --group sex --margin 0.1
    """
    from frugalbench import console

    console.audit(table, label, answer, groups, positive, missing, margin, as_json=as_json)
