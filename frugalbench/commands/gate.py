"""`frugalbench gate`."""

import contextlib
import os
import sys
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import click

from frugalbench.commands._words import HYDRA_WORDS, policy_named
from frugalbench.commands.certify import _is_stored
from frugalbench.errors import FrugalbenchError, MeasurementError, UsageError

__all__ = ["gate"]

OTHERS = f"{__name__}.others"
REPORTS = ("junit", "sarif", "summary", "markdown", "json")


class _Told(click.Command):
    """A command whose reports say so even when its options cannot be read."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; when that fails, tell the reports that were asked for."""
        asked, others = _asked(args)
        ctx.meta[OTHERS] = others
        try:
            if why := self._misread(args):
                raise UsageError(why)
            return super().parse_args(ctx, list(args))
        except click.UsageError as error:
            _tell_refusal(asked, UsageError(error.format_message()), others)
            raise
        except UsageError as error:
            _tell_refusal(asked, error, others)
            raise
        except click.exceptions.Exit:
            # Help was asked for: no gate stood, whatever the reports of an earlier one say.
            _tell_refusal(asked, UsageError("help was printed, and nothing was judged"), others)
            raise

    def _misread(self, args: list[str]) -> str:
        """Why what is given to an option is surely not what was meant, or nothing.

        An empty variable of a shell leaves an option that takes the next one for its value.
        """
        options = [one for one in self.params if isinstance(one, click.Option) and not one.is_flag]
        takes = {name for one in options for name in one.opts}
        seen: set[str] = set()
        for at, word in enumerate(args):
            name, given, value = word.partition("=")
            if word == "--" and _asked(args[at:])[0]:
                return "reports are asked for after --, where no option is read: leave the -- out"
            if name not in takes:
                continue
            after = args[at + 1] if at + 1 < len(args) else None
            if not given and after is not None and after.startswith("--"):
                return f"{name} has no value, and is followed by {after}: give it one"
            if (value if given else after) == "":
                return f"{name} has an empty value: give it one, or leave {name} out"
            if name in seen and name.removeprefix("--") in REPORTS:
                return f"{name} is given twice: write one such report"
            seen.add(name)
        return ""


def _asked(args: list[str]) -> tuple[list[tuple[str, Path]], list[Path]]:
    """The reports that a command line asks for, and what else it names, read leniently."""
    found: list[tuple[str, Path]] = []
    others: list[Path] = []
    words = iter(args)
    for word in words:
        name, given, value = word.partition("=")
        if not name.startswith("--"):
            others.append(Path(value if given else word))
        elif name.removeprefix("--") not in REPORTS:
            others.append(Path(value))
        else:
            value = value if given else next(words, "")
            if value.startswith("--"):
                words = chain([value], words)
            elif value:
                found.append((name.removeprefix("--"), Path(value)))
    return found, others


def _tell_refusal(
    asked: list[tuple[str, Path]], error: FrugalbenchError, others: list[Path]
) -> None:
    from frugalbench import gate as gates
    from frugalbench.anchors import Anchors

    gates.disowned(asked, error, others)
    step = _files({}).step if all(kind != "summary" for kind, _ in asked) else None
    with contextlib.suppress(FrugalbenchError):
        _say(gates.end(gates.Files(step=step), gates.refused(error, Anchors())))


def _files(reports: dict[str, Path]) -> Any:
    from frugalbench import gate as gates

    step = os.environ.get(gates.STEP_SUMMARY)
    named = {kind: path for kind, path in reports.items() if path is not None}
    return gates.Files(**named, step=Path(step) if step and "summary" not in named else None)


@click.command(cls=_Told, context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RECORD] [KEY=VALUE]...")
@click.option("--policy", metavar="P", help="Judge by this policy (a name or a file).")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="RECORD",
    help="Fail on a significant regression from this earlier record.",
)
@click.option(
    "--smallest",
    multiple=True,
    metavar="FAMILY=CHANGE",
    help="The smallest regression that matters: latency=0.1, or energy=none to leave it out.",
)
@click.option(
    "--allow-uncompared",
    is_flag=True,
    help="Accept that something cannot be compared with the baseline.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="RECORD",
    help="The earlier record that rules on drift compare with.",
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="JUnit XML.")
@click.option("--sarif", type=click.Path(path_type=Path), metavar="FILE", help="SARIF 2.1.0.")
@click.option(
    "--summary", type=click.Path(path_type=Path), metavar="FILE", help="A step summary, Markdown."
)
@click.option(
    "--markdown", type=click.Path(path_type=Path), metavar="FILE", help="For a merge request."
)
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="For programs.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def gate(words: tuple[str, ...], quiet: bool, **options: Any) -> None:
    """Let a model through, or not: measure it or take RECORD, judge it, write reports.

    KEY=VALUE are the settings of `frugalbench certify`. In a GitHub job the step summary and the
    annotations are written without being asked for.

    \b
    Exit codes: 0 pass, 1 fail or regression, 2 usage error, 3 not enough evidence or not compared,
    4 could not measure or could not write a report.

    \b
    Examples:
      frugalbench gate results/RECORD --policy ./mine.yaml --junit gate.xml --sarif gate.sarif
      frugalbench gate model=./mine.onnx data=./mine.csv data.label=y --baseline results/LAST
      frugalbench gate results/THIS --baseline results/LAST --smallest latency=0.1 --quiet
    """
    from frugalbench import gate as gates
    from frugalbench.anchors import anchors
    from frugalbench.report import annotations

    named = options["policy"] or policy_named(words)
    where = anchors(named)
    files = _files({kind: options[kind] for kind in REPORTS})
    stored = Path(words[0]) if words and _is_stored(words[0]) else None
    read = [*click.get_current_context().meta[OTHERS], *([where.path] if where.path else [])]
    known: list[Any] = []
    say = annotations.unheard(_say) if os.environ.get(gates.ACTIONS) == "true" else _say
    with gates.telling(files, where, read, known, say):
        judge = _judge(where, options)
        if stored is not None:
            found, folder = _again(stored, words, named, judge), stored
        else:
            found, folder = _measured(words, options["policy"], judge, known, quiet=quiet)
        told = gates.end(files, found)
    _print(found, folder, quiet=quiet)
    say(told)
    sys.exit(found.exit_code)


