"""`frugalbench show`."""

from pathlib import Path

import click

__all__ = ["show"]


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every metric as JSON.")
@click.option("--format", "format_", metavar="F", help="Print a report: markdown, html or json.")
@click.option("--policy", metavar="P", help="Judge by this policy in the report.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Report language.")
@click.option("--only", metavar="FAMILIES", help="Show these families: fairness,robustness, …")
def show(
    record: Path,
    as_json: bool,
    format_: str | None,
    policy: str | None,
    lang: str,
    only: str | None,
) -> None:
    """Show every metric of a stored record, with its interval or the reason it is missing.

    \b
    Examples:
      frugalbench show results/RECORD
      frugalbench show results/RECORD --only fairness,robustness
      frugalbench show results/RECORD --json
      frugalbench show results/RECORD --format markdown --lang fr
    """
    from frugalbench import console

    console.show(record, policy, format_, lang, only, as_json=as_json)
