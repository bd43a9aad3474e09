"""The action, the GitLab template and the hooks: parsed, and their scripts run here with a shell.

Neither GitHub nor GitLab runs in these tests: what a runner does before and after the scripts is
played by a few lines that put inputs into the environment, as the runners do.
"""

import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from _faulty import softmax
from _records import make_record
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import frugalbench as fb
from frugalbench import commands
from frugalbench.cli import main

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "templates" / "gitlab-ci.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
JOB = GITLAB[".frugalbench-gate"]
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")

HOSTILE = (
    "$(touch x)",
    "`touch x`",
    "'; touch x; '",
    '"; touch x; "',
    "a b\tc",
    "line\nmodel=other",
    "x\n::set-output name=verdict::PASS",
    "*",
    "~",
    "\\",
    "%0A",
    "!x",
)
QUICK = (
    *("plan.processes=1", "plan.process_seconds=0.3", "plan.idle_seconds=0.05"),
    *("plan.warmup_seconds=0.05", "plan.windows=3", "target.meters=[fake]"),
)
RECORDER = """#!/bin/sh
printf '%s\\0' "$@" > "$RECORDED.${0##*/}"
for word in "$@"; do
  case $word in --summary=*) echo "# summary" > "${word#--summary=}" ;; esac
done
exit "${CODE:-0}"
"""
VENV = """#!/bin/sh
[ "$1 $2 $3" = "-I -m venv" ] || exec "$REAL_PYTHON" "$@"
mkdir -p "$4/bin"
cp "$STUBS/recorder" "$4/bin/python"
cp "${FRUGALBENCH:-$STUBS/recorder}" "$4/bin/frugalbench"
"""


class Did(NamedTuple):
    """What the scripts did: exit code, what was printed, outputs, and the words each tool got."""

    code: int
    printed: str
    outputs: dict[str, str]
    summary: str
    pip: list[str]
    gate: list[str] | None


