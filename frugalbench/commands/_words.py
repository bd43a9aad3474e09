"""What commands that take Hydra's words have in common."""

from collections.abc import Iterable

__all__ = ["HYDRA_WORDS", "policy_named"]

NAMING = ("policy=", "policy.path=")
HYDRA_WORDS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}


def policy_named(words: Iterable[str]) -> str:
    """The policy that the settings name, by name or file, or the default."""
    from frugalbench import settings

    given = [word.partition("=")[2] for word in words if word.startswith(NAMING)]
    return given[-1].strip("'\"") if given else settings.DEFAULT_POLICY
