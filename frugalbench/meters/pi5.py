"""Power of a Raspberry Pi 5, from the rails its power chip (PMIC) measures.

`board` is a fit that Pi users found against meters at the input, P ≈ 1.1451·ΣVI + 0.5879 W
(https://pitop.hongjunwu.com/guide/power): the maker publishes none. What hangs on the 5 V input
itself, USB devices for one, passes by the rails. `rail:pmic_sum` is ΣVI alone. Older boards have
no current sensor.
"""

import math
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from frugalbench.meters import _sysfs
from frugalbench.meters._meter import Unavailable
from frugalbench.meters._sampler import Sampler
from frugalbench.spec import Target

__all__ = ["open", "rails"]

FACTOR, OFFSET = 1.1451, 0.5879
INTERVAL = 1.0
TIMEOUT = 2.0
MODELS = re.compile(r"Raspberry Pi (5|Compute Module 5)\b")
EXTERNAL = "use an external meter and name its log: target.meter_log=…"
NOTE = (
    "board is a fit of users to the rails of the power chip (1.1451·ΣVI + 0.5879 W), not a "
    "measurement of the input; USB devices are not in it"
)
LINE = re.compile(
    r"^\s*(?P<rail>\w{1,40})_(?P<kind>[AV])\s*(?:\w+\(\d+\))?\s*=\s*(?P<value>[-+0-9.eE]{1,30})[AV]?\s*$"
)


def rails(text: str) -> dict[str, float]:
    """Watts of each rail whose voltage and current `vcgencmd pmic_read_adc` both shows.

    >>> rails(" VDD_CORE_A current(7)=2.0A\\n VDD_CORE_V volt(15)=0.8V\\n EXT5V_V volt(24)=5.1V")
    {'VDD_CORE': 1.6}
    """
    seen: dict[str, dict[str, float]] = {"A": {}, "V": {}}
    for line in text.splitlines()[:1000]:
        found = LINE.match(line)
        if not found:
            continue
        try:
            value = float(found["value"])
        except ValueError:
            continue
        if math.isfinite(value):
            seen[found["kind"]][found["rail"]] = value
    return {name: amps * seen["V"][name] for name, amps in seen["A"].items() if name in seen["V"]}


def ask() -> str:
    """What `vcgencmd pmic_read_adc` prints.

    Raises:
        OSError: there is no such command, or it does not end.
        ValueError: it failed; the text is its first line.
    """
    command = shutil.which("vcgencmd")
    if command is None:
        raise FileNotFoundError("vcgencmd is not installed")
    try:
        done = subprocess.run(
            [command, "pmic_read_adc"], capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError("vcgencmd does not answer") from None
    said = (done.stdout or done.stderr).decode("utf-8", "replace")
    if done.returncode:
        raise ValueError(_sysfs.word(said.strip().partition("\n")[0]) or "vcgencmd failed")
    return said


def open(
    target: Target,
    root: Path = Path("/"),
    *,
    run: Callable[[], str] = ask,
    clock: Callable[[], float] = time.monotonic,
    thread: bool = True,
) -> Sampler | Unavailable:
    """Sample the power chip of a Raspberry Pi 5."""
    model = _sysfs.maybe(root / "proc/device-tree/model") or ""
    if not MODELS.search(model):
        if model.startswith("Raspberry Pi"):
            return Unavailable(f"a {_sysfs.word(model)} has no current sensor", EXTERNAL)
        return Unavailable("this is no Raspberry Pi 5")
    try:
        first = rails(run())
    except FileNotFoundError:
        return Unavailable("vcgencmd is not installed", "sudo apt install raspi-utils")
    except (OSError, ValueError) as error:
        return Unavailable(
            f"the power chip cannot be asked: {error}", "sudo usermod -aG video $USER, then log in"
        )
    if not first:
        return Unavailable("vcgencmd pmic_read_adc shows no rail", "sudo rpi-eeprom-update -a")

    def watts() -> dict[str, float | None]:
        try:
            seen = rails(run())
        except (OSError, ValueError):
            seen = {}
        # A rail that is missing would look like one that draws nothing.
        total = sum(seen.values()) if seen.keys() == first.keys() else None
        fit = None if total is None else FACTOR * total + OFFSET
        return {"board": fit, "rail:pmic_sum": total}

    return Sampler(
        watts,
        method="board_rail",
        interval=INTERVAL,
        clock=clock,
        note=NOTE,
        lost="the power chip did not answer",
        thread=thread,
    )
