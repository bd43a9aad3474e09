"""What a board can measure, and what it lacks."""

import msgspec

from frugalbench.board._files import Shelf
from frugalbench.board._install import install
from frugalbench.board._link import Link, LinkLostError
from frugalbench.board._look import LEAST_PYTHON, MARGIN, Looked, lacking, look
from frugalbench.board._open import bring_agent
from frugalbench.doctor import Check
from frugalbench.errors import MeasurementError
from frugalbench.spec import Target

__all__ = ["examine"]


def examine(target: Target, *, bring: bool = False) -> tuple[Check, ...]:
    """Look at a board: what it is, what it has, and what its meters read.

    Args:
        target: names the host.
        bring: bring what is missing, from this machine.

    Raises:
        UsageError: the target names no host.
        MeasurementError: what is missing cannot be brought.
    """
    with Link(target.host or "", target.ssh_config) as link:
        shelf = Shelf(link, target.cache, target.python)
        try:
            looked = look(shelf)
        except LinkLostError as error:
            return (Check(subject="ssh", state="missing", detail=str(error)),)
        except MeasurementError as error:
            return (Check(subject="python", state="missing", detail=str(error)),)
        brought: tuple[str, ...] = ()
        if bring and looked.python >= LEAST_PYTHON and (missing := lacking(looked)):
            brought = install(shelf, missing, looked)
            looked = look(shelf)
        checks = [
            Check(subject="ssh", state="ok", detail=f"{target.host} answers"),
            _python(looked),
            *_packages(looked, target, brought),
            _disk(looked),
        ]
        if all(one.state == "ok" for one in checks):
            agent = bring_agent(link, shelf, looked, target)
            reply = link.run([*agent, "doctor"], seconds=120.0)
            if reply.code:
                detail = f"it does not start: {reply.last_words}"
                return (*checks, Check(subject="agent", state="missing", detail=detail))
            checks += msgspec.json.decode(reply.out, type=list[Check])
        return tuple(checks)


def _python(looked: Looked) -> Check:
    version = ".".join(map(str, looked.python))
    detail = f"{version} on {looked.system} {looked.machine}, {looked.libc or 'C library unknown'}"
    if looked.python >= LEAST_PYTHON:
        return Check(subject="python", state="ok", detail=detail)
    unlock = "install Python 3.11 or later there, and name it with target.python=…"
    return Check(subject="python", state="missing", detail=detail, unlock=unlock)


def _packages(looked: Looked, target: Target, brought: tuple[str, ...]) -> list[Check]:
    checks = []
    for name, version in looked.packages.items():
        wheel = next((one for one in brought if one.startswith(f"{name}-")), "")
        if version is not None:
            detail = f"{version}, brought as {wheel}" if wheel else version
            checks.append(Check(subject=name, state="ok", detail=detail))
            continue
        unlock = f"frugalbench doctor target={target.name} host={target.host} --install"
        checks.append(Check(subject=name, state="missing", detail="not installed", unlock=unlock))
    return checks


def _disk(looked: Looked) -> Check:
    detail = f"{looked.free >> 20} MiB free under {looked.base}"
    if looked.free >= MARGIN:
        return Check(subject="disk", state="ok", detail=detail)
    unlock = f"{MARGIN >> 20} MiB are needed: free some space, or set target.cache=…"
    return Check(subject="disk", state="missing", detail=detail, unlock=unlock)
