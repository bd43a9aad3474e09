"""`frugalbench share`."""

from pathlib import Path

import click

__all__ = ["share"]


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="The copy becomes a new folder in this one.",
)
@click.option("--rows", is_flag=True, help="Keep the rows: labels, answers, groups, scores.")
def share(record: Path, out: Path, rows: bool) -> None:
    """Copy a record for others, without its rows, and print where the copy is.

    Times, energy, checks, digests and settings stay; labels, answers, scores, groups and folders
    of this machine do not. What would need the rows is not evaluated on the copy.

    \b
    Examples:
      frugalbench share results/RECORD --out shared
      frugalbench show shared/RECORD
    """
    from frugalbench import share as sharing
    from frugalbench import store

    held = store.load(record)
    if rows and held.data is not None:
        click.echo("warning: the copy holds every row's label, answer and groups", err=True)
    click.echo(store.save_new(sharing.share(held, rows=rows), out))
