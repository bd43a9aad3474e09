"""How a measurement on a board ended."""

import msgspec

from frugalbench.agent._folder import File
from frugalbench.record import Failure, Host

__all__ = ["Ended"]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, the failure if any, and what was left."""

    host: Host
    failure: Failure | None
    files: tuple[File, ...]
