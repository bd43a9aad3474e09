"""Where the passphrase of a key comes from: the environment, or a prompt; never a word typed."""

import os
import sys

import click

from frugalbench.errors import UsageError

__all__ = ["VARIABLE", "given", "passphrase"]

VARIABLE = "FRUGALBENCH_PASSPHRASE"


def given() -> str:
    """The passphrase in the environment, or nothing."""
    return os.environ.get(VARIABLE, "")


def passphrase() -> str:
    """The passphrase of a locked key.

    Raises:
        UsageError: there is none, and nobody to ask.
    """
    if found := given():
        return found
    if not sys.stdin.isatty():
        raise UsageError(f"the key is locked: set {VARIABLE}, or sign at a terminal")
    asked: str = click.prompt("Passphrase", hide_input=True, err=True)
    return asked
