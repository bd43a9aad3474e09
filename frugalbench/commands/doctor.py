"""`frugalbench doctor`."""

from pathlib import Path

import click

__all__ = ["doctor"]


@click.command()
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"))
@click.option(
    "--meter-log",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Check the CSV log of an external meter too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(results: Path, meter_log: Path | None, as_json: bool) -> None:
    """Say what can be measured on this machine, and what would unlock the rest.

    \b
    Examples:
      frugalbench doctor
      frugalbench doctor --meter-log ./plug.csv
    """
    import msgspec

    from frugalbench import console
    from frugalbench.doctor import examine
    from frugalbench.report import text

    checks = examine(results, meter_log)
    if as_json:
        click.echo(msgspec.json.encode(checks).decode())
        return
    console.console().print(text.checks_table(checks))
