"""The parts of a card's Markdown that data cards and model cards share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml


def front_matter(fields: dict[str, Any]) -> str:
    """The part of a card that machines read, without its lines of dashes."""
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=96)


def read_front_matter(path: Path) -> dict[str, Any]:
    """What a card says to machines."""
    fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])
    return fields


def grid(names: Sequence[str], words: int, rows: Iterable[Sequence[object]]) -> str:
    """A table whose first `words` columns are text, and whose others are numbers."""
    rules = ["---"] * words + ["--:"] * (len(names) - words)
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def bullets(items: Sequence[str]) -> str:
    """A list of sentences."""
    return "\n".join(f"- {item}" for item in items)
