"""The answer, raw: what was observed, and nothing computed from it.

Every number in a report is recomputed from a `Record`, so a stored one can be judged again years
later and give the same verdict. Records are never edited.
"""

from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from frugalbench.spec import OutputKind, Spec
from frugalbench.values import Method

__all__ = [
    "FORMAT",
    "Answer",
    "Answered",
    "DataFacts",
    "Failure",
    "Host",
    "Memory",
    "ModelFacts",
    "Noise",
    "Phase",
    "Port",
    "Process",
    "Record",
    "Run",
    "Warmup",
    "Window",
]

FORMAT = 2
# The format of a stored record, and why it changed:
#   1  the first one
#   2  several fresh processes, each with its own start, memory, noise and checks; windows of idle

Phase = Literal["idle_before", "run", "idle_after"]

Array = npt.NDArray[Any]


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything observed: frozen, keyword-only, no unknown field."""


class Host(Facts, frozen=True, kw_only=True):
    """The machine, in its own words. No name, address or user: a record can be shared."""

    system: str
    machine: str
    cpu: str
    logical_cores: int
    physical_cores: int | None
    memory: int | None
    virtualised: str | None
    python: str
    packages: dict[str, str]


class Port(Facts, frozen=True, kw_only=True):
    """An input or output of a graph; a `str` in `shape` names a dynamic axis, None is unnamed."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


class Answer(Facts, frozen=True, kw_only=True):
    """Which output was read as the model's answer, as what, and how that was known.

    Labels with `positions` are places in the list of classes, not classes themselves. `labels`
    is the output with the model's own choice, where it gives one beside its probabilities.
    """

    output: str
    kind: OutputKind
    how: str
    positions: bool = False
    labels: str | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that are read."""
        return (self.output,) if self.labels is None else (self.output, self.labels)


class ModelFacts(Facts, frozen=True, kw_only=True):
    """The model file: digest and bytes of all its parts, and its graph's interface.

    `macs` are the multiply-adds of one inference, with `macs_note` saying what they leave out;
    `weights` are how many numbers of each type the graph holds; `converted_from` is the digest of
    the file that was given, where its precision was changed before the measurement.
    """

    name: str
    sha256: str
    bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: int | None = None
    opset: int | None = None
    producer: str = ""
    answer: Answer | None = None
    macs: int | None = None
    macs_note: str = ""
    weights: dict[str, int] = {}
    converted_from: str | None = None


class DataFacts(Facts, frozen=True, kw_only=True):
    """The data: file digest, rows used, classes in code order, group names in code order."""

    name: str
    sha256: str
    bytes: int
    rows_in_file: int
    rows: int
    label: str | None
    classes: tuple[int | float | str | bool, ...]
    positive: int | None
    groups: dict[str, tuple[str, ...]]
    features: tuple[str, ...] = ()


class Memory(Facts, frozen=True, kw_only=True):
    """Peak resident bytes of the worker after each stage (high-water marks, so they only grow)."""

    after_import: int
    after_load: int
    after_run: int


class Window(Facts, frozen=True, kw_only=True):
    """Energy drawn over `calls` timed calls, or over none, by one meter in one domain.

    `joules` is None when the meter could not be read; `reason` then says why. `error` is the
    worst-case error of reading at the two edges, in joules. `process` counts from 0. `aligned`
    says that both edges lie on updates of the meter's source.
    """

    meter: str
    domain: str
    method: Method
    calls: int
    seconds: float
    joules: float | None
    error: float = 0.0
    reason: str = ""
    process: int = 0
    phase: Phase = "run"
    period: float = 0.0
    aligned: bool = False


class Noise(Facts, frozen=True, kw_only=True):
    """What else went on while calls were timed; None where the system does not show it.

    Shares are of all processors' time: `own` of this process, `others` of every other one,
    `steal` of the hypervisor. Frequencies are in Hz: the lowest and the highest that the fastest
    processor showed at the ends of the energy windows, and the highest one it claims (`nominal`).
    `throttled` counts the throttle events or flags that were raised meanwhile. `temperature` is
    the hottest zone, degrees Celsius.
    """

    seconds: float
    own: float | None = None
    others: float | None = None
    steal: float | None = None
    frequency_low: float | None = None
    frequency_high: float | None = None
    frequency_nominal: float | None = None
    throttled: int | None = None
    governor: str = ""
    temperature: float | None = None


class Warmup(Facts, frozen=True, kw_only=True):
    """Calls before the timed ones; `steady` says that their median had stopped falling."""

    calls: int
    seconds: float
    steady: bool


class Answered(Facts, frozen=True, kw_only=True):
    """Outputs read after timed calls, at random, against those of the accuracy pass.

    `tolerance` says how alike they had to be.
    """

    compared: int
    differing: int
    tolerance: str


class Process(Facts, frozen=True, kw_only=True):
    """What one fresh process saw. Times are seconds on a monotonic clock.

    `cold_start` runs from the start of the process to the first answer, without the time spent
    reading the test inputs. Of its `queries` timed in `seconds`, the latencies of `kept` are in
    the record, evenly spaced. `unserved` queries were due and never asked (server). `order` is
    the seed of its sampling order and arrivals.
    """

    order: int
    import_seconds: float
    load_seconds: float
    first_call_seconds: float
    cold_start_seconds: float | None
    warmup: Warmup
    memory: Memory | None
    queries: int
    kept: int
    seconds: float
    unserved: int = 0
    noise: Noise | None = None
    answered: Answered | None = None


class Run(Facts, frozen=True, kw_only=True):
    """What the workers saw, one `Process` after the other.

    `inputs` is `data` or `generated`; `inputs_used` are how many different inputs the timed calls
    drew from. `batch` is the samples in a call and `samples` those in a query. `discarded` are the
    processes that were measured, found disturbed and run again; nothing else of them is kept.
    """

    runner: str
    provider: str
    inputs: Literal["data", "generated"]
    io_binding: bool
    batch: Annotated[int, Meta(ge=1)]
    processes: Annotated[tuple[Process, ...], Meta(min_length=1)]
    windows: tuple[Window, ...]
    samples: Annotated[int, Meta(ge=1)] = 1
    inputs_used: int = 1
    discarded: tuple[Process, ...] = ()
    notes: tuple[str, ...] = ()


class Failure(Facts, frozen=True, kw_only=True):
    """Why there is no run: the worker's end, in one line."""

    kind: Literal["crash", "hang", "out_of_memory", "error", "time_limit"]
    detail: str


class Record(Facts, frozen=True, kw_only=True, eq=False):
    """Everything observed about one question.

    `arrays` holds the per-call and per-row observations:

    - `latency_ns` int64 (kept,): the wall time of each query that was kept, in order, one process
      after the other; in the `server` scenario from the time it was due
    - `check:varied_ns`, `check:repeated_ns`, `check:reseeded_ns` float64 (rounds,): the median
      call of a block in each round: different samples in turn, the same ones repeated, and samples
      drawn with another seed
    - `offline:batch`, `offline:rate` (tried,): batch sizes tried and samples a second of each
    - `y_true`, `y_pred` int64 (rows,): codes into `data.classes`; -1 is an answer outside them
    - `score` float64 (rows, classes): the probabilities, where the model gives them
    - `value`, `target` float64 (rows,): answers and labels of a regression
    - `group:<column>` int32 (rows,): codes into `data.groups[column]`; -1 is a missing value
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
