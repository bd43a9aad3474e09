"""Raspberry Pis: what the power chip prints, and boards that have none."""

import shutil
import subprocess
from pathlib import Path

import pytest
from _meters import CPU, Clock, put, why
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.meters import pi5
from frugalbench.meters._sampler import Sampler

PRINTED = """\
 3V7_WL_SW_A current(0)=0.10000000A
   DDR_VDDQ_A current(4)=0.00000000A
   VDD_CORE_A current(7)=2.00000000A
    0V8_AON_A current(16)=0.50000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   DDR_VDDQ_V volt(12)=0.60000000V
   VDD_CORE_V volt(15)=0.80000000V
    0V8_AON_V volt(19)=0.80000000V
      EXT5V_V volt(24)=5.05716000V
       BATT_V volt(25)=0.00000000V
"""
SUM = 0.37 + 0.0 + 1.6 + 0.4
MODEL = "Raspberry Pi 5 Model B Rev 1.0\0"


def pi(root: Path, model: str = MODEL) -> Path:
    return put(root, {"proc/device-tree/model": model})


def opened(root: Path, said: list[str], clock: Clock) -> Sampler:
    """A meter whose chip prints the texts one after the other, the last one for ever."""

    def run() -> str:
        return said.pop(0) if len(said) > 1 else said[0]

    meter = pi5.open(CPU, root, run=run, clock=clock, thread=False)
    assert isinstance(meter, Sampler), meter
    return meter


@pytest.mark.parametrize(
    "model", [MODEL, "Raspberry Pi Compute Module 5 Rev 1.0", "Raspberry Pi 5"]
)
def test_power_is_voltage_times_current_of_every_rail_and_a_fit_to_it(
    tmp_path: Path, model: str
) -> None:
    clock = Clock()
    meter = opened(pi(tmp_path, model), [PRINTED], clock)
    clock.wait(2.0)
    assert meter.read() == {
        "rail:pmic_sum": pytest.approx(2 * SUM),
        "board": pytest.approx(2 * (1.1451 * SUM + 0.5879)),
    }
    assert (meter.method, meter.period, meter.ticks) == ("board_rail", 1.0, False)
    assert "fit of users" in meter.note


def test_voltages_without_a_current_are_left_out() -> None:
    assert pi5.rails(PRINTED).keys() == {"3V7_WL_SW", "DDR_VDDQ", "VDD_CORE", "0V8_AON"}


def test_the_shorter_format_is_read_too() -> None:
    assert pi5.rails("VDD_CORE_V=0.5V\nVDD_CORE_A=3.0A\n") == {"VDD_CORE": 1.5}


@pytest.mark.parametrize(
    "text",
    [
        "",
        'error=1 error_msg="Command not registered"',
        "VDD_CORE_A current(7)=nanA\nVDD_CORE_V volt(15)=0.8V",
        "VDD_CORE_A current(7)=1e999A\nVDD_CORE_V volt(15)=0.8V",
        "VDD_CORE_A current(7)=--A\nVDD_CORE_V volt(15)=0.8V",
        "VDD_CORE_A current(7)=1.0A",
        "x" * 100_000,
    ],
)
def test_what_is_no_pair_of_numbers_gives_no_rail(text: str) -> None:
    assert pi5.rails(text) == {}


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert all(isinstance(watts, float) for watts in pi5.rails(text).values())


@pytest.mark.parametrize("second", ["", PRINTED.replace("VDD_CORE_A", "OTHER_A")])
def test_a_rail_that_is_missing_once_is_no_rail_that_draws_nothing(
    tmp_path: Path, second: str
) -> None:
    clock = Clock()
    meter = opened(pi(tmp_path), [PRINTED, PRINTED, second, PRINTED], clock)
    for _ in range(3):
        clock.wait(1.0)
        meter.sample()
    assert meter.read() == {"rail:pmic_sum": None, "board": None}
    assert "did not answer" in meter.reason("board")


def test_a_chip_that_stops_answering_is_unknown(tmp_path: Path) -> None:
    clock, works = Clock(), [True, True]

    def run() -> str:
        if not works:
            raise TimeoutError("vcgencmd does not answer")
        works.pop()
        return PRINTED

    meter = pi5.open(CPU, pi(tmp_path), run=run, clock=clock, thread=False)
    assert isinstance(meter, Sampler)
    clock.wait(1.0)
    meter.sample()
    assert meter.read() == {"rail:pmic_sum": None, "board": None}


@pytest.mark.parametrize(
    "model", ["Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi Zero 2 W Rev 1.0"]
)
def test_an_older_pi_needs_an_external_meter(tmp_path: Path, model: str) -> None:
    found = why(pi5.open(CPU, pi(tmp_path, model), run=lambda: PRINTED))
    assert model in found.reason
    assert "no current sensor" in found.reason
    assert "target.meter_log" in found.unlock


def test_another_machine_is_not_asked(tmp_path: Path) -> None:
    def run() -> str:
        raise AssertionError("asked")

    assert "no Raspberry Pi 5" in why(pi5.open(CPU, tmp_path, run=run)).reason


@pytest.mark.parametrize(
    ("error", "unlock"),
    [
        (FileNotFoundError("vcgencmd"), "apt install"),
        (PermissionError(13, "Permission denied"), "usermod -aG video"),
        (ValueError("Can't open device file: /dev/vcio"), "usermod -aG video"),
        (TimeoutError("vcgencmd does not answer"), "usermod"),
    ],
)
def test_a_chip_that_cannot_be_asked_says_what_would_help(
    tmp_path: Path, error: Exception, unlock: str
) -> None:
    def run() -> str:
        raise error

    assert unlock in why(pi5.open(CPU, pi(tmp_path), run=run)).unlock


def test_firmware_without_the_command_is_unavailable(tmp_path: Path) -> None:
    assert "no rail" in why(pi5.open(CPU, pi(tmp_path), run=lambda: "error=1")).reason


# ── the command itself ───────────────────────────────────────────────────────


def command(
    monkeypatch: pytest.MonkeyPatch, out: bytes, err: bytes = b"", code: int = 0
) -> list[list[str]]:
    called: list[list[str]] = []

    def run(words: list[str], **settings: object) -> subprocess.CompletedProcess[bytes]:
        called.append(words)
        assert settings["timeout"] == pi5.TIMEOUT
        return subprocess.CompletedProcess(words, code, out, err)

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    return called


def test_the_chip_is_asked_by_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    called = command(monkeypatch, PRINTED.encode())
    assert pi5.ask() == PRINTED
    assert called == [["/usr/bin/vcgencmd", "pmic_read_adc"]]


def test_a_command_that_fails_says_why_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, b"", b"Can't open /dev/vcio\nmore\n", code=255)
    with pytest.raises(ValueError, match=r"^Can't open /dev/vcio$"):
        pi5.ask()


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, b"")

    def hang(words: list[str], **settings: object) -> None:
        raise subprocess.TimeoutExpired(words, 2.0)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(TimeoutError):
        pi5.ask()


def test_a_command_that_is_not_there_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError):
        pi5.ask()
