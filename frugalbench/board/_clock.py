"""How far the clock of a board is ahead of this machine's, and how well that is known."""

import contextlib
import time

from frugalbench.board._link import Link
from frugalbench.errors import MeasurementError

__all__ = ["offset_of"]

ROUNDS = 8


def offset_of(link: Link, words: list[str]) -> tuple[float, float]:
    """Ask for the time several times, and take the quickest answer (Cristian, 1989).

    Args:
        link: the way to the board.
        words: the command there that answers each line with its time, s since 1970.

    Returns:
        Seconds that the board's clock is ahead, and the most that this is off: half the round trip.

    Raises:
        MeasurementError: the board does not answer.
    """
    child = link.follow([*words, str(ROUNDS)])
    assert child.stdin is not None
    assert child.stdout is not None
    found = []
    try:
        for _ in range(ROUNDS):
            asked = time.time()
            child.stdin.write(b"\n")
            child.stdin.flush()
            told = child.stdout.readline()
            answered = time.time()
            found.append(((answered - asked) / 2, float(told) - (asked + answered) / 2))
    except (OSError, ValueError):
        raise MeasurementError(f"{link.host} does not tell its time: try ssh {link.host}") from None
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            # What was still to be written has no reader any more.
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
    error, ahead = min(found)
    return ahead, error
