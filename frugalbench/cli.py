"""The command line. Each command is a file of `frugalbench.commands`."""

import click

import frugalbench
from frugalbench import commands, endings

__all__ = ["main"]


class Commands(endings.Commands):
    """The commands there are, found by their files."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Their names, in alphabetical order."""
        return list(commands.names())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One of them, or None."""
        return commands.command(name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(frugalbench.__version__, message="frugalbench %(version)s")
def main() -> None:
    """Measure an AI model, judge it by a policy, and keep the evidence.

    \b
    Examples:
      frugalbench certify                          the demonstration model, in France
      frugalbench certify model=./mine.onnx data=./mine.csv data.label=y site=fr
      frugalbench drift results/LAST results/THIS  does it treat some people worse than before?
      frugalbench audit ./answers.csv --label y --answer p --group sex
      frugalbench doctor                           what can be measured here
    """
