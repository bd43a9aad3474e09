"""The command line: parse, call, print, exit. It decides nothing.

Heavy packages are imported inside the command that needs them, so that `--help` answers at once.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import frugalbench
from frugalbench.errors import FrugalbenchError, MeasurementError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from frugalbench.certify import Policy, Verdict
    from frugalbench.config import Question
    from frugalbench.record import Record

__all__ = ["main"]

HYDRA_WORDS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
INTERRUPTED = 130


class Commands(click.Group):
    """A group whose commands turn errors into one line on stderr and the right exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command; never show a traceback for a refusal or an interruption."""
        try:
            return super().invoke(context)
        except FrugalbenchError as error:
            context.exit(_refuse(error))
        except KeyboardInterrupt:
            click.echo("frugalbench: interrupted; nothing was saved", err=True)
            context.exit(INTERRUPTED)
        except BrokenPipeError:
            sys.stderr.close()
            context.exit(0)


def _refuse(error: FrugalbenchError) -> int:
    """One line on stderr; returns the exit code."""
    click.echo(f"frugalbench: {' '.join(str(error).split())}", err=True)
    return error.exit_code


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(frugalbench.__version__, message="frugalbench %(version)s")
def main() -> None:
    """Measure an AI model, judge it by a policy, and keep the evidence.

    \b
    Examples:
      frugalbench certify                          the demonstration model, in France
      frugalbench certify model=./mine.onnx data=./mine.csv data.label=y site=fr
      frugalbench doctor                           what can be measured here
    """


@main.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RECORD] [KEY=VALUE]...")
@click.option("--policy", metavar="P", help="Judge RECORD by this policy (a name or a file).")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON, and only that.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def certify(words: tuple[str, ...], policy: str | None, as_json: bool, quiet: bool) -> None:
    """Measure a model and judge it by a policy, or judge a stored record again.

    KEY=VALUE are Hydra overrides (groups: model, data, target, plan, site, policy); a file path
    works for model, data and policy. `-m` sweeps, `--cfg job` shows the configuration,
    `--info` explains it. Without a model, the demonstration is certified.

    \b
    Exit codes: 0 pass, 1 fail, 2 usage error, 3 not enough evidence, 4 could not measure.

    \b
    Examples:
      frugalbench certify
      frugalbench certify model=./mine.onnx data=./mine.parquet data.label=y \\
          'data.groups=[sex,age_band]' site=fr
      frugalbench certify -m model=nhanes-mlp,nhanes-mlp-int8 plan=quick
      frugalbench certify results/RECORD --policy ./mine.yaml
    """
    output = _Output(as_json=as_json, quiet=quiet)
    stored = [word for word in words if "=" not in word and Path(word).exists()]
    if stored:
        if len(words) > 1:
            raise UsageError("a stored record takes no KEY=VALUE: it cannot be measured again")
        sys.exit(_judge_again(Path(stored[0]), policy or "frugal-and-trustworthy", output))
    if policy is not None:
        words = (*words, f"policy={policy}")
    from frugalbench import config

    sys.exit(config.launch(words, lambda question: _certify(question, output), _refuse))


@main.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print every metric as JSON, and only that.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def run(words: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Measure a model and save the record, without judging it.

    \b
    Examples:
      frugalbench run model=adult-mlp plan=standard
      frugalbench run model=./mine.onnx target.threads=2
      frugalbench run -m model=german-mlp,german-mlp-int8 target.threads=1,2
    """
    from frugalbench import config

    output = _Output(as_json=as_json, quiet=quiet)
    sys.exit(config.launch(words, lambda question: _run(question, output), _refuse))


@main.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every metric as JSON.")
@click.option("--format", "format_", metavar="F", help="Print a report: markdown, html or json.")
@click.option("--policy", metavar="P", help="Judge by this policy in the report.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Report language.")
def show(record: Path, as_json: bool, format_: str | None, policy: str | None, lang: str) -> None:
    """Show every metric of a stored record, with its interval or the reason it is missing.

    \b
    Examples:
      frugalbench show results/RECORD
      frugalbench show results/RECORD --json
      frugalbench show results/RECORD --format markdown --lang fr
    """
    from frugalbench import report, settings, store
    from frugalbench.certify import judge

    stored = store.load(record)
    verdict = judge(stored, settings.load_policy(policy)) if policy else None
    if as_json or format_:
        click.echo(
            report.render(format_ or "json", stored, verdict, lang="fr" if lang == "fr" else "en")
        )
        return
    from frugalbench.report import text

    console = _console()
    console.print(text.header(stored))
    console.print(text.measures_table(stored))
    if verdict is not None:
        console.print(text.verdict_table(stored, verdict))


