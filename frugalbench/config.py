"""From words on a command line to a question, through Hydra. The only module that knows Hydra.

The groups live in `configs/`, inside the wheel or at the top of a checkout. Every field of a
`Spec` and of a `Policy` is a key of the configuration with its default, taken from the types, so
that any of them can be overridden or swept; the composed configuration is then read strictly into
those types.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from frugalbench import factors
from frugalbench.certify import Policy, check
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.spec import Data, Model, Plan, Site, Spec, Target

__all__ = [
    "Question",
    "config_folder",
    "groups",
    "launch",
    "load_policy",
    "load_site",
    "load_spec",
    "options",
    "reference",
]

T = TypeVar("T")

PARTS: dict[str, type[msgspec.Struct]] = {
    "model": Model,
    "data": Data,
    "target": Target,
    "plan": Plan,
    "site": Site,
    "policy": Policy,
}
MAX_YAML_BYTES = 1024**2
MODEL_SUFFIXES, DATA_SUFFIXES = (".onnx", ".ort", ".pt2"), (".csv", ".parquet", ".npz")
SUFFIXES = {"model": MODEL_SUFFIXES, "data": DATA_SUFFIXES, "policy": (".yaml", ".yml")}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is asked: the spec, the policy to judge by, and where results go."""

    spec: Spec
    policy: Policy
    results: str


def config_folder() -> Path:
    """The folder of the configuration groups, in the wheel or in a checkout."""
    package = Path(__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def reference(name: str) -> str:
    """The path of a shipped data set or model, such as `data/nhanes.parquet`."""
    return str(Path(__file__).parent / "reference" / name)


def groups() -> tuple[str, ...]:
    """The names of the configuration groups."""
    return tuple(PARTS)


def options(group: str) -> tuple[str, ...]:
    """The names one can choose in a group."""
    found = sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))
    return tuple(name for name in found if name not in ("file", "none"))


# ---- from a composed configuration to types -------------------------------------------------


def _question(raw: dict[str, Any]) -> Question:
    """Read a composed configuration strictly.

    Raises:
        UsageError: an unknown key, a value of the wrong type or out of its range.
    """
    data = raw.get("data") or {}
    if not data.get("path"):
        given = sorted(key for key, value in data.items() if value not in (None, "", []))
        if given:
            raise UsageError(f"data.{given[0]} is set but there are no data: add data=…")
        raw["data"] = None
    if not (raw.get("site") or {}).get("country"):
        raw["site"] = None
    policy = raw.pop("policy")
    path = policy.pop("path", None)
    results = str(raw.pop("results"))
    spec = _convert(raw, Spec, "configuration")
    judged_by = load_policy(path) if path else check(_convert(policy, Policy, "policy"))
    return Question(spec=_with_factors(spec), policy=judged_by, results=results)


def _convert(raw: Any, kind: type[T], what: str) -> T:
    try:
        return msgspec.convert(raw, kind)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise UsageError(f"{what}: {_sentence(str(error))}") from None


def _sentence(message: str) -> str:
    """msgspec's message with the key first, as the user wrote it."""
    text, _, where = " ".join(message.split()).partition(" - at ")
    return f"{where.strip('`$.')}: {text}" if where else text


def _with_factors(spec: Spec) -> Spec:
    """The spec with the grid factors of its site's country, where it states none itself."""
    site = spec.site
    if site is None:
        return spec
    if len(site.country) != 2 or not site.country.isalpha():
        raise UsageError(f"site.country={site.country} is not a two-letter code such as FR")
    country = site.country.upper()
    filled = msgspec.structs.replace(
        site,
        country=country,
        grid_carbon=site.grid_carbon or factors.grid_carbon(country),
        grid_water=site.grid_water or factors.grid_water(country),
    )
    return msgspec.structs.replace(spec, site=filled)


# ---- one part at a time, without Hydra ------------------------------------------------------


def load_policy(name: str) -> Policy:
    """A policy by its name in `configs/policy/`, or from a YAML file.

    Raises:
        UsageError: no such policy or file, or one that does not hold up to `certify.check`.
    """
    return check(_convert(_read_yaml("policy", name), Policy, f"policy {name}"))


def load_site(name: str) -> Site:
    """A site by its name in `configs/site/`, with the factors of its country.

    Raises:
        UsageError: no such site.
    """
    site = _convert(_read_yaml("site", name), Site, f"site {name}")
    filled = _with_factors(Spec(model=Model(path=""), site=site)).site
    assert filled is not None
    return filled


def load_spec(*overrides: str) -> Spec:
    """The spec that the command line would make of these overrides.

    Raises:
        UsageError: as the command line would say.
    """
    from hydra import compose, initialize_config_dir

    name, words = _translate(overrides)
    with _hydra_words(), initialize_config_dir(str(config_folder().resolve()), version_base="1.3"):
        _register()
        return _question(_plain(compose(name, words))).spec


def _read_yaml(group: str, name: str) -> Any:
    shipped = name in options(group)
    path = config_folder() / group / f"{name}.yaml" if shipped else Path(name)
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise UsageError(f"{path} is over 1 MiB: it is not a {group} file")
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    except OSError:
        near = did_you_mean(name, options(group))
        raise UsageError(f"there is no {group} '{name}', by name or as a file: {near}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is not readable YAML: {first}") from None


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases, which can grow a small file without bound, or repeated keys."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not accepted here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key '{key}' is given twice")
        return super().construct_mapping(node, deep)


