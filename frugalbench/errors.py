"""The errors frugalbench raises on purpose, and the exit code each one means.

    FrugalbenchError
    ├── UsageError         2   the question cannot be understood: a name, a path, a column, a policy
    ├── MeasurementError   4   the question is fine, the measurement could not be made
    ├── StoreError         4   a result could not be written, or a stored one is damaged
    └── VerificationError  1   a certificate does not hold (`frugalbench.attest`)

Every message is one line and says what to do next. Catch `FrugalbenchError` for all of them.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["FrugalbenchError", "MeasurementError", "StoreError", "UsageError", "did_you_mean"]


class FrugalbenchError(Exception):
    """Anything frugalbench refuses or could not do; `exit_code` is what the command returns."""

    exit_code = 4

    def __init__(self, message: str) -> None:
        """Keep the message on one line: names in it may come from a hostile file."""
        super().__init__("".join(one if one.isprintable() else " " for one in message))


class UsageError(FrugalbenchError):
    """The request itself is wrong: nothing was measured."""

    exit_code = 2


class MeasurementError(FrugalbenchError):
    """The request is right but the measurement could not be made."""


class StoreError(FrugalbenchError):
    """A record could not be written, or what was read is not an intact record."""


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """The end of an error sentence: a suggestion when one is near, else what there is.

    >>> did_you_mean("genre", ["gender", "age"])
    "did you mean 'gender'?"
    >>> did_you_mean("x", ["gender", "age"])
    'there is: age, gender'
    """
    names = sorted(set(known))
    # Comparing takes time in the square of the lengths: what is too long is no typing mistake.
    short = [name for name in names if len(name) <= 100][:2000]
    near = get_close_matches(wrong, short, n=1, cutoff=0.6) if len(wrong) <= 100 else []
    if not near and len(wrong) >= 3:
        holding = [name for name in short if wrong in name]
        near = holding if len(holding) == 1 else []
    if near:
        return f"did you mean '{near[0]}'?"
    more = f", … ({len(names)} in all)" if len(names) > 12 else ""
    shown = ", ".join(name[:60] for name in names[:12]) + more
    return f"there is: {shown}" if names else "there is none"
