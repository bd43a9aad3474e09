"""A file that is either whole or not there. Standard library only: a board's agent starts fast."""

from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole or not there, whenever its writer is ended."""
    half = path.with_name(f"{path.name}.part")
    half.write_bytes(content)
    half.replace(path)
