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
@click.argument("words", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--model", type=FILE, required=True, metavar="FILE", help="The file in hand.")
@click.option("--key", "keys", type=FILE, multiple=True, metavar="PUB", help="Whom you trust.")
@click.option("--policy", metavar="P", help="Accept this policy only (any shipped one).")
@click.option("--revocations", type=FILE, metavar="FILE", help="The signer's revocation list.")
@click.option("--threshold", type=int, default=1, metavar="T", help="How many keys must sign (1).")
@click.option("--at", metavar="DATE", help="Verify as of this date, such as 2026-12-31 (now).")
@click.option("--record", type=FILE, metavar="RECORD", help="Check the evidence itself too.")
@click.option("--reproduce", is_flag=True, help="Run it again here, with KEY=VALUE as in run.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Language.")
def verify(
    bundle: Path,
    words: tuple[str, ...],
    model: Path,
    keys: tuple[Path, ...],
    policy: str | None,
    revocations: Path | None,
    threshold: int,
    at: str | None,
    record: Path | None,
    reproduce: bool,
    lang: Any,
) -> None:
    """Check a certificate offline, and decide its verdict again from the numbers in it.

    Steps: signature, payload type, statement type, subject digest of the file in hand, policy,
    expiry, revocation, re-judgement. A refusal names the step.

    \b
    Exit codes: 0 it holds and passes, 1 it is refused or its verdict is a fail, 2 usage error,
    3 it holds and is not enough evidence.

    With --reproduce the model is measured here too, and the intervals are compared claim by claim;
    what depends on the machine is only shown.

    \b
    Examples:
      frugalbench verify model.intoto.jsonl --model model.onnx --key lab.pub
      frugalbench verify model.intoto.jsonl --model model.onnx --key lab.pub --reproduce \\
          data=./test.parquet data.label=y 'data.groups=[sex]'
    """
    from frugalbench import attest
    from frugalbench.attest import _desk, _refusals
    from frugalbench.certify import EXIT_CODES

    with _refusals.spoken_in(lang):
        if words and not reproduce:
            raise UsageError(f"'{words[0]}' is for a run: add --reproduce, or leave it out")
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
        if reproduce:
            _check_words(words, verified)
        if record is not None:
            attest.check_evidence(verified.evaluation, record)
        click.echo(attest.summary(verified, lang, evidence=record is not None))
        if reproduce:
            _reproduce(verified, model, words, lang)
    sys.exit(EXIT_CODES[verified.verdict])


def _check_words(words: tuple[str, ...], verified: Any) -> None:
    """What a run again would be refused for, or would say nothing without."""
    given = {word.partition("=")[0].lstrip("+") for word in words}
    if given & {"model", "policy"}:
        raise UsageError("the model and the policy are those of the certificate: leave them out")
    data = verified.evaluation.data
    if data is not None and not given & {"data", "data.path"}:
        raise UsageError(
            f"the certificate rests on data, '{data.name}': add data=FILE and data.label=NAME to "
            "--reproduce, or leave --reproduce out"
        )


def _reproduce(verified: Any, model: Path, words: tuple[str, ...], lang: Any) -> None:
    from frugalbench import attest, config, console, worker
    from frugalbench.attest import _reproduced

    given = {word.partition("=")[0] for word in words}
    read = [
        word
        for word in _reproduced.settings_of(verified.evaluation.reading)
        if word.partition("=")[0] not in given
    ]
    spec = config.load_spec(f"model={model.resolve()}", *read, *words)
    with console.Output(as_json=False, quiet=False).progress() as progress:
        record = worker.run(spec, progress)
    found, same_rows = attest.again(verified.evaluation, verified.policy, record)
    click.echo(_reproduced.table(found, lang, same_rows=same_rows))
    differing = [one.address for one in found if one.standing == "differs"]
    if differing:
        why = f"{len(differing)} claims came out otherwise here, '{differing[0]}' among them"
        raise attest.VerificationError("reproduction", why)
