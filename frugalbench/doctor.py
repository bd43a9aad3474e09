"""What can be measured on this machine, how well, and what would unlock the rest."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from frugalbench import factors, host, meters, runners, store
from frugalbench.errors import FrugalbenchError
from frugalbench.spec import Target

__all__ = ["Check", "examine"]

GPU = Target(name="gpu", provider="CUDAExecutionProvider")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `ok`, `missing` (with the way to get it) or `note`."""

    subject: str
    state: Literal["ok", "missing", "note"]
    detail: str
    unlock: str = ""


def examine(results: Path) -> tuple[Check, ...]:
    """Look at the runtimes, the energy meters, the process counters, the factors and the disk."""
    return (*_runners(), *_meters(), _memory(), _virtual(), _factors(), _results(results))


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


def _meters() -> list[Check]:
    checks = []
    for name in meters.names():
        if name == "fake":
            continue
        opened = meters.open_meter(name, GPU)
        if isinstance(opened, meters.Unavailable):
            checks.append(
                Check(
                    subject=f"energy meter {name}",
                    state="missing",
                    detail=opened.reason,
                    unlock=opened.unlock,
                )
            )
            continue
        domains = ", ".join(sorted(opened.read()))
        opened.close()
        modelled = opened.method == "modelled"
        words = "an estimate, ±50 % at best" if modelled else opened.method.replace("_", " ")
        checks.append(
            Check(
                subject=f"energy meter {name}",
                state="note" if modelled else "ok",
                detail=f"{words}; domains: {domains}",
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
