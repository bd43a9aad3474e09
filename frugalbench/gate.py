"""The gate of a pipeline: measure or take a record, judge, compare, write every report, one code.

Whatever happens, no report of an earlier run is left for a pipeline to read: each file is replaced
at the start by one that says that the gate has not finished, and at the end by what it found.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from frugalbench import report, store
from frugalbench.anchors import Anchors
from frugalbench.certify import Policy, judge
from frugalbench.errors import FrugalbenchError, MeasurementError, StoreError, UsageError
from frugalbench.record import Record
from frugalbench.regress import Family, regress
from frugalbench.report import annotations, json, junit, markdown, sarif, summary
from frugalbench.report._disclosed import hides_cells
from frugalbench.report._gated import Gated
from frugalbench.report._gated_line import said_otherwise

__all__ = [
    "ACTIONS",
    "STEP_SUMMARY",
    "Files",
    "Gated",
    "begin",
    "disowned",
    "end",
    "judged",
    "measured",
    "refused",
    "saved",
    "stored",
    "telling",
]

UNFINISHED = "the gate has not finished: it was stopped, or its machine was"
STEP_SUMMARY, ACTIONS = "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"
SAVED = {"markdown": "report.md", "html": "report.html", "json": "report.json"}


@dataclass(frozen=True, slots=True)
class Files:
    """The reports that were asked for, each with where it goes; None for those that were not.

    `step` is the step summary of a GitHub job, which is added to and never replaced.
    """

    junit: Path | None = None
    sarif: Path | None = None
    summary: Path | None = None
    markdown: Path | None = None
    json: Path | None = None
    step: Path | None = None

    def named(self) -> dict[str, Path]:
        """The files that are written whole, by format."""
        kinds = ("junit", "sarif", "summary", "markdown", "json")
        return {kind: path for kind in kinds if (path := getattr(self, kind)) is not None}


def begin(files: Files, anchors: Anchors, inputs: Iterable[Path]) -> None:
    """Replace what an earlier run left, so that no old green report is read as this one's.

    Raises:
        UsageError: two reports go to one file, or one to a file that is read here.
        StoreError: a report cannot be written.
    """
    for why in _clashes(files, inputs).values():
        raise UsageError(why)
    _write(files, Gated(error=UNFINISHED, policy_file=anchors.file))


def _clashes(files: Files, inputs: Iterable[Path]) -> dict[str, str]:
    """Why a report is not written where it should go, by its format."""
    seen: dict[Path, str] = {}
    taken = {path.resolve() for path in inputs}
    found = {}
    for kind, path in files.named().items():
        where = path.resolve()
        if where in taken or path.name in (store.RECORD, store.ARRAYS):
            found[kind] = f"--{kind} {path} would replace what is read: choose another file"
        elif where in seen:
            found[kind] = f"--{kind} and --{seen[where]} name one file: give each its own"
        else:
            seen[where] = kind
    return found


def disowned(
    asked: Iterable[tuple[str, Path]], error: FrugalbenchError, inputs: Iterable[Path]
) -> None:
    """Let each report of a command line that makes no sense say so, whatever it held before.

    Args:
        asked: the formats and files that were asked for, a format more than once perhaps.
        error: what is wrong.
        inputs: what else the command line names, which is never written.
    """
    told = refused(error, Anchors())
    others = tuple(inputs)
    for kind, path in asked:
        files = Files(**{kind: path})
        if not _clashes(files, others):
            with contextlib.suppress(StoreError):
                _write(files, told)


def end(files: Files, gated: Gated, environment: Mapping[str, str] = os.environ) -> str:
    """Write every report that was asked for; returns what to print for GitHub, or nothing.

    Raises:
        StoreError: a report cannot be written; the others are.
    """
    failed: StoreError | None = None
    try:
        _write(files, gated)
    except StoreError as error:
        failed = error
    if files.step is not None:
        try:
            _append(files.step, gated)
        except StoreError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return annotations.whole(gated) if environment.get(ACTIONS) == "true" else ""


def _write(files: Files, gated: Gated) -> None:
    failed: StoreError | None = None
    for kind, path in files.named().items():
        try:
            text = _text(kind, gated)
            if text is None:
                path.unlink(missing_ok=True)
            else:
                store.write_whole(path, text)
        except OSError as error:
            failed = failed or StoreError(
                f"{path} cannot be replaced: {error.strerror}; choose another place"
            )
        except StoreError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _text(kind: str, gated: Gated) -> str | None:
    """One report; None for JSON where there is nothing that its schema could hold."""
    if kind == "junit":
        return junit.whole(gated)
    if kind == "sarif":
        return sarif.whole(gated)
    if kind == "summary":
        return summary.whole(gated)
    record, verdict = gated.record, gated.verdict
    if kind == "json":
        if record is None:
            return None
        return json.render(
            record,
            verdict,
            regressions=gated.regressions,
            allow_uncompared=gated.allow_uncompared,
            for_others=True,
        )
    # The whole report shows every group; where one is too small for that, the summary is told.
    if record is None or gated.why or hides_cells(record, verdict):
        return summary.whole(gated)
    told = markdown.render(record, verdict)
    if gated.regressions is None:
        return told
    first = f"{summary.gate_word(gated)}\n\n" if said_otherwise(gated) else ""
    return f"{first}{told}\n{summary.compared(gated.regressions)}"


def _append(file: Path, gated: Gated) -> None:
    """Add to the step's summary what still fits in it."""
    try:
        held = file.stat().st_size if file.exists() else 0
        text = summary.whole(gated, limit=max(summary.LIMIT - held, 0))
        if held + len(text.encode("utf-8", "replace")) > summary.LIMIT:
            return
        with file.open("ab") as stream:
            stream.write(text.encode("utf-8", "replace"))
    except OSError as error:
        raise StoreError(
            f"the step summary {file} cannot be written: {error.strerror}; give --summary FILE"
        ) from None


