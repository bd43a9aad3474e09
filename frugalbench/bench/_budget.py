"""How long each step of a process may take, so that all of them end in time."""

import time

from frugalbench.jobs import Job

__all__ = ["Budget"]

WARM_SHARE, IDLE_SHARE, CHECK_SHARE, BIND_SHARE = 0.15, 0.1, 0.15, 0.1
WANTED_QUERIES = 64
MOST_CHECK_SECONDS, MOST_METER_SECONDS = 5.0, 10.0


class Budget:
    """How long each step of a process may take, so that all end in time."""

    def __init__(self, job: Job, until: float) -> None:
        """Share the time until `until` (monotonic, s) among the steps."""
        self._plan = job.spec.plan
        self._until = until
        self.total = max(0.0, until - time.monotonic())

    def left(self) -> float:
        """Seconds until the end."""
        return max(0.0, self._until - time.monotonic())

    @property
    def bind(self) -> float:
        """For binding inputs."""
        return min(self._plan.warmup_seconds, BIND_SHARE * self.total)

    @property
    def warmup(self) -> float:
        """For warming up."""
        return min(self._plan.warmup_seconds, WARM_SHARE * self.total)

    @property
    def idle(self) -> float:
        """For standing idle, before and after."""
        return min(self._plan.idle_seconds, IDLE_SHARE * self.total)

    @property
    def checks(self) -> float:
        """For the rounds of the checks."""
        return min(MOST_CHECK_SECONDS, CHECK_SHARE * self.total)

    def timed(self, needed: float, call_seconds: float, after: float = 0.0) -> tuple[float, float]:
        """For timing: how long to time, and the most it may take.

        `needed` is what meters need, and `after` what the checks take that follow. A slow model
        uses the time there is until all processes together have asked enough for a 90th
        percentile.
        """
        # The last call may begin just before the end.
        room = max(0.0, self.left() - self.idle - after - call_seconds)
        if self._plan.scenario == "server":
            # A queue may outlive its schedule by a tenth.
            room /= 1.1
        enough = WANTED_QUERIES / self._plan.processes * call_seconds
        wanted = max(self._plan.process_seconds, self._plan.min_seconds)
        wanted = max(wanted, min(needed, MOST_METER_SECONDS), enough)
        return min(wanted, room), room
