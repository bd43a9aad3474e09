"""What can be measured on this machine, how well, and what would unlock the rest."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from frugalbench import factors, host, meters, noise, runners, store
from frugalbench.errors import FrugalbenchError
from frugalbench.spec import Target
from frugalbench.values import GRADES, MEASURED, Grade

__all__ = ["Check", "examine", "machine"]

GPU = Target(name="gpu", provider="CUDAExecutionProvider")
INSTALL = "pip install onnxruntime, or the package of your device (docs/gpu.md)"
SHOWN = 8


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `ok`, `missing` (with the way to get it) or `note`."""

    subject: str
    state: Literal["ok", "missing", "note"]
    detail: str
    unlock: str = ""


def examine(results: Path, meter_log: Path | None = None) -> tuple[Check, ...]:
    """Look at the runtimes, the energy meters, the process counters, the factors and the disk.

    Args:
        results: the folder that records would go to.
        meter_log: the log of an external meter to check as well.
    """
    log = str(meter_log) if meter_log else None
    return (*machine(log), _factors(), _results(results))


def machine(log: str | None = None) -> tuple[Check, ...]:
    """The part of it that a board answers for itself: what it runs, reads and is disturbed by."""
    return (
        *_runners(),
        *_packages(runners.wheels()),
        *_gpus(meters.present()),
        *_meters(msgspec.structs.replace(GPU, meter_log=log)),
        *_noise(noise.look()),
        _memory(),
        _virtual(),
    )


def _runners() -> list[Check]:
    checks = []
    for name in runners.names():
        if name == "fake":
            continue
        try:
            runners.load(name)
        except FrugalbenchError as error:
            checks.append(Check(subject=f"runner {name}", state="missing", detail=str(error)))
        else:
            checks.append(Check(subject=f"runner {name}", state="ok", detail=_provider_words(name)))
    return checks


def _provider_words(name: str) -> str:
    if name != "ort" or find_spec("onnxruntime") is None:
        return "installed"
    import onnxruntime

    return "providers: " + ", ".join(onnxruntime.get_available_providers())


def _packages(installed: dict[str, str]) -> list[Check]:
    """The packages that hold onnxruntime, of which there must be one."""
    subject = "onnxruntime packages"
    named = ", ".join(f"{name} {version}" for name, version in installed.items())
    if not installed:
        detail = "no installed package holds the module onnxruntime"
        return [Check(subject=subject, state="missing", detail=detail, unlock=INSTALL)]
    if len(installed) == 1:
        return [Check(subject=subject, state="ok", detail=named)]
    # Uninstalling one takes away files of the other.
    unlock = f"pip uninstall -y {' '.join(installed)} && pip install ONE-OF-THEM"
    detail = f"{named} are installed over each other: which of them runs is chance"
    return [Check(subject=subject, state="missing", detail=detail, unlock=unlock)]


def _gpus(seen: tuple[meters.Present, ...] | meters.Unavailable) -> list[Check]:
    """The NVIDIA GPUs there are, and who is on them."""
    if isinstance(seen, meters.Unavailable):
        return [Check(subject="GPUs", state="note", detail=seen.reason, unlock=seen.unlock)]
    if not seen:
        return [Check(subject="GPUs", state="note", detail="NVML shows no GPU")]
    return [_gpu(one) for one in seen]


def _gpu(gpu: meters.Present) -> Check:
    """One of them; a note where it is divided, or where others are on it."""
    words = [gpu.name, f"driver {gpu.driver}"]
    words.append("divided by MIG: no energy of a part" if gpu.split else "not divided by MIG")
    if gpu.ecc is not None:
        words.append(f"ECC {'on' if gpu.ecc else 'off'}")
    unlock = ""
    if gpu.processes is None:
        words.append("who is on it is not shown")
    elif gpu.processes:
        numbers = ", ".join(map(str, gpu.processes[:SHOWN]))
        words.append(f"{len(gpu.processes)} processes on it ({numbers})")
        unlock = "end them before a measurement, or allow them with target.allow_shared_gpu=true"
    else:
        words.append("nobody on it")
    fine = not gpu.split and not gpu.processes
    return Check(
        subject=f"GPU {gpu.place}",
        state="ok" if fine else "note",
        detail="; ".join(words),
        unlock=unlock,
    )


def _meters(target: Target = GPU) -> list[Check]:
    return [_meter(name, target) for name in meters.names() if name != "fake"]


