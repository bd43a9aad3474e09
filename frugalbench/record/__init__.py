"""The answer, raw: what was observed, and nothing computed from it.

Every number in a report is recomputed from a `Record`, so a stored one can be judged again years
later and give the same verdict. Records are never edited.
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench.record._device import Gpu, Placed
from frugalbench.record._facts import (
    Answer,
    Calibration,
    Card,
    DataFacts,
    Facts,
    Host,
    ModelFacts,
    Port,
    Variant,
)
from frugalbench.record._passes import Compared, Pass, Probed, Repeat
from frugalbench.record._run import (
    Answered,
    Check,
    Excuse,
    Failure,
    Memory,
    Noise,
    Phase,
    Process,
    Run,
    Warmup,
    Window,
)
from frugalbench.spec import Spec

__all__ = [
    "FORMAT",
    "Answer",
    "Answered",
    "Calibration",
    "Card",
    "Check",
    "Compared",
    "DataFacts",
    "Excuse",
    "Failure",
    "Gpu",
    "Host",
    "Memory",
    "ModelFacts",
    "Noise",
    "Pass",
    "Phase",
    "Placed",
    "Port",
    "Probed",
    "Process",
    "Record",
    "Repeat",
    "Run",
    "Variant",
    "Warmup",
    "Window",
]

FORMAT = 4
# The format of a stored record, and why it changed:
#   1  the first one
#   2  several fresh processes, each with its own start, memory, noise and checks; windows of idle
#   3  extra passes, training rows, baselines, cards, clusters, intersections and controls
#   4  why a check was not made; what blocks of calls took on average, without the slowest tenth

Array = npt.NDArray[Any]


class Record(Facts, frozen=True, kw_only=True, eq=False):
    """Everything observed about one question.

    `arrays` holds the per-call and per-row observations:

    - `latency_ns` int64 (kept,): the wall time of each query that was kept, in order, one process
      after the other; in the `server` scenario from the time it was due
    - `check:varied_ns`, `check:repeated_ns`, `check:reseeded_ns` float64 (rounds,): the median
      call of a block in each round: different samples in turn, the same ones repeated, and samples
      drawn with another seed
    - `check:varied_trimmed_ns`, `check:reseeded_trimmed_ns` float64 (rounds,): the mean of the
      fastest nine tenths of the same blocks, where every sample of the second was never seen before
    - `offline:batch`, `offline:rate` (tried,): batch sizes tried and samples a second of each
    - `y_true`, `y_pred` int64 (rows,): codes into `data.classes`; -1 is an answer outside them
    - `score` float64 (rows, classes): the probabilities, where the model gives them
    - `value`, `target` float64 (rows,): answers and labels of a regression
    - `group:<column>` int32 (rows,): codes into `data.groups[column]`; -1 is a missing value
    - `cluster` int64 (rows,): which rows belong together; codes from 0
    - `neighbours:of` int64 (some,), `neighbours` int64 (some, k): rows, and for each the k rows
      whose inputs are most like its own
    - `probe:rows` int64 (m,): the rows that were asked again; for pass i of `probed.passes`,
      `probe:<i>:y_pred` int64 (m,), or `probe:<i>:value` float64 (m,) in a regression
    - `importance` float32 (features, m): how much worse the answer to a row becomes when a feature
      is shuffled, on average (wrong instead of right, or absolute error)
    - `member:y_true` int64 and `member:score` float64 (members, classes), or `member:target` and
      `member:value` float64: labels of training rows and the answers to them
    - `difficulty` float64 (rows,), `member:difficulty` float64 (members,): the loss of each row
      under a simple model that was not fitted on it
    """

    format: int
    id: str
    created: str
    version: str
    spec: Spec
    host: Host
    model: ModelFacts
    data: DataFacts | None
    run: Run | None
    failure: Failure | None
    arrays: dict[str, Array]
    notes: tuple[str, ...] = ()
    probed: Probed | None = None
    baselines: tuple[Compared, ...] = ()
    model_card: Card | None = None
    data_card: Card | None = None

    def __eq__(self, other: object) -> bool:
        """Whether two records hold the same, arrays included."""
        if not isinstance(other, Record) or self.arrays.keys() != other.arrays.keys():
            return NotImplemented if not isinstance(other, Record) else False
        return all(
            getattr(self, name) == getattr(other, name)
            for name in self.__struct_fields__
            if name != "arrays"
        ) and all(np.array_equal(one, other.arrays[name]) for name, one in self.arrays.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """One line: what it is about, not the million numbers in it."""
        state = f"failed: {self.failure.kind}" if self.failure else f"{self.latency_ns.size} calls"
        return f"<Record {self.id} ({self.model.name}, {state})>"

    @property
    def latency_ns(self) -> npt.NDArray[np.int64]:
        """Wall time of every timed call, ns, shape (calls,); empty when nothing was timed."""
        empty = np.empty(0, np.int64)
        return self.arrays.get("latency_ns", empty)

    def baseline(self, name: str) -> "Record | None":
        """A baseline as a record of its own, so that every metric can be asked of it.

        None when there is no baseline of this name, or its measurement failed.
        """
        found = next((one for one in self.baselines if one.name == name), None)
        if found is None or found.run is None or found.model is None:
            return None
        prefix = f"baseline:{name}:"
        own = {
            key.removeprefix(prefix): array
            for key, array in self.arrays.items()
            if key.startswith(prefix)
        }
        shared = {
            key: array
            for key, array in self.arrays.items()
            if key in ("y_true", "target", "cluster") or key.startswith("group:")
        }
        return msgspec.structs.replace(
            self,
            model=found.model,
            run=found.run,
            arrays={**shared, **own},
            probed=None,
            baselines=(),
            model_card=None,
        )
