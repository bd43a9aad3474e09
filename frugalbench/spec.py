"""The question: which model, on which data, on which target, how long, where on the grid.

Everything here is frozen, strict about unknown fields and free of I/O: a `Spec` is only words and
numbers, so it travels as JSON to a worker, a board or a cluster node and comes back in the record.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "AMD_PROVIDERS",
    "NVIDIA_PROVIDERS",
    "Baseline",
    "Data",
    "Embodied",
    "Factor",
    "Model",
    "Number",
    "Optimisation",
    "OutputKind",
    "Perturbation",
    "Plan",
    "Precision",
    "Probes",
    "Scenario",
    "Site",
    "Spec",
    "Target",
]

OutputKind = Literal["label", "probability", "logit", "value"]
Precision = Literal["as_is", "fp32", "fp16", "bf16", "int8"]
Number = Literal[
    "float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"
]  # fmt: skip
Optimisation = Literal["disabled", "basic", "extended", "all"]
Scenario = Literal["single_stream", "multi_stream", "server", "offline"]

NVIDIA_PROVIDERS = ("CUDA", "Tensorrt", "NvTensorRTRTX", "cuda")
AMD_PROVIDERS = ("ROCM", "MIGraphX")
"""How the names of the execution providers begin that compute on a GPU of one maker."""

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Bytes = Annotated[int, Meta(ge=1)]
Above0 = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a question: frozen, keyword-only, no unknown field."""


class Model(Strict, frozen=True, kw_only=True):
    """A model file and how to read its answer.

    `output` and `output_kind` are only needed where the graph does not say them; `classes` gives
    the class of each score column in order; `threshold` turns the positive class's probability
    into a decision in binary tasks; `dims` sizes dynamic axes (other than the batch) by name.
    `precision` converts the weights before anything is measured: `fp16` to 16-bit floats, `int8`
    to 8-bit integers with scales found as it runs; `fp32` and `bf16` are for the runner `pytorch`.
    One inference is `units_per_inference` functional units, such as 10 seconds of audio. `card` is
    its model card, a Markdown or YAML file.

    A torch model is a function that builds it, `factory` (`package.module:function`), and the
    file of its weights, or an empty path for those it is built with. What one row of its input is
    has a `shape`, without the batch, and a `dtype`; several inputs have theirs in `shapes` and
    `dtypes`, by the names that the model's `forward` gives them.
    """

    path: str
    name: str = ""
    runner: str = "ort"
    output: str | None = None
    output_kind: OutputKind | None = None
    classes: tuple[int | float | str | bool, ...] = ()
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    dims: dict[str, Positive] = {}
    precision: Precision = "as_is"
    functional_unit: str = "inference"
    units_per_inference: Above0 = 1.0
    card: str | None = None
    factory: str | None = None
    shape: tuple[Positive, ...] | None = None
    dtype: Number = "float32"
    shapes: dict[str, tuple[Positive, ...]] = {}
    dtypes: dict[str, Number] = {}


class Data(Strict, frozen=True, kw_only=True):
    """A labelled table: CSV, Parquet or NPZ.

    `features` orders the columns of a one-matrix model; empty means the model's own list, else
    every column that is neither label, group nor split. `positive` is the label counted as
    positive by the fairness rates.

    `groups` are compared one column at a time; each of `intersections` names columns of `groups`
    whose combinations are compared too, and within each level of each of `controls` all of them
    are compared again. Rows with the same value of `cluster` (a person, a site) are not
    independent of each other. The rows the model was trained on are those of `train_split`, or the
    table `train_path` with the same columns: baselines are fitted on them, and whether the model
    remembers them is tested. `card` is the data statement, a Markdown or YAML file.
    """

    path: str
    name: str = ""
    label: str | None = None
    positive: int | float | str | bool | None = None
    groups: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    split_column: str | None = None
    split: str | None = None
    intersections: tuple[tuple[str, ...], ...] = ()
    controls: tuple[str, ...] = ()
    cluster: str | None = None
    train_split: str | None = None
    train_path: str | None = None
    card: str | None = None


