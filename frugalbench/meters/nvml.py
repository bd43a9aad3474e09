"""GPU energy from NVML's own counter (Volta and later), domain `gpu`.

The counter is of a whole GPU, other processes included; of one that MIG divides it is not read,
since the target's part of it is not known. Only the GPU that the target computes on is counted; of
several visible ones each is shown as `rail:gpuN`, N its place on the PCI bus.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.meters._nvidia import Chosen, Gpu, choose
from frugalbench.meters._probe import probe_period
from frugalbench.spec import NVIDIA_PROVIDERS, Target
from frugalbench.values import Method

__all__ = ["Nvml", "load", "open", "start", "start_whole"]

PERIOD = 0.1
PROBE_SECONDS = 0.7
PROBE_CHANGES = 5


class Nvml:
    """The energy counters of the GPUs a target computes on, mJ since the driver was loaded."""

    method: Method = "hardware_counter"
    ticks = True

    def __init__(self, library: Any, chosen: Chosen, period: float = PERIOD) -> None:
        """Start counting.

        Raises:
            NVMLError: a GPU has no counter.
        """
        self.period, self.note = period, chosen.note
        self._library, self._chosen = library, chosen
        self._lost: dict[int, str] = {}
        self._start = {gpu.place: self._counter(gpu) for gpu in chosen.read}
        self._last = dict(self._start)

    def _counter(self, gpu: Gpu) -> int:
        return int(self._library.nvmlDeviceGetTotalEnergyConsumption(gpu.handle))

    def _advance(self, gpu: Gpu) -> int | None:
        """Millijoules of one GPU since the start."""
        try:
            now = self._counter(gpu)
        except self._library.NVMLError as error:
            # The counter is far too wide to wrap: a later reading counts this time too.
            self._lost[gpu.place] = str(error)
            return None
        if now < self._last[gpu.place]:
            self._last[gpu.place] = 1 << 64
            self._lost[gpu.place] = "the driver was reset: its counter began again"
            return None
        self._last[gpu.place] = now
        self._lost.pop(gpu.place, None)
        return now - self._start[gpu.place]

    def read(self) -> Reading:
        """Joules by domain; None when a GPU cannot be read."""
        used = {gpu.place: self._advance(gpu) for gpu in self._chosen.read}
        counted = [used[gpu.place] for gpu in self._chosen.used]
        known = [one for one in counted if one is not None]
        reading: Reading = {"gpu": sum(known) * 1e-3 if len(known) == len(counted) else None}
        for gpu in self._chosen.shown:
            joules = used[gpu.place]
            reading[gpu.rail] = None if joules is None else joules * 1e-3
        return reading

    def reason(self, domain: str) -> str:
        """Why a domain could not be read; empty when it could."""
        gpus = self._chosen.used if domain == "gpu" else self._chosen.shown
        return next(
            (
                self._lost[gpu.place]
                for gpu in gpus
                if gpu.place in self._lost and domain in ("gpu", gpu.rail)
            ),
            "",
        )

    def close(self) -> None:
        """Let NVML go."""
        with contextlib.suppress(self._library.NVMLError):
            self._library.nvmlShutdown()


def load(library: Any = None) -> Any | Unavailable:
    """NVML, started; whoever has it shuts it down."""
    if library is None:
        try:
            import pynvml
        except ImportError:
            return Unavailable("nvidia-ml-py is not installed", "pip install nvidia-ml-py")
        library = pynvml
    if not hasattr(library, "nvmlDeviceGetTotalEnergyConsumption"):
        return Unavailable(
            "an old package named pynvml hides nvidia-ml-py",
            "pip uninstall -y pynvml && pip install --force-reinstall nvidia-ml-py",
        )
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        return Unavailable(f"NVML does not start: {error}", "install the NVIDIA driver")
    return library


def start(
    target: Target, library: Any = None, environ: Mapping[str, str] | None = None
) -> tuple[Any, Chosen] | Unavailable:
    """Start NVML and choose the GPUs, when the target uses one."""
    if not target.provider.startswith(NVIDIA_PROVIDERS):
        return Unavailable("the target does not run on an NVIDIA GPU")
    library = load(library)
    if isinstance(library, Unavailable):
        return library
    number = target.provider_options.get("device_id", 0)
    try:
        chosen = choose(library, os.environ if environ is None else environ, str(number))
    except library.NVMLError as error:
        chosen = Unavailable(f"NVML does not show its GPUs: {error}")
    if isinstance(chosen, Unavailable):
        with contextlib.suppress(library.NVMLError):
            library.nvmlShutdown()
        return chosen
    return library, chosen


def start_whole(
    target: Target, library: Any = None, environ: Mapping[str, str] | None = None
) -> tuple[Any, Chosen] | Unavailable:
    """The same where the target computes on whole GPUs: of a part NVML has no energy."""
    started = start(target, library, environ)
    if isinstance(started, Unavailable) or not started[1].part:
        return started
    library, chosen = started
    with contextlib.suppress(library.NVMLError):
        library.nvmlShutdown()
    return Unavailable(
        f"NVML counts the energy of the whole GPU {chosen.used[0].uuid}, {chosen.part}",
        "measure on a GPU that is not divided, or with an external meter",
    )


def open(
    target: Target,
    *,
    library: Any = None,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    probe_seconds: float = PROBE_SECONDS,
) -> Nvml | Unavailable:
    """Open the counters of the GPUs a target uses, and see how often they move."""
    started = start_whole(target, library, environ)
    if isinstance(started, Unavailable):
        return started
    library, chosen = started
    try:
        meter = Nvml(library, chosen)
    except library.NVMLError as error:
        with contextlib.suppress(library.NVMLError):
            library.nvmlShutdown()
        return Unavailable(
            f"the GPU shows no energy counter: {error}",
            "NVML counts energy from the Volta generation on; nvml_power adds up power instead",
        )
    seen = probe_period(lambda: meter.read()["gpu"], clock, probe_seconds, PROBE_CHANGES)
    if seen is not None:
        meter.period = seen
    return meter
