"""`frugalbench policy`."""

import sys

import click

__all__ = ["policy"]


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def policy(files: tuple[str, ...]) -> None:
    """Check policies, and print the digest that a verdict names each by.

    A FILE is a YAML file or the name of a shipped policy. Every rule must name a metric, in its
    unit, with one bound that it can break.

    \b
    Exit codes: 0 all hold up, 2 one does not.

    \b
    Examples:
      frugalbench policy ./mine.yaml
      frugalbench policy drift
    """
    from frugalbench import settings
    from frugalbench.certify import digest
    from frugalbench.endings import refuse
    from frugalbench.errors import UsageError
    from frugalbench.report._format import clean

    code = 0
    for file in files:
        try:
            found = settings.load_policy(file)
        except UsageError as error:
            # The others are looked at too, so that one run says everything.
            named = file in str(error) if file else True
            code = refuse(error if named else UsageError(f"{file}: {error}"))
        else:
            said = (f"{found.name} {found.version}", file)
            click.echo("  ".join((digest(found), *map(clean, said))))
    sys.exit(code)
