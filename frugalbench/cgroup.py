"""The kernel's control group of this process: what it holds, and how often it was held back.

Version 2 of control groups has one tree, version 1 one for each controller. Standard library only:
a board reads this too.
"""

import re
from pathlib import Path

__all__ = ["held_back", "memory_peak", "own"]

PROC = Path("/proc/self")


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
