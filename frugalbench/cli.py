"""The command line: parse, call, print, exit. It decides nothing.

Heavy packages are imported inside the command that needs them, so that `--help` answers at once.
"""

import sys
from pathlib import Path
from typing import Any

import click

import frugalbench
from frugalbench.endings import Commands, refuse
from frugalbench.errors import UsageError

__all__ = ["main"]

HYDRA_WORDS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
DEFAULT_POLICY = "frugal-and-trustworthy"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(frugalbench.__version__, message="frugalbench %(version)s")
def main() -> None:
    """Measure an AI model, judge it by a policy, and keep the evidence.

    \b
    Examples:
      frugalbench certify                          the demonstration model, in France
      frugalbench certify model=./mine.onnx data=./mine.csv data.label=y site=fr
      frugalbench drift results/LAST results/THIS  does it treat some people worse than before?
      frugalbench audit ./answers.csv --label y --answer p --group sex
      frugalbench doctor                           what can be measured here
    """


@main.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RECORD] [KEY=VALUE]...")
@click.option("--policy", metavar="P", help="Judge RECORD by this policy (a name or a file).")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="RECORD",
    help="The earlier record that rules on drift compare with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and only that.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def certify(
    words: tuple[str, ...],
    policy: str | None,
    reference: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure a model and judge it by a policy, or judge a stored record again.

    KEY=VALUE are Hydra overrides (groups: model, data, target, plan, site, probes, policy); a
    file path works for model, data and policy. `-m` sweeps, `--cfg job` shows the configuration,
    `--info` explains it. Without a model, the demonstration is certified.

    \b
    Exit codes: 0 pass, 1 fail, 2 usage error, 3 not enough evidence, 4 could not measure.

    \b
    Examples:
      frugalbench certify
      frugalbench certify model=./mine.onnx data=./mine.parquet data.label=y \\
          'data.groups=[sex,age_band]' site=fr
      frugalbench certify model=adult-mlp probes=tabular 'baselines=[constant,adult-logreg]'
      frugalbench certify -m model=nhanes-mlp,nhanes-mlp-int8 plan=quick
      frugalbench certify results/RECORD --policy ./mine.yaml
    """
    from frugalbench import config, console

    output = console.Output(as_json=as_json, quiet=quiet)
    stored = [word for word in words[:1] if _is_stored(word)]
    if stored:
        others = list(words[1:])
        if [word.partition("=")[0] for word in others] == ["policy"]:
            policy = others.pop().partition("=")[2]
        if others:
            raise UsageError("a stored record takes --policy and nothing else: it is not measured")
        chosen = policy or DEFAULT_POLICY
        sys.exit(console.judge_again(Path(stored[0]), chosen, output, reference))
    if policy is not None:
        words = (*words, f"policy={policy}")

    def measured(question: config.Question) -> int:
        return console.certify(question, output, reference)

    sys.exit(config.launch(words, measured, refuse))


def _is_stored(word: str) -> bool:
    """Whether the first word is a record: a folder with one, or any path that is no setting."""
    path = Path(word)
    return (path / "record.json").exists() or ("=" not in word and path.exists())


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
    sys.exit(config.launch(words, lambda question: console.run(question, output), refuse))


@main.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every metric as JSON.")
@click.option("--format", "format_", metavar="F", help="Print a report: markdown, html or json.")
@click.option("--policy", metavar="P", help="Judge by this policy in the report.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Report language.")
@click.option("--only", metavar="FAMILIES", help="Show these families: fairness,robustness, …")
def show(
    record: Path,
    as_json: bool,
    format_: str | None,
    policy: str | None,
    lang: str,
    only: str | None,
) -> None:
    """Show every metric of a stored record, with its interval or the reason it is missing.

    \b
    Examples:
      frugalbench show results/RECORD
      frugalbench show results/RECORD --only fairness,robustness
      frugalbench show results/RECORD --json
      frugalbench show results/RECORD --format markdown --lang fr
    """
    from frugalbench import console

    console.show(record, policy, format_, lang, only, as_json=as_json)


@main.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--only", metavar="FAMILIES", help="Compare these families: latency,quality, …")
def compare(a: Path, b: Path, as_json: bool, only: str | None) -> None:
    """Put two records side by side; say which is better only where the intervals are apart.

    \b
    Examples:
      frugalbench compare results/RECORD_A results/RECORD_B
      frugalbench compare results/RECORD_A results/RECORD_B --only latency,quality
    """
    import msgspec

    from frugalbench import console, store
    from frugalbench.compare import compare as compare_records
    from frugalbench.compare import of_families
    from frugalbench.report import text

    left, right = store.load(a), store.load(b)
    rows = compare_records(left, right)
    if only is not None:
        rows = of_families(rows, [name.strip() for name in only.split(",")])
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    screen = console.console()
    screen.print(text.compared(left, right))
    screen.print(text.comparison_table(rows))


@main.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--policy", metavar="P", default="drift", help="Judge by this policy (drift).")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict and measures as JSON.")
@click.option("--quiet", is_flag=True, help="Print one line only.")
def drift(before: Path, after: Path, policy: str, as_json: bool, quiet: bool) -> None:
    """Say whether AFTER treats some people worse than BEFORE did, row by row.

    Two records of the same labelled rows: floating point and 8-bit integers, a workstation and a
    board, the last release and this one.

    \b
    Exit codes: 0 pass, 1 fail, 2 usage error, 3 not enough evidence, 4 a damaged record.

    \b
    Examples:
      frugalbench drift results/FP32 results/INT8
      frugalbench drift results/LAST results/THIS --policy ./mine.yaml --quiet
    """
    from frugalbench import console

    output = console.Output(as_json=as_json, quiet=quiet)
    sys.exit(console.drift(before, after, policy, output))


@main.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--label", required=True, metavar="COLUMN", help="What is true.")
@click.option("--answer", required=True, metavar="COLUMN", help="What was answered.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    required=True,
    metavar="COLUMN",
    help="A group; may be repeated.",
)
@click.option("--positive", metavar="LABEL", help="The label counted as positive.")
@click.option(
    "--missing",
    type=click.Choice(["include", "exclude", "fail"]),
    default="fail",
    help="What to do with rows that do not say their group (fail).",
)
@click.option("--margin", type=float, metavar="M", help="The largest difference accepted.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def audit(
    table: Path,
    label: str,
    answer: str,
    groups: tuple[str, ...],
    positive: str | None,
    missing: Any,
    margin: float | None,
    as_json: bool,
) -> None:
    """Compare how groups of people are answered in TABLE, a CSV or Parquet file of any length.

    Rates by group, how far groups lie apart, and with --margin which pairs are known to be further
    apart than that. It judges nothing: the exit code is 0 whatever is found.

    \b
    Example:
      frugalbench audit ./answers.parquet --label y --answer p --group sex --margin 0.1
    """
    from frugalbench import console

    console.audit(table, label, answer, groups, positive, missing, margin, as_json=as_json)


@main.command()
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"))
@click.option(
    "--meter-log",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Check the CSV log of an external meter too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(results: Path, meter_log: Path | None, as_json: bool) -> None:
    """Say what can be measured on this machine, and what would unlock the rest.

    \b
    Examples:
      frugalbench doctor
      frugalbench doctor --meter-log ./plug.csv
    """
    import msgspec

    from frugalbench import console
    from frugalbench.doctor import examine
    from frugalbench.report import text

    checks = examine(results, meter_log)
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
