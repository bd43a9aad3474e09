"""The command line: parse, call, print, exit. It decides nothing.

Heavy packages are imported inside the command that needs them, so that `--help` answers at once.
"""

import signal
import sys
from pathlib import Path
from typing import Any

import click

import frugalbench
from frugalbench.errors import FrugalbenchError, UsageError

__all__ = ["main"]

HYDRA_WORDS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
INTERRUPTED, TERMINATED = 130, 143
DEFAULT_POLICY = "frugal-and-trustworthy"


class Terminated(BaseException):
    """SIGTERM: unwinds like an interruption, so that temporary files and workers go."""


def _terminate(number: int, frame: object) -> None:
    raise Terminated


class Commands(click.Group):
    """A group whose commands turn errors into one line on stderr and the right exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command; never show a traceback for a refusal or an interruption."""
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            return super().invoke(context)
        except FrugalbenchError as error:
            context.exit(_refuse(error))
        except KeyboardInterrupt:
            click.echo("frugalbench: interrupted; nothing was saved", err=True)
            context.exit(INTERRUPTED)
        except Terminated:
            click.echo("frugalbench: terminated; nothing was saved", err=True)
            context.exit(TERMINATED)
        except BrokenPipeError:
            sys.stderr.close()
            context.exit(0)
        finally:
            signal.signal(signal.SIGTERM, before)


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
@click.option("--quiet", is_flag=True, help="Print one line only.")
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
    from frugalbench import config, console

    output = console.Output(as_json=as_json, quiet=quiet)
    stored = [word for word in words if "=" not in word and Path(word).exists()]
    if stored:
        others = [word for word in words if word != stored[0]]
        if [word.partition("=")[0] for word in others] == ["policy"]:
            policy = others.pop().partition("=")[2]
        if others:
            raise UsageError("a stored record takes --policy and nothing else: it is not measured")
        sys.exit(console.judge_again(Path(stored[0]), policy or DEFAULT_POLICY, output))
    if policy is not None:
        words = (*words, f"policy={policy}")
    sys.exit(config.launch(words, lambda question: console.certify(question, output), _refuse))


@main.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print every metric as JSON, and only that.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def run(words: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Measure a model and save the record, without judging it.

    \b
    Examples:
      frugalbench run model=adult-mlp plan=standard
      frugalbench run model=./mine.onnx target.threads=2
      frugalbench run -m model=german-mlp,german-mlp-int8 target.threads=1,2
    """
    from frugalbench import config, console

    output = console.Output(as_json=as_json, quiet=quiet)
    sys.exit(config.launch(words, lambda question: console.run(question, output), _refuse))


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
    from frugalbench import console, report, settings, store
    from frugalbench.certify import judge

    stored = store.load(record)
    verdict = judge(stored, settings.load_policy(policy)) if policy else None
    if lang != "en" and not format_:
        raise UsageError("--lang is for reports: add --format markdown or --format html")
    if as_json or format_:
        click.echo(
            report.render(format_ or "json", stored, verdict, lang="fr" if lang == "fr" else "en")
        )
        return
    from frugalbench.report import text

    screen = console.console()
    screen.print(text.header(stored))
    screen.print(text.measures_table(stored))
    if verdict is not None:
        screen.print(text.verdict_table(stored, verdict))


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

    from frugalbench import console, store
    from frugalbench.compare import compare as compare_records
    from frugalbench.report import text

    rows = compare_records(store.load(a), store.load(b))
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    console.console().print(text.comparison_table(rows))


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

    from frugalbench import console
    from frugalbench.doctor import examine
    from frugalbench.report import text

    checks = examine(results)
    if as_json:
        click.echo(msgspec.json.encode(checks).decode())
        return
    console.console().print(text.checks_table(checks))


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
