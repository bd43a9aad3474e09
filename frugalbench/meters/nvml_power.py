"""GPU energy as the integral of the power NVML shows: the cross-check of its counter.

Domains are those of the counter. The power now is read where NVML has it; elsewhere
`nvmlDeviceGetPowerUsage`, which is an average over the last second from the Ampere generation on.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from frugalbench.meters._meter import Unavailable
from frugalbench.meters._nvidia import Gpu
from frugalbench.meters._sampler import Sampler
from frugalbench.meters.nvml import start_whole
from frugalbench.spec import Target

__all__ = ["open"]

INTERVAL = 0.1
AVERAGED = 1.0


def open(
    target: Target,
    *,
    library: Any = None,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    thread: bool = True,
) -> Sampler | Unavailable:
    """Sample the power of the GPUs a target uses."""
    started = start_whole(target, library, environ)
    if isinstance(started, Unavailable):
        return started
    library, chosen = started
    now = all(_instant(library, gpu) is not None for gpu in chosen.read)
    look = _instant if now else _usage

    def watts() -> dict[str, float | None]:
        seen = {gpu.place: look(library, gpu) for gpu in chosen.read}
        counted = [seen[gpu.place] for gpu in chosen.used]
        known = [one for one in counted if one is not None]
        found: dict[str, float | None] = {"gpu": sum(known) if len(known) == len(counted) else None}
        return found | {gpu.rail: seen[gpu.place] for gpu in chosen.shown}

    if watts()["gpu"] is None:
        with contextlib.suppress(library.NVMLError):
            library.nvmlShutdown()
        return Unavailable("the GPU shows no power")
    averaged = not now and any(_averages(library, gpu) for gpu in chosen.used)
    return Sampler(
        watts,
        method="sensor_integral",
        interval=INTERVAL,
        period=AVERAGED if averaged else INTERVAL,
        clock=clock,
        note=chosen.note,
        lost="NVML gave no power",
        on_close=lambda: _shut(library),
        thread=thread,
    )


def _instant(library: Any, gpu: Gpu) -> float | None:
    """The power now, W, where the driver shows it."""
    try:
        found = library.nvmlDeviceGetFieldValues(gpu.handle, [library.NVML_FI_DEV_POWER_INSTANT])
        return found[0].value.uiVal * 1e-3 if found[0].nvmlReturn == 0 else None
    except (AttributeError, library.NVMLError):
        return None


def _usage(library: Any, gpu: Gpu) -> float | None:
    """The power as nvidia-smi shows it, W."""
    try:
        return float(library.nvmlDeviceGetPowerUsage(gpu.handle)) * 1e-3
    except library.NVMLError:
        return None


def _averages(library: Any, gpu: Gpu) -> bool:
    """Whether that power may be an average over a second: from Ampere on."""
    try:
        return bool(
            library.nvmlDeviceGetArchitecture(gpu.handle) >= library.NVML_DEVICE_ARCH_AMPERE
        )
    except (AttributeError, library.NVMLError):
        return True


def _shut(library: Any) -> None:
    with contextlib.suppress(library.NVMLError):
        library.nvmlShutdown()
