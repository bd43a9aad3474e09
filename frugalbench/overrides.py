"""From what a person types to what Hydra reads: bare paths, suggestions, the demonstration."""

import re
from collections.abc import Sequence
from pathlib import Path

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.settings import PARTS, options, skeleton

__all__ = ["SUFFIXES", "translate"]

FLAGS_WITH_VALUE = {
    *("--cfg", "-c", "--info", "-i", "--package", "-p"),
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
}
FLAGS = {"-m", "--multirun", "--resolve", "--hydra-help", "--version", "--shell-completion"}
CHOICES = dict.fromkeys(("--cfg", "-c"), ("job", "hydra", "all")) | dict.fromkeys(
    ("--info", "-i"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
)
ASKS = {*CHOICES, "--hydra-help", "--version", "--shell-completion", "-sc"}
"""Flags that ask Hydra something, so that no job runs."""
FACTORY = "model.factory"
HOST = "host"
"""A setting of the target that stands alone, as in `target=ssh host=pi@board`."""
SUFFIXES = {
    "model": (".onnx", ".ort", ".pt", ".pth", ".safetensors"),
    "data": (".csv", ".parquet", ".npz"),
    "policy": (".yaml", ".yml"),
}


def translate(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The primary configuration and Hydra's words for what the user wrote.

    A bare path as `model=`, `data=` or `policy=` becomes the group's `file` option and a quoted
    path, and `host=` means `target.host=`. A factory makes the model one of torch. Without a model
    and data, the demonstration is meant.
    """
    known = _known_keys()
    words: list[str] = []
    flags: list[str] = []
    for before, word in zip(["", *arguments], arguments, strict=False):
        key, given, value = word.partition("=")
        if word.startswith("-") or (before in FLAGS_WITH_VALUE and not given):
            _check_flag(word, before)
            flags.append(word)
            continue
        if not given and not word.startswith("~"):
            raise UsageError(f"'{word}' is neither a stored record nor KEY=VALUE; see --help")
        if key == HOST:
            key, word = f"target.{key}", f"target.{key}={_quoted(value)}"
        _check_key(key, known)
        paths = _paths(key, value)
        if paths:
            words += [f"{key}=file", f"{key}.path={','.join(map(_quoted, paths))}"]
        else:
            words.append(word)
    for flag in set(flags) & (FLAGS_WITH_VALUE - {"--info", "-i"}):
        after = flags[flags.index(flag) + 1 :][:1]
        if not after or after[0].startswith("-"):
            raise UsageError(
                f"{flag} needs a value{' such as job' * (flag in CHOICES)}; see --help"
            )
    chosen = {word.partition("=")[0] for word in words}
    if FACTORY in chosen:
        # Nothing but a torch model is built by a function.
        words += [] if "model" in chosen else ["model=file", "model.path=''"]
        words += [] if "model.runner" in chosen else ["model.runner=pytorch"]
        chosen.add("model")
    if "data" in chosen and "model" not in chosen:
        raise UsageError("data are given without a model: add model=./mine.onnx, or a model's name")
    # Hydra's parser takes its overrides in one piece only, so they go before the flags.
    return ("config" if chosen & {"model", "data"} else "demo"), [*words, *flags]


def _known_keys() -> set[str]:
    settings = skeleton()
    keys = set(settings)
    for part in PARTS:
        keys |= {f"{part}.{key}" for key in settings[part]}
    return keys


def _check_flag(word: str, before: str) -> None:
    """Refuse a flag that neither we nor Hydra know; Hydra's own refusal is a page of usage."""
    flag = word.partition("=")[0]
    choices = CHOICES.get(before, ())
    if choices and not word.startswith("-") and word not in choices:
        raise UsageError(f"{before} {word} is not known: {did_you_mean(word, choices)}")
    if before in FLAGS_WITH_VALUE or flag in FLAGS_WITH_VALUE or flag in FLAGS:
        return
    known = {*FLAGS_WITH_VALUE, *FLAGS, "--json", "--quiet", "--policy", "--reference", "--help"}
    setting = flag.lstrip("-")
    hint = f"settings are words, {setting}=…" if setting in _known_keys() else ""
    raise UsageError(f"there is no option '{flag}': {hint or did_you_mean(flag, known)}")


def _check_key(key: str, known: set[str]) -> None:
    plain = key.lstrip("+~").partition("@")[0]
    free = (
        *("hydra", "model.dims.", "model.shapes.", "model.dtypes.", "site.grid_"),
        "target.provider_options.",
    )
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
    pieces = [value] if _is_there(value) else value.split(",")
    are_paths = [
        piece not in options(key)
        and ("/" in piece or piece.lower().endswith(SUFFIXES[key]) or _is_there(piece, a_file=True))
        for piece in pieces
    ]
    if not any(are_paths):
        return []
    if not all(are_paths):
        raise UsageError(f"{key}={value} mixes names and files: sweep over one kind at a time")
    return [_at_home(piece) for piece in pieces]


def _at_home(path: str) -> str:
    """The path with the home directory for a leading `~/`, unless a file is really named so."""
    if _is_there(path) or not path.startswith("~/"):
        return path
    return str(Path(path).expanduser())


def _is_there(path: str, *, a_file: bool = False) -> bool:
    """Whether a path exists; one too long or behind a closed folder does not."""
    try:
        return Path(path).is_file() if a_file else Path(path).exists()
    except (OSError, ValueError):
        return False


def _quoted(path: str) -> str:
    """A path as a quoted string of Hydra's override grammar."""
    # A backslash is itself, but doubles before what it could escape: an interpolation of
    # OmegaConf, then a quote or the end of Hydra's string.
    literal = re.sub(r"(\\*)\$\{", r"\1\1\\${", path)
    body = re.sub(r'(\\*)"', r'\1\1\\"', literal)
    tail = body[len(body.rstrip("\\")) :]
    return f'"{body}{tail}"'
