"""What NVML shows of a GPU beside its energy: clocks, temperature, limits, errors, who is there.

Field names and bits are those of NVML's reference (nvmlDeviceQueries, nvmlClocksEventReasons).
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from frugalbench.meters._meter import Unavailable
from frugalbench.meters._nvidia import Gpu, every
from frugalbench.meters.nvml import load, start
from frugalbench.record import Gpu as Seen
from frugalbench.spec import Target

__all__ = ["Present", "Watch", "present", "watch"]

MEGAHERTZ, MILLIWATT = 1e6, 1e-3
REASONS = {
    0x002: "applications_clocks",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake",
    0x100: "display_clocks",
}
"""Bits of the clocks event reasons; the one for an idle GPU (1) is no reason to doubt."""
LISTS = (
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetGraphicsRunningProcesses",
    "nvmlDeviceGetMPSComputeRunningProcesses",
)


@dataclass(slots=True)
class _One:
    """What was seen of one GPU so far."""

    gpu: Gpu
    clocks: list[float] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    bits: int | None = None
    errors: int | None = None
    others: set[int] | None = None
    began: int = 0


class Watch:
    """Looks at the GPUs a target computes on, between stretches of calls; at none by default."""

    def __init__(
        self,
        library: Any = None,
        gpus: Iterable[Gpu] = (),
        *,
        own: int | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Watch `gpus` of a started NVML; `own` is the number of the process that computes."""
        self._library = library
        self._own, self._wall = os.getpid() if own is None else own, wall
        self._seen = [_One(gpu) for gpu in gpus]

    def begin(self) -> None:
        """The timed part begins: what was before does not count."""
        self._seen = [_One(one.gpu) for one in self._seen]
        for one in self._seen:
            one.began = int(self._wall() * 1e6)
            one.errors = self._errors(one.gpu)
            one.others = self._others(one)

    def look(self) -> None:
        """Note how each GPU stands, calls having just been timed."""
        lib = self._library
        for one in self._seen:
            handle = one.gpu.handle
            _add(one.clocks, self._ask("nvmlDeviceGetClockInfo", handle, lib.NVML_CLOCK_SM))
            _add(
                one.temperatures,
                self._ask("nvmlDeviceGetTemperature", handle, lib.NVML_TEMPERATURE_GPU),
            )
            _add(one.limits, self._ask("nvmlDeviceGetEnforcedPowerLimit", handle))
            bits = self._bits(handle)
            one.bits = one.bits if bits is None else bits | (one.bits or 0)
            now = self._others(one)
            one.others = one.others if now is None else now | (one.others or set())

    def seen(self) -> tuple[Seen, ...]:
        """What was noted since the timed part began."""
        return tuple(map(self._facts, self._seen))

    def close(self) -> None:
        """Let NVML go."""
        if self._library is not None:
            with contextlib.suppress(self._library.NVMLError):
                self._library.nvmlShutdown()

    def _facts(self, one: _One) -> Seen:
        lib, handle = self._library, one.gpu.handle
        nominal = self._ask("nvmlDeviceGetMaxClockInfo", handle, lib.NVML_CLOCK_SM)
        errors = self._errors(one.gpu)
        counted = errors is not None and one.errors is not None
        return Seen(
            place=one.gpu.place,
            name=name_of(lib, one.gpu),
            driver=driver(lib),
            split=one.gpu.split,
            clock_low=min((x * MEGAHERTZ for x in one.clocks), default=None),
            clock_high=max((x * MEGAHERTZ for x in one.clocks), default=None),
            clock_nominal=None if nominal is None else nominal * MEGAHERTZ,
            temperature=max(one.temperatures, default=None),
            power_limit=min((x * MILLIWATT for x in one.limits), default=None),
            throttled=None
            if one.bits is None
            else tuple(name for bit, name in REASONS.items() if one.bits & bit),
            ecc=ecc(lib, one.gpu),
            # Counts of a driver that was loaded anew begin at zero.
            uncorrected=max(0, (errors or 0) - (one.errors or 0)) if counted else None,
            others=None if one.others is None else len(one.others),
        )

    def _ask(self, function: str, *arguments: Any) -> Any:
        return _ask(self._library, function, *arguments)

    def _bits(self, handle: Any) -> int | None:
        """Why the clocks are lower than they could be; the older name is of drivers before 535."""
        found = self._ask("nvmlDeviceGetCurrentClocksEventReasons", handle)
        if found is None:
            found = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        return None if found is None else int(found)

    def _errors(self, gpu: Gpu) -> int | None:
        lib = self._library
        kind = getattr(lib, "NVML_MEMORY_ERROR_TYPE_UNCORRECTED", 1)
        since = getattr(lib, "NVML_VOLATILE_ECC", 0)
        found = self._ask("nvmlDeviceGetTotalEccErrors", gpu.handle, kind, since)
        return None if found is None else int(found)

    def _others(self, one: _One) -> set[int] | None:
        """The other processes on a GPU now, and those that worked there since the timing began.

        A process in a container is listed by a number of the machine's, which it does not know
        itself: then one of those there, whichever, is it. A list without anybody hides us too.
        """
        found = processes(self._library, one.gpu)
        if not found:
            return None
        mine = found.get(self._own)
        if one.gpu.split:
            if mine is None:
                return None
            found = {pid: where for pid, where in found.items() if where == mine}
        numbers = set(found)
        for sample in self._ask("nvmlDeviceGetProcessUtilization", one.gpu.handle, one.began) or ():
            if sample.timeStamp > one.began and not one.gpu.split:
                numbers.add(int(sample.pid))
        return numbers - {self._own} if mine is not None else set(sorted(numbers)[1:])


