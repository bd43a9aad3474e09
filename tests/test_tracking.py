"""What an MLflow server is told: every name fits, nobody is in it, and a real server takes it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from _records import HOSTILE, make_record
from click.testing import CliRunner

from frugalbench import store, tracking
from frugalbench.certify import Policy, Rule, judge
from frugalbench.cli import main
from frugalbench.errors import StoreError, UsageError
from frugalbench.metrics import latency
from frugalbench.record import Failure
from frugalbench.values import Value

NOBODY = "http://127.0.0.1:9"
UNSEEN = "[\x00-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


def policy(name: str = "lab") -> Policy:
    rule = Rule(id="right", metric="quality.accuracy", unit="1", at_least=0.5)
    return Policy(name=name, version="3", rules=(rule,))


def test_numbers_and_both_ends_are_logged_by_their_address() -> None:
    record = make_record(groups={"sex": ("F", "M")})
    record.arrays["group:sex"][:] = np.arange(600) % 2
    told = tracking.logged(record, judge(record, policy()))
    value = latency.p90(record)
    assert isinstance(value, Value)
    assert told.metrics["latency.p90"] == value.estimate
    assert told.metrics["latency.p90/low"] == value.low
    assert told.metrics["latency.p90/high"] == value.high
    assert 0 < told.metrics["fairness.tpr/sex/F"] <= told.metrics["fairness.tpr/sex/F/high"]
    # What is missing is not there, and not nought.
    assert "latency.p99_9" not in told.metrics
    assert told.params["model_sha256"] == "a" * 64
    assert told.params["country"] == "FR"
    assert told.params["energy_method"] == "modelled"
    assert told.tags["frugalbench.verdict"] == "PASS"
    assert told.tags["frugalbench.policy"] == "lab"
    assert told.tags["frugalbench.invalid"] == "no"
    assert "adult.onnx" not in str(told.params)


def test_whole_reports_are_withheld_where_they_show_a_few_people() -> None:
    record = make_record(groups={"sex": ("F", "M")}, score=False)
    record.arrays["group:sex"][:] = np.arange(600) % 2
    told = tracking.logged(record)
    assert set(told.texts) == {
        *("model-card.md", "bom.cdx.json", "report.json", "report.html", "report.md"),
    }
    record = make_record(groups={"sex": ("F", "M")}, score=False)
    record.arrays["group:sex"][:] = np.arange(600) % 2
    record.arrays["group:sex"][:4] = -1
    few = tracking.logged(record)
    assert set(few.texts) == {"model-card.md", "bom.cdx.json"}
    assert few.tags["frugalbench.reports"].startswith("withheld")
    assert not any("__missing__" in name for name in few.metrics)
    assert "report.json" in tracking.logged(record, every_group=True).texts


def test_every_name_and_text_fits_what_the_server_takes() -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param, _validate_tag

    columns = dict.fromkeys((*HOSTILE[3:7], ".", ""), ("low", "..", "/", ""))
    told = tracking.logged(make_record(groups={**columns, "g": HOSTILE}, calls=50))
    assert len(told.metrics) > 300
    assert not re.search(UNSEEN, "".join(told.metrics))
    for key, number in told.metrics.items():
        _validate_metric_name(key)
        assert len(key) <= 250
        assert np.isfinite(number)
    judged = judge(make_record(), policy())
    for name in HOSTILE:
        record = make_record(name=name, rows=60, calls=50)
        verdict = msgspec.structs.replace(judged, policy=name, policy_version=name)
        params, tags = tracking._params(record), tracking._tags(record, verdict)
        assert not re.search(UNSEEN, "".join((*params.values(), *tags.values())))
        assert len(params) <= tracking.MOST_PARAMS
        for key, text in params.items():
            _validate_param(key, text)
        for key, text in tags.items():
            _validate_tag(key, text)


def test_keys_that_would_be_alike_are_kept_apart() -> None:
    groups = {"g": ("a/b", "a_b", "a:b", "x" * 300 + "1", "x" * 300 + "2")}
    record = make_record(groups=groups, rows=600)
    told = tracking.logged(record)
    alike = [name for name in told.metrics if re.fullmatch(r"fairness\.accuracy/g/.*[^hw]", name)]
    # The five, and the rows that do not say.
    assert len({name for name in alike if not name.endswith(("/low", "/high"))}) == 6


def test_a_bad_address_or_name_is_refused_before_anything_is_sent() -> None:
    record = make_record()
    for uri in (
        "",
        "mlruns",
        "file:///tmp/x",
        "sqlite:///x.db",
        "databricks",
        "http://",
        "ftp://a",
    ):
        with pytest.raises(UsageError, match="tracking server"):
            tracking.log(record, uri=uri)
    with pytest.raises(UsageError, match="no name"):
        tracking.log(record, uri=NOBODY, experiment=" \x00 ")
    other = judge(make_record(), policy())
    with pytest.raises(UsageError, match="judge it again"):
        tracking.log(record, msgspec.structs.replace(other, record="another"), uri=NOBODY)


def test_without_the_extra_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError, match=r"pip install mlflow-skinny$"):
        tracking.log(make_record(), uri=NOBODY)


def test_a_server_that_is_not_there_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(StoreError) as caught:
        tracking.log(make_record(), uri="http://me:secret@127.0.0.1:9")
    assert "did not take the record" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    folder = store.save(make_record(), tmp_path)
    done = CliRunner().invoke(main, ["track", str(folder), "--to", NOBODY])
    assert done.exit_code == 4
    assert len(done.output.strip().splitlines()) == 1
    failed = msgspec.structs.replace(
        make_record(failure=Failure(kind="crash", detail="signal 11")), id="failed"
    )
    done = CliRunner().invoke(main, ["track", str(store.save(failed, tmp_path)), "--to", NOBODY])
    assert done.exit_code == 4
    assert "signal 11" in done.output
    done = CliRunner().invoke(main, ["track", str(folder), "--to", "mlruns"])
    assert done.exit_code == 2


def _server(folder: Path) -> list[str]:
    """The command that starts a server: MLflow in an environment of its own, made here."""
    found = os.environ.get("FRUGALBENCH_MLFLOW") or ""
    if not found:
        # The whole of MLflow holds pyarrow back, so it is not installed beside the tests.
        venv.create(folder / "venv", with_pip=True)
        found = str(folder / "venv" / "bin" / "mlflow")
        pip = [str(folder / "venv" / "bin" / "pip"), "install", "--quiet", "mlflow>=3"]
        try:
            subprocess.run(pip, check=True, timeout=400, capture_output=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("the whole of MLflow cannot be installed here")
    return [found, "server"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*_server(folder), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/x.db"]
    command += ["--artifacts-destination", str(folder / "files"), "--workers", "1"]
    with (folder / "log").open("w") as kept:
        running = subprocess.Popen(
            command,
            cwd=folder,
            stdout=kept,
            stderr=kept,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True,
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        _wait(running, uri)
        yield uri
    finally:
        # The group is this server's own: its workers end with it.
        os.killpg(running.pid, signal.SIGTERM)
        try:
            running.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(30)
        shutil.rmtree(folder / "venv", ignore_errors=True)


def _wait(running: subprocess.Popen[bytes], uri: str) -> None:
    for _ in range(240):
        assert running.poll() is None
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the server did not start")


@pytest.mark.slow
@pytest.mark.xdist_group("mlflow")
def test_a_real_server_holds_what_was_logged_and_nobody(server: str, tmp_path: Path) -> None:
    record = make_record(groups={"sex": ("F", "M")}, score=False)
    record.arrays["group:sex"][:] = np.arange(600) % 2
    folder = store.save(record, tmp_path)
    judged_by = "frugal-and-trustworthy"
    words = ["track", str(folder), "--to", server, "--experiment", "lab", "--policy", judged_by]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    held = _held(server, done.output.strip())
    told = tracking.logged(record)
    assert held.data.metrics == pytest.approx(told.metrics)
    assert held.data.params == told.params
    assert held.data.tags["frugalbench.verdict"] in ("FAIL", "NOT_EVALUATED")
    assert held.info.status == "FINISHED"
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    files = {one.path for one in client.list_artifacts(held.info.run_id)}
    assert files == set(told.texts)
    got = client.download_artifacts(held.info.run_id, "report.md", str(tmp_path))
    assert judged_by in Path(got).read_text()
    # Neither the user nor the machine is named.
    said = str(held.to_dictionary())
    assert socket.gethostname() not in said
    assert not {"mlflow.user", "mlflow.source.name"} & held.data.tags.keys()
    assert str(tmp_path) not in said


@pytest.mark.slow
@pytest.mark.xdist_group("mlflow")
@pytest.mark.parametrize("name", HOSTILE[::5])
def test_a_real_server_takes_hostile_names(server: str, name: str) -> None:
    record = make_record(name=name, groups={name: HOSTILE, "g": ("..", name)}, notes=(name,))
    run = tracking.log(record, uri=server, experiment=f"x{name}")
    assert _held(server, run).data.metrics == pytest.approx(tracking.logged(record).metrics)


def _held(server: str, run: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server).get_run(run)
