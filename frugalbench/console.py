"""What a command does once it is parsed: measure, save, judge, tell. It decides nothing either.

Results go to stdout and progress to stderr, so that a pipe gets the result alone.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click
from rich.console import Console

from frugalbench import report, settings, store, worker
from frugalbench.certify import Verdict, judge
from frugalbench.config import Question
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.metrics import MissingGroups, validity
from frugalbench.record import Record
from frugalbench.report import json, text
from frugalbench.report._audited import audited
from frugalbench.report._format import clean

__all__ = [
    "Output",
    "audit",
    "certify",
    "console",
    "drift",
    "invalid",
    "judge_again",
    "run",
    "show",
]


Sign = Callable[[Record, Path, Verdict, Record | None, Question], tuple[Path, str, str]]
"""Signs what was judged; gives the certificate, until when it holds, and what verifies it."""


class Output:
    """Where a command prints: progress on stderr, the result on stdout, or JSON alone."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.shown = not (as_json or quiet)

    def progress(self) -> AbstractContextManager[Callable[[str, float], None]]:
        """A live bar on a terminal, nothing elsewhere."""
        return text.progress(console(stderr=True), shown=self.shown)


def console(*, stderr: bool = False) -> Console:
    """Where to print."""
    # Piped output is as wide as the tables need: a log has no columns to wrap at.
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 120, highlight=False)


def _measure(question: Question, output: Output) -> Record:
    store.check_writable(Path(question.results))
    if output.shown:
        click.echo(_asked(question))
    with output.progress() as progress:
        return worker.run(question.spec, progress)


def _asked(question: Question) -> str:
    spec = question.spec
    data = (
        f"data {spec.data.name or spec.data.path}"
        if spec.data
        else "no data: speed, memory, energy"
    )
    site = (
        f"site {spec.site.name} ({spec.site.country})" if spec.site else "no site: no carbon, water"
    )
    model = spec.model.name or spec.model.path
    return f"model {model} · {data} · target {spec.target.name} · plan {spec.plan.name} · {site}"


def run(question: Question, output: Output) -> int:
    """Measure, save, show every metric; returns the exit code.

    Raises:
        FrugalbenchError: as `worker.run` and `store.save`, or the measurement failed.
    """
    record = _measure(question, output)
    folder = store.save(record, Path(question.results))
    _refuse_failed(record, folder)
    if output.as_json:
        click.echo(report.render("json", record, None))
    elif output.shown:
        screen = console()
        screen.print(text.header(record))
        screen.print(text.measures_table(record))
        click.echo(f"record  {folder}\nnext    frugalbench certify {folder}")
    elif output.quiet:
        click.echo(folder)
    return 0


def certify(
    question: Question,
    output: Output,
    reference: Path | None = None,
    sign: Sign | None = None,
) -> int:
    """Measure, judge, save with reports, show the verdict; returns the exit code.

    Rules on drift compare with the record at `reference`. `sign` signs a certificate, which is kept
    beside the record.

    Raises:
        FrugalbenchError: as `worker.run` and `store.save`, or the measurement failed.
    """
    earlier = _reference(reference)
    record = _measure(question, output)
    verdict = judge(record, question.policy, earlier)
    folder = store.save(record, Path(question.results))
    # The record is safe before anything is drawn from it.
    for name, text_of in _reports(record, verdict).items():
        store.write_whole(folder / name, text_of)
    _refuse_failed(record, folder)
    signed, until, step = None, "", f"frugalbench show {folder}"
    if sign is not None:
        signed, until, step = sign(record, folder, verdict, earlier, question)
    _tell(record, verdict, output, folder, signed)
    if output.shown:
        click.echo(f"record  {folder}\nreport  {folder / 'report.html'}")
        if signed is not None:
            click.echo(f"certificate  {signed}, until {until}")
        click.echo(f"next    {step}")
    return verdict.exit_code


def _refuse_failed(record: Record, folder: Path) -> None:
    if record.failure is not None:
        raise MeasurementError(f"{record.failure.detail} (attempt kept in {folder})")


def _reports(record: Record, verdict: Verdict) -> dict[str, str]:

    names = {"markdown": "report.md", "html": "report.html", "json": "report.json"}
    return {name: report.render(kind, record, verdict) for kind, name in names.items()}


