"""What this machine says about itself. Standard library only: a board runs this too.

No host name, address or user name is read, so that a record can be shared.
"""

import contextlib
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import frugalbench
from frugalbench.record import Host

__all__ = [
    "available_memory",
    "describe",
    "installed_bytes",
    "peak_memory",
    "restart_peak_memory",
]

PACKAGES = (
    *("frugalbench", "onnxruntime", "torch", "numpy", "codecarbon", "nvidia-ml-py"),
    # The same runtime for other devices.
    *("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml", "onnxruntime-qnn"),
    *("onnxruntime-migraphx", "onnxruntime-rocm"),
)


def describe(proc: Path = Path("/proc")) -> Host:
    """The machine and the versions of the packages that decide a measurement."""
    info = _read(proc / "cpuinfo")
    return Host(
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        cpu=_first(info, "model name")
        or _first(info, "Model")
        or platform.processor()
        or "unknown",
        logical_cores=os.cpu_count() or 1,
        physical_cores=_physical_cores(info),
        memory=_meminfo(proc, "MemTotal"),
        virtualised="hypervisor" if _virtual(info) else None,
        python=platform.python_version(),
        # On a board it is brought along, and not installed.
        packages={"frugalbench": frugalbench.__version__}
        | {name: found for name in PACKAGES if (found := _version(name))},
    )


def available_memory(proc: Path = Path("/proc")) -> int | None:
    """Bytes the system could give to a new process now, or None where it does not say."""
    return _meminfo(proc, "MemAvailable")


def peak_memory(status: Path = Path("/proc/self/status")) -> int | None:
    """Peak resident bytes of this process so far (VmHWM), or None where the system hides it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", _read(status), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def restart_peak_memory(process: Path = Path("/proc/self")) -> int | None:
    """Let the peak start again from what is resident now, in bytes; None where it cannot.

    Linux forgets VmHWM when 5 is written to clear_refs.
    """
    try:
        (process / "clear_refs").write_text("5")
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s+(\d+) kB", _read(process / "status"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def installed_bytes(folder: Path) -> int:
    """Bytes of the files of a package on storage, with the libraries it keeps beside itself.

    Links are not followed, and what cannot be read is not counted.
    """
    total = 0
    # Wheels keep shared libraries they bring along in NAME.libs.
    for one in (folder, folder.with_name(f"{folder.name}.libs")):
        for place, _, files in os.walk(one):
            for name in files:
                with contextlib.suppress(OSError):
                    total += Path(place, name).lstat().st_size
    return total


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first(info: str, key: str) -> str:
    found = re.search(rf"^{key}\s*:\s*(.+)$", info, re.MULTILINE)
    return found[1].strip() if found else ""


def _virtual(info: str) -> bool:
    return " hypervisor" in _first(info, "flags")


def _physical_cores(info: str) -> int | None:
    pairs = {
        (_first(block, "physical id"), _first(block, "core id"))
        for block in info.split("\n\n")
        if _first(block, "core id")
    }
    return len(pairs) or None


def _meminfo(proc: Path, key: str) -> int | None:
    found = re.search(rf"^{key}:\s+(\d+) kB", _read(proc / "meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
