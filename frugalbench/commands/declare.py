"""`frugalbench declare`."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from frugalbench.endings import refuse
from frugalbench.errors import UsageError

__all__ = ["declare"]

MOST_FAULTS = 40
"""Lines that say what is wrong; a last one counts the rest."""


@click.command()
@click.argument("answers", required=False, type=click.Path(path_type=Path))
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Language (en).")
@click.option("--mapping", is_flag=True, help="Print what speaks to which requirement of the law.")
def declare(answers: Path | None, lang: Any, mapping: bool) -> None:
    """Print the questionnaire on what cannot be measured, or check ANSWERS, one that is filled in.

    Is AI needed, what else was considered, what bounds its use, which data, who oversees it, under
    which licence, who is left out. Fill the file in with any editor; the certificate holds it, as
    declared and never as measured.

    \b
    Exit codes: 0 it is filled in, 2 it is not: a line says so for each fault.

    \b
    Examples:
      frugalbench declare > mine.yaml
      frugalbench declare --lang fr > mine.yaml
      frugalbench declare ./mine.yaml
    """
    from frugalbench import declarations

    if mapping:
        click.echo(declarations.mapping_table(), nl=False)
    elif answers is None:
        click.echo(declarations.empty(lang), nl=False)
    else:
        found, faults = declarations.check(answers)
        if found is None:
            _refuse(faults)
        click.echo(
            f"{found.answered} of {len(found.answers)} questions answered, declared by "
            f"{found.declared_by.organisation} ({found.declared_by.role}) on {found.date}"
        )


def _refuse(faults: tuple[str, ...]) -> NoReturn:
    for one in faults[:MOST_FAULTS]:
        refuse(UsageError(one))
    if len(faults) > MOST_FAULTS:
        refuse(UsageError(f"and {len(faults) - MOST_FAULTS} more: mend these first"))
    sys.exit(UsageError.exit_code)
