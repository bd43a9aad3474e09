"""Imports point down, lazy ones too, and heavy packages stay where they belong."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "frugalbench"

# From the lowest to the highest; modules of one layer do not know each other.
LAYERS = (
    {"errors"},
    {"cgroup", "plugins", "strict", "values", "whole"},
    {"spec"},
    {"record"},
    {
        *("runners", "meters", "metrics", "factors", "host", "noise", "formats"),
        *("models", "data", "inputs", "answers", "cards", "probes", "baselines", "tabular"),
    },
    {"groups", "neighbours", "difficulty"},
    {"training"},
    {"jobs", "gather", "spool"},
    {"members"},
    {"assembly"},
    {"beside", "context"},
    {"audit", "bench", "certify", "compare", "variants"},
    {"declarations", "frugality", "regress"},
    {"store", "report", "settings", "attend"},
    {"doctor", "rehearse"},
    {"agent"},
    {"board"},
    {"anchors", "attest", "overrides", "tracking", "worker"},
    {"config"},
    {"console", "endings", "gate", "share"},
    {"commands", "pytest_plugin"},
    {"cli"},
    {"__main__"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

HOMES = {
    "torch": {
        *("runners/pytorch.py", "runners/_torch_module.py"),
        *("runners/_torch_facts.py", "runners/_torch_export.py"),
    },
    "safetensors": {"runners/_torch_module.py"},
    "onnxruntime": {
        *("runners/ort.py", "models/_convert.py", "models/_ort.py", "models/_prepare.py"),
        "doctor.py",
    },
    "onnx": {"models", "baselines"},
    "cryptography": {"attest"},
    "sklearn": {"baselines", "difficulty.py"},
    "skl2onnx": set(),
    "mlflow": {"tracking.py"},
    "pynvml": {"meters/nvml.py"},
    "codecarbon": {"meters/modelled.py"},
    "hydra": {"config.py"},
    "omegaconf": {"config.py"},
    "rich": {"console.py", "report/_terminal.py", "report/_verdict.py", "report/text.py"},
    "jinja2": {"report/html.py"},
    "pyarrow": {"audit.py", "data"},
    "scipy": {"metrics/_intervals.py", "metrics/_proportions.py", "metrics/_welch.py"},
    "pytest": {"pytest_plugin.py"},
    "click": {"cli.py", "commands", "console.py", "endings.py"},
}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "reference" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    """Every dotted name a file imports, at any depth, type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE).parts
    return inside[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lower_layers(path: Path) -> None:
    here = part_of(path)
    if here == "__init__":
        return
    for name in imports(path):
        root, _, rest = name.partition(".")
        there = rest.partition(".")[0]
        if root != "frugalbench" or there in ("", here, "__version__"):
            continue
        assert there in LEVEL, f"{path.name} imports {name}, which has no layer"
        assert LEVEL[there] < LEVEL[here], f"{path.name} imports {name}, which is not below it"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_in_their_named_places_only(path: Path) -> None:
    here = path.relative_to(PACKAGE).as_posix()
    for name in imports(path):
        homes = HOMES.get(name.partition(".")[0])
        at_home = homes is None or bool(homes & {here, part_of(path)})
        assert at_home, f"{here} imports {name}"


def test_every_module_has_a_layer() -> None:
    assert {part_of(path) for path in sources()} - {"__init__"} == set(LEVEL)