class Embodied(Strict, frozen=True, kw_only=True):
    """What it took to make a machine: kg of CO2e over its whole life, and how long that is.

    `low` and `high` bound `kg` where the source bounds it.
    """

    hardware: str
    kg: Annotated[float, Meta(gt=0)]
    lifetime_years: Annotated[float, Meta(gt=0, le=30)]
    year: int
    source: str
    url: str = ""
    low: float | None = None
    high: float | None = None


class Target(Strict, frozen=True, kw_only=True):
    """Where the model runs, its knobs, and the meters to read there.

    A worker that takes more private memory than `memory_limit` bytes is ended; none means nine
    tenths of what is free at the start. `memory` and `flash` are budgets in bytes: what there is
    for a model with its runtime, in memory and on storage. `meter_log` is the CSV log of an
    external meter, whose clock is `meter_log_offset` seconds ahead of this machine's, give or take
    `meter_log_error`. A rehearsal holds this machine back: the worker runs on the processors `cpus`
    only, for the share `cpu_share` of one processor's time, in `address_space` bytes. With a `host`
    (such as pi@board) the model runs there, over ssh: `ssh_config` is another configuration file
    for ssh, `python` the interpreter there, and `cache` the folder for what is brought. `hardware`
    names a row of the embodied table (filled into `embodied`), and `reserved_share` is the part of
    that machine the model keeps busy or reserved (RR/ToR of the SCI specification).

    `provider_options` go to the execution provider as they are, and `cuda_graph` captures the call
    once on the GPU and replays it. A model of which nodes land on the processor although another
    provider was asked for is refused, unless `strict` is off; a run while other processes were on
    its GPU is not valid, unless `allow_shared_gpu`.

    For the runner `pytorch` alone: `compile` calls `torch.compile`, `channels_last` keeps images
    and the weights that meet them with the channel as the last axis in memory, and `deterministic`
    lets torch use nothing but deterministic algorithms.
    """

    name: str = "cpu"
    provider: str = "CPUExecutionProvider"
    provider_options: dict[str, str | int | float | bool] = {}
    strict: bool = True
    allow_shared_gpu: bool = False
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    host: str | None = None
    ssh_config: str | None = None
    python: str = "python3"
    cache: str = "~/.cache/frugalbench"
    spinning: bool = False
    optimisation: Optimisation = "all"
    memory_limit: Bytes | None = None
    memory: Bytes | None = None
    flash: Bytes | None = None
    cpus: tuple[Annotated[int, Meta(ge=0, lt=4096)], ...] = ()
    cpu_share: Annotated[float, Meta(ge=0.2, le=1)] | None = None
    address_space: Bytes | None = None
    meters: tuple[str, ...] = (
        *("csvlog", "rapl", "nvml", "nvml_power", "jetson", "pi5", "hwmon", "battery"),
        "modelled",
    )
    meter_log: str | None = None
    meter_log_offset: float = 0.0
    meter_log_error: Annotated[float, Meta(ge=0)] = 0.1
    hardware: str | None = None
    embodied: Embodied | None = None
    reserved_share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    compile: bool = False
    channels_last: bool = False
    cuda_graph: bool = False
    deterministic: bool = False

    @property
    def rehearsal(self) -> bool:
        """Whether this machine is held back on purpose, to rehearse a smaller one."""
        return bool(self.cpus) or self.cpu_share is not None or self.address_space is not None


