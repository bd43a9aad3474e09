"""Where a policy's rules stand in its file, for reports that point at a line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from frugalbench.settings import config_folder, options
from frugalbench.strict import MAX_YAML_BYTES

__all__ = ["Anchors", "anchors"]


@dataclass(frozen=True, slots=True)
class Anchors:
    """A policy's file as a pipeline knows it, and the line of each rule's id in it, from 1.

    `path` is the file itself, None where there is none.
    """

    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    path: Path | None = None


def anchors(policy: str) -> Anchors:
    """The file of a policy, by its name or path, and the lines of its rules.

    A shipped one is `configs/policy/NAME.yaml`, one of the user's its path from the working
    directory, or its bare name when it lies outside. A file that cannot be read has no lines.
    """
    if policy in options("policy"):
        path = config_folder() / "policy" / f"{policy}.yaml"
        return Anchors(f"configs/policy/{policy}.yaml", _lines(path), path)
    path = Path(policy)
    try:
        inside = path.resolve().relative_to(Path.cwd())
    except (OSError, ValueError, RuntimeError):
        return Anchors(path.name, _lines(path), path)
    return Anchors(inside.as_posix(), _lines(path), path)


def _lines(path: Path) -> dict[str, int]:
    try:
        if not path.is_file() or path.stat().st_size > MAX_YAML_BYTES:
            return {}
        return _read(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}


def _read(text: str) -> dict[str, int]:
    # Nodes are never made into objects here, so that an alias costs nothing.
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    rules = _value(root, "rules")
    if not isinstance(rules, yaml.SequenceNode):
        return {}
    found = ((_value(rule, "id"), rule) for rule in rules.value)
    return {
        node.value: rule.start_mark.line + 1
        for node, rule in found
        if isinstance(node, yaml.ScalarNode)
    }


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
