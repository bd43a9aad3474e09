"""This machine, held back: really held back, said so everywhere, and refused where it cannot be."""

import os
from pathlib import Path

import msgspec
import pytest
from _build import change
from _onnx import linear
from _records import make_process, make_record

from frugalbench import bench, cgroup, rehearse, report, worker
from frugalbench.compare import compare
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.metrics import validity
from frugalbench.record import Noise, Record
from frugalbench.regress._timed import _elsewhere
from frugalbench.settings import load_policy
from frugalbench.spec import Model, Plan, Spec, Target

CPU = min(os.sched_getaffinity(0))


def measured(folder: Path, target: Target) -> Record:
    plan = Plan(
        max_seconds=12, processes=1, process_seconds=0.4, warmup_seconds=0.1, idle_seconds=0
    )
    model = Model(path=str(linear(folder / "m.onnx")))
    return worker.run(Spec(model=model, target=change(target, meters=()), plan=plan))


def with_target(**target: object) -> Record:
    record = make_record()
    return change(record, spec=change(record.spec, target=change(record.spec.target, **target)))


def groups() -> set[str]:
    found = cgroup.own("cpu")
    return {one.name for one in found[0].glob("frugalbench-*")} if found else set()


@pytest.fixture
def quota() -> None:
    """Skip where this process may make no group with a quota."""
    try:
        made = cgroup.slowed(0.5, "frugalbench-test")
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error.strerror}")
    if made is None:
        pytest.skip("no cpu controller is shown here")
    cgroup.leave(made)


def test_a_worker_runs_on_the_processors_it_is_told_to(tmp_path: Path) -> None:
    record = measured(tmp_path, Target(cpus=(CPU,)))
    assert record.run is not None, record.failure
    assert record.spec.target.rehearsal


@pytest.mark.usefixtures("quota")
def test_a_share_of_a_processor_slows_each_call_and_leaves_no_group(tmp_path: Path) -> None:
    before = groups()
    record = measured(tmp_path, Target(cpu_share=0.25))
    assert record.run is not None, record.failure
    (process,) = record.run.processes
    assert process.noise is not None
    # A call that never waits ends when a quarter of a period is over, so it is stopped often.
    assert process.noise.held_back is not None
    assert process.noise.held_back > 10
    # A quota that was asked for disturbs nothing.
    assert not any("quota" in one for one in validity.disturbances(record))
    assert groups() == before


def test_an_address_space_that_is_too_small_is_said_to_be(tmp_path: Path) -> None:
    wide = measured(tmp_path, Target(address_space=4 * 2**30))
    assert wide.run is not None, wide.failure
    narrow = measured(tmp_path, Target(address_space=64 * 2**20))
    assert narrow.failure is not None
    assert narrow.failure.kind == "out_of_memory"
    assert "target.address_space" in narrow.failure.detail
    assert "\n" not in narrow.failure.detail


def test_what_cannot_be_held_is_refused() -> None:
    with pytest.raises(UsageError, match=r"target\.cpus names processor 4000; this process may"):
        rehearse.check(Target(cpus=(4000,)))
    for one in ({"cpus": (CPU,)}, {"cpu_share": 0.5}, {"address_space": 2**30}):
        with pytest.raises(UsageError, match=r"leave out target\.host"):
            rehearse.check(msgspec.convert({"host": "pi@board", **one}, Target))
    with pytest.raises(UsageError, match=r"frugalbench\.run"):
        bench.run(Spec(model=Model(path="m.onnx"), target=Target(cpus=(CPU,))))


@pytest.mark.parametrize("refusal", [PermissionError(13, "Permission denied"), None])
def test_without_a_group_nothing_is_measured_and_a_line_says_how(
    refusal: OSError | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(share: float, name: str) -> None:
        if refusal is not None:
            raise refusal

    monkeypatch.setattr(cgroup, "slowed", refused)
    with pytest.raises(
        MeasurementError, match="systemd-run --user --scope -p Delegate=yes"
    ) as told:
        measured(tmp_path, Target(cpu_share=0.25))
    assert "\n" not in str(told.value)


def test_a_share_below_the_shortest_slice_is_no_setting() -> None:
    for share in (0.1, 0.0, 1.1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"cpu_share": share}, Target)


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_reports_say_that_it_is_a_rehearsal_before_any_number(form: str) -> None:
    record = with_target(cpus=(0, 2), cpu_share=0.25, address_space=2**29, name="pi")
    assert record.run is not None
    noise = Noise(seconds=1, own=0.5, others=0.0, steal=0.0, held_back=1234)
    held = tuple(change(one, noise=noise) for one in record.run.processes)
    record = change(record, run=change(record.run, processes=held))
    told = report.render(form, record, None)
    assert "A REHEARSAL on this machine" in told
    assert "processors 0 2" in told
    assert "stopped 1,234 times" in told
    french = report.render(form, record, None, lang="fr")
    assert "Une RÉPÉTITION sur cette machine" in french
    plain = report.render(form, make_record(), None)
    assert "REHEARSAL" not in plain


def test_a_quota_that_nobody_asked_for_disturbs() -> None:
    noise = Noise(seconds=1, own=0.5, others=0.0, steal=0.0, held_back=7)
    process = change(make_process(100), noise=noise)
    assert "stopped it 7 times" in validity.disturbed(process, Plan())
    assert validity.disturbed(process, Plan(), rehearsal=True) == ""
    assert validity.disturbed(change(process, noise=change(noise, held_back=0)), Plan()) == ""


def test_a_rehearsal_is_not_compared_with_what_is_none() -> None:
    board, held = make_record(), with_target(cpu_share=0.25)
    rows = {row.address: row.comparable for row in compare(board, held)}
    assert rows["latency.p90"] == "a rehearsal against no rehearsal"
    assert rows["quality.accuracy"] == ""
    assert "target.cpu_share" in _elsewhere(held, board)
    assert _elsewhere(held, with_target(cpu_share=0.25)) == ""


def test_the_shipped_rehearsal_is_one() -> None:
    from frugalbench.config import load_spec

    target = load_spec("target=rehearsal").target
    assert target.rehearsal
    assert (target.threads, target.name) == (1, "rehearsal")
    assert not load_spec().target.rehearsal
    assert load_policy("embedded").name == "embedded"
