"""How long it takes until a process can be asked something, against a Python that does nothing."""

import subprocess
import sys
import time
from statistics import median

__all__ = ["COMMANDS", "start_up"]

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import frugalbench": ("-c", "import frugalbench"),
    "frugalbench --help": ("-m", "frugalbench", "--help"),
}


def start_up(number: int) -> dict[str, float]:
    """Median wall time of each command over interleaved rounds, ms."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(number):
        for name, words in COMMANDS.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, capture_output=True)
            taken[name].append(1e3 * (time.perf_counter() - begin))
    return {name: median(seen) for name, seen in taken.items()}
