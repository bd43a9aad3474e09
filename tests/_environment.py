"""Records of a model at a site on stated hardware, with round figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from _build import PLACE, change, metered, window
from _records import make_process

from frugalbench.record import Record, Window
from frugalbench.spec import Embodied, Site

__all__ = ["MADE", "deployed"]

MADE = Embodied(
    hardware="box",
    kg=1000.0,
    low=800.0,
    high=1500.0,
    lifetime_years=4,
    year=2024,
    source="its maker",
    url="https://example.org/box",
)


def deployed(
    windows: Sequence[Window] | None = None,
    *,
    milliseconds: float | Sequence[float] = 1.0,
    site: Site | None = PLACE,
    target: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    created: str = "2026-03-01T10:00:00Z",
    provider: str = "CPUExecutionProvider",
    seconds: float = 0.1,
) -> Record:
    """A box of 1000 kg that answers in so many milliseconds and draws 10 J in 100 calls."""
    record = metered([window(10.0)] * 5 if windows is None else windows, site=site)
    one = [milliseconds] if isinstance(milliseconds, int | float) else milliseconds
    latency = np.resize(np.array(one) * 1e6, 1000).astype(np.int64)
    assert record.run is not None
    process = make_process(latency.size, seconds=seconds)
    spec = change(
        record.spec,
        target=change(record.spec.target, **{"embodied": MADE, **(target or {})}),
        model=change(record.spec.model, **(model or {})),
        plan=change(record.spec.plan, **(plan or {})),
    )
    return change(
        record,
        spec=spec,
        created=created,
        run=change(record.run, processes=(process,), provider=provider),
        arrays={**record.arrays, "latency_ns": latency},
    )
