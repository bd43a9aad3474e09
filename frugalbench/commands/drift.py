"""`frugalbench drift`."""

import sys
from pathlib import Path

import click

__all__ = ["drift"]


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--policy", metavar="P", default="drift", help="Judge by this policy (drift).")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict and measures as JSON.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def drift(before: Path, after: Path, policy: str, as_json: bool, quiet: bool) -> None:
    """Say whether AFTER treats some people worse than BEFORE did, row by row.

    Two records of the same labelled rows: floating point and 8-bit integers, a workstation and a
    board, the last release and this one.

    \b
    Exit codes: 0 pass, 1 fail, 2 usage error, 3 not enough evidence, 4 a damaged record.

    \b
    Examples:
      frugalbench drift results/FP32 results/INT8
      frugalbench drift results/LAST results/THIS --policy ./mine.yaml --quiet
    """
    from frugalbench import console

    output = console.Output(as_json=as_json, quiet=quiet)
    sys.exit(console.drift(before, after, policy, output))
