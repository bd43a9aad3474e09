"""`frugalbench certify`."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from frugalbench.commands._words import HYDRA_WORDS, policy_named
from frugalbench.endings import refuse
from frugalbench.errors import UsageError

__all__ = ["certify"]


@click.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RECORD] [KEY=VALUE]...")
@click.option("--policy", metavar="P", help="Judge RECORD by this policy (a name or a file).")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="RECORD",
    help="The earlier record that rules on drift compare with.",
)
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign a certificate with this private key; NAME.key is made if it is not there.",
)
@click.option(
    "--declarations",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --sign: answers to the questionnaire.",
)
@click.option(
    "--commitment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --sign: what was fixed before the run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and only that.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def certify(
    words: tuple[str, ...],
    policy: str | None,
    reference: Path | None,
    key: Path | None,
    as_json: bool,
    quiet: bool,
    **beside: Any,
) -> None:
    """Measure a model and judge it by a policy, or judge a stored record again.

    KEY=VALUE are Hydra overrides (groups: model, data, target, plan, site, probes, policy); a
    file path works for model, data and policy. `-m` sweeps, `--cfg job` shows the configuration,
    `--info` explains it. Without a model, the demonstration is certified.

    \b
    Exit codes: 0 pass, 1 fail, 2 usage error, 3 not enough evidence, 4 could not measure.

    \b
    Examples:
      frugalbench certify
      frugalbench certify model=./mine.onnx data=./mine.parquet data.label=y \\
          'data.groups=[sex,age_band]' site=fr
      frugalbench certify model=adult-mlp probes=tabular 'baselines=[constant,adult-logreg]'
      frugalbench certify -m model=nhanes-mlp,nhanes-mlp-int8 plan=quick
      frugalbench certify model=./mine.onnx data=./mine.csv data.label=y site=fr \\
          --sign keys/lab.key
      frugalbench certify results/RECORD --policy ./mine.yaml
    """
    from frugalbench import config, console, settings
    from frugalbench.commands import _signing

    if key is None and (given := [name for name, one in beside.items() if one is not None]):
        raise UsageError(f"--{given[0]} goes into a certificate: add --sign KEY")
    output = console.Output(as_json=as_json, quiet=quiet)
    stored = [word for word in words[:1] if _is_stored(word)]
    if stored:
        others = list(words[1:])
        if [word.partition("=")[0] for word in others] == ["policy"]:
            policy = others.pop().partition("=")[2]
        if others:
            raise UsageError("a stored record takes --policy and nothing else: it is not measured")
        if key is not None:
            beside = {"policy": policy, "reference": reference, **beside}
            raise UsageError(f"sign a stored record with: {_sign_stored(stored[0], key, beside)}")
        chosen = settings.DEFAULT_POLICY if policy is None else policy
        sys.exit(console.judge_again(Path(stored[0]), chosen, output, reference))
    if policy is not None:
        words = (*words, f"policy={policy}")

    signing = None if key is None else _signing.prepared(key, policy_named(words), **beside)

    def measured(question: config.Question) -> int:
        return console.certify(question, output, reference, signing)

    sys.exit(config.launch(words, measured, refuse))


def _sign_stored(record: str, key: Path, beside: dict[str, Any]) -> str:
    """The command that signs a stored record by what was asked for, as a shell takes it."""
    words = ["frugalbench", "sign", record, "--key", str(key)]
    for name, one in beside.items():
        if one is not None:
            words += [f"--{name}", str(one)]
    return shlex.join(words)


def _is_stored(word: str) -> bool:
    """Whether the first word is a record: a folder with one, or any path that is no setting."""
    path = Path(word)
    try:
        return (path / "record.json").exists() or ("=" not in word and path.exists())
    except OSError:
        # Such as a name longer than any file's.
        return False
