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
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

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
        given: bytes | Iterable[bytes] = b"",
        into: Path | None = None,
        seconds: float = PATIENCE,
    ) -> Reply:
        """Run a command on the board and wait for its end.

        Args:
            words: the command; each word reaches it as it is.
            given: what it reads on standard input, in one piece or several.
            into: a file that what it writes is added to.
            seconds: how long to wait.

        Raises:
            LinkLostError: the board cannot be reached, or does not end in time.
        """
        pieces = (given,) if isinstance(given, bytes) else given
        with contextlib.ExitStack() as opened:
            out = subprocess.PIPE if into is None else opened.enter_context(into.open("ab"))
            child = subprocess.Popen(
                self.command(words), stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
            )
            writer = threading.Thread(target=_write, args=(child.stdin, pieces), daemon=True)
            # What is read and what is written may each wait for the other.
            child.stdin = None
            writer.start()
            try:
                told, said = child.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
                self.reset()
                raise LinkLostError(f"{self.host} gave no answer in {seconds:.0f} s") from None
            finally:
                if child.poll() is None:
                    child.kill()
                    child.communicate()
                writer.join()
        reply = Reply(child.returncode, told or b"", said.decode("utf-8", "replace"))
        if child.returncode == LOST or child.returncode < 0:
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


def _write(stream: IO[bytes], pieces: Iterable[bytes]) -> None:
    """Write until the end, or until nobody reads any more."""
    with contextlib.suppress(OSError), stream:
        for piece in pieces:
            stream.write(piece)


def _short_folder() -> str:
    """A folder of our own for sockets, whose path may have about a hundred characters."""
    made = tempfile.mkdtemp(prefix="fb-")
    if len(made) <= LONGEST:
        return made
    Path(made).rmdir()
    return tempfile.mkdtemp(prefix="fb-", dir=os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108
