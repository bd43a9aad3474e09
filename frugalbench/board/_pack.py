"""The measuring part of this package as one file, the same bytes for the same sources."""

import ast
import hashlib
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import frugalbench

__all__ = ["Pack", "pack"]

ROOTS = ("frugalbench.agent.__main__", "frugalbench.worker")
PLUGINS = ("runners", "meters", "probes")
EPOCH = (1980, 1, 1, 0, 0, 0)
PACKAGE = Path(frugalbench.__file__).parent


class Pack:
    """A zip of modules, and its SHA-256."""

    def __init__(self, content: bytes) -> None:
        """Keep the bytes."""
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()


@cache
def pack() -> Pack:
    """Every module that an agent and a worker may import, lazily too, and the files beside them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(_files()):
            name = f"frugalbench/{path.relative_to(PACKAGE).as_posix()}"
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            out.writestr(entry, path.read_bytes())
    return Pack(target.getvalue())


def _files() -> set[Path]:
    """The sources that the roots and the plug-ins reach, with the tables beside them."""
    todo = [*ROOTS]
    for folder in PLUGINS:
        todo += [f"frugalbench.{folder}.{one.stem}" for one in (PACKAGE / folder).glob("*.py")]
    found: dict[str, Path] = {}
    while todo:
        name = todo.pop()
        path = _source(name)
        if path is None or name in found:
            continue
        found[name] = path
        parts = name.split(".")
        todo += [".".join(parts[:end]) for end in range(1, len(parts))]
        # The package itself imports its public names when they are asked for: nobody asks there.
        todo += list(_imported(path)) if name != "frugalbench" else []
    sources = set(found.values())
    return sources | {one for path in sources for one in path.parent.glob("*.csv")}


def _source(name: str) -> Path | None:
    if name.partition(".")[0] != "frugalbench":
        return None
    place = PACKAGE.joinpath(*name.split(".")[1:])
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file() and place != PACKAGE.with_suffix(".py"):
            return path
    return None


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)
