"""Log a record and its verdict to an MLflow tracking server, and to nothing else.

What is logged are aggregates: measures with their intervals, settings, digests, the verdict and
reports. No row and no answer to a person leaves the machine, and no number that rests on a few
people. Needs `pip install mlflow-skinny`.
"""

import hashlib
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from frugalbench import report
from frugalbench.certify import Verdict
from frugalbench.errors import StoreError, UsageError
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.report._disclosed import hides_cells, named, shareable
from frugalbench.report._facts import energy_method
from frugalbench.report._format import clean
from frugalbench.report._view import Line, check_same
from frugalbench.values import Value

__all__ = ["Logged", "log", "logged"]

EXPERIMENT = "frugalbench"
ALWAYS = {"modelcard": "model-card.md", "cyclonedx": "bom.cdx.json"}
WHOLE = {"json": "report.json", "html": "report.html", "markdown": "report.md"}
"""Reports show every group, however small; the first two withhold those of a few people."""

MOST_METRICS, MOST_PARAMS, MOST_KEY, MOST_TEXT = 1000, 100, 250, 5000
"""What a server takes in one request (metrics, parameters or tags), in a key and in a value."""
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}


@dataclass(frozen=True, slots=True)
class Logged:
    """What a run of MLflow is told: numbers, settings and tags by name, and texts by file name."""

    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]
    texts: dict[str, str]


def logged(record: Record, verdict: Verdict | None = None, *, every_group: bool = False) -> Logged:
    """What would be logged of a record; sends nothing.

    Args:
        record: what was observed.
        verdict: its judgement, or None.
        every_group: whether reports are among the texts though they show groups of few people.

    Raises:
        UsageError: the verdict is about another record.
    """
    check_same(record, verdict)
    whole = every_group or not hides_cells(record, verdict)
    tags = _tags(record, verdict)
    tags["frugalbench.reports"] = "whole" if whole else "withheld: they show groups of few people"
    kinds = ALWAYS | (WHOLE if whole else {})
    texts = {file: report.render(kind, record, verdict) for kind, file in kinds.items()}
    return Logged(dict(_metrics(record, verdict)), _params(record), tags, texts)


def log(
    record: Record,
    verdict: Verdict | None = None,
    *,
    uri: str,
    experiment: str = EXPERIMENT,
    every_group: bool = False,
) -> str:
    """Log a record to a tracking server as a new run.

    Args:
        record: what was observed.
        verdict: its judgement, or None.
        uri: the server, `http://…` or `https://…`.
        experiment: the experiment the run is in; made where there is none of this name.
        every_group: as in `logged`.

    Returns:
        The id of the run.

    Raises:
        UsageError: MLflow is not installed, the address is no server's, the experiment has no
            name, or the verdict is about another record.
        StoreError: the server cannot be reached or refuses the record.
    """
    if not re.fullmatch(r"https?://[^/\s]+\S*", uri):
        raise UsageError("that is no tracking server: give its address, as http://127.0.0.1:5000")
    experiment = clean(experiment)
    if not experiment:
        raise UsageError("the experiment has no name: give --experiment NAME")
    told = logged(record, verdict, every_group=every_group)
    client, failures = _client(uri)
    try:
        return _send(client, told, experiment, _milliseconds(record.created), named(record))
    except failures as error:
        # An address may hold a password, and a client repeats the address in its errors.
        lines = str(error).splitlines() or [type(error).__name__]
        cause = re.sub(r"//[^/\s@]*@", "//", lines[0])[:300]
        raise StoreError(f"the tracking server did not take the record: {cause}") from None