def _reference(path: Path | None) -> Record | None:
    if path is None:
        return None
    record = store.load(path)
    _refuse_failed(record, path)
    return record


def judge_again(path: Path, policy: str, output: Output, reference: Path | None = None) -> int:
    """Judge a stored record by a policy, a name or a file; returns the exit code.

    Raises:
        FrugalbenchError: no such record or policy, or the record is of a failed measurement.
    """
    judged_by = settings.load_policy(policy)
    record = store.load(path)
    _refuse_failed(record, path)
    verdict = judge(record, judged_by, _reference(reference))
    _tell(record, verdict, output, path)
    return verdict.exit_code


def show(
    path: Path,
    policy: str | None,
    format_: str | None,
    lang: str,
    only: str | None,
    *,
    as_json: bool,
) -> None:
    """Show a stored record, judged by a policy where one is given: on the terminal or as a report.

    Raises:
        FrugalbenchError: no such record, policy, format or family, or two of them do not go
            together.
    """
    stored = store.load(path)
    verdict = judge(stored, settings.load_policy(policy)) if policy else None
    if as_json and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} are two things: choose one")
    if lang != "en" and not format_:
        raise UsageError("--lang is for reports: add --format markdown or --format html")
    if only is not None and (as_json or format_):
        raise UsageError("--only is for the terminal: a report holds every family")
    if as_json or format_:
        click.echo(
            report.render(format_ or "json", stored, verdict, lang="fr" if lang == "fr" else "en")
        )
        return
    screen = console()
    families = [name.strip() for name in only.split(",")] if only is not None else []
    measures = text.measures_table(stored, verdict, families)
    if not families:
        screen.print(text.header(stored))
    screen.print(measures)
    if verdict is not None:
        screen.print(text.verdict_table(stored, verdict))


def drift(before: Path, after: Path, policy: str, output: Output) -> int:
    """Judge a record against an earlier one of the same samples; returns the exit code.

    Raises:
        FrugalbenchError: no such record or policy, or one is of a failed measurement.
    """
    judged_by = settings.load_policy(policy)
    earlier, later = store.load(before), store.load(after)
    _refuse_failed(earlier, before)
    _refuse_failed(later, after)
    verdict = judge(later, judged_by, earlier)
    if output.as_json:
        click.echo(json.render(later, verdict, reference=earlier))
    elif output.shown:
        screen = console()
        screen.print(text.compared(earlier, later))
        screen.print(text.drift_table(earlier, later))
        screen.print(text.verdict_table(later, verdict))
    elif output.quiet:
        click.echo(f"{text.verdict_line(verdict)}: {after} after {before}")
    return verdict.exit_code


def audit(
    table: Path,
    label: str,
    answer: str,
    groups: tuple[str, ...],
    positive: str | None,
    missing: MissingGroups,
    margin: float | None,
    *,
    as_json: bool,
) -> None:
    """Count a table of answers by groups and show how far they lie apart.

    Raises:
        UsageError: as `audit.audit`, or the margin is no difference of two shares.
    """
    import msgspec

    from frugalbench.audit import audit as count

    if margin is not None and not 0 <= margin < 1:
        raise UsageError(f"--margin {margin:g} is no difference of two shares: give 0.1, say")
    counts = count(
        table, label=label, answer=answer, groups=groups, positive=positive, missing=missing
    )
    found = audited(counts, margin)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    console().print(text.audit_tables(found))


def _tell(
    record: Record, verdict: Verdict, output: Output, folder: Path, signed: Path | None = None
) -> None:
    if output.as_json:
        click.echo(report.render("json", record, verdict))
        if signed is not None:
            click.echo(f"certificate {signed}", err=True)
    elif output.shown:
        screen = console()
        screen.print(text.header(record))
        screen.print(text.verdict_table(record, verdict))
    elif output.quiet:
        where = folder if signed is None else f"{folder}, certificate {signed}"
        click.echo(f"{text.verdict_line(verdict)}{invalid(record)}: {where}")


def invalid(record: Record) -> str:
    """Why a run is INVALID, as the end of a line; nothing where it is valid."""
    return "".join(f"; the run is INVALID: {clean(one.detail)}" for one in validity.flaws(record))
