"""`frugalbench revoke`."""

from pathlib import Path
from typing import Any

import click

__all__ = ["revoke"]

FILE: Any = click.Path(path_type=Path)


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--key", type=FILE, required=True, metavar="FILE", help="The key that signed it.")
@click.option("--reason", required=True, help="Why it no longer holds; everybody reads it.")
@click.option(
    "--list",
    "listed",
    type=FILE,
    default=Path("revocations.json"),
    metavar="FILE",
    help="The list, which is begun or extended (revocations.json).",
)
@click.option(
    "--whole-record",
    is_flag=True,
    help="Revoke every certificate of the same record too, also those not yet made.",
)
def revoke(bundle: Path, key: Path, reason: str, listed: Path, whole_record: bool) -> None:
    """Put a certificate on a signed list of those that no longer hold.

    Publish the list: a verifier who does not have it cannot know. Its serial number grows with
    each entry, so of two lists the newer one can be told.

    Other certificates of the record stay valid, unless --whole-record says otherwise: take it
    where the measurement itself was wrong.

    \b
    Example:
      frugalbench revoke model.intoto.jsonl --key keys/lab.key --reason "labels were wrong"
    """
    from frugalbench import attest, store
    from frugalbench.attest import _desk, _verify
    from frugalbench.commands import _secret
    from frugalbench.errors import UsageError

    envelopes = attest.read_certificate(bundle)
    own, record = attest.own_statement(envelopes), None
    if whole_record and (record := _verify.named_record(envelopes)) is None:
        raise UsageError(f"{bundle} names no record: revoke each of its certificates by itself")
    secret = attest.load_private(key, _secret.passphrase)
    before = listed if listed.exists() else None
    made, found = attest.revoked(own, reason, secret, before, _desk.now(), record)
    store.write_whole(listed, made.decode())
    click.echo(f"list    {listed}\nserial  {found.serial} with {len(found.entries)} entries")