# ---- Hydra's application --------------------------------------------------------------------


def launch(arguments: Sequence[str], job: Callable[[Question], int]) -> int:
    """Run Hydra's application on command-line words and return the worst exit code of its jobs.

    Raises:
        UsageError: a word that is no override, an unknown key, group or option.
    """
    import hydra

    name, words = _translate(arguments)
    codes: list[int] = []
    _register()

    @hydra.main(version_base="1.3", config_path=str(config_folder().resolve()), config_name=name)
    def application(composed: Any) -> None:
        codes.append(job(_question(_plain(composed))))

    with _hydra_words(), _arguments(words):
        try:
            application()
        except SystemExit as stop:
            return int(stop.code or 0)
    return _worst(codes)


def _worst(codes: Sequence[int]) -> int:
    """Of several exit codes the one that says most: 4, then 1, 3, and 0 last."""
    order = (4, 2, 1, 3, 0)
    return min(codes, key=order.index, default=0)


def _register() -> None:
    """Give Hydra the skeleton of every key, and the resolver of shipped files."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("reference", reference, replace=True)
    ConfigStore.instance().store(name="skeleton", node=_skeleton())


def _skeleton() -> dict[str, Any]:
    """Every key with the default its type gives it; None where it has none."""
    parts: dict[str, Any] = {}
    for part, kind in PARTS.items():
        fields = msgspec.structs.fields(kind)
        parts[part] = {
            field.name: None
            if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
            else msgspec.to_builtins(field.default)
            if field.default is not msgspec.NODEFAULT
            else field.default_factory()  # type: ignore[operator]
            for field in fields
        }
    parts["policy"]["path"] = None
    return {**_listed(parts), "results": "results"}


def _listed(value: Any) -> Any:
    """The same with tuples as lists, which is what a configuration can hold."""
    if isinstance(value, dict):
        return {key: _listed(one) for key, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, tuple | list) else value


def _plain(composed: Any) -> dict[str, Any]:
    from omegaconf import OmegaConf

    raw = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(raw, dict)
    return {str(key): value for key, value in raw.items() if key != "hydra"}


@contextlib.contextmanager
def _arguments(words: Sequence[str]) -> Iterator[None]:
    """Hydra reads `sys.argv` and hides tracebacks by exiting; we want its exceptions instead."""
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["frugalbench", *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]


@contextlib.contextmanager
def _hydra_words() -> Iterator[None]:
    """Hydra's and OmegaConf's refusals as one line of ours."""
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    try:
        yield
    except MissingConfigException as error:
        group, _, wrong = (error.missing_cfg_file or "").rpartition("/")
        near = did_you_mean(wrong, options(group) if group in PARTS else ())
        raise UsageError(
            f"there is no {group or 'configuration'} '{wrong}': {near}; a file works too, with a "
            "path such as ./mine.onnx"
        ) from None
    except MissingMandatoryValue as error:
        raise UsageError(f"{error.full_key or 'a value'} is not set: add {error.full_key}=…") from None
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(" ".join(str(error).split())[:300]) from None


def _translate(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The primary configuration and Hydra's words for what the user wrote.

    A bare path as `model=`, `data=` or `policy=` becomes the group's `file` option and a quoted
    path. Without a model and data, the demonstration is meant.
    """
    known = _known_keys()
    words: list[str] = []
    for word in arguments:
        key, given, value = word.partition("=")
        if word.startswith("-") or not given:
            words.append(word)
            continue
        _check_key(key, known)
        paths = _paths(key, value)
        if paths:
            words += [f"{key}=file", f"{key}.path={','.join(map(_quoted, paths))}"]
        else:
            words.append(word)
    chosen = {word.partition("=")[0] for word in words}
    return ("config" if chosen & {"model", "data"} else "demo"), words


def _known_keys() -> set[str]:
    skeleton = _skeleton()
    keys = set(skeleton)
    for part in PARTS:
        keys |= {f"{part}.{key}" for key in skeleton[part]}
    return keys


def _check_key(key: str, known: set[str]) -> None:
    plain = key.lstrip("+~").partition("@")[0]
    free = ("hydra", "model.dims.", "site.grid_")
    if plain in known or plain.startswith(free):
        return
    raise UsageError(f"there is no setting '{plain}': {did_you_mean(plain, known)}")


def _paths(key: str, value: str) -> list[str]:
    """The paths in the value of a group, or nothing when it names options.

    Raises:
        UsageError: a sweep that mixes names and paths, which no one override can say.
    """
    if key not in SUFFIXES:
        return []
    pieces = [value] if Path(value).exists() else value.split(",")
    are_paths = [
        piece not in options(key)
        and ("/" in piece or piece.lower().endswith(SUFFIXES[key]) or Path(piece).is_file())
        for piece in pieces
    ]
    if not any(are_paths):
        return []
    if not all(are_paths):
        raise UsageError(f"{key}={value} mixes names and files: sweep over one kind at a time")
    return [str(Path(piece).expanduser()) for piece in pieces]


def _quoted(path: str) -> str:
    """A path as a quoted string of Hydra's override grammar."""
    # In a quoted string a backslash is itself except before a quote, and doubles at the end.
    body = path.replace('"', '\\"')
    tail = body[len(body.rstrip("\\")) :]
    return f'"{body}{tail}"'

