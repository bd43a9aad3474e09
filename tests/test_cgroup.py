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


def test_in_version_2_this_process_makes_room_for_a_group_below_its_own(tmp_path: Path) -> None:
    mounts = V2.format(root="/", at=tmp_path / "fs")
    proc = tree(tmp_path, "0::/app/worker\n", mounts, cgroup_controllers="cpuset cpu memory\n")
    own = tmp_path / "fs" / "app" / "worker"
    (own / "cgroup.procs").write_text("11\n")
    made = cgroup.slowed(0.25, "slow", proc)
    assert made == own / "slow"
    assert (made / "cpu.max").read_text() == "1250 5000"
    assert (own / cgroup.REST / "cgroup.procs").read_text() == "11"
    assert (own / "cgroup.subtree_control").read_text() == "+cpu"
    # The next one is made beside the first, and not below where this process went.
    (proc / "cgroup").write_text(f"0::/app/worker/{cgroup.REST}\n")
    (own / "cgroup.subtree_control").write_text("cpu\n")
    assert cgroup.slowed(0.5, "slower", proc) == own / "slower"


def test_in_version_1_period_and_quota_have_a_file_each(tmp_path: Path) -> None:
    mounts = V1.format(root="/", at=tmp_path / "fs")
    proc = tree(tmp_path, "4:cpu,cpuacct:/app/worker\n", mounts)
    made = cgroup.slowed(0.2, "slow", proc)
    assert made is not None
    assert (made / "cpu.cfs_period_us").read_text() == "5000"
    assert (made / "cpu.cfs_quota_us").read_text() == "1000"


def test_without_the_controller_no_group_is_made(tmp_path: Path) -> None:
    mounts = V2.format(root="/", at=tmp_path / "fs")
    proc = tree(tmp_path, "0::/app/worker\n", mounts, cgroup_controllers="memory pids\n")
    assert cgroup.slowed(0.5, "slow", proc) is None
    assert [one.name for one in (tmp_path / "fs/app/worker").iterdir()] == ["cgroup.controllers"]
    assert cgroup.slowed(0.5, "slow", tmp_path / "absent") is None


def test_leaving_waits_for_the_last_process_and_then_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup.leave(tmp_path / "absent")
    (tmp_path / "group").mkdir()
    cgroup.leave(tmp_path / "group")
    assert not (tmp_path / "group").exists()
    monkeypatch.setattr(cgroup, "NAP", 0)
    (tmp_path / "busy" / "inner").mkdir(parents=True)
    cgroup.leave(tmp_path / "busy")
    assert (tmp_path / "busy").exists()
