"""Every row is answered where there is time, and a random sample where there is not."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from _clock import MS, Time
from _faulty import softmax
from _records import make_record
from hypothesis import given, settings
from hypothesis import strategies as st

from frugalbench import assembly, jobs, runners
from frugalbench.bench import _rows
from frugalbench.bench._rows import Rows, answer_rows
from frugalbench.errors import MeasurementError
from frugalbench.jobs import Job
from frugalbench.record import Answer, Port
from frugalbench.spec import Data, Model, Plan, Spec

Array = npt.NDArray[Any]
ROW = 10 * MS


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time that answering takes is the session's alone."""
    clock = Time()
    watch = SimpleNamespace(monotonic=clock.seconds, perf_counter=clock.seconds)
    monkeypatch.setattr(_rows, "time", watch)
    return clock


class Session:
    """A model that doubles its input, a row at a time, and keeps the sizes of its calls."""

    bound, provider = False, "test"

    def __init__(self, clock: Time, row: int, answer: Callable[[Array], Array] | None = None):
        self._clock, self._row = clock, row
        self._answer = answer or (lambda x: 2 * x[:, 0])
        self.sizes = list[int]()

    def predict(self, feed: runners.Feed, outputs: tuple[str, ...]) -> runners.Outputs:
        self._clock.now += self._row * len(feed["x"])
        self.sizes.append(len(feed["x"]))
        return {name: self._answer(feed["x"]) + place for place, name in enumerate(outputs)}

    def bind(self, feed: runners.Feed) -> runners.Bound:
        raise NotImplementedError


def job_of(rows: int, *, batch: int = 1, first: int | str = "batch", **fields: Any) -> Job:
    answer = fields.pop("labels", None)
    return Job(
        spec=Spec(model=Model(path="m"), plan=Plan(seed=fields.pop("seed", 1))),
        ports=(Port(name="x", dtype="float", shape=(first, 2)),),
        answer=Answer(output="y", kind="value", how="by hand", labels=answer),
        rows=rows,
        batch=batch,
        inputs="data",
        **fields,
    )


def feed_of(rows: int) -> dict[str, Array]:
    return {"x": np.column_stack([np.arange(rows), np.zeros(rows)]).astype(np.float32)}


def nothing(stage: str, share: float) -> None:
    """Nobody hears of progress."""


def answered(
    clock: Time, rows: int, seconds: float, *, row: int = ROW, known: bool = True, **fields: Any
) -> tuple[Rows, Session]:
    session = Session(clock, row)
    job = job_of(rows, **fields)
    call_seconds = row * job.batch * 1e-9 if known else 0.0
    return answer_rows(job, feed_of(rows), session, nothing, seconds, call_seconds), session


# When there is time


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("batch", [1, 4, 7, 300])
def test_every_row_is_answered_in_order_where_there_is_time(
    clock: Time, batch: int, known: bool
) -> None:
    found, session = answered(clock, 1000, 1e6, row=10_000, batch=batch, known=known)
    assert found.chosen is None
    assert found.notes == ()
    assert found.arrays["output"].tolist() == [2.0 * row for row in range(1000)]
    # In pieces that grow, so that a thousand rows are not a thousand calls.
    assert len(session.sizes) < 100 or batch < 2
    assert max(session.sizes) == 256


def test_a_graph_that_fixes_its_batch_is_asked_in_that_batch(clock: Time) -> None:
    found, session = answered(clock, 10, 1e6, batch=4, first=4)
    assert found.arrays["output"].tolist() == [2.0 * row for row in range(10)]
    assert set(session.sizes) == {4}


def test_the_models_own_labels_are_answered_beside_its_scores(clock: Time) -> None:
    found, _ = answered(clock, 5, 1e6, labels="label")
    assert found.arrays["labels"].tolist() == [1, 3, 5, 7, 9]
    assert found.arrays["output"].tolist() == [0, 2, 4, 6, 8]


def test_without_labelled_rows_nothing_is_asked(clock: Time) -> None:
    found, session = answered(clock, 0, 1e6)
    assert (found.arrays, found.notes, found.chosen, session.sizes) == ({}, (), None, [])


