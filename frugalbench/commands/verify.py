"""`frugalbench verify`."""

import sys
from pathlib import Path
from typing import Any

import click

from frugalbench.errors import UsageError

__all__ = ["verify"]

FILE: Any = click.Path(path_type=Path)


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--model", type=FILE, required=True, metavar="FILE", help="The file in hand.")
@click.option("--key", "keys", type=FILE, multiple=True, metavar="PUB", help="Whom you trust.")
@click.option("--policy", metavar="P", help="Accept this policy only (any shipped one).")
@click.option("--revocations", type=FILE, metavar="FILE", help="The signer's revocation list.")
@click.option("--threshold", type=int, default=1, metavar="T", help="How many keys must sign (1).")
@click.option("--at", metavar="DATE", help="Verify as of this date, such as 2026-12-31 (now).")
@click.option("--record", type=FILE, metavar="RECORD", help="Check the evidence itself too.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Language.")
def verify(
    bundle: Path,
    model: Path,
    keys: tuple[Path, ...],
    policy: str | None,
    revocations: Path | None,
    threshold: int,
    at: str | None,
    record: Path | None,
    lang: Any,
) -> None:
    """Check a certificate offline, and decide its verdict again from the numbers in it.

    Steps: signature, payload type, statement type, subject digest of the file in hand, policy,
    expiry, revocation, re-judgement. A refusal names the step.

    \b
    Exit codes: 0 it holds and passes, 1 it is refused or its verdict is a fail, 2 usage error,
    3 it holds and is not enough evidence.

    \b
    Example:
      frugalbench verify model.intoto.jsonl --model model.onnx --key lab.pub
    """
    from frugalbench import attest
    from frugalbench.attest import _desk
    from frugalbench.certify import EXIT_CODES

    try:
        when = _desk.now() if at is None else attest.moment(at)
    except ValueError:
        raise UsageError(f"--at {at} is no date: write it as 2026-12-31") from None
    trust = attest.Trust(
        keys=_desk.trusted_keys([attest.load_public(one) for one in keys]),
        policies=_desk.trusted_policies(policy),
        at=when,
        threshold=threshold,
        revocations=revocations,
    )
    verified = attest.verify(bundle, model, trust)
    if record is not None:
        attest.check_evidence(verified.evaluation, record)
    click.echo(attest.summary(verified, lang))
    sys.exit(EXIT_CODES[verified.verdict])
