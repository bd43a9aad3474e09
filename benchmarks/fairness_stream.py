"""Ten million rows from a Parquet file: rows a second, and the memory of a fresh process."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from harness import middle

from frugalbench.metrics._counts import Tally

__all__ = ["ROWS", "stream"]

Codes = npt.NDArray[Any]
ROWS = 10_000_000
PIECE = 1 << 20
AGES = tuple(f"{start}-{start + 9}" for start in range(0, 100, 10))

# VmHWM is the peak of this process alone; ru_maxrss may be that of the one that started it.
AUDIT = """
import json, sys, time
import frugalbench.audit
begin = time.perf_counter()
found = frugalbench.audit.audit(
    sys.argv[1], label="y", answer="p", groups=("sex", "age"), positive=1
)
seconds = time.perf_counter() - begin
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
rows = {name: int(counts.table.sum()) for name, counts in found.items()}
print(json.dumps({"seconds": seconds, "peak_kib": int(peak.split()[1]), "rows": rows}))
"""


def stream(rows: int = ROWS, repeats: int = 7) -> dict[str, Any]:
    """Write a table, count it, and count the same codes in memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        _write(path, rows)
        seen = [_audit(path) for _ in range(repeats)]
        size = path.stat().st_size
    for one in seen:
        assert one["rows"] == {"sex": rows, "age": rows}, "rows were lost"
    labels, answers, groups = _columns(rows)
    counter, plain = _interleaved(labels, answers, groups, repeats)
    return {
        "rows": rows,
        "file_bytes": size,
        "repeats": repeats,
        "audit_rows_a_second": middle([rows / one["seconds"] for one in seen]),
        "peak_mib": max(one["peak_kib"] for one in seen) / 1024,
        "counter_rows_a_second": middle(rows / np.array(counter)),
        "bincount_rows_a_second": middle(rows / np.array(plain)),
        "counter_over_bincount": middle(np.array(plain) / np.array(counter)),
    }


def _columns(rows: int) -> tuple[Codes, Codes, Codes]:
    rng = np.random.default_rng(5)
    labels, groups = rng.integers(0, 2, rows), rng.integers(0, 10, rows)
    return labels, np.where(rng.random(rows) < 0.9, labels, 1 - labels), groups


def _write(path: Path, rows: int) -> None:
    """Labels and answers as numbers, two columns of groups as text."""
    import pyarrow as pa
    from pyarrow import parquet

    labels, answers, groups = _columns(rows)
    words = pa.array(AGES)
    with parquet.ParquetWriter(
        path, _piece(labels[:1], answers[:1], groups[:1], words).schema
    ) as f:
        for start in range(0, rows, PIECE):
            piece = slice(start, start + PIECE)
            f.write_table(_piece(labels[piece], answers[piece], groups[piece], words))


def _piece(labels: Codes, answers: Codes, groups: Codes, words: Any) -> Any:
    import pyarrow as pa

    sexes = pa.array(("female", "male")).take(pa.array(groups % 2))
    return pa.table({"y": labels, "p": answers, "sex": sexes, "age": words.take(pa.array(groups))})


def _audit(path: Path) -> dict[str, Any]:
    """Count the table in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, str(path)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _interleaved(
    labels: Codes, answers: Codes, groups: Codes, repeats: int
) -> tuple[list[float], list[float]]:
    """Seconds of the counter, and of a loop with bincount over the same pieces, turn by turn."""
    tables: dict[str, Codes] = {}

    def counter() -> None:
        tally = Tally(10, 2)
        for start in range(0, labels.size, PIECE):
            piece = slice(start, start + PIECE)
            tally.add(groups[piece], labels[piece], answers[piece])
        tables["counter"] = tally.table

    def plain() -> None:
        flat = np.zeros(60, np.int64)
        for start in range(0, labels.size, PIECE):
            piece = slice(start, start + PIECE)
            places = (groups[piece] * 2 + labels[piece]) * 3 + answers[piece]
            flat += np.bincount(places, minlength=60)
        tables["plain"] = flat.reshape(10, 2, 3)

    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for work, seconds in zip((counter, plain), taken, strict=True):
            seconds.append(_seconds(work))
    assert np.array_equal(tables["counter"], tables["plain"]), "the counts differ"
    return taken


def _seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
