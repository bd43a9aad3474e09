"""One file, one command: `frugalbench certify` is `commands/certify.py`, and its `certify`.

A command parses, calls, prints and gives an exit code; it decides nothing. Heavy packages are
imported inside it, so that `--help` answers at once.
"""

from importlib import import_module

import click

from frugalbench import plugins

__all__ = ["command", "names"]


def names() -> tuple[str, ...]:
    """Every command, in alphabetical order."""
    return tuple(sorted(plugins.modules(__name__, __path__)))


def command(name: str) -> click.Command | None:
    """A command by its name, or None."""
    module = plugins.modules(__name__, __path__).get(name)
    if module is None:
        return None
    found: click.Command = getattr(import_module(module), name)
    return found
