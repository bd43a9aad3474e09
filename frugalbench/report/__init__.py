"""Reports: one record and its verdict, written for one kind of reader.

A format is an address: `markdown` is `report/markdown.py`, and its `render(record, verdict, lang)`
gives the whole text of a file. `report/text.py` is apart: it draws on a terminal.
"""

import pkgutil
from importlib import import_module

from frugalbench.certify import Verdict
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.record import Record
from frugalbench.report._format import Lang
from frugalbench.report._view import check_same

__all__ = ["Lang", "formats", "render"]

TERMINAL = "text"


def formats() -> tuple[str, ...]:
    """Every format `render` knows, in alphabetical order."""
    return tuple(
        info.name
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_") and info.name != TERMINAL
    )


def render(format: str, record: Record, verdict: Verdict | None, *, lang: Lang = "en") -> str:
    """The whole text of a report.

    Args:
        format: one of `formats()`.
        record: what was observed.
        verdict: its judgement, or None for a report of measurements alone.
        lang: `en` or `fr`; formats that only machines read ignore it.

    Raises:
        UsageError: no such format, no such language, or a verdict about another record.
    """
    known = formats()
    if format not in known:
        raise UsageError(f"there is no report format '{format}': {did_you_mean(format, known)}")
    if lang not in ("en", "fr"):
        raise UsageError(f"there is no language '{lang}': {did_you_mean(lang, ('en', 'fr'))}")
    check_same(record, verdict)
    text: str = import_module(f"{__name__}.{format}").render(record, verdict, lang)
    return text