def _meter(name: str, target: Target) -> Check:
    """Open a meter, read it once, and say how well it measures or what would unlock it."""
    subject = f"energy meter {name}"
    try:
        opened = meters.open_meter(name, target)
    except FrugalbenchError as error:
        return Check(subject=subject, state="missing", detail=str(error))
    if isinstance(opened, meters.Unavailable):
        return Check(subject=subject, state="missing", detail=opened.reason, unlock=opened.unlock)
    try:
        reading, note = _reading(opened), meters.note(opened)
        unread = sorted(domain for domain, joules in reading.items() if joules is None)
        if unread:
            why = meters.reason(opened, unread[0]) or "it gave no number"
            detail = f"{', '.join(unread)} cannot be read: {why}"
            return Check(subject=subject, state="missing", detail=detail)
        words = [opened.method.replace("_", " "), _domains(reading), _quality(opened, reading)]
        detail = "; ".join([*words, note] if note else words)
    finally:
        opened.close()
    fine = opened.method in MEASURED and _counts(reading)
    return Check(subject=subject, state="ok" if fine else "note", detail=detail)


def _reading(meter: meters.Meter) -> meters.Reading:
    """What a meter reads now; of one that knows its joules only afterwards, the domains."""
    if isinstance(meter, meters.Deferred):
        return dict.fromkeys(getattr(meter, "domains", ()), 0.0)
    return meter.read()


def _counts(reading: meters.Reading) -> bool:
    """Whether a domain is a whole or a part that is added up; others are only shown."""
    return any(name != "psys" and not name.startswith("rail:") for name in reading)


def _domains(reading: meters.Reading) -> str:
    return f"domains: {', '.join(sorted(reading))}"


def _quality(meter: meters.Meter, reading: meters.Reading) -> str:
    """The grade an energy of this meter can reach, and how long a window that takes."""
    if meter.method not in MEASURED:
        return f"an estimate, grade low (±{GRADES['low']:.0%}) at best"
    if not _counts(reading):
        return "single rails, shown and not counted"
    grade: Grade = "high"
    share = GRADES[grade]
    if isinstance(meter, meters.Deferred):
        # Its error is what power swings by at the edges of a window, not how stale a row is.
        return f"a row every {_seconds(meter.period)}, grade high (±{share:.0%}) possible"
    # Each reading is stale by one update at most: windows this long keep that below the share.
    needed = f" from windows of {meter.period / share:.3g} s on" if meter.period else ""
    return f"updated every {_seconds(meter.period)}, grade high (±{share:.0%}) possible{needed}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _noise(seen: noise.Snapshot) -> list[Check]:
    """Which disturbances of a measurement this system shows, and which it hides."""
    shown = {
        "processor time of others and steal": seen.total is not None,
        "clock frequency": seen.frequency is not None,
        "throttling": seen.throttled is not None,
        "temperature": seen.temperature is not None,
    }
    visible = [name for name, there in shown.items() if there]
    hidden = [name for name, there in shown.items() if not there]
    parts = [f"recorded: {', '.join(visible) or 'nothing'}"]
    if hidden:
        parts.append(f"not shown by this system: {', '.join(hidden)}")
    state: Literal["ok", "note"] = "note" if hidden else "ok"
    checks = [Check(subject="disturbances", state=state, detail="; ".join(parts))]
    if seen.governor and seen.governor != "performance":
        checks.append(
            Check(
                subject="frequency governor",
                state="note",
                detail=f"{seen.governor}: the clock follows the load, so timings vary more",
                unlock="sudo cpupower frequency-set -g performance",
            )
        )
    return checks


def _memory() -> Check:
    peak = host.peak_memory()
    if peak is None:
        return Check(
            subject="peak memory", state="missing", detail="this system hides VmHWM of a process"
        )
    return Check(subject="peak memory", state="ok", detail="VmHWM of the worker, from /proc")


def _virtual() -> Check:
    seen = host.describe()
    words = f"{seen.cpu}, {seen.logical_cores} logical cores"
    if seen.virtualised:
        detail = f"{words}; virtual machine: timings share the hardware with neighbours"
        return Check(subject="machine", state="note", detail=detail)
    return Check(subject="machine", state="ok", detail=words)


def _factors() -> Check:
    known = factors.countries()
    years = [factor.year for name in known if (factor := factors.grid_carbon(name))]
    detail = f"grid carbon of {len(known)} countries, data of {min(years)} to {max(years)}"
    return Check(subject="site factors", state="ok", detail=detail)


def _results(folder: Path) -> Check:
    try:
        store.check_writable(folder)
    except FrugalbenchError as error:
        return Check(subject="results folder", state="missing", detail=str(error))
    return Check(subject="results folder", state="ok", detail=f"{folder} can be written")
