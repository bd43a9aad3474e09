"""The keys of a YAML text and what they hold, from a file nobody vouches for."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from frugalbench.errors import UsageError

__all__ = ["pairs"]

EMPTY = ("", "~", "null", "true", "false", "yes", "no", "[]", "{}")
"""Scalars that are no text of their own."""


@cache
def _text_loader() -> Any:
    """YAML whose scalars are all text, so that nothing is constructed; it accepts no alias."""
    # A worker, which reads no card, has no need of the package.
    import yaml

    class TextLoader(yaml.BaseLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("aliases (*name) are not accepted here")
            return super().compose_node(parent, index)

    return TextLoader


def pairs(text: str, path: str) -> list[tuple[str, list[str]]]:
    """Every key at any depth with the scalars under it, those of its own keys included.

    Raises:
        UsageError: the text is not readable YAML, or too deeply nested.
    """
    import yaml

    try:
        return list(_pairs(yaml.load(text, Loader=_text_loader())))  # noqa: S506 - it makes text only
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise UsageError(f"the YAML of card {path} cannot be read: {first}; correct it") from None


def _pairs(value: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, list):
        for one in value:
            yield from _pairs(one)
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key), [text for text in _scalars(one) if text.lower() not in EMPTY]
            yield from _pairs(one)


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _scalars(one)
    else:
        yield str(value)