class Plan(Strict, frozen=True, kw_only=True):
    """How much evidence to gather, under which traffic.

    Scenarios: `single_stream` asks again when an answer has come; `multi_stream` asks
    `samples_per_query` samples at once; `server` asks at random times, `target_qps` a second on
    average, and counts from the time a query was due; `offline` asks for all samples at once.

    `processes` fresh processes time `process_seconds` each, in `windows` energy windows. With
    wanted relative half-widths `half_width_p50` or `half_width_p99`, processes are added, up to
    `max_processes`, until both are reached. A run with fewer than `min_queries` queries or
    `min_seconds` timed seconds in a process is not valid. `max_seconds` bounds everything, from
    reading the model to the last answer, and each baseline anew. Of each process at most `keep`
    latencies are kept.

    A process during which others took more than `max_other_cpu` of the machine, or a hypervisor
    more than `max_steal`, is disturbed: it is marked, and run again up to `retries` times in all.
    """

    name: str = "quick"
    scenario: Scenario = "single_stream"
    batch: Positive = 1
    samples_per_query: Positive = 8
    target_qps: Above0 | None = None
    max_seconds: Seconds = 30.0
    processes: Annotated[int, Meta(ge=1, le=100)] = 3
    max_processes: Annotated[int, Meta(ge=1, le=100)] = 20
    process_seconds: Seconds = 3.0
    min_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    min_queries: Annotated[int, Meta(ge=1)] = 1
    max_queries: Positive | None = None
    keep: Annotated[int, Meta(ge=1000, le=10_000_000)] = 200_000
    half_width_p50: Above0 | None = None
    half_width_p99: Above0 | None = None
    warmup_seconds: Seconds = 1.0
    idle_seconds: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    windows: Annotated[int, Meta(ge=2, le=1000)] = 5
    max_other_cpu: Share = 0.1
    max_steal: Share = 0.02
    retries: Annotated[int, Meta(ge=0, le=100)] = 0
    limit_seconds: Seconds = 120.0
    max_rows: Positive | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 20260101


class Perturbation(Strict, frozen=True, kw_only=True):
    """One way to disturb the inputs, or to search for an input that changes the answer.

    `kind` is the name of a file in `probes/`. `severities` are in the unit the probe states; none
    means its own. `inputs` are the graph inputs it disturbs; none means every one it can.
    """

    kind: str
    severities: tuple[float, ...] = ()
    inputs: tuple[str, ...] = ()


class Probes(Strict, frozen=True, kw_only=True):
    """Extra passes over labelled rows by the session that was timed, after the timing.

    At most `rows` rows, drawn at random, and at most `seconds` for all of them. `shuffles` is how
    often each feature is shuffled to see what the model owes to it, and `queries` how often a
    search may ask the model about one row. `reproduce` asks the same rows again, in another batch
    and with another number of threads.
    """

    name: str = "none"
    perturb: tuple[Perturbation, ...] = ()
    rows: Positive = 2000
    seconds: Seconds = 10.0
    shuffles: Annotated[int, Meta(ge=0, le=100)] = 0
    queries: Annotated[int, Meta(ge=1, le=100_000)] = 100
    reproduce: bool = True


class Baseline(Strict, frozen=True, kw_only=True):
    """A cheaper way to answer, measured like the model, on the same rows and target.

    `kind` is the name of a file in `baselines/`, fitted on the training rows that the data declare:
    `constant` (the commonest label, or the mean), `linear`, `tree`. `model` is a model file.
    """

    kind: str
    model: Model | None = None


class Factor(Strict, frozen=True, kw_only=True):
    """One environmental factor with where it comes from; `year` is the year it describes.

    `low` and `high` bound the value where the source bounds it.
    """

    value: float
    unit: str
    year: int
    source: str
    url: str = ""
    low: float | None = None
    high: float | None = None


class Site(Strict, frozen=True, kw_only=True):
    """Where the electricity is drawn. Nothing has a default: what is not stated stays unknown.

    `pue` is the site's energy over its IT energy (1 for a machine with no cooling plant of its
    own), `wue` the litres of water evaporated on site per kWh of IT energy, `utilisation` the share
    of its time that a reserved machine answers, and `daily_inferences` what a deployment is
    projected on.
    """

    country: str
    name: str = ""
    pue: Annotated[float, Meta(ge=1, le=3)] | None = None
    wue: Annotated[float, Meta(ge=0, le=20)] | None = None
    grid_carbon: Factor | None = None
    grid_water: Factor | None = None
    utilisation: Annotated[float, Meta(gt=0, le=1)] | None = None
    daily_inferences: Above0 | None = None
    setting: str = ""


class Spec(Strict, frozen=True, kw_only=True):
    """One question: a model on a target, with or without labelled data and a site."""

    model: Model
    target: Target = Target()
    plan: Plan = Plan()
    data: Data | None = None
    site: Site | None = None
    probes: Probes = Probes()
    baselines: tuple[Baseline, ...] = ()
