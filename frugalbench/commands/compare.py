"""`frugalbench compare`."""

from pathlib import Path

import click

__all__ = ["compare"]


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--only", metavar="FAMILIES", help="Compare these families: latency,quality, …")
def compare(a: Path, b: Path, as_json: bool, only: str | None) -> None:
    """Put two records side by side; say which is better only where the intervals are apart.

    \b
    Examples:
      frugalbench compare results/RECORD_A results/RECORD_B
      frugalbench compare results/RECORD_A results/RECORD_B --only latency,quality
    """
    import msgspec

    from frugalbench import console, store
    from frugalbench.compare import compare as compare_records
    from frugalbench.compare import of_families
    from frugalbench.report import text

    left, right = store.load(a), store.load(b)
    rows = compare_records(left, right)
    if only is not None:
        rows = of_families(rows, [name.strip() for name in only.split(",")])
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    screen = console.console()
    screen.print(text.compared(left, right))
    screen.print(text.comparison_table(rows))
