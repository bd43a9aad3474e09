"""Work on a stranger's graph in a process of its own, which may crash, hang or swell.

The libraries that infer shapes and convert weights are native code and trust what they read. What
they do to a child process is a result like any other; this process, and the caller's warnings,
logs and environment, stay as they were.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Ended", "confine", "run"]

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its exit code (None: it took too long), its output, its last words."""

    code: int | None
    output: bytes
    said: str

    @property
    def how(self) -> str:
        """The end in a few words."""
        if self.code is None:
            return "it took too long"
        if self.code == -signal.SIGXCPU:
            return "it took too much processor time"
        if "MemoryError" in self.said or "bad_alloc" in self.said or self.code == -signal.SIGKILL:
            return "it needs more memory than it was given"
        ending = f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
        return self.said or ending


def run(
    module: str,
    arguments: Sequence[str] = (),
    given: bytes = b"",
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a module of this package as a script, with `given` on its standard input.

    Args:
        module: its dotted name.
        arguments: its command line.
        given: its standard input.
        seconds: when it is killed.
        environment: variables to set beside the inherited ones.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            input=given,
            capture_output=True,
            timeout=seconds,
            env=os.environ | dict(environment or {}),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ended(None, b"", "")
    except OSError as error:
        return Ended(-1, b"", f"no process could be started: {error.strerror or error}")
    lines = child.stderr[-4096:].decode("utf-8", "replace").strip().splitlines()
    return Ended(child.returncode, child.stdout, lines[-1].strip()[:300] if lines else "")


def confine(memory: int, seconds: int) -> None:
    """In the child: bound its private memory and processor time, and let it die with its parent.

    Args:
        memory: bytes.
        seconds: of processor time.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for what, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CPU, seconds)):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
