"""`frugalbench doctor`."""

from pathlib import Path
from typing import Any

import click

from frugalbench.errors import UsageError

__all__ = ["doctor"]


@click.command()
@click.argument("words", nargs=-1, metavar="[target=T host=H ...]")
@click.option("--install", is_flag=True, help="Bring what a board lacks, from this machine.")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"))
@click.option(
    "--meter-log",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Check the CSV log of an external meter too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(
    words: tuple[str, ...],
    results: Path,
    meter_log: Path | None,
    as_json: bool,
    install: bool,
) -> None:
    """Say what can be measured on this machine or a board, and what would unlock the rest.

    \b
    Examples:
      frugalbench doctor
      frugalbench doctor --meter-log ./plug.csv
      frugalbench doctor target=ssh host=pi@board --install
    """
    import msgspec

    from frugalbench import console
    from frugalbench.doctor import examine
    from frugalbench.report import text

    host = _target(words) if words else None
    if host is None and install:
        raise UsageError("--install is for a board: add target=ssh host=pi@board")
    if host is None:
        checks = examine(results, meter_log)
    else:
        from frugalbench import board

        checks = board.examine(host, bring=install)
    if as_json:
        click.echo(msgspec.json.encode(checks).decode())
        return
    console.console().print(text.checks_table(checks))


def _target(words: tuple[str, ...]) -> Any:
    """The target that the words name, where it is another machine."""
    from frugalbench.config import load_spec

    for word in words:
        if not word.startswith(("target=", "target.", "host=")):
            raise UsageError(f"'{word}' says nothing about a target: see --help")
    target = load_spec("model=nhanes-logreg", *words).target
    return None if target.host is None else target
