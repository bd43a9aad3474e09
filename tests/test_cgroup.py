"""Control groups as two versions of the kernel show them, in trees made by hand."""

from pathlib import Path

import pytest

from frugalbench import cgroup

V2 = "30 23 0:28 {root} {at} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "32 31 0:29 {root} {at} rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"


def tree(folder: Path, groups: str, mounts: str, **files: str) -> Path:
    """A /proc/self with these groups, and files of the group by name (`cpu_stat` is cpu.stat)."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(groups)
    (proc / "mountinfo").write_text(mounts)
    inner = folder / "fs" / "app" / "worker"
    inner.mkdir(parents=True)
    for name, text in files.items():
        (inner / name.replace("_", ".")).write_text(text)
    return proc


def test_version_2_shows_the_peak_and_how_often_it_was_held_back(tmp_path: Path) -> None:
    mounts = V2.format(root="/", at=tmp_path / "fs")
    stat = "usage_usec 5\nnr_periods 10\nnr_throttled 7\nthrottled_usec 99\n"
    proc = tree(tmp_path, "0::/app/worker\n", mounts, cpu_stat=stat, memory_peak="123456\n")
    assert cgroup.own("cpu", proc) == (tmp_path / "fs" / "app" / "worker", 2)
    assert cgroup.held_back(proc) == 7
    assert cgroup.memory_peak(proc) == 123456


def test_version_1_has_a_tree_for_each_controller(tmp_path: Path) -> None:
    mounts = V1.format(root="/app", at=tmp_path / "fs" / "app")
    groups = "5:devices:/\n4:cpu,cpuacct:/app/worker\n0::/\n"
    proc = tree(tmp_path, groups, mounts, cpu_stat="nr_throttled 3\n", memory_peak="1\n")
    assert cgroup.own("cpu", proc) == (tmp_path / "fs" / "app" / "worker", 1)
    assert cgroup.held_back(proc) == 3
    assert cgroup.memory_peak(proc) is None


@pytest.mark.parametrize(
    ("groups", "stat"),
    [
        ("", "nr_throttled 1"),
        ("0::/elsewhere\n", "nr_throttled 1"),
        ("0::/app/worker\n", "nr_throttled many"),
        ("0::/app/worker\n", ""),
        ("0:\n\n:::\n", "nr_throttled 1"),
    ],
)
def test_what_is_not_shown_is_none_and_no_zero(groups: str, stat: str, tmp_path: Path) -> None:
    mounts = "nonsense\n" + V2.format(root="/", at=tmp_path / "fs")
    proc = tree(tmp_path, groups, mounts, cpu_stat=stat, memory_peak="max")
    assert cgroup.held_back(proc) is None
    assert cgroup.memory_peak(proc) is None
    assert cgroup.held_back(tmp_path / "absent") is None
