"""The settings there are, without Hydra: groups, their options, policies and sites by name or file.

The groups live in `configs/`, inside the wheel or at the top of a checkout. Every field of a
`Spec` and of a `Policy` is a setting, with the default its type gives it.
"""

import re
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from frugalbench import factors
from frugalbench.certify import Policy, check, digest
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.spec import Data, Model, Plan, Probes, Site, Spec, Target

__all__ = [
    "PARTS",
    "baseline",
    "config_folder",
    "convert",
    "load_policy",
    "load_site",
    "named_truly",
    "options",
    "reference",
    "skeleton",
    "with_factors",
]

T = TypeVar("T")

PARTS: dict[str, type[msgspec.Struct]] = {
    "model": Model,
    "data": Data,
    "target": Target,
    "plan": Plan,
    "site": Site,
    "probes": Probes,
    "policy": Policy,
}
MAX_YAML_BYTES = 256 * 1024


def config_folder() -> Path:
    """The folder of the configuration groups, in the wheel or in a checkout."""
    package = Path(__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def reference(name: str) -> str:
    """The path of a shipped data set or model, such as `data/nhanes.parquet`."""
    return str(Path(__file__).parent / "reference" / name)


def options(group: str) -> tuple[str, ...]:
    """The names one can choose in a group."""
    found = sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))
    return tuple(name for name in found if name not in ("file", "none"))


def load_policy(name: str) -> Policy:
    """A policy by its name in `configs/policy/`, or from a YAML file.

    Raises:
        UsageError: no such policy or file, or one that does not hold up to `certify.check`.
    """
    return named_truly(convert(_read_yaml("policy", name), Policy, f"policy {name}"))


def named_truly(policy: Policy) -> Policy:
    """A policy that holds up, and that bears a shipped policy's name only if it is that policy.

    Raises:
        UsageError: it does not hold up to `certify.check`.
    """
    check(policy)
    if policy.name not in options("policy"):
        return policy
    shipped = convert(_read_yaml("policy", policy.name), Policy, f"policy {policy.name}")
    if digest(policy) == digest(shipped):
        return policy
    return msgspec.structs.replace(policy, name=f"{policy.name} (changed)")


def load_site(name: str) -> Site:
    """A site by its name in `configs/site/`, with the factors of its country.

    Raises:
        UsageError: no such site.
    """
    site = convert(_read_yaml("site", name), Site, f"site {name}")
    filled = with_factors(Spec(model=Model(path=""), site=site)).site
    return filled or site


def baseline(word: Any) -> Any:
    """What one of `baselines` stands for: a kind to fit, a shipped model, a path, or its fields.

    Raises:
        UsageError: a name that is none of these.
    """
    from frugalbench import baselines

    if not isinstance(word, str):
        return word
    fitted = baselines.names()
    if word in fitted:
        return {"kind": word}
    if word in options("model"):
        fields = dict(_read_yaml("model", word)["model"])
        fields.pop("card", None)
        path = str(fields["path"])
        shipped = re.fullmatch(r"\$\{reference:(.+)\}", path)
        return {
            "kind": "model",
            "model": {**fields, "path": reference(shipped[1]) if shipped else path},
        }
    if "/" in word or word.lower().endswith(".onnx"):
        return {"kind": "model", "model": {"path": word, "name": Path(word).stem}}
    near = did_you_mean(word, (*fitted, *options("model")))
    raise UsageError(f"there is no baseline '{word}', by name or as a model's path: {near}")


def _read_yaml(group: str, name: str) -> Any:
    shipped = name in options(group)
    path = config_folder() / group / f"{name}.yaml" if shipped else Path(name)
    try:
        if not path.is_file() and path.exists():
            raise UsageError(f"{path} is not a file: give the path of a {group} file")
        if path.stat().st_size > MAX_YAML_BYTES:
            raise UsageError(f"{path} is over 256 KiB: it is not a {group} file")
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except OSError:
        near = did_you_mean(name, options(group))
        raise UsageError(f"there is no {group} '{name}', by name or as a file: {near}") from None
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
    return f"{where.strip('`$.')}: {text}" if where else text


def _choices(kind: Any, where: str) -> list[str]:
    """The words that a field can be, by its path in msgspec's spelling (`$.rules[...].unit`)."""
    kinds = _alternatives(kind)
    for step in re.findall(r"\w+|\[", where):
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


def with_factors(spec: Spec) -> Spec:
    """The spec with the figures of its site's country and its target's hardware.

    What the spec states itself is kept.

    Raises:
        UsageError: a country that is no code, a country or hardware without a figure, or a stated
            figure that is not possible or does not say where it comes from.
    """
    spec = msgspec.structs.replace(spec, target=factors.with_embodied(spec.target))
    site = spec.site
    if site is None:
        return spec
    if len(site.country) != 2 or not (site.country.isascii() and site.country.isalpha()):
        raise UsageError(f"site.country={site.country} is not a two-letter code such as FR")
    factors.check_site(site)
    country = site.country.upper()
    carbon = site.grid_carbon or factors.grid_carbon(country)
    if carbon is None:
        raise UsageError(
            f"there is no grid carbon factor for site.country={country}: state site.grid_carbon, "
            f"or leave the site out; {did_you_mean(country, factors.countries())}"
        )
    filled = msgspec.structs.replace(
        site,
        country=country,
        name=site.name or country.lower(),
        grid_carbon=carbon,
        grid_water=site.grid_water or factors.grid_water(country),
    )
    return msgspec.structs.replace(spec, site=filled)


def skeleton() -> dict[str, Any]:
    """Every key with the default its type gives it; None where it has none."""
    parts: dict[str, Any] = {}
    for part, kind in PARTS.items():
        fields = msgspec.structs.fields(kind)
        parts[part] = {
            field.name: None
            if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
            else msgspec.to_builtins(field.default)
            if field.default is not msgspec.NODEFAULT
            else field.default_factory()
            for field in fields
        }
    parts["policy"]["path"] = None
    return {**_listed(parts), "baselines": [], "results": "results"}


def _listed(value: Any) -> Any:
    """The same with tuples as lists, which is what a configuration can hold."""
    if isinstance(value, dict):
        return {key: _listed(one) for key, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, tuple | list) else value