def _add(seen: list[float], value: Any) -> None:
    if value is not None:
        seen.append(float(value))


def _ask(library: Any, function: str, *arguments: Any) -> Any:
    """What NVML answers; None where this driver, this GPU or these rights give no answer."""
    try:
        return getattr(library, function)(*arguments)
    except (AttributeError, library.NVMLError, _mismatch(library)):
        return None


def _mismatch(library: Any) -> type[Exception]:
    """What the binding raises of a driver older than itself, which is none of NVML's own errors."""
    found: type[Exception] = getattr(library, "NVMLLibraryMismatchError", AttributeError)
    return found


def processes(library: Any, gpu: Gpu) -> dict[int, tuple[Any, Any]] | None:
    """The processes on a GPU, each with its MIG instance; None where they are not shown."""
    lists = [_ask(library, name, gpu.handle) for name in LISTS]
    if all(one is None for one in lists):
        return None
    return {
        int(one.pid): (
            getattr(one, "gpuInstanceId", None),
            getattr(one, "computeInstanceId", None),
        )
        for several in lists
        for one in several or ()
    }


def name_of(library: Any, gpu: Gpu) -> str:
    """What NVML calls a GPU."""
    return _words(_ask(library, "nvmlDeviceGetName", gpu.handle))


def driver(library: Any) -> str:
    """The version of the NVIDIA driver."""
    return _words(_ask(library, "nvmlSystemGetDriverVersion"))


def ecc(library: Any, gpu: Gpu) -> bool | None:
    """Whether memory errors are corrected now; None for a GPU that cannot."""
    found = _ask(library, "nvmlDeviceGetEccMode", gpu.handle)
    return None if found is None else bool(found[0])


def _words(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
    return " ".join(text.split())[:80] or "unknown"


def watch(target: Target, library: Any = None, environ: Mapping[str, str] | None = None) -> Watch:
    """A watch over the GPUs that a target computes on; over none where NVML shows none."""
    started = start(target, library, environ)
    if isinstance(started, Unavailable):
        return Watch()
    library, chosen = started
    return Watch(library, chosen.used)


@dataclass(frozen=True, slots=True)
class Present:
    """A GPU of this machine: `processes` are the numbers of those on it, where they are shown."""

    place: int
    name: str
    driver: str
    split: bool
    ecc: bool | None
    processes: tuple[int, ...] | None


def present(library: Any = None) -> tuple[Present, ...] | Unavailable:
    """Every NVIDIA GPU of this machine, whatever a target uses; or why none is seen."""
    started = load(library)
    if isinstance(started, Unavailable):
        return started
    try:
        return tuple(_present(started, gpu) for gpu in every(started))
    except started.NVMLError as error:
        return Unavailable(f"NVML does not show its GPUs: {error}")
    finally:
        with contextlib.suppress(started.NVMLError):
            started.nvmlShutdown()


def _present(library: Any, gpu: Gpu) -> Present:
    there = processes(library, gpu)
    return Present(
        place=gpu.place,
        name=name_of(library, gpu),
        driver=driver(library),
        split=gpu.split,
        ecc=ecc(library, gpu),
        processes=None if there is None else tuple(sorted(there)),
    )
