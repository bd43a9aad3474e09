"""From what a person types to what Hydra reads: bare paths, suggestions, the demonstration."""

from collections.abc import Sequence
from pathlib import Path

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.settings import PARTS, options, skeleton

__all__ = ["SUFFIXES", "translate"]

FLAGS_WITH_VALUE = {
    *("--cfg", "-c", "--info", "-i", "--package", "-p"),
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
}
SUFFIXES = {
    "model": (".onnx",),
    "data": (".csv", ".parquet", ".npz"),
    "policy": (".yaml", ".yml"),
}


def translate(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The primary configuration and Hydra's words for what the user wrote.

    A bare path as `model=`, `data=` or `policy=` becomes the group's `file` option and a quoted
    path. Without a model and data, the demonstration is meant.
    """
    known = _known_keys()
    words: list[str] = []
    for before, word in zip(["", *arguments], arguments, strict=False):
        key, given, value = word.partition("=")
        if word.startswith("-") or before in FLAGS_WITH_VALUE:
            words.append(word)
            continue
        if not given and not word.startswith("~"):
            raise UsageError(f"'{word}' is neither a stored record nor KEY=VALUE; see --help")
        _check_key(key, known)
        paths = _paths(key, value)
        if paths:
            words += [f"{key}=file", f"{key}.path={','.join(map(_quoted, paths))}"]
        else:
            words.append(word)
    chosen = {word.partition("=")[0] for word in words}
    return ("config" if chosen & {"model", "data"} else "demo"), words


def _known_keys() -> set[str]:
    settings = skeleton()
    keys = set(settings)
    for part in PARTS:
        keys |= {f"{part}.{key}" for key in settings[part]}
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
    return [_at_home(piece) for piece in pieces]


def _at_home(path: str) -> str:
    """The path with the home directory for a leading `~/`, unless a file is really named so."""
    if Path(path).exists() or not path.startswith("~/"):
        return path
    return str(Path(path).expanduser())


def _quoted(path: str) -> str:
    """A path as a quoted string of Hydra's override grammar."""
    # In a quoted string a backslash is itself except before a quote, and doubles at the end.
    body = path.replace('"', '\\"')
    tail = body[len(body.rstrip("\\")) :]
    return f'"{body}{tail}"'
