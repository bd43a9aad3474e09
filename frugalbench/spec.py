"""The question: which model, on which data, on which target, how long, where on the grid.

Everything here is frozen, strict about unknown fields and free of I/O: a `Spec` is only words and
numbers, so it travels as JSON to a worker, a board or a cluster node and comes back in the record.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["Data", "Factor", "Model", "OutputKind", "Plan", "Site", "Spec", "Target"]

OutputKind = Literal["label", "probability", "logit", "value"]

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Bytes = Annotated[int, Meta(ge=1)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a question: frozen, keyword-only, no unknown field."""


class Model(Strict, frozen=True, kw_only=True):
    """A model file and how to read its answer.

    `output` and `output_kind` are only needed where the graph does not say them; `classes` gives
    the class of each score column in order; `threshold` turns the positive class's probability
    into a decision in binary tasks; `dims` sizes dynamic axes (other than the batch) by name.
    """

    path: str
    name: str = ""
    runner: str = "ort"
    output: str | None = None
    output_kind: OutputKind | None = None
    classes: tuple[int | float | str | bool, ...] = ()
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    dims: dict[str, Positive] = {}


class Data(Strict, frozen=True, kw_only=True):
    """A labelled table: CSV, Parquet or NPZ.

    `features` orders the columns of a one-matrix model; empty means the model's own list, else
    every column that is neither label, group nor split. `positive` is the label counted as
    positive by the fairness rates.
    """

    path: str
    name: str = ""
    label: str | None = None
    positive: int | float | str | bool | None = None
    groups: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    split_column: str | None = None
    split: str | None = None


class Target(Strict, frozen=True, kw_only=True):
    """Where the model runs, and the meters to read there.

    A worker that takes more private memory than `memory_limit` bytes is ended; none means nine
    tenths of what is free at the start.
    """

    name: str = "cpu"
    provider: str = "CPUExecutionProvider"
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    spinning: bool = False
    memory_limit: Bytes | None = None
    meters: tuple[str, ...] = ("rapl", "nvml", "modelled")


class Plan(Strict, frozen=True, kw_only=True):
    """How much evidence to gather.

    Calls are timed until `max_seconds` or `max_calls`, whichever is first, in `windows` equal
    energy windows of one call at least. `max_rows` samples the data. A worker that reports
    nothing for `limit_seconds` is ended.
    """

    name: str = "quick"
    batch: Positive = 1
    warmup_seconds: Seconds = 0.5
    max_calls: Annotated[int, Meta(ge=1, le=10_000_000)] = 1_000_000
    max_seconds: Seconds = 5.0
    windows: Annotated[int, Meta(ge=2, le=1000)] = 5
    limit_seconds: Seconds = 120.0
    max_rows: Positive | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 20260101


class Factor(Strict, frozen=True, kw_only=True):
    """One environmental factor with where it comes from; `year` is the year it describes."""

    value: float
    unit: str
    year: int
    source: str
    url: str = ""


class Site(Strict, frozen=True, kw_only=True):
    """Where the electricity is drawn. Nothing has a default: what is not stated stays unknown.

    `pue` is the site's energy over its IT energy (1 for a machine with no cooling plant of its
    own), `wue` the litres of water evaporated on site per kWh of IT energy.
    """

    country: str
    name: str = ""
    pue: Annotated[float, Meta(ge=1, le=3)] | None = None
    wue: Annotated[float, Meta(ge=0, le=20)] | None = None
    grid_carbon: Factor | None = None
    grid_water: Factor | None = None
    setting: str = ""


class Spec(Strict, frozen=True, kw_only=True):
    """One question: a model on a target, with or without labelled data and a site."""

    model: Model
    target: Target = Target()
    plan: Plan = Plan()
    data: Data | None = None
    site: Site | None = None
