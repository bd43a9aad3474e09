"""Why a certificate is refused, in French: read from the English sentence, part by part.

The sentences themselves are in `_refusals_french`. A part that has no reading stays as it is, which
is right for names and for what another program said.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from frugalbench.attest._refusals_french import SENTENCES, STEPS
from frugalbench.attest._refusals_requests import NOUNS
from frugalbench.attest._steps import VerificationError
from frugalbench.errors import FrugalbenchError
from frugalbench.report._format import Lang

__all__ = ["french", "spoken_in"]

MOST = 2000


@contextmanager
def spoken_in(lang: Lang) -> Iterator[None]:
    """Errors raised inside are told in this language; their kind and exit code stay."""
    try:
        yield
    except VerificationError as error:
        if lang == "fr":
            step, why = STEPS[error.step], french(error.why)
            error.args = (_line(f"non vérifié, à l’étape « {step} » : {why}"),)
        raise
    except FrugalbenchError as error:
        if lang == "fr":
            error.args = (_line(french(str(error))),)
        raise


def french(english: str) -> str:
    """A sentence in French; the same sentence where there is no reading of it.

    >>> french("it claims one thing twice")
    'il affirme deux fois la même chose'
    """
    if len(english) > MOST:
        return english
    for pattern, reading in SENTENCES:
        if (found := re.fullmatch(pattern, english, re.DOTALL)) is not None:
            return reading.format(*found.groups(), **dict(_named(found)))
    return english


def _named(found: re.Match[str]) -> Iterator[tuple[str, str]]:
    """What a pattern caught by name: a noun, or a sentence that is read in its turn."""
    for name, text in found.groupdict().items():
        yield name, NOUNS[text] if name == "what" else french(text)


def _line(text: str) -> str:
    """Names in it may come from a hostile file."""
    return "".join(one if one.isprintable() or one == "\u202f" else " " for one in text)
