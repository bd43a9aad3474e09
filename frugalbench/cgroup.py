"""The kernel's control group of this process: what it holds, and how often it was held back.

Version 2 of control groups has one tree, version 1 one for each controller. Standard library only:
a board reads this too.
"""

import re
import time
from pathlib import Path

__all__ = ["held_back", "leave", "memory_peak", "own", "slowed"]

PROC = Path("/proc/self")
PERIOD = 5000
"""Microseconds in which a share is given. The usual 100 ms do not slow a short call at all: it ends
in the first slice."""
REST = "frugalbench-rest"
TRIES, NAP = 100, 0.01


def own(controller: str, proc: Path = PROC) -> tuple[Path, int] | None:
    """The folder of this process's group under a controller, and the version of its tree.

    None where nothing is mounted, or the group cannot be seen from here.
    """
    groups, mounts = _lines(proc / "cgroup"), _lines(proc / "mountinfo")
    for line in groups:
        number, names, path = [*line.split(":", 2), "", ""][:3]
        version = 1 if controller in names.split(",") else 2 if (number, names) == ("0", "") else 0
        if version and (folder := _folder(mounts, path, controller, version)) is not None:
            return folder, version
    return None


def held_back(proc: Path = PROC) -> int | None:
    """How often a quota of processor time has stopped this group; None where it is not shown."""
    found = own("cpu", proc)
    text = "\n".join(_lines(found[0] / "cpu.stat")) if found else ""
    count = re.search(r"^nr_throttled (\d{1,18})$", text, re.MULTILINE)
    return int(count[1]) if count else None


def memory_peak(proc: Path = PROC) -> int | None:
    """The most memory this group has held, bytes, everything else in it included.

    Only version 2 counts it (memory.peak, since Linux 5.19); None elsewhere and at the root.
    """
    found = own("memory", proc)
    text = "\n".join(_lines(found[0] / "memory.peak")) if found and found[1] == 2 else ""
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None


def slowed(share: float, name: str, proc: Path = PROC) -> Path | None:
    """Make a group below this process's own that gets a share of one processor's time.

    In version 2 a group with groups below it may hold no process: this one's are then moved into
    one of their own first.

    Args:
        share: of one processor, 0.2 to 1: the kernel's shortest slice is a fifth of the period.
        name: of the group; there is none of that name.
        proc: this process.

    Returns:
        Its folder; a process is put in by writing to its `cgroup.procs`. None where the kernel
        shows no group with that controller.

    Raises:
        OSError: the group may not be made, or not be given a quota.
    """
    found = own("cpu", proc)
    if found is None:
        return None
    folder, version = found
    quota = round(share * PERIOD)
    if version == 2:
        folder = folder.parent if folder.name == REST else folder
        if "cpu" not in " ".join(_lines(folder / "cgroup.controllers")).split():
            return None
        if "cpu" not in " ".join(_lines(folder / "cgroup.subtree_control")).split():
            (folder / REST).mkdir(exist_ok=True)
            for pid in _lines(folder / "cgroup.procs"):
                (folder / REST / "cgroup.procs").write_text(pid)
            (folder / "cgroup.subtree_control").write_text("+cpu")
    made = folder / name
    made.mkdir()
    try:
        if version == 2:
            (made / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (made / "cpu.cfs_period_us").write_text(str(PERIOD))
            (made / "cpu.cfs_quota_us").write_text(str(quota))
    except OSError:
        leave(made)
        raise
    return made


def leave(folder: Path) -> None:
    """Remove a group whose processes have ended; one that is not empty yet is tried again."""
    for _ in range(TRIES):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(NAP)
        else:
            return


def _folder(mounts: list[str], path: str, controller: str, version: int) -> Path | None:
    """Where a group is mounted: its path less the one that the mount begins at."""
    for line in mounts:
        before, _, after = line.partition(" - ")
        place, kind = before.split(" "), after.split(" ")
        if len(place) < 5 or len(kind) < 3 or kind[0] != ("cgroup2" if version == 2 else "cgroup"):
            continue
        if version == 1 and controller not in kind[2].split(","):
            continue
        root, at = Path(place[3]), Path(place[4])
        if Path(path).is_relative_to(root):
            folder = at / Path(path).relative_to(root)
            if folder.is_dir():
                return folder
    return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
