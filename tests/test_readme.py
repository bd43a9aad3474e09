"""What the documents say can be run is run."""

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from frugalbench import commands as every_command
from frugalbench.metrics import every
from frugalbench.metrics._changes import paired_change
from frugalbench.metrics._pairs import BOTH_ENDS
from frugalbench.settings import load_policy

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [
        line.partition("   #")[0].strip() for block in blocks("sh") for line in block.split("\n")
    ]
    return [line for line in lines if line.startswith("frugalbench")]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model of someone's own, its training rows, other rows, and answers."""
    import pyarrow as pa
    from pyarrow import compute, parquet

    reference = ROOT / "frugalbench" / "reference"
    shutil.copy(reference / "models" / "german-mlp.onnx", tmp_path / "mine.onnx")
    table = parquet.read_table(reference / "data" / "german.parquet")
    names = ["y" if name == "good_credit" else name for name in table.column_names]
    table = table.rename_columns(names)
    for name, split in (("mine", "test"), ("train", "train")):
        rows = table.filter(compute.equal(table["split"].cast(pa.string()), split))
        parquet.write_table(rows.drop(["split"]), tmp_path / f"{name}.parquet")
    shutil.copy(ROOT / "configs" / "policy" / "trustworthy.yaml", tmp_path / "mine.yaml")
    answers = table.select(["sex", "y"]).append_column("p", table["y"])
    parquet.write_table(answers, tmp_path / "answers.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def as_csv(lab: Path, label: str) -> None:
    """The rows of the laboratory as a CSV file, with the label under another name."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = parquet.read_table(lab / "mine.parquet")
    columns = [
        one.cast(pa.string()) if pa.types.is_dictionary(one.type) else one for one in table.columns
    ]
    names = [label if name == "y" else name for name in table.column_names]
    csv.write_csv(pa.table(dict(zip(names, columns, strict=True))), lab / "mine.csv")


@pytest.mark.slow
def test_every_command_of_the_readme_runs(lab: Path) -> None:
    quick = " plan.processes=1 plan.process_seconds=0.5 plan.warmup_seconds=0.1"
    for command in commands():
        records = sorted((lab / "results").glob("*")) or [lab]
        line = command.replace("results/RECORD", str(records[0]))
        line = line.replace("results/OTHER", str(records[-1]))
        line += quick if "model=" in line else ""
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1, 3), f"{line}\n{done.stdout}\n{done.stderr}"
    assert len(commands()) >= 6


@pytest.mark.slow
def test_the_commands_of_the_page_on_certificates_run_from_one_folder(lab: Path) -> None:
    as_csv(lab, "y")
    page = (ROOT / "docs" / "certificate.md").read_text(encoding="utf-8")
    lines = [
        line.partition("   #")[0].partition(" # ")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) >= 12
    run = " plan=quick plan.processes=1 plan.process_seconds=0.3 target.meters=[fake]"
    for line in lines:
        records = sorted((lab / "results").glob("*")) or [lab]
        # A newer record is another one of the same.
        if "results/NEWER" in line:
            newer = shutil.copytree(records[0], lab / "results" / "NEWER")
            for one in newer.glob("*.jsonl"):
                one.unlink()
        line = line.replace("results/RECORD", str(records[0]))
        line += run if "model=" in line else ""
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1, 3), f"{line}\n{done.stdout}\n{done.stderr}"
        assert not done.stderr.startswith("frugalbench:"), f"{line}\n{done.stderr}"


@pytest.mark.slow
def test_two_commands_lead_from_a_model_and_a_table_to_a_verified_certificate(lab: Path) -> None:
    as_csv(lab, "good_credit")
    page = (ROOT / "docs" / "example.md").read_text(encoding="utf-8")
    certify, verify = re.findall(r"```sh\n(frugalbench .*?)\n```", page)
    certified = subprocess.run(["bash", "-c", certify], capture_output=True, text=True, timeout=300)
    assert certified.returncode in (0, 1, 3), certified.stderr
    done = subprocess.run(["bash", "-c", verify], capture_output=True, text=True, timeout=120)
    assert done.returncode == certified.returncode, done.stderr
    assert done.stdout.startswith("verified: ")
    (lab / "mine.onnx").write_bytes((lab / "mine.onnx").read_bytes() + b"\0")
    other = subprocess.run(["bash", "-c", verify], capture_output=True, text=True, timeout=120)
    assert other.returncode == 1
    assert "subject digest" in other.stderr


@pytest.mark.slow
def test_the_python_of_the_readme_runs(lab: Path) -> None:
    (block,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "latency.p90" in done.stdout
    assert list((lab / "results").iterdir())


def test_files_the_documents_link_to_exist() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_demonstration_in_the_readme_is_the_stored_record_judged_again() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import demonstration
    finally:
        sys.path.pop(0)
    assert demonstration.written(README, demonstration.current()) == README


def test_every_rule_of_the_default_policy_is_explained() -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    for rule in load_policy("frugal-and-trustworthy").rules:
        assert f"`{rule.metric}`" in page
        assert rule.why
        assert rule.pourquoi


def test_every_rule_on_drift_is_explained_and_the_rows_it_takes_are_those_it_takes() -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    policy = load_policy("drift")
    for rule in policy.rules:
        assert f"`{rule.metric}` | {rule.bound} |" in page

    def fewest(apart: float) -> int:
        """Rows of which no answer has changed that show less than 0.05, one time in twenty."""
        rows = np.arange(2, 500)
        high = paired_change(np.zeros(rows.size), np.zeros(rows.size), rows, BOTH_ENDS)[2]
        return int(rows[high * apart <= 0.05][0])

    assert f"needs {fewest(1)} rows in a group" in page
    assert f"and {fewest(math.sqrt(2))} in each of two" in page


def test_the_policy_for_a_regression_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(name: .*?)```", page, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(block, encoding="utf-8")
    policy = load_policy(str(tmp_path / "mine.yaml"))
    assert policy.rules[0].metric == "quality.mean_absolute_error"


def test_every_command_is_in_the_readme() -> None:
    assert len(every_command.names()) > 15
    for command in every_command.names():
        if command != "run":
            assert f"frugalbench {command}" in README


def test_every_metric_has_a_sentence_and_names_in_both_languages() -> None:
    for address, metric in every().items():
        assert metric.function.__doc__, address
        assert metric.title, address
        assert metric.titre, address


def test_every_configuration_says_what_it_is() -> None:
    for path in (ROOT / "configs").rglob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert any(line.startswith("# ") and "@package" not in line for line in lines), path
