"""Files that people write by hand, read strictly: safe YAML into frozen types.

Everything in such a file is hostile until it is read: sizes are bounded, nothing is instantiated,
and every refusal is one line.
"""

import re
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from frugalbench.errors import UsageError

__all__ = ["config_folder", "convert", "read_yaml"]

T = TypeVar("T")

MAX_YAML_BYTES = 256 * 1024


def config_folder() -> Path:
    """The folder of the configuration groups, in the wheel or in a checkout."""
    package = Path(__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def read_yaml(path: Path, what: str, hint: str) -> Any:
    """The plain values of a YAML file.

    Args:
        path: the file.
        what: the kind of file it should be, as in "policy".
        hint: the end of the sentence when there is no such file.

    Raises:
        UsageError: there is no such file, or it is too large, or no readable YAML.
    """
    try:
        if not path.is_file() and path.exists():
            raise UsageError(f"{path} is not a file: give the path of a {what} file")
        if path.stat().st_size > MAX_YAML_BYTES:
            raise UsageError(f"{path} is over 256 KiB: it is not a {what} file")
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except OSError:
        raise UsageError(f"there is no {what} '{path}', by name or as a file: {hint}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is not readable YAML: {first}") from None


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML that also reads 1e-9 as a number.

    It accepts no alias, which can grow a small file without bound, and no repeated key.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not accepted here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        seen: set[str] = set()
        for key in map(repr, keys):
            if key in seen:
                raise yaml.YAMLError(f"the key {key} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"), list("-+0123456789")
)


def convert(raw: Any, kind: type[T], what: str) -> T:
    """Read plain values strictly into a type.

    Raises:
        UsageError: an unknown key, a value of the wrong type or out of its range.
    """
    try:
        made = msgspec.convert(raw, kind)
        msgspec.json.encode(made)
    except UnicodeEncodeError:
        raise UsageError(f"{what}: a name in it is not valid UTF-8; rename that file") from None
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise UsageError(f"{what}: {_sentence(str(error), kind)}") from None
    return made


def _sentence(message: str, kind: Any) -> str:
    """Msgspec's message with the key first, as the user wrote it, and the choices there are."""
    text, _, where = " ".join(message.split()).rpartition(" - at ")
    if not text:
        text, where = where, ""
    wrong = text.removeprefix("Invalid enum value ")
    if wrong != text and (choices := _choices(kind, where)):
        text = f"{wrong} is not one of {', '.join(choices)}"
    if text == "Expected `str`, got `int`" or text == "Expected `str`, got `float`":
        name = where.strip("`$.").rpartition(".")[2]
        text = f'it is a text: write it in quotes, such as {name}: "1"'
    return f"{where.strip('`$.')}: {text}" if where else text


def _choices(kind: Any, where: str) -> list[str]:
    """The words that a field can be, by its path in msgspec's spelling (`$.rules[0].unit`)."""
    kinds = _alternatives(kind)
    for step in re.findall(r"[A-Za-z_]\w*|\[", where):
        inner: list[Any] = []
        for one in kinds:
            if step == "[":
                inner += get_args(one)
            elif isinstance(one, type) and issubclass(one, msgspec.Struct):
                inner += [get_type_hints(one)[step]] if step in one.__struct_fields__ else []
        kinds = [alternative for one in inner for alternative in _alternatives(one)]
    literals = [one for one in kinds if get_origin(one) is Literal]
    return [str(value) for one in literals for value in get_args(one)]


def _alternatives(kind: Any) -> list[Any]:
    """The types that a union holds, or the one type itself."""
    return list(get_args(kind)) if get_origin(kind) in (Union, UnionType) else [kind]
