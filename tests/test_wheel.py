"""The wheel holds everything it needs, and works far from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_wheel_certifies_outside_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True, timeout=300, capture_output=True)
    (wheel,) = tmp_path.glob("frugalbench-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for needed in (
        "frugalbench/py.typed",
        "frugalbench/configs/config.yaml",
        "frugalbench/configs/policy/frugal-and-trustworthy.yaml",
        "frugalbench/factors/grid_carbon.csv",
        "frugalbench/reference/data/nhanes.parquet",
        "frugalbench/reference/models/nhanes-mlp.onnx",
        "frugalbench/report/page.html.j2",
    ):
        assert needed in names
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # The extracted wheel comes before the checkout that the test environment has installed.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    where = [sys.executable, "-c", "import frugalbench; print(frugalbench.__file__)"]
    found = subprocess.run(where, cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert str(tmp_path) in found.stdout
    command = [
        sys.executable,
        "-m",
        "frugalbench",
        "certify",
        "plan.processes=1",
        "plan.process_seconds=0.5",
    ]
    done = subprocess.run(
        command, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode in (1, 3), done.stderr
    assert "site fr (FR)" in done.stdout
    assert list((elsewhere / "results").iterdir())
