"""`frugalbench show`."""

from pathlib import Path
from typing import Any

import click

from frugalbench.errors import UsageError, did_you_mean

__all__ = ["show"]

FORMATS = ("json", "markdown", "text")
"""How a certificate can be shown."""


@click.command()
@click.argument("what", type=click.Path(path_type=Path), metavar="RECORD|CERTIFICATE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, the same as --format json.")
@click.option("--format", "format_", metavar="F", help="How: text, markdown, html or json (text).")
@click.option("--policy", metavar="P", help="Judge a record by this policy in the report.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Language.")
@click.option("--only", metavar="FAMILIES", help="Show these families: fairness,robustness, …")
def show(
    what: Path,
    as_json: bool,
    format_: str | None,
    policy: str | None,
    lang: Any,
    only: str | None,
) -> None:
    """Show every metric of a stored RECORD, or the whole of a CERTIFICATE.

    A metric is shown with its interval or the reason it is missing. A certificate is shown as it is
    written, which proves nothing: verify checks it, and needs the model and the signer's key.

    \b
    Examples:
      frugalbench show results/RECORD
      frugalbench show results/RECORD --only fairness,robustness
      frugalbench show results/RECORD --json
      frugalbench show results/RECORD --format markdown --lang fr
      frugalbench show model.intoto.jsonl --lang fr
    """
    if as_json and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} are two things: choose one")
    if _is_certificate(what):
        from frugalbench.attest import _refusals

        with _refusals.spoken_in(lang):
            _certificate(what, "json" if as_json else format_ or "text", policy, lang, only)
        return
    from frugalbench import console

    terminal = None if format_ == "text" else format_
    console.show(what, policy, terminal, lang, only, as_json=as_json)


def _is_certificate(what: Path) -> bool:
    """What a file is decides, and what it is called only where it is neither."""
    if not what.is_file():
        return False
    from frugalbench import store
    from frugalbench.attest import _page

    return what.name != store.RECORD or _page.is_certificate(what)


def _certificate(what: Path, format_: str, policy: str | None, lang: Any, only: str | None) -> None:
    from frugalbench.attest import _desk, _page, _page_render

    for option, given in (("--policy", policy), ("--only", only)):
        if given is not None:
            raise UsageError(
                f"{option} is for a record: leave it out, a certificate is shown whole"
            )
    if format_ not in FORMATS:
        known = did_you_mean(format_, FORMATS)
        raise UsageError(f"a certificate is not shown as '{format_}': {known}")
    found = _page.held(what)
    try:
        if format_ == "json":
            written = found.predicate + "\n"
            click.echo(_page.unverified(lang), err=True)
        else:
            shown = _page.page(found, lang, _desk.now(), frozenset(_desk.trusted_policies(None)))
            render = _page_render.markdown if format_ == "markdown" else _page_render.text
            written = render(shown)
    except RecursionError:
        raise UsageError(
            f"{what} cannot be shown: it is nested too deeply; give a record's folder, or a "
            "certificate"
        ) from None
    click.echo(written, nl=False)