def measured(measure: Callable[[], Record], results: Path) -> tuple[Record, Path, float]:
    """Measure and keep the record; returns it, its folder, and how long measuring took, s.

    Raises:
        FrugalbenchError: as `worker.run` and `store.save`.
    """
    store.check_writable(results)
    start = time.monotonic()
    record = measure()
    seconds = time.monotonic() - start
    return record, store.save(record, results), seconds


def saved(gated: Gated, folder: Path) -> None:
    """Put the usual reports beside a record that was measured now.

    Raises:
        StoreError: one cannot be written.
    """
    assert gated.record is not None, "what was measured is a record"
    for kind, name in SAVED.items():
        store.write_whole(folder / name, report.render(kind, gated.record, gated.verdict))


def stored(path: Path | None) -> Record | None:
    """A record that is compared with or judged, which must hold a run.

    Raises:
        FrugalbenchError: there is none, it is damaged, or its measurement failed.
    """
    if path is None:
        return None
    record = store.load(path)
    if record.failure is not None:
        raise MeasurementError(f"{record.failure.detail} (attempt kept in {path})")
    return record


def judged(
    record: Record,
    policy: Policy,
    *,
    anchors: Anchors,
    reference: Record | None = None,
    baseline: Record | None = None,
    limits: Mapping[Family, float] | None = None,
    allow_uncompared: bool = False,
    seconds: float | None = None,
) -> Gated:
    """Judge a record by a policy and hold it against an earlier one. Pure.

    Args:
        record: what was observed.
        policy: what is asked of it.
        anchors: where the policy's rules stand.
        reference: the record that rules on drift compare with.
        baseline: the record it must not have regressed from.
        limits: the smallest changes that matter, as `regress.smallest` gives them.
        allow_uncompared: whether what cannot be compared with the baseline is accepted.
        seconds: how long measuring took, where it was measured now.
    """
    compared = None
    if baseline is not None:
        compared = regress(record, baseline, limits) if limits else regress(record, baseline)
    return Gated(
        record=record,
        verdict=judge(record, policy, reference),
        regressions=compared,
        policy_file=anchors.file,
        lines=anchors.lines,
        seconds=seconds,
        allow_uncompared=allow_uncompared,
    )


def refused(error: FrugalbenchError, anchors: Anchors, known: Gated | None = None) -> Gated:
    """What is told of a gate that ended in an error; `known` is how far it came."""
    told = known or Gated(policy_file=anchors.file, lines=anchors.lines)
    return replace(
        told, verdict=None, regressions=None, error=str(error), error_code=error.exit_code
    )


@contextlib.contextmanager
def telling(
    files: Files,
    anchors: Anchors,
    inputs: Iterable[Path],
    known: Sequence[Gated],
    say: Callable[[str], None],
) -> Iterator[None]:
    """Begin, and let no error pass before every report that can be written says so.

    Args:
        files: the reports that are asked for.
        anchors: the policy's file.
        inputs: files that are read, and so are never written.
        known: what was found before an error, once there is something.
        say: prints what GitHub reads.

    Raises:
        FrugalbenchError: as `begin`, or what was raised inside.
    """
    try:
        begin(files, anchors, inputs)
        yield
    except FrugalbenchError as error:
        # Where two reports go to one file, the first says so; what is read stays as it is.
        kept = replace(files, **dict.fromkeys(_clashes(files, inputs)))
        with contextlib.suppress(StoreError):
            say(end(kept, refused(error, anchors, known[0] if known else None)))
        raise
