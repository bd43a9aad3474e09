"""`frugalbench sign`."""

from pathlib import Path
from typing import Any

import click

from frugalbench.errors import UsageError

__all__ = ["sign"]

FILE: Any = click.Path(path_type=Path)


@click.command()
@click.argument("what", type=FILE, metavar="RECORD|BUNDLE")
@click.option("--key", type=FILE, required=True, metavar="FILE", help="The private key.")
@click.option("--policy", metavar="P", help="Judge by this policy (frugal-and-trustworthy).")
@click.option("--model", type=FILE, metavar="FILE", help="The model, if it is no longer there.")
@click.option("--declarations", type=FILE, metavar="FILE", help="Answers to the questionnaire.")
@click.option("--reference", type=FILE, metavar="RECORD", help="What rules on drift compare with.")
@click.option("--commitment", type=FILE, metavar="FILE", help="What was fixed before the run.")
@click.option("--supersedes", type=FILE, multiple=True, metavar="BUNDLE", help="What it replaces.")
@click.option("--code-groups", is_flag=True, help="Name groups by codes, kept beside the key.")
@click.option(
    "--signer",
    type=FILE,
    multiple=True,
    metavar="PUB",
    help="Co-sign BUNDLE, which this public key signed; needs --model.",
)
@click.option("--out", type=FILE, metavar="FILE", help="The bundle (beside the record).")
def sign(
    what: Path,
    key: Path,
    policy: str | None,
    signer: tuple[Path, ...],
    out: Path | None,
    **given: Any,
) -> None:
    """Certify a stored RECORD: judge it, and sign what follows as an in-toto bundle.

    A BUNDLE is co-signed instead, once it holds: a second signature by somebody who checked it.
    A certificate holds no rows and no path; small groups are not shown.

    \b
    Examples:
      frugalbench sign results/RECORD --key keys/lab.key
      frugalbench sign results/RECORD --key keys/lab.key --policy ./mine.yaml --code-groups
      frugalbench sign model.intoto.jsonl --key keys/other.key --signer keys/lab.pub \\
          --model model.onnx
    """
    from frugalbench import attest, settings
    from frugalbench.attest import _desk
    from frugalbench.commands import _secret, _signing

    secret = attest.load_private(key, _secret.passphrase)
    if what.is_file() and what.name != "record.json":
        _cosign(what, secret, signer, given, policy, out)
        return
    if signer:
        raise UsageError("--signer is for a bundle that is co-signed: leave it out for a record")
    named = settings.DEFAULT_POLICY if policy is None else policy
    request = _desk.Request(
        policy=settings.load_policy(named),
        model=given["model"],
        reference=given["reference"],
        commitment=given["commitment"],
        supersedes=given["supersedes"],
        codes=key.with_name(f"{key.stem}.groups.json") if given["code_groups"] else None,
        declarations=given["declarations"],
    )
    bundle, said = _desk.certify(what, secret, request, out, _desk.now())
    _signing.warn(request.commitment, said.pre_registration)
    click.echo(f"verdict     {said.verdict.replace('_', ' ')}")
    click.echo(f"certificate {bundle}\nexpires     {said.expires_at}")
    if request.codes is not None:
        click.echo(f"group codes {request.codes} (keep it to yourself)")
    folder = what if what.is_dir() else what.parent
    step = _desk.next_step(bundle, folder, said, request, key, named)
    click.echo(f"next        {step}")


def _cosign(
    bundle: Path,
    secret: Any,
    signer: tuple[Path, ...],
    given: dict[str, Any],
    policy: str | None,
    out: Path | None,
) -> None:
    from frugalbench import attest
    from frugalbench.attest import _desk

    for name, value in given.items():
        if value and name != "model":
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is for a record: a co-signature changes no content")
    if not signer or given["model"] is None:
        raise UsageError(
            "to co-sign, give who signed it with --signer PUB and the file with --model"
        )
    keys = _desk.trusted_keys([attest.load_public(one) for one in signer])
    trust = attest.Trust(keys=keys, policies=_desk.trusted_policies(policy), at=_desk.now())
    target, verified = _desk.cosign(bundle, secret, given["model"], trust, out)
    click.echo(f"{verified.verdict}\nco-signed   {target}")
