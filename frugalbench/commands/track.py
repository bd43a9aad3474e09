"""`frugalbench track`."""

from pathlib import Path

import click

__all__ = ["track"]


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--to", "uri", required=True, metavar="URI", help="The server: http://127.0.0.1:5000")
@click.option("--experiment", metavar="NAME", default="frugalbench", help="Its experiment.")
@click.option("--policy", metavar="P", help="Judge by this policy (a name or a file).")
@click.option(
    "--every-group", is_flag=True, help="Log whole reports though they show groups of few people."
)
def track(record: Path, uri: str, experiment: str, policy: str | None, every_group: bool) -> None:
    """Log a stored record to an MLflow tracking server, and print the id of the run.

    Measures with their intervals, settings, digests, the verdict and reports: no row and no answer
    to a person, and no number that rests on a few people.

    \b
    Examples:
      frugalbench track results/RECORD --to http://127.0.0.1:5000
      frugalbench track results/RECORD --to http://127.0.0.1:5000 --policy ./mine.yaml
    """
    from frugalbench import settings, store, tracking
    from frugalbench.certify import judge
    from frugalbench.errors import MeasurementError

    stored = store.load(record)
    if stored.failure is not None:
        raise MeasurementError(f"nothing to log, the measurement failed: {stored.failure.detail}")
    verdict = judge(stored, settings.load_policy(policy)) if policy is not None else None
    run = tracking.log(stored, verdict, uri=uri, experiment=experiment, every_group=every_group)
    click.echo(run)
