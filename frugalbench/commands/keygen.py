"""`frugalbench keygen`."""

from pathlib import Path

import click

__all__ = ["keygen"]


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("frugalbench"),
    metavar="NAME",
    help="Write NAME.key and NAME.pub (frugalbench).",
)
@click.option("--passphrase", "locked", is_flag=True, help="Lock the private key; asks for one.")
def keygen(out: Path, locked: bool) -> None:
    """Make a pair of Ed25519 keys: NAME.key signs, NAME.pub is for those who verify.

    Keep NAME.key to yourself; it is never overwritten. With FRUGALBENCH_PASSPHRASE set, or with
    --passphrase, it is locked.

    \b
    Example:
      frugalbench keygen --out keys/lab --passphrase
    """
    from frugalbench import attest
    from frugalbench.commands import _secret

    secret = _secret.given()
    if locked and not secret:
        secret = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    private, public, identifier = attest.generate(out, secret)
    click.echo(f"private {private}\npublic  {public}\nkey id  {identifier}")
