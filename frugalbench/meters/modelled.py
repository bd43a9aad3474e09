"""CodeCarbon's model of processor and memory power: an estimate, never a measurement.

The processor's power is modelled from its nominal power and load, the memory's from the number
of modules; the two stay separate domains (`cpu`, `ram`). Only energy is taken from CodeCarbon:
its carbon and water figures are not used, so the country it is given has no effect.
"""

import contextlib
import logging
from typing import Any

from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["Modelled", "open"]

JOULES_PER_KWH = 3.6e6


class Modelled:
    """An odometer over CodeCarbon tasks: each reading closes a task and opens the next."""

    method: Method = "modelled"
    period: float = 0.0

    def __init__(self, tracker: Any) -> None:
        """Start counting with an offline tracker."""
        self._tracker = tracker
        self._task = 0
        self._total = {"cpu": 0.0, "ram": 0.0}
        tracker.start_task("0")

    def read(self) -> Reading:
        """Joules so far; None once CodeCarbon gives no figure."""
        delta = self._tracker.stop_task(str(self._task))
        self._task += 1
        self._tracker.start_task(str(self._task))
        if delta is None:
            return dict.fromkeys(self._total)
        self._total["cpu"] += delta.cpu_energy * JOULES_PER_KWH
        self._total["ram"] += delta.ram_energy * JOULES_PER_KWH
        return dict(self._total)

    def close(self) -> None:
        """Stop the tracker and its sampling thread."""
        self._tracker.stop_task(str(self._task))
        with contextlib.suppress(AttributeError):
            self._tracker.stop()


def open(target: Target) -> Modelled | Unavailable:
    """Start CodeCarbon's offline model of this machine, writing no file and calling no one."""
    try:
        from codecarbon import OfflineEmissionsTracker
    except ImportError:
        return Unavailable("codecarbon is not installed", "pip install codecarbon")
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA",
        tracking_mode="machine",
        force_mode_cpu_load=True,
        gpu_ids=[],
        measure_power_secs=1,
        output_methods=[],
        allow_multiple_runs=True,
        log_level="critical",
    )
    return Modelled(tracker)