class Runner:
    """A folder with a checkout, and stand-ins for the tools that a script calls by name."""

    def __init__(self, folder: Path, *, real: bool = False) -> None:
        self.folder = folder
        self.work = folder / "work"
        stubs, temporary = folder / "stubs", folder / "temp"
        for one in (self.work, stubs, temporary):
            one.mkdir(parents=True)
        for name, text in (("recorder", RECORDER), ("python", VENV)):
            (stubs / name).write_text(text)
            (stubs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "STUBS": str(stubs),
            "REAL_PYTHON": sys.executable,
            "RECORDED": str(folder / "recorded"),
            "RUNNER_TEMP": str(temporary),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_ACTIONS": "true",
        }
        if real:
            self.environment["FRUGALBENCH"] = str(Path(sys.executable).parent / "frugalbench")

    def action(self, *steps: str, code: int = 0, **inputs: str) -> Did:
        """Run steps of the action with these inputs, as a runner does."""
        known = {name: one["default"] for name, one in ACTION["inputs"].items()}
        assert set(inputs) <= {name.replace("-", "_") for name in known}
        known |= {name.replace("_", "-"): value for name, value in inputs.items()}
        values = {f"inputs.{name}": value for name, value in known.items()}
        values["github.action_path"] = str(ROOT)
        self._forget()
        for name in steps or STEPS:
            step = STEPS[name]
            asked = {
                key: EXPRESSION.sub(lambda found: values[found[1]], value)
                for key, value in step["env"].items()
            }
            assert step["shell"] == "bash"
            ended = self._shell(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail"], step["run"], asked, code
            )
            if ended.returncode:
                break
        return self._did(ended.returncode, ended.stdout + ended.stderr)

    def gitlab(self, *shell: str, code: int = 0, script: str = "script", **variables: str) -> Did:
        """Run the GitLab job with these variables, each with its prefix left out."""
        asked = {key: str(value) for key, value in JOB["variables"].items()}
        asked |= {f"FRUGALBENCH_{name.upper()}": value for name, value in variables.items()}
        self._forget()
        for one in JOB[script]:
            ended = self._shell([*shell], one, asked, code)
            if ended.returncode:
                break
        return self._did(ended.returncode, ended.stdout + ended.stderr)

    def _forget(self) -> None:
        for left in ("output", "summary", "recorded.python", "recorded.frugalbench"):
            (self.folder / left).unlink(missing_ok=True)

    def _shell(
        self, shell: list[str], text: str, asked: Mapping[str, str], code: int
    ) -> subprocess.CompletedProcess[str]:
        script = self.folder / "script.sh"
        script.write_text(text)
        environment = {**self.environment, **asked, "CODE": str(code)}
        if "venv/bin/python" in text:
            environment["CODE"] = "0"
        return subprocess.run(
            [*shell, str(script)],
            cwd=self.work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def _did(self, code: int, printed: str) -> Did:
        output, summary = self.folder / "output", self.folder / "summary"
        lines = output.read_text().splitlines() if output.exists() else []
        return Did(
            code=code,
            printed=printed,
            outputs=dict(line.split("=", 1) for line in lines),
            summary=summary.read_text() if summary.exists() else "",
            pip=self._words("python") or [],
            gate=self._words("frugalbench"),
        )

    def _words(self, tool: str) -> list[str] | None:
        file = self.folder / f"recorded.{tool}"
        return file.read_bytes().decode().split("\0")[:-1] if file.exists() else None


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


BASH, SH = ("bash", "-eo", "pipefail"), ("sh", "-e")


def test_the_action_is_metadata_that_github_reads() -> None:
    assert set(ACTION) <= {"name", "author", "description", "inputs", "outputs", "runs", "branding"}
    assert ACTION["runs"]["using"] == "composite"
    known = {"name", "id", "if", "uses", "with", "shell", "run", "env", "working-directory"}
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    used = {one for one in EXPRESSION.findall(text) if not one.startswith("steps.")}
    inputs = {found for one in used for found in re.findall(r"inputs\.([\w-]+)", one)}
    assert inputs == set(ACTION["inputs"])
    assert all(one.startswith("inputs.") for one in used - {"github.action_path"})
    for one in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert one["description"]
    for one in ACTION["inputs"].values():
        assert isinstance(one["default"], str)
    for step in ACTION["runs"]["steps"]:
        assert set(step) <= known
        assert ("run" in step) != ("uses" in step)
        # What a script is made of never depends on an input.
        assert "${{" not in step.get("run", "")
        assert step.get("shell", "bash") == "bash"
        assert ("run" in step) == ("shell" in step)


def test_every_output_of_the_action_is_written_by_its_script(runner: Runner) -> None:
    did = runner.action(model="./m.onnx")
    ids = {step["id"] for step in STEPS.values() if "id" in step}
    for name, one in ACTION["outputs"].items():
        _, step, outputs, key = EXPRESSION.findall(one["value"])[0].split(".")
        assert (step in ids, outputs, key) == (True, "outputs", name)
    assert set(did.outputs) == set(ACTION["outputs"])
    assert did.summary == "# summary\n"


def test_inputs_of_the_action_become_words_of_the_gate(runner: Runner) -> None:
    did = runner.action(
        model="./m.onnx",
        data="./d.csv",
        label="y",
        groups="sex,age band",
        policy="./p.yaml",
        site="fr",
        baseline="results/LAST",
        reference="results/FIRST",
        words="plan=standard\n\ntarget.threads=2\n",
        extras="sklearn",
    )
    assert did.code == 0, did.printed
    assert did.pip[-2:] == ["--", f"{ROOT}[sklearn]"]
    assert did.gate is not None
    folder = Path(did.outputs["junit"]).parent
    assert did.gate == [
        *("gate", "model=./m.onnx", "data=./d.csv", "data.label=y", "data.groups=[sex,age band]"),
        *("site=fr", "plan=standard", "target.threads=2", f"results={folder}/results"),
        *("--policy=./p.yaml", "--baseline=results/LAST", "--reference=results/FIRST"),
        *(f"--junit={folder}/junit.xml", f"--sarif={folder}/gate.sarif"),
        *(f"--summary={folder}/summary.md", f"--markdown={folder}/gate.md"),
        f"--json={folder}/gate.json",
    ]
    stored = runner.action(record="results/RECORD", requirement="frugalbench==0.1.0")
    assert stored.pip[-2:] == ["--", "frugalbench==0.1.0"]
    assert stored.gate is not None
    assert stored.gate[:2] == ["gate", "results/RECORD"]
    assert not any(word.startswith("results=") for word in stored.gate)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, "PASS"), (1, "FAIL"), (2, "USAGE"), (3, "INCONCLUSIVE"), (4, "ERROR"), (130, "ERROR")],
)
def test_the_action_ends_as_the_gate_does(runner: Runner, code: int, verdict: str) -> None:
    did = runner.action(model="./m.onnx", code=code)
    assert did.code == code
    assert (did.outputs["verdict"], did.outputs["exit-code"]) == (verdict, str(code))


REFUSED = (
    {},
    {"data": "./d.csv"},
    {"model": "./m.onnx", "words": "--policy=exploratory"},
    {"record": "--help"},
    {"model": "./m.onnx", "label": "${oc.env:SECRET}"},
    {"model": "./m.onnx", "policy": "${oc.env:SECRET}"},
    {"model": "./m.onnx", "requirement": "--index-url=http://elsewhere"},
)


