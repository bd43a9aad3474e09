"""Bring the agent to a board, once for each version of it."""

from frugalbench.board._files import Shelf
from frugalbench.board._link import Link
from frugalbench.board._look import Looked
from frugalbench.board._pack import pack
from frugalbench.errors import MeasurementError
from frugalbench.spec import Target

__all__ = ["bring_agent"]


def bring_agent(link: Link, shelf: Shelf, looked: Looked, target: Target) -> list[str]:
    """Bring and unpack the measuring part where it is not there yet.

    Returns:
        The words that run the agent on the board, to which a verb is added.

    Raises:
        MeasurementError: the board cannot keep it.
    """
    packed = pack()
    shelf.put({packed.sha256: packed.content})
    name = f"agent-{packed.sha256[:16]}"
    reply = shelf.ask("unpack", packed.sha256, name)
    if reply.code:
        raise MeasurementError(f"{link.host} cannot unpack the agent: {reply.last_words}")
    path = f"{looked.base}/{name}:{looked.site}"
    return ["env", f"PYTHONPATH={path}", target.python, "-P", "-m", "frugalbench.agent"]
