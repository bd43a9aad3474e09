"""How often `frugalbench gate --baseline` sees a regression that is not there, and one that is.

Takes a folder of records of one unchanged model on one machine, judges every ordered pair of those
that were not disturbed, then the same pairs with the later record's times stretched.

    for i in $(seq 24); do frugalbench run --quiet model=nhanes-mlp data=nhanes \\
        plan.process_seconds=0.5 plan.warmup_seconds=0.3 results=/tmp/unchanged; done
    python scripts/false_alarms.py /tmp/unchanged
"""

import sys
from itertools import permutations
from pathlib import Path

import msgspec
import numpy as np

from frugalbench import store
from frugalbench.metrics import validity
from frugalbench.record import Record
from frugalbench.regress import SMALLEST, Family, regress

TIMED: dict[Family, float] = {"latency": SMALLEST["latency"]}
SLOWER = (1.1, 1.2, 1.3, 1.5, 2.0)
TAKEN = 60


def slowed(record: Record, by: float) -> Record:
    """The record with every call taking so much longer."""
    times = (record.latency_ns * by).astype(np.int64)
    return msgspec.structs.replace(record, arrays={**record.arrays, "latency_ns": times})


def ratio(after: Record, before: Record, p: float) -> float:
    """The ratio of two percentiles as a gate without intervals would take it."""
    return float(np.quantile(after.latency_ns, p) / np.quantile(before.latency_ns, p))


def main(folder: str) -> None:
    """Print what was counted."""
    every = [store.load(path) for path in sorted(Path(folder).iterdir()) if path.is_dir()]
    quiet = [one for one in every if not validity.disturbances(one)]
    pairs = list(permutations(quiet, 2))
    print(f"{len(every)} records, {len(quiet)} undisturbed, {len(pairs)} ordered pairs")
    print(
        "without intervals, p50 more than 5 % slower:",
        sum(ratio(a, b, 0.5) > 1.05 for a, b in pairs),
    )
    print(
        "without intervals, p99 more than 5 % slower:",
        sum(ratio(a, b, 0.99) > 1.05 for a, b in pairs),
    )
    alarms = sum(bool(regress(a, b, TIMED).of("REGRESSED")) for a, b in pairs)
    print("false alarms of the three latencies:", alarms)
    picks = np.random.default_rng(1).choice(len(pairs), min(TAKEN, len(pairs)), replace=False)
    taken = [pairs[pick] for pick in picks]
    alarms = sum(bool(regress(a, b).of("REGRESSED")) for a, b in taken)
    print(f"false alarms of everything, {len(taken)} pairs: {alarms}")
    for by in SLOWER:
        found = sum(bool(regress(slowed(a, by), b).of("REGRESSED")) for a, b in taken)
        print(f"slowed {by:g} times, found in {found} of {len(taken)}")


if __name__ == "__main__":
    main(sys.argv[1])