def _say(text: str) -> None:
    click.echo(text, nl=False)


def _judge(where: Any, options: dict[str, Any]) -> Any:
    """What judges a record; everything it needs is read before anything is measured."""
    from frugalbench import gate as gates
    from frugalbench.regress import smallest

    if options["baseline"] is None and (options["smallest"] or options["allow_uncompared"]):
        raise UsageError("--smallest and --allow-uncompared are about --baseline RECORD: add it")
    return partial(
        gates.judged,
        anchors=where,
        reference=gates.stored(options["reference"]),
        baseline=gates.stored(options["baseline"]),
        limits=smallest(options["smallest"]),
        allow_uncompared=options["allow_uncompared"],
    )


def _again(path: Path, words: tuple[str, ...], policy: str, judge: Any) -> Any:
    from frugalbench import gate as gates
    from frugalbench import settings

    if any(not word.startswith("policy=") for word in words[1:]):
        raise UsageError("a stored record takes --policy and nothing else: it is not measured")
    return judge(gates.stored(path), settings.load_policy(policy))


def _measured(
    words: tuple[str, ...], policy: str | None, judge: Any, known: list[Any], *, quiet: bool
) -> tuple[Any, Path]:
    """Measure once, keep the record and its reports, and judge it."""
    from frugalbench import config, console, worker
    from frugalbench import gate as gates
    from frugalbench.overrides import ASKS

    several = ("-m", "--multirun", "hydra.mode=MULTIRUN")
    if asks := [word for word in words if word in several or word.partition("=")[0] in ASKS]:
        raise UsageError(f"{asks[0]} judges nothing or several models: a gate judges one at a time")
    if policy is not None:
        words = (*words, f"policy={policy}")
    errors: list[FrugalbenchError] = []
    done: list[tuple[Any, Path]] = []

    def job(question: config.Question) -> int:
        output = console.Output(as_json=False, quiet=quiet)

        def measure() -> Any:
            with output.progress() as progress:
                return worker.run(question.spec, progress)

        record, folder, seconds = gates.measured(measure, Path(question.results))
        found = judge(record, question.policy, seconds=seconds)
        gates.saved(found, folder)
        known.append(found)
        if record.failure is not None:
            raise MeasurementError(f"{record.failure.detail} (attempt kept in {folder})")
        done.append((found, folder))
        return int(found.exit_code)

    def keep(error: FrugalbenchError) -> int:
        errors.append(error)
        return error.exit_code

    code = config.launch(words, job, keep)
    if errors:
        raise errors[0]
    if not done:
        refused = UsageError if code == 2 else MeasurementError
        raise refused("nothing was measured: see what is said above, and frugalbench gate --help")
    return done[0]


def _print(found: Any, folder: Path, *, quiet: bool) -> None:
    """The verdict, what was compared, and where the record is."""
    from frugalbench import console
    from frugalbench.report import text

    compared = found.regressions
    if quiet:
        worse = ", ".join(one.address for one in compared.of("REGRESSED")) if compared else ""
        since = f"; regressed: {worse}" if worse else ""
        line = text.verdict_line(found.verdict)
        # The gate's own word is another one where something regressed or was not compared.
        first = "" if line.startswith(found.word) else f"{found.word}: "
        click.echo(f"{first}{line}{since}{console.invalid(found.record)}: {folder}")
        return
    screen = console.console()
    screen.print(text.header(found.record))
    screen.print(text.verdict_table(found.record, found.verdict))
    if compared is not None:
        screen.print(text.regressions_table(compared))
    click.echo(f"\ngate    {found.word}\nrecord  {folder}")