@pytest.mark.parametrize("inputs", REFUSED, ids=str)
def test_inputs_that_say_nothing_or_too_much_are_refused(
    runner: Runner, inputs: dict[str, str]
) -> None:
    did = runner.action(**inputs)
    assert (did.code, did.gate) == (2, None)
    assert did.printed.startswith("::error::frugalbench: ")
    asked = {"requirement": "frugalbench", **inputs}
    for shell in (BASH, SH):
        same = runner.gitlab(*shell, **asked)
        assert (same.code, same.gate) == (2, None)
        assert same.printed.startswith("frugalbench: ")
    assert len(did.printed.splitlines()) == len(same.printed.splitlines()) == 1


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_no_input_is_run_by_a_shell(runner: Runner, value: str) -> None:
    inputs = dict.fromkeys(
        ("model", "data", "label", "groups", "policy", "site", "baseline", "reference"), value
    )
    before = sorted(runner.work.iterdir())
    words = {"words": f"model.name={value}".splitlines()[0]}
    for name in ("action", "bash", "sh"):
        if name == "action":
            did = runner.action(**inputs, **words, requirement=value)
        else:
            shell = BASH if name == "bash" else SH
            did = runner.gitlab(*shell, **inputs, **words, requirement=value)
            for made in ("frugalbench-gate", ".frugalbench-venv"):
                shutil.rmtree(runner.work / made)
        assert did.code == 0, did.printed
        assert sorted(runner.work.iterdir()) == before
        assert did.pip[-1] == value
        assert did.gate is not None
        for word in (
            *(f"model={value}", f"data={value}", f"data.label={value}", f"data.groups=[{value}]"),
            *(f"site={value}", f"--policy={value}", f"--baseline={value}", words["words"]),
            f"--reference={value}",
        ):
            assert word in did.gate
        if name == "action":
            assert did.outputs["verdict"] == "PASS"
            assert set(did.outputs) == set(ACTION["outputs"])


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def check_any_text(runner: Runner, text: str) -> None:
    action = runner.action("Install frugalbench", "Gate", model="./m", label=text)
    gitlab = runner.gitlab(*SH, model="./m", label=text, requirement="frugalbench")
    shutil.rmtree(runner.work)
    runner.work.mkdir()
    for did in (action, gitlab):
        if "${" in text:
            assert did.code == 2
        else:
            assert did.gate is not None
            assert f"data.label={text}" in did.gate