def test_progress_goes_up_to_the_end(clock: Time) -> None:
    told = list[tuple[str, float]]()
    answer_rows(
        job_of(50),
        feed_of(50),
        Session(clock, ROW),
        lambda stage, share: told.append((stage, share)),
        1e6,
    )
    assert {stage for stage, _ in told} == {"answer"}
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_pieces_grow_while_they_are_quick(clock: Time) -> None:
    # A row takes a tenth of a second: two rows are quick, and four are not.
    _, session = answered(clock, 40, 1e6, row=100 * MS)
    assert session.sizes[-5:] == [4, 4, 4, 4, 1]


# When there is not


def test_a_random_sample_is_answered_in_the_time_there_is(clock: Time) -> None:
    begin = clock.now
    found, _ = answered(clock, 1000, 4.0)
    assert found.chosen is not None
    rows = found.chosen.tolist()
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(1000))
    assert found.arrays["output"].tolist() == [2.0 * row for row in rows]
    # Four seconds are four hundred rows, of which a third is kept back and some were tried.
    assert 200 < len(rows) < 267
    assert clock.now - begin <= 4000 * MS
    (note,) = found.notes
    assert note.startswith(f"{len(rows)} of 1,000 rows, drawn at random, were answered")
    assert "plan.max_seconds" in note


def test_a_sample_is_not_the_first_rows(clock: Time) -> None:
    found, _ = answered(clock, 1000, 4.0)
    assert found.chosen is not None
    tenths = np.bincount(found.chosen // 100, minlength=10)
    # Five standard deviations of a hypergeometric count of about 24.
    assert tenths.min() > 2
    assert tenths.max() < 46


def test_the_sample_comes_from_the_seed(clock: Time) -> None:
    one, two, other = (answered(clock, 1000, 4.0, seed=seed)[0].chosen for seed in (1, 1, 2))
    assert one is not None
    assert two is not None
    assert other is not None
    assert one.tolist() == two.tolist()
    assert one.tolist() != other.tolist()


def test_the_calls_of_a_slow_model_are_not_wasted_on_trials(clock: Time) -> None:
    # Three calls of a second fit in four, with a third of the time kept back.
    found, session = answered(clock, 1000, 4.5, row=1000 * MS)
    assert found.chosen is not None
    assert found.chosen.size == 3
    assert session.sizes == [1, 1, 1]


def test_a_slow_batch_answers_as_many_rows_as_it_holds(clock: Time) -> None:
    found, session = answered(clock, 1000, 13.0, row=1000 * MS, batch=4)
    assert found.chosen is not None
    assert found.chosen.size == 8
    assert session.sizes == [4, 4]


def test_one_row_is_answered_even_without_time(clock: Time) -> None:
    found, _ = answered(clock, 1000, 0.0, row=1000 * MS)
    assert found.chosen is not None
    assert found.chosen.size == 1
    assert found.notes[0].startswith("1 of 1,000 rows")


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 2000),
    row=st.integers(1000, 1000 * MS),
    seconds=st.floats(0, 30),
    batch=st.sampled_from([1, 3, 16]),
    first=st.sampled_from(["batch", "fixed"]),
    known=st.booleans(),
)
def test_answers_belong_to_their_rows_and_come_in_time(
    rows: int, row: int, seconds: float, batch: int, first: str, known: bool
) -> None:
    clock = Time()
    with pytest.MonkeyPatch.context() as patch:
        watch = SimpleNamespace(monotonic=clock.seconds, perf_counter=clock.seconds)
        patch.setattr(_rows, "time", watch)
        found, session = answered(
            clock,
            rows,
            seconds,
            row=row,
            batch=batch,
            first=batch if first == "fixed" else "batch",
            known=known,
        )
    taken = range(rows) if found.chosen is None else found.chosen.tolist()
    assert found.arrays["output"].tolist() == [2.0 * one for one in taken]
    assert (found.chosen is None) == (len(found.notes) == 0)
    assert found.chosen is None or 1 <= found.chosen.size < rows
    # Where the time of a call is known, no more than a call or two are late.
    late = (clock.now - Time().now) * 1e-9 - seconds
    assert not known or late <= 2 * max(session.sizes) * row * 1e-9


# Rows that lean on each other


