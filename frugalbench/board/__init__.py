"""Measure on a board over ssh: the same job, worker and observations as on this machine.

Timing is taken by the board alone. The host brings the measuring part of this package, the model
and the inputs, starts a measurement that needs no connection, follows it, and brings back what it
left. The rows are taken off the board again; the model and the measuring part stay for next time.
"""

import secrets
import time
from pathlib import Path

import msgspec

from frugalbench import models
from frugalbench.agent._ended import Ended
from frugalbench.agent._folder import File, Order
from frugalbench.attend import JOB, RUN
from frugalbench.bench import Progress
from frugalbench.board import _files
from frugalbench.board._clock import offset_of
from frugalbench.board._doctor import examine
from frugalbench.board._files import Shelf
from frugalbench.board._follow import Follower
from frugalbench.board._link import Link, LinkLostError
from frugalbench.board._look import check, look
from frugalbench.board._open import bring_agent
from frugalbench.errors import MeasurementError
from frugalbench.jobs import Job
from frugalbench.record import Failure, Host, Run
from frugalbench.spec import Target
from frugalbench.spool import read_arrays

__all__ = ["Board", "LinkLostError", "examine"]

LEASE = 120.0
"""Seconds that nobody is heard of, after which a measurement on a board ends itself."""


class Board:
    """An open board. Close it, or use it as a context."""

    def __init__(self, target: Target) -> None:
        """Connect, look, and bring the agent.

        Raises:
            UsageError: the target names no host that ssh could take.
            MeasurementError: it cannot be reached, or lacks what is needed.
        """
        self._target = target
        self._link = Link(target.host or "", target.ssh_config)
        self._shelf = Shelf(self._link, target.cache, target.python)
        self._rows: set[str] = set()
        self.machine: Host | None = None
        try:
            self.looked = look(self._shelf)
            check(self.looked, target)
            self._bring_agent()
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> "Board":
        """The board."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Clean up and close."""
        self.close()

    def close(self) -> None:
        """Take the rows off the board, and end the connection."""
        try:
            if self._rows:
                self._shelf.ask("drop", *sorted(self._rows))
        except MeasurementError:
            # What is left there is named by digests, and goes with the next measurement.
            pass
        finally:
            self._link.close()

    def _bring_agent(self) -> None:
        self._agent = bring_agent(self._link, self._shelf, self.looked, self._target)
        reply = self._link.run([*self._agent, "machine"])
        if reply.code:
            raise MeasurementError(
                f"the agent does not start on {self._link.host}: {reply.last_words}"
            )
        self.machine = msgspec.json.decode(reply.out, type=Host)

    def attend(self, folder: Path, job: Job, late: float, progress: Progress) -> Failure | None:
        """Measure the job of a folder on the board, and leave there what a worker here would leave.

        Args:
            folder: the job's, with its arrays.
            job: what is asked; `deadline` is by this machine's clock.
            late: when the measurement is given up, by this machine's monotonic clock, s.
            progress: told what the board says.

        Raises:
            LinkLostError: the board cannot be reached before anything was started there.
        """
        there = f"{self.looked.base}/jobs/{secrets.token_hex(8)}"
        ours, wanted = self._wanted(folder, job)
        progress("send", 0.0)
        self._shelf.put(wanted)
        log = Path(job.spec.target.meter_log) if job.spec.target.meter_log else None
        if log is not None:
            job = self._with_clock(job)
        now = time.monotonic()
        order = Order(
            job=msgspec.Raw(msgspec.json.encode(self._told(job))),
            files=ours,
            seconds=(job.deadline or late) - now,
            late=late - now,
            lease=LEASE,
        )
        words = [*self._agent, "start", there, f"{self.looked.base}/blobs"]
        reply = self._link.run(words, given=msgspec.json.encode(order))
        if reply.code:
            raise MeasurementError(f"{self._link.host} cannot start it: {reply.last_words}")
        try:
            follower = Follower(self._link, [*self._agent, "follow", there], log)
            failure = follower.until_over(late, progress)
            return failure or self._bring_back(there, folder)
        finally:
            self._end(there)

    def _wanted(self, folder: Path, job: Job) -> tuple[dict[str, str], dict[str, Path | bytes]]:
        """Digests by the name a file has on the board, and where each is here."""
        named = {one.name: one for one in folder.iterdir() if _is_input(one)}
        names, places = dict[str, str](), dict[str, Path | bytes]()
        for name, path in named.items():
            digest = File.of(path).sha256
            names[name], places[digest] = digest, path
            self._rows.add(digest)
        model = Path(job.spec.model.path)
        for path, name in _model_files(model):
            digest = File.of(path).sha256
            names[f"model/{name}"], places[digest] = digest, path
        return names, places

    def _told(self, job: Job) -> Job:
        """The job without what only this machine has."""
        spec = job.spec
        model = msgspec.structs.replace(
            spec.model, path=f"model/{Path(spec.model.path).name}", card=None
        )
        target = msgspec.structs.replace(spec.target, host=None, ssh_config=None)
        return msgspec.structs.replace(
            job, spec=msgspec.structs.replace(spec, model=model, target=target), deadline=None
        )

    def _with_clock(self, job: Job) -> Job:
        """The job with a log's clock told from the board's, which is compared with this one's."""
        ahead, error = offset_of(self._link, [*self._agent, "clock"])
        target = msgspec.structs.replace(
            job.spec.target,
            meter_log_offset=job.spec.target.meter_log_offset - ahead,
            meter_log_error=job.spec.target.meter_log_error + error,
        )
        return msgspec.structs.replace(job, spec=msgspec.structs.replace(job.spec, target=target))

    def _bring_back(self, there: str, folder: Path) -> Failure | None:
        reply = self._patiently([*self._agent, "ended", there])
        try:
            ended = msgspec.json.decode(reply, type=Ended)
        except msgspec.DecodeError as error:
            raise MeasurementError(self._nonsense(error)) from None
        self.machine = ended.host
        for one in ended.files:
            if "/" in one.name or one.name in ("", ".", "..", JOB):
                raise MeasurementError(f"{self._link.host} sends a file that nobody asked for")
        _files.fetch(self._link, [*self._agent, "send", there], ended.files, folder)
        if ended.failure is None:
            self._check(folder)
        return ended.failure

    def _check(self, folder: Path) -> None:
        """Read what came once, so that nothing of it surprises who reads it later."""
        try:
            msgspec.json.decode((folder / RUN).read_bytes(), type=Run)
            read_arrays(folder, "out")
        except (msgspec.DecodeError, OSError, ValueError, TypeError) as error:
            raise MeasurementError(self._nonsense(error)) from None

    def _nonsense(self, error: Exception) -> str:
        return (
            f"{self._link.host} sends what no agent of this version does ({error}): measure again"
        )

    def _patiently(self, words: list[str]) -> bytes:
        for _ in range(_files.TRIES):
            try:
                return self._link.run(words).out
            except LinkLostError:
                self._link.reset()
        return self._link.run(words).out

    def _end(self, there: str) -> None:
        """Leave nothing running and no folder; the lease does it where the link is gone."""
        try:
            self._link.run([*self._agent, "end", there])
        except LinkLostError:
            return


def _is_input(path: Path) -> bool:
    """Whether a file of a job's folder is an array, or a list of arrays, that a worker reads."""
    stem = path.stem.rstrip("0123456789")
    return stem in ("in", "truth", "trained") and path.suffix in (".npy", ".json")


def _model_files(model: Path) -> list[tuple[Path, str]]:
    """The graph and the files of weights beside it, by the names the graph knows them by."""
    return [(model.parent / one, one) for one in models.parts(model)]
