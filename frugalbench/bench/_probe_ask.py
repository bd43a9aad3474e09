"""Ask an open session about disturbed rows, in time, and read its answers."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench import answers, inputs, runners
from frugalbench.bench._rows import BYTES_A_PASS, QUICK_PASS, ROWS_A_PASS, Progress, piece
from frugalbench.jobs import Job

__all__ = ["Asker", "Late", "Outputs", "batch_of", "some"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Outputs = dict[str, Array]
TINY, SMALLEST = 1e-12, 1e-300


class Late(Exception):  # noqa: N818 - it ends a pass and is no error
    """There is no time left for the next call."""


class Asker:
    """Asks a session about rows until a time is over, and reads what it answers.

    `truth` are the labels of the rows: class codes, or numbers in a regression.
    """

    def __init__(
        self,
        job: Job,
        session: runners.Session,
        truth: Array,
        batch: int,
        progress: Progress,
    ) -> None:
        """Ask `batch` rows a call, which the graph must allow."""
        assert job.answer is not None, "there are answers to read"
        assert job.data is not None, "there are labels"
        self._job, self._session, self._progress = job, session, progress
        self._answer, self._data = job.answer, job.data
        self.truth = truth
        self.batch = batch
        self.is_regression = job.answer.kind == "value"

    def outputs(
        self,
        feed: Mapping[str, Array],
        until: float,
        *,
        batch: int | None = None,
        session: runners.Session | None = None,
    ) -> Outputs:
        """The model's outputs for every row of a feed.

        Raises:
            Late: it is past `until` (monotonic clock, s) before all are asked.
            MeasurementError: the runtime refuses the inputs.
        """
        ports, names = self._job.ports, self._answer.outputs
        whole = any(inputs.is_whole(port, feed[port.name]) for port in ports)
        rows, step = min(len(one) for one in feed.values()), batch or self.batch
        free = inputs.is_free(ports, feed)
        found: dict[str, list[Array]] = {name: [] for name in names}
        for start in range(0, rows, step):
            if time.monotonic() >= until:
                raise Late
            self._progress("probe", start / rows)
            asked = min(step, rows - start) if free else step
            given = inputs.rows_of(ports, feed, start, asked)
            for name, one in (session or self._session).predict(given, names).items():
                found[name].append(piece(name, one, asked, whole)[: rows - start])
        joined = [np.concatenate(found[name]) for name in names]
        return dict(zip(("output", "labels"), joined, strict=False))

    def read(self, outputs: Outputs) -> dict[str, Array]:
        """Class codes and scores, or numbers.

        Raises:
            UsageError: none of the answers is one of the classes.
        """
        threshold = self._job.spec.model.threshold
        labels = outputs.get("labels")
        return answers.decode(outputs["output"], self._answer, self._data, threshold, labels)

    def answers(self, outputs: Outputs) -> Array:
        """Class codes int64 (rows,), or numbers float64 (rows,)."""
        return self.read(outputs)["value" if self.is_regression else "y_pred"]

    def losses(self, outputs: Outputs) -> Floats:
        """How wrong each answer is: 1 or 0, or the absolute error; float64 (rows,)."""
        given = self.answers(outputs)
        if self.is_regression:
            return np.asarray(np.abs(given - self.truth))
        return np.asarray(given != self.truth, np.float64)

    def margins(self, outputs: Outputs, rows: npt.NDArray[np.int64]) -> tuple[Floats, Array]:
        """How far the answers to some rows are from being wrong, and the answers.

        Above 0 is right. With scores it is the lead of the true class over the next one, or over
        the threshold, in logarithms. A regression is never wrong, only less right.
        """
        read, truth = self.read(outputs), self.truth[rows]
        if self.is_regression:
            return 1 / (1 + np.abs(read["value"] - truth)), read["value"]
        given = read["y_pred"]
        right = given == truth
        if "score" not in read:
            return np.where(right, 1.0, -1.0), given
        lead = self._lead(read["score"], truth)
        # A tie, or labels of the model's own, may say otherwise than the scores.
        return np.where(right, np.fmax(lead, TINY), np.fmin(lead, -TINY)), given

    def _lead(self, score: Floats, truth: Array) -> Floats:
        """By how much the log probability of the true class leads.

        A probability that has come to 1 hides a step towards the boundary; the logarithm of the
        other ones shows it.
        """
        places = np.arange(truth.size)
        logs = np.log(np.fmax(score, SMALLEST))
        logs[np.isnan(score).any(axis=1)] = np.nan
        positive = self._data.positive
        if positive is not None:
            threshold = self._job.spec.model.threshold
            over = logs[:, positive] - logs[:, 1 - positive] - np.log(threshold / (1 - threshold))
            return np.asarray(np.where(truth == positive, over, -over))
        others = logs.copy()
        others[places, truth] = -np.inf
        lead: Floats = logs[places, truth] - others.max(axis=1)
        return lead


def batch_of(job: Job, feed: Mapping[str, Array], row_seconds: float, *, company: bool) -> int:
    """How many rows to ask at a time: as many as are quick, and as the graph allows."""
    if company or not inputs.is_free(job.ports, feed):
        return job.batch
    row_bytes = max(1, sum(feed[port.name][:1].nbytes for port in job.ports))
    quick = int(QUICK_PASS / max(row_seconds, 1e-9))
    return max(1, min(ROWS_A_PASS, BYTES_A_PASS // row_bytes, quick))


def some(feed: Mapping[str, Array], rows: Sequence[int] | Array, whole: int) -> dict[str, Array]:
    """These rows of every input; what is one input for all `whole` rows stays."""
    return {
        name: np.asarray(array) if len(array) < whole else np.asarray(array[rows])
        for name, array in feed.items()
    }