def _client(uri: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """A client of the server, and what it raises when something is wrong there."""
    # Read when MLflow is imported, or when it first asks: nothing is sent to anyone but the server,
    # and one that does not answer ends the command.
    os.environ.update(QUIET)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise UsageError("MLflow is not installed: pip install mlflow-skinny") from None
    return MlflowClient(tracking_uri=uri), (MlflowException, ImportError, OSError, ValueError)


def _send(client: Any, told: Logged, experiment: str, when: int, name: str) -> str:
    from mlflow.entities import Metric, Param, RunTag

    held = client.get_experiment_by_name(experiment)
    known = held.experiment_id if held is not None else client.create_experiment(experiment)
    run = client.create_run(known, start_time=when, run_name=name)
    key: str = run.info.run_id
    try:
        # A server that does not take files names a folder of its own, which is not here.
        if re.match(r"(?!file:)[a-z][a-z0-9+.-]+://?", run.info.artifact_uri) is None:
            raise ValueError("it takes no files: start it with --serve-artifacts")
        metrics = [Metric(name, value, when, 0) for name, value in told.metrics.items()]
        params = [Param(name, value) for name, value in told.params.items()]
        tags = [RunTag(name, value) for name, value in told.tags.items()]
        client.log_batch(key, params=params[:MOST_PARAMS], tags=tags[:MOST_PARAMS])
        for at in range(0, len(metrics), MOST_METRICS):
            client.log_batch(key, metrics=metrics[at : at + MOST_METRICS])
        for file, text in told.texts.items():
            client.log_text(key, text, file)
    except Exception:
        # Whatever it was, the run must not look alive on the server; the error goes on.
        with suppress(Exception):
            client.set_terminated(key, status="FAILED")
        raise
    client.set_terminated(key)
    return key


def _milliseconds(created: str) -> int:
    """When a record was made, milliseconds since 1970; now where it does not say."""
    try:
        return max(0, int(datetime.fromisoformat(created).timestamp() * 1000))
    except (ValueError, OverflowError):
        return int(time.time() * 1000)


def _metrics(record: Record, verdict: Verdict | None) -> Iterator[tuple[str, float]]:
    """Every number that may be shown, and both of its ends; what is not finite is not logged."""
    seen: set[str] = set()
    for line in shareable(record, verdict):
        if not isinstance(line.measure, Value):
            continue
        name = _key(line)
        while name in seen:
            name += "_"
        seen.add(name)
        value = line.measure
        for end, x in (("", value.estimate), ("/low", value.low), ("/high", value.high)):
            if math.isfinite(x):
                yield name + end, float(x)


def _key(line: Line) -> str:
    """A name that MLflow takes: `fairness.tpr[sex=F]` is `fairness.tpr/sex/F`."""
    scope = line.scope
    order = ("attribute", "probe", "feature", "baseline", "group")
    parts = [line.name, *(scope[key] for key in order if key in scope)]
    name = "/".join(map(_part, parts))
    most = MOST_KEY - 30
    if len(name) > most:
        # A name that is cut stays apart from others that begin alike.
        name = f"{name[: most - 20].rstrip('/. ')}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name


def _part(text: str) -> str:
    """One part of a key: letters, digits and a few marks, and never a step up in a path."""
    kept = re.sub(r"[^\w. -]", "_", clean(text))
    return kept if kept.strip(". ") else "_"


def _params(record: Record) -> dict[str, str]:
    """What was measured, on what, how: settings and digests, without a path of this machine."""
    spec, data, site = record.spec, record.data, record.spec.site
    rows: dict[str, Any] = {
        "model": named(record),
        "model_sha256": record.model.sha256,
        "precision": spec.model.precision,
        "data": data and data.name,
        "data_sha256": data and data.sha256,
        "rows": data and data.rows,
        "target": spec.target.name,
        "provider": spec.target.provider,
        "threads": spec.target.threads,
        "plan": spec.plan.name,
        "scenario": spec.plan.scenario,
        "batch": spec.plan.batch,
        "seed": spec.plan.seed,
        "site": site and site.name,
        "country": site and site.country,
        "cpu": record.host.cpu,
        "energy_method": energy_method(record),
    }
    return {name: clean(str(value), MOST_TEXT) for name, value in rows.items() if value is not None}


def _tags(record: Record, verdict: Verdict | None) -> dict[str, str]:
    flaws = [flaw.code for flaw in validity.flaws(record)]
    rows = {
        "record": record.id,
        "version": record.version,
        "verdict": verdict.overall if verdict is not None else "not judged",
        "policy": verdict.policy if verdict is not None else "",
        "policy_version": verdict.policy_version if verdict is not None else "",
        "policy_sha256": verdict.policy_sha256 if verdict is not None else "",
        "invalid": ", ".join(flaws) if flaws else "no",
        "disturbed": "yes" if validity.disturbances(record) else "no",
    }
    return {f"frugalbench.{name}": clean(value, MOST_TEXT) for name, value in rows.items() if value}
