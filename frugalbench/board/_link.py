"""A way to a board through the system's own `ssh`: the user's configuration, keys and jump hosts.

One connection is opened and shared (ControlMaster), asked now and then whether it lives, and
opened again when it is gone. Whatever a remote shell reads is quoted here and nowhere else.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from frugalbench.errors import MeasurementError, UsageError

__all__ = ["LOST", "Link", "LinkLostError", "Reply"]

LOST = 255
"""What `ssh` itself ends with when it cannot connect or the connection is gone."""
CONNECT_SECONDS = 10
ALIVE_SECONDS, ALIVE_COUNT = 2, 3
PATIENCE = 60.0
SAID = 300
LONGEST = 45


class LinkLostError(MeasurementError):
    """The board cannot be reached, now or any more."""


class Reply:
    """How a command on the board ended: exit code, and what it wrote."""

    def __init__(self, code: int, out: bytes, said: str) -> None:
        """Exit code, standard output, and standard error as text."""
        self.code, self.out, self.said = code, out, said

    @property
    def last_words(self) -> str:
        """The last line of standard error, for people."""
        lines = self.said.strip().splitlines()
        return "".join(c for c in (lines[-1] if lines else "") if c.isprintable())[:SAID]


class Link:
    """An open way to a board. Close it, or use it as a context."""

    def __init__(self, host: str, config: str | None = None) -> None:
        """Prepare a connection; nothing is sent yet.

        Args:
            host: what `ssh` is told, such as `pi@board` or a name in the user's configuration.
            config: another configuration file for `ssh`.

        Raises:
            UsageError: the host is none that `ssh` could take, or there is no `ssh` here.
        """
        if not host:
            raise UsageError("target=ssh says no machine: add host=pi@board")
        if host.startswith("-") or any(c.isspace() or not c.isprintable() for c in host):
            raise UsageError(f"target.host={host!r} is no host: write it as for ssh, pi@board")
        if shutil.which("ssh") is None:
            raise UsageError("there is no ssh on this machine: install OpenSSH's client")
        if config is not None and not Path(config).expanduser().is_file():
            raise UsageError(f"target.ssh_config: there is no file {config}")
        self.host = host
        self._sockets = _short_folder()
        self._ssh = [
            "ssh",
            *(["-F", str(Path(config).expanduser())] if config is not None else []),
            *_options(
                BatchMode="yes",
                ControlMaster="auto",
                ControlPath=f"{self._sockets}/%C",
                ControlPersist="30",
                ConnectTimeout=str(CONNECT_SECONDS),
                ServerAliveInterval=str(ALIVE_SECONDS),
                ServerAliveCountMax=str(ALIVE_COUNT),
                LogLevel="ERROR",
            ),
        ]

    def __enter__(self) -> "Link":
        """The link."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self.close()

    def command(self, words: Sequence[str]) -> list[str]:
        """The local command line that runs these words on the board."""
        return [*self._ssh, "--", self.host, shlex.join(words)]

    def run(
        self,
        words: Sequence[str],
        *,
        given: bytes = b"",
        source: Path | None = None,
        seconds: float = PATIENCE,
    ) -> Reply:
        """Run a command on the board and wait for its end.

        Args:
            words: the command; each word reaches it as it is.
            given: what it reads on standard input.
            source: a file it reads there instead.
            seconds: how long to wait.

        Raises:
            LinkLostError: the board cannot be reached, or does not end in time.
        """
        with contextlib.ExitStack() as opened:
            stdin = opened.enter_context(source.open("rb")) if source is not None else None
            try:
                done = subprocess.run(
                    self.command(words),
                    stdin=stdin,
                    input=None if stdin is not None else given,
                    capture_output=True,
                    timeout=seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                self.reset()
                raise LinkLostError(f"{self.host} gave no answer in {seconds:.0f} s") from None
        reply = Reply(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
        if done.returncode == LOST:
            raise LinkLostError(
                f"{self.host} cannot be reached ({reply.last_words or 'the connection is gone'}); "
                f"try: ssh {self.host}"
            )
        return reply

    def follow(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command on the board and read along: its streams are pipes."""
        return subprocess.Popen(
            self.command(words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def reset(self) -> None:
        """Forget the shared connection, so that the next command opens another one."""
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            subprocess.run(
                [*self._ssh, "-O", "exit", "--", self.host],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CONNECT_SECONDS,
                check=False,
            )
        for socket in Path(self._sockets).glob("*"):
            with contextlib.suppress(OSError):
                socket.unlink()

    def close(self) -> None:
        """End the shared connection."""
        self.reset()
        shutil.rmtree(self._sockets, ignore_errors=True)


def _options(**settings: str) -> Iterable[str]:
    for name, value in settings.items():
        yield from ("-o", f"{name}={value}")


def _short_folder() -> str:
    """A folder of our own for sockets, whose path may have about a hundred characters."""
    made = tempfile.mkdtemp(prefix="fb-")
    if len(made) <= LONGEST:
        return made
    Path(made).rmdir()
    return tempfile.mkdtemp(prefix="fb-", dir=os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108
