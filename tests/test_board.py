"""Measuring on another machine: the same record, whatever becomes of the link."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from _away import Away
from _faulty import softmax

from frugalbench import board, metrics, store, worker
from frugalbench.board._files import Shelf
from frugalbench.board._install import platforms
from frugalbench.board._link import Link, LinkLostError
from frugalbench.board._look import Looked, check
from frugalbench.board._pack import pack
from frugalbench.errors import MeasurementError, UsageError
from frugalbench.record import Record
from frugalbench.spec import Data, Model, Plan, Spec, Target
from frugalbench.values import Value

QUICK = Plan(
    processes=1, process_seconds=0.3, warmup_seconds=0.05, idle_seconds=0.05, windows=3,
    limit_seconds=30,
)  # fmt: skip
change = msgspec.structs.replace


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    return Away(tmp_path / "away", monkeypatch)


def measured(path: Path, target: Target, **parts: object) -> Record:
    whole = {"plan": QUICK, **parts}
    return worker.run(Spec(model=Model(path=str(path)), target=target, **whole))  # type: ignore[arg-type]


def rows(path: Path, count: int = 40) -> Path:
    rng = np.random.default_rng(3)
    lines = ["a,b,y"]
    lines += [f"{a:.4f},{b:.4f},{int(a > b)}" for a, b in rng.normal(size=(count, 2))]
    path.write_text("\n".join(lines) + "\n")
    return path


def when(true: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_machine_over_ssh_gives_the_record_that_this_one_does(away: Away, tmp_path: Path) -> None:
    model, table = softmax(tmp_path / "m.onnx"), rows(tmp_path / "t.csv")
    data = Data(path=str(table), label="y")
    there = measured(model, away.target(), data=data)
    here = measured(model, Target(meters=("fake",)), data=data)
    assert there.failure is None
    assert there.run is not None
    assert here.run is not None
    assert set(there.arrays) == set(here.arrays)
    np.testing.assert_array_equal(there.arrays["y_pred"], here.arrays["y_pred"])
    assert there.run.processes[0].cold_start_seconds is not None
    assert there.host.packages == here.host.packages
    assert {one.phase for one in there.run.windows} == {one.phase for one in here.run.windows}
    assert isinstance(metrics.find("energy.per_inference")(there), Value)


def test_nothing_is_left_but_the_model_and_the_measuring_part(away: Away, tmp_path: Path) -> None:
    model, table = softmax(tmp_path / "m.onnx"), rows(tmp_path / "t.csv")
    data = Data(path=str(table), label="y")
    record = measured(model, away.target(), data=data, plan=change(QUICK, processes=2))
    assert record.run is not None
    assert len(record.run.processes) == 2
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert {one.name for one in (away.cache / "blobs").iterdir()} == {digest, pack().sha256}
    assert away.left() == set()
    assert away.running() == set()
    first = len(away.asked)
    measured(model, away.target(), data=data)
    again = [one for one in away.asked[first:] if " take " in one]
    # The rows are brought once more, and nothing else.
    assert again
    assert not any(one in words for words in again for one in (digest, pack().sha256))


def test_a_record_names_neither_the_machine_nor_its_folders(away: Away, tmp_path: Path) -> None:
    record = measured(softmax(tmp_path / "m.onnx"), away.target())
    folder = store.save(record, tmp_path / "results")
    text = (folder / "record.json").read_text()
    assert "pi@away" not in text
    assert str(tmp_path) not in text
    assert record.spec.target.host == "(ssh)"


def test_a_link_that_is_cut_and_mended_loses_nothing(away: Away, tmp_path: Path) -> None:
    stages: list[str] = []
    plan = change(QUICK, process_seconds=4.0)
    spec = Spec(
        model=Model(path=str(softmax(tmp_path / "m.onnx"))), plan=plan, target=away.target()
    )
    found: list[Record] = []
    thread = threading.Thread(
        target=lambda: found.append(worker.run(spec, lambda stage, share: stages.append(stage)))
    )
    thread.start()
    for _ in range(2):
        seen = stages.count("time")
        when(lambda seen=seen: stages.count("time") > seen)  # type: ignore[misc]
        away.cut()
        time.sleep(0.3)
        away.mend()
    thread.join(60)
    (record,) = found
    assert record.failure is None
    assert record.run is not None
    (process,) = record.run.processes
    assert record.latency_ns.size == process.kept
    assert process.seconds > 0.9 * 4.0
    assert sum(" follow " in one for one in away.asked) >= 3
    # Each line of progress came once: the share of the time only grows.
    assert away.left() == set()


def test_a_link_that_stays_cut_is_a_failure_and_what_was_begun_ends_itself(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "LEASE", 4.0)
    plan = change(QUICK, process_seconds=60.0, max_seconds=20.0)
    stages: list[str] = []
    spec = Spec(
        model=Model(path=str(softmax(tmp_path / "m.onnx"))), plan=plan, target=away.target()
    )
    found: list[Record] = []
    thread = threading.Thread(
        target=lambda: found.append(worker.run(spec, lambda stage, share: stages.append(stage)))
    )
    thread.start()
    when(lambda: "time" in stages)
    away.cut()
    thread.join(60)
    (record,) = found
    assert record.run is None
    assert record.failure is not None
    assert record.failure.kind == "unreachable"
    assert away.running() == set()
    assert away.left() == set()


def test_an_agent_that_is_killed_is_told_as_such(away: Away, tmp_path: Path) -> None:
    plan = change(QUICK, process_seconds=20.0, limit_seconds=60.0, max_seconds=60.0)
    stages: list[str] = []
    spec = Spec(
        model=Model(path=str(softmax(tmp_path / "m.onnx"))), plan=plan, target=away.target()
    )
    found: list[Record] = []
    thread = threading.Thread(
        target=lambda: found.append(worker.run(spec, lambda stage, share: stages.append(stage)))
    )
    thread.start()
    when(lambda: "time" in stages)
    for pid in away.supervisors():
        os.kill(pid, signal.SIGKILL)
    thread.join(60)
    (record,) = found
    assert record.failure is not None
    assert "was killed" in record.failure.detail
    assert away.running() == set()


def test_one_board_measures_one_thing_at_a_time(away: Away, tmp_path: Path) -> None:
    (away.cache / "jobs").mkdir(parents=True)
    holder = subprocess.Popen(
        ["flock", str(away.cache / "jobs/lock"), "sleep", "30"], start_new_session=True
    )
    try:
        time.sleep(0.3)
        record = measured(softmax(tmp_path / "m.onnx"), away.target())
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    assert record.failure is not None
    assert "another measurement runs on this board" in record.failure.detail


def test_the_log_of_an_external_meter_is_read_by_the_clock_of_the_board(
    away: Away, tmp_path: Path
) -> None:
    log = tmp_path / "plug.csv"
    log.write_text("time,power_w\n")
    over = threading.Event()

    def meter() -> None:
        while not over.wait(0.05):
            with log.open("a") as stream:
                stream.write(f"{time.time():.3f},2.5\n")

    thread = threading.Thread(target=meter)
    thread.start()
    try:
        target = away.target(meters=("csvlog",), meter_log=str(log))
        record = measured(
            softmax(tmp_path / "m.onnx"), target, plan=change(QUICK, process_seconds=1.0)
        )
    finally:
        over.set()
        thread.join()
    assert record.failure is None
    power = metrics.find("energy.power")(record)
    assert isinstance(power, Value)
    assert power.method == "external_meter"
    assert power.estimate == pytest.approx(2.5, rel=1e-6)


@pytest.mark.parametrize("host", ["-oProxyCommand=touch x", "a b", "a\nb", "\x1b[2J"])
def test_a_host_that_ssh_would_misread_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="is no host"):
        Link(host)


def test_no_host_says_how_to_name_one() -> None:
    with pytest.raises(UsageError, match="add host=pi@board"):
        Link("")


def test_a_board_that_does_not_answer_is_one_line(away: Away, tmp_path: Path) -> None:
    (away.folder / "down").touch()
    with pytest.raises(MeasurementError, match=r"pi@away cannot be reached .*try: ssh pi@away"):
        measured(softmax(tmp_path / "m.onnx"), away.target())


def test_a_board_without_packages_says_how_to_bring_them(away: Away, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(MeasurementError, match=r"lacks numpy, msgspec, onnxruntime: .*--install"):
        measured(softmax(tmp_path / "m.onnx"), away.target(python=str(bare)))


def test_a_board_without_python_is_one_line(away: Away, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"has no python9: install Python 3\.11 or name it"):
        measured(softmax(tmp_path / "m.onnx"), away.target(python="python9"))


def test_a_shell_that_talks_is_one_line(away: Away, tmp_path: Path) -> None:
    talking = tmp_path / "talking"
    talking.write_text(f'#!/bin/sh\necho Welcome!\nexec {sys.executable} "$@"\n')
    talking.chmod(0o755)
    with pytest.raises(MeasurementError, match="its shell must print nothing"):
        measured(softmax(tmp_path / "m.onnx"), away.target(python=str(talking)))


LOOKED = Looked(
    python=(3, 11, 2), machine="aarch64", bits=64, system="Linux", libc="glibc 2.36", base="/b",
    site="/b/site", free=2**40, packages={"numpy": "2.4.6"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("looked", "said"),
    [
        (change(LOOKED, python=(3, 9, 1)), "has Python 3.9.1, and 3.11 is needed"),
        (change(LOOKED, packages={"numpy": None}), "lacks numpy"),
        (change(LOOKED, free=2**20), "has 1 MiB left, and 64 MiB are needed"),
    ],
)
def test_a_board_that_cannot_do_it_says_what_it_lacks(looked: Looked, said: str) -> None:
    with pytest.raises(MeasurementError, match=said):
        check(looked, Target(host="pi@board"))


def test_a_file_that_came_damaged_is_not_kept(away: Away) -> None:
    with Link("pi@away") as link:
        shelf = Shelf(link, "~/.cache/frugalbench", sys.executable)
        shelf.json("look")
        reply = shelf.ask("take", "0" * 64, "0", "4", payload=[b"else"])
        assert reply.code == 1
        assert "not what was sent" in reply.last_words
        assert list((away.cache / "blobs").iterdir()) == []


def test_a_file_goes_on_where_a_lost_link_left_it(away: Away) -> None:
    content = bytes(range(256)) * 5000
    digest = hashlib.sha256(content).hexdigest()
    blobs = away.cache / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{digest}.part").write_bytes(content[:1000])
    with Link("pi@away") as link:
        Shelf(link, "~/.cache/frugalbench", sys.executable).put({digest: content})
    assert (blobs / digest).read_bytes() == content
    assert any(f" take {digest} 1000" in one for one in away.asked)


def test_a_command_that_never_ends_is_given_up(away: Away) -> None:
    with Link("pi@away") as link, pytest.raises(LinkLostError, match="no answer in 1 s"):
        link.run(["sleep", "20"], seconds=1.0)


def test_words_reach_the_board_as_they_are(away: Away) -> None:
    hostile = "a b; $(touch x) 'q' \"d\" *"
    with Link("pi@away") as link:
        assert link.run(["printf", "%s", hostile]).out.decode() == hostile


def test_the_measuring_part_is_the_same_bytes_each_time_and_needs_three_packages(
    tmp_path: Path,
) -> None:
    first = pack()
    pack.cache_clear()
    assert pack().sha256 == first.sha256
    assert len(first.content) < 2**20
    (tmp_path / "agent.zip").write_bytes(first.content)
    code = (
        "import sys, frugalbench.agent.__main__, frugalbench.worker as w; "
        "assert 'agent.zip' in w.__file__; "
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'torch', 'onnx', 'hydra', 'rich', 'scipy', 'pyarrow', 'click', 'jinja2', 'sklearn'}))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "agent.zip")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_wheels_are_asked_for_by_what_the_c_library_can_run() -> None:
    assert platforms("aarch64", "glibc 2.31")[:2] == (
        "manylinux_2_31_aarch64",
        "manylinux_2_30_aarch64",
    )
    assert platforms("armv7l", "glibc 2.17") == ("manylinux_2_17_armv7l", "manylinux2014_armv7l")
    assert platforms("x86_64", "") == ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64")


def test_doctor_looks_at_a_board(away: Away) -> None:
    checks = board.examine(away.target(name="ssh"))
    states = {one.subject: one.state for one in checks}
    assert states["ssh"] == states["python"] == states["onnxruntime"] == states["disk"] == "ok"
    assert "machine" in states
    assert "energy meter jetson" in states
    (away.folder / "down").touch()
    (only,) = board.examine(away.target())
    assert (only.subject, only.state) == ("ssh", "missing")
