"""What a machine says of itself, on a fake /proc."""

from pathlib import Path

import msgspec

from frugalbench import host

CORE = """processor\t: {n}
model name\t: Example CPU 3000
physical id\t: 0
core id\t: {core}
flags\t\t: fpu vme{more}
"""


def proc(root: Path, more: str = "") -> Path:
    """Four logical cores on two physical ones."""
    blocks = [CORE.format(n=n, core=n // 2, more=more) for n in range(4)]
    (root / "cpuinfo").write_text("\n".join(blocks))
    (root / "meminfo").write_text("MemTotal:  8000 kB\nMemFree: 1 kB\nMemAvailable:  6000 kB\n")
    return root


def test_the_processor_its_cores_and_memory_are_read(tmp_path: Path) -> None:
    seen = host.describe(proc(tmp_path))
    assert seen.cpu == "Example CPU 3000"
    assert seen.physical_cores == 2
    assert seen.memory == 8000 * 1024
    assert seen.virtualised is None
    assert host.available_memory(tmp_path) == 6000 * 1024


def test_a_virtual_machine_is_told_by_the_hypervisor_flag(tmp_path: Path) -> None:
    assert host.describe(proc(tmp_path, " hypervisor")).virtualised is not None


def test_what_the_system_hides_is_none_and_never_zero(tmp_path: Path) -> None:
    seen = host.describe(tmp_path)
    assert seen.memory is None
    assert seen.physical_cores is None
    assert host.available_memory(tmp_path) is None
    assert host.peak_memory(tmp_path / "status") is None


def test_the_peak_is_the_high_water_mark(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("VmPeak:\t 90 kB\nVmHWM:\t   70 kB\nVmRSS:\t 50 kB\n")
    assert host.peak_memory(status) == 70 * 1024


def test_nothing_said_names_the_machine_or_its_user() -> None:
    import getpass
    import socket

    text = msgspec.json.encode(host.describe()).decode()
    assert socket.gethostname() not in text or len(socket.gethostname()) < 4
    assert f'"{getpass.getuser()}"' not in text
