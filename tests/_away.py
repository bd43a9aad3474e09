"""A machine that is reached by ssh, and is this one: a stand-in for `ssh` that tests can cut."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from frugalbench.spec import Target

__all__ = ["Away"]

STAND_IN = """#!/bin/sh
while [ "$1" != "--" ]; do
    [ "$1" = "-O" ] && exit 0
    shift
done
if [ -e "{folder}/down" ]; then
    echo "ssh: connect to host $2 port 22: No route to host" >&2
    exit 255
fi
case "$3" in
    *" follow "*) echo $$ >> "{folder}/followers" ;;
esac
echo "$3" >> "{folder}/asked"
HOME="{folder}/home"
export HOME
cd "$HOME"
exec sh -c "exec $3"
"""


class Away:
    """The other side of a link: its home, and the means to cut it off."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the stand-in first on the path."""
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir(parents=True)
        tools = folder / "bin"
        tools.mkdir()
        (tools / "ssh").write_text(STAND_IN.format(folder=folder))
        (tools / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")

    @property
    def cache(self) -> Path:
        """Where everything goes that is brought."""
        return self.home / ".cache/frugalbench"

    @property
    def asked(self) -> list[str]:
        """Every command that came through."""
        return (self.folder / "asked").read_text().splitlines()

    def target(self, **settings: object) -> Target:
        """It, as a target."""
        parts = {"host": "pi@away", "python": sys.executable, "meters": ("fake",), **settings}
        return Target(**parts)  # type: ignore[arg-type]

    def cut(self) -> None:
        """Lose the link, as when a cable is pulled."""
        (self.folder / "down").touch()
        for pid in self._followers():
            os.kill(pid, signal.SIGKILL)

    def mend(self) -> None:
        """Plug the cable in again."""
        (self.folder / "down").unlink()

    def supervisors(self) -> list[int]:
        """The processes that look after a measurement."""
        found = (self.cache / "jobs").glob("*/pid")
        return [int(one.read_text()) for one in found]

    def _followers(self) -> list[int]:
        pids = [int(one) for one in (self.folder / "followers").read_text().split()]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    def left(self) -> set[str]:
        """What is in the folders of measurements."""
        return {one.name for one in (self.cache / "jobs").iterdir()} - {"lock"}

    def running(self, seconds: float = 10.0) -> set[int]:
        """Processes of its agents, once the last ones had time to end."""
        until = time.monotonic() + seconds
        while (found := self._running()) and time.monotonic() < until:
            time.sleep(0.05)
        return found

    def _running(self) -> set[int]:
        mark, found = os.fsencode(str(self.cache)), set()
        for one in Path("/proc").glob("[0-9]*"):
            try:
                told = (one / "cmdline").read_bytes() + (one / "environ").read_bytes()
            except OSError:
                continue
            if mark in told and b"frugalbench" in told:
                found.add(int(one.name))
        return found
