"""How often the rule on disparities is wrong, and how fast it counts, beside Fairlearn.

Usage: python benchmarks/fairness.py [FOLDER]   (default: results/fairness)

Simulations with a known truth, the same intervals by Fairlearn in the same run, and a file of ten
million rows. Writes measured.json and README.md into the folder.
"""

import argparse
import json
import os
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairness_page import page
from fairness_peers import peers
from fairness_rule import FULL, QUICK, rule
from fairness_stream import stream

from frugalbench import host

ROOT = Path(__file__).parent.parent


def measure(*, quick: bool) -> dict[str, Any]:
    """Everything."""
    seen, before = host.describe(), os.getloadavg()[0]
    begin = time.process_time()
    ruled = rule(QUICK if quick else FULL)
    seconds = time.process_time() - begin
    streamed = stream(200_000, 3) if quick else stream()
    compared = peers(quick=quick)
    packages = ("frugalbench", "numpy", "scipy", "fairlearn", "pyarrow")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": seen.cpu,
        "logical_cores": seen.logical_cores,
        "virtual_machine": bool(seen.virtualised),
        "python": seen.python,
        "packages": {name: version(name) for name in packages},
        "load": [before, os.getloadavg()[0]],
        "rule_seconds": seconds,
        "rule": ruled,
        "peers": compared,
        "stream": streamed,
    }


def main() -> None:
    """Measure, and write the figures and their tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "results" / "fairness")
    parser.add_argument("--quick", action="store_true", help="a first look: fewer of everything")
    words = parser.parse_args()
    measured = measure(quick=words.quick)
    words.folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
    (words.folder / "measured.json").write_text(text, encoding="utf-8")
    (words.folder / "README.md").write_text(page(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
