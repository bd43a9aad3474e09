"""CodeCarbon's model of processor and memory power: an estimate, never a measurement.

The processor's power is modelled from its nominal power and load, the memory's from the number
of modules; the two stay separate domains (`cpu`, `ram`). Only energy is taken from CodeCarbon:
its carbon and water figures are not used, so the country it is given has no effect.
"""

import contextlib
import logging
import math
from typing import Any

from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["Modelled", "open"]

JOULES_PER_KWH = 3.6e6


class Modelled:
    """An odometer over CodeCarbon tasks: each reading closes a task and opens the next.

    While a task is open CodeCarbon samples the load once a second, in a new thread each time, for
    an average it also has from one look at both ends. Those threads are stopped: nothing of it
    runs between two readings. After a reading that failed, the energy since the last one is lost,
    and the meter is unknown from then on.
    """

    method: Method = "modelled"
    # The kernel counts load in ticks of 10 ms: in less than a few of them there is none to see.
    period: float = 0.05
    ticks = False
    note = "from the load and the nominal power of the processor, and the size of the memory"

    def __init__(self, tracker: Any) -> None:
        """Start counting with an offline tracker."""
        self._tracker = tracker
        self._task = 0
        self._total = {"cpu": 0.0, "ram": 0.0}
        self._lost = ""
        self._start()

    def _start(self) -> None:
        self._tracker.start_task(str(self._task))
        # Not part of what CodeCarbon promises: where it is gone, the threads stay.
        with contextlib.suppress(AttributeError):
            self._tracker._scheduler_monitor_power.stop()

    def read(self) -> Reading:
        """Joules so far; None once CodeCarbon gave no figure."""
        if not self._lost:
            try:
                self._advance()
            except Exception as error:  # noqa: BLE001 - whatever it raises, a reading is lost
                self._lost = f"CodeCarbon failed: {error}"
        return dict.fromkeys(self._total) if self._lost else dict(self._total)

    def _advance(self) -> None:
        delta = self._tracker.stop_task(str(self._task))
        self._task += 1
        self._start()
        if delta is None:
            self._lost = "CodeCarbon gave no figure"
            return
        parts = {"cpu": float(delta.cpu_energy), "ram": float(delta.ram_energy)}
        if not all(math.isfinite(kwh) and kwh >= 0 for kwh in parts.values()):
            self._lost = "CodeCarbon gave no sensible figure"
            return
        for domain, kwh in parts.items():
            self._total[domain] += kwh * JOULES_PER_KWH

    def reason(self, domain: str) -> str:
        """Why a domain is unknown; empty when it is known."""
        return self._lost

    def close(self) -> None:
        """Stop the tracker."""
        # It is being thrown away: what it still complains about changes nothing.
        with contextlib.suppress(Exception):
            self._tracker.stop_task(str(self._task))
            self._tracker.stop()


def open(target: Target) -> Modelled | Unavailable:
    """Start CodeCarbon's offline model of this machine, writing no file and calling no one."""
    try:
        from codecarbon import OfflineEmissionsTracker
    except ImportError:
        return Unavailable("codecarbon is not installed", "pip install codecarbon")
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    try:
        return Modelled(
            OfflineEmissionsTracker(
                country_iso_code="FRA",
                tracking_mode="machine",
                force_mode_cpu_load=True,
                gpu_ids=[],
                measure_power_secs=1,
                output_methods=[],
                allow_multiple_runs=True,
                log_level="critical",
            )
        )
    except Exception as error:  # noqa: BLE001 - whatever it raises, there is no model
        return Unavailable(f"CodeCarbon does not start: {error}")
