"""`frugalbench run`."""

import sys

import click

from frugalbench.commands._words import HYDRA_WORDS
from frugalbench.endings import refuse

__all__ = ["run"]


@click.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print every metric as JSON, and only that.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def run(words: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Measure a model and save the record, without judging it.

    \b
    Examples:
      frugalbench run model=adult-mlp plan=standard
      frugalbench run model=./mine.onnx target.threads=2
      frugalbench run -m model=german-mlp,german-mlp-int8 target.threads=1,2
    """
    from frugalbench import config, console

    output = console.Output(as_json=as_json, quiet=quiet)
    sys.exit(config.launch(words, lambda question: console.run(question, output), refuse))
