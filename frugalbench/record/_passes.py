"""What extra passes over the rows see, and the baselines beside the model."""

from typing import Literal

from frugalbench.record._facts import Facts, ModelFacts
from frugalbench.record._run import Failure, Run

__all__ = ["Compared", "Pass", "Probed", "Repeat"]


class Pass(Facts, frozen=True, kw_only=True):
    """One extra pass over the probed rows, disturbed by `kind` at one `severity`.

    A pass that could not be made has no arrays, and its `reason` says why. A search asked the
    model `queries` times about each row at most.
    """

    kind: str
    severity: float
    unit: str
    seed: int
    inputs: tuple[str, ...] = ()
    queries: int = 0
    reason: str = ""


class Repeat(Facts, frozen=True, kw_only=True):
    """The probed rows asked once more: `again`, in another `batch`, or with other `threads`.

    `largest` is the largest absolute difference of two outputs, `beyond` how many rows differ by
    more than `tolerance`, `flips` how many get another class (0 in a regression).
    """

    how: Literal["again", "batch", "threads"]
    setting: str
    rows: int
    flips: int
    beyond: int
    largest: float
    dtype: str
    tolerance: str


class Probed(Facts, frozen=True, kw_only=True):
    """The extra passes: over which `rows` of the record is in the array `probe:rows`.

    `features` are the columns or inputs that were shuffled, each `shuffles` times.
    """

    rows: int
    passes: tuple[Pass, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    features: tuple[str, ...] = ()
    shuffles: int = 0
    notes: tuple[str, ...] = ()


class Compared(Facts, frozen=True, kw_only=True):
    """A baseline, measured as the model was: same rows, target and plan.

    Its arrays are those of the record with `baseline:<name>:` before their names.
    """

    name: str
    kind: str
    model: ModelFacts | None
    run: Run | None
    failure: Failure | None
