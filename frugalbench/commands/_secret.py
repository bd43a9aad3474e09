"""Where the passphrase of a key comes from: the environment, or a prompt; never a word typed."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from frugalbench.errors import UsageError

__all__ = ["VARIABLE", "given", "opened", "passphrase", "ready"]

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


def ready(key: Path) -> Any:
    """The private key of a file, or None where a pair can be made once there is use for it.

    Raises:
        UsageError: as `opened`, or a pair would not fit where it should be made.
    """
    from frugalbench import attest

    if key.exists():
        return attest.load_private(key, passphrase)
    if key.suffix != ".key":
        raise UsageError(f"there is no key {key}; to have a pair made, call it NAME.key")
    if (public := key.with_suffix(".pub")).exists():
        raise UsageError(f"there is a {public} and no {key} to it: name another key")
    return None


def opened(key: Path) -> Any:
    """The private key of a file; a pair is made, and said so, where there is none yet.

    Raises:
        UsageError: it is no key, it is locked and nobody says the passphrase, or the name of what
            would be made does not end with `.key`.
    """
    from frugalbench import attest

    if not key.exists():
        if key.suffix != ".key":
            raise UsageError(f"there is no key {key}; to have a pair made, call it NAME.key")
        private, public, _ = attest.generate(key.with_suffix(""), given())
        click.echo(f"made    {private} (keep it) and {public} (give it away)", err=True)
    return attest.load_private(key, passphrase)
