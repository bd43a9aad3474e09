"""What one process saw, as the record has it."""

import sys
from pathlib import Path
from typing import Literal, cast

from frugalbench import host, runners
from frugalbench.bench._checks import Watch
from frugalbench.bench._open import Opened
from frugalbench.bench._queries import Queries
from frugalbench.bench._timed import Timed
from frugalbench.jobs import Job
from frugalbench.record import Check, Excuse, Memory, Process, Run, Warmup, Window

__all__ = ["process_seen", "run_seen", "unchecked"]


def process_seen(
    job: Job,
    opened: Opened,
    warm: Warmup,
    timed: Timed,
    watch: Watch,
    memory: Memory | None,
    unchecked: dict[Check, Excuse],
) -> Process:
    return Process(
        order=job.spec.plan.seed + job.process,
        import_seconds=opened.import_ns * 1e-9,
        load_seconds=opened.load_ns * 1e-9,
        first_call_seconds=opened.first_call_ns * 1e-9,
        cold_start_seconds=None if opened.cold_ns is None else opened.cold_ns * 1e-9,
        warmup=warm,
        memory=memory,
        queries=timed.tape.total,
        kept=len(timed.tape.kept),
        seconds=timed.seconds,
        unserved=timed.unserved,
        noise=timed.noise,
        answered=watch.answered(),
        unchecked=unchecked,
        gpus=timed.gpus,
    )


def unchecked(job: Job, queries: Queries, watch: Watch, *, rounds: bool) -> dict[Check, Excuse]:
    """Why checks were not made; `rounds` says that those were."""
    found: dict[Check, Excuse] = {}
    if job.process == 0 and not rounds:
        found["rounds"] = "no_time"
        if len(queries.places) < 2:
            found["rounds"] = "one_sample"
        if job.spec.plan.scenario == "offline":
            found["rounds"] = "offline"
    if watch.answered() is None:
        found["answers"] = "no_time"
        if 0 < job.rows < queries.samples:
            found["answers"] = "few_rows"
        if not job.watched:
            found["answers"] = "no_output"
    return found


NEEDED = ("numpy", "msgspec", "onnxruntime", "torch")
"""Packages that are on storage wherever a model runs; those that are loaded are counted."""


def _installed() -> dict[str, int]:
    """Bytes on storage of each package that this process has loaded to measure."""
    found = {}
    for name in NEEDED:
        place = getattr(sys.modules.get(name), "__file__", None)
        if place:
            found[name] = host.installed_bytes(Path(place).parent)
    return found


def run_seen(
    job: Job,
    session: runners.Session,
    queries: Queries,
    seen: tuple[Process, list[Window]],
    notes: tuple[str, ...],
) -> Run:
    process, windows = seen
    return Run(
        runner=job.spec.model.runner,
        provider=session.provider,
        inputs=cast(Literal["data", "generated"], job.inputs),
        io_binding=session.bound,
        batch=queries.batch,
        samples=queries.samples,
        inputs_used=max(len(queries.places), queries.samples),
        processes=(process,),
        windows=tuple(windows),
        # Once is enough: the others run where the first one did.
        installed=_installed() if job.process == 0 else {},
        placement=getattr(session, "placement", ()),
        provider_options=getattr(session, "provider_options", {}),
        notes=(*getattr(session, "notes", ()), *notes),
    )
