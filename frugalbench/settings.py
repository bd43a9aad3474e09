"""The settings there are, without Hydra: groups, their options, policies and sites by name or file.

The groups live in `configs/`, inside the wheel or at the top of a checkout. Every field of a
`Spec` and of a `Policy` is a setting, with the default its type gives it.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from frugalbench import factors, metrics
from frugalbench.certify import Policy, check, digest
from frugalbench.errors import UsageError, did_you_mean
from frugalbench.spec import Data, Model, Plan, Probes, Site, Spec, Target
from frugalbench.strict import config_folder, convert, read_yaml

__all__ = [
    "DEFAULT_POLICY",
    "PARTS",
    "baseline",
    "config_folder",
    "convert",
    "load_policy",
    "load_site",
    "named_truly",
    "options",
    "reference",
    "sized",
    "skeleton",
    "with_factors",
]

DEFAULT_POLICY = "frugal-and-trustworthy"
"""What a model is judged by where nobody says otherwise."""

SIZES = ("memory", "flash", "memory_limit", "address_space")
"""Settings of the target in bytes."""
UNITS = {"B": 1} | {
    f"{prefix}{kind}B": base**power
    for kind, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate("kMGT" if base == 1000 else "KMGT", 1)
}

PARTS: dict[str, type[msgspec.Struct]] = {
    "model": Model,
    "data": Data,
    "target": Target,
    "plan": Plan,
    "site": Site,
    "probes": Probes,
    "policy": Policy,
}


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
    raw = _read_yaml("policy", name)
    _need_units(raw, name)
    return named_truly(convert(raw, Policy, f"policy {name}"))


def _need_units(raw: Any, name: str) -> None:
    """Say which unit a rule without one needs, by the rule's own name."""
    rules = raw.get("rules") if isinstance(raw, dict) else None
    known = metrics.every()
    for rule in rules if isinstance(rules, list) else []:
        metric = rule.get("metric") if isinstance(rule, dict) else None
        if not isinstance(metric, str) or metric not in known or rule.get("unit"):
            continue
        raise UsageError(
            f"policy {name}, rule '{rule.get('id', metric)}': {metric} has no unit here: write "
            f'unit: "{known[metric].unit}"'
        )


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
    if not name:
        raise UsageError(f"the {group} is named by nothing: {did_you_mean(name, options(group))}")
    shipped = name in options(group)
    path = config_folder() / group / f"{name}.yaml" if shipped else Path(name)
    return read_yaml(path, group, did_you_mean(name, options(group)))


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


def sized(target: Any) -> None:
    """Turn sizes that people write, such as 512MiB, into bytes, in place.

    Raises:
        UsageError: a text that is no size.
    """
    for key in SIZES if isinstance(target, dict) else ():
        text = target.get(key)
        found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?([kKMGT]?i?B)", str(text))
        if isinstance(text, str):
            if found is None or found[2] not in UNITS:
                raise UsageError(
                    f"target.{key}={text[:40]} is no size: write bytes, or a number with its unit "
                    "such as 512MiB"
                )
            target[key] = int(float(found[1]) * UNITS[found[2]])


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
