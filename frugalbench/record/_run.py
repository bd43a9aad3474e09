"""What workers see while they time a model."""

from typing import Annotated, Literal

from msgspec import Meta, field

from frugalbench.record._device import Gpu, Placed
from frugalbench.record._facts import Facts
from frugalbench.values import Method

__all__ = [
    "Answered",
    "Check",
    "Excuse",
    "Failure",
    "Memory",
    "Noise",
    "Process",
    "Run",
    "Warmup",
    "Window",
]

Phase = Literal["idle_before", "run", "idle_after"]
Check = Literal["rounds", "answers"]
Excuse = Literal["offline", "one_sample", "few_rows", "no_output", "no_time", "older_format"]


class Memory(Facts, frozen=True, kw_only=True):
    """Peak resident bytes of the worker after each stage (high-water marks, so they only grow).

    `group` is the most that its control group has held, other processes and files in memory
    included; None where the system does not count it.
    """

    after_import: int
    after_load: int
    after_run: int
    group: int | None = None


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
    `throttled` counts the throttle events or flags that were raised meanwhile, and `held_back` how
    often a quota of processor time stopped the process. `temperature` is the hottest zone, degrees
    Celsius.
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
    held_back: int | None = None


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

    `unchecked` says why a check was not made: the `rounds`, which only the first process makes, or
    the reading of `answers`. Offline has no single sample to repeat (`offline`); there was but one
    sample (`one_sample`), fewer rows than a query takes (`few_rows`), no output that can be read
    (`no_output`) or `no_time`; or the record is of an `older_format`, which could not say.

    `gpus` are those the model ran on.
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
    unchecked: dict[Check, Excuse] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()


class Run(Facts, frozen=True, kw_only=True):
    """What the workers saw, one `Process` after the other.

    `inputs` is `data` or `generated`; `inputs_used` are how many different inputs the timed calls
    drew from. `batch` is the samples in a call and `samples` those in a query. `discarded` are the
    processes that were measured, found disturbed and run again; nothing else of them is kept.
    `installed` are the bytes on storage of each package that a worker had loaded, where it ran.
    `placement` is which provider runs which nodes, where the runtime says it, and
    `provider_options` are those in force that decide how numbers are computed, and those asked for.
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
    installed: dict[str, int] = field(default_factory=dict)
    placement: tuple[Placed, ...] = ()
    provider_options: dict[str, str] = field(default_factory=dict)


class Failure(Facts, frozen=True, kw_only=True):
    """Why there is no run: the worker's end, in one line."""

    kind: Literal["crash", "hang", "out_of_memory", "error", "time_limit", "unreachable"]
    detail: str