@settings(max_examples=15)
@given(text=TEXT)
def test_any_text_is_one_word(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check_any_text(Runner(tmp_path_factory.mktemp("any")), text)


@pytest.mark.slow
@settings(max_examples=300)
@given(text=TEXT)
def test_any_text_is_one_word_many(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check_any_text(Runner(tmp_path_factory.mktemp("any")), text)


def lab(runner: Runner) -> None:
    """A model and two policies in the checkout, one that it passes and one that it fails."""
    softmax(runner.work / "m.onnx")
    for name, bound in (("easy", "10"), ("hard", "1.0e-12")):
        rule = f"{{id: slow, metric: latency.p50, at_most: {bound}, unit: s}}"
        (runner.work / f"{name}.yaml").write_text(f"name: {name}\nversion: '1'\nrules: [{rule}]\n")


@pytest.mark.slow
def test_the_action_runs_the_real_gate_on_a_record(tmp_path: Path) -> None:
    runner = Runner(tmp_path, real=True)
    lab(runner)
    record = str(fb.save(make_record(), runner.work / "results"))
    did = runner.action(record=record, policy="./easy.yaml")
    assert did.code == 0, did.printed
    assert did.outputs["verdict"] == "PASS"
    for name in ("junit", "sarif", "summary", "markdown", "json"):
        assert Path(did.outputs[name]).stat().st_size > 0
    assert did.summary == Path(did.outputs["summary"]).read_text()
    again = runner.action(record=record, policy="./hard.yaml")
    assert (again.code, again.outputs["verdict"]) == (1, "FAIL"), again.printed
    assert "::error" in again.printed


@pytest.mark.slow
def test_the_action_measures_with_the_real_gate(tmp_path: Path) -> None:
    runner = Runner(tmp_path, real=True)
    lab(runner)
    did = runner.action(model="./m.onnx", policy="./easy.yaml", words="\n".join(QUICK))
    assert did.code == 0, did.printed
    assert len(list(Path(did.outputs["results"]).iterdir())) == 1
    missing = runner.action(model="./none.onnx")
    assert (missing.code, missing.outputs["verdict"]) == (2, "USAGE")


@pytest.mark.slow
def test_the_gitlab_job_measures_with_the_real_gate(tmp_path: Path) -> None:
    runner = Runner(tmp_path, real=True)
    lab(runner)
    asked = {"requirement": "frugalbench", "model": "./m.onnx", "words": "\n".join(QUICK)}
    did = runner.gitlab(*SH, **asked, policy="./hard.yaml")
    assert did.code == 1, did.printed
    for path in (*JOB["artifacts"]["paths"], JOB["artifacts"]["reports"]["junit"]):
        assert (runner.work / path).exists()
    (record,) = (runner.work / "frugalbench-gate" / "results").iterdir()
    again = runner.gitlab(
        *BASH, requirement="frugalbench", record=str(record), policy="./easy.yaml"
    )
    assert again.code == 0, again.printed


def test_the_gitlab_job_has_its_keywords() -> None:
    assert list(GITLAB) == [".frugalbench-gate"]
    known = {"image", "stage", "variables", "script", "after_script", "artifacts"}
    assert set(JOB) == known
    assert JOB["artifacts"]["when"] == "always"
    text = "".join((*JOB["script"], *JOB["after_script"]))
    used = set(re.findall(r"\bFRUGALBENCH_[A-Z_]+", text)) - {"FRUGALBENCH_NOTE_TOKEN"}
    assert used == set(JOB["variables"])


class Api(http.server.BaseHTTPRequestHandler):
    """What a merge request is told."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.path, self.headers["PRIVATE-TOKEN"], json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(201)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.mark.parametrize("token", ["secret", ""])
def test_a_merge_request_is_told_when_there_is_a_token(runner: Runner, token: str) -> None:
    (runner.work / "frugalbench-gate").mkdir()
    (runner.work / "frugalbench-gate" / "gate.md").write_text('# "FAIL" `$(x)` é\n')
    with http.server.HTTPServer(("127.0.0.1", 0), Api) as server:
        server.told = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        runner.environment |= {
            "CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4",
            "CI_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_IID": "12",
        }
        did = runner.gitlab(*SH, script="after_script", note_token=token)
        server.shutdown()
        thread.join()
        told = server.told  # type: ignore[attr-defined]
    assert did.code == 0, did.printed
    where = "/api/v4/projects/7/merge_requests/12/notes"
    note = (where, "secret", {"body": '# "FAIL" `$(x)` é\n'})
    assert told == ([note] if token else [])


def test_hooks_call_commands_there_are() -> None:
    known = {"id", "name", "description", "entry", "language", "types", "files", "stages"}
    known |= {"args", "pass_filenames", "always_run", "minimum_pre_commit_version"}
    for hook in HOOKS:
        assert set(hook) <= known
        program, command, *_ = shlex.split(hook["entry"])
        assert (program, hook["language"]) == ("frugalbench", "python")
        assert command in commands.names()


def test_the_policy_hook_looks_at_policies_and_refuses_a_bad_one(tmp_path: Path) -> None:
    (hook,) = (one for one in HOOKS if one["id"] == "frugalbench-policy")
    ours = [path.relative_to(ROOT).as_posix() for path in (ROOT / "configs/policy").glob("*.yaml")]
    assert all(re.search(hook["files"], name) for name in ours)
    assert not re.search(hook["files"], "configs/plan/quick.yaml")
    words = shlex.split(hook["entry"])[1:]
    rule = "{id: e, metric: energy.per_inference, at_most: %s, unit: J}"
    good, bad = tmp_path / "good.yaml", tmp_path / "bad\x1b[31m.yaml"
    good.write_text(f"name: mine\nversion: '1'\nrules: [{rule % 1}]\n")
    bad.write_text(f"name: mine\nversion: '1'\nrules: [{rule % -1}, {rule % 'x'}]\n")
    fine = CliRunner().invoke(main, [*words, str(good), "drift"])
    assert fine.exit_code == 0, fine.output
    digest = fb.judge(make_record(), fb.load_policy(str(good))).policy_sha256
    assert fine.stdout.splitlines()[0] == f"{digest}  mine 1  {good}"
    both = CliRunner().invoke(main, [*words, str(bad), str(good)])
    assert both.exit_code == 2
    assert len(both.stderr.splitlines()) == 1
    assert "\x1b" not in both.output
    assert str(good) in both.stdout
    assert CliRunner().invoke(main, words).exit_code == 2


def test_the_gate_hook_judges_a_stored_record_and_refuses_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (hook,) = (one for one in HOOKS if one["id"] == "frugalbench-gate")
    words = shlex.split(hook["entry"])[1:]
    assert CliRunner().invoke(main, [*words, *hook["args"]]).exit_code == 2
    record = fb.save(make_record(), tmp_path / "results")
    rule = "{id: slow, metric: latency.p50, at_most: 10, unit: s}"
    (tmp_path / "mine.yaml").write_text(f"name: mine\nversion: '1'\nrules: [{rule}]\n")
    done = CliRunner().invoke(main, [*words, str(record), "--policy", "mine.yaml"])
    assert done.exit_code == 0, done.output
