"""`frugalbench schema`."""

import click

__all__ = ["schema"]


@click.command()
def schema() -> None:
    """Print the JSON Schema of the JSON report.

    \b
    Example:
      frugalbench schema > report.schema.json
    """
    import json

    from frugalbench.report import json as json_report

    click.echo(json.dumps(json_report.schema(), indent=2, sort_keys=True))
