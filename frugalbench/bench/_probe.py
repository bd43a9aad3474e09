"""Extra passes over some rows, by the session that was timed, once the timing is over."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from frugalbench import inputs, probes, runners
from frugalbench.bench._probe_ask import Asker, Late, Outputs, batch_of, some
from frugalbench.bench._probe_importance import importance
from frugalbench.bench._probe_plan import (
    LATE,
    REPEAT_SECONDS,
    as_array,
    line,
    no_rows,
    nothing,
    numbered,
    picked_rows,
    searches,
)
from frugalbench.bench._probe_repeat import repeats
from frugalbench.bench._rows import Progress, Rows
from frugalbench.errors import FrugalbenchError
from frugalbench.jobs import Job
from frugalbench.probes import Found, Probe, Whole
from frugalbench.record import Pass, Probed
from frugalbench.spec import Perturbation, Probes

__all__ = ["probe"]

Array = npt.NDArray[Any]


def probe(
    job: Job,
    feed: Mapping[str, Array],
    truth: Array,
    session: runners.Session,
    rows: Rows,
    progress: Progress,
    until: float,
    *,
    load_seconds: float,
    call_seconds: float,
) -> dict[str, Array]:
    """Disturb some rows in every way asked for, and ask them again.

    Args:
        job: what is asked; it has an answer and labelled rows.
        feed: every row of every input.
        truth: the labels of every row: class codes, or numbers in a regression.
        session: the session that was timed.
        rows: what was answered to them before.
        progress: called with the stage `probe`.
        until: when all must be over, seconds of the monotonic clock.
        load_seconds: how long opening the session took.
        call_seconds: about how long a call of the job's batch takes.

    Returns:
        The arrays `probe:rows`, `probe:<i>:y_pred` or `probe:<i>:value`, and `importance`; and as
        `probed` what was made and what was not, and why.
    """
    places = rows.chosen if rows.chosen is not None else np.arange(job.rows)
    batch = batch_of(job, feed, call_seconds / job.batch, company=rows.company)
    trial = Asker(job, session, truth[places], batch, progress)
    try:
        if time.monotonic() + call_seconds > until:
            raise Late
        picked = picked_rows(job, feed, places, trial, until)
    except (Late, FrugalbenchError, MemoryError) as error:
        return nothing(job, LATE if isinstance(error, Late) else line(error))
    drawn = places[picked]
    asker = Asker(job, session, truth[drawn], batch, progress)
    passes = _Passes(job, feed, some(feed, drawn, job.rows), asker, until)
    made = passes.all(load_seconds, call_seconds)
    if picked.size < min(places.size, job.spec.probes.rows):
        note = (
            f"{picked.size:,} rows were probed in the time and memory there were; raise "
            "probes.seconds and plan.max_seconds for more"
        )
        made = msgspec.structs.replace(made, notes=(*made.notes, note))
    return {**passes.arrays, "probe:rows": picked, **as_array(made)}


@dataclass(slots=True)
class _Passes:
    """The passes over the rows that were drawn, and the arrays they leave."""

    job: Job
    whole_feed: Mapping[str, Array]
    feed: Mapping[str, Array]
    asker: Asker
    until: float
    arrays: dict[str, Array] = field(default_factory=dict)
    wholes: dict[str, Whole] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def all(self, load_seconds: float, call_seconds: float) -> Probed:
        """Every pass: the rows again, disturbed ones, shuffled features, and searches last."""
        asked = self.job.spec.probes
        try:
            before = self.asker.outputs(self.feed, self.until)
            seed = self.job.spec.plan.seed
            self.wholes = {
                name: Whole(one, (seed, place))
                for place, (name, one) in enumerate(self.whole_feed.items())
            }
            told = self._again(before, load_seconds, call_seconds) if asked.reproduce else ()
        except (Late, FrugalbenchError, MemoryError) as error:
            made = no_rows(self.job, LATE if isinstance(error, Late) else line(error))
            return msgspec.structs.replace(made, rows=len(self.asker.truth))
        passes = self._disturbed(asked)
        features: tuple[str, ...] = ()
        rounds = 0
        if asked.shuffles:
            features, rounds = self._importance(before, asked.shuffles, bool(searches(asked)))
        passes |= self._searched(asked)
        return Probed(
            rows=len(self.asker.truth),
            passes=tuple(passes[number] for number in sorted(passes)),
            repeats=told,
            features=features,
            shuffles=rounds,
            notes=tuple(self.notes),
        )

    def _again(self, before: Outputs, load_seconds: float, call_seconds: float) -> Any:
        asked = self.job.spec.probes
        now = time.monotonic()
        most = self.until if not (asked.perturb or asked.shuffles) else now + REPEAT_SECONDS
        found, notes = repeats(
            self.asker,
            self.job.spec,
            self.feed,
            before,
            min(self.until, max(most, now + (self.until - now) / 4)),
            free=inputs.is_free(self.job.ports, self.feed),
            load_seconds=load_seconds,
            call_seconds=call_seconds,
        )
        self.notes += notes
        return found

    def _disturbed(self, asked: Probes) -> dict[int, Pass]:
        made = {}
        for number, one, severity in numbered(asked):
            found = probes.open_probe(one.kind)
            if found.disturb is not None:
                made[number] = self._pass(number, one, found, severity, self.until)
        return made

    def _searched(self, asked: Probes) -> dict[int, Pass]:
        made = {}
        waiting = searches(asked)
        for place, (number, one, severity) in enumerate(waiting):
            now = time.monotonic()
            share = now + (self.until - now) / (len(waiting) - place)
            found = probes.open_probe(one.kind)
            made[number] = self._pass(number, one, found, severity, share)
        return made

    def _pass(
        self, number: int, one: Perturbation, found: Probe, severity: float, until: float
    ) -> Pass:
        """One pass; what keeps it from being made is its reason, and no error."""
        seed = (self.job.spec.plan.seed + number + 1) % 2**32
        told = Pass(kind=one.kind, severity=severity, unit=found.unit, seed=seed)
        fit, why = self._fitting(one, found)
        if why:
            return msgspec.structs.replace(told, reason=why)
        rng, queries = np.random.default_rng(seed), 0
        try:
            if found.search is not None:
                searched = self._search(found, fit, severity, rng, until)
                given, queries = searched.answers, searched.queries
                if given is None:
                    raise Late
            else:
                assert found.disturb is not None, "a probe disturbs or searches"
                moved = {
                    name: found.disturb(self.feed[name], severity, rng, self.wholes[name])
                    for name in fit
                }
                given = self.asker.answers(self.asker.outputs({**self.feed, **moved}, until))
        except Late:
            return msgspec.structs.replace(told, reason=LATE)
        except (FrugalbenchError, MemoryError) as error:
            return msgspec.structs.replace(told, reason=line(error))
        own = "value" if self.asker.is_regression else "y_pred"
        self.arrays[f"probe:{number}:{own}"] = given
        return msgspec.structs.replace(told, inputs=fit, queries=queries)

    def _fitting(self, one: Perturbation, found: Probe) -> tuple[tuple[str, ...], str]:
        """The inputs to disturb, or why there is none; each one that was named must fit."""
        names = one.inputs or tuple(self.feed)
        unfit = {name: why for name in names if (why := found.unfit(self.wholes[name]))}
        fit = tuple(name for name in names if name not in unfit)
        if fit and not (one.inputs and unfit):
            return fit, ""
        name, why = next(iter(unfit.items()))
        return (), f"{one.kind} does not fit '{name}': {why}"

    def _search(
        self,
        found: Probe,
        names: tuple[str, ...],
        severity: float,
        rng: np.random.Generator,
        until: float,
    ) -> Found:
        assert found.search is not None, "it searches"
        total = len(self.asker.truth)

        def ask(feed: Mapping[str, Array], rows: npt.NDArray[np.int64]) -> Any:
            rest = {name: one for name, one in self.feed.items() if name not in feed}
            try:
                outputs = self.asker.outputs({**some(rest, rows, total), **feed}, until)
            except Late:
                return None
            return self.asker.margins(outputs, rows)

        given = {name: self.feed[name] for name in names}
        wholes = {name: self.wholes[name] for name in names}
        return found.search(ask, given, severity, rng, wholes, self.job.spec.probes.queries)

    def _importance(
        self, before: Outputs, shuffles: int, more_to_come: bool
    ) -> tuple[tuple[str, ...], int]:
        now = time.monotonic()
        until = now + (self.until - now) / (2 if more_to_come else 1)
        seed = (self.job.spec.plan.seed + 2**31) % 2**32
        facts = self.job.data
        try:
            found = importance(
                self.asker,
                self.feed,
                before,
                self.wholes,
                shuffles,
                np.random.default_rng(seed),
                until,
                columns=facts.features if facts else (),
            )
        except (FrugalbenchError, MemoryError) as error:
            self.notes.append(f"no feature was shuffled: {line(error)}")
            return (), 0
        if isinstance(found, str):
            self.notes.append(f"no feature was shuffled: {found}")
            return (), 0
        self.arrays["importance"] = found.array
        if found.rounds < shuffles:
            self.notes.append(
                f"each feature was shuffled {found.rounds} times in the time there was, not "
                f"{shuffles}"
            )
        return found.features, found.rounds