@main.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def compare(a: Path, b: Path, as_json: bool) -> None:
    """Put two records side by side; say which is better only where the intervals are apart.

    \b
    Example:
      frugalbench compare results/RECORD_A results/RECORD_B
    """
    import msgspec

    from frugalbench import store
    from frugalbench.compare import compare as compare_records
    from frugalbench.report import text

    rows = compare_records(store.load(a), store.load(b))
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    _console().print(text.comparison_table(rows))


@main.command()
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"))
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(results: Path, as_json: bool) -> None:
    """Say what can be measured on this machine, and what would unlock the rest.

    \b
    Example:
      frugalbench doctor
    """
    import msgspec

    from frugalbench.doctor import examine
    from frugalbench.report import text

    checks = examine(results)
    if as_json:
        click.echo(msgspec.json.encode(checks).decode())
        return
    _console().print(text.checks_table(checks))


@main.command()
def schema() -> None:
    """Print the JSON Schema of the JSON report.

    \b
    Example:
      frugalbench schema > report.schema.json
    """
    import json

    from frugalbench.report import json as json_report

    click.echo(json.dumps(json_report.schema(), indent=2, sort_keys=True))


class _Output:
    """Where a command prints: progress on stderr, the result on stdout, or JSON alone."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.shown = not (as_json or quiet)

    def progress(self) -> "AbstractContextManager[Callable[[str, float], None]]":
        """A live bar on a terminal, nothing elsewhere."""
        from frugalbench.report import text

        return text.progress(_console(stderr=True), shown=self.shown)


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    # Piped output is as wide as the tables need: a log has no columns to wrap at.
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 120, highlight=False)


def _measure(question: "Question", output: _Output) -> "Record":
    from frugalbench import store, worker

    store.check_writable(Path(question.results))
    if output.shown:
        click.echo(_asked(question))
    with output.progress() as progress:
        return worker.run(question.spec, progress)


def _asked(question: "Question") -> str:
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


def _run(question: "Question", output: _Output) -> int:
    from frugalbench import report, store
    from frugalbench.report import text

    record = _measure(question, output)
    folder = store.save(record, Path(question.results))
    _refuse_failed(record, folder)
    if output.as_json:
        click.echo(report.render("json", record, None))
    elif output.shown:
        console = _console()
        console.print(text.header(record))
        console.print(text.measures_table(record))
        click.echo(f"record  {folder}\nnext    frugalbench certify {folder}")
    return 0


def _certify(question: "Question", output: _Output) -> int:
    from frugalbench import store
    from frugalbench.certify import judge

    record = _measure(question, output)
    verdict = judge(record, question.policy)
    folder = store.save(record, Path(question.results), _reports(record, verdict))
    _refuse_failed(record, folder)
    _tell(record, verdict, output)
    if output.shown:
        click.echo(
            f"record  {folder}\nreport  {folder / 'report.html'}\nnext    frugalbench show {folder}"
        )
    return verdict.exit_code


def _refuse_failed(record: "Record", folder: Path) -> None:
    if record.failure is not None:
        raise MeasurementError(f"{record.failure.detail} (attempt kept in {folder})")


def _reports(record: "Record", verdict: "Verdict") -> dict[str, str]:
    from frugalbench import report

    names = {"markdown": "report.md", "html": "report.html", "json": "report.json"}
    return {name: report.render(kind, record, verdict) for kind, name in names.items()}


def _judge_again(path: Path, policy: str, output: _Output) -> int:
    from frugalbench import settings, store
    from frugalbench.certify import judge

    judged_by: Policy = settings.load_policy(policy)
    record = store.load(path)
    _refuse_failed(record, path)
    verdict = judge(record, judged_by)
    _tell(record, verdict, output)
    return verdict.exit_code


def _tell(record: "Record", verdict: "Verdict", output: _Output) -> None:
    import msgspec

    from frugalbench.report import text

    if output.as_json:
        click.echo(msgspec.json.encode(verdict).decode())
    elif output.shown:
        console = _console()
        console.print(text.header(record))
        console.print(text.verdict_table(record, verdict))
