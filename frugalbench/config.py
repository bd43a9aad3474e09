"""From words on a command line to a question, through Hydra. The only module that knows Hydra.

The composed configuration is read strictly into a `Spec` and a `Policy`; nothing in it is ever
instantiated by name.
"""

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from frugalbench.certify import Policy
from frugalbench.errors import FrugalbenchError, MeasurementError, UsageError, did_you_mean
from frugalbench.overrides import ASKS, SUFFIXES, translate
from frugalbench.settings import (
    PARTS,
    baseline,
    config_folder,
    convert,
    load_policy,
    named_truly,
    options,
    reference,
    sized,
    skeleton,
    with_factors,
)
from frugalbench.spec import Spec

# Lists that people write as one word: data.groups=sex means [sex].
LISTS = (
    *(("data", key) for key in ("groups", "features", "controls")),
    ("model", "classes"),
    ("target", "meters"),
)

__all__ = ["Question", "launch", "load_question", "load_spec"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is asked: the spec, the policy to judge by, and where results go."""

    spec: Spec
    policy: Policy
    results: str


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
    policy, results = raw.pop("policy", None), raw.pop("results", None)
    if not isinstance(policy, dict):
        raise UsageError("there is no policy to judge by: name one with policy=…")
    if isinstance(results, bool) or not isinstance(results, str | int | float) or results == "":
        raise UsageError("there is no folder for results: name one with results=…")
    path = policy.pop("path", None)
    for part, key in LISTS:
        one = (raw.get(part) or {}).get(key)
        if isinstance(one, str):
            raw[part][key] = [one]
    words = raw.pop("baselines", None) or []
    raw["baselines"] = [baseline(word) for word in (words if isinstance(words, list) else [words])]
    sized(raw.get("target"))
    spec = convert(raw, Spec, "configuration")
    judged_by = load_policy(path) if path else named_truly(convert(policy, Policy, "policy"))
    return Question(spec=with_factors(spec), policy=judged_by, results=str(results))


def load_spec(*overrides: str) -> Spec:
    """The spec that the command line would make of these overrides.

    Raises:
        UsageError: as the command line would say.
    """
    return load_question(*overrides).spec


def load_question(*overrides: str) -> Question:
    """The spec, the policy and the results folder that the command line would make of these.

    Raises:
        UsageError: as the command line would say.
    """
    from hydra import compose, initialize_config_dir

    name, words = translate(overrides)
    with _hydra_words(), initialize_config_dir(str(config_folder().resolve()), version_base="1.3"):
        _register()
        return _question(_plain(compose(name, words)))


def launch(
    arguments: Sequence[str],
    job: Callable[[Question], int],
    refuse: Callable[[FrugalbenchError], int],
) -> int:
    """Run Hydra's application on command-line words and return the worst exit code of its jobs.

    Args:
        arguments: overrides and Hydra's own flags, as typed.
        job: does one composed question and returns its exit code.
        refuse: told why a job ended in an error, it returns its exit code; in a sweep the other
            jobs go on.

    Raises:
        UsageError: a word that is no override, an unknown key, group or option.
    """
    import hydra

    name, words = translate(arguments)
    codes: list[int] = []
    _register()

    @hydra.main(version_base="1.3", config_path=str(config_folder().resolve()), config_name=name)
    def application(composed: Any) -> None:
        try:
            codes.append(job(_question(_plain(composed))))
        except FrugalbenchError as error:
            codes.append(refuse(error))

    with _hydra_words(), _own_sweep_folder(words) as all_words, _arguments(all_words):
        try:
            application()
        except SystemExit as stop:
            # Hydra's own refusals; its 1 would read as a failed verdict.
            return 2 if stop.code else 0
    if not codes and not any(word.partition("=")[0] in ASKS for word in words):
        raise MeasurementError(
            "nothing was measured here: the sweep is empty, or its jobs ran in other processes, "
            "whose records in the results folder are judged with frugalbench certify RECORD"
        )
    return _worst(codes)


@contextlib.contextmanager
def _own_sweep_folder(words: list[str]) -> Iterator[list[str]]:
    """Hydra always writes a note in a sweep's folder: one that goes away, unless asked for."""
    sweeping = {"-m", "--multirun", "hydra.mode=MULTIRUN"} & set(words)
    if not sweeping or any(word.startswith("hydra.sweep.dir=") for word in words):
        yield words
        return
    with tempfile.TemporaryDirectory(prefix="frugalbench-sweep-") as folder:
        yield [f"hydra.sweep.dir={folder}", *words]


def _worst(codes: Sequence[int]) -> int:
    """Of several exit codes the one that says most: 4, then 1, 3, and 0 last."""
    order = (4, 2, 1, 3, 0)
    return min(codes, key=order.index, default=0)


def _register() -> None:
    """Give Hydra the skeleton of every key, and the resolver of shipped files."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("reference", reference, replace=True)
    ConfigStore.instance().store(name="skeleton", node=skeleton())


def _plain(composed: Any) -> dict[str, Any]:
    from omegaconf import OmegaConf

    raw = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(raw, dict)
    return {str(key): value for key, value in raw.items() if key != "hydra"}


@contextlib.contextmanager
def _arguments(words: Sequence[str]) -> Iterator[None]:
    """Hydra reads `sys.argv` and hides tracebacks by exiting; we want its exceptions instead."""
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    # Hydra prints through logging, which would meet a closed pipe with pages of traceback.
    logging.raiseExceptions = False
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
        hint = f"; for a file of yours give its path, {group}=./…" if group in SUFFIXES else ""
        if group == "site":
            hint = "; for a place of yours say site.country=IT site.pue=1.2 site.wue=0"
        raise UsageError(
            f"there is no {group or 'configuration'} '{wrong}': {near}{hint}"
        ) from None
    except MissingMandatoryValue as error:
        raise UsageError(
            f"{error.full_key or 'a value'} is not set: add {error.full_key}=…"
        ) from None
    except (HydraException, OmegaConfBaseException) as error:
        said = " ".join(str(error).split())
        raise UsageError(_several(said) or said[:300]) from None
    except (ValueError, TypeError) as error:
        if not _raised_by_hydra(error):
            raise
        raise UsageError(
            f"{' '.join(str(error).split())[:300]}: choose options by name, as in plan=quick"
        ) from None


def _several(refusal: str) -> str:
    """What to write instead of values with commas between them; empty for another refusal."""
    found = re.match(r"Ambiguous value for argument '([^=']+)=(.*)' 1\.", refusal)
    if found is None:
        return ""
    key, value = found.groups()
    if key == "baselines" or tuple(key.split(".")) in LISTS:
        return f"'{key}' is a list: write '{key}=[{value}]', or add -m to take them one by one"
    return f"'{key}={value}' gives several values: choose one, or add -m to take them one by one"


def _raised_by_hydra(error: Exception) -> bool:
    """Whether the innermost frame is Hydra's: it refuses some values with a bare ValueError."""
    innermost = error.__traceback__
    while innermost and innermost.tb_next:
        innermost = innermost.tb_next
    module = innermost.tb_frame.f_globals.get("__name__", "") if innermost else ""
    return str(module).startswith(("hydra.", "omegaconf."))
