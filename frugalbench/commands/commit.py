"""`frugalbench commit`."""

from pathlib import Path
from typing import Any

import click

__all__ = ["commit"]

FILE: Any = click.Path(path_type=Path)


@click.command()
@click.argument("policy")
@click.argument("data", nargs=-1, type=FILE, metavar="DATA...")
@click.option(
    "--out",
    type=FILE,
    default=Path("commitment.json"),
    metavar="FILE",
    help="Where to write it (commitment.json).",
)
def commit(policy: str, data: tuple[Path, ...], out: Path) -> None:
    """Fix POLICY and DATA before a run: write a dated digest of both, for sign --commitment.

    The date is by this machine's clock. Send the file, or the digest that is printed, to somebody
    before the run: only then can it be shown later that it was not made up.

    \b
    Example:
      frugalbench commit frugal-and-trustworthy ./test.parquet
    """
    import hashlib

    from frugalbench import attest, settings, store
    from frugalbench.attest import _desk
    from frugalbench.errors import UsageError

    fixed = settings.load_policy(policy)
    if not data:
        raise UsageError(
            f"the data that {policy} will be judged on are not named: add their files, as in "
            f"frugalbench commit {policy} ./test.parquet"
        )
    if out.exists() or out.is_symlink():
        raise UsageError(f"{out} is there already: a commitment is not changed; choose --out")
    made = attest.commit(fixed, data, _desk.now())
    store.write_whole(out, made.decode())
    click.echo(f"commitment {out}\nSHA-256    {hashlib.sha256(made).hexdigest()}")