def test_rows_are_asked_in_the_timed_batch_where_the_batch_matters(clock: Time) -> None:
    session = Session(clock, ROW, lambda x: x[:, 0] - x[:, 0].mean())
    found = answer_rows(job_of(40, batch=2), feed_of(40), session, nothing, 1e6)
    assert found.arrays["output"].tolist() == [-0.5, 0.5] * 20
    (note,) = found.notes
    assert "were answered 2 at a time, as timed" in note


def test_the_last_digits_of_a_float_do_not_matter(clock: Time) -> None:
    # What a runtime may do: another order of additions in another batch.
    session = Session(clock, 1000, lambda x: x[:, 0] * np.float32(1 + 1e-6 * (len(x) > 1)))
    assert answer_rows(job_of(40), feed_of(40), session, nothing, 1e6).notes == ()


@pytest.mark.parametrize("shape", [(), (3,), (1, 4)])
def test_an_output_that_is_not_one_answer_a_row_is_refused(
    clock: Time, shape: tuple[int, ...]
) -> None:
    session = Session(clock, ROW, lambda x: np.zeros(shape))
    with pytest.raises(MeasurementError, match="not one answer a row"):
        answer_rows(job_of(40, batch=2), feed_of(40), session, nothing, 1e6)


# The record of a sample


def test_the_record_holds_the_labels_and_groups_of_the_rows_that_were_answered(
    tmp_path: Path, clock: Time
) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 2)).astype(np.float32)
    y, g = rng.integers(0, 2, 300), rng.choice(["a", "b", "c"], 300)
    np.savez(tmp_path / "d.npz", x=x, y=y, g=g)
    spec = Spec(
        model=Model(path=str(softmax(tmp_path / "m.onnx"))),
        data=Data(path=str(tmp_path / "d.npz"), label="y", positive=1, groups=("g",)),
    )
    prepared = jobs.prepare(spec)
    real = runners.open_session(prepared.job.spec.model, prepared.job.spec.target)

    class Slow(Session):
        def predict(self, feed: runners.Feed, outputs: tuple[str, ...]) -> runners.Outputs:
            super().predict(feed, ())
            return real.predict(feed, outputs)

    found = answer_rows(prepared.job, prepared.feed, Slow(clock, ROW), nothing, 1.0, ROW * 1e-9)
    assert found.chosen is not None
    run = make_record(calls=10).run
    assert run is not None
    latencies = np.arange(10)
    arrays = {**found.arrays, "chosen": found.chosen, "latency_ns": latencies}
    record = assembly.assemble(prepared, run, arrays)
    chosen = found.chosen
    assert record.data is not None
    assert (record.data.rows, record.data.rows_in_file) == (chosen.size, 300)
    assert record.arrays["y_true"].tolist() == y[chosen].tolist()
    names = record.data.groups["g"]
    assert [names[code] for code in record.arrays["group:g"]] == g[chosen].tolist()
    assert record.arrays["y_pred"].tolist() == x[chosen].argmax(axis=1).tolist()
    assert record.arrays["score"].shape == (chosen.size, 2)
    assert "chosen" not in record.arrays
    # The classes are those of all rows, whichever were answered.
    assert record.data.classes == (0, 1)
    assert record.arrays["latency_ns"].tolist() == latencies.tolist()


def test_where_every_row_was_answered_nothing_is_left_out(tmp_path: Path, clock: Time) -> None:
    np.savez(tmp_path / "d.npz", x=np.eye(2, dtype=np.float32), y=np.array([0, 1]))
    spec = Spec(
        model=Model(path=str(softmax(tmp_path / "m.onnx"))),
        data=Data(path=str(tmp_path / "d.npz"), label="y"),
    )
    prepared = jobs.prepare(spec)
    session = runners.open_session(prepared.job.spec.model, prepared.job.spec.target)
    found = answer_rows(prepared.job, prepared.feed, session, nothing, 1e6)
    run = make_record(calls=10).run
    assert run is not None
    record = assembly.assemble(prepared, run, dict(found.arrays))
    assert record.data == prepared.data
    assert record.arrays["y_pred"].tolist() == record.arrays["y_true"].tolist() == [0, 1]
    assert msgspec.json.encode(record.run) == msgspec.json.encode(run)
