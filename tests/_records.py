"""Records made by hand, small and exact, for tests that need one and measure nothing."""

from typing import Any

import numpy as np

from frugalbench.record import (
    FORMAT,
    DataFacts,
    Failure,
    Host,
    Memory,
    ModelFacts,
    Port,
    Process,
    Record,
    Run,
    Warmup,
    Window,
)
from frugalbench.spec import Data, Factor, Model, Site, Spec, Target

__all__ = ["HOSTILE", "make_process", "make_record"]

HOSTILE = (
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "a|b|c",
    "`code` **bold** [link](http://evil.example) @someone #1",
    "red\x1b[31m\x07\x00 bell",
    "line\nbreak\r\n# heading\n| a | b |",
    '=HYPERLINK("http://evil.example")',
    "{{ 7 * 7 }}{% raw %}",
    "[bold red]markup[/bold red]",
    "\u202egnp.exe \u2066hidden\u2069 \u200bzero",
    "ذكر",
    "x" * 5000,
    "]]>&amp;<!--",
    "\ud800 lone surrogate",
    "",
)
"""Names that have broken a report somewhere."""


def make_record(
    *,
    name: str = "adult-tree",
    groups: dict[str, tuple[str, ...]] | None = None,
    rows: int = 600,
    calls: int = 2000,
    site: bool = True,
    data: bool = True,
    failure: Failure | None = None,
    method: Any = "modelled",
    score: bool = True,
    notes: tuple[str, ...] = (),
) -> Record:
    """A plausible record of a two-class model; every part can be left out or made hostile."""
    groups = {"sex": ("Female", "Male")} if groups is None else groups
    run = None if failure else _run(method, calls)
    arrays = _arrays(groups, rows, calls, data=data, score=score) if run else {}
    facts = DataFacts(
        name=name,
        sha256="b" * 64,
        bytes=123_456,
        rows_in_file=rows,
        rows=rows,
        label="income",
        classes=("<=50K", ">50K"),
        positive=1,
        groups=groups,
    )
    return Record(
        format=FORMAT,
        id="01J0000000EXAMPLE",
        created="2026-03-01T10:00:00Z",
        version="0.1.0",
        spec=_spec(name, site=site, data=data),
        host=_host(name),
        model=_model(name),
        data=facts if data else None,
        run=run,
        failure=failure,
        arrays=arrays,
        notes=notes,
    )


def _spec(name: str, *, site: bool, data: bool) -> Spec:
    grid = Factor(value=21.7, unit="g/kWh", year=2024, source="national operator", url="")
    place = Site(name="Paris", country="FR", pue=1.2, wue=0.5, grid_carbon=grid)
    return Spec(
        model=Model(path="models/adult.onnx", name=name),
        target=Target(name="cpu", threads=1),
        data=Data(path="adult.csv", label="income") if data else None,
        site=place if site else None,
    )


def _host(name: str) -> Host:
    return Host(
        system="Linux 6.1",
        machine="x86_64",
        cpu=name,
        logical_cores=8,
        physical_cores=4,
        memory=16 * 2**30,
        virtualised=None,
        python="3.12.1",
        packages={"onnxruntime": "1.24.0", "numpy": "2.4.6"},
    )


def _model(name: str) -> ModelFacts:
    return ModelFacts(
        name=name,
        sha256="a" * 64,
        bytes=48_213,
        inputs=(Port(name="x", dtype="float32", shape=("batch", 12)),),
        outputs=(Port(name="p", dtype="float32", shape=("batch", 2)),),
        parameters=12_034,
        opset=17,
    )


def _run(method: Any, calls: int) -> Run:
    windows = tuple(
        Window(
            meter="meter",
            domain="cpu",
            method=method,
            calls=400,
            seconds=0.02,
            joules=0.31 + 0.01 * step,
        )
        for step in range(5)
    )
    return Run(
        runner="ort",
        provider="CPUExecutionProvider",
        inputs="data",
        io_binding=True,
        batch=1,
        processes=(make_process(calls),),
        windows=windows,
    )


def make_process(calls: int, **given: Any) -> Process:
    """One quiet process that timed so many calls."""
    facts: dict[str, Any] = {
        "order": 7,
        "import_seconds": 0.2,
        "load_seconds": 0.01,
        "first_call_seconds": 0.001,
        "cold_start_seconds": 0.31,
        "warmup": Warmup(calls=50, seconds=0.1, steady=True),
        "memory": Memory(after_import=60 * 2**20, after_load=64 * 2**20, after_run=70 * 2**20),
        "queries": calls,
        "kept": calls,
        "seconds": 0.1,
        "unchecked": {"rounds": "older_format", "answers": "older_format"},
    }
    return Process(**(facts | given))


def _arrays(
    groups: dict[str, tuple[str, ...]], rows: int, calls: int, *, data: bool, score: bool
) -> dict[str, Any]:
    random = np.random.default_rng(7)
    arrays: dict[str, Any] = {
        "latency_ns": (45_000 + random.gamma(2.0, 4_000, calls)).astype(np.int64)
    }
    if not data:
        return arrays
    truth = (random.random(rows) < 0.3).astype(np.int64)
    wrong = random.random(rows) < 0.12
    answer = np.where(wrong, 1 - truth, truth)
    arrays |= {"y_true": truth, "y_pred": answer}
    if score:
        positive = np.clip(0.25 + 0.5 * answer + random.normal(0, 0.1, rows), 0.01, 0.99)
        arrays["score"] = np.column_stack([1 - positive, positive])
    for column, names in groups.items():
        codes = random.integers(0, max(len(names), 1), rows)
        arrays[f"group:{column}"] = np.where(random.random(rows) < 0.02, -1, codes).astype(np.int32)
    return arrays
