"""A clock that is set by hand, and small files like the kernel's, for tests of meters."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from frugalbench.meters import Unavailable, _sysfs
from frugalbench.spec import Target

CPU, GPU = Target(), Target(provider="CUDAExecutionProvider")


class Clock:
    """Seconds that pass only when a test says so, or by `step` at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def put(root: Path, files: Mapping[str, object]) -> Path:
    """Write one line into each file under a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def deny(monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> None:
    """Let nobody read files of these names; tests may run as root, who may read all."""
    real, kept = _sysfs.read, tuple(names)

    def guarded(path: Path) -> str:
        if path.name in kept and path.exists():
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(_sysfs, "read", guarded)


def why(opened: object) -> Unavailable:
    """What keeps a meter from opening."""
    assert isinstance(opened, Unavailable)
    return opened
